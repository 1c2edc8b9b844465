//! What a frame may cost. `benches/frames.rs` measures the same in an optimised build.

use hydra_studio::worker::protocol::Event;

use super::fixtures::{found, places};
use super::ready;

#[test]
fn frames_stay_cheap_with_twenty_thousand_examples() {
    let mut stage = ready();
    stage.tell([found(20_000)]);
    let map = {
        use egui_kittest::kittest::Queryable;
        let nodes = stage.window.query_all_by_label_contains("Map of 20,000 examples");
        nodes.map(|node| node.rect()).max_by(|a, b| a.height().total_cmp(&b.height())).expect("a map")
    };
    stage.hold_to_budget("20,000 examples, hovering, refined four times a second", |stage, frame| {
        stage.window.hover_at(map.lerp_inside(egui::vec2((frame % 60) as f32 / 60.0, 0.5)));
        if frame % 15 == 0 {
            stage.send([Event::TopicMap { places: places(20_000, frame as f32 * 0.01), share: 0.5 }]);
        }
    });
}
