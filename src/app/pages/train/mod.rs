//! The page where the adapter is trained: settings before, progress and curves while, a verdict after. `setup.rs` is the
//! form, `plan.rs` what Simple mode fills in, `fields.rs` the table behind Advanced; `running.rs`, `curves` and
//! `ending.rs` draw a run.

mod curves;
mod ending;
mod fields;
mod plan;
mod run_folder;
mod running;
mod setup;

use egui::Ui;

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{Page, PageContext, PageId, job_ui};
use crate::app::state::Phase;
use crate::app::widgets::card::card;
use crate::app::widgets::notes::empty_state;
use crate::worker::protocol::{Event, JobKind, ModelSummary};

use curves::RunCurves;
use setup::Setup;

/// Room for two charts side by side.
const WIDTH: f32 = 1200.0;

/// The Train page.
#[derive(Default)]
pub struct TrainPage {
    setup: Setup,
    curves: RunCurves,
}

impl Page for TrainPage {
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        if !shows_train_job(cx) {
            job_ui(ui, cx, JobKind::Train);
        }
        if cx.state.active_run().is_none() && cx.state.job(JobKind::Train).is_some() {
            // The next run is on its way: nothing may push its progress out of sight.
            return;
        }
        if let Some(run) = &cx.state.run {
            if self.curves.follow(cx.state.run_count, run) {
                ui.ctx().request_repaint();
            }
            ending::ending_card(ui, cx, run);
            if run.is_active() {
                running::progress_card(ui, cx, run);
            }
            self.curves_ui(ui, cx);
            running::checkpoints_card(ui, cx, run);
            if run.is_active() {
                return;
            }
        }
        match (&cx.state.data, &cx.state.model) {
            (Some(data), Some(model)) => self.setup.ui(ui, cx, data, model),
            (data, model) => missing_ui(ui, cx, (data.is_some(), model.is_some())),
        }
    }

    fn note_event(&mut self, event: &Event) {
        self.setup.note_event(event);
    }

    fn width(&self) -> f32 {
        WIDTH
    }
}

impl TrainPage {
    /// Longest example in tokens, as the next run would cut it.
    pub fn context(&self, model: Option<&ModelSummary>) -> usize {
        self.setup.context(model)
    }

    fn curves_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        if let Some(export) = card(ui, "Curves", |ui| self.curves.ui(ui)) {
            cx.send(SystemCommand::SaveChart(Box::new(export)));
        }
    }
}

/// Whether the run's own cards tell of the job: its progress while it is on, and why it failed.
fn shows_train_job(cx: &PageContext<'_>) -> bool {
    cx.state.run.as_ref().is_some_and(|run| match &run.phase {
        Phase::Failed(message) => cx.state.failure(JobKind::Train) == Some(message),
        _ => run.is_active(),
    })
}

/// Leads to the page that brings what is missing.
fn missing_ui(ui: &mut Ui, cx: &PageContext<'_>, (has_data, has_model): (bool, bool)) {
    let (title, text, icon, action, page) = match (has_model, has_data) {
        (false, false) => (
            "Training needs a model and data",
            "Choose a base model first, then the examples that it should learn from.",
            Icon::Model,
            "Choose a model",
            PageId::Model,
        ),
        (false, true) => (
            "Training needs a model",
            "The data is there. Choose the base model that should learn from it.",
            Icon::Model,
            "Choose a model",
            PageId::Model,
        ),
        _ => (
            "Training needs data",
            "The model is there. Choose the examples that it should learn from.",
            Icon::Data,
            "Choose data",
            PageId::Data,
        ),
    };
    if empty_state(ui, Icon::Train, title, text, Some((icon, action))) {
        cx.send(SystemCommand::Show(page));
    }
}
