//! The page that looks back on runs. A segmented control at its top chooses the view; each view is a folder or a file of
//! its own. `all/` is the table of every run with what can be done to one or several of them.

mod all;

use egui::Ui;

use crate::app::pages::{Page, PageContext};
use crate::app::theme::space;
use crate::app::widgets::buttons;

use all::AllRuns;

/// Room for the table's columns.
const WIDTH: f32 = 1200.0;

/// What the page shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    All,
}

impl View {
    /// Every view with its name, in the order of the control.
    const CHOICES: [(Self, &str); 1] = [(Self::All, "All runs")];
}

/// The Runs page.
#[derive(Default)]
pub struct RunsPage {
    view: View,
    all: AllRuns,
}

impl Page for RunsPage {
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        ui.horizontal(|ui| buttons::segmented(ui, &mut self.view, &View::CHOICES));
        ui.add_space(space::M);
        match self.view {
            View::All => self.all.ui(ui, cx),
        }
    }

    fn width(&self) -> f32 {
        WIDTH
    }
}
