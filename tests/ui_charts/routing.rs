//! The Routing page.

use egui::Key;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::adapter::Method;
use hydra_studio::app::pages::PageId;
use hydra_studio::worker::protocol::{Event, InspectSource, Request};

use super::stage::{Stage, adapter, data, model, report, started};
use super::{click, click_at, has, routed};

#[test]
fn without_an_adapter_the_page_leads_to_training() {
    let mut stage = Stage::on(PageId::Routing);
    stage.tell([model(), data()]);
    assert!(has(&stage, "No adapter to look into yet"));
    click(&mut stage, "Go to Train");
    assert!(has(&stage, "How much effort should it take?"));
}

#[test]
fn a_prompt_and_a_held_out_example_can_be_looked_at() {
    let mut stage = routed();
    stage.requests();
    assert!(stage.window.get_by_label("Look").accesskit_node().is_disabled(), "there is no prompt yet");
    stage.window.get_by_label("Prompt").focus();
    stage.window.get_by_label("Prompt").type_text("What is 2 plus 2?");
    stage.settle();
    click(&mut stage, "Look");
    assert_eq!(
        stage.requests(),
        [Request::Inspect { source: InspectSource::Prompt("What is 2 plus 2?".into()), at: None }]
    );
    stage.tell([Event::Routing(report(20, 4, 3))]);
    click(&mut stage, "A held-out example");
    click(&mut stage, "Next example");
    assert!(has(&stage, "How many days are there from 3 May to 9 June?"));
    click(&mut stage, "Look");
    assert_eq!(stage.requests(), [Request::Inspect { source: InspectSource::HeldOut(1), at: None }]);
}

#[test]
fn a_report_is_told_in_words_and_by_hover() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(has(&stage, "Of 30 layers, Head ") && has(&stage, "entropy 0.9"));
    assert!(has(&stage, "Of 60 tokens, Head 1 leads "));
    let grid = stage.window.get_by_label_contains("Mean gates by layer and head").rect();
    stage.window.hover_at(grid.lerp_inside(egui::vec2(0.6, 0.2)));
    stage.settle();
    assert!(has(&stage, "Head 1, layer 17: mean gate 0."), "the cell under the pointer is told");
    let row = stage.window.get_by_label_contains("When does it arrive?").rect();
    stage.window.hover_at(row.left_center() + egui::vec2(90.0, 0.0));
    stage.settle();
    assert!(has(&stage, "of 60, not supervised"), "the token under the pointer is told");
}

#[test]
fn tokens_are_read_with_the_arrow_keys_and_name_their_heads() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(has(&stage, "When does it arrive? (Head ") || has(&stage, "leads "), "a row names its leading heads");
    stage.window.get_by_label("Tokens; read them with the arrow keys").focus();
    stage.settle();
    for _ in 0..3 {
        stage.window.key_press(Key::ArrowRight);
        stage.settle();
    }
    assert!(has(&stage, "Token 3 of 60, “> user \\n A”: Head 1 0."), "the gates are told");
    assert!(has(&stage, "Token 3 of 60, not supervised"), "the gates are shown");
}

#[test]
fn a_kind_of_module_and_a_layer_can_be_chosen() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    click(&mut stage, "up");
    let grid = stage.window.get_by_label_contains("Mean gates by layer and head").rect();
    stage.window.hover_at(grid.lerp_inside(egui::vec2(0.6, 0.2)));
    stage.settle();
    assert!(has(&stage, "model.layers.16.mlp.up_proj"));
    let layer = |stage: &Stage| stage.window.get_by_label("Layer of the tokens").value();
    assert_eq!(layer(&stage).as_deref(), Some("Mean of all layers"));
    click_at(&mut stage, grid.lerp_inside(egui::vec2(0.6, 0.2)));
    assert_eq!(layer(&stage).as_deref(), Some("Layer 17"));
}

#[test]
fn the_grid_can_be_read_as_a_table_and_its_colours_stretched() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(has(&stage, "Colours from 0 to 0.67"));
    click(&mut stage, "Stretch colours");
    assert!(has(&stage, "Colours from 0.2") || has(&stage, "Colours from 0.3"));
    click(&mut stage, "Show as table");
    assert!(stage.window.query_all_by_label_contains("0.3").count() > 20, "gates are listed as figures");
}

#[test]
fn a_report_of_an_earlier_adapter_says_so() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(!has(&stage, "Look again"));
    stage.tell([started(10)]);
    assert!(has(&stage, "Look again"));
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(!has(&stage, "Look again"));
}

#[test]
fn a_method_without_router_is_explained() {
    let mut stage = Stage::on(PageId::Routing);
    let Event::AdapterLoaded(mut summary) = adapter() else { unreachable!() };
    summary.spec.method = Method::Lora;
    summary.spec.heads = 1;
    stage.tell([model(), data(), Event::AdapterLoaded(summary)]);
    assert!(has(&stage, "LoRA has no router"));
    assert!(stage.window.query_by_label("Look").is_none());
}
