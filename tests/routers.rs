//! Routers that begin with the topics, sparse and tempered gates, the balance loss and heads that do not begin at zero:
//! what is off by default, through the real program.

mod common;

use std::fs;

use common::{Program, json_lines, named, small_model, tensors};
use serde_json::{Value, json};

/// Questions and answers of two topics.
fn two_topics(count: usize) -> String {
    let row = |i: usize| {
        let (topic, question, answer) = match i % 2 {
            0 => ("sums", format!("What is {i} and {i}?"), format!("It is {}.", 2 * i)),
            _ => ("colours", format!("Which colour has leaf {i}?"), "It is green, as all leaves are.".to_owned()),
        };
        format!("{}\n", json!({"question": question, "answer": answer, "category": topic}))
    };
    (0..count).map(row).collect()
}

fn program() -> Program {
    let program = Program::new();
    program.write("two.jsonl", two_topics(60));
    program
}

fn train<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let always =
        ["train", "--model", small_model(), "--data", "two.jsonl", "--out", out, "--heads", "3", "--rank", "4"];
    let pace = ["--batch", "2", "--accumulate", "2", "--lr", "1e-3", "--samples", "0", "--threads", "1"];
    [&always[..], &pace, more].concat()
}

const ALL: [&str; 12] = [
    "--router-init",
    "topics",
    "--balance-loss",
    "0.05",
    "--gate-temperature",
    "0.8",
    "--top-k-heads",
    "2",
    "--b-init",
    "0.01",
    "--dropout",
    "0.1",
];

fn adapter(program: &Program, run: &str, step: usize) -> Vec<u8> {
    fs::read(program.folder().join(format!("{run}/checkpoint-{step}/adapter_model.safetensors"))).unwrap()
}

#[test]
#[cfg(unix)]
fn a_run_with_all_of_it_that_was_killed_ends_as_the_unbroken_one_bit_for_bit() {
    let program = program();
    let steps = ["--steps", "60", "--checkpoint-every", "20", "--eval-every", "30"];
    let flags: Vec<&str> = [&ALL[..], &steps].concat();
    let events = program.events(&train("whole", &flags));
    let start = named(&events, "router_start");
    assert_eq!(start.len(), 1);
    assert!(start[0]["explained"].as_f64().unwrap() > 0.1 && start[0]["layer"] == start[0]["layers"], "{start:?}");
    let at = |event: &Value| event["event"] == "step" && event["step"] == 31;
    program.signalled(&train("broken", &flags), "-KILL", at);
    program.events(&["resume", "broken"]);
    assert_eq!(adapter(&program, "broken", 60), adapter(&program, "whole", 60));
    // Before any checkpoint, routers are begun anew.
    let at_start = |event: &Value| event["event"] == "router_start";
    program.signalled(&train("early", &flags), "-KILL", at_start);
    program.events(&["resume", "early"]);
    assert_eq!(adapter(&program, "early", 60), adapter(&program, "whole", 60));
}

#[test]
fn gates_are_stored_with_the_adapter_and_read_back_by_every_command() {
    let program = program();
    program.events(&train("run", &[&ALL[..], &["--steps", "4"]].concat()));
    let exported = ["export", "--model", small_model(), "--adapter", "run", "--format", "hydralora", "--out", "taken"];
    program.events(&exported);
    let config = fs::read_to_string(program.folder().join("taken/adapter_config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!((&config["hydra_gate_temperature"], &config["hydra_top_k_heads"]), (&json!(0.8), &json!(2)));
    let ids = candle_core::Tensor::new(&[[5i64, 9, 30, 41, 12, 7]], &candle_core::Device::Cpu).unwrap();
    ids.save_safetensors("input_ids", program.folder().join("t.safetensors")).unwrap();
    for (adapter, out) in [("run", "a.safetensors"), ("taken", "b.safetensors")] {
        let forward =
            ["forward", "--model", small_model(), "--adapter", adapter, "--tokens", "t.safetensors", "--out", out];
        program.events(&forward);
    }
    let (ours, taken) =
        (tensors(program.folder().join("a.safetensors")), tensors(program.folder().join("b.safetensors")));
    for (name, gates) in ours.iter().filter(|(name, _)| name.starts_with("gates.")) {
        let rows: Vec<f32> = gates.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(rows, taken[name].flatten_all().unwrap().to_vec1::<f32>().unwrap());
        for token in rows.chunks(3) {
            assert_eq!(token.iter().filter(|gate| **gate == 0.0).count(), 1, "{name}: {token:?}");
            assert!((token.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{name}: {token:?}");
        }
    }
}

#[test]
fn the_published_start_writes_no_key_of_ours() {
    let program = program();
    program.events(&train("run", &["--steps", "1"]));
    let config = fs::read_to_string(program.folder().join("run/checkpoint-1/adapter_config.json")).unwrap();
    assert!(!config.contains("temperature") && !config.contains("top_k"), "{config}");
}

/// Mean gate entropy at the run's last measure.
fn entropy(program: &Program, run: &str) -> f64 {
    let log = json_lines(&fs::read_to_string(program.folder().join(run).join("routing.jsonl")).unwrap());
    log.last().unwrap()["entropy"].as_f64().unwrap()
}

#[test]
fn a_heavy_balance_loss_evens_the_gates_out() {
    let program = program();
    let flags = ["--steps", "60", "--schedule", "constant", "--eval-every", "60"];
    program.events(&train("without", &flags));
    program.events(&train("with", &[&flags[..], &["--balance-loss", "20"]].concat()));
    let load = |run: &str| {
        let log = json_lines(&fs::read_to_string(program.folder().join(run).join("routing.jsonl")).unwrap());
        let modules = log.last().unwrap()["modules"].as_object().unwrap().clone();
        let most = |means: &Value| means.as_array().unwrap().iter().filter_map(Value::as_f64).fold(0.0, f64::max);
        modules.values().map(most).sum::<f64>() / modules.len() as f64
    };
    assert!(load("with") < load("without"), "{} {}", load("with"), load("without"));
    assert!(load("with") < 0.37, "of a third each: {}", load("with"));
}

#[test]
fn sharper_gates_have_less_entropy() {
    let program = program();
    for (run, temperature) in [("sharp", "0.2"), ("even", "3")] {
        program.events(&train(run, &["--steps", "2", "--gate-temperature", temperature]));
    }
    assert!(entropy(&program, "sharp") < 0.8 * entropy(&program, "even"));
}

#[test]
fn data_without_topics_cannot_begin_routers_and_is_refused_before_there_is_a_folder() {
    let program = program();
    program.write("two.jsonl", two_topics(40).replace("category", "unknown"));
    let refusal = program.refusal(&train("run", &["--steps", "1", "--router-init", "topics"]));
    assert!(refusal.contains("labels none") && refusal.contains("--map topic=COLUMN"), "{refusal}");
    assert!(!program.folder().join("run").exists());
}

#[test]
fn a_run_on_one_topic_sees_its_examples_alone() {
    let program = program();
    let all = program.events(&train("all", &["--steps", "1", "--held-out", "0.2"]));
    let one = program.events(&train("one", &["--steps", "1", "--held-out", "0.2", "--only-topic", "sums"]));
    let of = |events: &[Value], key: &str| named(events, "started")[0][key].as_u64().unwrap();
    assert_eq!(of(&one, "examples") + of(&one, "held_out"), 30);
    assert_eq!(of(&all, "examples") + of(&all, "held_out"), 60);
    let refusal = program.refusal(&train("none", &["--steps", "1", "--only-topic", "law"]));
    assert!(refusal.contains("`law`") && refusal.contains("colours, sums"), "{refusal}");
}

#[test]
fn gates_of_more_heads_than_there_are_are_refused() {
    let refusal = program().refusal(&train("run", &["--steps", "1", "--top-k-heads", "4"]));
    assert!(refusal.contains("of 3 heads, 4"), "{refusal}");
}
