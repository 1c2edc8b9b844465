//! A paused run whose memory was given back: its folder stays held, its last step is saved, and nothing of model, optimizer
//! or data is kept. What needs the model reads it again, with the adapter as the run left it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::data::LoadedData;
use super::import::{self, Imported};
use super::jobs::Ticket;
use super::protocol::{EndReason, Event, JobKind, TrainingEnd};
use super::session::{LoadedAdapter, Session};
use super::training::Training;
use crate::data::{ColumnMap, Edit};
use crate::disk::to_recycle_bin;
use crate::job::Job;
use crate::model::{BaseModel, BaseType};
use crate::project::QueuedState;
use crate::train::{AdapterPlace, FileRef, RunFile, RunFolder, checkpoint_name, open_device};

/// A run that is held without its memory.
pub(super) struct FreedRun {
    folder: RunFolder,
    file: RunFile,
    end: TrainingEnd,
}

impl FreedRun {
    /// The end of the run, were it here.
    pub fn end(&self) -> &TrainingEnd {
        &self.end
    }

    fn checkpoint(&self) -> PathBuf {
        self.folder.path().join(checkpoint_name(self.end.step))
    }
}

/// The model that the window has loaded, while it is not in memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asleep {
    path: PathBuf,
    fingerprint: String,
    base: BaseType,
    /// The folder of the adapter that answers.
    adapter: Option<PathBuf>,
}

/// The data that the window has loaded, while it is not in memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AsleepData {
    files: Vec<FileRef>,
    map: ColumnMap,
    edits: Vec<Edit>,
    /// Where the changed examples stand for runs, once one asked for it.
    frozen: Option<Vec<FileRef>>,
}

impl AsleepData {
    pub fn of(imported: &Imported) -> Self {
        let edits = imported.edits.edits().cloned().collect();
        let frozen = imported.frozen.get().cloned();
        Self { files: imported.files.clone(), map: imported.map.clone(), edits, frozen }
    }

    /// Whether it is what these files hold, read by that map.
    pub fn is_of(&self, files: &[FileRef], map: &ColumnMap) -> bool {
        let is_changed = self.edits.iter().any(Edit::changes_examples);
        match &self.frozen {
            Some(frozen) if is_changed => frozen == files && *map == ColumnMap::default(),
            _ => !is_changed && self.files == files && self.map == *map,
        }
    }
}

impl Session {
    /// Saves the run under way, lets go of it, of the model and of what answers, and holds the run's folder.
    pub(super) fn pause_and_free(&mut self) {
        if let Some(freed) = &self.freed {
            let step = freed.end.step;
            self.fall_asleep(Some(freed.checkpoint()));
            return self.tell_freed(step);
        }
        if !self.save_stopped() {
            return;
        }
        let Some(training) = self.training.take() else { return };
        let end = training.end(true);
        self.note_pause(&training);
        match RunFile::read(&end.path) {
            Ok(file) => {
                let step = end.step;
                let freed = FreedRun { folder: training.release(), file, end };
                self.fall_asleep(Some(freed.checkpoint()));
                self.freed = Some(freed);
                self.tell_freed(step);
            }
            Err(error) => {
                self.training = Some(training);
                self.run_failed(error.into());
            }
        }
    }

    fn note_pause(&self, training: &Training) {
        self.around.outbox.send(Event::PauseNoted(training.place()));
    }

    /// Lets go of the model, which may have been read again, with the adapter as the held run left it.
    pub(super) fn sleep_beside_run(&mut self) {
        if let Some(checkpoint) = self.freed.as_ref().map(FreedRun::checkpoint) {
            self.fall_asleep(Some(checkpoint));
        }
    }

    /// Lets go of the model; what needs it reads it again.
    fn fall_asleep(&mut self, adapter: Option<PathBuf>) {
        self.end_answer(EndReason::Cancelled);
        self.end_survey();
        self.adapter = None;
        self.sides.forget();
        if let Some(model) = self.model.take() {
            let (path, fingerprint) = (model.path.clone(), model.fingerprint.clone());
            self.asleep = Some(Asleep { path, fingerprint, base: model.base, adapter });
        }
    }

    /// Reads the model again where its memory was given back, and the adapter that answers.
    pub(super) fn wake(&mut self, job: &Job) -> anyhow::Result<()> {
        let Some(asleep) = &self.asleep else { return Ok(()) };
        let model = BaseModel::load_as(&asleep.path, asleep.base, &open_device(self.device)?, job)?;
        if model.fingerprint != asleep.fingerprint {
            anyhow::bail!("the files of {} have changed since it was loaded: put them back as they were", model.name);
        }
        let adapter = asleep.adapter.as_deref().map(|folder| loaded_adapter(&model, folder)).transpose()?;
        job.check()?;
        self.model = Some(Arc::new(model));
        self.adapter = adapter;
        self.asleep = None;
        Ok(())
    }

    /// Reads the data again where its memory was given back.
    pub(super) fn wake_data(&mut self, job: &Job) -> anyhow::Result<()> {
        let Some(AsleepData { files, map, edits, frozen }) = self.asleep_data.clone() else { return Ok(()) };
        let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
        let mut imported = import::read(&paths, map, job)?;
        if imported.files != files {
            anyhow::bail!("the data has changed since it was imported: put its files back, or import them again");
        }
        if let Some(error) = imported.change_again(edits).into_iter().next() {
            return Err(error.into());
        }
        if let Some(frozen) = frozen {
            // Nothing can have been frozen in it yet.
            let _ = imported.frozen.set(frozen);
        }
        let held_out = imported.held_out(*self.around.rule.lock());
        self.set_data(LoadedData { imported: Arc::new(imported), held_out: Arc::new(held_out) });
        self.asleep_data = None;
        Ok(())
    }

    /// Holds a run that another process held, and tells that its memory was given back.
    pub(super) fn hold_again(&mut self, end: TrainingEnd) {
        match RunFolder::open(&end.path) {
            Ok((folder, file)) => {
                let step = end.step;
                self.freed = Some(FreedRun { folder, file, end });
                self.around.outbox.send(Event::Freed { step });
            }
            Err(lost) => {
                let message =
                    format!("The run is saved, but was not kept for you while it gave its memory back: {lost}");
                self.around.outbox.refuse(JobKind::Train, message.clone());
                self.turn_ended(QueuedState::Failed { message });
            }
        }
    }

    /// Goes on with a run whose memory was given back. Where that fails it stays as it was.
    pub(super) fn go_on_freed(&mut self) {
        let Some(freed) = self.freed.take() else { return };
        let ticket = self.around.jobs.begin(JobKind::Train, &self.around.outbox);
        let FreedRun { folder, file, end } = freed;
        match self.reopen(&file, folder, &ticket.job) {
            Ok((run, _)) => {
                self.around.jobs.end(&ticket);
                let step = run.trainer().step();
                self.adapter = None;
                self.training = Some(Training::new(run));
                self.around.outbox.send(Event::Continued { step });
            }
            Err(error) => self.stay_freed(file, end, &ticket, &error),
        }
    }

    fn stay_freed(&mut self, file: RunFile, end: TrainingEnd, ticket: &Ticket, error: &anyhow::Error) {
        self.around.jobs.end(ticket);
        match RunFolder::open(&end.path) {
            Ok((folder, _)) => {
                let step = end.step;
                self.freed = Some(FreedRun { folder, file, end });
                if !ticket.job.is_cancelled() {
                    let message = format!("The run could not go on and stays paused: {error:#}");
                    self.around.outbox.send(Event::Warning { message });
                }
                self.tell_freed(step);
            }
            Err(lost) => {
                let message = format!("{error:#}; and {lost}");
                self.around.outbox.refuse(JobKind::Train, message.clone());
                self.turn_ended(QueuedState::Failed { message });
            }
        }
    }

    /// Ends a run whose memory was given back, which is saved; its adapter becomes the one that answers.
    pub(super) fn stop_freed(&mut self) {
        let Some(FreedRun { end, .. }) = self.freed.take() else { return };
        let job = self.around.outbox.job(JobKind::LoadAdapter);
        if let Err(error) = self.wake(&job) {
            self.around.outbox.send(Event::Warning { message: format!("the adapter was not loaded: {error:#}") });
        }
        self.around.outbox.send(Event::TrainingDone(end.clone()));
        self.turn_ended(QueuedState::Stopped { step: end.step });
        if let Some(loaded) = &self.adapter {
            self.tell_adapter(&loaded.adapter, &end.path);
        }
    }

    /// Ends the run under way without saving and moves its folder to the recycle bin.
    pub(super) fn discard(&mut self) {
        let trained = self.training.take().map(|training| training.end(true));
        let Some(end) = trained.or(self.freed.take().map(|freed| freed.end)) else { return };
        let path = end.path;
        self.turn_ended(QueuedState::Stopped { step: end.step });
        if let Some(asleep) = &mut self.asleep {
            asleep.adapter = None;
            self.around.outbox.send(Event::AdapterDropped);
        }
        match to_recycle_bin(&path) {
            Ok(()) => self.around.outbox.send(Event::Discarded { path }),
            Err(error) => {
                let message = format!("The run was ended without saving, but its folder is still there: {error}");
                self.around.outbox.refuse(JobKind::Train, message);
            }
        }
    }
}

/// The adapter of a folder, on a model.
pub(super) fn loaded_adapter(model: &BaseModel, path: &Path) -> anyhow::Result<LoadedAdapter> {
    let layers = model.decoder.config().layers;
    let place = AdapterPlace::find(path)?;
    let read = crate::adapter::folder::read(&place.folder, Some(&|module| model.dims(module)), Some(layers))?;
    let adapter = crate::adapter::Adapter::from_tensors(&read.tensors, model.decoder.device())?;
    Ok(LoadedAdapter { adapter, card: place.card(), path: path.to_path_buf() })
}
