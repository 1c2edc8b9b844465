//! A dry pass before the first step: forward and backward over the micro-batch that needs the most memory, whose gradients
//! are thrown away. What fails there would have failed hours into the run.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::batches::{Batcher, MicroBatch};
use super::estimate::{Estimate, ExampleSize, PassMemory, PassSize};
use super::headroom::is_out_of_memory;
use super::trainer::Trainer;
use super::usage::MemoryPeak;
use super::{FlopCount, TrainError};

/// Examples that are looked at for the heaviest micro-batch; of more, only the step of the longest is looked at beside.
const LOOKED_AT: usize = 200_000;

/// What a dry pass took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DryPass {
    /// The micro-batch that it was over.
    pub size: PassSize,
    /// The most memory that the process held in it, in bytes, where the system tells.
    pub peak_bytes: Option<u64>,
    pub seconds: f64,
    /// Floating-point operations a second that it reached.
    pub flops_per_s: f64,
}

/// What a run is estimated to take, beside what its heaviest micro-batch took in truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EstimateRecord {
    /// Optimizer steps done.
    pub step: usize,
    #[serde(flatten)]
    pub estimate: Estimate,
    /// All parts together, in bytes.
    pub total: u64,
    /// The most that the process can hold, in bytes.
    pub available: u64,
    /// The most that it held in a dry pass over the heaviest micro-batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<u64>,
}

impl Trainer {
    /// Forward and backward over the heaviest micro-batch, and nothing learnt from it; `None` where there is nothing to
    /// train on. Where memory does not suffice, micro-batches are made smaller, which is warned of.
    ///
    /// # Errors
    /// When the computation fails.
    pub fn dry_pass(&mut self) -> Result<Option<DryPass>, TrainError> {
        loop {
            let Some(heaviest) = self.heaviest() else { return Ok(None) };
            if let Err(shortage) = self.headroom_for(&heaviest.batch)
                && self.fall_back(&format!("memory runs short ({shortage})"))
            {
                continue;
            }
            match self.threads().run(|| self.pass_over(&heaviest)) {
                Err(error) if is_out_of_memory(&error) && self.fall_back("the device has no more memory") => {}
                done => return done.map(Some),
            }
        }
    }

    fn pass_over(&mut self, micro_batch: &MicroBatch) -> Result<DryPass, TrainError> {
        let batch = &micro_batch.batch;
        let size = PassSize { tokens: batch.ids.len(), supervised: batch.supervised() };
        let (peak, started) = (MemoryPeak::start(), Instant::now());
        let passed = self.gather_gradients(batch, size.supervised.max(1), 1.0, 0);
        self.forget_step();
        passed?;
        let seconds = started.elapsed().as_secs_f64();
        let spec = self.adapter().map(|adapter| adapter.spec());
        let flops = FlopCount { config: self.decoder().config(), adapter: spec }.training(batch);
        Ok(DryPass { size, peak_bytes: peak.bytes(), seconds, flops_per_s: flops / seconds.max(1e-9) })
    }

    /// The micro-batch that takes the most memory, from the lengths of the examples alone.
    fn heaviest(&self) -> Option<MicroBatch> {
        let settings = self.micro_batching().put_into(self.settings());
        let data = self.data();
        let sizes: Vec<ExampleSize> = data.train.iter().map(ExampleSize::of).collect();
        let mut batcher = Batcher::new(data.clone(), settings.clone());
        let is_packed = settings.packing && !data.in_file_order;
        let spec = self.adapter()?.spec().clone();
        let pass = PassMemory { config: self.decoder().config(), spec, recompute: settings.recompute };
        let (count, step_size) = (sizes.len(), settings.effective_batch().max(1));
        let steps = count.div_ceil(step_size).min(self.steps());
        let longest = (0..count).max_by_key(|&example| sizes.get(example).map_or(0, |size| size.tokens))?;
        let of_longest = (0..count).find(|&place| batcher.example(place) == longest).unwrap_or(0) / step_size;
        let looked_at = (0..steps.min(LOOKED_AT.div_ceil(step_size))).chain([of_longest.min(steps.saturating_sub(1))]);
        let bytes = |group: &Vec<usize>| {
            let sizes = group.iter().filter_map(|&example| sizes.get(example)).copied();
            pass.bytes(PassSize::of(sizes, is_packed))
        };
        let heaviest = looked_at.flat_map(|step| batcher.groups(step)).max_by_key(bytes)?;
        Some(batcher.laid_together(heaviest))
    }
}
