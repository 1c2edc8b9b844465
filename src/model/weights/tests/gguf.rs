//! GGUF files as they should be.

use std::fs::File;
use std::path::Path;

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use tempfile::TempDir;

use super::*;
use crate::model::config::tests::tiny_config;
use crate::model::{Architecture, RopeScaling};

/// What a test writes to a GGUF file.
pub struct Written {
    pub metadata: Vec<(String, Value)>,
    /// By their names in the file.
    pub tensors: Vec<(String, QTensor)>,
}

/// Llama.cpp's rule for the rows of queries and keys: of every head, row `j` of the first half and row `j` of the second
/// come to stand at `2j` and `2j + 1`.
fn pair_rows(tensor: &Tensor, head_dim: usize) -> Tensor {
    let half = head_dim / 2;
    let rows = tensor.dim(0).unwrap();
    let order: Vec<u32> =
        (0..rows).map(|row| (row / head_dim * head_dim + row % 2 * half + row % head_dim / 2) as u32).collect();
    tensor.index_select(&Tensor::new(order, &Device::Cpu).unwrap(), 0).unwrap()
}

fn gguf_name(name: &str) -> String {
    let mut name = name.replace("model.layers.", "blk.");
    let pairs = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
    ];
    for (hugging_face, gguf) in pairs {
        name = name.replace(hugging_face, gguf);
    }
    name
}

/// A model as llama.cpp's converter writes it: matrices as `dtype`, vectors in f32.
pub fn written(config: &ModelConfig, dtype: GgmlDType) -> Written {
    let name = config.architecture.name();
    let of_model = [
        ("embedding_length", config.hidden),
        ("feed_forward_length", config.intermediate),
        ("block_count", config.layers),
        ("attention.head_count", config.heads),
        ("attention.head_count_kv", config.kv_heads),
        ("attention.key_length", config.head_dim),
        ("context_length", config.max_position),
    ];
    let mut metadata = vec![("general.architecture".to_owned(), Value::String(name.to_owned()))];
    metadata.extend(of_model.map(|(key, size)| (format!("{name}.{key}"), Value::U32(size as u32))));
    metadata.push((format!("{name}.attention.layer_norm_rms_epsilon"), Value::F32(config.norm_eps as f32)));
    metadata.push((format!("{name}.rope.freq_base"), Value::F32(config.rope_theta as f32)));
    metadata.push(("tokenizer.ggml.bos_token_id".to_owned(), Value::U32(1)));
    metadata.push(("tokenizer.ggml.eos_token_id".to_owned(), Value::U32(2)));
    let write = |(name, tensor): (String, Tensor)| {
        let paired = name.contains("q_proj") || name.contains("k_proj");
        let paired = paired && config.architecture == Architecture::Llama;
        let tensor = if paired { pair_rows(&tensor, config.head_dim) } else { tensor };
        let dtype = if tensor.rank() == 1 { GgmlDType::F32 } else { dtype };
        (gguf_name(&name), QTensor::quantize(&tensor, dtype).unwrap())
    };
    Written { metadata, tensors: tensors(config).into_iter().map(write).collect() }
}

impl Written {
    pub fn set(mut self, key: &str, value: Value) -> Self {
        self.metadata.retain(|(other, _)| other != key);
        self.metadata.push((key.to_owned(), value));
        self
    }

    pub fn save(&self, path: &Path) {
        let metadata: Vec<_> = self.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<_> = self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
    }

    fn open(&self) -> (TempDir, OpenedModel) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tiny.gguf");
        self.save(&path);
        let opened = OpenedModel::open(&path).unwrap();
        (dir, opened)
    }

    fn refusal(&self) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tiny.gguf");
        self.save(&path);
        refusal(&path)
    }
}

/// Rows that fill the blocks of every quantisation.
fn wide_config() -> ModelConfig {
    ModelConfig { hidden: 256, intermediate: 256, layers: 1, heads: 4, kv_heads: 2, head_dim: 64, ..tiny_config() }
}

#[test]
fn rows_of_a_llama_come_back_in_the_order_of_hugging_face() {
    let config = ModelConfig { head_dim: 8, qkv_bias: true, tied_embeddings: false, ..tiny_config() };
    let (_dir, opened) = written(&config, GgmlDType::F32).open();
    let expected = ModelConfig { norm_eps: f64::from(1e-5f32), ..config.clone() };
    assert_eq!(opened.config, expected);
    for (name, tensor) in tensors(&config) {
        assert_eq!(numbers(&read(&opened, &name)), numbers(&tensor), "{name}");
    }
    assert_eq!((opened.stored_as.as_str(), opened.name.as_str()), ("F32", "tiny"));
    assert!(opened.gguf_metadata.unwrap().contains_key("general.architecture"));
}

#[test]
fn rows_of_a_qwen_stay_as_they_are() {
    let qwen2 = ModelConfig { architecture: Architecture::Qwen2, qkv_bias: true, ..tiny_config() };
    let qwen3 = ModelConfig { architecture: Architecture::Qwen3, head_dim: 8, qk_norm: true, ..tiny_config() };
    for config in [qwen2, qwen3] {
        let (_dir, opened) = written(&config, GgmlDType::F32).open();
        assert_eq!(opened.config, ModelConfig { norm_eps: f64::from(1e-5f32), ..config.clone() });
        for (name, tensor) in tensors(&config) {
            assert_eq!(numbers(&read(&opened, &name)), numbers(&tensor), "{name}");
        }
    }
}

#[test]
fn every_quantisation_comes_back_near_what_was_written() {
    let config = wide_config();
    // The largest root mean square error that is tolerated, as a share of the numbers' own: 0.577 for -1 to 1.
    let cases = [
        (GgmlDType::F16, "F16 + F32", 0.001),
        (GgmlDType::BF16, "BF16 + F32", 0.005),
        (GgmlDType::Q8_0, "Q8_0 + F32", 0.01),
        (GgmlDType::Q6K, "Q6_K + F32", 0.03),
        (GgmlDType::Q5_0, "Q5_0 + F32", 0.06),
        (GgmlDType::Q5_1, "Q5_1 + F32", 0.06),
        (GgmlDType::Q5K, "Q5_K + F32", 0.06),
        (GgmlDType::Q4_0, "Q4_0 + F32", 0.12),
        (GgmlDType::Q4_1, "Q4_1 + F32", 0.12),
        (GgmlDType::Q4K, "Q4_K + F32", 0.12),
        (GgmlDType::Q3K, "Q3_K + F32", 0.25),
        (GgmlDType::Q2K, "Q2_K + F32", 0.5),
    ];
    for (dtype, stored_as, tolerated) in cases {
        let (_dir, opened) = written(&config, dtype).open();
        assert_eq!(opened.stored_as, stored_as);
        for (name, tensor) in tensors(&config) {
            let (found, wanted) = (numbers(&read(&opened, &name)), numbers(&tensor));
            let square = |error: f32| f64::from(error) * f64::from(error);
            let error: f64 = found.iter().zip(&wanted).map(|(f, w)| square(f - w)).sum();
            let share = (error / wanted.iter().map(|&w| square(w)).sum::<f64>()).sqrt();
            assert!(share <= tolerated, "{name} as {stored_as} is off by {share}");
        }
    }
}

#[test]
fn the_fingerprint_of_a_file_stays_when_it_is_renamed() {
    let (dir, opened) = written(&tiny_config(), GgmlDType::F32).open();
    let renamed = dir.path().join("other.gguf");
    std::fs::rename(&opened.path, &renamed).unwrap();
    assert_eq!(opened.fingerprint(), OpenedModel::open(&renamed).unwrap().fingerprint());
    let (_dir, other) = written(&ModelConfig { vocab: 31, ..tiny_config() }, GgmlDType::F32).open();
    assert_ne!(opened.fingerprint(), other.fingerprint());
}

#[test]
fn the_ends_and_the_window_are_read_and_the_name_is_the_files() {
    let named = written(&tiny_config(), GgmlDType::F32)
        .set("general.name", Value::String("Tiny Llama ".into()))
        .set("tokenizer.ggml.eot_token_id", Value::U32(5))
        .set("tokenizer.ggml.eom_token_id", Value::U32(4_000))
        .set("llama.attention.sliding_window", Value::U32(16));
    let (_dir, opened) = named.open();
    assert_eq!((opened.name.as_str(), opened.config.eos.as_slice()), ("tiny", [2, 5].as_slice()));
    assert_eq!((opened.config.window(0), opened.config.window(1)), (Some(16), Some(16)));
}

#[test]
fn rope_scaling_is_read_from_keys_or_from_factors() {
    let scaled = |kind: &str| {
        written(&tiny_config(), GgmlDType::F32)
            .set("llama.rope.scaling.type", Value::String(kind.into()))
            .set("llama.rope.scaling.factor", Value::F32(4.0))
    };
    assert_eq!(scaled("linear").open().1.config.rope_scaling, RopeScaling::Linear { factor: 4.0 });
    assert_eq!(scaled("none").open().1.config.rope_scaling, RopeScaling::None);
    assert_says(&scaled("yarn").refusal(), &["rope type `yarn`"]);

    let with_factors = |factors: &[f32]| {
        let mut model = written(&tiny_config(), GgmlDType::F32);
        let factors = Tensor::new(factors, &Device::Cpu).unwrap();
        model.tensors.push(("rope_freqs.weight".into(), QTensor::quantize(&factors, GgmlDType::F32).unwrap()));
        model
    };
    let (_dir, opened) = with_factors(&[1.0, 8.0]).open();
    assert_eq!(opened.config.rope_scaling, RopeScaling::Factors(vec![1.0, 8.0]));
    for kind in ["none", "llama3"] {
        let named = with_factors(&[1.0, 8.0]).set("llama.rope.scaling.type", Value::String(kind.into()));
        assert_eq!(named.open().1.config.rope_scaling, RopeScaling::Factors(vec![1.0, 8.0]));
    }
    for kind in ["yarn", "linear", "longrope"] {
        let named = with_factors(&[1.0, 8.0]).set("llama.rope.scaling.type", Value::String(kind.into()));
        assert_says(&named.refusal(), &["rope type", kind, "rope_freqs.weight"]);
    }
    assert_says(&with_factors(&[1.0, 8.0, 8.0]).refusal(), &["number of rope factors is 3", "must be 2"]);
    assert_says(&with_factors(&[1.0, f32::NAN]).refusal(), &["rope factor is NaN"]);
    assert_says(&with_factors(&[1.0; 5000]).refusal(), &["rope_freqs.weight", "far more"]);
}

#[test]
fn what_the_decoder_does_not_compute_is_refused_by_name() {
    let cases = [
        ("general.architecture", Value::String("gemma3".into()), vec!["`gemma3`", "llama, mistral, qwen2 and qwen3"]),
        ("general.architecture", Value::U32(1), vec!["no `general.architecture`"]),
        ("llama.expert_count", Value::U32(8), vec!["mixture of experts `8`", "dense"]),
        ("llama.rope.dimension_count", Value::U32(2), vec!["llama.rope.dimension_count is 2", "4"]),
        ("llama.attention.value_length", Value::U32(2), vec!["llama.attention.value_length is 2"]),
        ("split.count", Value::U16(3), vec!["one of 3 parts", "--merge"]),
        ("llama.block_count", Value::String("two".into()), vec!["llama.block_count is two", "whole number"]),
        ("llama.attention.head_count_kv", Value::Array(vec![Value::U32(1); 2]), vec!["head_count_kv is a list of 2"]),
        ("llama.block_count", Value::U64(u64::MAX), vec!["llama.block_count is 18446744073709551615"]),
        ("llama.block_count", Value::U32(3), vec!["`model.layers.2.input_layernorm.weight` is missing", "tiny.gguf"]),
        ("llama.feed_forward_length", Value::U32(24), vec!["[16, 8]", "[24, 8]"]),
    ];
    for (key, value, words) in cases {
        assert_says(&written(&tiny_config(), GgmlDType::F32).set(key, value).refusal(), &words);
    }
}

#[test]
fn matrices_are_kept_in_the_type_that_is_asked_for() {
    let (_dir, opened) = written(&tiny_config(), GgmlDType::F32).open();
    let shape = [opened.config.vocab, opened.config.hidden];
    let kept = |base| opened.weights.matrix("model.embed_tokens.weight", shape, base, &Device::Cpu).unwrap();
    // Rows of 8 do not fill a block of 32: they stay at 16 bits.
    let expected =
        [(BaseType::Stored, "F32"), (BaseType::F32, "F32"), (BaseType::BF16, "BF16"), (BaseType::Q8_0, "BF16")];
    for (base, name) in expected {
        assert_eq!(kept(base).type_name(), name);
    }
    let (exact, half) = (kept(BaseType::Stored).to_tensor().unwrap(), kept(BaseType::F16).to_tensor().unwrap());
    assert_eq!(numbers(&half), numbers(&exact.to_dtype(DType::F16).unwrap().to_dtype(DType::F32).unwrap()));
}
