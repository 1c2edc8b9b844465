//! A run that is killed again and again, at random moments and in the middle of saves, ends as one that never was.

#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Program, json_lines, questions, small_model};
use rand::{Rng, SeedableRng, rngs::StdRng};

const KILLS: usize = 50;
const STEPS: &str = "300";
/// A process is killed within this long of its start, where it is not killed in a save.
const LONGEST_LIFE: Duration = Duration::from_millis(600);

fn train<'a>(out: &'a str, steps: &'a str) -> Vec<&'a str> {
    let run = ["train", "--model", small_model(), "--data", "faq.jsonl", "--out", out, "--steps", steps];
    let often = ["--batch", "2", "--accumulate", "2", "--dropout", "0.1", "--checkpoint-every", "2"];
    [&run[..], &often, &["--eval-every", "20"]].concat()
}

/// Whether a checkpoint is being written, or put in place of another, in the run folder.
fn is_saving(run: &Path) -> bool {
    let Ok(entries) = fs::read_dir(run) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().ends_with(".tmp"))
}

/// Kills a process at a random moment of its life, or else in the first save after that moment; tells whether it was in a
/// save, or `None` where it had ended by itself.
fn kill(child: &mut Child, run: &Path, rng: &mut StdRng, in_a_save: bool) -> Option<bool> {
    sleep(rng.random_range(Duration::ZERO..LONGEST_LIFE));
    let until = Instant::now() + Duration::from_secs(5);
    while in_a_save && !is_saving(run) && Instant::now() < until && child.try_wait().unwrap().is_none() {}
    if child.try_wait().unwrap().is_some() {
        return None;
    }
    let was_saving = is_saving(run);
    // SIGKILL on Unix.
    child.kill().unwrap();
    child.wait().unwrap();
    Some(was_saving)
}

fn file(program: &Program, run: &str, name: &str) -> Vec<u8> {
    fs::read(program.folder().join(run).join(name)).unwrap()
}

/// Every step and measure of the log, without what depends on how fast it went.
fn losses(program: &Program, run: &str) -> Vec<String> {
    let log = json_lines(&String::from_utf8(file(program, run, "log.jsonl")).unwrap());
    let wanted = log.iter().filter(|line| line["event"] == "step" || line["event"] == "eval");
    wanted.map(|line| format!("{} {} {}", line["event"], line["step"], line["loss"])).collect()
}

/// Runs to the end under kills, at most as many as are wanted; gives how many there were, and how many of them in a save.
fn run_under_kills(program: &Program, name: &str, wanted: usize, rng: &mut StdRng) -> (usize, usize) {
    let run = program.folder().join(name);
    let (mut kills, mut in_saves) = (0, 0);
    while kills < wanted {
        let has_begun = run.join("run.json").exists();
        let arguments = if has_begun { vec!["resume", name] } else { train(name, STEPS) };
        let mut child = quiet(program.command(&arguments)).spawn().unwrap();
        let Some(was_saving) = kill(&mut child, &run, rng, kills % 2 == 1) else { break };
        kills += 1;
        in_saves += usize::from(was_saving);
    }
    let told = program.run(&["resume", name]);
    assert_eq!(told.code, 0, "after {kills} kills: {told:?}");
    (kills, in_saves)
}

fn assert_same(program: &Program, broken: &str, whole: &str) {
    for name in ["adapter_model.safetensors", "optimizer.safetensors"] {
        let name = format!("checkpoint-{STEPS}/{name}");
        assert!(file(program, broken, &name) == file(program, whole, &name), "{name} differs in {broken}");
    }
    assert_eq!(losses(program, broken), losses(program, whole));
    assert_eq!(file(program, broken, "samples.jsonl"), file(program, whole, "samples.jsonl"));
    assert_eq!(file(program, broken, "best.json"), file(program, whole, "best.json"));
}

#[test]
fn fifty_kills_at_any_moment_leave_runs_that_end_bit_for_bit_as_the_unbroken_one() {
    let program = Program::new();
    program.write("faq.jsonl", questions(60));
    program.events(&train("whole", STEPS));
    let mut rng = StdRng::seed_from_u64(412);
    let (mut kills, mut in_saves) = (0, 0);
    for number in 1.. {
        let name = format!("broken-{number}");
        let (more, more_in_saves) = run_under_kills(&program, &name, KILLS - kills, &mut rng);
        (kills, in_saves) = (kills + more, in_saves + more_in_saves);
        assert_same(&program, &name, "whole");
        println!("{kills} kills so far, {in_saves} of them in a save, {number} runs");
        if kills == KILLS {
            break;
        }
    }
    assert!(in_saves >= KILLS / 5, "only {in_saves} of {kills} kills fell into a save");
}

#[test]
fn a_second_process_on_a_run_is_refused_and_a_dead_one_holds_nothing() {
    let program = Program::new();
    program.write("faq.jsonl", questions(60));
    let mut child = quiet(program.command(&train("run", "100000"))).spawn().unwrap();
    let run = program.folder().join("run");
    let until = Instant::now() + Duration::from_secs(30);
    while !run.join("checkpoint-2").exists() && Instant::now() < until {
        sleep(Duration::from_millis(20));
    }
    let refusal = program.refusal(&["resume", "run"]);
    assert!(refusal.contains("another process") && refusal.contains(&child.id().to_string()), "{refusal}");
    child.kill().unwrap();
    child.wait().unwrap();
    let told = program.signalled(&["resume", "run"], "-INT", |event| event["event"] == "step");
    assert_eq!(told.code, 130, "{told:?}");
}

fn quiet(mut command: Command) -> Command {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}
