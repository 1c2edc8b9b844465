//! The bar at the bottom: what is loaded, what runs, what to do next.

use egui::{Align, Layout, RichText, Ui};

use crate::app::App;
use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::PageId;
use crate::app::state::{AppState, JobStatus, Phase, RunState};
use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::figures::{count, counted, duration};
use crate::app::widgets::{buttons, notes};
use crate::worker::protocol::{JobKind, Request};

const BAR_WIDTH: f32 = 140.0;

/// Jobs that the bar shows, with their names; the first that is under way wins.
const SHOWN_JOBS: [(JobKind, &str); 8] = [
    (JobKind::Train, "Training"),
    (JobKind::LoadModel, "Model"),
    (JobKind::LoadAdapter, "Adapter"),
    (JobKind::ImportData, "Import"),
    (JobKind::FindTopics, "Topics"),
    (JobKind::Export, "Export"),
    (JobKind::Inspect, "Routing"),
    (JobKind::Generate, "Answer"),
];

impl App {
    /// Draws the bar.
    pub(super) fn status_bar_ui(&self, ui: &mut Ui) {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            self.next_step_ui(ui);
            if let Some(run) = self.state.active_run() {
                self.run_ui(ui, run);
            } else if let Some((kind, name, job)) = first_job(&self.state) {
                self.job_ui(ui, kind, name, job);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| loaded_ui(ui, &self.state));
        });
    }

    fn next_step_ui(&self, ui: &mut Ui) {
        let Some((page, text)) = next_step(&self.state) else { return };
        if buttons::link(ui, text).on_hover_text("What to do next").clicked() {
            self.commands.send(SystemCommand::Show(page));
        }
    }

    /// From right to left: stop, pause, time left, bar, step.
    fn run_ui(&self, ui: &mut Ui, run: &RunState) {
        let tokens = Tokens::of(ui);
        let request = |request| self.commands.send(SystemCommand::Request(request));
        let is_stopping = run.phase == Phase::Stopping;
        ui.add_enabled_ui(!is_stopping, |ui| {
            if Icon::Stop.small_button(ui, "Stop and save").clicked() {
                request(Request::StopAndSave);
            }
            if run.is_held() && Icon::Play.small_button(ui, "Continue training").clicked() {
                request(Request::Continue);
            }
            if !run.is_held() && Icon::Pause.small_button(ui, "Pause training").clicked() {
                request(Request::Pause);
            }
        });
        let state = match run.phase {
            Phase::Pausing => "pausing".to_owned(),
            Phase::Paused | Phase::Freed => "paused".to_owned(),
            Phase::Stopping => "saving".to_owned(),
            _ => run.time_left_s().map_or_else(String::new, |left| format!("{} left", duration(left))),
        };
        ui.label(RichText::new(state).small().color(tokens.text_weak));
        notes::progress_bar(ui, Some(run.share()), BAR_WIDTH, 6.0);
        let step = format!("Step {} of {}", count(run.step()), count(run.summary.steps));
        ui.label(RichText::new(step).small().color(tokens.text));
    }

    fn job_ui(&self, ui: &mut Ui, kind: JobKind, name: &str, job: &JobStatus) {
        let tokens = Tokens::of(ui);
        ui.add_enabled_ui(!job.is_cancelling, |ui| {
            if Icon::Close.small_button(ui, &format!("Cancel: {name}")).clicked() {
                self.commands.send(SystemCommand::Request(Request::Cancel { job: kind }));
            }
        });
        notes::progress_bar(ui, job.share, BAR_WIDTH, 6.0);
        let note = if job.is_cancelling { "cancelling" } else { &job.note };
        ui.add(egui::Label::new(RichText::new(format!("{name}: {note}")).small().color(tokens.text)).truncate());
    }
}

fn first_job(state: &AppState) -> Option<(JobKind, &'static str, &JobStatus)> {
    SHOWN_JOBS.into_iter().find_map(|(kind, name)| Some((kind, name, state.job(kind)?)))
}

/// Where to go next, and the words for it.
fn next_step(state: &AppState) -> Option<(PageId, &'static str)> {
    let page = state.next_page()?;
    let text = match page {
        PageId::Model => "Next: choose a model",
        PageId::Data => "Next: add examples",
        PageId::Train => "Next: train",
        PageId::Routing => "Next: see the routing",
        PageId::Export => "Next: export",
        PageId::Topics | PageId::Chat | PageId::Runs => return None,
    };
    Some((page, text))
}

/// What is loaded, each with its icon.
fn loaded_ui(ui: &mut Ui, state: &AppState) {
    let model = state.model.as_ref().map_or("No model", |model| &model.name);
    chip_ui(ui, Icon::Model, model, state.model.is_some());
    let data = state.data.as_ref().map_or_else(|| "No data".to_owned(), |data| counted(data.kept, "example"));
    chip_ui(ui, Icon::Data, &data, state.data.is_some());
    if let Some(adapter) = &state.adapter {
        let text = format!("{}, {}", adapter.spec.method.title(), counted(adapter.spec.heads, "head"));
        chip_ui(ui, Icon::Hydra, &text, true);
    }
}

fn chip_ui(ui: &mut Ui, icon: Icon, text: &str, is_there: bool) {
    let tokens = Tokens::of(ui);
    ui.spacing_mut().item_spacing.x = space::XS + 2.0;
    ui.add(icon.image(size::ICON).tint(tokens.text_weak));
    let color = if is_there { tokens.text } else { tokens.text_weak };
    ui.label(RichText::new(text).small().color(color));
    ui.add_space(space::S);
}
