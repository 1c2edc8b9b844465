//! The queue through the worker: turns, failures, holds, and what a process that died leaves.

use std::path::{Path, PathBuf};

use hydra_studio::data::ColumnMap;
use hydra_studio::project::runs::RunNotes;
use hydra_studio::project::{QueueMode, QueueSummary, QueuedId, QueuedRun, QueuedState, RunOrder, Shift};
use hydra_studio::train::{DeviceChoice, RunFile, TrainSettings, list_checkpoints};
use hydra_studio::worker::protocol::{Event, JobKind, QueueView, Request, RunSummary};

use crate::desk::{Desk, settings, steps};
use crate::support;

/// A tiny model and a corpus of 60 rows on the desk's disk, with nothing loaded.
fn prepared() -> Desk {
    let desk = Desk::new();
    support::tiny_model(desk.path());
    desk
}

fn order(desk: &Desk, name: &str, settings: TrainSettings) -> RunOrder {
    RunOrder {
        title: name.into(),
        group: Some("my sweep".into()),
        model: desk.path().join("model"),
        data: vec![desk.path().join("corpus.jsonl")],
        columns: ColumnMap::default(),
        settings: TrainSettings { device: DeviceChoice::Cpu, checkpoint_every: Some(2), ..settings },
        out: desk.path().join("runs").join(name),
    }
}

fn view(desk: &mut Desk, what: &str, wanted: impl Fn(&QueueView) -> bool) -> QueueView {
    match desk.wait(what, |e| matches!(e, Event::Queue(view) if wanted(view))) {
        Event::Queue(view) => view,
        _ => unreachable!(),
    }
}

fn started(desk: &mut Desk) -> RunSummary {
    match desk.wait("a run", |e| matches!(e, Event::TrainingStarted(_))) {
        Event::TrainingStarted(run) => run,
        _ => unreachable!(),
    }
}

fn ended(desk: &mut Desk) -> QueueSummary {
    match desk.wait("the queue's end", |e| matches!(e, Event::QueueEnded(_))) {
        Event::QueueEnded(summary) => summary,
        _ => unreachable!(),
    }
}

fn states(view: &QueueView) -> Vec<&QueuedState> {
    view.runs.iter().map(|run| &run.state).collect()
}

fn enqueue(desk: &mut Desk, runs: Vec<RunOrder>) -> Vec<QueuedId> {
    let count = runs.len();
    desk.send(Request::Enqueue { runs });
    // The queue as it was may be told first.
    view(desk, "the queue", |view| view.runs.len() == count).runs.iter().map(|run| run.id).collect()
}

#[test]
fn a_queue_goes_on_after_a_failure_and_says_what_failed() {
    let mut desk = prepared();
    let broken = RunOrder { data: vec![desk.path().join("gone.jsonl")], ..order(&desk, "second", settings(2)) };
    let runs = vec![order(&desk, "first", settings(2)), broken, order(&desk, "third", settings(3))];
    enqueue(&mut desk, runs);
    assert!(desk.seen.iter().all(|e| !matches!(e, Event::TrainingStarted(_))), "nothing begins by itself");
    desk.send(Request::StartQueue);
    let summary = ended(&mut desk);
    assert_eq!((summary.done, summary.stopped, summary.pending), (2, 0, 0));
    let [(title, reason)] = &summary.failed[..] else { panic!("{summary:?}") };
    assert!(title == "second" && reason.contains("gone.jsonl"), "{reason}");
    let failures: Vec<_> =
        desk.seen.iter().filter(|e| matches!(e, Event::Failed { job: JobKind::Train, .. })).collect();
    assert!(matches!(failures[..], [Event::Failed { message, .. }] if message.contains("“second”")), "{failures:?}");

    let last = desk.seen.iter().rev().find_map(|e| if let Event::Queue(view) = e { Some(view) } else { None }).unwrap();
    assert!(matches!(states(last)[..], [QueuedState::Done, QueuedState::Failed { .. }, QueuedState::Done]));
    assert_eq!(last.mode, QueueMode::Held);
    assert_eq!(steps(&desk.seen), [1, 2, 1, 2, 3]);
    let loads = desk.seen.iter().filter(|e| matches!(e, Event::ModelLoaded(_))).count();
    let imports = desk.seen.iter().filter(|e| matches!(e, Event::DataImported(_))).count();
    assert_eq!((loads, imports), (1, 1), "model and data are read again only where others are needed");
    let runs = desk.path().join("runs");
    assert_eq!(RunNotes::read(&runs.join("third")).unwrap().tags, ["my sweep"]);
    assert!(!runs.join("second").exists());
}

#[test]
fn a_folder_that_was_taken_while_its_run_waited_gives_way_to_one_with_a_number() {
    let mut desk = prepared();
    let run = order(&desk, "tickets", settings(1));
    let taken = run.out.clone();
    enqueue(&mut desk, vec![run]);
    std::fs::create_dir_all(&taken).unwrap();
    std::fs::write(taken.join("mine.txt"), "not to be touched").unwrap();
    desk.send(Request::StartQueue);
    assert_eq!(ended(&mut desk).done, 1);
    assert_eq!(std::fs::read_dir(&taken).unwrap().count(), 1);
    assert!(RunFile::read(&desk.path().join("runs/tickets-2")).is_ok());
}

#[test]
fn a_retry_of_what_never_began_leaves_a_run_that_was_made_in_its_folder_meanwhile() {
    let mut desk = Desk::ready();
    let data = desk.path().join("later.jsonl");
    let run = RunOrder { data: vec![data.clone()], ..order(&desk, "mine", settings(1)) };
    let out = run.out.clone();
    let ids = enqueue(&mut desk, vec![run]);
    desk.send(Request::StartQueue);
    assert_eq!(ended(&mut desk).failed.len(), 1, "its data is not there");

    let by_hand = desk.train_into("runs/mine", settings(3));
    assert_eq!(by_hand, out);
    desk.wait("the end", |e| matches!(e, Event::TrainingDone(_)));
    let before = std::fs::read(out.join("log.jsonl")).unwrap();
    std::fs::copy(desk.path().join("corpus.jsonl"), data).unwrap();
    desk.send(Request::RetryQueued { id: ids[0] });
    desk.send(Request::StartQueue);
    let begun = started(&mut desk);
    assert_eq!((begun.path, begun.from_step), (desk.path().join("runs/mine-2"), 0));
    assert_eq!(ended(&mut desk).done, 1);
    assert_eq!(std::fs::read(out.join("log.jsonl")).unwrap(), before);
}

#[test]
fn a_run_that_took_the_place_of_a_stopped_one_is_not_gone_on_with() {
    let mut desk = Desk::ready();
    let run = order(&desk, "mine", settings(4000));
    let out = run.out.clone();
    let ids = enqueue(&mut desk, vec![run]);
    desk.send(Request::StartQueue);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::StopAndSave);
    view(&mut desk, "the hold", |view| view.mode == QueueMode::Held);
    std::fs::remove_dir_all(&out).unwrap();
    desk.train_into("runs/mine", settings(3));
    desk.wait("the end", |e| matches!(e, Event::TrainingDone(end) if !end.stopped));
    desk.send(Request::RetryQueued { id: ids[0] });
    desk.send(Request::StartQueue);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::StopAndSave);
    view(&mut desk, "the hold", |view| {
        view.mode == QueueMode::Held && matches!(states(view)[0], QueuedState::Stopped { .. })
    });
    assert_eq!(RunFile::read(&out).unwrap().steps, 3);
    assert_eq!(RunFile::read(&desk.path().join("runs/mine-2")).unwrap().steps, 4000);
}

#[test]
fn another_model_or_other_data_is_loaded_for_the_run_that_needs_it() {
    let mut desk = prepared();
    let other = desk.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let (model, data) = (support::tiny_model(&other), support::corpus(&other, 80));
    let first = order(&desk, "first", settings(1));
    let second = RunOrder { model: model.clone(), data: vec![data.clone()], ..order(&desk, "second", settings(1)) };
    enqueue(&mut desk, vec![first, second]);
    desk.send(Request::StartQueue);
    assert_eq!(ended(&mut desk).done, 2);
    let file = RunFile::read(&desk.path().join("runs/second")).unwrap();
    assert_eq!((file.model.path, file.data.files()[0].path.clone()), (model, data));
}

#[test]
fn a_run_started_by_hand_is_not_disturbed_and_the_queue_follows_it() {
    let mut desk = Desk::ready();
    let by_hand = desk.train(40);
    assert_eq!(started(&mut desk).path, by_hand);
    let runs = vec![order(&desk, "queued", settings(1))];
    enqueue(&mut desk, runs);
    desk.send(Request::StartQueue);
    let Event::TrainingDone(end) = desk.wait("the end", |e| matches!(e, Event::TrainingDone(_))) else {
        unreachable!()
    };
    assert_eq!((end.path, end.step, end.stopped), (by_hand, 40, false));
    assert_eq!(started(&mut desk).path, desk.path().join("runs/queued"));
    assert_eq!(ended(&mut desk).done, 1);
}

#[test]
fn stopping_a_queued_run_holds_the_queue_and_a_retry_goes_on_from_its_checkpoint() {
    let mut desk = prepared();
    let runs = vec![order(&desk, "long", settings(4000)), order(&desk, "next", settings(1))];
    let ids = enqueue(&mut desk, runs);
    desk.send(Request::StartQueue);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::RemoveQueued { id: ids[0] });
    let kept = view(&mut desk, "the queue", |_| true);
    assert_eq!(kept.runs.len(), 2, "the run under way stays in line");
    desk.send(Request::StopAndSave);
    let held = view(&mut desk, "the hold", |view| view.mode == QueueMode::Held);
    let QueuedState::Stopped { step } = *states(&held)[0] else { panic!("{held:?}") };
    assert_eq!(states(&held)[1], &QueuedState::Waiting);

    desk.send(Request::RetryQueued { id: ids[0] });
    desk.send(Request::MoveQueued { id: ids[0], way: Shift::Down });
    let moved = view(&mut desk, "the move", |view| view.runs[0].id == ids[1]);
    assert!(moved.runs.iter().all(QueuedRun::is_pending));
    desk.send(Request::StartQueue);
    assert_eq!(started(&mut desk).path, desk.path().join("runs/next"));
    let again = started(&mut desk);
    assert_eq!((again.path, again.from_step), (desk.path().join("runs/long"), step));
    desk.send(Request::StopAndSave);
    view(&mut desk, "the hold", |view| view.mode == QueueMode::Held);
}

#[test]
fn holding_lets_the_run_under_way_finish_and_begins_no_other() {
    let mut desk = prepared();
    let runs = vec![order(&desk, "first", settings(30)), order(&desk, "second", settings(1))];
    enqueue(&mut desk, runs);
    desk.send(Request::StartQueue);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::HoldQueue);
    let after = view(&mut desk, "the end", |view| view.runs[0].state == QueuedState::Done);
    assert_eq!((after.mode, &after.runs[1].state), (QueueMode::Held, &QueuedState::Waiting));
    desk.send(Request::PreviewData { start: 0, count: 1, context: 64 });
    desk.wait("an idle worker", |e| matches!(e, Event::DataPreview { .. }));
    assert_eq!(desk.seen.iter().filter(|e| matches!(e, Event::TrainingStarted(_))).count(), 1);
}

/// Ends the desk's worker and gives its folder.
fn closed(desk: Desk) -> tempfile::TempDir {
    let Desk { worker, folder, .. } = desk;
    drop(worker.requests);
    worker.thread.join().unwrap();
    folder
}

#[test]
fn what_ran_when_the_process_died_is_found_again_and_resumed() {
    let mut desk = prepared();
    let runs = vec![order(&desk, "long", settings(4000)), order(&desk, "next", settings(1))];
    enqueue(&mut desk, runs);
    desk.send(Request::StartQueue);
    desk.wait("a checkpoint", |e| matches!(e, Event::Checkpoint(_)));
    desk.send(Request::Pause);
    desk.wait("the pause", |e| matches!(e, Event::Paused { .. }));
    let file = desk.path().join("queue.json");
    let as_it_ran = std::fs::read_to_string(&file).unwrap();
    let folder = closed(desk);
    // A killed process writes nothing more.
    std::fs::write(&file, as_it_ran).unwrap();

    let mut desk = Desk::at(folder);
    let found = view(&mut desk, "the queue", |_| true);
    assert_eq!(states(&found), [&QueuedState::Interrupted, &QueuedState::Waiting]);
    assert_eq!(found.mode, QueueMode::Held);
    let run: PathBuf = desk.path().join("runs/long");
    let saved = list_checkpoints(Path::new(&run)).unwrap().last().unwrap().step;
    desk.send(Request::StartQueue);
    let again = started(&mut desk);
    assert_eq!((&again.path, again.from_step), (&run, saved));
    desk.send(Request::Shutdown);
    let shut = view(&mut desk, "the queue", |view| view.runs[0].state == QueuedState::Interrupted);
    assert_eq!(shut.mode, QueueMode::Held);
}

#[test]
fn a_second_window_is_told_that_another_has_the_queue() {
    let mut desk = prepared();
    let runs = vec![order(&desk, "first", settings(1))];
    enqueue(&mut desk, runs.clone());
    let paths = hydra_studio::project::AppPaths::under(desk.path());
    let second = hydra_studio::worker::spawn(&paths, std::sync::Arc::new(|| {})).unwrap();
    second.requests.send(Request::Enqueue { runs }).unwrap();
    let problem = second.events.iter().find_map(|e| match e {
        Event::Queue(QueueView { problem, .. }) => problem,
        _ => None,
    });
    assert!(problem.unwrap().contains("another window"));
}
