//! The way from all layers to one module: where the user stands, and the modules of a layer side by side.

use egui::{RichText, Ui};

use crate::adapter::Module;
use crate::app::state::HeadNames;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::heat_panels::{Chosen, HeatPanels, PanelLabels, PanelTable, Picked, Place, Scale};

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
    /// Draws the way down to the layer of `choice`, where there is one, and its modules, of which one can be chosen. `revision` changes whenever `data` does.
    pub fn ui(&mut self, ui: &mut Ui, (revision, data): (u64, &GridData), names: &HeadNames, choice: &mut Choice) {
        let Some(layer) = choice.layer.filter(|layer| *layer < data.layers) else { return };
        ui.add_space(space::S);
        trail_ui(ui, choice);
        self.update(revision, data, layer);
        let tokens = Tokens::of(ui);
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
        let chosen = choice.kind.and_then(|kind| data.kinds.iter().position(|other| *other == kind));
        let summary = format!("Mean gates of the modules of layer {} by head", layer + 1);
        let labels = PanelLabels {
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
        };
        let picked = self.panels.ui(ui, (self.revision, &self.table), &labels, Chosen { panel: None, row: chosen });
        if let Some(Picked::Cell(Place { row, .. }) | Picked::Row(row)) = picked {
            choice.kind = if chosen == Some(row) { None } else { kind(row) };
        }
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
