//! `hydra-studio pretrain`, through the real program.

mod common;

use std::fs;

use common::{Program, SMALL, named, questions, small_model};

#[test]
fn a_model_from_scratch_learns_and_can_be_used() {
    let program = Program::new();
    program.write("text.jsonl", questions(120));
    let events = program.events(&[&["pretrain", "--data", "text.jsonl", "--out", "m"], &SMALL[..]].concat());
    let losses: Vec<f64> = named(&events, "step").iter().map(|step| step["loss"].as_f64().unwrap()).collect();
    assert_eq!(losses.len(), 30);
    assert!(losses[29] < 0.9 * losses[0], "{losses:?}");
    assert_eq!((&events[0]["event"], &events[0]["examples"]), (&"started".into(), &120.into()));
    assert_eq!(events.last().unwrap()["steps"], 30);
    for file in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        assert!(program.folder().join("m").join(file).is_file(), "{file}");
    }
    program.events(&["generate", "--model", "m", "--prompt", "What is 2 and one?", "--max-tokens", "3"]);
}

#[test]
fn the_same_seed_gives_the_same_model() {
    let program = Program::new();
    program.write("text.jsonl", questions(120));
    program.events(&[&["pretrain", "--data", "text.jsonl", "--out", "m"], &SMALL[..]].concat());
    let weights = |folder: &std::path::Path| fs::read(folder.join("model.safetensors")).unwrap();
    assert_eq!(weights(&program.folder().join("m")), weights(small_model().as_ref()));
}

#[test]
fn running_text_is_learnt_from_too() {
    let program = Program::new();
    let row = |i: usize| format!("{{\"text\":\"Line {i} of a long tale about the {i} lamps of the harbour.\"}}\n");
    program.write("tale.jsonl", (0..100).map(row).collect::<String>());
    let events = program.events(&[&["pretrain", "--data", "tale.jsonl", "--out", "m"], &SMALL[..]].concat());
    assert_eq!(events[0]["examples"], 100);
}

#[test]
fn what_cannot_be_made_is_refused_before_any_step() {
    let program = Program::new();
    program.write("text.jsonl", questions(120));
    program.write("few.jsonl", questions(1));
    fs::create_dir(program.folder().join("taken")).unwrap();
    program.write("taken/notes.txt", "kept");
    let refusal = |data: &str, more: &[&str]| program.refusal(&[&["pretrain", "--data", data], more].concat());
    assert!(refusal("text.jsonl", &["--out", "taken"]).contains("exists already"));
    assert!(refusal("text.jsonl", &["--out", "m", "--hidden", "30"]).contains("even multiple"));
    assert!(refusal("few.jsonl", &["--out", "m"]).contains("shorter than one context"));
    assert!(refusal("text.jsonl", &["--out", "text.jsonl/m"]).contains("text.jsonl"));
    assert!(!program.folder().join("m").exists());
}
