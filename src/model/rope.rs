//! Rotary position embedding: the frequencies, with the scalings that stretch a model's context.

use std::f64::consts::TAU;

use super::config::{ModelConfig, RopeScaling};

/// The inverse frequencies of rotary embedding, `[head_dim / 2]`: position `p` turns pair `i` by `p * f[i]` radians.
///
/// `f[i] = theta^(-2i / head_dim)`, then scaled as the config says. Computed in f64 and rounded once.
pub fn inverse_frequencies(config: &ModelConfig) -> Vec<f32> {
    let dim = config.head_dim as f64;
    let plain = (0..config.head_dim / 2).map(|i| config.rope_theta.powf(-2.0 * i as f64 / dim));
    match &config.rope_scaling {
        RopeScaling::None => plain.map(|f| f as f32).collect(),
        RopeScaling::Linear { factor } => plain.map(|f| (f / factor) as f32).collect(),
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position } => plain
            .map(|f| llama3(f, *factor, *low_freq_factor, *high_freq_factor, *original_max_position as f64) as f32)
            .collect(),
        RopeScaling::Factors(factors) => {
            plain.zip(factors).map(|(f, factor)| (f / f64::from(*factor)) as f32).collect()
        }
    }
}

/// Llama 3.1's rule: waves that fit often into the original context stay, waves that are longer than it are stretched by
/// `factor`, and those between pass smoothly from one to the other.
fn llama3(frequency: f64, factor: f64, low: f64, high: f64, original_max_position: f64) -> f64 {
    let turns = original_max_position * frequency / TAU;
    let keep = ((turns - low) / (high - low)).clamp(0.0, 1.0);
    frequency * (keep + (1.0 - keep) / factor)
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::tiny_config;
    use super::*;

    fn assert_close(found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
            assert!((f64::from(f) / e - 1.0).abs() < 1e-6, "frequency {i}: {f} where {e} is expected");
        }
    }

    #[test]
    fn unscaled_frequencies_fall_geometrically() {
        let config = ModelConfig { head_dim: 8, rope_theta: 1e4, ..tiny_config() };
        assert_close(&inverse_frequencies(&config), &[1.0, 0.1, 0.01, 0.001]);
    }

    #[test]
    fn linear_scaling_divides_every_frequency() {
        let rope_scaling = RopeScaling::Linear { factor: 4.0 };
        let config = ModelConfig { head_dim: 8, rope_theta: 1e4, rope_scaling, ..tiny_config() };
        assert_close(&inverse_frequencies(&config), &[0.25, 0.025, 0.0025, 0.00025]);
    }

    #[test]
    fn llama3_scaling_keeps_short_waves_and_stretches_long_ones() {
        // Frequencies 1, 0.1, 0.01, 0.001. In 8192 positions they turn 1303.8, 130.38, 13.038 and 1.3038 times: the first
        // three more than `high` = 4 times, the last between `low` = 1 and `high`, where (1.3038 - 1) / 3 is kept.
        let rope_scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position: 8192,
        };
        let config = ModelConfig { head_dim: 8, rope_theta: 1e4, rope_scaling: rope_scaling.clone(), ..tiny_config() };
        assert_close(&inverse_frequencies(&config), &[1.0, 0.1, 0.01, 0.000_213_607_544]);

        // With theta 1e8 the last two turn 0.13038 and 0.00130 times: less than `low`, stretched by the whole factor.
        let config = ModelConfig { head_dim: 8, rope_theta: 1e8, rope_scaling, ..tiny_config() };
        assert_close(&inverse_frequencies(&config), &[1.0, 0.01, 0.000_1 / 8.0, 0.000_001 / 8.0]);
    }

    #[test]
    fn factors_from_a_file_divide_one_by_one() {
        let rope_scaling = RopeScaling::Factors(vec![1.0, 1.0, 2.0, 8.0]);
        let config = ModelConfig { head_dim: 8, rope_theta: 1e4, rope_scaling, ..tiny_config() };
        assert_close(&inverse_frequencies(&config), &[1.0, 0.1, 0.005, 0.000_125]);
    }
}
