//! How long a run takes, from the operations that it needs and how fast the machine multiplies.

use super::facts::{DataFacts, ExampleOrder, ExampleSize, MachineFacts, ModelFacts, Place};
use super::micro_batches::{PassSize, first_epoch};
use crate::train::{FlopCount, TrainSettings};

/// Share of the machine's matrix product that training reaches, as `hydra-studio bench` measures it: norms, activations
/// and the optimizer count as time and not as operations.
pub(super) const REACHED: f64 = 0.68;

/// Operations that reading and expanding one weight takes the time of, for every micro-batch.
const EXPANDING: f64 = 250.0;

/// The same of a weight that is in f32 already: it is packed for the product.
const PACKING: f64 = 40.0;

/// Time of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RunTime {
    pub steps: Option<usize>,
    pub step_s: Option<f64>,
    pub total_s: Option<f64>,
}

/// Operations of one pass over the examples that are known, and how they fall into steps.
struct Work {
    /// Of all micro-batches of an epoch together, each counted with the time it takes.
    training: f64,
    /// Steps that these are.
    steps: usize,
    /// Of a measure of one held-out example.
    measuring: f64,
}

/// Time of a run on the CPU; that of a GPU is not known before it runs.
pub(super) fn of_run(
    model: &ModelFacts,
    data: &DataFacts,
    machine: &MachineFacts,
    settings: &TrainSettings,
) -> RunTime {
    let (examples, held_out) = data.split_as(settings);
    let steps = (examples > 0).then(|| settings.total_steps(examples));
    let threads = settings.threads.unwrap_or(machine.threads).min(machine.threads).max(1);
    let rate = REACHED * machine.flops_per_s * threads as f64 / machine.threads.max(1) as f64;
    if rate <= 0.0 || model.place == Place::Gpu {
        return RunTime { steps, ..RunTime::default() };
    }
    let work = work(model, data, settings);
    let step_s = work.training / work.steps.max(1) as f64 / rate;
    let total_s = steps.map(|steps| {
        let measures = if held_out == 0 { 0 } else { 1 + steps.div_ceil(settings.eval_interval(steps)) };
        let rows = settings.measured_examples(steps).min(held_out);
        steps as f64 * step_s + (measures * rows) as f64 * work.measuring / rate
    });
    RunTime { steps, step_s: Some(step_s), total_s }
}

/// How many times longer a step takes with `other` settings than with `settings`.
pub(super) fn slowdown(model: &ModelFacts, data: &DataFacts, settings: &TrainSettings, other: &TrainSettings) -> f64 {
    let of = |settings: &TrainSettings| {
        let work = work(model, data, settings);
        work.training / work.steps.max(1) as f64
    };
    of(other) / of(settings).max(1.0)
}

fn work(model: &ModelFacts, data: &DataFacts, settings: &TrainSettings) -> Work {
    let spec = settings.adapter_spec();
    let count = FlopCount { config: &model.config, adapter: Some(&spec) };
    let is_packed = settings.packing && data.order == ExampleOrder::Seeded;
    let groups = first_epoch(data, settings);
    let rows: usize = groups.iter().map(|group| PassSize::of(group.iter().copied(), is_packed).tokens).sum();
    let examples: Vec<ExampleSize> = groups.iter().flatten().copied().collect();
    let supervised = examples.iter().map(|size| size.supervised).sum();
    let lengths = examples.iter().map(|size| size.tokens);
    let measuring = count.measuring_on(rows, lengths.clone(), supervised);
    let mut training = count.training_on(rows, lengths, supervised);
    let mut reads = 2.0;
    if settings.recompute {
        training += measuring;
        reads += 1.0;
    }
    let per_weight = if model.is_expanded(settings.base) { EXPANDING } else { PACKING };
    training += reads / 2.0 * per_weight * model.config.parameters() as f64 * groups.len() as f64;
    let steps = examples.len().div_ceil(settings.effective_batch().max(1));
    Work { training, steps, measuring: measuring / examples.len().max(1) as f64 }
}
