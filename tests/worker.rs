//! The worker as the window sees it: requests in, events out.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hydra_studio::data::{ColumnMap, Message, Role};
use hydra_studio::train::{DeviceChoice, Length, TrainSettings};
use hydra_studio::worker::protocol::{Event, InspectSource, JobKind, Request, Sampling};
use hydra_studio::worker::{Worker, spawn};

struct Desk {
    folder: tempfile::TempDir,
    worker: Worker,
    seen: Vec<Event>,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let worker = spawn(folder.path().join("demo"), Arc::new(|| {})).unwrap();
        Self { folder, worker, seen: Vec::new() }
    }

    /// A desk with a tiny model and a small corpus loaded.
    fn ready() -> Self {
        let mut desk = Self::new();
        let model = support::tiny_model(desk.path());
        desk.send(Request::LoadModel { path: model, device: DeviceChoice::Cpu });
        desk.wait("the model", |e| matches!(e, Event::ModelLoaded(_)));
        let data = support::corpus(desk.path(), 200);
        desk.send(Request::ImportData { paths: vec![data], map: ColumnMap::default() });
        desk.wait("the data", |e| matches!(e, Event::DataImported(_)));
        desk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn send(&self, request: Request) {
        self.worker.requests.send(request).unwrap();
    }

    /// The next event that `wanted` takes; everything on the way is kept in `seen`.
    fn wait(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let until = Instant::now() + Duration::from_secs(60);
        while let Ok(event) = self.worker.events.recv_deadline(until) {
            self.seen.push(event.clone());
            if wanted(&event) {
                return event;
            }
        }
        panic!("{what} did not come; seen: {:#?}", self.seen.iter().rev().take(5).collect::<Vec<_>>());
    }

    fn wait_failure(&mut self, job: JobKind) -> String {
        match self.wait("a failure", |e| matches!(e, Event::Failed { job: j, .. } if *j == job)) {
            Event::Failed { message, .. } => message,
            _ => unreachable!(),
        }
    }

    fn train(&self, steps: usize) -> PathBuf {
        let out = self.path().join("run");
        let settings = TrainSettings {
            length: Length::Steps(steps),
            batch: 2,
            accumulate: 2,
            context: 64,
            lr: 5e-3,
            checkpoint_every: Some(2),
            ..TrainSettings::default()
        };
        self.send(Request::StartTraining { settings, out: out.clone() });
        out
    }
}

fn question(text: &str) -> Vec<Message> {
    vec![Message { role: Role::User, content: text.into() }]
}

fn steps(events: &[Event]) -> Vec<usize> {
    events.iter().filter_map(|e| if let Event::Step(record) = e { Some(record.step) } else { None }).collect()
}

#[test]
fn a_whole_journey_from_a_model_to_an_exported_adapter() {
    let mut desk = Desk::ready();
    desk.send(Request::PreviewData { start: 0, count: 2, context: 64 });
    let Event::DataPreview { examples, .. } = desk.wait("a preview", |e| matches!(e, Event::DataPreview { .. })) else {
        unreachable!()
    };
    assert!(examples[0].tokens.iter().any(|t| t.supervised) && examples[0].tokens.iter().any(|t| !t.supervised));

    let run = desk.train(10);
    let Event::TrainingDone(end) = desk.wait("the end", |e| matches!(e, Event::TrainingDone(_))) else {
        unreachable!()
    };
    assert_eq!((end.step, end.stopped, &end.path), (10, false, &run));
    assert!(end.last_held_out.unwrap() < end.first_held_out.unwrap());
    assert_eq!(steps(&desk.seen), (1..=10).collect::<Vec<_>>());
    assert!(desk.seen.iter().any(|e| matches!(e, Event::RoutingSample { load, .. } if load.len() == 3)));

    for source in [InspectSource::Prompt("What colour is snow?".into()), InspectSource::HeldOut(0)] {
        desk.send(Request::Inspect { source });
        let Event::Routing(report) = desk.wait("routing", |e| matches!(e, Event::Routing(_))) else { unreachable!() };
        assert_eq!((report.heads, report.modules.len()), (3, 14));
        let gates = &report.modules[0].gates;
        assert_eq!(gates.len(), report.tokens.len() * 3);
        assert!(gates.chunks(3).all(|token| (token.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    }

    let sampling = Sampling { max_tokens: 5, temperature: 0.0, ..Sampling::default() };
    desk.send(Request::Generate { id: 7, messages: question("What colour is snow?"), sampling, with_adapter: true });
    desk.wait("an answer", |e| matches!(e, Event::Answered { id: 7, .. }));

    let out = desk.path().join("exported");
    desk.send(Request::Export { out: out.clone() });
    desk.wait("the export", |e| matches!(e, Event::Exported(_)));
    assert!(out.join("adapter_model.safetensors").is_file() && out.join("tokenizer.json").is_file());
    desk.send(Request::Export { out });
    assert!(desk.wait_failure(JobKind::Export).contains("exported"));
}

#[test]
fn a_run_is_paused_questioned_stopped_and_resumed() {
    let mut desk = Desk::ready();
    let run = desk.train(400);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::Pause);
    desk.wait("the pause", |e| matches!(e, Event::Paused { .. }));
    let at_pause = steps(&desk.seen).len();
    let sampling = Sampling { max_tokens: 3, ..Sampling::default() };
    desk.send(Request::Generate { id: 1, messages: question("What colour is snow?"), sampling, with_adapter: true });
    desk.wait("an answer while paused", |e| matches!(e, Event::Answered { .. }));
    assert_eq!(steps(&desk.seen).len(), at_pause, "no step is taken while paused");
    desk.send(Request::LoadModel { path: "elsewhere".into(), device: DeviceChoice::Cpu });
    assert!(desk.wait_failure(JobKind::LoadModel).contains("a run is under way"));
    desk.send(Request::Continue);
    desk.wait("another step", |e| matches!(e, Event::Step(_)));
    desk.send(Request::StopAndSave);
    let Event::TrainingDone(end) = desk.wait("the end", |e| matches!(e, Event::TrainingDone(_))) else {
        unreachable!()
    };
    assert!(end.stopped && end.step < 400);

    desk.send(Request::ResumeRun { run });
    let Event::TrainingStarted(resumed) = desk.wait("the resumed run", |e| matches!(e, Event::TrainingStarted(_)))
    else {
        unreachable!()
    };
    assert_eq!((resumed.from_step, resumed.steps), (end.step, 400));
    let first = desk.wait("a resumed step", |e| matches!(e, Event::Step(_)));
    assert!(matches!(first, Event::Step(record) if record.step == end.step + 1));
    desk.send(Request::Shutdown);
    desk.wait("the end of the thread", |e| matches!(e, Event::ShutDown));
}

#[test]
fn what_cannot_be_done_is_said_and_the_worker_lives_on() {
    let mut desk = Desk::new();
    desk.send(Request::Inspect { source: InspectSource::Prompt("?".into()) });
    assert!(desk.wait_failure(JobKind::Inspect).contains("Model page"));
    desk.train(1);
    assert!(desk.wait_failure(JobKind::Train).contains("no model is loaded"));
    desk.send(Request::LoadModel { path: desk.path().join("nothing"), device: DeviceChoice::Cpu });
    assert!(desk.wait_failure(JobKind::LoadModel).contains("nothing"));
    desk.send(Request::ImportData { paths: vec![desk.path().join("none.jsonl")], map: ColumnMap::default() });
    assert!(desk.wait_failure(JobKind::ImportData).contains("none.jsonl"));
    desk.send(Request::ResumeRun { run: desk.path().to_owned() });
    assert!(desk.wait_failure(JobKind::Train).contains("run.json"));
}

#[test]
fn dropping_the_window_ends_the_worker_and_saves_the_run() {
    let mut desk = Desk::ready();
    let run = desk.train(10_000);
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    let Desk { worker, folder: _folder, .. } = desk;
    drop(worker.requests);
    worker.thread.join().unwrap();
    assert!(!hydra_studio::train::list_checkpoints(&run).unwrap().is_empty());
}
