//! Cosines as a heat map: of every two adapters and heads, or of every two layers.

use egui::{Color32, Ui};

use crate::adapter::Target;
use crate::app::commands::SystemCommand;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::chart_export::{ChartExport, ChartFormat, save_menu};
use crate::app::widgets::heat_panels::{self, Chosen, HeatPanels, PanelLabels, PanelTable, Place, Scale, scale_ui};
use crate::inspect::MatrixReport;
use crate::inspect::matrices::{LayerCosines, MatrixKind, UnitCosines};

use super::words::{table_words, unit_name};
use super::{kind_ui, target_ui};

const CELL: f32 = 56.0;
const LEGEND: &str = "Cosine of the flattened matrices";

/// What rows and columns are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sides {
    #[default]
    Units,
    Layers,
}

/// What the table was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    report: u64,
    sides: Sides,
    kind: MatrixKind,
    target: Option<Target>,
}

/// The card with how it is looked at.
#[derive(Default)]
pub struct CosinesCard {
    sides: Sides,
    kind: MatrixKind,
    target: Option<Target>,
    key: Option<Key>,
    revision: u64,
    table: PanelTable,
    /// Name and colour of rows and columns.
    names: Vec<(String, Option<usize>)>,
    words: String,
    panels: HeatPanels,
}

impl CosinesCard {
    /// Draws the card.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, report: &MatrixReport, number: u64) {
        let mut format = None;
        card_with_actions(
            ui,
            "How alike the matrices are",
            |ui| format = save_menu(ui, "the cosines", true),
            |ui| {
                ui.horizontal_wrapped(|ui| {
                    kind_ui(ui, &mut self.kind);
                    let sides = [(Sides::Units, "Adapters and heads"), (Sides::Layers, "Layers")];
                    buttons::segmented(ui, &mut self.sides, &sides);
                    ui.push_id("cosines", |ui| target_ui(ui, &mut self.target, &choices(report, self.sides)));
                });
                self.update(report, number);
                ui.add_space(space::XS);
                let tokens = Tokens::of(ui);
                let mut panels = std::mem::take(&mut self.panels);
                let table = (self.revision, &self.table);
                self.with_labels(tokens, |labels| panels.ui(ui, table, labels, Chosen::default()));
                self.panels = panels;
                scale_ui(ui, self.table.scale, Some((0.0, "nothing in common")));
                ui.label(&self.words);
            },
        );
        if let Some(format) = format {
            let export = self.export(format, Tokens::of(ui));
            cx.send(SystemCommand::SaveChart(Box::new(export)));
        }
    }

    fn export(&self, format: ChartFormat, tokens: &'static Tokens) -> ChartExport {
        let title = format!("Cosines of {}, {}", self.kind.title(), self.target.map_or("all modules", Target::name));
        self.with_labels(tokens, |labels| {
            let mut picture = heat_panels::picture(&title, &self.table, labels, LEGEND, tokens);
            if format == ChartFormat::Csv {
                picture.shapes.clear();
                picture.table = heat_panels::table(&self.table, labels, ["matrix", "row", "column", "cosine"]);
            }
            picture.export(format)
        })
    }

    /// Makes the table anew where it has to be.
    fn update(&mut self, report: &MatrixReport, number: u64) {
        let key = Key { report: number, sides: self.sides, kind: self.kind, target: self.target };
        if self.key == Some(key) {
            return;
        }
        self.key = Some(key);
        self.revision += 1;
        match self.sides {
            Sides::Units => {
                let found = report.units.iter().find(|c| c.kind == self.kind && c.target == self.target);
                self.show_units(report, found);
            }
            Sides::Layers => {
                let found = report.layers.iter().find(|c| c.kind == self.kind && Some(c.target) == self.target);
                self.show_layers(found);
            }
        }
    }

    fn show_units(&mut self, report: &MatrixReport, found: Option<&UnitCosines>) {
        let units = found.map_or(&[][..], |cosines| &cosines.units);
        self.names = units.iter().map(|unit| (unit_name(report, *unit), Some(unit.adapter))).collect();
        self.table = table(self.names.len(), found.map_or(&[], |cosines| &cosines.cosines));
        self.words = found.map_or_else(String::new, |cosines| table_words(report, cosines));
    }

    fn show_layers(&mut self, found: Option<&LayerCosines>) {
        let layers = found.map_or(&[][..], |cosines| &cosines.layers);
        self.names = layers.iter().map(|layer| ((layer + 1).to_string(), None)).collect();
        let cosines = found.map_or(&[][..], |cosines| &cosines.cosines);
        self.table = table(self.names.len(), cosines);
        let apart = cosines.iter().enumerate().filter(|(at, _)| at / layers.len() != at % layers.len());
        let apart: Vec<f32> = apart.filter_map(|(_, cosine)| *cosine).collect();
        let mean = apart.iter().sum::<f32>() / apart.len().max(1) as f32;
        self.words =
            format!("Between two layers of one adapter the mean cosine of {} is {mean:.2}.", self.kind.title());
    }

    fn with_labels<R>(&self, tokens: &'static Tokens, draw: impl FnOnce(&PanelLabels<'_>) -> R) -> R {
        let name = |at: usize| self.names.get(at).map_or("", |(name, _)| name.as_str());
        let color = |at: usize| -> Option<Color32> {
            self.names.get(at).and_then(|(_, adapter)| *adapter).map(|adapter| tokens.head(adapter))
        };
        let panel = |_| String::new();
        let row = |at: usize| (name(at).to_owned(), color(at));
        let column = |at: usize| match self.sides {
            Sides::Units => ((at + 1).to_string(), color(at)),
            Sides::Layers => (name(at).to_owned(), None),
        };
        let what = if self.sides == Sides::Layers { "Layer " } else { "" };
        let cell = |place: Place| {
            let value =
                self.table.value(place).map_or_else(|| "zero, no cosine".to_owned(), |v| format!("cosine {v:.3}"));
            format!("{what}{} and {what}{}: {value}", name(place.row), name(place.column))
        };
        let figure = |_, value: f32| format!("{value:.2}");
        let rows = if self.sides == Sides::Layers { "Layer" } else { "Adapter" };
        draw(&PanelLabels {
            id: "cosines",
            panel: &panel,
            row: &row,
            column: &column,
            cell: &cell,
            figure: &figure,
            rows,
            hint: "",
            summary: &self.words,
            widest: CELL,
        })
    }
}

/// A square table; what has no cosine is left empty.
fn table(side: usize, cosines: &[Option<f32>]) -> PanelTable {
    PanelTable {
        panels: 1,
        rows: side,
        columns: side,
        values: cosines.iter().map(|cosine| cosine.unwrap_or(f32::NAN)).collect(),
        scale: Scale::Diverging { reach: 1.0 },
    }
}

/// The kinds of modules that can be looked at; the mean over all of them makes sense of adapters alone.
fn choices(report: &MatrixReport, sides: Sides) -> Vec<Option<Target>> {
    let of_kind = |kind: MatrixKind| report.units.iter().filter(move |cosines| cosines.kind == kind);
    of_kind(MatrixKind::A).map(|cosines| cosines.target).filter(|t| sides == Sides::Units || t.is_some()).collect()
}
