//! The way from all layers to one module: where the user stands, and the modules of a layer side by side.

use egui::{RichText, Ui};

use crate::adapter::Module;
use crate::app::pages::PageContext;
use crate::app::state::HeadNames;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::chart_export::{ChartExport, ChartFormat, save_menu};
use crate::app::widgets::heat_panels::{
    self, Chosen, HeatPanels, PanelLabels, PanelTable, Picked, Place, Scale, scale_ui,
};

use super::digest::Choice;
use super::grid_data::{GridData, Metric};

/// Widest that a cell with a figure grows.
const CELL: f32 = 96.0;

/// Draws the way back: `All layers › Layer 17 › up_proj`.
fn trail_ui(ui: &mut Ui, choice: &mut Choice) {
    let tokens = Tokens::of(ui);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        ui.spacing_mut().button_padding.x = 0.0;
        let step = |ui: &mut Ui, text: &str| {
            let text = RichText::new(text).color(tokens.accent_text);
            ui.add(egui::Button::new(text).frame_when_inactive(false)).clicked()
        };
        if choice.layer.is_none() {
            ui.strong("All layers");
        } else if step(ui, "All layers") {
            choice.layer = None;
        }
        if let Some(layer) = choice.layer {
            ui.weak("›");
            let name = format!("Layer {}", layer + 1);
            if choice.kind.is_none() {
                ui.strong(name);
            } else if step(ui, &name) {
                choice.kind = None;
            }
        }
        if let Some(kind) = choice.kind {
            ui.weak("›");
            ui.strong(kind.name());
        }
    });
}

/// What a table was made for.
type Key = (u64, usize);

/// The modules of one layer: a row for each kind, a column for each head.
#[derive(Default)]
pub struct LayerCard {
    key: Option<Key>,
    revision: u64,
    table: PanelTable,
    panels: HeatPanels,
}

impl LayerCard {
    /// Draws the way down to the layer of `choice`, where there is one, and its modules, of which one can be chosen, and all
    /// be saved as a picture. `revision` changes whenever `data` does.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, (revision, data): (u64, &GridData), choice: &mut Choice) {
        let Some(layer) = choice.layer.filter(|layer| *layer < data.layers) else { return };
        ui.add_space(space::S);
        trail_ui(ui, choice);
        self.update(revision, data, layer);
        let chosen = choice.kind.and_then(|kind| data.kinds.iter().position(|other| *other == kind));
        let (names, tokens) = (cx.state.head_names(), Tokens::of(ui));
        let mut panels = std::mem::take(&mut self.panels);
        let table = (self.revision, &self.table);
        let picked = self.with_labels((data, names), layer, tokens, |labels| {
            panels.ui(ui, table, labels, Chosen { panel: None, row: chosen })
        });
        self.panels = panels;
        if let Some(Picked::Cell(Place { row, .. }) | Picked::Row(row)) = picked {
            choice.kind = data.kinds.get(row).copied().filter(|_| chosen != Some(row));
        }
        ui.horizontal(|ui| {
            let even = format!("even {:.2}", data.even_share());
            scale_ui(ui, self.table.scale, Some((data.even_share(), &even)));
            if let Some(format) = save_menu(ui, "the modules of this layer", true) {
                cx.save_chart(self.export(format, (data, names), layer, tokens));
            }
        });
    }

    fn export(
        &self,
        format: ChartFormat,
        of: (&GridData, &HeadNames),
        layer: usize,
        tokens: &'static Tokens,
    ) -> ChartExport {
        self.with_labels(of, layer, tokens, |labels| {
            let title = format!("Modules of layer {}", layer + 1);
            let mut picture = heat_panels::picture(&title, &self.table, labels, "Mean gate", tokens);
            if format == ChartFormat::Csv {
                picture.shapes.clear();
                let panel = |_| (layer + 1).to_string();
                let labels = &PanelLabels { panel: &panel, ..*labels };
                picture.table =
                    heat_panels::table(&self.table, labels, ["layer", "module and entropy", "head", "mean gate"]);
            }
            picture.export(format)
        })
    }

    fn with_labels<R>(
        &self,
        (data, names): (&GridData, &HeadNames),
        layer: usize,
        tokens: &'static Tokens,
        draw: impl FnOnce(&PanelLabels<'_>) -> R,
    ) -> R {
        let kind = |row: usize| data.kinds.get(row).copied();
        let of = |row: usize| Choice { layer: Some(layer), kind: kind(row) };
        let row = |row: usize| {
            let name = kind(row).map_or("", |kind| kind.name());
            let entropy = data.mean_entropy(of(row)).filter(|_| kind(row).is_some());
            (entropy.map_or_else(|| name.to_owned(), |entropy| format!("{name}, entropy {entropy:.2}")), None)
        };
        let cell = |place: Place| {
            let Some(target) = kind(place.row) else { return String::new() };
            let gate = self.table.value(place);
            let gate = gate.map_or_else(|| "no such module".to_owned(), |gate| format!("mean gate {gate:.3}"));
            format!("{}: {gate}\n{}", names.title(place.column), Module { layer, target })
        };
        let summary = format!("Mean gates of the modules of layer {} by head", layer + 1);
        draw(&PanelLabels {
            id: "layer modules",
            panel: &|_| String::new(),
            row: &row,
            column: &|column| ((column + 1).to_string(), Some(tokens.head(column))),
            cell: &cell,
            figure: &|_, value| format!("{value:.2}"),
            rows: "Module",
            hint: "Click to see this module",
            summary: &summary,
            widest: CELL,
        })
    }

    fn update(&mut self, revision: u64, data: &GridData, layer: usize) {
        if self.key == Some((revision, layer)) {
            return;
        }
        self.key = Some((revision, layer));
        self.revision += 1;
        let of = |kind| Choice { layer: Some(layer), kind: Some(kind) };
        let heads = |kind| (0..data.heads).map(move |head| data.value(Metric::Mean, of(kind), head));
        let values: Vec<f32> = data.kinds.iter().flat_map(|kind| heads(*kind)).collect();
        let most = values.iter().copied().filter(|value| value.is_finite()).fold(2.0 * data.even_share(), f32::max);
        let scale = Scale::Sequential { low: 0.0, high: most.min(1.0) };
        self.table = PanelTable { panels: 1, rows: data.kinds.len(), columns: data.heads, values, scale };
    }
}
