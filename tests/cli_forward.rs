//! `hydra-studio forward`, through the real program, against the reference traces.

mod common;

use common::{Program, golden, golden_adapter, tensors, values};

/// The largest difference over the tokens that are not padding.
fn difference(ours: &candle_core::Tensor, theirs: &candle_core::Tensor) -> f32 {
    let mask = &tensors(golden("batch.safetensors"))["attention_mask"];
    let counts: Vec<i64> = mask.flatten_all().unwrap().to_vec1().unwrap();
    let (ours, theirs) = (values(ours), values(theirs));
    assert_eq!(ours.len(), theirs.len());
    let per_token = ours.len() / counts.len();
    let pairs = ours.iter().zip(&theirs).enumerate().filter(|(i, _)| counts[i / per_token] == 1);
    pairs.map(|(_, (a, b))| (a - b).abs()).fold(0.0, f32::max)
}

fn forward(program: &Program, more: &[&str]) -> serde_json::Value {
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let always = ["forward", "--model", &base, "--tokens", &batch, "--out", "out.safetensors"];
    program.events(&[&always[..], more].concat()).pop().unwrap()
}

#[test]
fn base_logits_equal_the_reference() {
    let program = Program::new();
    let done = forward(&program, &[]);
    assert_eq!(
        (&done["event"], &done["rows"], &done["tokens"], &done["vocab"]),
        (&"done".into(), &3.into(), &12.into(), &128.into())
    );
    let out = tensors(program.folder().join("out.safetensors"));
    assert_eq!(out.len(), 1, "without an adapter there are no gates");
    assert_eq!((out["logits"].dims(), out["logits"].dtype()), (&[3, 12, 128][..], candle_core::DType::F32));
    let worst = difference(&out["logits"], &tensors(golden("activations.safetensors"))["logits_base"]);
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn adapted_logits_and_every_gate_equal_the_reference() {
    let program = Program::new();
    let adapter = golden_adapter(&program, "start", 1.0);
    assert_eq!(forward(&program, &["--adapter", &adapter])["modules"], 14);
    let (out, theirs) = (tensors(program.folder().join("out.safetensors")), tensors(golden("activations.safetensors")));
    assert!(difference(&out["logits"], &theirs["logits_step0"]) < 1e-4);
    let gates: Vec<&String> = out.keys().filter(|name| name.starts_with("gates.")).collect();
    assert_eq!(gates.len(), 14);
    for name in gates {
        assert_eq!(out[name].dims(), [3, 12, 3]);
        let module = name.strip_prefix("gates.").unwrap();
        assert!(difference(&out[name], &theirs[&format!("step0.{module}")]) < 1e-5, "{name}");
    }
    assert!(out.contains_key("gates.model.layers.0.self_attn.q_proj"));
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_a_whole_one() {
    let program = Program::new();
    program.write("out.safetensors", "mine");
    let base = golden("base");
    let wrong = ["forward", "--model", &base, "--tokens", "none.safetensors", "--out", "out.safetensors"];
    assert!(program.refusal(&wrong).contains("none.safetensors"));
    assert_eq!(std::fs::read_to_string(program.folder().join("out.safetensors")).unwrap(), "mine");
    forward(&program, &[]);
    assert!(tensors(program.folder().join("out.safetensors")).contains_key("logits"));
}

#[test]
fn tokens_that_the_model_cannot_take_are_refused() {
    let program = Program::new();
    let base = golden("base");
    let save = |name: &str, ids: Vec<i64>| {
        let width = ids.len();
        let ids = candle_core::Tensor::from_vec(ids, (1, width), &candle_core::Device::Cpu).unwrap();
        let file = std::collections::HashMap::from([("input_ids".to_owned(), ids)]);
        candle_core::safetensors::save(&file, program.folder().join(name)).unwrap();
    };
    save("long.safetensors", vec![1; 129]);
    save("strange.safetensors", vec![1, 128]);
    for (file, words) in [("long.safetensors", "128 at most"), ("strange.safetensors", "token 128")] {
        let message = program.refusal(&["forward", "--model", &base, "--tokens", file, "--out", "o.safetensors"]);
        assert!(message.contains(words) && message.contains(file), "{message}");
    }
    assert!(!program.folder().join("o.safetensors").exists());
}
