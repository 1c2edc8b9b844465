//! Run folders of every fate, as training leaves them.

use std::fs;

use super::*;
use crate::train::{
    Best, CheckpointRecord, EndCause, EndRecord, Energy, EnergyPart, EvalRecord, RunEvent, RunFile, RunFolder,
    StepRecord, TrainSettings, UsageRecord,
};

/// A run folder, and what happened in it.
struct Fate {
    folder: tempfile::TempDir,
}

impl Fate {
    /// A run of 900 steps that has done none.
    fn new() -> Self {
        let fate = Self { folder: tempfile::tempdir().unwrap() };
        drop(RunFolder::create(&fate.path(), &run_file("2026-01-02T03:04:05Z")).unwrap());
        fate
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("night")
    }

    fn log(&self, events: impl IntoIterator<Item = RunEvent>) -> &Self {
        let path = self.path().join("log.jsonl");
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        for event in events {
            text += &serde_json::to_string(&event).unwrap();
            text.push('\n');
        }
        fs::write(path, text).unwrap();
        self
    }

    /// Writes what a checkpoint is known by.
    fn checkpoint(&self, step: usize) -> &Self {
        let folder = self.path().join(format!("checkpoint-{step}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("adapter_model.safetensors"), "tensors").unwrap();
        fs::write(folder.join("optimizer.safetensors"), "tensors").unwrap();
        let state = serde_json::json!({
            "format": 1, "step": step, "steps": 900, "micro_batches": 2 * step, "seed": 7, "elapsed_s": 1.0,
            "first_held_out": null, "last_held_out": null,
        });
        fs::write(folder.join("trainer_state.json"), state.to_string()).unwrap();
        self
    }

    fn entry(&self) -> RunEntry {
        RunEntry::read(&self.path()).unwrap()
    }
}

fn run_file(started: &str) -> RunFile {
    let value = serde_json::json!({
        "format": 1, "version": "0.1.0", "started": started, "settings": TrainSettings::default(),
        "model": { "path": "/models/tiny", "name": "tiny", "fingerprint": "abc" },
        "data": { "kind": "rows", "files": [{ "path": "/data/rows.csv", "bytes": 3, "sha256": "ba" }], "columns": {} },
        "device": "CPU", "steps": 900, "examples": 800, "held_out": 40,
    });
    serde_json::from_value(value).unwrap()
}

fn step(step: usize) -> RunEvent {
    RunEvent::Step(StepRecord {
        step,
        steps: 900,
        loss: 2.0 - step as f64 / 1000.0,
        lr: 1e-4,
        grad_norm: 0.5,
        tokens: 900,
        supervised: 400,
        tokens_per_s: 200.0,
        elapsed_s: step as f64,
    })
}

fn eval(step: usize, loss: f64) -> RunEvent {
    RunEvent::Eval(EvalRecord { step, loss, examples: 40, supervised: 90, elapsed_s: 1.0, topics: Vec::new() })
}

fn usage(step: usize) -> RunEvent {
    let energy = Energy { cpu: EnergyPart { wh: step as f64 / 10.0, measured: true }, ..Energy::default() };
    RunEvent::Usage(UsageRecord { step, memory_bytes: 5, energy, elapsed_s: step as f64, beside_s: 0.0 })
}

fn ended(step: usize, cause: EndCause, message: Option<&str>) -> RunEvent {
    RunEvent::Ended(EndRecord {
        step,
        steps: 900,
        cause,
        message: message.map(str::to_owned),
        elapsed_s: 1000.5,
        peak_bytes: Some(1 << 30),
    })
}

fn resume(from_step: usize, to_repeat: usize) -> Option<ResumePoint> {
    Some(ResumePoint { from_step, of_steps: 900, to_repeat })
}

#[test]
fn a_finished_run_tells_all_that_came_of_it() {
    let fate = Fate::new();
    fate.log([eval(0, 3.0)]).log((1..=900).map(step)).log([usage(900), eval(900, 1.25)]).checkpoint(900);
    let checkpoint = CheckpointRecord { step: 900, name: "checkpoint-900".into(), best: true };
    fate.log([RunEvent::Checkpoint(checkpoint), ended(900, EndCause::Finished, None)]);
    let best = Best { step: 900, loss: 1.25, name: "checkpoint-900".into() };
    fs::write(fate.path().join("best.json"), serde_json::to_string(&best).unwrap()).unwrap();
    let entry = fate.entry();
    assert_eq!(
        (entry.name.as_str(), &entry.status, entry.step, entry.steps),
        ("night", &RunStatus::Finished, 900, 900)
    );
    assert_eq!((entry.first_held_out, entry.last_held_out, &entry.best), (Some(3.0), Some(1.25), &Some(best)));
    assert_eq!((entry.last_loss, entry.elapsed_s, entry.peak_bytes), (Some(1.1), 1000.5, Some(1 << 30)));
    assert_eq!(entry.energy.map(|energy| energy.cpu.wh), Some(90.0));
    assert_eq!((entry.resumable(), entry.problems.len()), (None, 0));
    assert_eq!((entry.file.parameters, entry.file.router_parameters), (0, 0), "an earlier version counted none");
}

#[test]
fn a_stopped_run_goes_on_where_it_stands() {
    let fate = Fate::new();
    fate.log((1..=412).map(step)).checkpoint(412).log([ended(412, EndCause::Stopped, None)]);
    let entry = fate.entry();
    assert_eq!((&entry.status, entry.resumable()), (&RunStatus::Stopped, resume(412, 0)));
    assert_eq!(entry.resumable().unwrap().to_string(), "Resume at step 412 of 900");
}

#[test]
fn a_run_that_broke_off_repeats_what_came_after_its_last_whole_checkpoint() {
    let fate = Fate::new();
    fate.log((1..=420).map(step)).checkpoint(300).checkpoint(412).checkpoint(418);
    fs::write(fate.path().join("checkpoint-418/optimizer.safetensors"), "").unwrap();
    let entry = fate.entry();
    assert_eq!((&entry.status, entry.step, entry.resumable()), (&RunStatus::BrokenOff, 420, resume(412, 8)));
    assert_eq!(entry.resumable().unwrap().to_string(), "Resume at step 412 of 900, 8 steps to repeat");
}

#[test]
fn a_run_that_broke_off_before_its_first_checkpoint_begins_anew() {
    let fate = Fate::new();
    assert_eq!(fate.entry().resumable(), resume(0, 0));
    fate.log([step(1)]);
    assert_eq!(fate.entry().resumable().unwrap().to_string(), "Resume at step 0 of 900, 1 step to repeat");
    fate.checkpoint(1);
    fs::write(fate.path().join("checkpoint-1/trainer_state.json"), "{").unwrap();
    assert_eq!(fate.entry().resumable(), None, "it has a checkpoint, which nobody can read");
}

#[test]
fn a_run_that_was_gone_on_with_after_its_end_has_not_ended() {
    let fate = Fate::new();
    fate.log((1..=10).map(step)).checkpoint(10).log([ended(10, EndCause::Stopped, None), step(11), step(12)]);
    assert_eq!((fate.entry().status, fate.entry().resumable()), (RunStatus::BrokenOff, resume(10, 2)));
}

#[test]
fn a_run_that_failed_says_why_and_one_that_stopped_early_does_not_go_on() {
    let fate = Fate::new();
    fate.log([step(5), ended(5, EndCause::Failed, Some("the loss is not a number"))]).checkpoint(4);
    let failed = RunStatus::Failed { message: "the loss is not a number".into() };
    assert_eq!((fate.entry().status, fate.entry().resumable()), (failed, resume(4, 1)));
    let fate = Fate::new();
    fate.log([step(5), ended(5, EndCause::EarlyStop, None)]).checkpoint(5);
    assert_eq!((fate.entry().status, fate.entry().resumable()), (RunStatus::EarlyStop, None));
}

#[test]
fn a_run_that_saved_its_last_step_is_finished_though_it_could_not_say_so() {
    let fate = Fate::new();
    fate.log((1..=900).map(step)).checkpoint(900);
    assert_eq!((fate.entry().status, fate.entry().resumable()), (RunStatus::Finished, None));
}

#[test]
fn a_run_that_is_held_is_in_training() {
    let fate = Fate::new();
    let (held, _) = RunFolder::open(&fate.path()).unwrap();
    assert_eq!((fate.entry().status, fate.entry().resumable()), (RunStatus::InTraining, None));
    drop(held);
    assert_eq!(fate.entry().status, RunStatus::BrokenOff);
}

#[test]
fn a_long_log_is_read_at_its_ends_across_blocks() {
    let fate = Fate::new();
    fate.log([eval(0, 3.0), usage(1), eval(1, 2.5)]).log((1..=2000).map(step)).checkpoint(3);
    assert!(fs::metadata(fate.path().join("log.jsonl")).unwrap().len() > 4 * 64 * 1024);
    let entry = fate.entry();
    assert_eq!((entry.step, entry.first_held_out, entry.last_held_out), (2000, Some(3.0), Some(2.5)));
    assert!(entry.energy.is_some());
}

#[test]
fn half_a_line_and_a_loss_that_is_no_number_are_passed_over() {
    let fate = Fate::new();
    fate.log([step(7)]);
    let path = fate.path().join("log.jsonl");
    let mut text = fs::read_to_string(&path).unwrap();
    text += "{\"event\":\"step\",\"step\":8,\"loss\":null}\n{\"event\":\"ste";
    fs::write(path, text).unwrap();
    let entry = fate.entry();
    assert_eq!((entry.step, entry.problems.len()), (7, 0));
}

#[test]
fn damage_beside_the_run_itself_is_told_and_hides_nothing_else() {
    let fate = Fate::new();
    fate.log([step(7)]);
    fs::write(fate.path().join("best.json"), "{").unwrap();
    fs::write(fate.path().join("notes.json"), "{\"format\": 9}").unwrap();
    let entry = fate.entry();
    assert_eq!((entry.step, entry.best), (7, None));
    assert!(matches!(entry.problems.as_slice(), [best, notes]
        if best.contains("best.json") && notes.contains("newer version") && notes.contains("format 9")));
}

#[test]
fn a_list_has_the_latest_first_and_names_what_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, started) in [("a", "2026-01-02T03:04:05Z"), ("b", "2026-03-02T03:04:05Z"), ("c", "2026-02-02T03:04:05Z")]
    {
        drop(RunFolder::create(&folder.path().join(name), &run_file(started)).unwrap());
    }
    for (name, text) in [("newer", "{\"format\": 9}"), ("damaged", "{\"format\": 1"), (".writing-x.tmp", "{")] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("run.json"), text).unwrap();
    }
    fs::create_dir(folder.path().join("no run")).unwrap();
    fs::write(folder.path().join("a file"), "").unwrap();
    let list = list_runs(folder.path()).unwrap();
    let names: Vec<_> = list.runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(names, ["b", "c", "a"]);
    let unreadable: Vec<_> = list.unreadable.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(unreadable, ["damaged", "newer"]);
    assert!(list.unreadable[1].problem.contains("newer version"));
    assert_eq!(list_runs(&folder.path().join("nowhere")).unwrap().runs, []);
}

#[test]
fn notes_come_back_as_written_and_newer_ones_are_not_written_over() {
    let fate = Fate::new();
    let notes = RunNotes::new([" rank 8", "rank 8", "", "keep"], "Better on sums.\nTry twice the rate.");
    assert_eq!(notes.tags, ["rank 8", "keep"]);
    notes.write(&fate.path()).unwrap();
    assert_eq!(fate.entry().notes, notes);
    for text in ["{\"format\": 2, \"colour\": 1}", "{"] {
        fs::write(fate.path().join("notes.json"), text).unwrap();
        notes.write(&fate.path()).unwrap_err();
        assert_eq!(fs::read_to_string(fate.path().join("notes.json")).unwrap(), text);
    }
}

#[test]
fn the_last_run_is_the_one_that_was_written_to_last_wherever_it_is() {
    let (elsewhere, folder) = (Fate::new(), tempfile::tempdir().unwrap());
    for (name, started) in [("a", "2026-03-02T03:04:05Z"), ("b", "2026-01-02T03:04:05Z")] {
        drop(RunFolder::create(&folder.path().join(name), &run_file(started)).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let last = |recent: &[PathBuf]| last_run(recent, folder.path()).map(|run| run.name);
    assert_eq!(last(&[elsewhere.path()]), Some("b".into()));
    elsewhere.log([step(1)]);
    assert_eq!(last(&[elsewhere.path(), folder.path().join("gone")]), Some("night".into()));
    assert_eq!(last_run(&[], &folder.path().join("nowhere")), None);
}
