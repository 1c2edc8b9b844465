//! Which adapters are compared: the loaded one, runs of the list, and any folder.

use std::path::PathBuf;

use egui::{ComboBox, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::widgets::buttons::{self, chevron};
use crate::app::widgets::figures::file_name;
use crate::app::widgets::path_field::{PathAction, path_field, typed_path};
use crate::worker::protocol::Request;

/// The list of adapters.
#[derive(Default)]
pub struct Choosing {
    pub chosen: Vec<PathBuf>,
    typed: String,
    has_asked: bool,
}

impl Choosing {
    /// Draws the list and what adds to it. Gives back whether the comparison is asked for.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) -> bool {
        if !std::mem::replace(&mut self.has_asked, true) && cx.state.runs.list.is_none() {
            cx.request(Request::ListRuns { folder: cx.persisted.run_parent.clone() });
        }
        let mut gone = None;
        for (index, path) in self.chosen.iter().enumerate() {
            ui.horizontal(|ui| {
                let name = file_name(path);
                if Icon::Close.small_button(ui, &format!("Take {name} off the list")).clicked() {
                    gone = Some(index);
                }
                ui.label(name).on_hover_text(path.display().to_string());
            });
        }
        if let Some(index) = gone {
            self.chosen.remove(index);
        }
        ui.horizontal_wrapped(|ui| {
            self.runs_ui(ui, cx);
            let loaded = cx.state.adapter.as_ref().and_then(|adapter| adapter.path.clone());
            if let Some(path) = loaded.filter(|path| !self.chosen.contains(path))
                && buttons::secondary(ui, Icon::Plus, "Add the loaded adapter", true).clicked()
            {
                self.chosen.push(path);
            }
        });
        let action =
            path_field(ui, "Another adapter", "Folder of an adapter, a checkpoint or a run", &mut self.typed, &[]);
        if action == PathAction::Entered
            && let Some(path) = typed_path(&self.typed).filter(|path| !self.chosen.contains(path))
        {
            self.chosen.push(path);
            self.typed.clear();
        }
        buttons::primary(ui, Icon::Search, "Compare", !self.chosen.is_empty()).clicked()
    }

    fn runs_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let runs = cx.state.runs.list.iter().flat_map(|list| &list.runs);
        let runs: Vec<_> =
            runs.filter(|run| run.last_checkpoint.is_some() && !self.chosen.contains(&run.path)).collect();
        if runs.is_empty() {
            return;
        }
        let mut added = None;
        let combo = ComboBox::from_id_salt("add a run").selected_text("Add a run").width(180.0).icon(chevron);
        let shown = combo.show_ui(ui, |ui| {
            for run in runs {
                if ui.selectable_label(false, &run.name).clicked() {
                    added = Some(run.path.clone());
                }
            }
        });
        shown.response.accessible_name("Add a run");
        self.chosen.extend(added);
    }
}
