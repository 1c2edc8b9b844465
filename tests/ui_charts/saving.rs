//! Charts are saved as files: by a typed path, and by one from a dialog.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hydra_studio::app::picker::PickOutcome;

use super::stage::{Stage, data, model, run_events};
use super::{click, has, ready};

/// Opens the menu of the loss and chooses a format, by its entry.
fn choose(stage: &mut Stage, format: &str) {
    click(stage, "Save Loss as…");
    click(stage, format);
}

/// Runs frames until the writer has told how it went.
fn wait_for(stage: &mut Stage, text: &str) {
    let start = Instant::now();
    while !has(stage, text) {
        assert!(start.elapsed() < Duration::from_secs(30), "\"{text}\" was never said");
        std::thread::sleep(Duration::from_millis(10));
        stage.settle();
    }
}

#[test]
fn all_values_are_saved_to_a_typed_path() {
    let mut stage = ready();
    stage.tell(run_events(100, 200));
    choose(&mut stage, "All values (CSV)…");
    let path = stage.runs.path().join("my charts").join("loss");
    stage.type_path(&path);
    click(&mut stage, "Save");
    wait_for(&mut stage, "Saved the chart to");
    let text = std::fs::read_to_string(path.with_extension("csv")).expect("the file");
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!((rows.len(), rows[0]), (1 + 101, "step,time_s,Loss,Smoothed,Held-out"));
    assert!(rows[1].starts_with("0,0.0,,,2.21") && rows[100].starts_with("99,524.69"), "{} {}", rows[1], rows[100]);
}

#[test]
fn a_picture_is_offered_a_free_name_and_a_drawing_takes_the_path_of_the_dialog() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let picked: PathBuf = folder.path().join("picked.svg");
    let mut stage = Stage::answering([PickOutcome::Picked(vec![picked.clone()])]);
    stage.tell([model(), data()]);
    stage.tell(run_events(100, 200));
    choose(&mut stage, "Picture (PNG)…");
    click(&mut stage, "Save");
    wait_for(&mut stage, "Saved the chart to");
    let png = std::fs::read(stage.runs.path().join("charts/loss.png")).expect("the picture");
    assert!(png.starts_with(b"\x89PNG"));
    std::fs::write(&picked, "an older file").expect("written");
    choose(&mut stage, "Drawing (SVG)…");
    click(&mut stage, "Browse…");
    assert!(has(&stage, "This file is there already. Saving replaces it."));
    click(&mut stage, "Save");
    wait_for(&mut stage, "picked.svg");
    let start = Instant::now();
    while !std::fs::read_to_string(&picked).is_ok_and(|text| text.starts_with("<svg")) {
        assert!(start.elapsed() < Duration::from_secs(30), "the drawing was never written");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_chart_that_cannot_be_saved_says_why() {
    let mut stage = ready();
    stage.tell(run_events(20, 200));
    let file = stage.runs.path().join("a file");
    std::fs::write(&file, "").expect("written");
    choose(&mut stage, "Drawing (SVG)…");
    stage.type_path(&file.join("loss.svg"));
    click(&mut stage, "Save");
    wait_for(&mut stage, "The chart was not saved: ");
}

#[test]
fn a_question_that_is_cancelled_writes_nothing() {
    let mut stage = ready();
    stage.tell(run_events(20, 200));
    choose(&mut stage, "All values (CSV)…");
    click(&mut stage, "Cancel");
    assert!(!has(&stage, "Save the chart"));
    assert!(!stage.runs.path().join("charts").exists());
}
