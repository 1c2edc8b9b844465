//! `hydra-studio resume`, and what Ctrl-C and a kill leave behind, through the real program.

#![cfg(unix)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Program, Told, golden, json_lines, named, questions, small_model};
use serde_json::Value;

const STEPS: usize = 300;

/// The adapter after the last step.
fn last_adapter(program: &Program, run: &str) -> Vec<u8> {
    let path: PathBuf = program.folder().join(run).join(format!("checkpoint-{STEPS}/adapter_model.safetensors"));
    fs::read(path).unwrap()
}

/// Lines of a log that do not depend on how fast it went.
fn losses(program: &Program, run: &str) -> Vec<(String, u64, String)> {
    let log = json_lines(&fs::read_to_string(program.folder().join(run).join("log.jsonl")).unwrap());
    let wanted = log.iter().filter(|line| line["event"] == "step" || line["event"] == "eval");
    wanted.map(|line| (line["event"].to_string(), line["step"].as_u64().unwrap(), line["loss"].to_string())).collect()
}

fn train<'a>(data: &[&'a str], out: &'a str) -> Vec<&'a str> {
    let always = ["train", "--out", out, "--steps", "300", "--checkpoint-every", "40", "--eval-every", "50"];
    [&always[..], data, &["--batch", "2", "--accumulate", "2", "--dropout", "0.1", "--lr", "1e-3"]].concat()
}

fn at_step(step: u64) -> impl Fn(&Value) -> bool {
    move |event| event["event"] == "step" && event["step"].as_u64() == Some(step)
}

fn assert_stopped_and_saved(program: &Program, told: &Told, run: &str) {
    assert_eq!(told.code, 130, "{told:?}");
    let events = json_lines(&told.stdout);
    let (last, before) = (&events[events.len() - 1], &events[events.len() - 2]);
    assert_eq!((&last["event"], &before["event"]), (&"interrupted".into(), &"checkpoint".into()));
    let message = last["message"].as_str().unwrap();
    assert!(message.contains(&format!("hydra-studio resume {run}")), "{message}");
    assert!(message.contains(before["name"].as_str().unwrap()), "{message}");
    assert!(told.stderr.contains(message), "{told:?}");
    let log = json_lines(&fs::read_to_string(program.folder().join(run).join("log.jsonl")).unwrap());
    let [.., saved, end] = &log[..] else { panic!("{log:?}") };
    assert_eq!(saved, before, "the log ends with what was told");
    assert_eq!((&end["event"], &end["cause"]), (&"ended".into(), &"stopped".into()));
}

#[test]
fn a_run_on_tokens_that_was_interrupted_ends_as_the_unbroken_one_bit_for_bit() {
    let program = Program::new();
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    let data = ["--model", &base, "--tokens", &batch];
    program.events(&train(&data, "whole"));
    let told = program.signalled(&train(&data, "broken"), "-INT", at_step(3));
    assert_stopped_and_saved(&program, &told, "broken");
    let events = program.events(&["resume", "broken"]);
    let started = named(&events, "started")[0];
    assert!(started["from_step"].as_u64().unwrap() >= 3, "{started}");
    assert_eq!(named(&events, "done")[0]["step"], STEPS);
    assert_eq!(last_adapter(&program, "broken"), last_adapter(&program, "whole"));
    assert_eq!(losses(&program, "broken"), losses(&program, "whole"));
}

#[test]
fn a_run_on_data_that_was_interrupted_and_then_killed_ends_as_the_unbroken_one_bit_for_bit() {
    let program = Program::new();
    program.write("faq.jsonl", questions(40));
    let data = ["--model", small_model(), "--data", "faq.jsonl"];
    program.events(&train(&data, "whole"));
    let told = program.signalled(&train(&data, "broken"), "-TERM", at_step(41));
    assert_stopped_and_saved(&program, &told, "broken");
    let told = program.signalled(&["resume", "broken"], "-KILL", at_step(130));
    assert_eq!(told.code, -1, "{told:?}");
    let events = program.events(&["resume", "broken"]);
    assert_eq!(named(&events, "started")[0]["from_step"], 120, "steps after the last checkpoint are made anew");
    assert_eq!(last_adapter(&program, "broken"), last_adapter(&program, "whole"));
    assert_eq!(losses(&program, "broken"), losses(&program, "whole"));
    let best = |run: &str| fs::read_to_string(program.folder().join(run).join("best.json")).unwrap();
    assert_eq!(best("broken"), best("whole"));
}

#[test]
fn a_run_stopped_before_its_first_step_goes_on_with_its_first_measure() {
    let program = Program::new();
    program.write("faq.jsonl", questions(400));
    let data = ["--model", small_model(), "--data", "faq.jsonl", "--held-out", "0.8"];
    let started = |event: &Value| event["event"] == "started";
    let told = program.signalled(&train(&data, "run"), "-INT", started);
    assert_stopped_and_saved(&program, &told, "run");
    assert!(told.stdout.contains("checkpoint-0"), "{told:?}");
    let measured = |event: &Value| event["event"] == "eval";
    let told = program.signalled(&["resume", "run"], "-INT", measured);
    assert_eq!(named(&json_lines(&told.stdout), "eval")[0]["step"], 0);
}

#[test]
fn a_run_killed_before_its_first_checkpoint_starts_over() {
    let program = Program::new();
    program.write("faq.jsonl", questions(40));
    let data = ["--model", small_model(), "--data", "faq.jsonl"];
    program.events(&train(&data, "whole"));
    assert_eq!(program.signalled(&train(&data, "broken"), "-KILL", at_step(3)).code, -1);
    let events = program.events(&["resume", "broken"]);
    assert_eq!(named(&events, "started")[0]["from_step"], 0);
    assert_eq!(last_adapter(&program, "broken"), last_adapter(&program, "whole"));
    assert_eq!(losses(&program, "broken"), losses(&program, "whole"));
}

#[test]
fn a_checkpoint_whose_replacement_was_broken_off_is_gone_on_from() {
    let program = Program::new();
    finished(&program, &[]);
    let run = program.folder().join("run");
    fs::rename(run.join("checkpoint-4"), run.join(".replaced-checkpoint-4.tmp")).unwrap();
    let events = program.events(&["resume", "run"]);
    assert_eq!(named(&events, "started")[0]["from_step"], 4);
    assert!(run.join("checkpoint-4").is_dir() && !run.join(".replaced-checkpoint-4.tmp").exists());
}

#[test]
fn the_step_with_the_lowest_held_out_loss_is_kept_wherever_checkpoints_fall() {
    let program = Program::new();
    program.write("faq.jsonl", questions(40));
    let events = program.events(&train(&["--model", small_model(), "--data", "faq.jsonl"], "run"));
    let measured = named(&events, "eval").into_iter().filter(|eval| eval["step"].as_u64() > Some(0));
    let loss = |eval: &&Value| eval["loss"].as_f64().unwrap();
    let lowest = measured.min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap();
    let best = fs::read_to_string(program.folder().join("run/best.json")).unwrap();
    let best: Value = serde_json::from_str(&best).unwrap();
    assert_eq!((&best["step"], &best["loss"]), (&lowest["step"], &lowest["loss"]));
    assert!(program.folder().join("run").join(best["name"].as_str().unwrap()).is_dir());
}

fn finished(program: &Program, more: &[&str]) {
    let (base, batch) = (golden("base"), golden("batch.safetensors"));
    fs::copy(batch, program.folder().join("tokens.safetensors")).unwrap();
    let always = ["train", "--model", &base, "--tokens", "tokens.safetensors", "--out", "run", "--steps", "4"];
    program.events(&[&always[..], &["--batch", "1", "--checkpoint-every", "1"], more].concat());
}

#[test]
fn a_run_that_is_done_says_so() {
    let program = Program::new();
    finished(&program, &[]);
    let told = program.run(&["resume", "run", "--json"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stderr.contains("done already"), "{told:?}");
    let events = json_lines(&told.stdout);
    assert_eq!((named(&events, "step").len(), &named(&events, "done")[0]["step"]), (0, &4.into()));
}

#[test]
fn a_broken_checkpoint_is_passed_over_with_a_warning() {
    let program = Program::new();
    finished(&program, &[]);
    program.write("run/checkpoint-4/optimizer.safetensors", "half");
    let events = program.events(&["resume", "run"]);
    let warning = named(&events, "warning")[0]["message"].as_str().unwrap();
    assert!(warning.contains("checkpoint-4") && warning.contains("optimizer.safetensors"), "{warning}");
    assert_eq!(named(&events, "started")[0]["from_step"], 3);
    assert_eq!(named(&events, "done")[0]["step"], 4);
}

#[test]
fn data_or_model_that_changed_since_the_start_is_refused() {
    let program = Program::new();
    finished(&program, &[]);
    let tokens = program.folder().join("tokens.safetensors");
    let mut bytes = fs::read(&tokens).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&tokens, bytes).unwrap();
    let message = program.refusal(&["resume", "run"]);
    assert!(message.contains("not what the run began with") && message.contains("tokens.safetensors"), "{message}");
    fs::remove_file(&tokens).unwrap();
    assert!(program.refusal(&["resume", "run"]).contains("tokens.safetensors"));
}

#[test]
fn a_folder_that_is_no_run_is_refused() {
    let program = Program::new();
    program.write("notes.txt", "");
    assert!(program.refusal(&["resume", "."]).contains("run.json"));
    assert!(program.refusal(&["resume", "nowhere"]).contains("nowhere"));
}
