//! What a frame may cost. `benches/frames.rs` measures the same in an optimised build.

use egui_kittest::kittest::Queryable;

use super::ready;
use super::stage::{run_events, step};

#[test]
fn frames_stay_cheap_with_a_hundred_thousand_steps() {
    let mut stage = ready();
    let (steps, done) = (100_000, 99_000);
    stage.tell(run_events(done, steps));
    stage.window.run_steps(30);
    let chart = stage.window.get_by_label_contains("Loss, 3 series").rect();
    stage.hold_to_budget("100,000 steps, hovering, one more in each frame", |stage, frame| {
        stage.window.hover_at(chart.lerp_inside(egui::vec2((frame % 60) as f32 / 60.0, 0.5)));
        stage.send([step(done + frame + 1, steps)]);
    });
}
