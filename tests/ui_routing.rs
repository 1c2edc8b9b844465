//! The Routing page in the real window, with the test in the worker's place; and its widgets as pictures.

#[path = "ui_routing/budgets.rs"]
mod budgets;
#[path = "ui_routing/fixtures.rs"]
mod fixtures;
#[path = "ui_routing/layout.rs"]
mod layout;
#[path = "ui_routing/matrices.rs"]
mod matrices;
#[path = "ui_routing/over_training.rs"]
mod over_training;
#[path = "ui_routing/pictures.rs"]
mod pictures;
#[path = "ui_routing/saving.rs"]
mod saving;
#[expect(dead_code, reason = "the stage of the tests of other pages has more than is played here")]
#[path = "ui_charts/stage.rs"]
mod stage;
#[path = "ui_routing/surveys.rs"]
mod surveys;
#[path = "ui_routing/texts.rs"]
mod texts;

use egui_kittest::kittest::Queryable;
use hydra_studio::app::pages::PageId;

use stage::{Stage, adapter, data, model};

/// A stage with model, data and adapter on the Routing page.
fn routed() -> Stage {
    let mut stage = Stage::on(PageId::Routing);
    stage.tell([model(), data(), adapter()]);
    stage
}

fn click(stage: &mut Stage, label: &str) {
    stage.window.get_by_label(label).click();
    stage.settle();
}

fn click_at(stage: &mut Stage, pos: egui::Pos2) {
    let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::NONE);
    for pressed in [true, false] {
        stage.window.event(egui::Event::PointerButton { pos, button, pressed, modifiers });
    }
    stage.settle();
}

fn press(stage: &mut Stage, key: egui::Key) {
    stage.window.key_press(key);
    stage.settle();
}

fn has(stage: &Stage, text: &str) -> bool {
    stage.window.query_all_by_label_contains(text).next().is_some()
}
