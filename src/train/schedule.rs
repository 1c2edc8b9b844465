//! The learning rate over a run.

use super::{Schedule, TrainSettings};

impl TrainSettings {
    /// The learning rate of optimizer step `step`, counted from 1, of `steps`. It rises evenly over the warm-up share, then
    /// moves as the schedule says: cosine and linear end near 0.
    pub fn lr_at(&self, step: usize, steps: usize) -> f64 {
        let warmup = (self.warmup * steps as f64).ceil();
        let before = step.saturating_sub(1) as f64;
        if before < warmup {
            return self.lr * (before + 1.0) / warmup;
        }
        let share = ((before - warmup) / (steps as f64 - warmup).max(1.0)).min(1.0);
        self.lr
            * match self.schedule {
                Schedule::Constant => 1.0,
                Schedule::Linear => 1.0 - share,
                Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * share).cos()),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(schedule: Schedule, warmup: f64) -> TrainSettings {
        TrainSettings { lr: 1.0, schedule, warmup, ..TrainSettings::default() }
    }

    #[test]
    fn it_warms_up_then_falls() {
        let cosine = settings(Schedule::Cosine, 0.1);
        let rates: Vec<f64> = (1..=100).map(|s| cosine.lr_at(s, 100)).collect();
        assert!((rates[0] - 0.1).abs() < 1e-12 && (rates[9] - 1.0).abs() < 1e-12 && (rates[10] - 1.0).abs() < 1e-12);
        assert!(rates[10..].windows(2).all(|w| w[0] > w[1]) && rates[99] < 0.01);
        let linear = settings(Schedule::Linear, 0.0);
        assert!((linear.lr_at(51, 100) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn without_warm_up_a_constant_rate_never_moves() {
        let constant = settings(Schedule::Constant, 0.0);
        assert!((1..=10).all(|s| constant.lr_at(s, 10) == 1.0));
        assert_eq!(constant.lr_at(1, 1), 1.0);
    }
}
