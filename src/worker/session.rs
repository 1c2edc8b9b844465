//! The engine's loop: requests first, then one slice of whatever runs, so that a pause, a stop or a question reaches it
//! between two micro-steps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::{Receiver, TryRecvError};

use super::answering::Answering;
use super::clustering::Origin;
use super::data::LoadedData;
use super::dispatch::{Surroundings, Task};
use super::freed::{Asleep, AsleepData, FreedRun, loaded_adapter};
use super::jobs::Ticket;
use super::process::{HandOver, Handing};
use super::protocol::{EndReason, Event, InspectSource, Request, SplitRule};
use super::sides::SideAdapters;
use super::summary;
use super::surveying::Surveying;
use super::training::Training;
use crate::adapter::{Adapter, CardInfo};
use crate::data::ColumnMap;
use crate::disk::write_atomic;
use crate::job::Job;
use crate::model::{BaseModel, BaseType};
use crate::project::queue::free_name;
use crate::project::unpack_demo;
use crate::train::{AdapterPlace, DeviceChoice, MemoryCheck, open_device};

/// The adapter that answers while no run is on, and what its model card says.
pub(super) struct LoadedAdapter {
    pub adapter: Adapter,
    pub card: CardInfo,
    /// Its folder, or the run that it is of.
    pub path: PathBuf,
}

/// Everything the engine holds. It lives on the engine's thread and dies with a panic there.
pub(super) struct Session {
    pub around: Surroundings,
    pub model: Option<Arc<BaseModel>>,
    /// The choice that the model was loaded with.
    pub device: DeviceChoice,
    pub adapter: Option<LoadedAdapter>,
    pub data: Option<LoadedData>,
    pub training: Option<Training>,
    /// A run that is held while its memory was given back; never beside one that trains.
    pub freed: Option<FreedRun>,
    /// The model, while its memory was given back.
    pub asleep: Option<Asleep>,
    /// The data, while its memory was given back.
    pub asleep_data: Option<AsleepData>,
    pub handing: Handing,
    pub answering: Option<Answering>,
    pub surveying: Option<Surveying>,
    /// Whether somebody watches the gates of the run.
    pub watches_gates: bool,
    /// Adapters of folders that answered beside the active one.
    pub sides: SideAdapters,
    /// What gathers the facts that estimates are made of, the latest one.
    pub facts: Option<Job>,
}

impl Session {
    /// A session with nothing in it, or with what another process held.
    pub fn new(around: Surroundings, hand_over: Option<HandOver>) -> Self {
        let device = DeviceChoice::default();
        let mut session = Self {
            around,
            model: None,
            device,
            adapter: None,
            data: None,
            training: None,
            freed: None,
            asleep: None,
            asleep_data: None,
            handing: Handing::default(),
            answering: None,
            surveying: None,
            watches_gates: false,
            sides: SideAdapters::default(),
            facts: None,
        };
        match hand_over {
            Some(hand_over) => session.take_over(hand_over),
            None => session.open_queue(),
        }
        session
    }

    /// Serves until a shutdown is asked for.
    pub fn run(mut self, queue: &Receiver<Task>) {
        loop {
            let task = if self.is_busy() { queue.try_recv() } else { self.wait(queue) };
            match task {
                Ok(Task::Request(request)) if matches!(*request, Request::Shutdown) => return self.shut_down(),
                Err(TryRecvError::Disconnected) => return self.shut_down(),
                Ok(Task::Request(request)) => self.handle(*request),
                Ok(Task::Job(ticket, request)) => self.serve(ticket, *request),
                Ok(Task::Imported(data)) => self.take_import(data),
                Err(TryRecvError::Empty) => {
                    self.work();
                    self.offer(queue);
                }
            }
        }
    }

    fn is_busy(&self) -> bool {
        let is_training = self.training.as_ref().is_some_and(|training| !training.is_paused());
        self.answering.is_some() || self.surveying.is_some() || is_training || self.is_turn_due()
    }

    /// One slice of the answer under way, one of the survey and one of the run; where none is on, the next of the queue begins.
    fn work(&mut self) {
        self.answer_slice();
        self.survey_slice();
        self.train_slice();
        self.take_turn();
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::DropAdapter => {
                self.adapter = None;
                self.around.outbox.send(Event::AdapterDropped);
            }
            Request::Enqueue { runs } => self.enqueue(runs),
            Request::EditData(edit) => self.edit_data(edit),
            Request::HoldOut(rule) => self.hold_out_as_next(rule),
            Request::UndoEdit => self.undo_edit(),
            Request::RedoEdit => self.redo_edit(),
            Request::SaveTable { path, text } => self.save_table(&path, &text),
            Request::MendData(wish) => self.mend_data(wish),
            Request::WatchGates { on } => self.watches_gates = on,
            Request::RenderPrompt { id, messages } => self.render_prompt(id, &messages),
            Request::SaveTranscript { path, conversations } => self.save_transcript(&path, &conversations),
            Request::Pause => self.pause(),
            Request::PauseAndFree => self.pause_and_free(),
            Request::Continue => self.go_on(),
            Request::SaveNow => {
                self.save();
            }
            Request::StopAndSave => {
                self.hold_between_turns();
                self.stop_training();
            }
            Request::Discard => {
                self.hold_between_turns();
                self.discard();
            }
            // The request thread takes some of the others, and the rest are jobs.
            other => self.handle_queue(other),
        }
    }

    /// Does a job, unless it was cancelled while it waited; what it errs with goes to the window.
    fn serve(&mut self, ticket: Ticket, request: Request) {
        if let Request::Generate { answers, sampling, watch } = request {
            return self.start_answers(ticket, &answers, &sampling, watch);
        }
        if let Request::Survey { scope, at } = request {
            return self.start_survey(ticket, scope, at);
        }
        if let Request::AuditData { context } = request {
            return self.start_audit(ticket, context);
        }
        if let Request::EditData(edit) = request {
            return self.edit_found(ticket, edit);
        }
        if let Request::FindTopics { search } = request {
            return self.start_topics(ticket, Origin::Search(search));
        }
        if let Request::OpenTopics { path } = request {
            return self.start_topics(ticket, Origin::File(path));
        }
        let done = ticket.job.check().map_err(Into::into).and_then(|()| self.work_on(&ticket.job, request));
        self.around.end(&ticket, done);
    }

    fn work_on(&mut self, job: &Job, request: Request) -> anyhow::Result<()> {
        match request {
            Request::LoadModel { path, device } => {
                self.refuse_while_training("load another model")?;
                self.put_model(&path, BaseType::Stored, device, job)
            }
            Request::ResumeRun { run } => self.resume_run(&run, job),
            Request::OpenDemo => self.open_demo(job),
            request => {
                self.wake(job)?;
                if is_about_data(&request) {
                    self.wake_data(job)?;
                }
                self.work_with_model(job, request)
            }
        }
    }

    /// What takes the model at hand.
    fn work_with_model(&mut self, job: &Job, request: Request) -> anyhow::Result<()> {
        match request {
            Request::LoadAdapter { path } => self.load_adapter(&path, job),
            Request::PreviewData { start, count, context } => self.preview(start, count, context, job),
            Request::SaveData { folder } => self.save_data(&folder, job),
            Request::StartTraining { settings, out } => self.start_training(settings, &out, MemoryCheck::On, job),
            Request::StartTrainingAnyway { settings, out } => {
                self.start_training(settings, &out, MemoryCheck::Off, job)
            }
            Request::Weigh { answers, side, against, watch } => {
                self.weigh(answers, (&side, against.as_ref()), watch, job)
            }
            Request::ReadPrompt { id, messages, side, watch } => self.read_prompt((id, &messages), &side, watch, job),
            Request::Inspect { source, at } => self.inspect(&source, at.as_deref(), job),
            Request::Export { out } => self.export(&out, job),
            _ => Ok(()),
        }
    }

    /// Whether a run trains, is paused, or is held without its memory.
    pub fn has_run(&self) -> bool {
        self.training.is_some() || self.freed.is_some()
    }

    fn save_table(&self, path: &Path, text: &str) {
        let path = free_name(path, &|path| !path.exists());
        let event = match write_atomic(&path, text.as_bytes()) {
            Ok(()) => Event::TableSaved { path },
            Err(error) => Event::Warning { message: format!("the table could not be saved: {error}") },
        };
        self.around.outbox.send(event);
    }

    fn refuse_while_training(&self, what: &str) -> anyhow::Result<()> {
        if self.has_run() {
            anyhow::bail!("a run is under way: stop and save it before you {what}");
        }
        Ok(())
    }

    /// Loads a model in place of the one at hand, with which its adapter goes. An answer under way ends only then: where
    /// the load fails, it goes on.
    pub fn put_model(&mut self, path: &Path, base: BaseType, choice: DeviceChoice, job: &Job) -> anyhow::Result<()> {
        let device = open_device(choice)?;
        let model = BaseModel::load_as(path, base, &device, job)?;
        model.tokenizer()?;
        let loaded = summary::model(&model)?;
        job.check()?;
        self.end_answer(EndReason::Cancelled);
        self.end_survey();
        self.model = Some(Arc::new(model));
        self.asleep = None;
        self.device = choice;
        if let Err(error) = self.wake_data(job) {
            log::warn!("the estimate goes without the data: {error:#}");
        }
        if self.adapter.take().is_some() {
            self.around.outbox.send(Event::AdapterDropped);
        }
        self.around.outbox.send(Event::ModelLoaded(loaded));
        self.refresh_facts();
        Ok(())
    }

    fn load_adapter(&mut self, path: &Path, job: &Job) -> anyhow::Result<()> {
        self.refuse_while_training("put on another adapter")?;
        let model = self.model()?;
        let loaded = loaded_adapter(&model, path)?;
        job.check()?;
        self.tell_adapter(&loaded.adapter, path);
        self.adapter = Some(loaded);
        if let Some(run) = AdapterPlace::find(path)?.run {
            self.hold_out(SplitRule::of(&run.settings));
        }
        Ok(())
    }

    /// The model at hand, `model`, with its matrices kept as `base`: it is read again where they are not, and stays so, with
    /// its adapter on. Both are in memory until it is read.
    pub fn model_as(&mut self, model: Arc<BaseModel>, base: BaseType, job: &Job) -> anyhow::Result<Arc<BaseModel>> {
        if model.base == base {
            return Ok(model);
        }
        let again = BaseModel::load_as(&model.path, base, model.decoder.device(), job)?;
        if again.fingerprint != model.fingerprint {
            anyhow::bail!(
                "the files of {} have changed since it was loaded: load it again on the Model page",
                model.name
            );
        }
        job.check()?;
        let again = Arc::new(again);
        self.end_answer(EndReason::Cancelled);
        self.end_survey();
        self.model = Some(again.clone());
        let message = format!(
            "{} is now kept as {base}, in chat and routing too; load it on the Model page to have it as stored.",
            again.name
        );
        self.around.outbox.send(Event::Warning { message });
        self.refresh_facts();
        Ok(again)
    }

    /// The model at hand, or what to do without one.
    pub fn model(&self) -> anyhow::Result<Arc<BaseModel>> {
        self.model.clone().ok_or_else(|| anyhow::anyhow!("no model is loaded: choose one on the Model page"))
    }

    /// The adapter in training, or the one that is loaded.
    pub fn active_adapter(&self) -> Option<&Adapter> {
        let trained = self.training.as_ref().and_then(|training| training.run().adapter());
        trained.or(self.adapter.as_ref().map(|loaded| &loaded.adapter))
    }

    fn open_demo(&mut self, job: &Job) -> anyhow::Result<()> {
        self.refuse_while_training("open the demo")?;
        let demo = unpack_demo(&self.around.demo_folder)?;
        self.put_model(&demo.model, BaseType::Stored, DeviceChoice::Auto, job)?;
        super::import::start_import(vec![demo.data], ColumnMap::default(), &self.around);
        Ok(())
    }
}

/// Whether a request is about examples of the loaded data.
fn is_about_data(request: &Request) -> bool {
    match request {
        Request::PreviewData { .. } | Request::SaveData { .. } | Request::Survey { .. } => true,
        Request::StartTraining { .. } | Request::StartTrainingAnyway { .. } => true,
        Request::Inspect { source, .. } => matches!(source, InspectSource::HeldOut(_)),
        _ => false,
    }
}
