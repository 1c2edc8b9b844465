//! Runs in the worker: started, resumed, advanced a slice at a time, paused and stopped.

use std::path::Path;
use std::sync::Arc;

use super::import::{self, Imported};
use super::protocol::{Event, JobKind, RunSummary, TrainingEnd};
use super::session::{LoadedAdapter, Session};
use super::summary;
use crate::data::ColumnMap;
use crate::train::{DataRef, Dataset, FileRef, Run, RunEvent, RunFolder, TrainSettings};

/// Rows left out that are told one by one; the run folder lists all.
const TOLD: usize = 5;

/// A run in the worker.
pub(super) struct Training {
    run: Run,
    paused: bool,
}

impl Training {
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    pub fn run(&self) -> &Run {
        &self.run
    }
}

impl Session {
    pub(super) fn start_training(&mut self, settings: TrainSettings, out: &Path) {
        if self.training.is_some() {
            return self.refuse_second_run();
        }
        self.job(JobKind::Train, |session, job| {
            let (model, data) = (session.model()?, session.data()?);
            let mut settings = settings;
            settings.context = settings.context.min(model.decoder.config().max_position);
            settings.validate().map_err(anyhow::Error::msg)?;
            let dataset = Dataset::from_examples(&data.import.examples, model.tokenizer()?, &settings, job)?;
            let files = data.import.files.iter().map(|file| FileRef::of(&file.path)).collect::<Result<_, _>>()?;
            let data_ref = DataRef::Rows { files, columns: data.map.to_columns() };
            let run = Run::start(model, Arc::new(dataset), settings, data_ref, out)?;
            session.begin(run);
            Ok(())
        });
    }

    pub(super) fn resume_run(&mut self, path: &Path) {
        if self.training.is_some() {
            return self.refuse_second_run();
        }
        self.job(JobKind::Train, |session, job| {
            let (folder, file) = RunFolder::open(path)?;
            let is_at_hand = session.model.as_ref().is_some_and(|model| model.fingerprint == file.model.fingerprint);
            if !is_at_hand {
                session.put_model(&file.model.path, file.settings.device, job)?;
            }
            let model = session.model()?;
            file.check_model(&model)?;
            let DataRef::Rows { files, columns } = &file.data else {
                anyhow::bail!("this run was trained on a token file: resume it with `hydra-studio resume`");
            };
            for file in files {
                file.check()?;
            }
            let paths = files.iter().map(|file| file.path.clone()).collect();
            let imported = Arc::new(import::read(paths, ColumnMap::from_columns(columns), job)?);
            session.put_data(imported.clone());
            let tokenizer = model.tokenizer()?.with_clock(file.clock())?;
            let dataset = Dataset::from_examples(&imported.import.examples, &tokenizer, &file.settings, job)?;
            let (run, skipped) = Run::resume(model, Arc::new(dataset), &file, folder)?;
            for message in skipped {
                session.around.outbox.send(Event::Warning { message });
            }
            session.begin(run);
            Ok(())
        });
    }

    /// A warning, not a failure of the run's job: that would read as if the run under way had failed.
    fn refuse_second_run(&self) {
        let message = "a run is under way already: stop and save it before you start another".into();
        self.around.outbox.send(Event::Warning { message });
    }

    fn put_data(&mut self, imported: Arc<Imported>) {
        self.around.outbox.send(Event::DataImported(import::summary(&imported)));
        self.data = Some(imported);
    }

    fn begin(&mut self, run: Run) {
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
        for row in data.left_out.iter().take(TOLD) {
            self.around.outbox.send(Event::Warning { message: format!("left out of training: {row}") });
        }
        self.training = Some(Training { run, paused: false });
    }

    /// One micro-batch of the run, or a batch of its evaluation, or a checkpoint.
    pub(super) fn train_slice(&mut self) {
        let Some(training) = self.training.as_mut().filter(|training| !training.paused) else { return };
        match training.run.advance() {
            Ok(events) => {
                for event in events {
                    self.around.outbox.send(match event {
                        RunEvent::Step(record) => Event::Step(record),
                        RunEvent::Eval(record) => Event::Eval(record),
                        RunEvent::Checkpoint(record) => Event::Checkpoint(record),
                        RunEvent::Routing(r) => Event::RoutingSample { step: r.step, load: r.load, entropy: r.entropy },
                    });
                }
                if training.run.is_done() {
                    self.end(false);
                }
            }
            Err(error) => {
                let message = format!("{:#}", anyhow::Error::from(error));
                self.training = None;
                self.around.outbox.refuse(JobKind::Train, message);
            }
        }
    }

    pub(super) fn pause(&mut self) {
        if let Some(training) = &mut self.training {
            training.paused = true;
            self.around.outbox.send(Event::Paused { step: training.run.trainer().step() });
        }
    }

    pub(super) fn go_on(&mut self) {
        if let Some(training) = &mut self.training {
            training.paused = false;
            self.around.outbox.send(Event::Continued { step: training.run.trainer().step() });
        }
    }

    /// Saves the run under way, if there is one, and ends it.
    pub(super) fn stop_training(&mut self) {
        let Some(training) = &mut self.training else { return };
        match training.run.save() {
            Ok(record) => self.around.outbox.send(Event::Checkpoint(record)),
            Err(error) => {
                let error = anyhow::Error::from(error);
                let message = format!("the run was stopped, but its last steps could not be saved: {error:#}");
                self.around.outbox.send(Event::Warning { message });
            }
        }
        self.end(true);
    }

    /// The run is over; its adapter becomes the one that answers.
    fn end(&mut self, stopped: bool) {
        let Some(Training { run, .. }) = self.training.take() else { return };
        let (first_held_out, last_held_out) = run.held_out();
        let trainer = run.trainer();
        self.around.outbox.send(Event::TrainingDone(TrainingEnd {
            path: run.path().to_owned(),
            step: trainer.step(),
            steps: trainer.steps(),
            stopped,
            first_held_out,
            last_held_out,
            elapsed_s: trainer.elapsed_s(),
        }));
        if let Some(adapter) = run.adapter() {
            self.around.outbox.send(Event::AdapterLoaded(summary::adapter(adapter, Some(run.path()))));
            self.adapter = Some(LoadedAdapter { adapter: adapter.clone(), card: run.card().clone() });
        }
    }
}
