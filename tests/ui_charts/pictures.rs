//! Widgets as pictures, in both themes.

use egui::{Theme, Ui};
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, SnapshotResults};
use hydra_studio::app::theme::{self, Tokens};
use hydra_studio::app::widgets::axes::{Axis, Outliers};
use hydra_studio::app::widgets::chart::{Chart, ChartLine, ChartView, Look};
use hydra_studio::app::widgets::chart_group::ChartGroup;
use hydra_studio::app::widgets::chart_marks::{Mark, MarkKind, Marks};
use hydra_studio::app::widgets::series::Series;
use hydra_studio::app::widgets::smoothed_series::SmoothedSeries;

use super::stage::{THEMES, noise, picture};

fn snapshot(name: &str, width: f32, mut draw: impl FnMut(&mut Ui)) {
    let mut results = SnapshotResults::new();
    for theme in THEMES {
        picture(&mut results, name, theme, [width, 300.0], &mut draw);
    }
}

fn loss() -> (SmoothedSeries, Series) {
    let (mut loss, mut held_out) = (SmoothedSeries::new(20.0), Series::default());
    for step in 1..=400 {
        loss.push(step, 0.6 + 1.6 * (-(step as f64) / 90.0).exp() + 0.3 * (noise(step) - 0.5));
    }
    (0..=4).for_each(|i| held_out.push(100 * i, 0.7 + 1.5 * (-(i as f64)).exp()));
    (loss, held_out)
}

#[test]
fn a_chart_with_three_lines() {
    let (mut loss, mut held_out) = loss();
    let mut view = ChartView::default();
    snapshot("chart", 480.0, |ui| {
        let tokens = Tokens::of(ui);
        let line = |name, series, color, look| ChartLine { name, series, color, look };
        let lines = vec![
            line("Loss", &mut loss.raw, tokens.chart_raw, Look::Thin),
            line("Smoothed", &mut loss.smooth, tokens.chart_main, Look::Line),
            line("Held-out", &mut held_out, tokens.chart_held_out, Look::Marked),
        ];
        Chart::new("Loss", "").ui(ui, &mut view, lines);
    });
}

/// What happened in a run of 400 steps.
fn marks() -> Marks {
    let mut marks = Marks::default();
    let mut mark = |kind: MarkKind, step: usize| {
        marks.push(Mark { kind, step, time_s: step as f64 * 9.0, text: format!("{} at step {step}", kind.noun()) });
    };
    (0..=4).for_each(|i| mark(MarkKind::Measure, 100 * i));
    (1..=8).for_each(|i| mark(MarkKind::Checkpoint, 50 * i));
    mark(MarkKind::Pause, 130);
    mark(MarkKind::Warning, 260);
    marks
}

/// Two charts of one run: the first has a spike that is clipped, a gap and all marks, and is read out where the pointer
/// rests on the second.
#[test]
fn charts_of_one_run_are_read_out_together() {
    let mut results = SnapshotResults::new();
    for (theme, name) in [(Theme::Dark, "chart_group_dark"), (Theme::Light, "chart_group_light")] {
        let (mut loss, mut rate) = (SmoothedSeries::new(20.0), Series::default());
        for step in 1..=400 {
            let value = match step {
                100 => 40.0,
                330 => f64::NAN,
                _ => 0.6 + 1.6 * (-(step as f64) / 90.0).exp() + 0.3 * (noise(step) - 0.5),
            };
            loss.push_at(step, step as f64 * 9.0, value);
            rate.push_at(step, step as f64 * 9.0, 2e-4 * (1.0 - step as f64 / 400.0));
        }
        let mut views = [ChartView::default(), ChartView::default()];
        let mut group = ChartGroup::default();
        (group.axis, group.outliers, group.marks) = (Axis::Time, Outliers::Clipped, marks());
        let mut harness = Harness::builder().with_size([512.0, 560.0]).with_theme(theme).build_ui(move |ui| {
            egui_extras::install_image_loaders(ui.ctx());
            theme::apply(ui.ctx());
            let tokens = Tokens::of(ui);
            let line = |name, series, color, look| ChartLine { name, series, color, look };
            theme::card_frame(tokens).show(ui, |ui| {
                ui.set_width(480.0);
                group.begin(&[]);
                let [first, second] = &mut views;
                let lines = vec![
                    line("Loss", &mut loss.raw, tokens.chart_raw, Look::Thin),
                    line("Smoothed", &mut loss.smooth, tokens.chart_main, Look::Line),
                ];
                Chart::new("Loss", "").ui_in(ui, first, &mut group, lines);
                let lines = vec![line("Rate", &mut rate, tokens.chart_main, Look::Line)];
                Chart::new("Learning rate", "").ui_in(ui, second, &mut group, lines);
                group.end(ui);
            });
        });
        harness.run_ok();
        let below = harness.get_by_label_contains("Learning rate, 1 series").rect();
        harness.hover_at(below.center());
        harness.run_ok();
        harness.snapshot(name);
        results.extend_harness(&mut harness);
    }
}

#[test]
fn a_chart_of_one_value() {
    let mut series = Series::default();
    series.push(0, 2.21);
    let mut view = ChartView::default();
    snapshot("chart_one_value", 320.0, |ui| {
        let color = Tokens::of(ui).chart_main;
        let line = ChartLine { name: "Loss", series: &mut series, color, look: Look::Line };
        Chart::new("Loss", "").height(120.0).ui(ui, &mut view, vec![line]);
    });
}
