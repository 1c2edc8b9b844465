//! What the machine's matrix product reaches at the model's own shapes: the ceiling of every case.

use serde::Serialize;

use crate::model::ModelConfig;
use crate::ops;

/// Tokens of the products, as of a micro-batch of 4 × 256.
const TOKENS: usize = 1024;

/// The rate of one f32 product `[m, k] · [n, k]ᵀ`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ProductRate {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub flops_per_s: f64,
}

/// The rates of the products that most of a training step consists of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ceiling {
    /// The best of them.
    pub flops_per_s: f64,
    pub products: Vec<ProductRate>,
}

impl Ceiling {
    /// Measures the products of o_proj, gate_proj and down_proj.
    pub fn measure(config: &ModelConfig) -> Self {
        let (hidden, inner) = (config.hidden, config.intermediate);
        let products: Vec<ProductRate> = [(hidden, hidden), (inner, hidden), (hidden, inner)]
            .map(|(n, k)| ProductRate { m: TOKENS, n, k, flops_per_s: ops::gemm_rate(TOKENS, n, k) })
            .to_vec();
        Self { flops_per_s: products.iter().map(|product| product.flops_per_s).fold(0.0, f64::max), products }
    }
}
