//! What is seen of an answer's tokens is saved as a file.

use hydra_studio::worker::protocol::EndReason;

use super::stage::Stage;
use super::{answered, ask, click, gates, has, ready, started, token};

fn saved(stage: &mut Stage, format: &str, name: &str) -> String {
    String::from_utf8(stage.saved("Save the tokens of Adapter as…", format, name)).expect("text")
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
    let csv = saved(&mut stage, "All values (CSV)…", "answer.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines,
        [
            "part,token,text,change in nats,Head 1,Head 2,Head 3",
            "answer,1,Four,,0.8,0.1,0.1",
            "answer,2,\", I\",,0.125,0.125,0.75"
        ]
    );
    let svg = saved(&mut stage, "Drawing (SVG)…", "answer.svg");
    assert!(svg.contains("Tokens of an answer") && svg.contains(">Four<") && svg.contains("Head 3"), "{svg}");
}
