//! Runs in the worker: started, resumed, advanced a slice at a time, paused and stopped.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::data::LoadedData;
use super::import::{self, Imported};
use super::protocol::{Event, JobKind, RunSummary, SplitRule, TrainingEnd};
use super::session::{LoadedAdapter, Session};
use crate::adapter::AdapterError;
use crate::data::ColumnMap;
use crate::figures::count;
use crate::inspect::{FrameOrigin, GateFrame};
use crate::job::Job;
use crate::project::QueuedState;
use crate::train::{
    AdapterPlace, CheckpointRecord, DataRef, Dataset, FileRef, MemoryCheck, PauseRecord, Resumed, RoutingRecord, Run,
    RunEvent, RunFile, RunFolder, RunHistory, TrainError, TrainSettings,
};

/// A run in the worker.
pub(super) struct Training {
    run: Run,
    paused: bool,
    /// Whether the disk refused what the run had to write, and it is still owed.
    is_unsaved: bool,
}

impl Training {
    pub fn new(run: Run) -> Self {
        Self { run, paused: false, is_unsaved: false }
    }

    pub fn is_paused(&self) -> bool {
        self.paused
    }

    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Where the run stands.
    pub fn place(&self) -> PauseRecord {
        let trainer = self.run.trainer();
        PauseRecord { step: trainer.step(), elapsed_s: trainer.elapsed_s() }
    }

    /// The end of the run, were it here.
    pub fn end(&self, stopped: bool) -> TrainingEnd {
        let (first_held_out, last_held_out) = self.run.held_out();
        let trainer = self.run.trainer();
        TrainingEnd {
            path: self.run.path().to_owned(),
            step: trainer.step(),
            steps: trainer.steps(),
            stopped,
            first_held_out,
            last_held_out,
            elapsed_s: trainer.elapsed_s(),
        }
    }

    /// Gives back the run's folder, still held, and lets go of all else.
    pub fn release(self) -> RunFolder {
        self.run.release()
    }
}

impl Session {
    pub(super) fn start_training(
        &mut self,
        mut settings: TrainSettings,
        out: &Path,
        check: MemoryCheck,
        job: &Job,
    ) -> anyhow::Result<()> {
        if self.has_run() {
            self.refuse_second_run();
            return Ok(());
        }
        let (model, LoadedData { imported, .. }) = (self.model()?, self.data()?);
        settings.context = settings.context.min(model.decoder.config().max_position);
        // The run computes where the model is, and a resumed one loads it there again.
        settings.device = self.device;
        settings.validate().map_err(anyhow::Error::msg)?;
        RunFolder::refuse_taken(out)?;
        if let Some(start) = &settings.init_adapter {
            let folder = AdapterPlace::find(start)?.folder;
            settings.init_adapter = Some(std::path::absolute(&folder).unwrap_or(folder));
        }
        check_unchanged(&imported.files)?;
        let model = self.model_as(model, settings.base, job)?;
        let dataset = Dataset::from_examples(&imported.import.examples, model.tokenizer()?, &settings, job)?;
        let data_ref = self.data_ref(&imported, job)?;
        job.check()?;
        let run = Run::start_with(check, model, Arc::new(dataset), settings, data_ref, out)?;
        self.begin(run, None);
        Ok(())
    }

    pub(super) fn resume_run(&mut self, path: &Path, job: &Job) -> anyhow::Result<()> {
        if self.has_run() {
            self.refuse_second_run();
            return Ok(());
        }
        let (folder, file) = RunFolder::open(path)?;
        if !self.is_at_hand(&file) {
            self.put_model(&file.model.path, file.settings.base, file.settings.device, job)?;
        }
        let (run, resumed) = self.reopen(&file, folder, job)?;
        let history = RunHistory::read(run.path())?;
        for message in resumed.skipped {
            self.around.outbox.send(Event::Warning { message });
        }
        self.begin(run, Some(history));
        Ok(())
    }

    /// The run of a folder, from its last checkpoint, on its model, which is at hand or asleep, and its data, which is read
    /// again unless it is what is loaded.
    pub(super) fn reopen(&mut self, file: &RunFile, folder: RunFolder, job: &Job) -> anyhow::Result<(Run, Resumed)> {
        let DataRef::Rows { files, columns } = &file.data else {
            anyhow::bail!("this run was trained on a token file: resume it with `hydra-studio resume`");
        };
        self.wake(job)?;
        let model = self.model()?;
        file.check_model(&model)?;
        for file in files {
            file.check()?;
        }
        let imported = self.imported(files, columns, job)?;
        let tokenizer = model.tokenizer()?.with_clock(file.clock())?;
        let dataset = Dataset::from_examples(&imported.import.examples, &tokenizer, &file.settings, job)?;
        job.check()?;
        Ok(Run::resume(model, Arc::new(dataset), file, folder)?)
    }

    /// The examples of files: those that are loaded where they are the same, else read again and loaded.
    fn imported(
        &mut self,
        files: &[FileRef],
        columns: &BTreeMap<String, String>,
        job: &Job,
    ) -> anyhow::Result<Arc<Imported>> {
        let map = ColumnMap::from_columns(columns);
        let is_loaded = |data: &&LoadedData| data.imported.is_of(files, &map);
        if let Some(data) = self.data.as_ref().filter(is_loaded) {
            return Ok(data.imported.clone());
        }
        if self.asleep_data.as_ref().is_some_and(|data| data.is_of(files, &map)) {
            self.wake_data(job)?;
            return Ok(self.data()?.imported);
        }
        let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
        let imported = Arc::new(import::read(&paths, map, job)?);
        self.put_data(imported.clone());
        Ok(imported)
    }

    /// Whether the loaded model is the run's, on the device of the run's choice.
    fn is_at_hand(&self, file: &RunFile) -> bool {
        let is_same = self.model.as_ref().is_some_and(|model| model.fingerprint == file.model.fingerprint);
        let is_kept_so = self.model.as_ref().is_some_and(|model| model.base == file.settings.base);
        is_same && is_kept_so && self.device == file.settings.device
    }

    /// A warning, not a failure of the run's job: that would read as if the run under way had failed.
    fn refuse_second_run(&self) {
        let message = "a run is under way already: stop and save it before you start another".into();
        self.around.outbox.send(Event::Warning { message });
        self.around.outbox.send(Event::Cancelled { job: JobKind::Train });
    }

    pub(super) fn put_data(&mut self, imported: Arc<Imported>) {
        self.asleep_data = None;
        let rule = *self.around.rule.lock();
        let held_out = imported.held_out(rule);
        self.end_survey();
        let summary = import::summary(&imported, &held_out);
        self.set_data(LoadedData { imported, held_out: Arc::new(held_out) });
        self.around.outbox.send(Event::DataImported(summary));
        self.refresh_facts();
    }

    fn begin(&mut self, run: Run, history: Option<RunHistory>) {
        self.hold_out(SplitRule::of(run.trainer().settings()));
        let trainer = run.trainer();
        let data = trainer.data();
        let adapter = run.adapter();
        self.around.outbox.send(Event::TrainingStarted(RunSummary {
            path: run.path().to_owned(),
            settings: trainer.settings().clone(),
            from_step: trainer.step(),
            steps: trainer.steps(),
            examples: data.train.len(),
            held_out: data.held_out.len(),
            cut: data.cut,
            skipped: data.left_out.len(),
            parameters: adapter.map_or(0, |a| a.parameters()),
            router_parameters: adapter.map_or(0, |a| a.router_parameters()),
        }));
        self.tell_head_names(run.path());
        if let Some(history) = history {
            self.around.outbox.send(Event::RunHistory(history));
        }
        if let Some(first) = data.left_out.first() {
            let message = match data.left_out.len() - 1 {
                0 => format!("left out of training: {first}"),
                more => format!(
                    "left out of training: {first}; and {} more, which the run's left-out.jsonl lists",
                    count(more)
                ),
            };
            self.around.outbox.send(Event::Warning { message });
        }
        self.training = Some(Training::new(run));
    }

    /// One micro-batch of the run, or a batch of its evaluation, or a checkpoint.
    pub(super) fn train_slice(&mut self) {
        let Some(training) = self.training.as_mut().filter(|training| !training.paused) else { return };
        training.run.watch_gates(self.watches_gates);
        match training.run.advance() {
            Ok(events) => {
                let is_done = training.run.is_done();
                for event in events {
                    self.tell_run_event(event);
                }
                if is_done {
                    self.end(false);
                }
            }
            Err(error) => self.run_failed(error),
        }
    }

    fn tell_run_event(&self, event: RunEvent) {
        self.around.outbox.send(match event {
            RunEvent::Estimate(record) => Event::Estimated(record),
            RunEvent::RouterStart(record) => Event::RouterStart(record),
            RunEvent::Step(record) => Event::Step(record),
            RunEvent::Eval(record) => Event::Eval(record),
            RunEvent::Checkpoint(record) => Event::Checkpoint(record),
            RunEvent::Routing(record) => {
                self.around.outbox.send(Event::Gates(GateFrame::of(&record, FrameOrigin::HeldOut)));
                let RoutingRecord { step, load, entropy, collapsed, similarity, .. } = record;
                Event::RoutingSample { step, load, entropy, collapsed, similarity }
            }
            RunEvent::Gates(record) => Event::Gates(GateFrame::of(&record, FrameOrigin::Training)),
            RunEvent::Usage(record) => Event::Usage(record),
            RunEvent::Sample(record) => Event::Sample(record),
            RunEvent::Warning(record) => Event::RunWarning(record),
            RunEvent::Pause(record) => Event::PauseNoted(record),
            // The worker tells of the end itself.
            RunEvent::Ended(_) => return,
        });
    }

    /// A run whose disk fails is kept, paused, until it can be saved: hours of it may be in memory alone. Any other error
    /// would only come again, and ends it.
    pub(super) fn run_failed(&mut self, error: TrainError) {
        let is_kept = is_of_disk(&error);
        let error = anyhow::Error::from(error);
        match &mut self.training {
            Some(training) if is_kept => {
                (training.paused, training.is_unsaved) = (true, true);
                let message = format!(
                    "The run could not be saved and waits, paused; Stop and save or Continue tries again. Reason: {error:#}"
                );
                self.around.outbox.send(Event::SaveFailed { message });
            }
            training => {
                if let (Some(training), Some(error)) = (training.as_mut(), error.downcast_ref()) {
                    training.run.note_failure(error);
                }
                *training = None;
                let message = format!("{error:#}");
                self.around.outbox.refuse(JobKind::Train, message.clone());
                self.turn_ended(QueuedState::Failed { message });
            }
        }
    }

    /// Writes a checkpoint of the run under way. Gives back whether there is one and it was written.
    pub(super) fn save(&mut self) -> bool {
        self.save_by(Run::save)
    }

    /// As [`Self::save`], and notes that the run was stopped here.
    pub(super) fn save_stopped(&mut self) -> bool {
        self.save_by(Run::stop)
    }

    fn save_by(&mut self, save: fn(&mut Run) -> Result<CheckpointRecord, TrainError>) -> bool {
        let Some(training) = &mut self.training else { return false };
        match save(&mut training.run) {
            Ok(record) => {
                training.is_unsaved = false;
                self.around.outbox.send(Event::Checkpoint(record));
                true
            }
            Err(error) => {
                self.run_failed(error);
                false
            }
        }
    }

    pub(super) fn pause(&mut self) {
        if let Some(training) = &mut self.training {
            training.paused = true;
            match training.run.note_pause() {
                Ok(pause) => self.around.outbox.send(Event::PauseNoted(pause)),
                Err(error) => log::warn!("the log does not tell of the pause: {error}"),
            }
            self.around.outbox.send(Event::Paused { step: training.run.trainer().step() });
        }
    }

    /// Goes on with a paused run, once what it still owes to the disk is written.
    pub(super) fn go_on(&mut self) {
        if self.freed.is_some() {
            return self.go_on_freed();
        }
        if self.training.as_ref().is_some_and(|training| training.is_unsaved) && !self.save() {
            return;
        }
        if let Some(training) = &mut self.training {
            training.paused = false;
            self.around.outbox.send(Event::Continued { step: training.run.trainer().step() });
        }
    }

    /// Saves the run under way, if there is one, and ends it. Where it cannot be saved it is kept, and the window told.
    pub(super) fn stop_training(&mut self) {
        if self.freed.is_some() {
            return self.stop_freed();
        }
        if self.save_stopped() {
            self.end(true);
        }
    }

    /// Saves the run under way and ends, whether or not that succeeds: nobody is there to free the disk.
    pub(super) fn shut_down(mut self) {
        self.interrupt_turn();
        if self.training.is_some() {
            self.stop_training();
        }
        if self.training.is_some() {
            log::error!("the run under way could not be saved; its last checkpoint stands");
        }
    }

    /// The run is over; its adapter becomes the one that answers.
    fn end(&mut self, stopped: bool) {
        let Some(training) = self.training.take() else { return };
        let end = training.end(stopped);
        let adapter = training.run.adapter().cloned();
        let (card, path) = (training.run.card().clone(), end.path.clone());
        let loaded = adapter.map(|adapter| LoadedAdapter { adapter, card, path });
        // Told only once its folder is let go of: whoever looks at it then finds that it has ended.
        drop(training);
        let (path, step) = (end.path.clone(), end.step);
        self.around.outbox.send(Event::TrainingDone(end));
        if let Some(loaded) = loaded {
            self.tell_adapter(&loaded.adapter, &path);
            self.adapter = Some(loaded);
        }
        self.turn_ended(if stopped { QueuedState::Stopped { step } } else { QueuedState::Done });
    }
}

/// Errs where a file is no longer what was imported: the run could not be gone on with.
pub(super) fn check_unchanged(files: &[FileRef]) -> anyhow::Result<()> {
    for file in files {
        if FileRef::of(&file.path)? != *file {
            anyhow::bail!("this file was changed after it was imported; import it again: {}", file.path.display());
        }
    }
    Ok(())
}

/// Whether an error came from writing the run folder, so that another try may succeed.
fn is_of_disk(error: &TrainError) -> bool {
    matches!(
        error,
        TrainError::Disk(_)
            | TrainError::Run(_)
            | TrainError::Checkpoint { .. }
            | TrainError::Adapter(AdapterError::Disk(_))
    )
}
