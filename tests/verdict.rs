//! The verdict on real runs, through the real program: a rate of zero, a run that over-fits, a number out of range.

mod common;

use std::fs;

use common::{Program, named, questions, small_model, tensors, values};
use hydra_studio::evaluate::verdict::{Action, FindingKind, Level, RunFacts, Verdict, judge};
use hydra_studio::train::{EndCause, EndRecord, RunFile, RunHistory, checkpoint_name, list_checkpoints};
use serde_json::Value;

/// The base model that the program brings, and fifty of its examples.
const DEMO_MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo-model");
const EXAMPLES: &str = include_str!("../sample_data/examples.jsonl");

fn train<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let always = ["train", "--model", small_model(), "--data", "data.jsonl", "--out", out, "--context", "64"];
    [&always[..], &["--samples", "0"], more].concat()
}

/// The verdict that the event `done` carries.
fn verdict_in(events: &[Value]) -> Verdict {
    serde_json::from_value(named(events, "done")[0]["verdict"].clone()).unwrap()
}

/// Held-out loss by step.
fn measures(events: &[Value]) -> Vec<(usize, f64)> {
    let step = |event: &Value| event["step"].as_u64().unwrap() as usize;
    named(events, "eval").iter().map(|event| (step(event), event["loss"].as_f64().unwrap())).collect()
}

fn lowest(measures: &[(usize, f64)]) -> usize {
    measures.iter().filter(|(step, _)| *step > 0).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0
}

#[test]
fn a_learning_rate_of_zero_changes_nothing() {
    let program = Program::new();
    program.write("data.jsonl", questions(60));
    let events = program.events(&train("run", &["--lr", "0", "--steps", "12", "--eval-every", "4"]));
    let verdict = verdict_in(&events);
    assert_eq!((verdict.headline.as_str(), verdict.level), ("Nothing changed.", Level::Doubtful));
    let finding = verdict.finding(FindingKind::NothingChanged).unwrap();
    assert_eq!(finding.cause.as_deref(), Some("The learning rate is set to 0."));
    assert_eq!(finding.action, Some(Action::ShowSettings));
    let losses: Vec<f64> = measures(&events).into_iter().map(|(_, loss)| loss).collect();
    assert!(losses.len() == 4 && losses.iter().all(|loss| *loss == losses[0]), "{losses:?}");
}

#[test]
fn twenty_passes_over_fifty_rows_over_fit_and_the_best_step_is_found() {
    let program = Program::new();
    program.write("data.jsonl", EXAMPLES.lines().take(50).collect::<Vec<_>>().join("\n"));
    let always = ["train", "--model", DEMO_MODEL, "--data", "data.jsonl", "--context", "96", "--held-out", "0.3"];
    let settings = ["--epochs", "20", "--batch", "4", "--accumulate", "1", "--lr", "1e-3", "--samples", "0"];
    let run = |out: &'static str, every: &'static str| {
        let more = ["--out", out, "--eval-every", every, "--checkpoint-every", "1000"];
        program.events(&[&always[..], &settings[..], &more[..]].concat())
    };
    let (coarse, fine) = (run("coarse", "17"), run("fine", "3"));
    let verdict = verdict_in(&coarse);
    let finding = verdict.finding(FindingKind::OverFitting).unwrap_or_else(|| panic!("{verdict:#?}"));
    assert_eq!((verdict.level, &verdict.findings[0]), (Level::Doubtful, finding));
    let best = verdict.best.clone().unwrap();
    let true_best = lowest(&measures(&fine));
    assert!(best.step.abs_diff(true_best) <= 17, "step {} told, {true_best} true", best.step);
    let best_of_fine = verdict_in(&fine).best.unwrap().step;
    assert_eq!(best_of_fine, true_best);
    // The checkpoint of that step is kept, and is what the finding offers.
    let name = best.checkpoint.unwrap();
    assert!(program.folder().join("coarse").join(&name).join("adapter_model.safetensors").is_file());
    assert_eq!(finding.action, Some(Action::UseCheckpoint { step: best.step, name }));
    assert!(finding.text.contains(&format!("since step {} it learns", best.step)), "{}", finding.text);
    assert!(finding.cause.as_ref().unwrap().contains("about 20 times"), "{finding:?}");
}

#[cfg(unix)]
#[test]
fn a_number_out_of_range_halts_and_the_last_good_checkpoint_is_kept_and_named() {
    let program = Program::new();
    program.write("data.jsonl", questions(60));
    let settings = ["--steps", "400", "--eval-every", "400", "--checkpoint-every", "400", "--lr", "1e-3"];
    let at_step_4 = |event: &Value| event["event"] == "step" && event["step"] == 4;
    let told = program.signalled(&train("run", &settings), "-INT", at_step_4);
    assert_eq!(told.code, 130, "{told:?}");
    let saved = list_checkpoints(&program.folder().join("run")).unwrap().pop().unwrap();
    // From here on the run is told to take steps that no number can follow.
    let run = program.folder().join("run");
    let mut settings: Value = serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
    settings["settings"]["lr"] = 1e30.into();
    settings["settings"]["max_grad_norm"] = 0.0.into();
    fs::write(run.join("run.json"), settings.to_string()).unwrap();
    let message = program.refusal(&["resume", "run"]);

    let (file, mut history) = (RunFile::read(&run).unwrap(), RunHistory::read(&run).unwrap());
    let step = history.steps.last().unwrap().step;
    assert!(step > saved.step, "at least one step is taken with sound weights");
    let (cause, told) = (EndCause::Failed, Some(message.clone()));
    history.ended = Some(EndRecord { step, steps: 400, cause, message: told, elapsed_s: 1.0, peak_bytes: None });
    let verdict = judge(&RunFacts::of(&file, &history));
    let finding = verdict.finding(FindingKind::Halted).unwrap_or_else(|| panic!("{message}\n{verdict:#?}"));
    assert_eq!((verdict.level, &verdict.findings[0]), (Level::Bad, finding));
    assert!(finding.cause.as_ref().unwrap().contains("1e30 is high"), "{finding:?}");
    let name = checkpoint_name(saved.step);
    assert_eq!(finding.text.matches(&format!("The last good checkpoint is {name}.")).count(), 1, "{}", finding.text);
    assert_eq!(finding.action, Some(Action::UseCheckpoint { step: saved.step, name }));
    let kept = tensors(saved.path.join("adapter_model.safetensors"));
    assert!(kept.values().all(|tensor| values(tensor).iter().all(|number| number.is_finite())), "it is sound");
}

#[test]
fn a_person_at_the_terminal_reads_the_verdict_too() {
    let program = Program::new();
    program.write("data.jsonl", questions(60));
    let told = program.run(&train("run", &["--lr", "0", "--steps", "3"]));
    assert_eq!(told.code, 0, "{told:?}");
    let lines =
        ["Verdict: Nothing changed.", "  Likely cause: The learning rate is set to 0.", "  To try next: Set the"];
    assert!(lines.iter().all(|line| told.stdout.contains(line)), "{}", told.stdout);
}
