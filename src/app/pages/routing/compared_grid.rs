//! The grid of a look, alone or set against the one that was kept, with the buttons for that and its words below.

use std::cell::Cell;

use egui::Ui;

use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::chart_export::ChartFormat;

use super::comparing::{Comparing, Present};
use super::digest::Choice;
use super::grid::{GridView, LayerGrid};
use super::grid_data::Spot;

/// What is there now, and what is to be done with its picture.
pub struct ComparedGrid<'a> {
    pub present: Present<'a>,
    /// What is said where nothing is set against it.
    pub words: &'a str,
    /// Changes whenever another look is there.
    pub revision: u64,
    pub choice: Choice,
    /// The format that the picture is to be saved in now.
    pub save: Option<ChartFormat>,
}

impl ComparedGrid<'_> {
    /// Draws it. Gives back what was picked in the grid.
    pub fn ui(
        &self,
        ui: &mut Ui,
        cx: &PageContext<'_>,
        grid: &mut LayerGrid,
        comparing: &mut Comparing,
    ) -> Option<Spot> {
        let (names, present) = (cx.state.head_names(), &self.present);
        comparing.note_ui(ui, present);
        let words = comparing.words(present, names).unwrap_or_else(|| self.words.to_owned());
        let shown = comparing.shown(present, self.revision);
        let view = GridView {
            title: "Heads by layer",
            words: &words,
            data: shown.data,
            before: shown.before,
            sides: ["in A", "in B"],
            most: None,
            revision: shown.revision,
            names,
            choice: self.choice,
        };
        let asked = Cell::new(None);
        let picked = grid.ui(ui, &view, |ui| asked.set(comparing.buttons_ui(ui, present)));
        if let Some(format) = self.save {
            cx.save_chart(grid.export(format, &view, Tokens::of(ui)));
        }
        comparing.take(asked.take(), present);
        ui.add_space(space::XS);
        ui.label(&words);
        picked
    }
}
