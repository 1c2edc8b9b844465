//! The map of the examples.

use egui::{Key, Pos2, pos2};
use egui_kittest::kittest::Queryable;
use hydra_studio::worker::protocol::{Event, Request, TopicEdit};

use super::fixtures::{NAMES, board, found, opinion, places};
use super::stage::Stage;
use super::{click, has, ready, topical};

const MAP: &str = "Map of 90 examples by principal components.";

fn rect(stage: &Stage) -> egui::Rect {
    let nodes = stage.window.query_all_by_label_contains("Map of 90 examples");
    nodes.map(|node| node.rect()).max_by(|a, b| a.height().total_cmp(&b.height())).expect("a map")
}

fn pointer(stage: &Stage, pos: Pos2, pressed: bool) {
    let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::NONE);
    stage.window.event(egui::Event::PointerMoved(pos));
    stage.window.event(egui::Event::PointerButton { pos, button, pressed, modifiers });
}

/// Draws a line through these places.
fn draw_around(stage: &mut Stage, corners: &[Pos2]) {
    pointer(stage, corners[0], true);
    stage.window.step();
    for corner in corners {
        stage.window.event(egui::Event::PointerMoved(*corner));
        stage.window.step();
    }
    pointer(stage, corners[corners.len() - 1], false);
    stage.settle();
}

#[test]
fn the_map_is_there_at_once_and_refined_live() {
    let mut stage = topical();
    assert!(has(&stage, MAP) && has(&stage, &format!("{} (33 %)", NAMES[0])));
    assert!(!has(&stage, "t-SNE"));
    stage.tell([Event::TopicMap { places: places(90, 1.0), share: 0.3 }]);
    assert!(has(&stage, "Map of 90 examples by t-SNE."));
    click(&mut stage, "Principal components");
    assert!(has(&stage, MAP));
}

#[test]
fn a_sample_of_many_examples_is_said_to_be_one() {
    let mut stage = ready();
    let Event::TopicsFound { report, mut board } = found(90) else { unreachable!() };
    board.examples = 200_000;
    stage.tell([Event::TopicsFound { report, board }]);
    assert!(has(&stage, "It shows a sample of 90 of 200,000 examples."));
}

#[test]
fn what_is_drawn_around_is_listed_and_becomes_a_topic() {
    let mut stage = topical();
    let map = rect(&stage);
    // The heap on the left, which is every third example.
    let corner = |x: f32, y: f32| pos2(map.left() + x * map.width(), map.top() + y * map.height());
    draw_around(&mut stage, &[corner(0.01, 0.02), corner(0.33, 0.02), corner(0.33, 0.98), corner(0.01, 0.98)]);
    assert!(has(&stage, "30 examples chosen") && has(&stage, "mix.jsonl:4"), "the first heap is chosen");
    click(&mut stage, "Make a topic of these");
    let rows: Vec<usize> = (0..90).step_by(3).collect();
    assert_eq!(stage.requests(), [Request::EditTopics(TopicEdit::Gather(rows))]);
    assert!(!has(&stage, "examples chosen"));
}

#[test]
fn the_keyboard_walks_and_chooses() {
    let mut stage = topical();
    let nodes = stage.window.query_all_by_label_contains(MAP);
    nodes.max_by(|a, b| a.rect().height().total_cmp(&b.rect().height())).expect("a map").focus();
    stage.settle();
    for key in [Key::ArrowRight, Key::ArrowRight, Key::Space, Key::End, Key::Space] {
        stage.window.key_press(key);
        stage.settle();
    }
    assert!(has(&stage, "2 examples chosen") && has(&stage, "mix.jsonl:2") && has(&stage, "mix.jsonl:90"));
    stage.window.key_press(Key::Escape);
    stage.settle();
    assert!(!has(&stage, "examples chosen"));
}

#[test]
fn a_topic_is_shown_on_the_map_by_its_button() {
    let mut stage = topical();
    click(&mut stage, &format!("Show on the map: {}", NAMES[2]));
    assert!(has(&stage, "30 examples chosen") && has(&stage, "mix.jsonl:3"));
    click(&mut stage, "Choose none");
    assert!(!has(&stage, "examples chosen"));
}

#[test]
fn dense_groups_have_a_legend_of_their_own() {
    let mut stage = topical();
    stage.tell([opinion(90)]);
    click(&mut stage, "Dense groups");
    assert!(has(&stage, "Group 2") && has(&stage, "In none: 30"));
}

#[test]
fn examples_of_no_topic_are_told() {
    let mut stage = topical();
    let mut noisy = board(90);
    noisy.noise = 12;
    stage.tell([Event::TopicsEdited(Box::new(noisy))]);
    assert!(has(&stage, "No topic: 12") && has(&stage, "12 examples of no topic (13 %)"));
}
