//! One small LoRA for each topic of the loaded data, put into the queue by one click, and compared when all have ended.

use std::path::PathBuf;

use egui::{DragValue, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::pages::runs::orders;
use crate::app::theme::space;
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::figures::{count, counted};
use crate::app::widgets::notes::callout;
use crate::project::{QueuedRun, QueuedState, breakdown};
use crate::train::{Length, TrainSettings};
use crate::worker::protocol::Request;

/// How the groups of such runs are called; the time follows.
const KIND: &str = "Breakdown";
const USUAL_STEPS: usize = 100;

/// The card's state.
pub struct BreakdownCard {
    steps: usize,
    rank: usize,
    /// Set from the click on, until its runs were compared.
    is_awaited: bool,
    problem: Option<String>,
}

impl Default for BreakdownCard {
    fn default() -> Self {
        Self { steps: USUAL_STEPS, rank: TrainSettings::default().rank, is_awaited: false, problem: None }
    }
}

impl BreakdownCard {
    /// Draws the card. Gives the runs that are to be compared: those of the latest breakdown, when they have ended or the
    /// user asks for them.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) -> Option<Vec<PathBuf>> {
        ui.label(
            "Trains one small LoRA on each topic of the loaded data, all from the same start, then compares them: do they \
             differ in A, or in B alone?",
        );
        let topics = cx.state.data.as_ref().map_or(&[][..], |data| &data.topics);
        if cx.state.model.is_none() || topics.len() < 2 {
            ui.weak("This needs a model, and data whose examples are labelled with at least two topics.");
        } else {
            self.start_ui(ui, cx, topics);
        }
        if let Some(problem) = &self.problem {
            callout(ui, Level::Error, problem);
        }
        self.ended(ui, &latest(&cx.state.queue.runs))
    }

    fn start_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, topics: &[(String, usize)]) {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = space::S;
            let steps = ui.label("Steps of each");
            ui.add(DragValue::new(&mut self.steps).range(1..=100_000).speed(1.0)).labelled_by(steps.id);
            let rank = ui.label("Rank");
            ui.add(DragValue::new(&mut self.rank).range(1..=256).speed(0.1)).labelled_by(rank.id);
            let text = format!("Train {}", counted(topics.len(), "LoRA"));
            let train = buttons::secondary(ui, Icon::Train, &text, true);
            let named: Vec<String> = topics.iter().map(|(topic, size)| format!("{topic} ({})", count(*size))).collect();
            if train.on_hover_text(named.join(", ")).clicked() {
                self.enqueue(cx, topics);
            }
        });
    }

    fn enqueue(&mut self, cx: &PageContext<'_>, topics: &[(String, usize)]) {
        let base = TrainSettings {
            length: Length::Steps(self.steps),
            rank: self.rank,
            samples: 0,
            ..TrainSettings::default()
        };
        let topics: Vec<String> = topics.iter().map(|(topic, _)| topic.clone()).collect();
        match breakdown(&base, &topics) {
            Ok(variants) => {
                cx.request(Request::Enqueue { runs: orders::group(cx, KIND, variants) });
                cx.request(Request::StartQueue);
                (self.is_awaited, self.problem) = (true, None);
            }
            Err(error) => self.problem = Some(error.to_string()),
        }
    }

    /// How far the runs are, and those that are done, once, when the last has ended.
    fn ended(&mut self, ui: &mut Ui, runs: &[&QueuedRun]) -> Option<Vec<PathBuf>> {
        let group = runs.first()?.run.group.clone().unwrap_or_default();
        let done: Vec<PathBuf> =
            runs.iter().filter(|run| run.state == QueuedState::Done).map(|run| run.run.out.clone()).collect();
        let is_over = !runs.iter().any(|run| run.is_pending() || run.state == QueuedState::Running);
        ui.weak(format!("{group}: {} of {} done.", count(done.len()), count(runs.len())));
        if is_over && done.len() >= 2 && std::mem::take(&mut self.is_awaited) {
            return Some(done);
        }
        let compare = buttons::secondary(ui, Icon::Runs, "Compare its runs", done.len() >= 2);
        compare.clicked().then_some(done)
    }
}

/// The runs of the breakdown that was put into the queue last.
fn latest(runs: &[QueuedRun]) -> Vec<&QueuedRun> {
    let is_one = |run: &&QueuedRun| run.run.group.as_deref().is_some_and(|group| group.starts_with(KIND));
    let Some(last) = runs.iter().filter(is_one).max_by_key(|run| run.id) else { return Vec::new() };
    runs.iter().filter(|run| run.run.group == last.run.group).collect()
}
