//! Every page in a small window, in both themes: no label may leave the window or lie on another.

use egui::accesskit::Role;
use egui::{Rect, ThemePreference};
use egui_kittest::kittest::{NodeT, Queryable};
use hydra_studio::app::pages::PageId;
use hydra_studio::worker::protocol::Event;

use super::stage::{Stage, data, done, lie_apart, model, report, run_events};

const SIZE: [f32; 2] = [1024.0, 640.0];

/// Height of the status bar, which lies above what is scrolled out of sight.
const STATUS_BAR: f32 = 40.0;

/// The labels in sight, with where they stand.
fn labels(stage: &Stage) -> Vec<(String, Rect)> {
    let bar = SIZE[1] - STATUS_BAR;
    let nodes = stage.window.query_all_by_role(Role::Label);
    let labels = nodes.filter_map(|node| {
        let text = node.accesskit_node().value().or_else(|| node.accesskit_node().label()).unwrap_or_default();
        let rect = node.rect();
        let is_in_bar = (rect.center().y - (bar + SIZE[1]) / 2.0).abs() < 1.0;
        let is_in_sight = rect.bottom() <= bar || is_in_bar;
        (!text.trim().is_empty() && rect.top() >= 0.0 && is_in_sight).then_some((text, rect))
    });
    labels.collect()
}

fn check(stage: &Stage, place: &str) {
    let labels = labels(stage);
    assert!(labels.len() > 3, "{place} shows next to nothing: {labels:?}");
    for (text, rect) in &labels {
        assert!(rect.left() >= 0.0 && rect.right() <= SIZE[0], "{place}: \"{text}\" leaves the window: {rect:?}");
    }
    lie_apart(&labels, place);
}

#[test]
fn no_label_lies_on_another_in_a_small_window() {
    for theme in [ThemePreference::Dark, ThemePreference::Light] {
        for page in PageId::ALL {
            let mut stage = Stage::new(page, SIZE, theme);
            stage.settle();
            check(&stage, &format!("{} at the start, {theme:?}", page.title()));
            stage.tell([model(), data()]);
            stage.tell(run_events(60, 200));
            stage.tell([Event::Routing(report(60, 30, 3))]);
            // Long enough for what stands in the corner to go.
            stage.window.run_steps(48);
            check(&stage, &format!("{} in a run, {theme:?}", page.title()));
            stage.tell([done(200)]);
            stage.window.run_steps(48);
            check(&stage, &format!("{} after a run, {theme:?}", page.title()));
        }
    }
}
