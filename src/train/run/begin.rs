//! A run at its beginning: anew, or from a checkpoint.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::super::checkpoint::{self, TrainerState};
use super::super::optimizer::Moments;
use super::super::router_start::check_topics;
use super::super::{
    DataRef, Dataset, EventWriter, MemoryCheck, ModelRef, PauseRecord, RunFile, RunFolder, RunHistory, RunLog,
    SamplePrompt, TrainError, TrainSettings, Trainer, device_name,
};
use super::pilot::{Made, Prospect};
use super::usage::Usage;
use super::watching::Watch;
use super::{Run, RunEvent, Work};
use crate::adapter::{Adapter, folder};
use crate::model::{BaseModel, ModelError};

/// How a run that was broken off went on.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Checkpoints that could not be read, and why.
    pub skipped: Vec<String>,
    /// The step it goes on from.
    pub from_step: usize,
    /// Steps that had been made since, and are made again.
    pub to_repeat: usize,
}

impl Run {
    /// Starts a run in the folder `out`, which must not exist or be empty. An adapter named in the settings is what
    /// training starts from, and its own method, rank, heads and targets hold.
    ///
    /// # Errors
    /// When the settings make no sense, the adapter to start from does not fit, or the folder cannot be made.
    /// [`TrainError::TooLarge`] when the memory it is estimated to take cannot be had.
    pub fn start(
        model: Arc<BaseModel>,
        data: Arc<Dataset>,
        settings: TrainSettings,
        data_ref: DataRef,
        out: &Path,
    ) -> Result<Self, TrainError> {
        Self::start_with(MemoryCheck::On, model, data, settings, data_ref, out)
    }

    /// As [`Run::start`]; with [`MemoryCheck::Off`] nothing holds the run's memory against what there is.
    ///
    /// # Errors
    /// As [`Run::start`].
    pub fn start_with(
        check: MemoryCheck,
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
        if settings.starts_from_topics() {
            check_topics(&data)?;
        }
        let adapter = start_adapter(&model, &mut settings)?;
        if check == MemoryCheck::On {
            // Before there is a folder: the next try may have its name.
            Prospect::new(&model, &data, settings.clone(), &adapter, Made::Adapter).check()?;
        }
        let steps = settings.total_steps(data.train.len());
        let file = RunFile {
            format: RunFile::FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            started: chrono::Utc::now().to_rfc3339(),
            settings,
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
        let mut run = Self::assemble(model, data, &file, folder, adapter, None)?;
        if check == MemoryCheck::Off {
            run.skip_memory_check();
        }
        Ok(run)
    }

    /// Goes on with a run from its last checkpoint that can be read, or from the start where none was written yet. `data`
    /// must be what the run began with.
    ///
    /// # Errors
    /// When no checkpoint of several can be read, or it belongs to another model.
    pub fn resume(
        model: Arc<BaseModel>,
        data: Arc<Dataset>,
        file: &RunFile,
        mut folder: RunFolder,
    ) -> Result<(Self, Resumed), TrainError> {
        let dims = |module| model.dims(module);
        let layers = model.decoder.config().layers;
        let load = |path: &Path| -> Result<_, TrainError> {
            let state = checkpoint::read_state(path)?;
            let read = folder::read(path, Some(&dims), Some(layers))?;
            let adapter = Adapter::from_tensors(&read.tensors, model.decoder.device())?;
            let moments = checkpoint::read_moments(path, &adapter)?;
            Ok((adapter, state, moments))
        };
        let mut history = RunHistory::read(folder.path())?;
        let reached = history.steps.last().map_or(0, |step| step.step);
        if folder.checkpoints()?.is_empty() {
            folder.start_over()?;
            let adapter = start_adapter(&model, &mut file.settings.clone())?;
            let run = Self::assemble(model, data, file, folder, adapter, None)?;
            return Ok((run, Resumed { to_repeat: reached, ..Resumed::default() }));
        }
        let latest = folder.latest(load)?;
        let (adapter, state, moments) = latest.loaded;
        folder.rewind(state.step)?;
        // A process killed right after its checkpoint had no time to note it as the best.
        folder.note_loss(state.step, state.held_out_here())?;
        // What was warned of since is of steps that are made again, and is told again with them.
        history.warnings.retain(|warning| warning.step <= state.step);
        let resumed =
            Resumed { skipped: latest.skipped, from_step: state.step, to_repeat: reached.saturating_sub(state.step) };
        let mut run = Self::assemble(model, data, file, folder, adapter, Some((state, moments)))?;
        run.watch.note_told(&history.warnings);
        if !run.is_done() {
            let pause = PauseRecord { step: run.trainer.step(), elapsed_s: run.trainer.elapsed_s() };
            run.record(&RunEvent::Pause(pause))?;
        }
        Ok((run, resumed))
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
                if let Some(in_force) = state.micro_batching {
                    trainer.divide_by(in_force);
                }
                state
            }
            None => TrainerState::of(&trainer),
        };
        let tenth = (steps / 10).max(1);
        let measured = trainer.data().held_out_batches(&settings, settings.measured_examples(steps));
        let mut run = Self {
            card: file.card(),
            log: folder.open_log(RunLog::Log)?,
            routing_log: folder.open_log(RunLog::Routing)?,
            samples_log: folder.open_log(RunLog::Samples)?,
            gates_log: folder.open_log(RunLog::Gates)?,
            watch: Watch::over(steps),
            curves: EventWriter::create(folder.path(), trainer.step())?,
            work: VecDeque::new(),
            usage: Usage::after(state.energy, !model.decoder.device().is_cpu()),
            measure: None,
            prompts: prompts(&model, trainer.data(), file)?,
            answer: None,
            router_start: None,
            saved_at: Instant::now(),
            checkpoint_every: settings.checkpoint_every.unwrap_or(tenth.min(100)).max(1),
            eval_every: settings.eval_interval(steps),
            measured,
            model,
            trainer,
            folder,
            state,
        };
        if run.trainer.step() < steps && !run.ends_early() {
            run.work.push_back(Work::Pilot);
        }
        if run.trainer.step() == 0 && settings.starts_from_topics() {
            // A checkpoint before the first step may hold routers that were not begun yet, or half of them.
            run.work.push_back(Work::StartRouters);
        }
        if run.owes_evaluation() {
            run.plan_evaluation();
            if resumed {
                run.work.push_back(Work::Checkpoint);
            }
        }
        run.plan_answers();
        run.plan_steps();
        Ok(run)
    }
}

/// The prompts of a run: the settings' own, then those that the data drew.
fn prompts(model: &BaseModel, data: &Dataset, file: &RunFile) -> Result<Vec<SamplePrompt>, TrainError> {
    let settings = &file.settings;
    let mut prompts = Vec::new();
    if !settings.sample_prompts.is_empty() && settings.samples > 0 {
        let own =
            model.tokenizer()?.with_clock(file.clock()).and_then(|tokenizer| SamplePrompt::own(settings, &tokenizer));
        prompts = own.map_err(ModelError::from)?;
    }
    prompts.extend(data.prompts.iter().cloned());
    prompts.truncate(settings.samples);
    Ok(prompts)
}

/// The adapter that training starts from: a new one, or the one that the settings name.
fn start_adapter(model: &BaseModel, settings: &mut TrainSettings) -> Result<Adapter, TrainError> {
    let layers = model.decoder.config().layers;
    let device = model.decoder.device();
    let Some(path) = &settings.init_adapter else {
        let dims = |module: crate::adapter::Module| model.decoder.config().dims(module.target);
        let spec = settings.adapter_spec();
        return Ok(Adapter::with_heads_at(settings.b_init, &spec, layers, dims, settings.seed, device)?);
    };
    let mut read = folder::read(path, Some(&|module| model.dims(module)), Some(layers))?;
    read.tensors.spec.dropout = settings.dropout;
    let spec = &read.tensors.spec;
    settings.method = spec.method;
    settings.rank = spec.rank;
    settings.heads = spec.heads;
    settings.alpha = Some(spec.alpha);
    settings.rslora = spec.rslora;
    settings.gate_temperature = spec.gate_temperature;
    settings.top_k_heads = spec.top_k_heads;
    settings.targets = spec.targets.clone();
    Ok(Adapter::from_tensors(&read.tensors, device)?)
}
