//! A run: a trainer, its folder, and when to measure and to save. Whoever drives it calls [`Run::advance`] until it is
//! done; each call takes about as long as one micro-batch, so that a pause or a question never waits for more.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::checkpoint::{self, TrainerState};
use super::optimizer::Moments;
use super::trainer::{EvalSum, Trainer};
use super::{
    CheckpointRecord, DataRef, Dataset, EndRecord, EvalRecord, EventWriter, ModelRef, PauseRecord, RoutingRecord, Row,
    RunFile, RunFolder, RunLog, SampleRecord, StepRecord, TrainError, TrainSettings, UsageRecord, WarningRecord,
    device_name,
};
use crate::adapter::{Adapter, CardInfo, GateLoad, folder};
use crate::disk::LineLog;
use crate::model::BaseModel;

/// What a run tells while it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum RunEvent {
    Step(StepRecord),
    Eval(EvalRecord),
    Checkpoint(CheckpointRecord),
    Routing(RoutingRecord),
    Usage(UsageRecord),
    Sample(SampleRecord),
    Warning(WarningRecord),
    Pause(PauseRecord),
    Ended(EndRecord),
}

/// What there is to do next, in order.
#[derive(Clone, Debug, PartialEq)]
enum Work {
    MicroStep,
    /// One batch of the held-out rows.
    Evaluate {
        batch: usize,
    },
    Checkpoint,
}

/// Held-out loss being measured.
struct Measure {
    sum: EvalSum,
    load: Option<GateLoad>,
}

/// A run under way.
pub struct Run {
    model: Arc<BaseModel>,
    trainer: Trainer,
    folder: RunFolder,
    log: LineLog,
    routing_log: LineLog,
    curves: EventWriter,
    work: VecDeque<Work>,
    measure: Option<Measure>,
    state: TrainerState,
    card: CardInfo,
    checkpoint_every: usize,
    eval_every: usize,
    /// The held-out rows that a measure takes, pass by pass.
    measured: Vec<Vec<usize>>,
}

/// A measure takes at least this many held-out rows, where there are as many.
const MEASURED_AT_LEAST: usize = 32;
/// Beyond that, a measure takes one row for this many that are trained on, so that ten of them stay well below a fifth of
/// the run's time.
const TRAINED_PER_MEASURED: usize = 20;

impl Run {
    /// Starts a run in the folder `out`, which must not exist or be empty. An adapter named in the settings is what
    /// training starts from, and its own method, rank, heads and targets hold.
    ///
    /// # Errors
    /// When the settings make no sense, the adapter to start from does not fit, or the folder cannot be made.
    pub fn start(
        model: Arc<BaseModel>,
        data: Arc<Dataset>,
        mut settings: TrainSettings,
        data_ref: DataRef,
        out: &Path,
    ) -> Result<Self, TrainError> {
        settings.validate().map_err(TrainError::Settings)?;
        let context = model.decoder.config().max_position;
        if settings.context > context {
            settings.context = context;
        }
        let adapter = start_adapter(&model, &mut settings)?;
        let steps = settings.total_steps(data.train.len());
        let file = RunFile {
            format: RunFile::FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            started: chrono::Utc::now().to_rfc3339(),
            settings: settings.clone(),
            model: ModelRef {
                path: std::path::absolute(&model.path).unwrap_or_else(|_| model.path.clone()),
                name: model.name.clone(),
                fingerprint: model.fingerprint.clone(),
            },
            data: data_ref,
            device: device_name(model.decoder.device()).into(),
            steps,
            examples: data.train.len(),
            held_out: data.held_out.len(),
            parameters: adapter.parameters(),
            router_parameters: adapter.router_parameters(),
            model_parameters: model.parameters(),
        };
        let folder = RunFolder::create(out, &file)?;
        folder.write_left_out(&data.left_out)?;
        Self::assemble(model, data, &file, folder, adapter, None)
    }

    /// Goes on with a run from its last checkpoint that can be read, or from the start where none was written yet. `data`
    /// must be what the run began with. Also gives the checkpoints that could not be read, and why.
    ///
    /// # Errors
    /// When no checkpoint of several can be read, or it belongs to another model.
    pub fn resume(
        model: Arc<BaseModel>,
        data: Arc<Dataset>,
        file: &RunFile,
        mut folder: RunFolder,
    ) -> Result<(Self, Vec<String>), TrainError> {
        let dims = |module| model.dims(module);
        let layers = model.decoder.config().layers;
        let load = |path: &Path| -> Result<_, TrainError> {
            let state = checkpoint::read_state(path)?;
            let read = folder::read(path, Some(&dims), Some(layers))?;
            let adapter = Adapter::from_tensors(&read.tensors, model.decoder.device())?;
            let moments = checkpoint::read_moments(path, &adapter)?;
            Ok((adapter, state, moments))
        };
        if folder.checkpoints()?.is_empty() {
            folder.start_over()?;
            let adapter = start_adapter(&model, &mut file.settings.clone())?;
            return Ok((Self::assemble(model, data, file, folder, adapter, None)?, Vec::new()));
        }
        let latest = folder.latest(load)?;
        let (adapter, state, moments) = latest.loaded;
        folder.rewind(state.step)?;
        // A process killed right after its checkpoint had no time to note it as the best.
        folder.note_loss(state.step, state.held_out_here())?;
        let run = Self::assemble(model, data, file, folder, adapter, Some((state, moments)))?;
        Ok((run, latest.skipped))
    }

    fn assemble(
        model: Arc<BaseModel>,
        data: Arc<Dataset>,
        file: &RunFile,
        folder: RunFolder,
        adapter: Adapter,
        from: Option<(TrainerState, Vec<Moments>)>,
    ) -> Result<Self, TrainError> {
        let (settings, steps) = (file.settings.clone(), file.steps);
        let vars = adapter.vars();
        let mut trainer = Trainer::new(model.decoder.clone(), Some(adapter), vars, data, settings.clone(), steps);
        let resumed = from.is_some();
        let state = match from {
            Some((state, moments)) => {
                trainer.restore(&moments, state.step, state.elapsed_s)?;
                state
            }
            None => TrainerState::of(&trainer),
        };
        let tenth = (steps / 10).max(1);
        let measured = (steps * settings.effective_batch() / TRAINED_PER_MEASURED).max(MEASURED_AT_LEAST);
        let measured = trainer.data().held_out_batches(&settings, measured);
        let mut run = Self {
            card: file.card(),
            log: folder.open_log(RunLog::Log)?,
            routing_log: folder.open_log(RunLog::Routing)?,
            curves: EventWriter::create(folder.path(), trainer.step())?,
            work: VecDeque::new(),
            measure: None,
            checkpoint_every: settings.checkpoint_every.unwrap_or(tenth.min(100)).max(1),
            eval_every: settings.eval_every.unwrap_or(tenth).max(1),
            measured,
            model,
            trainer,
            folder,
            state,
        };
        if run.owes_evaluation() {
            run.plan_evaluation();
            if resumed {
                run.work.push_back(Work::Checkpoint);
            }
        }
        run.plan_steps();
        Ok(run)
    }

    /// Whether the held-out loss is due at this step and was not measured: at the start, or where a run was interrupted
    /// between a step and its measure.
    fn owes_evaluation(&self) -> bool {
        let step = self.trainer.step();
        let is_due = step.is_multiple_of(self.eval_every) || step == self.trainer.steps();
        is_due && self.state.held_out_step != Some(step) && !self.trainer.data().held_out.is_empty()
    }

    fn plan_evaluation(&mut self) {
        self.work.extend((0..self.measured.len()).map(|batch| Work::Evaluate { batch }));
    }

    fn plan_steps(&mut self) {
        if self.trainer.step() < self.trainer.steps() {
            self.work.push_back(Work::MicroStep);
        }
    }

    /// Whether every step is done and saved.
    pub fn is_done(&self) -> bool {
        self.work.is_empty()
    }

    /// Does the next piece of work, and gives what there is to tell of it.
    ///
    /// # Errors
    /// When the loss is not a finite number, or the disk refuses a checkpoint; the run folder keeps what was saved.
    pub fn advance(&mut self) -> Result<Vec<RunEvent>, TrainError> {
        let events = match self.work.pop_front() {
            None => Vec::new(),
            Some(Work::MicroStep) => self.micro_step()?.map(RunEvent::Step).into_iter().collect(),
            Some(Work::Evaluate { batch }) => self.evaluate(batch)?,
            Some(Work::Checkpoint) => vec![RunEvent::Checkpoint(self.write_checkpoint()?)],
        };
        for event in &events {
            self.record(event)?;
        }
        Ok(events)
    }

    fn micro_step(&mut self) -> Result<Option<StepRecord>, TrainError> {
        let record = self.trainer.micro_step().map_err(|error| self.with_checkpoint(error))?;
        if let Some(record) = &record {
            let (step, is_last) = (record.step, record.step == record.steps);
            if step.is_multiple_of(self.eval_every) || is_last {
                self.plan_evaluation();
            }
            if step % self.checkpoint_every == 0 || is_last {
                self.work.push_back(Work::Checkpoint);
            }
        }
        self.plan_steps();
        Ok(record)
    }

    /// Adds the last good checkpoint to an error: one whose adapter is known to give a finite loss. The weights that the
    /// failed step began with are known to only where the held-out loss was measured with them.
    fn with_checkpoint(&self, error: TrainError) -> TrainError {
        match error {
            TrainError::NotFinite { what, step, sources, .. } => {
                let is_good = |at: usize| at + 1 < step || self.state.held_out_step == Some(at);
                let all = self.folder.checkpoints().unwrap_or_default();
                let good = all.iter().rev().map(|checkpoint| checkpoint.step).find(|&at| is_good(at));
                TrainError::NotFinite { what, step, sources, checkpoint: good.map(super::checkpoint_name) }
            }
            other => other,
        }
    }

    fn evaluate(&mut self, batch: usize) -> Result<Vec<RunEvent>, TrainError> {
        let data = self.trainer.data().clone();
        let Some(rows) = self.measured.get(batch) else { return Ok(Vec::new()) };
        let rows: Vec<&Row> = rows.iter().filter_map(|&row| data.held_out.get(row)).collect();
        let heads = self.trainer.adapter().filter(|a| a.spec().method.has_router()).map(|a| a.spec().heads);
        let mut measure =
            self.measure.take().unwrap_or_else(|| Measure { sum: EvalSum::default(), load: heads.map(GateLoad::new) });
        let sum = self.trainer.evaluate(&rows, measure.load.as_mut()).map_err(|error| self.with_checkpoint(error))?;
        measure.sum.loss += sum.loss;
        measure.sum.supervised += sum.supervised;
        if batch + 1 < self.measured.len() {
            self.measure = Some(measure);
            return Ok(Vec::new());
        }
        Ok(self.finish_evaluation(&measure))
    }

    fn finish_evaluation(&mut self, measure: &Measure) -> Vec<RunEvent> {
        let step = self.trainer.step();
        let loss = measure.sum.loss / measure.sum.supervised.max(1) as f64;
        self.state.first_held_out.get_or_insert(loss);
        self.state.last_held_out = Some(loss);
        self.state.held_out_step = Some(step);
        let is_saved_next = self.work.front() == Some(&Work::Checkpoint);
        if step > 0 && !is_saved_next && self.folder.would_be_best(loss) {
            self.work.push_front(Work::Checkpoint);
        }
        let (examples, supervised) = (self.measured.iter().map(Vec::len).sum(), measure.sum.supervised);
        let eval =
            EvalRecord { step, loss, examples, supervised, elapsed_s: self.trainer.elapsed_s(), topics: Vec::new() };
        let mut events = vec![RunEvent::Eval(eval)];
        if let Some(load) = measure.load.as_ref().filter(|load| !load.is_empty()) {
            events.push(RunEvent::Routing(RoutingRecord::of(step, load)));
        }
        events
    }

    /// Writes a checkpoint of the last whole step, now, and tells of it in the log.
    ///
    /// # Errors
    /// When the disk refuses; older checkpoints stay as they are.
    pub fn save(&mut self) -> Result<CheckpointRecord, TrainError> {
        let record = self.write_checkpoint()?;
        self.record(&RunEvent::Checkpoint(record.clone()))?;
        Ok(record)
    }

    fn write_checkpoint(&mut self) -> Result<CheckpointRecord, TrainError> {
        self.state = TrainerState {
            first_held_out: self.state.first_held_out,
            last_held_out: self.state.last_held_out,
            held_out_step: self.state.held_out_step,
            ..TrainerState::of(&self.trainer)
        };
        self.card.held_out_before = self.state.first_held_out;
        self.card.held_out_after = self.state.last_held_out;
        let (trainer, state, card, name) = (&self.trainer, &self.state, &self.card, &self.model.name);
        let fill = |folder: &Path| checkpoint::write(folder, trainer, state, name, card);
        self.log.sync()?;
        self.folder.write_checkpoint(trainer.step(), state.held_out_here(), fill)
    }

    fn record(&mut self, event: &RunEvent) -> Result<(), TrainError> {
        self.log.append(event)?;
        match event {
            RunEvent::Step(record) => self.curves.step(record)?,
            RunEvent::Eval(record) => self.curves.eval(record)?,
            RunEvent::Routing(record) => self.routing_log.append(record)?,
            _ => {}
        }
        Ok(())
    }

    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    pub fn model(&self) -> &Arc<BaseModel> {
        &self.model
    }

    /// The run folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The adapter in training.
    pub fn adapter(&self) -> Option<&Adapter> {
        self.trainer.adapter()
    }

    /// What the model card of an export says of this run.
    pub fn card(&self) -> &CardInfo {
        &self.card
    }

    /// Held-out loss before training and at its last measure.
    pub fn held_out(&self) -> (Option<f64>, Option<f64>) {
        (self.state.first_held_out, self.state.last_held_out)
    }
}

/// The adapter that training starts from: a new one, or the one that the settings name.
fn start_adapter(model: &BaseModel, settings: &mut TrainSettings) -> Result<Adapter, TrainError> {
    let layers = model.decoder.config().layers;
    let device = model.decoder.device();
    let Some(path) = &settings.init_adapter else {
        let dims = |module: crate::adapter::Module| model.decoder.config().dims(module.target);
        return Ok(Adapter::new(&settings.adapter_spec(), layers, dims, settings.seed, device)?);
    };
    let mut read = folder::read(path, Some(&|module| model.dims(module)), Some(layers))?;
    read.tensors.spec.dropout = settings.dropout;
    let spec = &read.tensors.spec;
    settings.method = spec.method;
    settings.rank = spec.rank;
    settings.heads = spec.heads;
    settings.alpha = Some(spec.alpha);
    settings.rslora = spec.rslora;
    settings.targets = spec.targets.clone();
    Ok(Adapter::from_tensors(&read.tensors, device)?)
}
