//! Which runs are shown: those that hold every word searched for and bear every tag chosen.

use std::collections::BTreeMap;

use egui::{Button, TextEdit, Ui};

use crate::app::theme::size;
use crate::project::runs::{RunEntry, RunList};

/// What is searched for.
#[derive(Debug, Default)]
pub(super) struct Filter {
    words: String,
    tags: Vec<String>,
}

impl Filter {
    /// Draws the search field, and every tag that a run bears.
    pub fn ui(&mut self, ui: &mut Ui, list: &RunList) {
        ui.horizontal_wrapped(|ui| {
            let field = TextEdit::singleline(&mut self.words)
                .hint_text("Search name, model, data, tags, notes")
                .desired_width(300.0)
                .align(egui::Align2::LEFT_CENTER)
                .min_size(egui::vec2(0.0, size::CONTROL));
            ui.add(field).accessible_name("Search runs");
            let tags = tags(list);
            self.tags.retain(|tag| tags.contains_key(tag.as_str()));
            for (tag, runs) in tags {
                self.tag_ui(ui, tag, runs);
            }
        });
    }

    fn tag_ui(&mut self, ui: &mut Ui, tag: &str, runs: usize) {
        let is_on = self.tags.iter().any(|other| other == tag);
        let button = Button::selectable(is_on, format!("{tag} ({runs})")).frame_when_inactive(true);
        let response = ui.add(button).on_hover_text("Shows only runs with this tag");
        if response.clicked() {
            if is_on {
                self.tags.retain(|other| other != tag);
            } else {
                self.tags.push(tag.to_owned());
            }
        }
        response.accessible_name(format!("Only runs tagged {tag}"));
    }

    /// The runs of a list that are shown.
    pub fn matching<'a>(&self, list: &'a RunList) -> Vec<&'a RunEntry> {
        let words: Vec<String> = self.words.split_whitespace().map(str::to_lowercase).collect();
        list.runs.iter().filter(|run| self.bears_tags(run) && holds(run, &words)).collect()
    }

    fn bears_tags(&self, run: &RunEntry) -> bool {
        self.tags.iter().all(|tag| run.notes.tags.contains(tag))
    }
}

/// Whether a run's words hold each of `words`, which are in small letters.
fn holds(run: &RunEntry, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let mut text = format!("{}\n{}\n{}\n", run.name, run.file.model.name, run.notes.note);
    text += &run.data_names().join("\n");
    text.push('\n');
    text += &run.notes.tags.join("\n");
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

/// Every tag in use with its number of runs, by name.
fn tags(list: &RunList) -> BTreeMap<&str, usize> {
    let mut tags = BTreeMap::new();
    for tag in list.runs.iter().flat_map(|run| &run.notes.tags) {
        *tags.entry(tag.as_str()).or_default() += 1;
    }
    tags
}
