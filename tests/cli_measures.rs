//! What a run does at its measures, through the real program: answers prompts, tells held-out loss by topic, saves by the
//! clock, and ends early where nothing gets better.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::{Program, json_lines, named, questions, small_model};
use serde_json::Value;

fn train<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let run = ["train", "--model", small_model(), "--data", "faq.jsonl", "--out", "run", "--held-out", "0.2"];
    [&run[..], &["--batch", "2", "--accumulate", "2", "--lr", "1e-3"], more].concat()
}

fn program() -> Program {
    let program = Program::new();
    program.write("faq.jsonl", questions(60));
    program
}

fn log(program: &Program, name: &str) -> Vec<Value> {
    json_lines(&fs::read_to_string(program.folder().join("run").join(name)).unwrap())
}

#[test]
fn the_same_prompts_are_answered_at_every_measure_one_for_each_topic() {
    let program = program();
    let more = ["--steps", "6", "--eval-every", "3", "--samples", "3", "--sample-tokens", "5"];
    let events = program.events(&train(&[&more[..], &["--sample-prompt", "Is room 7 open?"]].concat()));
    let samples = named(&events, "sample");
    let place = |sample: &Value| (sample["step"].as_u64().unwrap(), sample["prompt"].as_u64().unwrap());
    let places: Vec<_> = samples.iter().map(|sample| place(sample)).collect();
    assert_eq!(places, [0, 3, 6].map(|step| [0, 1, 2].map(|prompt| (step, prompt))).concat());
    for prompt in 0..3 {
        let of_prompt = samples.iter().filter(|sample| sample["prompt"] == prompt);
        let questions: BTreeSet<_> = of_prompt.map(|sample| sample["question"].to_string()).collect();
        assert_eq!(questions.len(), 1, "{questions:?}");
    }
    assert_eq!((&samples[0]["question"], &samples[0]["expected"]), (&"Is room 7 open?".into(), &Value::Null));
    let drawn: BTreeSet<_> = samples[1..3].iter().map(|sample| sample["topic"].as_str().unwrap()).collect();
    assert_eq!(drawn, BTreeSet::from(["rooms", "sums"]));
    assert!(samples[1]["expected"].is_string());
    let written = log(&program, "samples.jsonl");
    assert_eq!(written.len(), 9);
    assert!(written.iter().zip(&samples).all(|(written, told)| written["answer"] == told["answer"]));
}

#[test]
fn held_out_loss_by_topic_makes_up_the_whole() {
    let program = program();
    let events = program.events(&train(&["--steps", "4", "--eval-every", "2", "--samples", "0"]));
    assert!(named(&events, "sample").is_empty());
    let evals = named(&events, "eval");
    assert_eq!(evals.len(), 3);
    for eval in evals {
        let topics = eval["topics"].as_array().unwrap();
        let names: BTreeSet<_> = topics.iter().map(|topic| topic["topic"].as_str().unwrap()).collect();
        assert_eq!(names, BTreeSet::from(["rooms", "sums"]));
        let tokens = |value: &Value| value["supervised"].as_f64().unwrap();
        let sum: f64 = topics.iter().map(|topic| topic["loss"].as_f64().unwrap() * tokens(topic)).sum();
        assert!((sum / tokens(eval) - eval["loss"].as_f64().unwrap()).abs() < 1e-9, "{eval}");
    }
}

#[test]
fn a_run_whose_held_out_loss_does_not_fall_ends_early_and_stays_ended() {
    let program = program();
    let more = ["--steps", "100", "--eval-every", "2", "--patience", "3", "--min-delta", "50", "--samples", "0"];
    let events = program.events(&train(&more));
    // The measure before the first step is the one to fall below.
    assert_eq!(named(&events, "done")[0]["step"], 6);
    let last = log(&program, "log.jsonl").pop().unwrap();
    assert_eq!((&last["event"], &last["cause"], &last["step"]), (&"ended".into(), &"early_stop".into(), &6.into()));
    assert!(program.folder().join("run/checkpoint-6").is_dir());
    let again = program.run(&["resume", "run", "--json"]);
    assert!(again.code == 0 && again.stderr.contains("done already"), "{again:?}");
    assert!(named(&json_lines(&again.stdout), "step").is_empty());
}

#[test]
fn checkpoints_come_by_the_clock_where_steps_are_slow() {
    let program = program();
    let by_steps = ["--steps", "6", "--checkpoint-every", "1000", "--eval-every", "1000", "--samples", "0"];
    let events = program.events(&train(&[&by_steps[..], &["--checkpoint-minutes", "0.0000001"]].concat()));
    let saved: BTreeSet<u64> = named(&events, "checkpoint").iter().map(|c| c["step"].as_u64().unwrap()).collect();
    assert_eq!(saved, (1..=6).collect());
}

#[test]
fn the_log_tells_of_memory_energy_and_the_end() {
    let program = program();
    program.events(&train(&["--steps", "4", "--samples", "0"]));
    let log = log(&program, "log.jsonl");
    let usage = log.iter().rfind(|line| line["event"] == "usage").unwrap();
    assert!(usage["memory_bytes"].as_u64().unwrap() > 1 << 20, "{usage}");
    let energy = &usage["energy"];
    assert!(energy["cpu"]["wh"].as_f64().unwrap() > 0.0 && energy["ram"]["wh"].as_f64().unwrap() > 0.0, "{energy}");
    let end = log.last().unwrap();
    assert_eq!((&end["event"], &end["cause"]), (&"ended".into(), &"finished".into()));
    if cfg!(target_os = "linux") {
        assert!(end["peak_bytes"].as_u64().unwrap() > 1 << 20, "{end}");
    }
}
