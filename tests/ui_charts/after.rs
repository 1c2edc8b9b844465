//! The Train page after a run: the verdict, and the ways on.

use hydra_studio::worker::protocol::{Event, JobKind, Request, TrainingEnd};

use super::stage::{data, done, run_events};
use super::{click, has, ready};

#[test]
fn the_end_is_judged_and_leads_on() {
    let mut stage = ready();
    stage.tell(run_events(200, 200));
    stage.tell([done(200)]);
    assert!(has(&stage, "Held-out loss fell from 2.21 to 0.720, by 67 %"));
    assert!(has(&stage, "checkpoint-200") && has(&stage, "lowest held-out loss"));
    assert!(has(&stage, "Start training"), "another run can be set up");
    click(&mut stage, "See the routing");
    assert!(!has(&stage, "Held-out loss fell"), "the Routing page should be shown");
}

#[test]
fn an_adapter_that_was_taken_off_is_not_said_to_be_loaded() {
    let mut stage = ready();
    stage.tell(run_events(200, 200));
    stage.tell([done(200)]);
    assert!(has(&stage, "The adapter is loaded, and kept in"));
    stage.tell([Event::AdapterDropped]);
    assert!(has(&stage, "The adapter is not loaded any more") && !has(&stage, "See the routing"));
    stage.requests();
    click(&mut stage, "Load it again");
    assert_eq!(stage.requests(), [Request::LoadAdapter { path: "/runs/2026-11-24-smollm2".into() }]);
}

#[test]
fn a_stopped_run_can_be_gone_on_with() {
    let mut stage = ready();
    stage.tell(run_events(60, 200));
    let Event::TrainingDone(end) = done(200) else { unreachable!() };
    stage.tell([Event::TrainingDone(TrainingEnd { step: 60, stopped: true, ..end })]);
    stage.requests();
    click(&mut stage, "Go on training");
    assert_eq!(stage.requests(), [Request::ResumeRun { run: "/runs/2026-11-24-smollm2".into() }]);
}

#[test]
fn a_failure_stays_with_its_message_and_a_way_on() {
    let mut stage = ready();
    stage.tell(run_events(50, 200));
    let message = "the loss is NaN at step 51 (rows demo.jsonl:7, demo.jsonl:90): lower the learning rate";
    stage.tell([Event::Failed { job: JobKind::Train, message: message.to_owned() }]);
    assert!(has(&stage, "The run failed") && has(&stage, message));
    assert!(has(&stage, "the last checkpoint is from step 40"));
    stage.requests();
    click(&mut stage, "Go on from the last checkpoint");
    assert_eq!(stage.requests(), [Request::ResumeRun { run: "/runs/2026-11-24-smollm2".into() }]);
}

#[test]
fn the_time_of_a_run_is_told_only_where_it_was_measured() {
    let mut stage = ready();
    assert!(has(&stage, "not known yet"));
    stage.tell(run_events(200, 200));
    stage.tell([done(200)]);
    // 238 steps of 8 examples at 175 tokens each, 251 tokens a second.
    assert!(has(&stage, "about 22 min") && !has(&stage, "not known yet"));
    stage.tell([data()]);
    assert!(has(&stage, "not known yet"), "other data takes another time");
}
