//! Every family of base models against logits of an independent forward pass; `golden/README.md` says how they were made.
//! Then what must hold for any model: answers token by token equal the whole pass, and a GGUF file equals its folder.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use hydra_studio::adapter::Pass;
use hydra_studio::job::Job;
use hydra_studio::model::{BaseModel, KvCache, Sequences};

const FAMILIES: [&str; 5] = ["llama3-rope", "llama-linear-rope", "mistral", "qwen2", "qwen3"];

fn folder(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/families").join(family)
}

fn load(path: &Path) -> BaseModel {
    BaseModel::load(path, &Device::Cpu, &Job::silent()).unwrap()
}

fn tensors(path: &Path) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(path, &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The tokens and the logits of the reference.
fn expected(family: &str) -> (Vec<u32>, Vec<f32>) {
    let file = tensors(&folder(family).join("expected.safetensors"));
    let ids = file["input_ids"].flatten_all().unwrap().to_vec1::<i64>().unwrap();
    (ids.into_iter().map(|id| u32::try_from(id).unwrap()).collect(), values(&file["logits"]))
}

/// Logits of all tokens in one pass, row after row.
fn whole(model: &BaseModel, ids: &[u32]) -> Vec<f32> {
    let hidden = model.decoder.hidden(ids, &Sequences::single(ids.len()), &Pass::default(), None).unwrap();
    values(&model.decoder.logits(&hidden).unwrap())
}

/// The same with a cache, `chunk` tokens at a time.
fn in_chunks(model: &BaseModel, ids: &[u32], chunk: usize) -> Vec<f32> {
    let mut cache = KvCache::new(model.decoder.config());
    let mut logits = Vec::new();
    for chunk in ids.chunks(chunk) {
        let sequences = Sequences::following(cache.len(), chunk.len());
        let hidden = model.decoder.hidden(chunk, &sequences, &Pass::default(), Some(&mut cache)).unwrap();
        logits.extend(values(&model.decoder.logits(&hidden).unwrap()));
    }
    logits
}

/// Fails where a logit is off by more than 1e-5 of the largest, which is 4 to 11 in these models.
#[track_caller]
fn assert_equal(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().map(|logit| logit.abs()).fold(1.0, f32::max);
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= 1e-5 * largest, "{what}: logit {i} is {a} where {b} is expected");
    }
}

#[test]
fn every_family_gives_the_logits_of_the_reference() {
    for family in FAMILIES {
        let (ids, theirs) = expected(family);
        assert_equal(&whole(&load(&folder(family)), &ids), &theirs, family);
    }
}

#[test]
fn answering_token_by_token_equals_the_whole_pass() {
    for family in FAMILIES {
        let (model, (ids, _)) = (load(&folder(family)), expected(family));
        let all = whole(&model, &ids);
        for chunk in [1, 5] {
            assert_equal(&in_chunks(&model, &ids, chunk), &all, &format!("{family}, {chunk} at a time"));
        }
    }
}

#[test]
fn answers_stay_equal_when_the_cache_grows_and_when_the_window_has_left_its_first_rows() {
    let ids: Vec<u32> = (0..600u32).map(|i| i.wrapping_mul(2_654_435_761) >> 26).collect();
    // The first growth comes at 256 tokens, the second at 512; the window of Mistral is 7 tokens long.
    for (family, length) in [("mistral", 300), ("qwen3", 300), ("llama3-rope", 512)] {
        let (model, ids) = (load(&folder(family)), &ids[..length]);
        let all = whole(&model, ids);
        for chunk in [1, 100] {
            assert_equal(&in_chunks(&model, ids, chunk), &all, &format!("{family}, {chunk} at a time"));
        }
    }
}

/// Where llama.cpp's converter puts row `row` of q_proj or k_proj of a Llama: the two numbers that rotary embedding turns
/// together, `i` and `i + d/2` of a head of `d`, come to stand side by side at `2i` and `2i + 1`.
fn paired_row(row: usize, d: usize) -> usize {
    let (head, within) = (row / d, row % d);
    if within < d / 2 { head * d + 2 * within } else { head * d + 2 * (within - d / 2) + 1 }
}

fn permuted(tensor: &Tensor, d: usize) -> Tensor {
    let rows = tensor.dim(0).unwrap();
    let width = tensor.elem_count() / rows;
    let from = values(tensor);
    let mut to = vec![0f32; from.len()];
    for row in 0..rows {
        let at = paired_row(row, d);
        to[at * width..(at + 1) * width].copy_from_slice(&from[row * width..(row + 1) * width]);
    }
    Tensor::from_vec(to, tensor.shape(), &Device::Cpu).unwrap()
}

/// The names that llama.cpp gives to the tensors.
fn llama_cpp_name(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        ["model", "embed_tokens", kind] => format!("token_embd.{kind}"),
        ["model", "norm", kind] => format!("output_norm.{kind}"),
        ["lm_head", kind] => format!("output.{kind}"),
        ["model", "layers", layer, "input_layernorm", kind] => format!("blk.{layer}.attn_norm.{kind}"),
        ["model", "layers", layer, "post_attention_layernorm", kind] => format!("blk.{layer}.ffn_norm.{kind}"),
        ["model", "layers", layer, "self_attn", "o_proj", kind] => format!("blk.{layer}.attn_output.{kind}"),
        ["model", "layers", layer, "self_attn", part, kind] => {
            format!("blk.{layer}.attn_{}.{kind}", part.trim_end_matches("_proj"))
        }
        ["model", "layers", layer, "mlp", part, kind] => {
            format!("blk.{layer}.ffn_{}.{kind}", part.trim_end_matches("_proj"))
        }
        _ => panic!("{name}"),
    }
}

/// Writes `family` as a GGUF file, matrices as `dtype` where their rows fill its blocks, and beside it a folder with the
/// numbers that the file's blocks stand for.
fn written_twice(dir: &Path, family: &str, dtype: GgmlDType) -> (PathBuf, PathBuf) {
    let from = folder(family);
    let config: serde_json::Value = serde_json::from_slice(&std::fs::read(from.join("config.json")).unwrap()).unwrap();
    let number = |key: &str| config[key].as_u64().unwrap() as u32;
    let (kind, d) = (config["model_type"].as_str().unwrap(), number("hidden_size") / number("num_attention_heads"));
    let mut metadata = vec![("general.architecture".to_owned(), Value::String(kind.to_owned()))];
    for (theirs, key) in [
        ("embedding_length", "hidden_size"),
        ("feed_forward_length", "intermediate_size"),
        ("block_count", "num_hidden_layers"),
        ("attention.head_count", "num_attention_heads"),
        ("attention.head_count_kv", "num_key_value_heads"),
        ("context_length", "max_position_embeddings"),
    ] {
        metadata.push((format!("{kind}.{theirs}"), Value::U32(number(key))));
    }
    let real = |key: &str| Value::F32(config[key].as_f64().unwrap() as f32);
    metadata.push((format!("{kind}.attention.layer_norm_rms_epsilon"), real("rms_norm_eps")));
    metadata.push((format!("{kind}.rope.freq_base"), real("rope_theta")));
    if let Some(factor) = config["rope_scaling"]["factor"].as_f64() {
        metadata.push((format!("{kind}.rope.scaling.type"), Value::String("linear".to_owned())));
        metadata.push((format!("{kind}.rope.scaling.factor"), Value::F32(factor as f32)));
    }

    let (mut quantised, mut plain) = (Vec::new(), HashMap::new());
    for (name, tensor) in tensors(&from.join("model.safetensors")) {
        let fits = tensor.rank() == 2 && tensor.dim(1).unwrap().is_multiple_of(dtype.block_size());
        let dtype = if fits { dtype } else { GgmlDType::F32 };
        let round = |tensor: &Tensor| QTensor::quantize(tensor, dtype).unwrap();
        plain.insert(name.clone(), round(&tensor).dequantize(&Device::Cpu).unwrap());
        let is_paired = kind == "llama" && (name.contains("q_proj") || name.contains("k_proj"));
        let stored = if is_paired { permuted(&tensor, d as usize) } else { tensor };
        quantised.push((llama_cpp_name(&name), round(&stored)));
    }
    let (twin, gguf) = (dir.join("folder"), dir.join("model.gguf"));
    std::fs::create_dir(&twin).unwrap();
    std::fs::copy(from.join("config.json"), twin.join("config.json")).unwrap();
    candle_core::safetensors::save(&plain, twin.join("model.safetensors")).unwrap();
    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let quantised: Vec<_> = quantised.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    gguf_file::write(&mut File::create(&gguf).unwrap(), &metadata, &quantised).unwrap();
    (twin, gguf)
}

#[test]
fn a_gguf_file_gives_the_logits_of_the_folder_it_was_made_from() {
    for family in ["llama-linear-rope", "qwen2"] {
        for dtype in [GgmlDType::F32, GgmlDType::Q8_0] {
            let dir = tempfile::tempdir().unwrap();
            let (twin, gguf) = written_twice(dir.path(), family, dtype);
            let (ids, reference) = expected(family);
            let ours = whole(&load(&gguf), &ids);
            assert_equal(&ours, &whole(&load(&twin), &ids), &format!("{family} as {dtype:?}"));
            if dtype == GgmlDType::F32 {
                assert_equal(&ours, &reference, family);
            }
        }
    }
}
