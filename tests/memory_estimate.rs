//! The estimate of a run's memory against what it takes: twelve settings, each in a fresh process of the real program. It
//! prints a table; see it with `--nocapture`.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use common::{Program, json_lines, named, small_model};
use hydra_studio::job::Job;
use hydra_studio::model::{BaseType, Decoder, ModelConfig, ModelShape, RandomWeights};
use serde_json::{Value, json};

/// How far an estimate may be from what was measured.
const WITHIN: f64 = 0.15;

/// Large enough that the program's own memory does not decide, and small enough for a test.
fn config() -> ModelConfig {
    ModelConfig {
        hidden: 384,
        intermediate: 1024,
        layers: 10,
        heads: 6,
        kv_heads: 2,
        head_dim: 64,
        vocab: 8192,
        max_position: 1024,
        ..ModelShape::SmolLm2_135m.config()
    }
}

/// A model of random weights in 16 bits, with the tokenizer of a small one.
fn model(folder: &Path) -> PathBuf {
    let (device, job, config) = (Device::Cpu, Job::silent(), config());
    let decoder = Decoder::load(&config, &mut RandomWeights::new(BaseType::F32, 1, &device, &job)).unwrap();
    let tensors = decoder.named_tensors().unwrap();
    let stored = |tensor: Tensor| tensor.to_dtype(DType::BF16).unwrap();
    let tensors = tensors.into_iter().map(|(name, tensor)| (name, stored(tensor))).collect();
    let out = folder.join("model");
    fs::create_dir(&out).unwrap();
    for file in fs::read_dir(small_model()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), out.join(file.file_name())).unwrap();
    }
    candle_core::safetensors::save(&tensors, out.join("model.safetensors")).unwrap();
    let path = out.join("config.json");
    let mut json: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for (key, value) in [
        ("hidden_size", config.hidden),
        ("intermediate_size", config.intermediate),
        ("num_hidden_layers", config.layers),
        ("num_attention_heads", config.heads),
        ("num_key_value_heads", config.kv_heads),
        ("head_dim", config.head_dim),
        ("vocab_size", config.vocab),
        ("max_position_embeddings", config.max_position),
    ] {
        json[key] = value.into();
    }
    fs::write(path, json.to_string()).unwrap();
    out
}

/// Questions and answers of very different lengths.
fn conversations(count: usize) -> String {
    let words =
        |of: usize, times: usize| (0..times).map(|i| format!("word{} ", (of * 7 + i * 3) % 50)).collect::<String>();
    let row = |i: usize| {
        let length = 4 + i * 37 % 60;
        json!({"question": words(i, length), "answer": words(i + 1, length)}).to_string() + "\n"
    };
    (0..count).map(row).collect()
}

/// Full rows of `length` tokens.
fn token_file(path: &Path, rows: usize, length: usize) {
    let ids: Vec<i64> = (0..rows * length).map(|i| (i * 31 % 8000) as i64).collect();
    let ids = Tensor::from_vec(ids, (rows, length), &Device::Cpu).unwrap();
    let tensors = [("input_ids", ids.clone()), ("labels", ids)].map(|(name, tensor)| (name.to_owned(), tensor));
    candle_core::safetensors::save(&tensors.into_iter().collect(), path).unwrap();
}

const CASES: [&str; 12] = [
    "--tokens rows256 --batch 2 --accumulate 1",
    "--tokens rows256 --batch 3 --accumulate 1 --method lora --rank 16",
    "--tokens rows256 --batch 2 --accumulate 1 --method lora-moe --rank 8 --heads 4",
    "--tokens rows256 --batch 2 --accumulate 1 --method lora-split --targets q,v --heads 2",
    "--tokens rows512 --batch 1 --accumulate 1 --method hydralora-uniform --targets o,down --dropout 0.1",
    "--tokens rows256 --batch 4 --accumulate 1 --recompute",
    "--tokens rows256 --batch 2 --accumulate 1 --base f32",
    "--tokens rows512 --batch 2 --accumulate 1 --base q8_0 --recompute",
    "--data rows.jsonl --batch 4 --accumulate 2 --context 128",
    "--data rows.jsonl --batch 8 --accumulate 1 --context 96 --no-packing",
    "--tokens rows512 --batch 1 --accumulate 1 --base f16 --targets gate,up,down",
    "--tokens rows256 --batch 1 --accumulate 1 --rank 64 --heads 6",
];

/// What a run in a process of its own was estimated to take, and took.
fn estimated_and_taken(program: &Program, case: usize, settings: &str) -> (Value, u64) {
    let run = format!("run{case}");
    let line = format!("train --model model --out {run} --steps 1 --samples 0 --held-out 0.02 {settings}");
    let events = program.events(&line.split_whitespace().collect::<Vec<_>>());
    let estimate = (*named(&events, "estimate")[0]).clone();
    let log = json_lines(&fs::read_to_string(program.folder().join(run).join("log.jsonl")).unwrap());
    let taken = named(&log, "ended")[0]["peak_bytes"].as_u64();
    // Where a sandbox does not let a process reset its peak there is none to read.
    (estimate, taken.unwrap_or_default())
}

#[test]
fn an_estimate_is_within_fifteen_per_cent_of_what_a_run_takes() {
    let program = Program::new();
    model(program.folder());
    program.write("rows.jsonl", conversations(60));
    token_file(&program.folder().join("rows256"), 8, 256);
    token_file(&program.folder().join("rows512"), 8, 512);
    let mut far = Vec::new();
    eprintln!("estimated   taken    off  weights adapter optim. activ. logits  rest  settings");
    for (case, settings) in CASES.into_iter().enumerate() {
        let (estimate, taken) = estimated_and_taken(&program, case, settings);
        if taken == 0 {
            return eprintln!("this system does not tell what a process took");
        }
        let megabytes = |name: &str| estimate[name].as_f64().unwrap() / 1e6;
        let (total, taken) = (megabytes("total"), taken as f64 / 1e6);
        let off = total / taken - 1.0;
        eprint!("{total:6.0} MB {taken:6.0} MB {:+5.1} %", 100.0 * off);
        for part in ["weights", "adapter", "optimizer", "activations", "logits", "rest"] {
            eprint!("{:7.0}", megabytes(part));
        }
        eprintln!("  {settings}");
        if off.abs() > WITHIN {
            far.push(format!("{settings}: {total:.0} MB estimated, {taken:.0} MB taken"));
        }
    }
    assert!(far.is_empty(), "{far:#?}");
}
