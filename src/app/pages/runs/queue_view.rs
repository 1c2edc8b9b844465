//! The queue: what waits, what runs, what became of the rest, and the buttons that steer it. Below it stand the two ways
//! to fill it with several runs at once.

use egui::{Label, RichText, Ui};

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{PageContext, PageId};
use crate::app::state::RunState;
use crate::app::theme::{Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::figures::{count, counted, duration};
use crate::app::widgets::notes::{callout, progress_bar};
use crate::project::{QueueMode, QueuedRun, QueuedState, Shift};
use crate::train::{Length, TrainSettings};
use crate::worker::protocol::{QueueView, Request};

use super::sweep_form::SweepForm;

const BAR_WIDTH: f32 = 160.0;

/// The queue with its forms.
#[derive(Default)]
pub struct QueueList {
    sweep: SweepForm,
}

impl QueueList {
    /// Plans further runs from these settings.
    pub fn plan(&mut self, settings: TrainSettings) {
        self.sweep.plan(settings);
    }

    /// Draws the queue, and the forms that fill it.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let queue = &cx.state.queue;
        card_with_actions(
            ui,
            "Queue",
            |ui| steering_ui(ui, cx, queue),
            |ui| {
                if let Some(problem) = &queue.problem {
                    callout(ui, Level::Warning, problem);
                }
                ui.weak(standing(queue, cx.state.active_run()));
                if queue.runs.is_empty() {
                    return empty_ui(ui, cx);
                }
                for (index, run) in queue.runs.iter().enumerate() {
                    ui.push_id(run.id.0, |ui| run_ui(ui, cx, run, index));
                }
            },
        );
        self.sweep.ui(ui, cx);
    }
}

/// From right to left: start or hold, and the end of what has ended.
fn steering_ui(ui: &mut Ui, cx: &PageContext<'_>, queue: &QueueView) {
    let has_pending = queue.runs.iter().any(QueuedRun::is_pending);
    if queue.mode == QueueMode::Going {
        let hold = buttons::secondary(ui, Icon::Pause, "Hold the queue", true);
        if hold.on_hover_text("The run under way goes on to its end, and no other begins").clicked() {
            cx.request(Request::HoldQueue);
        }
    } else if buttons::primary(ui, Icon::Play, "Start the queue", has_pending).clicked() {
        cx.request(Request::StartQueue);
    }
    let ended: Vec<_> = queue.runs.iter().filter(|run| run.state == QueuedState::Done).map(|run| run.id).collect();
    let remove = buttons::secondary(ui, Icon::Close, "Remove finished", !ended.is_empty());
    if remove.on_hover_text("Takes runs that are done off this list; their folders stay").clicked() {
        ended.into_iter().for_each(|id| cx.request(Request::RemoveQueued { id }));
    }
}

/// Where the queue stands, in a sentence.
fn standing(queue: &QueueView, active: Option<&RunState>) -> String {
    let pending = queue.runs.iter().filter(|run| run.is_pending()).count();
    let is_running = queue.runs.iter().any(|run| run.state == QueuedState::Running);
    let waiting = if pending == 1 { "1 run waits".to_owned() } else { format!("{} runs wait", count(pending)) };
    match (pending, queue.mode) {
        (0, _) if is_running => "The last run is on.".into(),
        (0, _) => "No run waits.".into(),
        (_, QueueMode::Held) if is_running => format!("{waiting}. The queue is held: the run under way is the last."),
        (_, QueueMode::Held) => format!("{waiting}. The queue is held: start it, and they run one after another."),
        (_, QueueMode::Going) if !is_running && active.is_some() => {
            format!("{waiting} for the end of the run that you started.")
        }
        (_, QueueMode::Going) => format!("{waiting}. One that fails does not stop those behind it."),
    }
}

fn empty_ui(ui: &mut Ui, cx: &PageContext<'_>) {
    ui.add_space(space::S);
    ui.label(
        "Line up runs for the night: add one on the Train page with “Add to the queue”, or several at once with the forms \
         below.",
    );
    if buttons::link(ui, "Set up a run").clicked() {
        cx.send(SystemCommand::Show(PageId::Train));
    }
}

/// One run: its place, its name, how it stands, and what can be done to it.
fn run_ui(ui: &mut Ui, cx: &PageContext<'_>, queued: &QueuedRun, index: usize) {
    let tokens = Tokens::of(ui);
    let run = &queued.run;
    ui.add_space(space::XS);
    egui::Sides::new().shrink_left().truncate().show(
        ui,
        |ui| {
            let (icon, color) = mark(&queued.state, tokens);
            ui.add(icon.image(size::ICON).tint(color).alt_text(word(&queued.state)));
            ui.label(RichText::new(count(index + 1)).color(tokens.text_weak));
            let title = ui.label(RichText::new(&run.title).color(tokens.text_strong));
            title.on_hover_text(run.out.display().to_string());
            ui.label(RichText::new(word(&queued.state)).color(color));
            if let Some(group) = &run.group {
                ui.label(RichText::new(group).small().color(tokens.text_weak));
            }
        },
        |ui| actions_ui(ui, cx, queued, index),
    );
    below_title(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        ui.label(RichText::new(setup(&run.settings)).small().color(tokens.text_weak));
        standing_ui(ui, cx, queued);
    });
}

/// What tells a run from another of the same name.
fn setup(settings: &TrainSettings) -> String {
    let adapter = settings.adapter_spec();
    let heads = if adapter.heads > 1 { format!("{}, ", counted(adapter.heads, "head")) } else { String::new() };
    let length = match settings.length {
        Length::Steps(steps) => counted(steps, "step"),
        Length::Epochs(epochs) => format!("{epochs} {}", if epochs == 1.0 { "epoch" } else { "epochs" }),
    };
    let (method, rank, lr, seed) = (adapter.method.title(), adapter.rank, settings.lr, settings.seed);
    format!("{method}, {heads}rank {rank}, {length}, learning rate {lr:e}, seed {seed}")
}

/// Lines that belong to the title above them, under its beginning.
pub(super) fn below_title(ui: &mut Ui, contents: impl FnOnce(&mut Ui)) {
    const INDENT: i8 = 44;
    let margin = egui::Margin { left: INDENT, ..egui::Margin::ZERO };
    egui::Frame::new().inner_margin(margin).show(ui, contents);
}

/// How far a run is, or why it is not done.
fn standing_ui(ui: &mut Ui, cx: &PageContext<'_>, queued: &QueuedRun) {
    let tokens = Tokens::of(ui);
    match &queued.state {
        QueuedState::Running => progress_ui(ui, cx, queued),
        QueuedState::Failed { message } => {
            ui.add(Label::new(RichText::new(message).color(tokens.error)).wrap().selectable(true));
        }
        QueuedState::Stopped { step } => {
            ui.weak(format!("Saved after {}. Trying again goes on from there.", counted(*step, "step")));
        }
        QueuedState::Interrupted => {
            ui.weak(match queued.begun {
                Some(_) => "The program ended while it ran. At its turn it goes on from its last checkpoint.",
                None => "The program ended before it had begun. It begins at its turn.",
            });
        }
        QueuedState::Waiting | QueuedState::Done => {}
    }
}

/// From right to left: remove, move, try again.
fn actions_ui(ui: &mut Ui, cx: &PageContext<'_>, queued: &QueuedRun, index: usize) {
    let (id, title) = (queued.id, &queued.run.title);
    if queued.state == QueuedState::Running {
        if Icon::Stop.small_button(ui, &format!("Stop and save {title}, and hold the queue")).clicked() {
            cx.request(Request::StopAndSave);
        }
        return;
    }
    if Icon::Close.small_button(ui, &format!("Remove {title}")).clicked() {
        cx.request(Request::RemoveQueued { id });
    }
    if queued.is_pending() {
        // A run changes places with one whose turn is still to come, where there is one on that side.
        let is_pending = |run: &QueuedRun| run.is_pending();
        let has_earlier = cx.state.queue.runs.iter().take(index).any(is_pending);
        let has_later = cx.state.queue.runs.iter().skip(index + 1).any(is_pending);
        let down = |ui: &mut Ui| Icon::ArrowDown.small_button(ui, &format!("Move {title} down")).clicked();
        if ui.add_enabled_ui(has_later, down).inner {
            cx.request(Request::MoveQueued { id, way: Shift::Down });
        }
        let up = |ui: &mut Ui| Icon::ArrowUp.small_button(ui, &format!("Move {title} up")).clicked();
        if ui.add_enabled_ui(has_earlier, up).inner {
            cx.request(Request::MoveQueued { id, way: Shift::Up });
        }
    }
    if queued.can_retry() && Icon::Restore.small_button(ui, &format!("Try {title} again")).clicked() {
        cx.request(Request::RetryQueued { id });
    }
}

fn progress_ui(ui: &mut Ui, cx: &PageContext<'_>, queued: &QueuedRun) {
    let tokens = Tokens::of(ui);
    let run = cx.state.active_run().filter(|run| run.summary.path.ends_with(&queued.run.out));
    ui.horizontal(|ui| match run {
        Some(run) => {
            progress_bar(ui, Some(run.share()), BAR_WIDTH, 6.0);
            let left = run.time_left_s().map_or_else(String::new, |left| format!(", {} left", duration(left)));
            let held = if run.is_held() { ", paused" } else { "" };
            let step = format!("Step {} of {}{left}{held}", count(run.step()), count(run.summary.steps));
            ui.label(RichText::new(step).small().color(tokens.text));
        }
        None => {
            progress_bar(ui, None, BAR_WIDTH, 6.0);
            ui.label(RichText::new("Getting its model and data ready").small().color(tokens.text));
        }
    });
}

fn mark(state: &QueuedState, tokens: &Tokens) -> (Icon, egui::Color32) {
    match state {
        QueuedState::Waiting => (Icon::Pending, tokens.text_weak),
        QueuedState::Running => (Icon::Play, tokens.accent_text),
        QueuedState::Interrupted => (Icon::Warning, tokens.warn),
        QueuedState::Done => (Icon::Check, tokens.ok),
        QueuedState::Failed { .. } => (Icon::Error, tokens.error),
        QueuedState::Stopped { .. } => (Icon::Stop, tokens.warn),
    }
}

/// How a run stands, in a word.
fn word(state: &QueuedState) -> &'static str {
    match state {
        QueuedState::Waiting => "Waiting",
        QueuedState::Running => "Running",
        QueuedState::Interrupted => "Interrupted",
        QueuedState::Done => "Done",
        QueuedState::Failed { .. } => "Failed",
        QueuedState::Stopped { .. } => "Stopped",
    }
}
