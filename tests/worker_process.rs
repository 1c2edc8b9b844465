//! The worker as a process of its own: this test in the window's place, and the real program as the engine.

#![cfg(target_os = "linux")]

#[path = "worker/desk.rs"]
#[allow(dead_code, reason = "shared with the tests of the worker's threads")]
mod desk;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use desk::{Desk, generate, settings, steps, wait_end};
use hydra_studio::data::ColumnMap;
use hydra_studio::project::{AppPaths, QueueMode, QueuedState, RunOrder};
use hydra_studio::train::{DeviceChoice, RunFolder, TrainSettings, list_checkpoints};
use hydra_studio::worker::process;
use hydra_studio::worker::protocol::{Event, JobKind, Request};

const STEPS: usize = 60;

/// A desk with a process for its worker.
fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_hydra-studio"));
    let worker = process::spawn(program, &AppPaths::under(folder.path()), Arc::new(|| {})).unwrap();
    Desk { folder, worker, seen: Vec::new() }
}

fn ready() -> Desk {
    let mut desk = desk();
    desk.load(200);
    desk
}

fn rarely_saved(steps: usize) -> TrainSettings {
    TrainSettings { dropout: 0.1, checkpoint_every: Some(100_000), ..settings(steps) }
}

/// The process that holds a run.
fn holder(run: &Path) -> u32 {
    std::fs::read_to_string(run.join("run.lock")).unwrap().trim().parse().unwrap()
}

/// Memory of a process in bytes, `None` where it is gone.
fn resident(pid: u32) -> Option<u64> {
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    Some(pages.split(' ').nth(1)?.parse::<u64>().ok()? * 4096)
}

fn kill(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

fn freed(desk: &mut Desk) -> usize {
    match desk.wait("the memory", |e| matches!(e, Event::Freed { .. })) {
        Event::Freed { step } => step,
        _ => unreachable!(),
    }
}

fn adapter(run: &Path) -> Vec<u8> {
    std::fs::read(run.join(format!("checkpoint-{STEPS}/adapter_model.safetensors"))).unwrap()
}

#[test]
fn a_freed_run_leaves_its_process_and_ends_bit_for_bit_as_an_unbroken_one() {
    let mut desk = ready();
    // Wide batches, so that there is memory to give back.
    let wide = TrainSettings { batch: 64, packing: false, ..rarely_saved(STEPS) };
    let whole = desk.train_into("whole", wide.clone());
    wait_end(&mut desk);
    let seen = desk.seen.len();

    let broken = desk.train_into("broken", wide);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    let (first, before) = (holder(&broken), resident(holder(&broken)).unwrap());
    desk.send(Request::PauseAndFree);
    let step = freed(&mut desk);
    let (second, after) = (holder(&broken), resident(holder(&broken)).unwrap());
    assert!(first != second && resident(first).is_none(), "the first process is gone");
    println!("{} MB before, {} MB after", before >> 20, after >> 20);
    assert!(after < before / 2 && after < 64 << 20, "{before} bytes before, {after} after");
    assert_eq!(list_checkpoints(&broken).unwrap().last().map(|c| c.step), Some(step));
    let held = RunFolder::open(&broken).unwrap_err().to_string();
    assert!(held.contains("another process"), "{held}");

    desk.send(generate(1, 4));
    desk.wait("an answer", |e| matches!(e, Event::Answered { id: 1, tokens: 1.., .. }));
    desk.send(Request::PreviewData { start: 0, count: 2, context: 64 });
    desk.wait("the data", |e| matches!(e, Event::DataPreview { examples, .. } if examples.len() == 2));
    desk.send(Request::PauseAndFree);
    assert_eq!(freed(&mut desk), step, "what was read again is given back again");
    assert!(resident(second).is_none() && resident(holder(&broken)).unwrap() < before / 2);

    desk.send(Request::Continue);
    assert_eq!(wait_end(&mut desk), (STEPS, false));
    assert_eq!(steps(&desk.seen[seen..]), (1..=STEPS).collect::<Vec<_>>(), "no step is lost or made twice");
    assert!(adapter(&broken) == adapter(&whole), "the adapters differ");
    let imports = desk.seen[seen..].iter().filter(|e| matches!(e, Event::DataImported(_))).count();
    assert_eq!(imports, 0, "the data that is read again is no news");
}

#[test]
fn nothing_that_is_asked_while_a_process_hands_over_is_lost() {
    let mut desk = ready();
    let run = desk.train_with(rarely_saved(100_000));
    for round in 0..20 {
        desk.wait("a step", |e| matches!(e, Event::Step(_)));
        let seen = desk.seen.len();
        desk.send(Request::PauseAndFree);
        // Later in every round, to meet every moment of it.
        std::thread::sleep(std::time::Duration::from_millis(round * 4));
        desk.send(Request::ListRuns { folder: desk.path().to_owned() });
        desk.send(generate(round, 2));
        desk.send(Request::Continue);
        desk.wait("the runs", |e| matches!(e, Event::Runs(_)));
        let is_answered = |e: &Event| matches!(e, Event::Answered { id, .. } if *id == round);
        if !desk.seen[seen..].iter().any(is_answered) {
            desk.wait("the answer", is_answered);
        }
        if !desk.seen[seen..].iter().any(|e| matches!(e, Event::Continued { .. })) {
            desk.wait("the run", |e| matches!(e, Event::Continued { .. }));
        }
    }
    desk.send(Request::StopAndSave);
    let (end, _) = wait_end(&mut desk);
    assert_eq!(steps(&desk.seen), (1..=end).collect::<Vec<_>>());
    RunFolder::open(&run).unwrap();
}

#[test]
fn the_queue_goes_on_with_the_run_of_its_turn_in_another_process() {
    let mut desk = desk();
    support::tiny_model(desk.path());
    let order = |name: &str, steps| RunOrder {
        title: name.into(),
        group: None,
        model: desk.path().join("model"),
        data: vec![desk.path().join("corpus.jsonl")],
        columns: ColumnMap::default(),
        settings: TrainSettings { device: DeviceChoice::Cpu, ..rarely_saved(steps) },
        out: desk.path().join("runs").join(name),
    };
    desk.send(Request::Enqueue { runs: vec![order("first", STEPS), order("second", 2)] });
    desk.send(Request::StartQueue);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::PauseAndFree);
    freed(&mut desk);
    let told = desk.seen.iter().rev().find_map(|e| if let Event::Queue(view) = e { Some(view) } else { None }).unwrap();
    assert_eq!((told.mode, &told.runs[0].state), (QueueMode::Going, &QueuedState::Running));
    desk.send(Request::Continue);
    let ended = desk.wait("the queue's end", |e| matches!(e, Event::QueueEnded(_)));
    assert!(matches!(&ended, Event::QueueEnded(summary) if summary.done == 2), "{ended:?}");
}

#[test]
fn a_process_that_is_killed_is_told_with_what_is_saved_and_the_run_resumes() {
    let mut desk = ready();
    let run = desk.train(10_000);
    desk.wait("a checkpoint", |e| matches!(e, Event::Checkpoint(record) if record.step >= 4));
    kill(holder(&run), "-9");
    let Event::Restarted { message } = desk.wait("the news", |e| matches!(e, Event::Restarted { .. })) else {
        unreachable!()
    };
    let told = |e: &Event| if let Event::Checkpoint(record) = e { Some(record.step) } else { None };
    let saved = desk.seen.iter().rev().find_map(told).unwrap();
    assert!(message.contains("memory ran out") && message.contains(&format!("up to step {saved}")), "{message}");

    desk.send(Request::FindLastRun { recent: vec![run.clone()], folder: desk.path().to_owned() });
    let last = desk.wait("the offer", |e| matches!(e, Event::LastRun(_)));
    assert!(matches!(&last, Event::LastRun(Some(entry)) if entry.path == run && entry.resumable().is_some()));
    desk.send(Request::ResumeRun { run: run.clone() });
    let Event::TrainingStarted(again) = desk.wait("the run", |e| matches!(e, Event::TrainingStarted(_))) else {
        unreachable!()
    };
    assert!(again.from_step >= saved);
    desk.send(Request::StopAndSave);
    assert!(wait_end(&mut desk).1);
}

#[test]
fn a_process_that_is_asked_to_end_by_the_system_saves_first() {
    let mut desk = ready();
    let run = desk.train_with(rarely_saved(100_000));
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    kill(holder(&run), "-TERM");
    let restarted = desk.wait("the news", |e| matches!(e, Event::Restarted { .. }));
    assert!(matches!(&restarted, Event::Restarted { message } if message.contains("stopped from outside")));
    assert_eq!(list_checkpoints(&run).unwrap().len(), 1);
}

#[test]
fn a_window_that_is_gone_leaves_its_run_saved_and_no_process() {
    let mut desk = ready();
    let run = desk.train_with(rarely_saved(100_000));
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    let pid = holder(&run);
    let Desk { worker, folder: _folder, .. } = desk;
    drop(worker.requests);
    worker.thread.join().unwrap();
    assert!(resident(pid).is_none() && !list_checkpoints(&run).unwrap().is_empty());
    RunFolder::open(&run).unwrap();
}

#[test]
fn a_shutdown_is_told_and_every_event_wakes_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = woken.clone();
    let wake = Arc::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let program = Path::new(env!("CARGO_BIN_EXE_hydra-studio"));
    let worker = process::spawn(program, &AppPaths::under(folder.path()), wake).unwrap();
    worker.requests.send(Request::LoadModel { path: PathBuf::from("nowhere"), device: DeviceChoice::Cpu }).unwrap();
    let failed = worker.events.iter().find(|e| matches!(e, Event::Failed { job: JobKind::LoadModel, .. }));
    assert!(matches!(failed, Some(Event::Failed { message, .. }) if message.contains("nowhere")));
    worker.requests.send(Request::Shutdown).unwrap();
    worker.thread.join().unwrap();
    let rest: Vec<_> = worker.events.iter().collect();
    assert_eq!(rest.last(), Some(&Event::ShutDown));
    // The queue and the failure were told before.
    assert_eq!(woken.load(Ordering::SeqCst), rest.len() + 2);
}

#[test]
fn a_program_that_cannot_serve_is_told_once_and_not_started_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let worker = process::spawn(Path::new("/bin/false"), &AppPaths::under(folder.path()), Arc::new(|| {})).unwrap();
    let told: Vec<_> = worker.events.iter().collect();
    assert!(
        matches!(&told[..], [Event::Warning { message }] if message.contains("could not be started anew")),
        "{told:?}"
    );
    assert!(process::spawn(Path::new("/nowhere"), &AppPaths::under(folder.path()), Arc::new(|| {})).is_err());
}
