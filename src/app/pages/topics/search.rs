//! How topics are looked for.

use egui::{DragValue, Ui};

use crate::app::pages::PageContext;
use crate::app::theme::space;
use crate::app::widgets::buttons;
use crate::cluster::{TopicFeatures, TopicMethod};
use crate::worker::protocol::TopicSearch;

/// Topics that can be asked for.
const MOST: usize = 64;
/// Where the number begins when automatic is switched off.
const USUAL: usize = 4;

/// The settings of the next search.
#[derive(Default)]
pub struct SearchForm {
    search: TopicSearch,
}

impl SearchForm {
    /// What is looked for.
    pub fn search(&self) -> &TopicSearch {
        &self.search
    }

    /// Whether everything that the search needs is there.
    pub fn is_possible(&self, cx: &PageContext<'_>) -> bool {
        self.search.features == TopicFeatures::Words || cx.state.model.is_some()
    }

    /// Draws the settings, folded; `found` is how the topics in sight were found.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, found: Option<&TopicSearch>) {
        ui.label(in_words(found.unwrap_or(&self.search)));
        egui::CollapsingHeader::new("Settings of the search").id_salt("topic search").show(ui, |ui| {
            egui::Grid::new("topic search").num_columns(2).spacing([space::XL, space::S]).show(ui, |ui| {
                ui.label("Method").on_hover_text(
                    "k-means puts every example into the nearest of a number of groups. Density finds groups of any shape and \
                     leaves out what lies apart.",
                );
                let methods = [(TopicMethod::Kmeans, "k-means"), (TopicMethod::Density, "Density")];
                buttons::segmented(ui, &mut self.search.method, &methods);
                ui.end_row();
                ui.label("Topics").on_hover_text("Automatic takes the number that is advised. 2 to 8 are usual.");
                ui.horizontal(|ui| self.number_ui(ui));
                ui.end_row();
                ui.label("Told apart by").on_hover_text(
                    "Words are quick. What the loaded model makes of the prompts finds topics that share few words, and takes \
                     as long as answering each with one token.",
                );
                ui.horizontal(|ui| {
                    let features = [(TopicFeatures::Words, "Words"), (TopicFeatures::Model, "The loaded model")];
                    buttons::segmented(ui, &mut self.search.features, &features);
                    if !self.is_possible(cx) {
                        ui.weak("Load a model on the Model page first.");
                    }
                });
                ui.end_row();
                ui.label("Seed").on_hover_text("The same seed finds the same topics, whatever the order of the examples.");
                ui.add(DragValue::new(&mut self.search.seed)).accessible_name("Seed of the search");
                ui.end_row();
            });
        });
    }

    fn number_ui(&mut self, ui: &mut Ui) {
        if self.search.method == TopicMethod::Density {
            ui.weak("As many as there are dense places.");
            return;
        }
        let mut is_automatic = self.search.topics.is_none();
        let switch = ui.checkbox(&mut is_automatic, "Automatic");
        if switch.changed() {
            self.search.topics = if is_automatic { None } else { Some(USUAL) };
        }
        switch.accessible_name("Number of topics: automatic");
        if let Some(topics) = &mut self.search.topics {
            ui.add(DragValue::new(topics).range(1..=MOST)).accessible_name("Number of topics");
        }
    }
}

/// A search in one line.
fn in_words(search: &TopicSearch) -> String {
    let by = match search.features {
        TopicFeatures::Words => "their words",
        TopicFeatures::Model => "what the model makes of them",
    };
    let how = match (search.method, search.topics) {
        (TopicMethod::Density, _) => "by density".to_owned(),
        (TopicMethod::Kmeans, None) => "by k-means, for the number that is advised".to_owned(),
        (TopicMethod::Kmeans, Some(topics)) => format!("by k-means, for {topics} topics"),
    };
    format!("Examples are told apart by {by} and grouped {how}, with seed {}.", search.seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_told_in_words() {
        let text = in_words(&TopicSearch::default());
        assert_eq!(
            text,
            "Examples are told apart by their words and grouped by k-means, for the number that is advised, with seed 42."
        );
        let search =
            TopicSearch { method: TopicMethod::Density, features: TopicFeatures::Model, ..TopicSearch::default() };
        assert!(in_words(&search).contains("what the model makes of them and grouped by density, with"));
    }
}
