//! Feeds events to the mirror and looks at what it shows.

use std::path::PathBuf;

use super::*;
use crate::app::pages::PageId;
use crate::app::steps::Mark;
use crate::train::{
    CheckpointRecord, DeviceChoice, Energy, RoutingRecord, RunHistory, StepRecord, TrainSettings, UsageRecord,
};
use crate::worker::protocol::{AskedAnswer, EndReason, GateWatch, Side};

fn started(steps: usize) -> Event {
    Event::TrainingStarted(RunSummary {
        path: PathBuf::from("runs/one"),
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

fn step(step: usize, elapsed_s: f64) -> Event {
    Event::Step(record(step, elapsed_s))
}

fn record(step: usize, elapsed_s: f64) -> StepRecord {
    StepRecord {
        step,
        steps: 10,
        loss: 2.0,
        lr: 1e-4,
        grad_norm: 1.0,
        tokens: 100,
        supervised: 50,
        tokens_per_s: 100.0,
        elapsed_s,
    }
}

fn done() -> Event {
    Event::TrainingDone(TrainingEnd {
        path: PathBuf::from("runs/one"),
        step: 10,
        steps: 10,
        stopped: false,
        first_held_out: Some(2.0),
        last_held_out: Some(1.0),
        elapsed_s: 20.0,
    })
}

#[test]
fn time_left_follows_the_pace_of_the_last_steps() {
    let mut state = AppState::default();
    state.note_event(started(10));
    state.note_event(step(1, 5.0));
    assert_eq!(state.run.as_ref().and_then(RunState::time_left_s), None);
    state.note_event(step(2, 7.0));
    state.note_event(step(3, 9.0));
    assert_eq!(state.run.as_ref().and_then(RunState::time_left_s), Some(14.0));
}

#[test]
fn a_step_that_measured_or_saved_does_not_sway_the_time_left() {
    let mut state = AppState::default();
    state.note_event(started(100));
    let mut elapsed_s = 0.0;
    for at in 1..=60 {
        // Every tenth step waits half a minute for a measure or a slow disk.
        elapsed_s += if at % 10 == 0 { 30.0 } else { 2.0 };
        state.note_event(step(at, elapsed_s));
        if at > 2 {
            let left = state.run.as_ref().and_then(RunState::time_left_s);
            assert_eq!(left, Some(2.0 * (100 - at) as f64), "after step {at}");
        }
    }
}

#[test]
fn time_left_counts_what_lies_between_the_steps() {
    let usage = |step, beside_s| {
        let energy = Energy::default();
        Event::Usage(UsageRecord { step, memory_bytes: 1, energy, elapsed_s: 2.0 * step as f64, beside_s })
    };
    let mut state = AppState::default();
    state.note_event(started(100));
    for event in [step(1, 2.0), usage(1, 0.0), step(2, 4.0)] {
        state.note_event(event);
    }
    let left = |state: &AppState| state.run.as_ref().and_then(RunState::time_left_s);
    assert_eq!(left(&state), Some(2.0 * 98.0));
    // Measured after every fifth step, for 30 seconds each time, and taken up by another process after the seventh.
    for at in 3..=11 {
        state.note_event(step(at, 2.0 * at as f64));
    }
    for (at, beside_s) in [(7, 30.0), (8, 0.0), (11, 30.0)] {
        state.note_event(usage(at, beside_s));
    }
    assert_eq!(left(&state), Some((2.0 + 6.0) * 89.0));
}

#[test]
fn what_a_run_waited_for_is_forgotten_when_it_goes_on() {
    let mut state = AppState::default();
    state.note_event(started(10));
    for end in [Event::Continued { step: 3 }, Event::Freed { step: 3 }] {
        state.note_event(Event::Progress { job: JobKind::Train, share: None, note: "Reading the examples".into() });
        state.note_event(end);
        assert_eq!(state.job(JobKind::Train), None);
    }
}

#[test]
fn a_resumed_run_shows_what_it_did_before() {
    let checkpoint = CheckpointRecord { step: 1, name: "checkpoint-1".into(), best: true };
    let routing = RoutingRecord {
        step: 1,
        load: vec![0.5, 0.5],
        entropy: 1.0,
        modules: Default::default(),
        collapsed: 0.0,
        similarity: Vec::new(),
    };
    let history = RunHistory {
        steps: vec![record(1, 5.0)],
        checkpoints: vec![checkpoint],
        routing: vec![routing],
        ..RunHistory::default()
    };
    let mut state = AppState::default();
    for event in [started(10), Event::RunHistory(history), step(2, 7.0)] {
        state.note_event(event);
    }
    let run = state.run.as_ref();
    assert_eq!(run.map(|run| run.steps.iter().map(|s| s.step).collect()), Some(vec![1, 2]));
    let past = run.map(|run| (run.checkpoints.len(), run.routing.len(), run.time_left_s()));
    assert_eq!(past, Some((1, 1, Some(16.0))));
}

#[test]
fn a_run_that_could_not_be_saved_is_paused_with_the_reason_until_it_is_tried_again() {
    let mut state = AppState::default();
    state.note_event(started(10));
    state.note_request(&Request::StopAndSave);
    state.note_event(Event::SaveFailed { message: "the disk is full".into() });
    assert_eq!(state.active_run().map(|run| &run.phase), Some(&Phase::Paused));
    assert_eq!(state.failure(JobKind::Train), Some("the disk is full"));
    state.note_request(&Request::StopAndSave);
    assert_eq!(state.failure(JobKind::Train), None);
    state.note_event(done());
    assert!(state.active_run().is_none());
}

#[test]
fn an_answer_that_was_replaced_does_not_end_the_job_of_the_next() {
    let mut state = AppState::default();
    let ask = |id| Request::Generate {
        sampling: Default::default(),
        answers: vec![AskedAnswer { id, side: Side::Base, messages: vec![] }],
        watch: GateWatch::Nothing,
    };
    let answered = |id| {
        let (first_token_s, reason) = (Some(0.1), EndReason::Cancelled);
        Event::Answered { id, tokens: 1, first_token_s, tokens_per_s: 1.0, reason }
    };
    (1..=2).for_each(|id| state.note_request(&ask(id)));
    state.note_event(answered(1));
    assert!(state.job(JobKind::Generate).is_some());
    state.note_event(answered(2));
    assert!(state.job(JobKind::Generate).is_none());
}

#[test]
fn a_finished_run_leaves_its_adapter_loaded_and_keeps_its_end() {
    let mut state = AppState::default();
    state.note_event(started(10));
    assert_eq!(state.mark(PageId::Train), Mark::Running);
    state.note_event(done());
    state.note_event(Event::Paused { step: 3 });
    assert!(state.active_run().is_none());
    assert!(matches!(state.run.as_ref().map(|run| &run.phase), Some(Phase::Done(_))));
    assert_eq!(state.adapter.as_ref().map(|adapter| adapter.spec.heads), Some(3));
}

#[test]
fn a_request_shows_its_job_before_the_first_answer() {
    let mut state = AppState::default();
    let request = Request::LoadModel { path: PathBuf::from("m"), device: DeviceChoice::Auto };
    state.note_request(&request);
    assert!(state.job(JobKind::LoadModel).is_some());
    state.note_event(Event::Failed { job: JobKind::LoadModel, message: "no tokenizer.json in m".into() });
    assert!(state.job(JobKind::LoadModel).is_none());
    assert_eq!(state.failure(JobKind::LoadModel), Some("no tokenizer.json in m"));
    state.note_request(&request);
    assert_eq!(state.failure(JobKind::LoadModel), None);
}

#[test]
fn a_restarted_worker_has_nothing_loaded_and_no_run() {
    let mut state = AppState::default();
    state.note_event(started(10));
    state.note_event(Event::Restarted { message: "index out of bounds".into() });
    assert!(state.active_run().is_none() && state.model.is_none());
    assert_eq!(state.next_page(), Some(PageId::Model));
}

#[test]
fn a_worker_that_is_gone_ends_the_run_on_screen() {
    let mut state = AppState::default();
    state.note_event(started(10));
    state.note_worker_gone();
    assert!(state.active_run().is_none() && state.worker_gone.is_some());
}
