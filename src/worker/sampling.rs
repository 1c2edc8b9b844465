//! From what a model recommends to how answers are drawn, and on to the sampler.

use super::protocol::Sampling;
use crate::model::{GenerationDefaults, SamplerSettings};

impl From<&GenerationDefaults> for Sampling {
    /// What a model recommends, and our own defaults where it says nothing that can be used.
    fn from(model: &GenerationDefaults) -> Self {
        let ours = Self::default();
        let temperature = model.temperature.filter(|t| t.is_finite() && *t >= 0.0).unwrap_or(ours.temperature);
        Self {
            temperature: if model.do_sample == Some(false) { 0.0 } else { temperature },
            top_p: model.top_p.filter(|p| *p > 0.0 && *p <= 1.0).unwrap_or(ours.top_p),
            repetition_penalty: model
                .repetition_penalty
                .filter(|p| p.is_finite() && *p > 0.0)
                .unwrap_or(ours.repetition_penalty),
            ..ours
        }
    }
}

impl From<&Sampling> for SamplerSettings {
    fn from(sampling: &Sampling) -> Self {
        let Sampling { max_tokens: _, temperature, top_p, repetition_penalty, seed } = *sampling;
        Self { temperature, top_p, repetition_penalty, seed }
    }
}
