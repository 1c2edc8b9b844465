//! Pictures of the page are saved as files.

use egui_kittest::kittest::Queryable;
use hydra_studio::worker::protocol::Event;

use super::fixtures::{replayed, survey, surveyed};
use super::stage::{Stage, report};
use super::{click, has, routed};

fn saved(stage: &mut Stage, picture: &str, format: &str, name: &str) -> Vec<u8> {
    stage.saved(&format!("Save {picture} as…"), format, name)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

#[test]
fn grid_and_tokens_are_saved_in_every_format() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    let csv = text(saved(&mut stage, "the grid", "All values (CSV)…", "grid.csv"));
    assert_eq!(csv.lines().next(), Some("module kind,layer,head,mean gate"));
    assert_eq!(csv.lines().count(), 1 + 8 * 30 * 3, "the mean and seven kinds, 30 layers, 3 heads");
    let svg = text(saved(&mut stage, "the grid", "Drawing (SVG)…", "grid.svg"));
    assert!(svg.contains("<desc>Mean gate by layer and head. Of 30 layers") && svg.matches("<rect").count() > 720);
    let png = saved(&mut stage, "the tokens", "Picture (PNG)…", "tokens.png");
    assert!(png.starts_with(b"\x89PNG"));
    let csv = text(saved(&mut stage, "the tokens", "All values (CSV)…", "tokens.csv"));
    assert_eq!(csv.lines().next(), Some("token,text,supervised,leading head,Head 1,Head 2,Head 3"));
}

#[test]
fn the_modules_of_a_layer_are_saved_and_have_a_legend() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    stage.window.get_by_label("Layer of the tokens").click();
    stage.settle();
    click(&mut stage, "Layer 2");
    assert!(has(&stage, "Mean gates of the modules of layer 2 by head") && has(&stage, "; even 0.33"));
    let csv = text(saved(&mut stage, "the modules of this layer", "All values (CSV)…", "layer.csv"));
    assert_eq!(csv.lines().next(), Some("layer,module and entropy,head,mean gate"));
    assert_eq!(csv.lines().count(), 1 + 7 * 3);
    assert!(csv.lines().nth(1).is_some_and(|line| line.starts_with("2,\"q_proj, entropy ")), "{csv}");
    let svg = text(saved(&mut stage, "the modules of this layer", "Drawing (SVG)…", "layer.svg"));
    assert!(svg.contains("<desc>Mean gates of the modules of layer 2 by head"));
}

#[test]
fn what_moved_between_two_looks_is_saved_token_by_token() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    click(&mut stage, "Compare with…");
    stage.tell([Event::Routing(report(60, 30, 3))]);
    let csv = text(saved(&mut stage, "the tokens", "All values (CSV)…", "changes.csv"));
    let first = "token,text,supervised,weight moved,Head 1 in A,Head 1 in B,Head 1 change,";
    assert!(csv.starts_with(first) && csv.lines().count() > 60, "{csv}");
    let svg = text(saved(&mut stage, "the tokens", "Drawing (SVG)…", "changes.svg"));
    assert!(svg.contains("<desc>No gate of any token moved from A to B."));
    let png = saved(&mut stage, "the tokens", "Picture (PNG)…", "changes.png");
    assert!(png.starts_with(b"\x89PNG"));
}

#[test]
fn topics_and_moments_of_a_run_are_saved() {
    let mut stage = routed();
    click(&mut stage, "All data");
    stage.tell([surveyed(survey(3, 4, Vec::new()))]);
    let csv = text(saved(&mut stage, "topics and heads", "All values (CSV)…", "topics.csv"));
    assert_eq!(csv.lines().count(), 1 + 5 * 3);
    assert!(csv.lines().nth(2).is_some_and(|line| line.starts_with("arithmetic,60,2400,Head 2,0.4")), "{csv}");
    let svg = text(saved(&mut stage, "topics and heads", "Drawing (SVG)…", "topics.svg"));
    assert!(svg.contains(">capitals of the world (20)<"));
    click(&mut stage, "Over training");
    stage.tell([replayed(3, 4)]);
    let csv = text(saved(&mut stage, "the grid", "All values (CSV)…", "moment.csv"));
    assert_eq!(csv.lines().count(), 1 + 8 * 4 * 3);
}
