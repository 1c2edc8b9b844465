//! Jobs that are cancelled or replaced, while they wait and while they are under way.

use std::path::PathBuf;

use hydra_studio::data::ColumnMap;
use hydra_studio::train::DeviceChoice;
use hydra_studio::worker::protocol::{EndReason, Event, InspectSource, JobKind, Request};

use crate::desk::{Desk, ask_base, settings};
use crate::support;

/// Rows that keep a thread busy for longer than requests take to arrive.
const MANY: usize = 40_000;

/// A desk whose engine is busy until the preview is cancelled: what is asked next waits behind it.
fn busy_desk() -> Desk {
    let mut desk = Desk::new();
    desk.load(MANY);
    desk.send(Request::PreviewData { start: 0, count: MANY, context: 64 });
    desk
}

fn let_go(desk: &mut Desk) {
    desk.send(Request::Cancel { job: JobKind::PreviewData });
    wait_cancelled(desk, JobKind::PreviewData);
}

fn wait_cancelled(desk: &mut Desk, job: JobKind) {
    desk.wait("the end of the job", |e| *e == Event::Cancelled { job });
}

fn import(path: PathBuf) -> Request {
    Request::ImportData { paths: vec![path], map: ColumnMap::default() }
}

fn is_answered(event: &Event, wanted: u64, why: EndReason) -> bool {
    matches!(event, Event::Answered { id, reason, .. } if *id == wanted && *reason == why)
}

#[test]
fn jobs_that_wait_behind_another_can_be_cancelled() {
    let mut desk = busy_desk();
    let out = desk.path().join("out");
    let loading = Request::LoadModel { path: desk.path().join("model"), device: DeviceChoice::Cpu };
    for request in [
        loading,
        Request::LoadAdapter { path: out.clone() },
        Request::Inspect { source: InspectSource::Prompt("?".into()), at: None },
        Request::StartTraining { settings: settings(1), out: out.clone() },
        Request::Export { out: out.clone() },
        ask_base(1, 4),
    ] {
        let job = request.job().unwrap();
        desk.send(request);
        desk.send(Request::Cancel { job });
    }
    let_go(&mut desk);
    for job in [JobKind::LoadModel, JobKind::LoadAdapter, JobKind::Inspect, JobKind::Train, JobKind::Export] {
        wait_cancelled(&mut desk, job);
    }
    desk.wait("the answer's end", |e| is_answered(e, 1, EndReason::Cancelled));
    assert!(!out.exists());
}

#[test]
fn an_import_can_be_cancelled() {
    let mut desk = Desk::new();
    let rows = support::corpus(desk.path(), MANY);
    desk.send(import(rows));
    desk.send(Request::Cancel { job: JobKind::ImportData });
    wait_cancelled(&mut desk, JobKind::ImportData);
    assert!(!desk.seen.iter().any(|e| matches!(e, Event::DataImported(_))));
}

#[test]
fn an_import_that_was_replaced_tells_nothing_more() {
    let mut desk = Desk::new();
    let many = support::corpus(desk.path(), MANY);
    let few = desk.path().join("few.jsonl");
    std::fs::write(&few, "{\"question\": \"Q\", \"answer\": \"A\"}\n").unwrap();
    desk.send(import(many.clone()));
    desk.send(import(few));
    desk.wait("the second", |e| matches!(e, Event::DataImported(data) if data.kept == 1));
    // A third, that ends later than the first can.
    desk.send(import(many));
    desk.wait("the third", |e| matches!(e, Event::DataImported(data) if data.kept == MANY));
    let imports = desk.seen.iter().filter(|e| matches!(e, Event::DataImported(_))).count();
    let ends = desk.seen.iter().filter(|e| matches!(e, Event::Cancelled { .. } | Event::Failed { .. })).count();
    assert_eq!((imports, ends), (2, 0));
}

#[test]
fn a_preview_asked_for_once_data_is_announced_is_of_that_data() {
    let mut desk = Desk::new();
    for i in 0..20 {
        let path = desk.path().join(format!("{i}.jsonl"));
        std::fs::write(&path, format!("{{\"question\": \"Q{i}\", \"answer\": \"A\"}}\n")).unwrap();
        desk.send(import(path));
        desk.wait("the data", |e| matches!(e, Event::DataImported(_)));
        desk.send(Request::PreviewData { start: 0, count: 1, context: 8 });
        let Event::DataPreview { examples, .. } = desk.wait("it", |e| matches!(e, Event::DataPreview { .. })) else {
            unreachable!()
        };
        assert_eq!(examples[0].messages[0].content, format!("Q{i}"));
    }
}

#[test]
fn every_answer_has_an_end_though_another_or_a_model_takes_its_place() {
    let mut desk = busy_desk();
    let model = desk.path().join("model");
    desk.send(ask_base(1, 4));
    desk.send(ask_base(2, 1000));
    desk.send(Request::LoadModel { path: desk.path().join("nothing"), device: DeviceChoice::Cpu });
    desk.send(Request::LoadModel { path: model, device: DeviceChoice::Cpu });
    let_go(&mut desk);
    desk.wait("the first end", |e| is_answered(e, 1, EndReason::Cancelled));
    desk.wait("the second end", |e| is_answered(e, 2, EndReason::Cancelled));
    desk.wait("the model", |e| matches!(e, Event::ModelLoaded(_)));
    desk.send(ask_base(3, 4));
    desk.wait("an answer of the new model", |e| matches!(e, Event::Answered { id: 3, .. }));
}

#[test]
fn an_answer_outlives_a_model_that_fails_to_load() {
    let mut desk = busy_desk();
    desk.send(ask_base(1, 4));
    desk.send(Request::LoadModel { path: desk.path().join("nothing"), device: DeviceChoice::Cpu });
    let_go(&mut desk);
    desk.wait_failure(JobKind::LoadModel);
    desk.wait("the answer", |e| is_answered(e, 1, EndReason::MaxTokens) || is_answered(e, 1, EndReason::EndOfText));
}

#[test]
fn a_shutdown_waits_for_no_job() {
    let mut desk = busy_desk();
    desk.send(Request::Shutdown);
    desk.wait("the end of the thread", |e| matches!(e, Event::ShutDown));
    assert!(!desk.seen.iter().any(|e| matches!(e, Event::DataPreview { .. })));
}
