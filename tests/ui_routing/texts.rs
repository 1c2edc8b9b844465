//! The tab of one text.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::adapter::Method;
use hydra_studio::app::pages::PageId;
use hydra_studio::worker::protocol::{Event, InspectSource, JobKind, Request, RoutingReport};

use super::fixtures::{names, replayed};
use super::stage::{Stage, adapter, data, model, report, started};
use super::{click, click_at, has, press, routed};

/// The middle of a cell of the grid: of 8 panels with 3 heads, over 30 layers.
fn cell(stage: &Stage, panel: usize, head: usize, row: usize) -> egui::Pos2 {
    // Where cells stand is not told to who reads the page: the keyboard's outline is, by its tooltip.
    let grid = grid(stage);
    let (names, head_height, cell_height) = (grid.left() + 41.0, grid.top() + 18.0, 14.0);
    let width = (grid.right() - names - 7.0 * 12.0) / 24.0;
    let width = width.min(32.0);
    let left = names + panel as f32 * (3.0 * width + 12.0) + (head as f32 + 0.5) * width;
    egui::pos2(left, head_height + (row as f32 + 0.5) * cell_height)
}

fn grid(stage: &Stage) -> egui::Rect {
    stage.window.get_by_label_contains("by layer and head").rect()
}

fn focus_grid(stage: &mut Stage) {
    stage.window.get_by_label_contains("Mean gate by layer and head").focus();
    stage.settle();
}

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
    let source = InspectSource::Prompt("What is 2 plus 2?".into());
    assert_eq!(stage.requests(), [Request::Inspect { source, at: None }]);
    stage.tell([Event::Routing(report(20, 4, 3))]);
    click(&mut stage, "A held-out example");
    click(&mut stage, "Next example");
    assert!(has(&stage, "How many days are there from 3 May to 9 June?"));
    click(&mut stage, "Look");
    assert_eq!(stage.requests(), [Request::Inspect { source: InspectSource::HeldOut(1), at: None }]);
}

#[test]
fn a_text_can_be_looked_at_through_a_checkpoint() {
    let mut stage = routed();
    assert!(stage.requests().contains(&Request::Replay { run: "/adapters/demo".into() }), "the run is asked for");
    assert!(stage.window.query_by_label("Through").is_none());
    stage.tell([replayed(3, 4)]);
    click(&mut stage, "A held-out example");
    stage.window.get_by_role_and_label(Role::ComboBox, "Through").click();
    stage.settle();
    click(&mut stage, "checkpoint-40, step 40");
    click(&mut stage, "Look");
    let at = Some("/adapters/demo/checkpoint-40".into());
    assert_eq!(stage.requests(), [Request::Inspect { source: InspectSource::HeldOut(0), at: at.clone() }]);
    stage.tell([Event::Routing(RoutingReport { at, ..report(20, 4, 3) })]);
    assert!(has(&stage, "through checkpoint-40"));
}

#[test]
fn a_report_is_told_in_words_and_by_hover() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(has(&stage, "Of 30 layers, Head ") && has(&stage, "entropy 0.9"));
    assert!(has(&stage, "Of 60 tokens, Head 1 leads "));
    let at = cell(&stage, 6, 0, 16);
    stage.window.hover_at(at);
    stage.settle();
    assert!(has(&stage, "Head 1, layer 17, up_proj: mean gate 0."), "the cell under the pointer is told");
    let row = stage.window.get_by_label_contains("When does it arrive?").rect();
    stage.window.hover_at(row.left_center() + egui::vec2(90.0, 0.0));
    stage.settle();
    assert!(has(&stage, "of 60, not supervised"), "the token under the pointer is told");
}

#[test]
fn the_grid_is_walked_with_the_arrow_keys_and_a_module_is_picked() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    focus_grid(&mut stage);
    for key in [Key::ArrowRight, Key::ArrowRight, Key::ArrowRight, Key::ArrowRight, Key::ArrowDown] {
        press(&mut stage, key);
    }
    assert!(has(&stage, "Head 1, layer 2, q_proj: mean gate 0."), "the cell under the cursor is told");
    press(&mut stage, Key::Enter);
    assert!(has(&stage, "Tokens by head: layer 2, q_proj"));
    assert!(has(&stage, "Mean gates of the modules of layer 2 by head"), "the layer's modules stand side by side");
    click(&mut stage, "Layer 2");
    assert!(has(&stage, "Tokens by head: layer 2"));
    click(&mut stage, "All layers");
    assert!(has(&stage, "Tokens by head: all modules"));
}

#[test]
fn a_click_leads_from_layer_to_module_to_tokens() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    let layer = |stage: &Stage| stage.window.get_by_label("Layer of the tokens").value();
    assert_eq!(layer(&stage).as_deref(), Some("All layers"));
    let at = cell(&stage, 6, 1, 16);
    click_at(&mut stage, at);
    assert_eq!(layer(&stage).as_deref(), Some("Layer 17"));
    assert_eq!(stage.window.get_by_label("Kind of module").value().as_deref(), Some("up"));
    click_at(&mut stage, at);
    assert_eq!(layer(&stage).as_deref(), Some("All layers"), "a second click takes the choice back");
    let name = egui::pos2(grid(&stage).left() + 20.0, at.y);
    click_at(&mut stage, name);
    assert!(has(&stage, "Tokens by head: layer 17"), "the name of a layer is its choice");
}

#[test]
fn tokens_are_read_with_the_arrow_keys_and_name_their_heads() {
    let mut stage = routed();
    stage.tell([names(&[Some("numbers")]), Event::Routing(report(60, 30, 3))]);
    assert!(has(&stage, "leads "), "a row names its leading heads");
    stage.window.get_by_label("Tokens; read them with the arrow keys").focus();
    stage.settle();
    for _ in 0..3 {
        press(&mut stage, Key::ArrowRight);
    }
    assert!(has(&stage, "Token 3 of 60, “> user \\n A”: Head 1 · numbers 0."), "the gates are told");
    assert!(has(&stage, "Token 3 of 60, not supervised"), "the gates are shown");
}

#[test]
fn gates_are_seen_token_by_token_as_bars_and_as_lines() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    for looks in ["Bars", "Lines"] {
        click(&mut stage, looks);
        let bars = stage.window.get_by_label_contains("Gates token by token");
        bars.focus();
        stage.settle();
        press(&mut stage, Key::End);
        assert!(has(&stage, "Token 60 of 60, "), "{looks}: the cursor is told");
        press(&mut stage, Key::ArrowLeft);
        assert!(has(&stage, "Token 59 of 60, supervised"), "{looks}: the gates are shown");
    }
}

#[test]
fn the_grid_can_be_read_as_a_table_stretched_and_sorted_by_entropy() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    assert!(has(&stage, "Colours from 0 to 0."));
    click(&mut stage, "Stretch colours");
    assert!(has(&stage, "Colours from 0.2") || has(&stage, "Colours from 0.1"));
    click(&mut stage, "Show as table");
    assert!(stage.window.query_all_by_label_contains("0.3").count() > 20, "gates are listed as figures");
    stage.window.get_by_label("Order of the layers").click();
    stage.settle();
    click(&mut stage, "Lowest entropy first");
    focus_grid(&mut stage);
    press(&mut stage, Key::ArrowRight);
    assert!(has(&stage, "Head 1, layer 30, mean of all modules"), "the last layer chooses most clearly");
    click(&mut stage, "Entropy");
    assert!(has(&stage, "Entropy by layer and head"));
}

#[test]
fn two_looks_are_set_against_each_other() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(60, 30, 3))]);
    click(&mut stage, "Compare with…");
    assert!(has(&stage, "Kept as A: A train leaves at 9:40…, through demo"));
    let at = Some("/adapters/demo/checkpoint-40".into());
    let mut other = RoutingReport { at, ..report(60, 30, 3) };
    for gates in other.modules.iter_mut().flat_map(|module| module.gates.chunks_mut(3)) {
        gates.copy_from_slice(&[0.5, 0.25, 0.25]);
    }
    stage.tell([Event::Routing(other.clone())]);
    assert!(has(&stage, "B: A train leaves at 9:40…, through checkpoint-40"));
    assert!(has(&stage, "From A to B a mean gate changes by 0."));
    assert!(has(&stage, "Colours from -0."), "differences have a scale with two ends");
    focus_grid(&mut stage);
    press(&mut stage, Key::ArrowRight);
    assert!(has(&stage, "in A, 0.500 in B"));
    click(&mut stage, "B");
    assert!(has(&stage, "Colours from 0 to 0."));
    other.heads = 2;
    other.modules.iter_mut().for_each(|module| module.gates.truncate(120));
    stage.tell([Event::Routing(other)]);
    assert!(has(&stage, "other heads, layers or modules, so no difference can be drawn"));
    click(&mut stage, "Stop comparing");
    assert!(has(&stage, "Compare with…"));
}

/// The same text through a checkpoint where every token had these gates.
fn at_checkpoint(gates: [f32; 3]) -> RoutingReport {
    let at = Some("/adapters/demo/checkpoint-40".into());
    let mut other = RoutingReport { at, ..report(60, 30, 3) };
    for token in other.modules.iter_mut().flat_map(|module| module.gates.chunks_mut(3)) {
        token.copy_from_slice(&gates);
    }
    other
}

#[test]
fn what_moved_between_two_checkpoints_is_seen_token_by_token() {
    let mut stage = routed();
    stage.tell([Event::Routing(at_checkpoint([0.5, 0.25, 0.25]))]);
    click(&mut stage, "Compare with…");
    stage.tell([Event::Routing(at_checkpoint([0.3, 0.25, 0.45]))]);
    assert!(has(&stage, "Tokens by change, from A to B: all modules"));
    assert!(has(&stage, "Of 60 tokens, 20.0 % of a token's weight moved on average from A to B"));
    assert!(has(&stage, "Head 1 gains at 0 and loses at 60 (-0.200 on average)"));
    assert!(has(&stage, "(Head 3 gains most at "), "a row names the heads that gained");
    stage.window.get_by_label("Tokens; read them with the arrow keys").focus();
    stage.settle();
    press(&mut stage, Key::ArrowRight);
    assert!(has(&stage, "from A to B: Head 1 -0.200, Head 2 +0.000, Head 3 +0.200"), "a token is told");
    assert!(has(&stage, "Head 3 +0.200 (0.250 in A, 0.450 in B)"), "and shown");
    stage.window.get_by_label("Change of which head").click();
    stage.settle();
    // The legend has the name too.
    let choices = stage.window.get_all_by_label("Head 3");
    choices.filter(|node| node.accesskit_node().role() != Role::Label).for_each(|choice| choice.click());
    stage.settle();
    assert!(has(&stage, "by how much the gate of Head 3 is larger or smaller in B") && has(&stage, "-0.20 to +0.20"));
    assert!(has(&stage, "loses at 0)"), "a row counts where the head gained and lost");
    click(&mut stage, "A");
    assert!(has(&stage, "Tokens by head, in A: all modules") && has(&stage, "Head 1 leads 60"));
    click(&mut stage, "B");
    assert!(has(&stage, "Tokens by head: all modules") && has(&stage, "Head 3 leads 60"));
    click(&mut stage, "B − A");
    stage.tell([Event::Routing(report(61, 30, 3))]);
    assert!(has(&stage, "A and B are different texts") && has(&stage, "Tokens by head: all modules"));
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

#[test]
fn a_look_that_fails_says_why_and_one_that_takes_long_can_be_cancelled() {
    let mut stage = routed();
    click(&mut stage, "A held-out example");
    click(&mut stage, "Look");
    let job = JobKind::Inspect;
    stage.tell([Event::Progress { job, share: Some(0.5), note: "Reading the gates".into() }]);
    stage.requests();
    let cancels = stage.window.get_all_by_label("Cancel");
    let top = |node: &egui_kittest::Node<'_>| node.rect().top();
    cancels.min_by(|a, b| top(a).total_cmp(&top(b))).expect("at least one").click();
    stage.settle();
    assert_eq!(stage.requests(), [Request::Cancel { job }]);
    stage.tell([Event::Failed { job, message: "the text is empty: type one".into() }]);
    assert!(has(&stage, "the text is empty: type one") && has(&stage, "Look"));
}

#[test]
fn one_head_has_nothing_to_route() {
    let mut stage = routed();
    stage.tell([Event::Routing(report(20, 2, 1))]);
    assert!(has(&stage, "There is one head, so every token goes to it"));
}
