//! Maps of the flattened matrices: a colour for each adapter, and a shape for how deep the layer is.

use std::fmt::Write as _;

use egui::{Color32, Ui};

use crate::adapter::Target;
use crate::app::commands::SystemCommand;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::chart_export::{ChartExport, ChartFormat, csv_cell, save_menu};
use crate::app::widgets::legend::{Swatch, legend_row, swatch_label};
use crate::app::widgets::point_map::{self, MapDot, MapLabels, Mark, PointMap};
use crate::inspect::MatrixReport;
use crate::inspect::matrices::{MapPoint, MatrixKind, MatrixMap};

use super::words::{map_words, unit_name};
use super::{kind_ui, target_ui};

/// How points are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Projection {
    #[default]
    Tsne,
    Pca,
}

/// The card with how it is looked at.
#[derive(Default)]
pub struct MapsCard {
    projection: Projection,
    kind: MatrixKind,
    target: Option<Target>,
    map: PointMap,
}

impl MapsCard {
    /// Draws the card.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, report: &MatrixReport) {
        let mut format = None;
        card_with_actions(
            ui,
            "Maps",
            |ui| format = save_menu(ui, "the map", !report.maps.is_empty()),
            |ui| {
                ui.horizontal_wrapped(|ui| {
                    kind_ui(ui, &mut self.kind);
                    let choices = [(Projection::Tsne, "t-SNE"), (Projection::Pca, "Principal components")];
                    buttons::segmented(ui, &mut self.projection, &choices);
                    let of_kind = report.maps.iter().filter(|map| map.kind == self.kind);
                    let targets: Vec<_> = of_kind.map(|map| Some(map.target)).collect();
                    if !targets.is_empty() {
                        ui.push_id("maps", |ui| target_ui(ui, &mut self.target, &targets));
                    }
                });
                ui.add_space(space::XS);
                match self.shown(report) {
                    Some(map) => self.map_ui(ui, report, map),
                    None => {
                        ui.weak("There are too few of these matrices for a map, or all of them are zero.");
                    }
                }
            },
        );
        if let (Some(format), Some(map)) = (format, self.shown(report)) {
            let export = self.export(format, report, map, Tokens::of(ui));
            cx.send(SystemCommand::SaveChart(Box::new(export)));
        }
    }

    fn shown<'a>(&self, report: &'a MatrixReport) -> Option<&'a MatrixMap> {
        report.maps.iter().find(|map| map.kind == self.kind && Some(map.target) == self.target)
    }

    fn map_ui(&mut self, ui: &mut Ui, report: &MatrixReport, map: &MatrixMap) {
        let tokens = Tokens::of(ui);
        legend_row(ui, |ui| {
            for (adapter, compared) in report.adapters.iter().enumerate() {
                swatch_label(ui, Swatch::Dot, tokens.head(adapter), &compared.name);
            }
            ui.weak("Circles: the first third of the layers. Squares: the middle. Triangles: the last.");
        });
        let (dots, words) = (self.dots(report, map, tokens), self.words(report, map));
        let dot = |at: usize| map.points.get(at).map_or_else(String::new, |point| told(report, map, point));
        self.map.ui(ui, &dots, &MapLabels { dot: &dot, summary: &words });
        ui.label(words);
    }

    fn words(&self, report: &MatrixReport, map: &MatrixMap) -> String {
        map_words(report, map, self.projection == Projection::Tsne)
    }

    fn place(&self, point: &MapPoint) -> [f32; 2] {
        if self.projection == Projection::Tsne { point.tsne } else { point.pca }
    }

    fn dots(&self, report: &MatrixReport, map: &MatrixMap, tokens: &Tokens) -> Vec<MapDot> {
        let layers = report.adapters.first().map_or(1, |adapter| adapter.layers);
        let dot = |point: &MapPoint| MapDot {
            at: self.place(point),
            color: color(map, point, tokens),
            mark: mark(point.layer, layers),
        };
        map.points.iter().map(dot).collect()
    }

    fn export(
        &self,
        format: ChartFormat,
        report: &MatrixReport,
        map: &MatrixMap,
        tokens: &'static Tokens,
    ) -> ChartExport {
        let by = if self.projection == Projection::Tsne { "t-SNE" } else { "principal components" };
        let title = format!("{} of {} by {by}", map.kind.title(), map.target);
        let adapters = report.adapters.iter().enumerate();
        let mut legend: Vec<(String, Color32, Mark)> =
            adapters.map(|(at, adapter)| (adapter.name.clone(), tokens.head(at), Mark::Circle)).collect();
        let depths = [("first layers", Mark::Circle), ("middle layers", Mark::Square), ("last layers", Mark::Triangle)];
        legend.extend(depths.map(|(name, mark)| (name.to_owned(), tokens.text_weak, mark)));
        let dots = self.dots(report, map, tokens);
        let mut picture = point_map::picture(&title, &dots, &legend, &self.words(report, map), tokens);
        if format == ChartFormat::Csv {
            picture.shapes.clear();
            picture.table = self.table(report, map);
        }
        picture.export(format)
    }

    fn table(&self, report: &MatrixReport, map: &MatrixMap) -> String {
        let mut text = "adapter and head,layer,x,y\n".to_owned();
        for point in &map.points {
            let name = map.units.get(point.unit).map_or_else(String::new, |unit| unit_name(report, *unit));
            let [x, y] = self.place(point);
            let _ = writeln!(text, "{},{},{x:?},{y:?}", csv_cell(&name), point.layer + 1);
        }
        text
    }
}

fn color(map: &MatrixMap, point: &MapPoint, tokens: &Tokens) -> Color32 {
    tokens.head(map.units.get(point.unit).map_or(0, |unit| unit.adapter))
}

/// The shape of a layer: by the third of all that it is in.
fn mark(layer: usize, layers: usize) -> Mark {
    match 3 * layer / layers.max(1) {
        0 => Mark::Circle,
        1 => Mark::Square,
        _ => Mark::Triangle,
    }
}

fn told(report: &MatrixReport, map: &MatrixMap, point: &MapPoint) -> String {
    let name = map.units.get(point.unit).map_or_else(String::new, |unit| unit_name(report, *unit));
    format!("{name}: {} of {} in layer {}", map.kind.title(), map.target, point.layer + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_tell_the_thirds_of_the_layers() {
        let marks: Vec<Mark> = [0, 9, 10, 19, 20, 29].into_iter().map(|layer| mark(layer, 30)).collect();
        use Mark::{Circle, Square, Triangle};
        assert_eq!(marks, [Circle, Circle, Square, Square, Triangle, Triangle]);
        assert_eq!(mark(0, 1), Circle);
    }
}
