//! A model's config from the metadata of a GGUF file, and from which tensors the file has.

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;

use super::{Architecture, ConfigError, ModelConfig, RopeScaling, SlidingWindow, to_size};

/// Keys that name a token at which an answer ends: end of sequence, of turn, of message.
const EOS_KEYS: [&str; 3] =
    ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

/// Metadata, read by the keys of one architecture.
struct Metadata<'a> {
    values: &'a HashMap<String, Value>,
    architecture: &'static str,
}

impl ModelConfig {
    /// Reads the metadata of a GGUF file. `shape_of` gives the shape of a tensor by its name in the file, outermost first;
    /// `rope_factors` is the content of `rope_freqs.weight`, where the file has it.
    ///
    /// Llama and Mistral models are both written as `llama`, and read as such.
    ///
    /// Errs as [`ModelConfig::from_hugging_face`] does.
    pub(in crate::model) fn from_gguf(
        values: &HashMap<String, Value>,
        shape_of: impl Fn(&str) -> Option<Vec<usize>>,
        rope_factors: Option<Vec<f32>>,
    ) -> Result<Self, ConfigError> {
        let architecture = architecture(values)?;
        let metadata = Metadata { values, architecture: architecture.name() };
        metadata.refuse_variations()?;

        let hidden = metadata.size("embedding_length")?;
        let layers = metadata.size("block_count")?;
        let heads = metadata.size("attention.head_count")?;
        let kv_heads = metadata.optional_size("attention.head_count_kv")?.unwrap_or(heads);
        let head_dim = match metadata.optional_size("attention.key_length")? {
            Some(size) => size,
            None => hidden.checked_div(heads).unwrap_or(0),
        };
        let embedding = shape_of("token_embd.weight");
        let vocab = embedding.as_ref().and_then(|shape| shape.first().copied());
        let has = |name: &str| shape_of(name).is_some();
        let rope_scaling = metadata.rope_scaling(rope_factors)?;
        let mut config = ModelConfig {
            architecture,
            hidden,
            intermediate: metadata.size("feed_forward_length")?,
            layers,
            heads,
            kv_heads,
            head_dim,
            vocab: vocab.ok_or_else(|| ConfigError::missing("token_embd.weight"))?,
            norm_eps: metadata.required_number("attention.layer_norm_rms_epsilon")?,
            rope_theta: metadata.number("rope.freq_base")?.unwrap_or(10_000.0),
            rope_scaling,
            max_position: metadata.size("context_length")?,
            tied_embeddings: !has("output.weight"),
            qkv_bias: architecture == Architecture::Qwen2 || has("blk.0.attn_q.bias"),
            o_bias: has("blk.0.attn_output.bias"),
            mlp_bias: has("blk.0.ffn_down.bias"),
            qk_norm: architecture == Architecture::Qwen3,
            sliding_window: None,
            bos: None,
            eos: Vec::new(),
        }
        .validate()?;
        metadata.refuse_other_head_sizes(head_dim)?;
        // Only now is the number of layers known to be one that a list may have.
        config.sliding_window = metadata
            .optional_size("attention.sliding_window")?
            .filter(|&tokens| tokens > 0)
            .map(|tokens| SlidingWindow { tokens, layers: vec![true; layers] });
        config.bos = values.get("tokenizer.ggml.bos_token_id").and_then(integer).and_then(|id| config.token(id));
        config.add_eos(EOS_KEYS.iter().filter_map(|&key| values.get(key)).filter_map(integer));
        config.validate()
    }
}

fn architecture(values: &HashMap<String, Value>) -> Result<Architecture, ConfigError> {
    let Some(Value::String(found)) = values.get("general.architecture") else {
        return Err(ConfigError::missing("general.architecture"));
    };
    match found.as_str() {
        "llama" => Ok(Architecture::Llama),
        "qwen2" => Ok(Architecture::Qwen2),
        "qwen3" => Ok(Architecture::Qwen3),
        _ => Err(ConfigError::UnknownArchitecture { found: found.clone() }),
    }
}

impl Metadata<'_> {
    fn get(&self, key: &str) -> Option<(String, &Value)> {
        let key = format!("{}.{key}", self.architecture);
        let value = self.values.get(&key)?;
        Some((key, value))
    }

    /// A size that must be there.
    fn size(&self, key: &str) -> Result<usize, ConfigError> {
        self.optional_size(key)?.ok_or_else(|| ConfigError::missing(format!("{}.{key}", self.architecture)))
    }

    /// A size; `None` where the file does not give it.
    fn optional_size(&self, key: &str) -> Result<Option<usize>, ConfigError> {
        let Some((key, value)) = self.get(key) else { return Ok(None) };
        let not_a_size = || ConfigError::bad_value(&key, describe(value), "one whole number, not negative");
        let size = integer(value).and_then(|size| u64::try_from(size).ok()).ok_or_else(not_a_size)?;
        to_size(&key, size).map(Some)
    }

    fn number(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        match self.get(key) {
            None => Ok(None),
            Some((_, Value::F32(number))) => Ok(Some(f64::from(*number))),
            Some((_, Value::F64(number))) => Ok(Some(*number)),
            Some((key, other)) => Err(ConfigError::bad_value(key, describe(other), "a floating-point number")),
        }
    }

    fn required_number(&self, key: &str) -> Result<f64, ConfigError> {
        self.number(key)?.ok_or_else(|| ConfigError::missing(format!("{}.{key}", self.architecture)))
    }

    /// Refuses what would load but compute something else than the model was trained to.
    fn refuse_variations(&self) -> Result<(), ConfigError> {
        let experts = self.optional_size("expert_count")?.unwrap_or(0);
        if experts > 0 {
            let supported = "choose a dense model";
            return Err(ConfigError::Unsupported { what: "mixture of experts", found: experts.to_string(), supported });
        }
        Ok(())
    }

    /// Refuses rotary embedding over a part of a head, and values of another size than keys.
    fn refuse_other_head_sizes(&self, head_dim: usize) -> Result<(), ConfigError> {
        for key in ["rope.dimension_count", "attention.value_length"] {
            if let Some(size) = self.optional_size(key)?
                && size != head_dim
            {
                let key = format!("{}.{key}", self.architecture);
                return Err(ConfigError::bad_value(key, size, format!("{head_dim}, the size of an attention head")));
            }
        }
        Ok(())
    }

    /// The scaling that the keys name. Factors in a tensor are the whole of Llama 3's rule: with them the keys may name
    /// that rule or none, and another one would have to be computed beside them.
    fn rope_scaling(&self, factors: Option<Vec<f32>>) -> Result<RopeScaling, ConfigError> {
        let factor = match self.number("rope.scaling.factor")? {
            Some(factor) => Some(factor),
            // The key of older files.
            None => self.number("rope.scale_linear")?,
        };
        let kind = self.get("rope.scaling.type").map(|(_, value)| value);
        if let Some(factors) = factors {
            return match kind {
                None => Ok(RopeScaling::Factors(factors)),
                Some(Value::String(kind)) if kind == "none" || kind == "llama3" => Ok(RopeScaling::Factors(factors)),
                Some(other) => Err(ConfigError::Unsupported {
                    what: "rope type",
                    found: describe(other),
                    supported: "beside the factors of rope_freqs.weight, none and Llama 3's are",
                }),
            };
        }
        match (kind, factor) {
            (None, None | Some(1.0)) => Ok(RopeScaling::None),
            (None, Some(factor)) => Ok(RopeScaling::Linear { factor }),
            (Some(Value::String(kind)), _) if kind == "none" => Ok(RopeScaling::None),
            (Some(Value::String(kind)), Some(factor)) if kind == "linear" => Ok(RopeScaling::Linear { factor }),
            (Some(Value::String(kind)), None) if kind == "linear" => Err(ConfigError::missing("rope.scaling.factor")),
            (Some(other), _) => Err(ConfigError::Unsupported {
                what: "rope type",
                found: describe(other),
                supported: "none, linear and Llama 3's are",
            }),
        }
    }
}

/// A whole number, whatever its width in the file; `None` for another kind of value, or a number beyond i64.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::U8(v) => Some(i64::from(*v)),
        Value::I8(v) => Some(i64::from(*v)),
        Value::U16(v) => Some(i64::from(*v)),
        Value::I16(v) => Some(i64::from(*v)),
        Value::U32(v) => Some(i64::from(*v)),
        Value::I32(v) => Some(i64::from(*v)),
        Value::U64(v) => i64::try_from(*v).ok(),
        Value::I64(v) => Some(*v),
        _ => None,
    }
}

/// A value in few words, for a message: lists and long texts are not written out.
fn describe(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().take(40).collect(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::F32(number) => number.to_string(),
        Value::F64(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => integer(other).map_or_else(String::new, |number| number.to_string()),
    }
}
