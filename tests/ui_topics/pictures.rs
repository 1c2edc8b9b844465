//! The widgets of the page as pictures, in both themes.

use egui_kittest::SnapshotResults;
use hydra_studio::app::theme::Tokens;
use hydra_studio::app::widgets::number_chart::{NumberChart, NumberLevel, NumberLine};
use hydra_studio::app::widgets::point_cloud::{CloudDots, PointCloud};
use hydra_studio::app::widgets::point_map::MapLabels;

use super::fixtures::places;
use super::stage::{THEMES, picture};

#[test]
fn a_cloud_of_points_and_charts_over_numbers_look_right() {
    let mut results = SnapshotResults::new();
    for theme in THEMES {
        let (mut cloud, places) = (PointCloud::default(), places(600, 0.0));
        picture(&mut results, "point_cloud", theme, [620.0, 520.0], |ui| {
            let tokens = Tokens::of(ui);
            let colors: Vec<_> = (0..600).map(|row| tokens.head(row % 3)).collect();
            let dots = CloudDots { places: &places, colors: &colors, marks: &[], revision: 1 };
            cloud.ui(ui, dots, &MapLabels { dot: &|dot| format!("point {dot}"), summary: "Three heaps" });
        });
        picture(&mut results, "number_chart", theme, [620.0, 300.0], |ui| {
            let tokens = Tokens::of(ui);
            let level = NumberLevel { name: "As they stand".into(), value: 4.0, color: tokens.text_weak };
            let chart = NumberChart {
                title: "Number of topics over repeated trials",
                explanation: "",
                unit: "trial",
                marked: Some(6),
                levels: vec![level],
                height: 190.0,
            };
            let values = |shift: usize| (0..15).map(|n| (3 + (n + shift) % 3) as f64).collect();
            chart.ui(
                ui,
                &[
                    NumberLine { name: "k-means", values: values(0), color: tokens.chart_main },
                    NumberLine { name: "Density", values: values(2), color: tokens.chart_held_out },
                ],
            );
        });
    }
}
