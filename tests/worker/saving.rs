//! Runs whose folder is gone from under them. A file in the folder's place stops even a user who may write everywhere.

#![cfg(unix)]

use std::fs;
use std::path::Path;

use hydra_studio::train::{TrainSettings, list_checkpoints};
use hydra_studio::worker::protocol::{Event, Request};

use crate::desk::{Desk, settings, steps};

fn take_away(run: &Path) {
    fs::rename(run, run.with_extension("away")).unwrap();
    fs::write(run, "in the way").unwrap();
}

fn give_back(run: &Path) {
    fs::remove_file(run).unwrap();
    fs::rename(run.with_extension("away"), run).unwrap();
}

fn pause(desk: &mut Desk) {
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::Pause);
    desk.wait("the pause", |e| matches!(e, Event::Paused { .. }));
}

fn wait_save_failure(desk: &mut Desk) -> String {
    match desk.wait("a failed save", |e| matches!(e, Event::SaveFailed { .. } | Event::TrainingDone(_))) {
        Event::SaveFailed { message } => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_that_cannot_be_saved_is_kept_until_it_can() {
    let mut desk = Desk::ready();
    let run = desk.train_with(TrainSettings { checkpoint_every: Some(1000), ..settings(400) });
    pause(&mut desk);
    take_away(&run);
    for again in [Request::StopAndSave, Request::Continue, Request::StopAndSave] {
        desk.send(again);
        let message = wait_save_failure(&mut desk);
        assert!(message.contains("paused") && message.contains("run"), "{message}");
    }
    let before = steps(&desk.seen).len();
    give_back(&run);
    desk.send(Request::Continue);
    desk.wait("another step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::StopAndSave);
    let Event::TrainingDone(end) = desk.wait("the end", |e| matches!(e, Event::TrainingDone(_))) else {
        unreachable!()
    };
    assert!(end.stopped && end.step > before);
    assert_eq!(list_checkpoints(&run).unwrap().last().map(|c| c.step), Some(end.step));
}

#[test]
fn a_checkpoint_that_cannot_be_written_pauses_the_run_and_loses_no_step() {
    let mut desk = Desk::ready();
    let run = desk.train(100);
    pause(&mut desk);
    take_away(&run);
    desk.send(Request::Continue);
    wait_save_failure(&mut desk);
    give_back(&run);
    desk.send(Request::Continue);
    let Event::TrainingDone(end) = desk.wait("the end", |e| matches!(e, Event::TrainingDone(_))) else {
        unreachable!()
    };
    assert_eq!((end.step, end.stopped), (100, false));
    assert_eq!(steps(&desk.seen), (1..=100).collect::<Vec<_>>());
}

#[test]
fn a_worker_whose_run_cannot_be_saved_still_ends_with_its_window() {
    let mut desk = Desk::ready();
    let run = desk.train_with(TrainSettings { checkpoint_every: Some(1000), ..settings(400) });
    pause(&mut desk);
    take_away(&run);
    desk.send(Request::Shutdown);
    desk.wait("the end of the thread", |e| matches!(e, Event::ShutDown));
    assert!(!desk.seen.iter().any(|e| matches!(e, Event::TrainingDone(_))), "nothing was saved");
}
