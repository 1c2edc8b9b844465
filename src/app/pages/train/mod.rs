//! The page where the adapter is trained: settings before, progress and curves while, a verdict after. `setup.rs` puts the
//! form together: `simple.rs` with what `plan.rs` fills in, or `advanced.rs` with the table of `fields.rs`, its words in
//! `field_text.rs` and `field_values.rs` and its widgets in `controls.rs`; then `memory.rs` and `totals.rs`, what it takes
//! and comes to. What the user changes there is `form.rs`, and `undo.rs` takes it back. `running.rs`, `curves` and
//! `ending.rs` draw a run, `samples.rs` how its answers change.

mod advanced;
mod controls;
mod curves;
pub mod ending;
mod estimates;
mod field_text;
mod field_values;
pub(in crate::app::pages) mod fields;
mod form;
mod memory;
pub(in crate::app::pages) mod plan;
mod preset_bar;
mod run_folder;
mod running;
pub mod samples;
mod setup;
mod simple;
mod totals;
mod undo;
mod word_changes;

use egui::Ui;

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{Page, PageContext, PageId, job_ui};
use crate::app::resuming;
use crate::app::state::{Phase, RunState};
use crate::app::widgets::card::card;
use crate::app::widgets::notes::empty_state;
use crate::train::TrainSettings;
use crate::worker::protocol::{Event, JobKind, ModelSummary};

pub(crate) use running::{progress_line, run_name};

use curves::RunCurves;
use ending::{Ending, Wish};
use samples::SamplesView;
use setup::Setup;
use undo::History;

/// Room for two charts side by side.
const WIDTH: f32 = 1200.0;

/// The Train page.
#[derive(Default)]
pub struct TrainPage {
    setup: Setup,
    curves: RunCurves,
    ending: Ending,
    samples: SamplesView,
    /// The number of the run that was shown last.
    shown: usize,
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
        let mut wish = None;
        if let Some(run) = &cx.state.run {
            if std::mem::replace(&mut self.shown, cx.state.run_count) != cx.state.run_count {
                // The place on the page was one in the settings, which are long.
                ui.scroll_to_cursor(Some(egui::Align::TOP));
            }
            if self.curves.follow(cx.state.run_count, run) {
                ui.ctx().request_repaint();
            }
            wish = self.ending.ui(ui, cx, cx.state.run_count, run);
            if run.is_active() {
                running::progress_card(ui, cx, run);
            }
            self.curves_ui(ui, cx);
            self.samples_ui(ui, cx.state.run_count, run);
            running::checkpoints_card(ui, cx, run);
            if run.is_active() {
                return;
            }
        }
        resuming::resume_card(ui, cx);
        if wish == Some(Wish::Settings) {
            ui.scroll_to_cursor(Some(egui::Align::TOP));
        }
        match (&cx.state.data, &cx.state.model) {
            (Some(data), Some(model)) => self.setup.ui(ui, cx, (data, model)),
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
    /// Sets the next run up with `settings`, in Advanced mode, as one step that undo takes back under `name`.
    pub fn take_settings(&mut self, settings: TrainSettings, name: &str) {
        self.setup.take_settings(settings, name);
    }

    /// The changes of the settings that can be taken back.
    pub(in crate::app) fn history(&self) -> &History {
        self.setup.history()
    }

    /// The form of the next run.
    pub(in crate::app) fn setup(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// Longest example in tokens, as the next run would cut it.
    pub fn context(&self, model: Option<&ModelSummary>) -> usize {
        self.setup.context(model)
    }

    /// The answers to the run's prompts, where it has any.
    fn samples_ui(&mut self, ui: &mut Ui, number: usize, run: &RunState) {
        if run.summary.settings.samples == 0 && run.samples.is_empty() {
            return;
        }
        let waiting = if run.is_active() {
            "The first answers come with the next measure of held-out loss."
        } else {
            "No prompt was answered before the run ended."
        };
        self.samples.ui(ui, number, &run.samples, waiting);
    }

    fn curves_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        self.curves.take_topic_colors(&|topic| cx.state.topic_color(topic));
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
