//! The page that looks back on runs. A segmented control at its top chooses the view; each view is a folder or a file of
//! its own. `all/` is the table of every run with what can be done to one or several of them; `queue_view.rs` shows the
//! runs that wait, with the forms of `sweep_form.rs` below; `comparison.rs` sets runs side by side.

mod all;
mod comparison;
mod comparison_charts;
pub(in crate::app::pages) mod orders;
mod queue_view;
mod sweep_form;

use std::path::PathBuf;

use egui::Ui;

use crate::app::pages::{Page, PageContext};
use crate::app::theme::space;
use crate::app::widgets::buttons;
use crate::app::widgets::figures::count;
use crate::train::TrainSettings;

use all::AllRuns;
use comparison::Comparison;
use queue_view::QueueList;

/// Room for the table's columns.
const WIDTH: f32 = 1200.0;

/// What the page shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    All,
    Queue,
    Comparison,
}

/// The Runs page.
#[derive(Default)]
pub struct RunsPage {
    view: View,
    all: AllRuns,
    queue: QueueList,
    comparison: Comparison,
}

impl RunsPage {
    /// Shows the queue, ready to fill it with several runs of these settings.
    pub fn plan(&mut self, settings: TrainSettings) {
        self.view = View::Queue;
        self.queue.plan(settings);
    }

    /// Sets these runs side by side.
    pub fn compare(&mut self, runs: Vec<PathBuf>) {
        self.view = View::Comparison;
        self.comparison.show(runs);
    }
}

impl Page for RunsPage {
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let waiting = cx.state.queue.runs.iter().filter(|run| run.is_pending()).count();
        let queue = if waiting == 0 { "Queue".to_owned() } else { format!("Queue ({})", count(waiting)) };
        let views = [(View::All, "All runs"), (View::Queue, queue.as_str()), (View::Comparison, "Comparison")];
        ui.horizontal(|ui| buttons::segmented(ui, &mut self.view, &views));
        ui.add_space(space::M);
        match self.view {
            View::All => self.all.ui(ui, cx),
            View::Queue => self.queue.ui(ui, cx),
            View::Comparison => self.comparison.ui(ui, cx),
        }
    }

    fn width(&self) -> f32 {
        WIDTH
    }
}
