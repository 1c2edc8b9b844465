//! What a checkpoint holds beside the adapter: the optimizer's moments and the place in the run.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::checkpoints::list_checkpoints;
use super::optimizer::Moments;
use super::trainer::Trainer;
use super::{Energy, MicroBatching, TrainError};
use crate::adapter::{Adapter, CardInfo, TENSOR_FILE, folder};
use crate::disk::{DiskError, write_atomic};

const OPTIMIZER_FILE: &str = "optimizer.safetensors";
const STATE_FILE: &str = "trainer_state.json";
const FORMAT: u32 = 1;

/// The place in a run. Order of examples and dropout follow from the seed and the step, so that no random state needs
/// to be kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    pub format: u32,
    /// Optimizer steps done.
    pub step: usize,
    pub steps: usize,
    /// Numbers of micro-batches used up, which seed dropout: `accumulate` a step, also where packing needed fewer.
    pub micro_batches: usize,
    pub seed: u64,
    /// How steps fall into micro-batches, where memory ran short and it is no longer as the settings ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batching: Option<MicroBatching>,
    pub elapsed_s: f64,
    pub first_held_out: Option<f64>,
    pub last_held_out: Option<f64>,
    /// The step after which `last_held_out` was measured.
    #[serde(default)]
    pub held_out_step: Option<usize>,
    /// The lowest held-out loss so far, by the settings' measure of better.
    #[serde(default)]
    pub lowest_held_out: Option<f64>,
    /// Measures since then that brought nothing better.
    #[serde(default)]
    pub stale_measures: usize,
    /// The step whose prompts were answered last, and how many of them were.
    #[serde(default)]
    pub sampled_step: Option<usize>,
    #[serde(default)]
    pub sampled: usize,
    /// Used since the first step.
    #[serde(default)]
    pub energy: Energy,
}

impl TrainerState {
    /// The place a trainer is at between two optimizer steps.
    pub fn of(trainer: &Trainer) -> Self {
        let (settings, in_force) = (trainer.settings(), trainer.micro_batching());
        Self {
            format: FORMAT,
            step: trainer.step(),
            steps: trainer.steps(),
            micro_batches: trainer.step() * in_force.accumulate,
            seed: settings.seed,
            micro_batching: (in_force != MicroBatching::of(settings)).then_some(in_force),
            elapsed_s: trainer.elapsed_s(),
            first_held_out: None,
            last_held_out: None,
            held_out_step: None,
            lowest_held_out: None,
            stale_measures: 0,
            sampled_step: None,
            sampled: 0,
            energy: Energy::default(),
        }
    }

    /// This place's measures, at the step where `trainer` is now.
    pub(super) fn moved_to(&self, trainer: &Trainer) -> Self {
        let now = Self::of(trainer);
        Self {
            step: now.step,
            micro_batches: now.micro_batches,
            micro_batching: now.micro_batching,
            elapsed_s: now.elapsed_s,
            ..self.clone()
        }
    }

    /// Notes a held-out loss after the step at hand. It counts as better where it lies more than `min_delta` below the
    /// lowest so far.
    pub(super) fn note_held_out(&mut self, loss: f64, min_delta: f64) {
        self.first_held_out.get_or_insert(loss);
        self.last_held_out = Some(loss);
        self.held_out_step = Some(self.step);
        if self.lowest_held_out.is_none_or(|lowest| loss < lowest - min_delta) {
            (self.lowest_held_out, self.stale_measures) = (Some(loss), 0);
        } else {
            self.stale_measures += 1;
        }
    }

    /// The held-out loss with the weights of this very step, where it was measured.
    pub fn held_out_here(&self) -> Option<f64> {
        self.last_held_out.filter(|_| self.held_out_step == Some(self.step))
    }
}

/// Writes a checkpoint's files into `folder`, which exists.
///
/// # Errors
/// When the trainer has no adapter, or the disk refuses.
pub fn write(
    folder: &Path,
    trainer: &Trainer,
    state: &TrainerState,
    base_model: &str,
    card: &CardInfo,
) -> Result<(), TrainError> {
    let Some(adapter) = trainer.adapter() else { return Ok(()) };
    folder::write_files(folder, &adapter.to_tensors()?, base_model, card)?;
    let mut tensors = HashMap::new();
    for (rows, moments) in adapter.row_names().into_iter().zip(trainer.optimizer().moments()?) {
        for (name, rows) in rows {
            let part = |moment: &Tensor| moment.narrow(0, rows.start, rows.len());
            tensors.insert(first_moment(&name), part(&moments.m)?);
            tensors.insert(second_moment(&name), part(&moments.v)?);
        }
    }
    let path = folder.join(OPTIMIZER_FILE);
    let bytes = safetensors::serialize(&tensors, None)
        .map_err(|e| TrainError::Checkpoint { path: path.clone(), problem: format!("cannot be written: {e}") })?;
    write_atomic(&path, &bytes)?;
    let json = serde_json::to_string_pretty(state)
        .map_err(|e| TrainError::Checkpoint { path: folder.join(STATE_FILE), problem: e.to_string() })?;
    write_atomic(&folder.join(STATE_FILE), json.as_bytes())?;
    Ok(())
}

/// Reads a checkpoint's place without its tensors.
///
/// # Errors
/// When the file is missing, broken or of a newer format.
pub fn read_state(folder: &Path) -> Result<TrainerState, TrainError> {
    let path = folder.join(STATE_FILE);
    let problem = |problem: String| TrainError::Checkpoint { path: path.clone(), problem };
    let text = std::fs::read_to_string(&path).map_err(|e| problem(format!("cannot be read: {e}")))?;
    let state: TrainerState = serde_json::from_str(&text).map_err(|e| problem(format!("is broken: {e}")))?;
    if state.format > FORMAT {
        return Err(problem(format!(
            "has format {}, newer than this program knows ({FORMAT}): update it",
            state.format
        )));
    }
    Ok(state)
}

/// The step of the last checkpoint in the run folder at `folder` that is whole at a glance: its place can be read and its
/// tensor files have something in them. `None` where there is no such checkpoint.
///
/// # Errors
/// When the folder cannot be listed.
pub fn last_whole_step(folder: &Path) -> Result<Option<usize>, DiskError> {
    let is_whole = |path: &Path| {
        let has = |file: &str| path.join(file).metadata().is_ok_and(|meta| meta.len() > 0);
        has(OPTIMIZER_FILE) && has(TENSOR_FILE) && read_state(path).is_ok()
    };
    let whole = list_checkpoints(folder)?.into_iter().rev().find(|checkpoint| is_whole(&checkpoint.path));
    Ok(whole.map(|checkpoint| checkpoint.step))
}

/// Reads the optimizer's moments for an adapter that was read from the same checkpoint.
///
/// # Errors
/// When the file is missing, broken, or belongs to another adapter.
pub fn read_moments(folder: &Path, adapter: &Adapter) -> Result<Vec<Moments>, TrainError> {
    let path = folder.join(OPTIMIZER_FILE);
    let problem = |problem: String| TrainError::Checkpoint { path: path.clone(), problem };
    let mut tensors: HashMap<String, Tensor> =
        candle_core::safetensors::load(&path, &Device::Cpu).map_err(|e| problem(format!("cannot be read: {e}")))?;
    let mut take = |name: &str| {
        tensors.remove(name).ok_or_else(|| problem(format!("lacks the tensor {name}: it is another adapter's")))
    };
    let mut moments = Vec::new();
    for rows in adapter.row_names() {
        let mut gathered = |name: fn(&str) -> String| {
            let parts = rows.iter().map(|(module, _)| take(&name(module))).collect::<Result<Vec<_>, _>>()?;
            Tensor::cat(&parts, 0).map_err(|e| problem(format!("does not fit the adapter: {e}")))
        };
        moments.push(Moments { m: gathered(first_moment)?, v: gathered(second_moment)? });
    }
    Ok(moments)
}

fn first_moment(name: &str) -> String {
    format!("exp_avg.{name}")
}

fn second_moment(name: &str) -> String {
    format!("exp_avg_sq.{name}")
}
