//! What is seen of an answer's tokens is saved as a file.

use std::time::{Duration, Instant};

use hydra_studio::worker::protocol::EndReason;

use super::stage::Stage;
use super::{answered, ask, click, gates, has, ready, started, token};

/// Saves the tokens of the adapter's answer in a format, and gives back the file.
fn saved(stage: &mut Stage, format: &str, name: &str) -> Vec<u8> {
    click(stage, "Save the tokens of Adapter as…");
    click(stage, format);
    let path = stage.runs.path().join(name);
    stage.type_path(&path);
    click(stage, "Save");
    let start = Instant::now();
    while !has(stage, &format!("Saved the picture to {}", path.display())) {
        assert!(start.elapsed() < Duration::from_secs(30), "{name} was never written");
        std::thread::sleep(Duration::from_millis(10));
        stage.settle();
    }
    std::fs::read(path).expect("the file")
}

#[test]
fn the_tokens_of_an_answer_are_saved_as_they_are_seen() {
    let mut stage = ready();
    click(&mut stage, "Adapter");
    let id = ask(&mut stage, "What is 2 plus 2?")[0].id;
    stage.tell([started(id), token(id, 1, "Four"), token(id, 2, ", I"), gates(id, 0, [0.8, 0.1, 0.1])]);
    stage.tell([gates(id, 1, [0.125, 0.125, 0.75]), answered(id, 2, EndReason::EndOfText)]);
    assert!(!has(&stage, "Save the tokens of Adapter as…"), "nothing is tinted");
    click(&mut stage, "Show gates");
    let csv = String::from_utf8(saved(&mut stage, "All values (CSV)…", "answer.csv")).expect("text");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines,
        [
            "part,token,text,change in nats,Head 1,Head 2,Head 3",
            "answer,1,Four,,0.8,0.1,0.1",
            "answer,2,\", I\",,0.125,0.125,0.75"
        ]
    );
    let svg = String::from_utf8(saved(&mut stage, "Drawing (SVG)…", "answer.svg")).expect("text");
    assert!(svg.contains("Tokens of an answer") && svg.contains(">Four<") && svg.contains("Head 3"), "{svg}");
}
