//! Every tab in small and large windows, in both themes: no label may leave the page or lie on another.

use egui::accesskit::Role;
use egui::{Rect, ThemePreference};
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::app::pages::PageId;
use hydra_studio::worker::protocol::Event;

use super::click;
use super::fixtures::{names, replayed, survey, surveyed};
use super::stage::{Stage, adapter, data, lie_apart, model, report};

/// Width of the left rail.
const RAIL: f32 = 184.0;

/// The labels of the page, with where they stand. The window is tall, so that none is out of sight.
fn labels(stage: &Stage) -> Vec<(String, Rect)> {
    let nodes = stage.window.query_all_by_role(Role::Label);
    let labels = nodes.filter_map(|node| {
        let text = node.accesskit_node().value().or_else(|| node.accesskit_node().label()).unwrap_or_default();
        let rect = node.rect();
        (!text.trim().is_empty() && rect.left() >= RAIL).then_some((text, rect))
    });
    labels.collect()
}

fn check(stage: &Stage, width: f32, place: &str) {
    let labels = labels(stage);
    assert!(labels.len() > 5, "{place} shows next to nothing: {labels:?}");
    for (text, rect) in &labels {
        assert!(rect.right() <= width, "{place}: \"{text}\" leaves the window: {rect:?}");
    }
    lie_apart(&labels, place);
}

#[test]
fn no_label_lies_on_another_on_any_tab() {
    for (width, heads, theme) in [(1024.0, 16, ThemePreference::Dark), (2560.0, 3, ThemePreference::Light)] {
        let mut stage = Stage::new(PageId::Routing, [width, 6000.0], theme);
        let named = names(&[None, Some("arithmetic and other sums with carrying")]);
        stage.tell([model(), data(), adapter(), replayed(heads, 30), named, Event::Routing(report(200, 30, heads))]);
        stage.tell([surveyed(survey(heads, 30, Vec::new()))]);
        stage.window.run_steps(48);
        check(&stage, width, &format!("a text, {heads} heads"));
        click(&mut stage, "Compare with…");
        check(&stage, width, &format!("a comparison, {heads} heads"));
        click(&mut stage, "All data");
        check(&stage, width, &format!("a survey, {heads} heads"));
        click(&mut stage, "Over training");
        check(&stage, width, &format!("a run, {heads} heads"));
    }
}
