//! Runs moved to a recycle bin of the test's own. Where the bin is follows from the environment of the process, so that
//! the test is its own child.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hydra_studio::train::{RunFile, RunFolder, TrainSettings};
use hydra_studio::worker::protocol::{Event, JobKind, Request};

use crate::desk::Desk;

/// Names the run for the child; without it the child does nothing.
const RUN: &str = "HYDRA_TEST_RUN";

fn run_in(folder: &Path) -> PathBuf {
    let value = serde_json::json!({
        "format": 1, "version": "0.1.0", "started": "2026-01-02T03:04:05Z", "settings": TrainSettings::default(),
        "model": { "path": "/models/tiny", "name": "tiny", "fingerprint": "abc" },
        "data": { "kind": "rows", "files": [], "columns": {} },
        "device": "CPU", "steps": 900, "examples": 800, "held_out": 40,
    });
    let file: RunFile = serde_json::from_value(value).unwrap();
    let run = folder.join("night");
    drop(RunFolder::create(&run, &file).unwrap());
    run
}

/// Moves the run to the recycle bin under `home` in a process of its own; gives what that printed.
fn trash(run: &Path, home: &Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "recycle_bin::in_a_process_of_its_own", "--ignored", "--nocapture"])
        .env(RUN, run)
        .env("XDG_DATA_HOME", home)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
#[ignore = "run by the tests below, in an environment of its own"]
fn in_a_process_of_its_own() {
    let Some(run) = std::env::var_os(RUN).map(PathBuf::from) else { return };
    let mut desk = Desk::new();
    desk.send(Request::TrashRuns { paths: vec![run.clone()] });
    match desk.wait("the recycle bin", |e| matches!(e, Event::RunsTrashed { .. })) {
        Event::RunsTrashed { paths } if paths == [run] => println!("moved"),
        _ => println!("refused: {}", desk.wait_failure(JobKind::TrashRuns)),
    }
}

#[test]
fn a_run_in_the_recycle_bin_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (run, home) = (run_in(folder.path()), folder.path().join("home"));
    fs::create_dir(&home).unwrap();
    assert!(trash(&run, &home).contains("moved"));
    assert!(!run.exists());
    assert!(home.join("Trash/files/night/run.json").is_file());
    let info = fs::read_to_string(home.join("Trash/info/night.trashinfo")).unwrap();
    assert!(info.contains(&format!("Path={}", run.canonicalize().unwrap_or(run).display())), "{info}");
}

#[test]
fn a_run_stays_where_the_system_has_no_recycle_bin() {
    let folder = tempfile::tempdir().unwrap();
    let (run, home) = (run_in(folder.path()), folder.path().join("home"));
    fs::write(&home, "a file is no home").unwrap();
    let text = trash(&run, &home);
    assert!(text.contains("recycle bin does not take it") && text.contains("so it stays"), "{text}");
    assert!(run.join("run.json").is_file());
}
