//! A worker with a test in the window's place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hydra_studio::data::{ColumnMap, Message, Role};
use hydra_studio::project::AppPaths;
use hydra_studio::train::{DeviceChoice, Length, TrainSettings};
use hydra_studio::worker::protocol::{AskedAnswer, Event, GateWatch, JobKind, Request, Sampling, Side};
use hydra_studio::worker::{Worker, spawn};

use crate::support;

/// A worker, a folder for its files, and the events that it has sent.
pub struct Desk {
    pub folder: tempfile::TempDir,
    pub worker: Worker,
    pub seen: Vec<Event>,
}

impl Desk {
    pub fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap())
    }

    /// A desk whose files lie in `folder`.
    pub fn at(folder: tempfile::TempDir) -> Self {
        let worker = spawn(&AppPaths::under(folder.path()), Arc::new(|| {})).unwrap();
        Self { folder, worker, seen: Vec::new() }
    }

    /// A desk with a tiny model and a small corpus loaded.
    pub fn ready() -> Self {
        let mut desk = Self::new();
        desk.load(200);
        desk
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn send(&self, request: Request) {
        self.worker.requests.send(request).unwrap();
    }

    /// The next event that `wanted` takes; everything on the way is kept in `seen`.
    pub fn wait(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let until = Instant::now() + Duration::from_secs(60);
        while let Ok(event) = self.worker.events.recv_deadline(until) {
            self.seen.push(event.clone());
            if wanted(&event) {
                return event;
            }
        }
        panic!("{what} did not come; seen: {:#?}", self.seen.iter().rev().take(5).collect::<Vec<_>>());
    }

    pub fn wait_failure(&mut self, job: JobKind) -> String {
        match self.wait("a failure", |e| matches!(e, Event::Failed { job: j, .. } if *j == job)) {
            Event::Failed { message, .. } => message,
            _ => unreachable!(),
        }
    }

    /// Puts a model and data on the desk, `rows` of them.
    pub fn load(&mut self, rows: usize) {
        let model = support::tiny_model(self.path());
        self.send(Request::LoadModel { path: model, device: DeviceChoice::Cpu });
        self.wait("the model", |e| matches!(e, Event::ModelLoaded(_)));
        let data = support::corpus(self.path(), rows);
        self.send(Request::ImportData { paths: vec![data], map: ColumnMap::default() });
        self.wait("the data", |e| matches!(e, Event::DataImported(_)));
    }

    /// Starts a run that saves every second step.
    pub fn train(&self, steps: usize) -> PathBuf {
        self.train_with(TrainSettings { checkpoint_every: Some(2), ..settings(steps) })
    }

    pub fn train_with(&self, settings: TrainSettings) -> PathBuf {
        self.train_into("run", settings)
    }

    pub fn train_into(&self, name: &str, settings: TrainSettings) -> PathBuf {
        let out = self.path().join(name);
        self.send(Request::StartTraining { settings, out: out.clone() });
        out
    }

    /// Trains to the end, which leaves an adapter loaded.
    pub fn trained(&mut self, settings: TrainSettings) -> PathBuf {
        let run = self.train_with(settings);
        self.wait("the end", |e| matches!(e, Event::TrainingDone(_)));
        run
    }
}

pub fn settings(steps: usize) -> TrainSettings {
    TrainSettings {
        length: Length::Steps(steps),
        batch: 2,
        accumulate: 2,
        context: 64,
        lr: 5e-3,
        ..TrainSettings::default()
    }
}

/// Waits for the end of the run under way: its last step, and whether it was stopped before that.
pub fn wait_end(desk: &mut Desk) -> (usize, bool) {
    match desk.wait("the end", |e| matches!(e, Event::TrainingDone(_))) {
        Event::TrainingDone(end) => (end.step, end.stopped),
        _ => unreachable!(),
    }
}

pub fn generate(id: u64, max_tokens: usize) -> Request {
    ask([(id, Side::adapter())], max_tokens, GateWatch::Nothing)
}

pub fn ask_base(id: u64, max_tokens: usize) -> Request {
    ask([(id, Side::Base)], max_tokens, GateWatch::Nothing)
}

/// A question to each of `sides`.
pub fn ask<const N: usize>(sides: [(u64, Side); N], max_tokens: usize, watch: GateWatch) -> Request {
    let sampling = Sampling { max_tokens, temperature: 0.0, ..Sampling::default() };
    let asked = |(id, side)| AskedAnswer { id, side, messages: question() };
    Request::Generate { answers: sides.into_iter().map(asked).collect(), sampling, watch }
}

pub fn question() -> Vec<Message> {
    vec![Message { role: Role::User, content: "What colour is snow?".into() }]
}

/// The steps that events tell of.
pub fn steps(events: &[Event]) -> Vec<usize> {
    events.iter().filter_map(|e| if let Event::Step(record) = e { Some(record.step) } else { None }).collect()
}
