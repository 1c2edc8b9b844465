//! From measured steps to the figures of a case.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::ops::{OpKind, profiled};
use crate::train::usage::Spent;

/// One measured step of a case.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub spent: Spent,
    /// Without filling.
    pub tokens: usize,
    /// Predictions that counted in the loss.
    pub supervised: usize,
    /// By the analytic count.
    pub flops: f64,
}

/// How long steps take: medians over them. Rates are of each step's own, since steps on real examples differ in their tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Pace {
    /// Seconds of a step.
    pub wall_s: f64,
    /// Seconds of all the process's threads in a step; `None` where the system does not tell, as below.
    pub cpu_s: Option<f64>,
    pub tokens_per_s: f64,
    pub tokens_per_cpu_s: Option<f64>,
}

impl Pace {
    pub(super) fn of(samples: &[Sample]) -> Self {
        let over = |of: &dyn Fn(&Sample) -> f64| median(samples.iter().map(of).collect());
        let over_known =
            |of: &dyn Fn(&Sample) -> Option<f64>| samples.iter().map(of).collect::<Option<_>>().map(median);
        Self {
            wall_s: over(&|sample| sample.spent.wall_s),
            cpu_s: over_known(&|sample| sample.spent.cpu_s),
            tokens_per_s: over(&|sample| sample.tokens as f64 / sample.spent.wall_s.max(1e-9)),
            tokens_per_cpu_s: over_known(&|sample| Some(sample.tokens as f64 / sample.spent.cpu_s?.max(1e-9))),
        }
    }
}

/// What was measured of a case: medians over its steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    pub case: String,
    /// Steps measured; of decoding, runs of several tokens.
    pub steps: usize,
    /// Tokens of a step, without filling.
    pub tokens: usize,
    /// Predictions of a step that counted in the loss; 0 where nothing is trained.
    pub supervised: usize,
    #[serde(flatten)]
    pub pace: Pace,
    pub flops_per_s: f64,
    /// Of what the machine's matrix product reaches, 0 to 1.
    pub share_of_ceiling: Option<f64>,
    /// The most memory held at once while the case ran, in bytes, the base model included.
    pub peak_memory_bytes: Option<u64>,
    /// Shares of the wall time.
    pub shares: TimeShares,
}

/// Shares of the wall time by kind of operation, and `rest`; together 1.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeShares(pub Vec<(&'static str, f64)>);

impl TimeShares {
    /// What the operations counted since profiling began, as shares of `wall_s` seconds.
    pub(super) fn since_start(wall_s: f64) -> Self {
        Self::of(&profiled(), wall_s)
    }

    fn of(times: &[(OpKind, Duration)], wall_s: f64) -> Self {
        let mut shares: Vec<_> =
            times.iter().map(|(kind, time)| (kind.name(), time.as_secs_f64() / wall_s.max(1e-9))).collect();
        let known: f64 = shares.iter().map(|(_, share)| share).sum();
        shares.push(("rest", (1.0 - known).max(0.0)));
        Self(shares)
    }
}

impl Serialize for TimeShares {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, share) in &self.0 {
            map.serialize_entry(&name.replace(' ', "_"), share)?;
        }
        map.end()
    }
}

impl Figures {
    pub(super) fn of(
        case: &str,
        samples: &[Sample],
        ceiling: Option<f64>,
        peak_memory_bytes: Option<u64>,
        shares: TimeShares,
    ) -> Self {
        let over = |of: &dyn Fn(&Sample) -> f64| median(samples.iter().map(of).collect());
        let flops_per_s = over(&|sample| sample.flops / sample.spent.wall_s.max(1e-9));
        Self {
            case: case.to_owned(),
            steps: samples.len(),
            tokens: over(&|sample| sample.tokens as f64) as usize,
            supervised: over(&|sample| sample.supervised as f64) as usize,
            pace: Pace::of(samples),
            flops_per_s,
            share_of_ceiling: ceiling.map(|ceiling| flops_per_s / ceiling.max(1.0)),
            peak_memory_bytes,
            shares,
        }
    }
}

/// The middle value, or the mean of the two in the middle; 0 of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or_default();
    match values.len() {
        0 => 0.0,
        len if len.is_multiple_of(2) => (values.get(len / 2 - 1).copied().unwrap_or(upper) + upper) / 2.0,
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(wall_s: f64, cpu_s: Option<f64>, tokens: usize) -> Sample {
        Sample { spent: Spent { wall_s, cpu_s }, tokens, supervised: tokens / 2, flops: tokens as f64 * 1e6 }
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!([vec![], vec![3.0], vec![5.0, 1.0], vec![9.0, 1.0, 2.0]].map(median), [0.0, 3.0, 3.0, 2.0]);
    }

    #[test]
    fn a_step_that_was_disturbed_moves_no_figure() {
        let samples = [sample(2.0, Some(4.0), 100), sample(50.0, Some(90.0), 100), sample(2.0, Some(4.0), 100)];
        let figures = Figures::of("4x256", &samples, Some(1e8), Some(7), TimeShares(Vec::new()));
        assert_eq!(
            (figures.pace.wall_s, figures.pace.cpu_s, figures.tokens, figures.supervised),
            (2.0, Some(4.0), 100, 50)
        );
        assert_eq!((figures.pace.tokens_per_s, figures.pace.tokens_per_cpu_s), (50.0, Some(25.0)));
        assert_eq!((figures.flops_per_s, figures.share_of_ceiling), (5e7, Some(0.5)));
    }

    #[test]
    fn what_the_system_does_not_tell_is_left_open() {
        let figures = Figures::of("4x256", &[sample(2.0, None, 100)], None, None, TimeShares(Vec::new()));
        assert_eq!((figures.pace.cpu_s, figures.pace.tokens_per_cpu_s, figures.share_of_ceiling), (None, None, None));
    }

    #[test]
    fn shares_make_a_whole_and_are_written_by_name() {
        let times = [(OpKind::BaseProduct, Duration::from_secs(3)), (OpKind::Attention, Duration::from_secs(1))];
        let shares = TimeShares::of(&times, 8.0);
        assert_eq!(shares.0, [("base products", 0.375), ("attention", 0.125), ("rest", 0.5)]);
        let text = serde_json::to_string(&shares).unwrap();
        assert_eq!(text, r#"{"base_products":0.375,"attention":0.125,"rest":0.5}"#);
    }
}
