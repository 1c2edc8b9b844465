//! The Topics page in the real window, with the test in the worker's place; and its widgets as pictures.

#[path = "ui_topics/budgets.rs"]
mod budgets;
#[path = "ui_topics/changing.rs"]
mod changing;
#[path = "ui_topics/finding.rs"]
mod finding;
#[path = "ui_topics/fixtures.rs"]
mod fixtures;
#[path = "ui_topics/map.rs"]
mod map;
#[path = "ui_topics/pictures.rs"]
mod pictures;
#[expect(dead_code, reason = "the stage of the tests of other pages has more than is played here")]
#[path = "ui_charts/stage.rs"]
mod stage;

use egui_kittest::kittest::Queryable;
use hydra_studio::app::pages::PageId;

use fixtures::found;
use stage::{Stage, data, model};

/// A stage with model and data on the Topics page.
fn ready() -> Stage {
    let mut stage = Stage::on(PageId::Topics);
    stage.tell([model(), data()]);
    stage
}

/// The same where topics were found.
fn topical() -> Stage {
    let mut stage = ready();
    stage.tell([found(90)]);
    stage.requests();
    stage
}

fn click(stage: &mut Stage, label: &str) {
    stage.window.get_by_label(label).click();
    stage.settle();
}

fn has(stage: &Stage, text: &str) -> bool {
    stage.window.query_all_by_label_contains(text).next().is_some()
}
