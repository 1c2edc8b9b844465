//! Routers that begin with the topics of the data instead of random numbers: "intrinsic components" put to use at the start
//! of training (the paper's Figure 4 names their initialisation, its code has none).
//!
//! For every group of projections that read one input, a ridge regression predicts from the base model's activations there
//! which head's topic a token is from. Its rows, times the strength, become the routers of all projections of the group: a
//! token that the fit is sure of scores near 1 for its head and near 0 for the others, so that with strength `s` and `N`
//! heads its gate begins near `e^s / (e^s + N − 1)`; one that the fit can tell nothing of begins with even gates.
//!
//! `sample.rs` draws the examples and gives topics their heads, `ridge.rs` solves, and [`RouterStart`] walks the layers one
//! batch at a time, so that a pause never waits for long and no more than one layer's sums are in memory.

mod ridge;
mod sample;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Result, Tensor};
use serde::{Deserialize, Serialize};

use super::{Dataset, TrainError, TrainSettings};
use crate::adapter::{Adapter, InputWatcher, Module, Pass};
use crate::model::{Decoder, Sequences};
use ridge::Normal;
use sample::{Sample, draw};

/// How far routers that begin with the topics are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouterStartRecord {
    /// Optimizer steps done: 0.
    pub step: usize,
    /// Layers whose routers are set.
    pub layer: usize,
    pub layers: usize,
    /// Examples and tokens that the fit is made on.
    pub examples: usize,
    pub tokens: usize,
    /// The share of the topics' variance over those tokens that the fits so far explain, the mean over the modules' inputs.
    pub explained: f32,
}

impl RouterStartRecord {
    /// Whether every router is set.
    pub fn is_done(&self) -> bool {
        self.layer == self.layers
    }
}

/// Some examples in one pass.
#[derive(Debug)]
struct Part {
    sequences: Sequences,
    /// What enters the layer that comes next.
    hidden: Tensor,
    /// What a token counts, `[tokens, 1]`.
    weights: Tensor,
    /// 1 for the head of a token's topic, `[tokens, taught heads]`.
    targets: Tensor,
}

/// The walk through the layers.
pub(super) struct RouterStart {
    /// Those that have gone through the layer at hand, behind those that have not.
    parts: VecDeque<Part>,
    /// Parts that have not.
    left: usize,
    layer: usize,
    sums: BTreeMap<Module, Normal>,
    /// Heads that have a topic, in the order of the targets' columns.
    taught: Vec<usize>,
    strength: f64,
    examples: usize,
    tokens: usize,
    /// Sum of the explained shares, and how many.
    explained: (f64, usize),
}

/// Adds what a pass reads to the sums of its modules.
#[derive(Debug)]
struct Summing<'a> {
    adapter: &'a Adapter,
    weights: &'a Tensor,
    targets: &'a Tensor,
    sums: Mutex<BTreeMap<Module, Normal>>,
}

impl InputWatcher for Summing<'_> {
    fn see(&self, modules: &[Module], x: &Tensor) -> Result<()> {
        let Some(first) = modules.first().filter(|_| modules.iter().any(|module| self.is_adapted(*module))) else {
            return Ok(());
        };
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        match sums.get_mut(first) {
            Some(sum) => sum.add(x, self.weights, self.targets),
            None => {
                sums.insert(*first, Normal::of(x, self.weights, self.targets)?);
                Ok(())
            }
        }
    }
}

impl Summing<'_> {
    fn is_adapted(&self, module: Module) -> bool {
        self.adapter.modules().any(|other| other == module)
    }
}

impl RouterStart {
    /// Draws the examples. Nothing is computed yet.
    ///
    /// # Errors
    /// When fewer than two heads would have a topic.
    pub fn new(decoder: &Decoder, data: &Dataset, settings: &TrainSettings) -> std::result::Result<Self, TrainError> {
        check_topics(data)?;
        let Sample { batches, taught, examples, tokens } = draw(data, settings);
        let part = |batch: sample::SampleBatch| {
            let (count, device) = (batch.ids.len(), decoder.device());
            let tensor = |values: Vec<f32>, width: usize| Tensor::from_vec(values, (count, width), device);
            Ok(Part {
                sequences: Sequences::at(&batch.spans, count),
                hidden: decoder.embedded(&batch.ids)?,
                weights: tensor(batch.weights, 1)?,
                targets: tensor(batch.targets, taught.len())?,
            })
        };
        let parts: VecDeque<Part> = batches.into_iter().map(part).collect::<Result<_>>()?;
        let left = parts.len();
        let strength = settings.router_strength;
        Ok(Self {
            parts,
            left,
            layer: 0,
            sums: BTreeMap::new(),
            taught,
            strength,
            examples,
            tokens,
            explained: (0.0, 0),
        })
    }

    /// Takes one batch through the layer at hand; after the last, sets the layer's routers and tells how far it is.
    ///
    /// # Errors
    /// When the computation fails.
    pub fn advance(&mut self, decoder: &Decoder, adapter: &Adapter) -> Result<Option<RouterStartRecord>> {
        if let Some(part) = self.parts.pop_front() {
            let part = self.through_layer(part, decoder, adapter)?;
            self.parts.push_back(part);
            self.left = self.left.saturating_sub(1);
        }
        if self.left > 0 {
            return Ok(None);
        }
        for (first, sum) in std::mem::take(&mut self.sums) {
            self.set_routers(first, &sum, adapter)?;
        }
        self.left = self.parts.len();
        self.layer += 1;
        let (sum, count) = self.explained;
        Ok(Some(RouterStartRecord {
            step: 0,
            layer: self.layer,
            layers: decoder.config().layers,
            examples: self.examples,
            tokens: self.tokens,
            explained: (sum / count.max(1) as f64) as f32,
        }))
    }

    fn through_layer(&mut self, part: Part, decoder: &Decoder, adapter: &Adapter) -> Result<Part> {
        let sums = Mutex::new(std::mem::take(&mut self.sums));
        let summing = Summing { adapter, weights: &part.weights, targets: &part.targets, sums };
        let pass = Pass { watcher: Some(&summing), ..Pass::default() };
        let hidden = decoder.through_layer(self.layer, &part.hidden, &part.sequences, &pass)?;
        self.sums = summing.sums.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Part { hidden, ..part })
    }

    fn set_routers(&mut self, first: Module, sum: &Normal, adapter: &Adapter) -> Result<()> {
        let fit = sum.solve()?;
        self.explained.0 += sum.explained(&fit)?;
        self.explained.1 += 1;
        let rows = (fit.t()?.contiguous()? * self.strength)?.to_dtype(DType::F32)?.to_device(&Device::Cpu)?;
        for &target in first.target.group() {
            let module = Module { target, ..first };
            let Some(router) = adapter.router(module)? else { continue };
            let router = router.to_device(&Device::Cpu)?;
            let row = |head: usize| match self.taught.iter().position(|taught| *taught == head) {
                Some(row) => rows.narrow(0, row, 1),
                // A head without a topic keeps its random start.
                None => router.narrow(0, head, 1),
            };
            let rows: Vec<Tensor> = (0..router.dim(0)?).map(row).collect::<Result<_>>()?;
            adapter.set_router(module, &Tensor::cat(&rows, 0)?)?;
        }
        Ok(())
    }
}

/// Refuses data that routers cannot begin with.
///
/// # Errors
/// When its examples are of fewer than two topics.
pub(super) fn check_topics(data: &Dataset) -> std::result::Result<(), TrainError> {
    let mut topics: Vec<usize> = data.train.iter().filter_map(|row| row.topic).collect();
    topics.sort_unstable();
    topics.dedup();
    if topics.len() >= 2 {
        return Ok(());
    }
    let found = if topics.is_empty() { "the data labels none" } else { "all of the data is of one" };
    Err(TrainError::Settings(format!(
        "routers can begin with topics only where there are at least two, and {found}: give the data a topic column \
         (--map topic=COLUMN), or set router-init to random"
    )))
}

#[cfg(test)]
mod tests;
