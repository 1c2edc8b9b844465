//! What a frame may cost. `benches/frames.rs` measures the same in an optimised build.

use egui_kittest::kittest::Queryable;
use hydra_studio::worker::protocol::Event;

use super::fixtures::{replayed, survey, surveyed};
use super::stage::{Stage, report};
use super::{click, routed};

/// Holds frames to the budget while the pointer wanders over the rectangle.
fn hold_to_budget(what: &str, stage: &mut Stage, over: egui::Rect) {
    stage.hold_to_budget(what, |stage, frame| {
        stage.window.hover_at(over.lerp_inside(egui::vec2((frame % 60) as f32 / 60.0, 0.5)));
    });
}

#[test]
fn frames_stay_cheap_with_the_largest_report() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(4096, 32, 16))]);
    stage.window.run_steps(60);
    let grid = stage.window.get_by_label_contains("Mean gate by layer and head").rect();
    hold_to_budget("a grid of 32 layers, 7 kinds, 16 heads", &mut stage, grid);
    let row = stage.window.get_all_by_label_contains("When does it arrive?").next().expect("a row in view").rect();
    hold_to_budget("a text of 4,096 tokens, 16 heads", &mut stage, row);
    for looks in ["Bars", "Lines"] {
        click(&mut stage, looks);
        let bars = stage.window.get_by_label_contains("Gates token by token").rect();
        let seen = egui::Rect::from_min_size(bars.min, egui::vec2(900.0, 150.0));
        hold_to_budget(&format!("{looks} of 4,096 tokens, 16 heads"), &mut stage, seen);
    }
}

#[test]
fn frames_stay_cheap_with_a_large_survey_and_while_a_run_is_played() {
    let mut stage = routed();
    click(&mut stage, "All data");
    stage.tell([surveyed(survey(16, 32, Vec::new()))]);
    let matrix = stage.window.get_by_label_contains("Mean gates by topic and head").rect();
    hold_to_budget("a survey of 16 heads", &mut stage, matrix);
    click(&mut stage, "Over training");
    stage.tell([replayed(16, 32)]);
    let grid = stage.window.get_by_label_contains("Mean gate by layer and head").rect();
    stage.window.get_by_label("Play the run").click();
    hold_to_budget("a run that is played, 16 heads", &mut stage, grid);
}
