//! Sizes of the projections, as the adapter and the decoder ask for them.

use super::ModelConfig;
use crate::adapter::Target;

impl ModelConfig {
    /// Inputs and outputs of a kind of projection.
    pub fn dims(&self, target: Target) -> (usize, usize) {
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        match target {
            Target::Q => (self.hidden, q),
            Target::K | Target::V => (self.hidden, kv),
            Target::O => (q, self.hidden),
            Target::Gate | Target::Up => (self.hidden, self.intermediate),
            Target::Down => (self.intermediate, self.hidden),
        }
    }

    /// Whether a kind of projection has a bias.
    pub fn has_bias(&self, target: Target) -> bool {
        match target {
            Target::Q | Target::K | Target::V => self.qkv_bias,
            Target::O => self.o_bias,
            Target::Gate | Target::Up | Target::Down => self.mlp_bias,
        }
    }
}
