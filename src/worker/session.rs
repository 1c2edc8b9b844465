//! The engine's loop: requests first, then one slice of whatever runs, so that a pause, a stop or a question reaches it
//! between two micro-steps.

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{Receiver, TryRecvError};

use super::answering::Answering;
use super::dispatch::{Surroundings, Task};
use super::import::Imported;
use super::protocol::{Event, InspectSource, JobKind, Request};
use super::summary;
use super::training::Training;
use crate::adapter::{Adapter, CardInfo, folder};
use crate::data::ColumnMap;
use crate::export::{ExportSource, export_hydralora};
use crate::job::Job;
use crate::model::BaseModel;
use crate::project::unpack_demo;
use crate::train::{AdapterPlace, DeviceChoice, open_device};

/// The adapter that answers while no run is on, and what its model card says.
pub(super) struct LoadedAdapter {
    pub adapter: Adapter,
    pub card: CardInfo,
}

/// Everything the engine holds. It lives on the engine's thread and dies with a panic there.
pub(super) struct Session {
    pub around: Surroundings,
    pub model: Option<Arc<BaseModel>>,
    pub adapter: Option<LoadedAdapter>,
    pub data: Option<Arc<Imported>>,
    pub training: Option<Training>,
    pub answering: Option<Answering>,
}

impl Session {
    pub fn new(around: Surroundings) -> Self {
        Self { around, model: None, adapter: None, data: None, training: None, answering: None }
    }

    /// Serves until a shutdown is asked for.
    pub fn run(mut self, queue: &Receiver<Task>) {
        loop {
            let task =
                if self.is_busy() { queue.try_recv() } else { queue.recv().map_err(|_| TryRecvError::Disconnected) };
            match task {
                Ok(Task::Request(request)) if *request == Request::Shutdown => return self.stop_training(),
                Err(TryRecvError::Disconnected) => return self.stop_training(),
                Ok(Task::Request(request)) => self.handle(*request),
                Ok(Task::Imported(data)) => self.data = Some(data),
                Err(TryRecvError::Empty) => self.work(),
            }
        }
    }

    fn is_busy(&self) -> bool {
        self.answering.is_some() || self.training.as_ref().is_some_and(|training| !training.is_paused())
    }

    /// One slice of the answer under way and one of the run.
    fn work(&mut self) {
        self.answer_slice();
        self.train_slice();
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::LoadModel { path, device } => self.load_model(&path, device),
            Request::LoadAdapter { path } => self.load_adapter(&path),
            Request::DropAdapter => {
                self.adapter = None;
                self.around.outbox.send(Event::AdapterDropped);
            }
            Request::PreviewData { start, count, context } => self.preview(start, count, context),
            Request::StartTraining { settings, out } => self.start_training(settings, &out),
            Request::ResumeRun { run } => self.resume_run(&run),
            Request::Pause => self.pause(),
            Request::Continue => self.go_on(),
            Request::StopAndSave => self.stop_training(),
            Request::Generate { id, messages, sampling, with_adapter } => {
                self.start_answer(id, &messages, &sampling, with_adapter);
            }
            Request::Inspect { source } => self.inspect(&source),
            Request::Export { out } => self.export(&out),
            Request::OpenDemo => self.open_demo(),
            // The request thread takes these.
            Request::ImportData { .. } | Request::Cancel { .. } | Request::Shutdown => {}
        }
    }

    /// Runs `work` as a job of a kind; what it errs with goes to the window.
    pub fn job(&mut self, kind: JobKind, work: impl FnOnce(&mut Self, &Job) -> anyhow::Result<()>) {
        let job = self.around.jobs.begin(kind, &self.around.outbox);
        let result = work(self, &job);
        self.around.jobs.end(kind);
        if let Err(error) = result {
            self.around.outbox.fail(kind, &job, &error);
        }
    }

    /// Whether a run forbids what was asked; if so the window is told.
    fn is_refused(&self, kind: JobKind, what: &str) -> bool {
        let refused = self.training.is_some();
        if refused {
            let message = format!("a run is under way: stop and save it before you {what}");
            self.around.outbox.refuse(kind, message);
        }
        refused
    }

    fn load_model(&mut self, path: &Path, device: DeviceChoice) {
        if !self.is_refused(JobKind::LoadModel, "load another model") {
            self.job(JobKind::LoadModel, |session, job| session.put_model(path, device, job));
        }
    }

    /// Loads a model in place of the one at hand, with which its adapter goes.
    pub fn put_model(&mut self, path: &Path, device: DeviceChoice, job: &Job) -> anyhow::Result<()> {
        self.answering = None;
        let device = open_device(device)?;
        let model = BaseModel::load(path, &device, job)?;
        model.tokenizer()?;
        let loaded = summary::model(&model)?;
        self.model = Some(Arc::new(model));
        if self.adapter.take().is_some() {
            self.around.outbox.send(Event::AdapterDropped);
        }
        self.around.outbox.send(Event::ModelLoaded(loaded));
        Ok(())
    }

    fn load_adapter(&mut self, path: &Path) {
        if self.is_refused(JobKind::LoadAdapter, "put on another adapter") {
            return;
        }
        self.job(JobKind::LoadAdapter, |session, _| {
            let model = session.model()?;
            let layers = model.decoder.config().layers;
            let place = AdapterPlace::find(path)?;
            let read = folder::read(&place.folder, Some(&|module| model.dims(module)), Some(layers))?;
            let adapter = Adapter::from_tensors(&read.tensors, model.decoder.device())?;
            session.around.outbox.send(Event::AdapterLoaded(summary::adapter(&adapter, Some(path))));
            session.adapter = Some(LoadedAdapter { adapter, card: place.card() });
            Ok(())
        });
    }

    /// The model at hand, or what to do without one.
    pub fn model(&self) -> anyhow::Result<Arc<BaseModel>> {
        self.model.clone().ok_or_else(|| anyhow::anyhow!("no model is loaded: choose one on the Model page"))
    }

    pub fn data(&self) -> anyhow::Result<Arc<Imported>> {
        self.data.clone().ok_or_else(|| anyhow::anyhow!("no data is loaded: choose files on the Data page"))
    }

    /// The adapter in training, or the one that is loaded.
    pub fn active_adapter(&self) -> Option<&Adapter> {
        let trained = self.training.as_ref().and_then(|training| training.run().adapter());
        trained.or(self.adapter.as_ref().map(|loaded| &loaded.adapter))
    }

    fn preview(&mut self, start: usize, count: usize, context: usize) {
        self.job(JobKind::PreviewData, |session, _| {
            let data = session.data()?;
            let model = session.model.clone();
            let tokenizer = model.as_ref().and_then(|model| model.tokenizer().ok());
            let examples = data.import.examples.iter().skip(start).take(count);
            let examples = examples.map(|example| summary::example(example, tokenizer, context)).collect();
            session.around.outbox.send(Event::DataPreview { start, examples });
            Ok(())
        });
    }

    fn inspect(&mut self, source: &InspectSource) {
        self.job(JobKind::Inspect, |session, _| {
            let model = session.model()?;
            let adapter = session.active_adapter().ok_or_else(|| {
                anyhow::anyhow!("there is no adapter to look at: train one, or load one on the Model page")
            })?;
            let text = summary::inspected_text(&model, session.data.as_deref(), source)?;
            let routing = crate::inspect::routing_of(&model.decoder, adapter, &text.ids)?;
            session.around.outbox.send(Event::Routing(summary::routing(&model, text, routing)?));
            Ok(())
        });
    }

    fn export(&mut self, out: &Path) {
        self.job(JobKind::Export, |session, job| {
            let model = session.model()?;
            let trained = session.training.as_ref().map(|training| training.run());
            let (adapter, card) = match (trained, &session.adapter) {
                (Some(run), _) => (run.adapter(), run.card().clone()),
                (None, Some(loaded)) => (Some(&loaded.adapter), loaded.card.clone()),
                (None, None) => (None, CardInfo::default()),
            };
            let adapter = adapter.ok_or_else(|| anyhow::anyhow!("there is no adapter to export: train one first"))?;
            let tensors = adapter.to_tensors()?;
            let source = ExportSource { tensors: &tensors, base_model: &model.name, card: &card };
            let tokenizer = model.tokenizer()?;
            let report = export_hydralora(out, source, |folder| Ok(tokenizer.save(folder).map(|_| ())?), job)?;
            session.around.outbox.send(Event::Exported(summary::export(out, report)));
            Ok(())
        });
    }

    fn open_demo(&mut self) {
        if self.is_refused(JobKind::LoadModel, "open the demo") {
            return;
        }
        self.job(JobKind::LoadModel, |session, job| {
            let demo = unpack_demo(&session.around.demo_folder)?;
            session.put_model(&demo.model, DeviceChoice::Auto, job)?;
            super::import::start_import(vec![demo.data], ColumnMap::default(), &session.around);
            Ok(())
        });
    }
}
