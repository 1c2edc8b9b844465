//! The shape of a base model, whichever file it was read from.
//!
//! [`ModelConfig`] is what the decoder is built from. `hugging_face.rs` fills it from a `config.json`, `gguf.rs` from the
//! metadata of a GGUF file. Both refuse by name what the decoder cannot compute, so that a config that exists is one that
//! works: see [`ModelConfig::validate`].

mod gguf;
mod hugging_face;
#[cfg(test)]
pub(super) mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(super) use hugging_face::TokenIds;

/// The decoder families that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
}

impl Architecture {
    /// Every architecture, in the order messages list them.
    pub const ALL: [Architecture; 4] =
        [Architecture::Llama, Architecture::Mistral, Architecture::Qwen2, Architecture::Qwen3];

    /// Its `model_type` in a `config.json`: `llama`, `mistral`, `qwen2` or `qwen3`.
    pub fn name(self) -> &'static str {
        match self {
            Architecture::Llama => "llama",
            Architecture::Mistral => "mistral",
            Architecture::Qwen2 => "qwen2",
            Architecture::Qwen3 => "qwen3",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How rotary frequencies are stretched beyond the context the model was first trained with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RopeScaling {
    None,
    /// Every frequency divided by `factor`.
    Linear {
        factor: f64,
    },
    /// Llama 3.1's rule: long waves divided by `factor`, short ones kept.
    Llama3 {
        factor: f64,
        low_freq_factor: f64,
        high_freq_factor: f64,
        original_max_position: usize,
    },
    /// One divisor per frequency, `[head_dim / 2]`: the form in which GGUF stores Llama 3.1's rule.
    Factors(Vec<f32>),
}

/// Attention that reaches back a limited number of positions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlidingWindow {
    /// A position attends to itself and the `tokens - 1` before it.
    pub tokens: usize,
    /// Whether the window holds, layer by layer; the others attend to everything before.
    pub layers: Vec<bool>,
}

/// A tensor that a model must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// As Hugging Face names it: `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    pub shape: Vec<usize>,
}

/// Everything that fixes a base model's computation but its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    pub architecture: Architecture,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Inner width of the feed-forward block.
    pub intermediate: usize,
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of one attention head; not always `hidden / heads`.
    pub head_dim: usize,
    pub vocab: usize,
    pub norm_eps: f64,
    pub rope_theta: f64,
    pub rope_scaling: RopeScaling,
    /// Longest context the model was made for, in tokens.
    pub max_position: usize,
    /// Whether the embedding matrix also projects to the vocabulary; `lm_head.weight` is absent then.
    pub tied_embeddings: bool,
    /// Whether q_proj, k_proj and v_proj have a bias.
    pub qkv_bias: bool,
    /// Whether o_proj has a bias.
    pub o_bias: bool,
    /// Whether gate_proj, up_proj and down_proj have a bias.
    pub mlp_bias: bool,
    /// Whether each query and key head is RMS-normalised before rotary embedding.
    pub qk_norm: bool,
    pub sliding_window: Option<SlidingWindow>,
    /// The token a text begins with, where the model has one.
    pub bos: Option<u32>,
    /// Every token that ends an answer, as far as the files beside the weights tell; without repeats.
    pub eos: Vec<u32>,
}

/// Why a config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the config cannot be understood ({0}); download it again")]
    Json(#[from] serde_json::Error),

    #[error("the config has no `{key}`; it may be incomplete, or not that of a language model")]
    Missing { key: String },

    #[error(
        "architecture `{found}` is not supported; llama, mistral, qwen2 and qwen3 are, choose a model of one of these"
    )]
    UnknownArchitecture { found: String },

    /// A known architecture with a variation that the decoder does not compute.
    #[error("{what} `{found}` is not supported; {supported}")]
    Unsupported { what: &'static str, found: String, supported: &'static str },

    #[error("{what} is {found}, but it must be {expected}; the config is damaged or not that of a language model")]
    BadValue { what: String, found: String, expected: String },
}

impl ConfigError {
    fn missing(key: impl Into<String>) -> Self {
        Self::Missing { key: key.into() }
    }

    fn bad_value(what: impl Into<String>, found: impl fmt::Display, expected: impl Into<String>) -> Self {
        Self::BadValue { what: what.into(), found: found.to_string(), expected: expected.into() }
    }
}

/// Sizes far beyond any model of these families: a larger number is damage, or made to exhaust memory.
mod limit {
    pub const HIDDEN: usize = 1 << 17;
    pub const INTERMEDIATE: usize = 1 << 20;
    pub const LAYERS: usize = 1 << 10;
    pub const HEADS: usize = 1 << 12;
    pub const HEAD_DIM: usize = 1 << 12;
    pub const VOCAB: usize = 1 << 23;
    pub const POSITION: usize = 1 << 30;
}

impl ModelConfig {
    /// Refuses sizes that contradict each other, are zero, or are beyond reason.
    fn validate(self) -> Result<Self, ConfigError> {
        let sizes = [
            ("the hidden size", self.hidden, limit::HIDDEN),
            ("the intermediate size", self.intermediate, limit::INTERMEDIATE),
            ("the number of layers", self.layers, limit::LAYERS),
            ("the number of attention heads", self.heads, limit::HEADS),
            ("the number of key/value heads", self.kv_heads, limit::HEADS),
            ("the size of an attention head", self.head_dim, limit::HEAD_DIM),
            ("the size of the vocabulary", self.vocab, limit::VOCAB),
            ("the longest context", self.max_position, limit::POSITION),
        ];
        for (what, size, limit) in sizes {
            if size == 0 || size > limit {
                return Err(ConfigError::bad_value(what, size, format!("from 1 to {limit}")));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let expected = format!("a multiple of the {} key/value heads", self.kv_heads);
            return Err(ConfigError::bad_value("the number of attention heads", self.heads, expected));
        }
        if !self.head_dim.is_multiple_of(2) {
            let expected = "even, because rotary embedding turns pairs";
            return Err(ConfigError::bad_value("the size of an attention head", self.head_dim, expected));
        }
        // Written so that NaN is refused too.
        if !(self.norm_eps > 0.0 && self.norm_eps < 1.0) {
            let expected = "above 0 and below 1";
            return Err(ConfigError::bad_value("the epsilon of the norms", self.norm_eps, expected));
        }
        if !(self.rope_theta > 1.0 && self.rope_theta.is_finite()) {
            return Err(ConfigError::bad_value("rope_theta", self.rope_theta, "a number above 1"));
        }
        self.validate_rope_scaling()?;
        if let Some(window) = &self.sliding_window {
            if window.tokens == 0 {
                return Err(ConfigError::bad_value("the sliding window", 0, "at least 1 token"));
            }
            if window.layers.len() != self.layers {
                let expected = format!("one entry for each of the {} layers", self.layers);
                return Err(ConfigError::bad_value("the length of `layer_types`", window.layers.len(), expected));
            }
        }
        Ok(self)
    }

    fn validate_rope_scaling(&self) -> Result<(), ConfigError> {
        let positive = |what: &str, value: f64| {
            let fits = value > 0.0 && value.is_finite();
            if fits { Ok(()) } else { Err(ConfigError::bad_value(what, value, "a number above 0")) }
        };
        match &self.rope_scaling {
            RopeScaling::None => Ok(()),
            RopeScaling::Linear { factor } => positive("the factor of rope scaling", *factor),
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position } => {
                positive("the factor of rope scaling", *factor)?;
                positive("low_freq_factor", *low_freq_factor)?;
                positive("high_freq_factor", *high_freq_factor)?;
                if high_freq_factor <= low_freq_factor {
                    let expected = format!("above low_freq_factor, {low_freq_factor}");
                    return Err(ConfigError::bad_value("high_freq_factor", high_freq_factor, expected));
                }
                if *original_max_position == 0 {
                    return Err(ConfigError::bad_value("original_max_position_embeddings", 0, "at least 1"));
                }
                Ok(())
            }
            RopeScaling::Factors(factors) => {
                if factors.len() != self.head_dim / 2 {
                    let expected = format!("{}, half the size of a head", self.head_dim / 2);
                    return Err(ConfigError::bad_value("the number of rope factors", factors.len(), expected));
                }
                factors.iter().try_for_each(|&factor| positive("a rope factor", f64::from(factor)))
            }
        }
    }

    /// How far back `layer` attends, in tokens; `None` where it attends to everything before.
    pub fn window(&self, layer: usize) -> Option<usize> {
        let window = self.sliding_window.as_ref()?;
        window.layers.get(layer).copied().unwrap_or(false).then_some(window.tokens)
    }

    /// Every tensor of the model with its shape, in the order of the forward pass. Linear weights are `[out, in]`.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        let mut all =
            vec![TensorSpec { name: "model.embed_tokens.weight".into(), shape: vec![self.vocab, self.hidden] }];
        for layer in 0..self.layers {
            let prefix = format!("model.layers.{layer}");
            let of_layer = self.layer_tensors().into_iter();
            all.extend(of_layer.map(|(name, shape)| TensorSpec { name: format!("{prefix}.{name}"), shape }));
        }
        all.push(TensorSpec { name: "model.norm.weight".into(), shape: vec![self.hidden] });
        if !self.tied_embeddings {
            all.push(TensorSpec { name: "lm_head.weight".into(), shape: vec![self.vocab, self.hidden] });
        }
        all
    }

    /// Names within a layer, and shapes, of one layer's tensors.
    fn layer_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let linears = [
            ("self_attn.q_proj", q, self.hidden, self.qkv_bias),
            ("self_attn.k_proj", kv, self.hidden, self.qkv_bias),
            ("self_attn.v_proj", kv, self.hidden, self.qkv_bias),
            ("self_attn.o_proj", self.hidden, q, self.o_bias),
            ("mlp.gate_proj", self.intermediate, self.hidden, self.mlp_bias),
            ("mlp.up_proj", self.intermediate, self.hidden, self.mlp_bias),
            ("mlp.down_proj", self.hidden, self.intermediate, self.mlp_bias),
        ];
        let mut tensors = vec![
            ("input_layernorm.weight".to_owned(), vec![self.hidden]),
            ("post_attention_layernorm.weight".to_owned(), vec![self.hidden]),
        ];
        for (name, outputs, inputs, bias) in linears {
            tensors.push((format!("{name}.weight"), vec![outputs, inputs]));
            if bias {
                tensors.push((format!("{name}.bias"), vec![outputs]));
            }
        }
        if self.qk_norm {
            tensors.push(("self_attn.q_norm.weight".to_owned(), vec![self.head_dim]));
            tensors.push(("self_attn.k_norm.weight".to_owned(), vec![self.head_dim]));
        }
        tensors
    }

    /// How many numbers the model's tensors hold; a tied embedding counts once.
    pub fn parameters(&self) -> usize {
        self.tensors().iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum()
    }

    /// Adds tokens that end an answer, leaving out repeats and ids that the vocabulary does not have.
    pub(super) fn add_eos(&mut self, ids: impl IntoIterator<Item = i64>) {
        for id in ids {
            if let Some(id) = self.token(id)
                && !self.eos.contains(&id)
            {
                self.eos.push(id);
            }
        }
    }

    /// A token id as it stands in a file; `None` where the vocabulary does not have it (-1 stands for "none" in some).
    fn token(&self, id: i64) -> Option<u32> {
        let id = u32::try_from(id).ok()?;
        ((id as usize) < self.vocab).then_some(id)
    }
}

/// A size as a file gives it, where this machine can count that far.
fn to_size(what: &str, value: u64) -> Result<usize, ConfigError> {
    usize::try_from(value).map_err(|_| ConfigError::bad_value(what, value, "a smaller number"))
}
