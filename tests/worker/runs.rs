//! What is asked of runs on disk, beside training and without it.

use std::fs;
use std::path::{Path, PathBuf};

use hydra_studio::project::runs::{RunList, RunNotes, RunStatus};
use hydra_studio::worker::protocol::{Event, JobKind, Request};

use crate::desk::{Desk, settings};

fn list(desk: &mut Desk) -> RunList {
    desk.send(Request::ListRuns { folder: desk.path().to_path_buf() });
    match desk.wait("the list", |e| matches!(e, Event::Runs(_))) {
        Event::Runs(list) => list,
        _ => unreachable!(),
    }
}

fn trashed(desk: &mut Desk, run: &Path) -> Vec<PathBuf> {
    desk.send(Request::TrashRuns { paths: vec![run.to_path_buf()] });
    match desk.wait("the recycle bin", |e| matches!(e, Event::RunsTrashed { .. })) {
        Event::RunsTrashed { paths } => paths,
        _ => unreachable!(),
    }
}

#[test]
fn runs_are_listed_noted_and_read_beside_training() {
    let mut desk = Desk::ready();
    let run = desk.train(2000);
    desk.wait("a checkpoint", |e| matches!(e, Event::Checkpoint(_)));
    let notes = RunNotes::new(["night"], "to be looked at");
    desk.send(Request::NoteRun { path: run.clone(), notes: notes.clone() });
    let entry = list(&mut desk).runs.remove(0);
    assert_eq!((entry.status, entry.notes), (RunStatus::InTraining, notes));
    assert!(entry.file.parameters > 0 && entry.file.router_parameters > 0 && entry.step > 0);
    desk.send(Request::ReadRuns { paths: vec![desk.path().join("none"), run.clone()] });
    desk.wait("the curves", |e| matches!(e, Event::RunRead { history, .. } if history.steps.len() > 1));
    desk.wait("the end of the reading", |e| matches!(e, Event::RunsRead));
    assert_eq!(trashed(&mut desk, &run), [] as [PathBuf; 0]);
    assert!(desk.wait_failure(JobKind::TrashRuns).contains("in training"));
    assert!(run.is_dir());
    desk.send(Request::StopAndSave);
    desk.wait("the end", |e| matches!(e, Event::TrainingDone(_)));
}

#[test]
fn a_note_that_was_sent_just_before_the_end_is_on_disk() {
    let mut desk = Desk::ready();
    let run = desk.trained(settings(1));
    let notes = RunNotes::new([], "last words");
    desk.send(Request::NoteRun { path: run.clone(), notes: notes.clone() });
    desk.send(Request::Shutdown);
    desk.wait("the end of the thread", |e| matches!(e, Event::ShutDown));
    assert_eq!(RunNotes::read(&run).unwrap(), notes);
}

#[test]
fn the_last_run_that_can_go_on_is_found() {
    let mut desk = Desk::ready();
    let run = desk.train(2000);
    desk.wait("a checkpoint", |e| matches!(e, Event::Checkpoint(_)));
    let find = |desk: &mut Desk| {
        desk.send(Request::FindLastRun { recent: vec![run.clone()], folder: desk.path().to_path_buf() });
        match desk.wait("the last run", |e| matches!(e, Event::LastRun(_))) {
            Event::LastRun(found) => found,
            _ => unreachable!(),
        }
    };
    assert_eq!(find(&mut desk), None, "it trains");
    desk.send(Request::StopAndSave);
    let Event::TrainingDone(end) = desk.wait("the end", |e| matches!(e, Event::TrainingDone(_))) else {
        unreachable!()
    };
    let found = find(&mut desk).unwrap();
    let point = found.resumable().unwrap();
    assert_eq!((found.path, point.from_step, point.to_repeat), (run.clone(), end.step, 0));
}

#[test]
fn what_is_no_run_is_never_moved_to_the_recycle_bin() {
    let mut desk = Desk::new();
    let folder = desk.path().join("photos");
    fs::create_dir(&folder).unwrap();
    assert_eq!(trashed(&mut desk, &folder), [] as [PathBuf; 0]);
    assert!(desk.wait_failure(JobKind::TrashRuns).contains("no run here"));
    assert!(folder.is_dir());
}
