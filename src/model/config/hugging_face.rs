//! A model's config from the `config.json` of a Hugging Face folder.
//!
//! What a file leaves out has the value that the transformers library gives it, per architecture. The sizes themselves
//! are never guessed.

use serde::Deserialize;

use super::{Architecture, ConfigError, ModelConfig, RopeScaling, SlidingWindow, to_size};

/// A `config.json`, as far as it matters here.
#[derive(Deserialize)]
struct File {
    model_type: Option<String>,
    hidden_size: Option<u64>,
    intermediate_size: Option<u64>,
    num_hidden_layers: Option<u64>,
    num_attention_heads: Option<u64>,
    num_key_value_heads: Option<u64>,
    head_dim: Option<u64>,
    vocab_size: Option<u64>,
    max_position_embeddings: Option<u64>,
    rms_norm_eps: Option<f64>,
    hidden_act: Option<String>,
    tie_word_embeddings: Option<bool>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    rope_theta: Option<f64>,
    /// Where transformers 5 keeps all of rope.
    rope_parameters: Option<Rope>,
    /// Where older versions keep the scaling alone.
    rope_scaling: Option<Rope>,
    partial_rotary_factor: Option<f64>,
    /// `Some(None)` where the file says `null`: no window, as against a file that does not say.
    #[serde(default, deserialize_with = "present")]
    sliding_window: Option<Option<u64>>,
    use_sliding_window: Option<bool>,
    max_window_layers: Option<u64>,
    layer_types: Option<Vec<String>>,
    bos_token_id: Option<TokenIds>,
    eos_token_id: Option<TokenIds>,
    quantization_config: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Rope {
    rope_type: Option<String>,
    /// The older name of `rope_type`.
    #[serde(rename = "type")]
    kind: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<u64>,
    partial_rotary_factor: Option<f64>,
    /// Models with two kinds of layers nest one set of parameters per kind.
    full_attention: Option<serde_json::Value>,
}

/// One id or several, as files write them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum TokenIds {
    One(i64),
    Several(Vec<i64>),
}

impl TokenIds {
    pub(crate) fn to_vec(&self) -> Vec<i64> {
        match self {
            TokenIds::One(id) => vec![*id],
            TokenIds::Several(ids) => ids.clone(),
        }
    }
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl ModelConfig {
    /// Reads the text of a `config.json`.
    ///
    /// Errs on another architecture than [`Architecture::ALL`], on variations of these that the decoder does not compute
    /// (rope types, activations, partial rotary embedding, quantised weights), and on sizes that cannot be.
    pub fn from_hugging_face(json: &str) -> Result<Self, ConfigError> {
        let file: File = serde_json::from_str(json)?;
        let architecture = file.architecture()?;
        file.refuse_variations()?;

        let hidden = required("hidden_size", file.hidden_size)?;
        let layers = required("num_hidden_layers", file.num_hidden_layers)?;
        let heads = required("num_attention_heads", file.num_attention_heads)?;
        let kv_heads = match (file.num_key_value_heads, architecture) {
            (Some(heads), _) => to_size("num_key_value_heads", heads)?,
            (None, Architecture::Llama) => heads,
            (None, Architecture::Mistral) => 8,
            (None, Architecture::Qwen2 | Architecture::Qwen3) => 32,
        };
        let head_dim = match (file.head_dim, architecture) {
            (Some(size), _) => to_size("head_dim", size)?,
            (None, Architecture::Qwen3) => 128,
            (None, _) => hidden.checked_div(heads).unwrap_or(0),
        };
        let max_position = match (file.max_position_embeddings, architecture) {
            (Some(tokens), _) => to_size("max_position_embeddings", tokens)?,
            (None, Architecture::Llama) => 2048,
            (None, Architecture::Mistral) => 131_072,
            (None, Architecture::Qwen2 | Architecture::Qwen3) => 32_768,
        };
        let biased = file.attention_bias.unwrap_or(false);
        let (qkv_bias, o_bias) = match architecture {
            Architecture::Llama | Architecture::Qwen3 => (biased, biased),
            Architecture::Mistral => (false, false),
            Architecture::Qwen2 => (true, false),
        };
        let mut config = ModelConfig {
            architecture,
            hidden,
            intermediate: required("intermediate_size", file.intermediate_size)?,
            layers,
            heads,
            kv_heads,
            head_dim,
            vocab: required("vocab_size", file.vocab_size)?,
            norm_eps: file.rms_norm_eps.unwrap_or(1e-6),
            rope_theta: file.rope_theta(),
            rope_scaling: file.rope_scaling()?,
            max_position,
            tied_embeddings: file.tie_word_embeddings.unwrap_or(false),
            qkv_bias,
            o_bias,
            mlp_bias: architecture == Architecture::Llama && file.mlp_bias.unwrap_or(false),
            qk_norm: architecture == Architecture::Qwen3,
            sliding_window: None,
            bos: None,
            eos: Vec::new(),
        }
        .validate()?;
        // Only now is the number of layers known to be one that a list may have.
        config.sliding_window = file.sliding_window(architecture, layers)?;
        config.bos = file.bos_token_id.and_then(|ids| ids.to_vec().into_iter().find_map(|id| config.token(id)));
        config.add_eos(file.eos_token_id.iter().flat_map(TokenIds::to_vec));
        config.validate()
    }
}

impl File {
    fn architecture(&self) -> Result<Architecture, ConfigError> {
        let found = self.model_type.as_deref().ok_or_else(|| ConfigError::missing("model_type"))?;
        Architecture::ALL
            .into_iter()
            .find(|architecture| architecture.name() == found)
            .ok_or_else(|| ConfigError::UnknownArchitecture { found: found.to_owned() })
    }

    /// Refuses what would load but compute something else than the model was trained to.
    fn refuse_variations(&self) -> Result<(), ConfigError> {
        if let Some(act) = self.hidden_act.as_deref()
            && act != "silu"
            && act != "swish"
        {
            let supported = "silu is the only activation that is computed";
            return Err(ConfigError::Unsupported { what: "activation", found: act.to_owned(), supported });
        }
        let factors = [
            self.partial_rotary_factor,
            self.rope_parameters.as_ref().and_then(|rope| rope.partial_rotary_factor),
            self.rope_scaling.as_ref().and_then(|rope| rope.partial_rotary_factor),
        ];
        if let Some(factor) = factors.into_iter().flatten().find(|&factor| factor != 1.0) {
            let supported = "rotary embedding is computed over whole heads only";
            return Err(ConfigError::Unsupported {
                what: "partial rotary factor",
                found: factor.to_string(),
                supported,
            });
        }
        if let Some(quantisation) = self.quantization_config.as_ref().filter(|value| !value.is_null()) {
            let method = quantisation.get("quant_method").and_then(|method| method.as_str());
            let supported = "choose the unquantised version of the model, or a GGUF file";
            let found = method.unwrap_or("of an unnamed kind").to_owned();
            return Err(ConfigError::Unsupported { what: "quantisation", found, supported });
        }
        Ok(())
    }

    /// The two places where a file may keep rope's parameters, the one that counts first.
    fn ropes(&self) -> impl Iterator<Item = &Rope> {
        self.rope_scaling.iter().chain(&self.rope_parameters)
    }

    fn rope_theta(&self) -> f64 {
        self.ropes().find_map(|rope| rope.rope_theta).or(self.rope_theta).unwrap_or(10_000.0)
    }

    fn rope_scaling(&self) -> Result<RopeScaling, ConfigError> {
        let Some(rope) = self.ropes().next() else { return Ok(RopeScaling::None) };
        let supported = "default, linear and llama3 are";
        if rope.full_attention.is_some() {
            let found = "one per kind of layer".to_owned();
            return Err(ConfigError::Unsupported { what: "rope type", found, supported });
        }
        let number = |key: &str, value: Option<f64>| value.ok_or_else(|| ConfigError::missing(format!("rope {key}")));
        match rope.rope_type.as_deref().or(rope.kind.as_deref()) {
            None | Some("default") => Ok(RopeScaling::None),
            Some("linear") => Ok(RopeScaling::Linear { factor: number("factor", rope.factor)? }),
            Some("llama3") => Ok(RopeScaling::Llama3 {
                factor: number("factor", rope.factor)?,
                low_freq_factor: number("low_freq_factor", rope.low_freq_factor)?,
                high_freq_factor: number("high_freq_factor", rope.high_freq_factor)?,
                original_max_position: required(
                    "original_max_position_embeddings",
                    rope.original_max_position_embeddings,
                )?,
            }),
            Some(other) => Err(ConfigError::Unsupported { what: "rope type", found: other.to_owned(), supported }),
        }
    }

    fn sliding_window(&self, architecture: Architecture, layers: usize) -> Result<Option<SlidingWindow>, ConfigError> {
        let tokens = match (architecture, self.sliding_window) {
            (Architecture::Llama, _) | (_, Some(None)) => return Ok(None),
            (Architecture::Qwen2 | Architecture::Qwen3, _) if !self.use_sliding_window.unwrap_or(false) => {
                return Ok(None);
            }
            (_, Some(Some(tokens))) => to_size("sliding_window", tokens)?,
            (_, None) => 4096,
        };
        let layers = match (architecture, &self.layer_types) {
            (Architecture::Mistral, _) => vec![true; layers],
            (_, Some(types)) => types.iter().map(|kind| slides(kind)).collect::<Result<_, _>>()?,
            (_, None) => {
                let first = to_size("max_window_layers", self.max_window_layers.unwrap_or(28))?;
                (0..layers).map(|layer| layer >= first).collect()
            }
        };
        Ok(Some(SlidingWindow { tokens, layers }))
    }
}

fn slides(layer_type: &str) -> Result<bool, ConfigError> {
    match layer_type {
        "sliding_attention" => Ok(true),
        "full_attention" => Ok(false),
        other => Err(ConfigError::Unsupported {
            what: "layer type",
            found: other.to_owned(),
            supported: "full_attention and sliding_attention are",
        }),
    }
}

fn required(key: &str, value: Option<u64>) -> Result<usize, ConfigError> {
    to_size(key, value.ok_or_else(|| ConfigError::missing(key))?)
}
