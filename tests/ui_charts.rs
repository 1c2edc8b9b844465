//! The Train page in the real window, with the test in the worker's place; and their widgets as pictures.

#[path = "ui_charts/after.rs"]
mod after;
#[path = "ui_charts/before.rs"]
mod before;
#[path = "ui_charts/budgets.rs"]
mod budgets;
#[path = "ui_charts/charts.rs"]
mod charts;
#[path = "ui_charts/layout.rs"]
mod layout;
#[path = "ui_charts/pictures.rs"]
mod pictures;
#[path = "ui_charts/running.rs"]
mod running;
#[path = "ui_charts/saving.rs"]
mod saving;
#[expect(dead_code, reason = "other tests play on this stage too")]
#[path = "ui_charts/stage.rs"]
mod stage;

use egui_kittest::kittest::Queryable;
use hydra_studio::app::pages::PageId;

use stage::{Stage, data, model};

/// A stage with model and data, where a run can be started.
fn ready() -> Stage {
    let mut stage = Stage::on(PageId::Train);
    stage.tell([model(), data()]);
    stage
}

fn click(stage: &mut Stage, label: &str) {
    stage.window.get_by_label(label).click();
    stage.settle();
}

/// Clicks the topmost of several: the page's own button, not the status bar's.
fn click_first(stage: &mut Stage, label: &str) {
    let top = |node: &egui_kittest::Node<'_>| node.rect().top();
    let nodes = stage.window.get_all_by_label(label);
    nodes.min_by(|a, b| top(a).total_cmp(&top(b))).expect("at least one").click();
    stage.settle();
}

fn has(stage: &Stage, text: &str) -> bool {
    stage.window.query_all_by_label_contains(text).next().is_some()
}
