//! Dropout whose mask is drawn anew from its seed, in forward and again in backward, so that nothing is kept.

use rand::RngCore;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Zeroes a share of elements and scales the others up by `1 / (1 − share)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// From 0 to below 1.
    pub share: f64,
    /// Two calls with one seed draw one mask.
    pub seed: u64,
}

impl Dropout {
    /// `x` with the mask applied.
    pub(super) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let threshold = (self.share * 4_294_967_296.0) as u64;
        let scale = (1.0 / (1.0 - self.share)) as f32;
        x.iter().map(|x| if u64::from(random.next_u32()) < threshold { 0.0 } else { x * scale }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_drops_its_share_and_keeps_the_mean() {
        let x = vec![1f32; 100_000];
        let y = Dropout { share: 0.1, seed: 3 }.apply(&x);
        let dropped = y.iter().filter(|v| **v == 0.0).count() as f64 / 1e5;
        let mean = y.iter().map(|v| f64::from(*v)).sum::<f64>() / 1e5;
        assert!((dropped - 0.1).abs() < 0.005 && (mean - 1.0).abs() < 0.01, "{dropped} {mean}");
        assert_eq!(y, Dropout { share: 0.1, seed: 3 }.apply(&x));
        assert_ne!(y, Dropout { share: 0.1, seed: 4 }.apply(&x));
        assert_eq!(Dropout { share: 0.0, seed: 1 }.apply(&x), x);
    }
}
