//! What the methods cost beside each other.

use serde::Serialize;

use super::figures::{Pace, Sample, median};
use super::training::Steps;
use super::{Bench, WARM_UP};
use crate::adapter::Method;
use crate::train::{TrainError, TrainSettings};

/// Rows of a step, and their tokens.
const BATCH: (usize, usize) = (4, 256);

/// The methods compared: name, rank, heads. All others are held against plain LoRA of the same rank, the first.
const COMPARED: [(Method, usize, usize); 5] = [
    (Method::Lora, 8, 1),
    (Method::HydraLora, 8, 3),
    (Method::Lora, 32, 1),
    (Method::LoraSplit, 8, 4),
    (Method::LoraMoe, 8, 4),
];

/// What one method costs, medians over rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodCost {
    pub method: Method,
    pub rank: usize,
    pub heads: usize,
    /// Trainable parameters of `A` and `B`, and of the routers.
    pub parameters: usize,
    pub router_parameters: usize,
    pub rounds: usize,
    /// Tokens of a step.
    pub tokens: usize,
    #[serde(flatten)]
    pub pace: Pace,
    /// CPU time of a token beside that of LoRA of rank 8 in the same round; by the clock where CPU time is not known.
    pub relative_cost: f64,
}

impl Bench<'_> {
    /// Measures HydraLoRA and its relatives on the same rows of 4 × 256 tokens. Every round takes one step of each, so
    /// that whatever else the machine does disturbs them alike, and begins with another one.
    ///
    /// # Errors
    /// When the computation fails, or the job is cancelled.
    pub fn methods(&self) -> Result<Vec<MethodCost>, TrainError> {
        let (rows, tokens) = BATCH;
        let settings = self.rows_settings(rows, tokens);
        let data = self.random_rows(&settings);
        let rounds = WARM_UP + self.steps;
        let start = |(method, rank, heads)| {
            let settings = TrainSettings { method, rank, heads, ..settings.clone() };
            Steps::new(self, settings, data.clone(), rounds)
        };
        let mut methods: Vec<Steps> = COMPARED.into_iter().map(start).collect::<Result<_, _>>()?;
        let mut samples = vec![Vec::new(); methods.len()];
        for round in 0..rounds {
            for turn in 0..methods.len() {
                self.progress("methods", round * methods.len() + turn, rounds * methods.len());
                let which = (round + turn) % methods.len();
                let Some(steps) = methods.get_mut(which) else { continue };
                let sample = steps.next(self)?;
                samples.get_mut(which).filter(|_| round >= WARM_UP).into_iter().for_each(|all| all.push(sample));
            }
        }
        let baseline = samples.first().cloned().unwrap_or_default();
        Ok(methods.iter().zip(&samples).map(|(steps, samples)| cost_of(steps, samples, &baseline)).collect())
    }
}

fn cost_of(steps: &Steps, samples: &[Sample], baseline: &[Sample]) -> MethodCost {
    let settings = steps.trainer().settings();
    let adapter = steps.trainer().adapter();
    MethodCost {
        method: settings.method,
        rank: settings.rank,
        heads: settings.heads,
        parameters: adapter.map_or(0, |adapter| adapter.parameters()),
        router_parameters: adapter.map_or(0, |adapter| adapter.router_parameters()),
        rounds: samples.len(),
        tokens: samples.first().map_or(0, |sample| sample.tokens),
        pace: Pace::of(samples),
        relative_cost: relative_cost(samples, baseline),
    }
}

/// The median over the rounds of what a step costs beside the baseline's of the same round.
fn relative_cost(samples: &[Sample], baseline: &[Sample]) -> f64 {
    median(samples.iter().zip(baseline).map(|(own, base)| seconds(own) / seconds(base)).collect())
}

/// CPU time where it is known.
fn seconds(sample: &Sample) -> f64 {
    sample.spent.cpu_s.unwrap_or(sample.spent.wall_s).max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::usage::Spent;

    #[test]
    fn a_round_that_was_disturbed_as_a_whole_moves_no_cost() {
        let sample = |cpu_s: f64| Sample { spent: Spent { wall_s: 1.0, cpu_s: Some(cpu_s) }, ..Sample::default() };
        let (own, base) = ([1.5, 30.0, 1.5].map(sample), [1.0, 20.0, 1.0].map(sample));
        assert_eq!(relative_cost(&own, &base), 1.5);
        let untold = Sample { spent: Spent { wall_s: 2.0, cpu_s: None }, ..Sample::default() };
        assert_eq!(seconds(&untold), 2.0);
    }
}
