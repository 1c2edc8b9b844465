//! The curves of a run, fed as the window feeds them.

use egui::{Context, RawInput, Rect, pos2, vec2};

use super::*;
use crate::app::state::AppState;
use crate::app::widgets::axes::{Axis, Pane, Scale};
use crate::app::widgets::chart::LINE_BUDGET;
use crate::app::widgets::chart_marks::MarkKind;
use crate::train::{
    CheckpointRecord, Energy, EvalRecord, PauseRecord, StepRecord, TopicLoss, TrainSettings, UsageRecord, WarningKind,
    WarningRecord,
};
use crate::worker::protocol::{Event, RunSummary};

fn started(steps: usize) -> Event {
    Event::TrainingStarted(RunSummary {
        path: "runs/one".into(),
        settings: TrainSettings::default(),
        from_step: 0,
        steps,
        examples: 100,
        held_out: 16,
        cut: 0,
        skipped: 0,
        parameters: 1000,
        router_parameters: 24,
    })
}

fn step(step: usize) -> Event {
    Event::Step(StepRecord {
        step,
        steps: 100_000,
        loss: 2.0 + (step % 7) as f64,
        lr: 1e-4,
        grad_norm: 1.0,
        tokens: 100,
        supervised: 50,
        tokens_per_s: 100.0,
        elapsed_s: step as f64 * 2.0,
    })
}

/// Everything else that a run tells at a step.
fn beside(step: usize) -> [Event; 6] {
    let topic = |i: usize| TopicLoss { topic: format!("topic {i}"), loss: 1.0, examples: i, supervised: 9 };
    let elapsed_s = step as f64 * 2.0;
    let similarity = vec![vec![1.0, 0.1, 0.2], vec![0.1, 1.0, 0.3], vec![0.2, 0.3, 1.0]];
    let message = "memory ran short".to_owned();
    [
        Event::Eval(EvalRecord {
            step,
            loss: 1.0,
            examples: 9,
            supervised: 90,
            elapsed_s,
            topics: vec![topic(1), topic(2)],
        }),
        Event::RoutingSample { step, load: vec![0.3, 0.3, 0.4], entropy: 0.9, collapsed: 0.0, similarity },
        Event::Usage(UsageRecord {
            step,
            memory_bytes: 2_000_000_000,
            energy: Energy::default(),
            elapsed_s,
            beside_s: 0.0,
        }),
        Event::Checkpoint(CheckpointRecord { step, name: format!("checkpoint-{step}"), best: true }),
        Event::PauseNoted(PauseRecord { step, elapsed_s }),
        Event::RunWarning(WarningRecord { step, kind: WarningKind::Memory, message }),
    ]
}

/// The curves beside the mirror that they follow.
#[derive(Default)]
struct Watched {
    state: AppState,
    curves: RunCurves,
}

impl Watched {
    fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        events.into_iter().for_each(|event| self.state.note_event(event));
        let run = self.state.run.as_ref().expect("a run");
        while self.curves.follow(self.state.run_count, run) {}
    }

    /// Draws everything once.
    fn frame(&mut self, ctx: &Context) {
        let screen_rect = Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(1200.0, 3000.0)));
        let mut output = ctx.run_ui(RawInput { screen_rect, ..RawInput::default() }, |ui| {
            assert!(self.curves.ui(ui).is_none());
        });
        output.textures_delta.clear();
    }

    /// All lines of all charts.
    fn lines(&mut self) -> Vec<ChartLine<'_>> {
        let tokens = Tokens::of_theme(egui::Theme::Dark);
        drawings(&mut self.curves.values, &mut self.curves.views, tokens)
            .into_iter()
            .flat_map(|drawing| drawing.lines)
            .collect()
    }

    /// Samples and buckets that were read or written, over all series.
    fn touched(&mut self) -> usize {
        let values = &self.curves.values;
        let loss = values.loss.raw.touched + values.loss.smooth.touched + values.held_out.touched;
        loss + self.lines().iter().map(|line| line.series.touched).sum::<usize>()
    }
}

#[test]
fn a_frame_touches_no_more_after_a_hundred_thousand_steps_than_its_lines_may_show() {
    let mut watched = Watched::default();
    watched.tell(std::iter::once(started(100_000)).chain((1..=100_000).map(step)).chain(beside(99_999)));
    let ctx = Context::default();
    watched.frame(&ctx);
    let before = watched.touched();
    (0..10).for_each(|_| watched.frame(&ctx));
    assert_eq!(watched.touched(), before, "nothing new came, and values were read again");
    watched.tell(std::iter::once(step(100_001)).chain(beside(100_001)));
    watched.frame(&ctx);
    let lines = watched.lines().len() + 3;
    // Each line is drawn within its budget, and one value touches a bucket a level.
    let bound = lines * (LINE_BUDGET + 100);
    let touched = watched.touched() - before;
    assert!(touched > 0 && touched < bound, "one more step touched {touched}, with {lines} lines");
}

#[test]
fn every_record_of_a_run_has_its_line() {
    let mut watched = Watched::default();
    watched.tell([started(10), step(1), step(2)].into_iter().chain(beside(2)));
    let names: Vec<String> = watched.lines().iter().map(|line| line.name.to_owned()).collect();
    let expected = [
        "Rate",
        "Norm",
        "Smoothed",
        "Head 1",
        "Head 2",
        "Head 3",
        "Entropy",
        "Heads 1 and 2",
        "Heads 1 and 3",
        "Heads 2 and 3",
        "topic 1",
        "topic 2",
        "Tokens/s",
        "Smoothed",
        "GB",
        "Total Wh",
        "CPU, estimated",
        "RAM, estimated",
    ];
    assert_eq!(names, expected);
    assert!(watched.lines().iter().all(|line| line.series.last().is_some_and(|sample| sample.time_s == 4.0)));
}

#[test]
fn what_happened_is_marked_at_its_step_and_its_time() {
    let mut watched = Watched::default();
    watched.tell([started(10), step(1), step(2)].into_iter().chain(beside(2)));
    let kinds: Vec<MarkKind> = watched.curves.group.marks.shown().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, MarkKind::ALL);
    for (kind, marks) in watched.curves.group.marks.shown() {
        assert_eq!((marks.len(), marks[0].step, marks[0].time_s), (1, 2, 4.0), "{kind:?}");
    }
    watched.tell([started(10)]);
    assert_eq!(watched.curves.group.marks.shown().count(), 0, "another run begins without them");
}

#[test]
fn a_routing_sample_before_the_first_step_stands_at_the_start() {
    let mut watched = Watched::default();
    watched.tell([started(10)].into_iter().chain(beside(0)));
    let pane = Pane { axis: Axis::Time, scale: Scale::Linear, x: -1.0..=1.0 };
    watched.curves.values.entropy.prepare(&pane, LINE_BUDGET);
    assert_eq!(watched.curves.values.entropy.points().len(), 1);
}
