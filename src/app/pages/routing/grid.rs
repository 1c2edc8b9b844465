//! The layer × head grid with its controls: what is shown, in which order and colours, as a picture or as a table. It keeps
//! its tables until what they are made of changes.

use egui::{ComboBox, Ui};

use crate::app::state::HeadNames;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::chart_export::{ChartExport, ChartFormat};
use crate::app::widgets::heat_panels::{
    self, Chosen, HeatPanels, PanelLabels, PanelTable, Picked, Place, Scale, scale_ui,
};

use super::digest::Choice;
use super::grid_data::{GridData, Metric, RowOrder, Spot};
use super::table::table_ui;

/// Widest that a cell grows: of a head, and of a whole module.
const HEAD_CELL: f32 = 48.0;
const MODULE_CELL: f32 = 72.0;

/// What a grid shows.
pub struct GridView<'a> {
    /// What it is about; a file is named after it.
    pub title: &'a str,
    /// The grid in words.
    pub words: &'a str,
    pub data: &'a GridData,
    /// What `data` is set against, where it is.
    pub before: Option<&'a GridData>,
    /// What `before` and `data` are called where the two are set against each other.
    pub sides: [&'a str; 2],
    /// The largest mean gate, or change, of all that is shown in turn, so that colours stay the same meanwhile.
    pub most: Option<f32>,
    /// Changes whenever `data`, `before` or `most` do.
    pub revision: u64,
    pub names: &'a HeadNames,
    pub choice: Choice,
}

/// What a table was made for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    revision: u64,
    metric: Metric,
    order: RowOrder,
    is_stretched: bool,
    is_difference: bool,
}

/// A grid with how the user looks at it.
#[derive(Default)]
pub struct LayerGrid {
    metric: Metric,
    order: RowOrder,
    is_stretched: bool,
    is_table: bool,
    key: Option<Key>,
    /// Counts the tables made.
    revision: u64,
    table: PanelTable,
    layers: Vec<usize>,
    panels: HeatPanels,
}

impl LayerGrid {
    /// Draws controls, with `more` beside them, grid and legend. Gives back what was picked.
    pub fn ui(&mut self, ui: &mut Ui, view: &GridView<'_>, more: impl FnOnce(&mut Ui)) -> Option<Spot> {
        self.controls_ui(ui, view, more);
        self.update(view);
        ui.add_space(space::XS);
        let picked = self.panels_ui(ui, view);
        self.legend_ui(ui, view);
        if self.is_table {
            let panel = view.data.group_of(view.choice.kind).unwrap_or(0);
            let panel = if self.metric == Metric::Entropy { 0 } else { panel };
            table_ui(ui, &self.table, panel, &self.layers, &|column| self.column(view, column));
        }
        picked
    }

    /// What is shown now as a file.
    pub fn export(&mut self, format: ChartFormat, view: &GridView<'_>, tokens: &'static Tokens) -> ChartExport {
        self.update(view);
        let legend = if view.before.is_some() {
            format!("Difference of the {}", self.metric.noun())
        } else {
            format!("{}; an even share is {:.3}", sentence(self.metric.noun()), view.data.even_share())
        };
        let names = ["module kind", "layer", if self.metric == Metric::Entropy { "kind" } else { "head" }];
        self.with_labels(view, tokens, |labels| {
            let mut picture = heat_panels::picture(view.title, &self.table, labels, &legend, tokens);
            if format == ChartFormat::Csv {
                picture.shapes.clear();
                let [panel, row, column] = names;
                picture.table = heat_panels::table(&self.table, labels, [panel, row, column, self.metric.noun()]);
            }
            picture.export(format)
        })
    }

    fn controls_ui(&mut self, ui: &mut Ui, view: &GridView<'_>, more: impl FnOnce(&mut Ui)) {
        let measured = |metric: Metric| view.data.has(metric) && view.before.is_none_or(|before| before.has(metric));
        if !measured(self.metric) {
            self.metric = Metric::Mean;
        }
        ui.horizontal_wrapped(|ui| {
            let metrics = Metric::CHOICES.into_iter().filter(|(metric, _)| measured(*metric));
            let metrics: Vec<(Metric, &str)> = metrics.collect();
            if metrics.len() > 1 {
                buttons::segmented(ui, &mut self.metric, &metrics);
            }
            if view.data.has(Metric::Entropy) {
                order_ui(ui, &mut self.order);
            } else {
                self.order = RowOrder::Layers;
            }
            let hint = "Spans the colours from the lowest to the highest value: shows slight differences, and makes them \
                        look large.";
            ui.checkbox(&mut self.is_stretched, "Stretch colours").on_hover_text(hint);
            ui.checkbox(&mut self.is_table, "Show as table");
            more(ui);
        });
    }

    /// Makes the table anew where it has to be.
    fn update(&mut self, view: &GridView<'_>) {
        let key = Key {
            revision: view.revision,
            metric: self.metric,
            order: self.order,
            is_stretched: self.is_stretched,
            is_difference: view.before.is_some(),
        };
        if self.key == Some(key) {
            return;
        }
        self.key = Some(key);
        self.revision += 1;
        self.layers = view.data.order(self.order);
        let (metric, layers) = (self.metric, &self.layers);
        self.table = match view.before {
            Some(before) => view.data.difference(before, metric, layers, self.is_stretched).unwrap_or_default(),
            None => view.data.table(metric, layers, self.is_stretched),
        };
        if let Some(most) = view.most.filter(|_| !self.is_stretched && metric == Metric::Mean) {
            self.table.scale = match self.table.scale {
                Scale::Sequential { low, high } => Scale::Sequential { low, high: high.max(most) },
                Scale::Diverging { reach } => Scale::Diverging { reach: reach.max(most) },
            };
        }
    }

    fn panels_ui(&mut self, ui: &mut Ui, view: &GridView<'_>) -> Option<Spot> {
        let tokens = Tokens::of(ui);
        let row = view.choice.layer.and_then(|layer| self.layers.iter().position(|other| *other == layer));
        let panel = (self.metric != Metric::Entropy).then(|| view.data.group_of(view.choice.kind)).flatten();
        // The mean of all kinds stands for the whole row.
        let chosen = Chosen { panel: panel.filter(|_| view.choice.kind.is_some()), row };
        let mut panels = std::mem::take(&mut self.panels);
        let table = (self.revision, &self.table);
        let picked = self.with_labels(view, tokens, |labels| panels.ui(ui, table, labels, chosen));
        self.panels = panels;
        match picked? {
            Picked::Cell(place) => view.data.spot(self.metric, place, &self.layers),
            Picked::Row(row) => Some(Spot { layer: self.layers.get(row).copied()?, kind: None, head: None }),
        }
    }

    fn legend_ui(&self, ui: &mut Ui, view: &GridView<'_>) {
        let even = view.data.even_share();
        let name = format!("even {even:.2}");
        let mark = match (self.metric, view.before.is_some()) {
            (_, true) => Some((0.0, "no change")),
            (Metric::Entropy, _) => None,
            _ => Some((even, name.as_str())),
        };
        scale_ui(ui, self.table.scale, mark);
    }

    fn column(&self, view: &GridView<'_>, column: usize) -> String {
        match self.metric {
            Metric::Entropy => view.data.group_name(column),
            _ => view.names.title(column),
        }
    }

    fn with_labels<R>(
        &self,
        view: &GridView<'_>,
        tokens: &'static Tokens,
        draw: impl FnOnce(&PanelLabels<'_>) -> R,
    ) -> R {
        let is_entropy = self.metric == Metric::Entropy;
        let panel = |panel: usize| if is_entropy { String::new() } else { view.data.group_name(panel) };
        let row = |row: usize| (self.layers.get(row).map_or_else(String::new, |layer| (layer + 1).to_string()), None);
        let column = |column: usize| match is_entropy {
            true => (view.data.group_name(column), None),
            false => ((column + 1).to_string(), Some(tokens.head(column))),
        };
        let cell = |place: Place| self.told(view, place);
        let figure = |_: Place, value: f32| {
            if view.before.is_some() { format!("{value:+.2}") } else { format!("{value:.2}") }
        };
        let summary = format!("{} by layer and head. {}", sentence(self.metric.noun()), view.words);
        draw(&PanelLabels {
            id: "layer grid",
            panel: &panel,
            row: &row,
            column: &column,
            cell: &cell,
            figure: &figure,
            rows: "Layer",
            hint: "Click to see this module",
            summary: &summary,
            widest: if is_entropy { MODULE_CELL } else { HEAD_CELL },
        })
    }

    /// What is said of a cell.
    fn told(&self, view: &GridView<'_>, place: Place) -> String {
        let Some(spot) = view.data.spot(self.metric, place, &self.layers) else { return String::new() };
        let kind = spot.kind.map_or("mean of all modules", |kind| kind.name());
        let layer = spot.layer + 1;
        let place_words = match spot.head {
            Some(head) => format!("{}, layer {layer}, {kind}", view.names.title(head)),
            None => format!("Layer {layer}, {kind}"),
        };
        let Some(value) = self.table.value(place) else {
            return format!("{place_words}: no such module");
        };
        let noun = self.metric.noun();
        let head = spot.head.unwrap_or(0);
        if let Some(before) = view.before {
            let of = |data: &GridData| data.value(self.metric, spot.choice(), head);
            let ([first, second], before, after) = (view.sides, of(before), of(view.data));
            return format!("{place_words}: {value:+.3}\n{noun} {before:.3} {first}, {after:.3} {second}");
        }
        match self.metric {
            Metric::Entropy => format!("{place_words}: {noun} {value:.3}\n1 is even, 0 is one head alone"),
            _ => format!("{place_words}: {noun} {value:.3}\nAn even share is {:.3}", view.data.even_share()),
        }
    }
}

fn order_ui(ui: &mut Ui, order: &mut RowOrder) {
    let name =
        |order: RowOrder| RowOrder::CHOICES.iter().find(|(other, _)| *other == order).map_or("", |(_, name)| name);
    let combo = ComboBox::from_id_salt("order").selected_text(name(*order)).icon(buttons::chevron);
    let response = combo.show_ui(ui, |ui| {
        for (choice, name) in RowOrder::CHOICES {
            ui.selectable_value(order, choice, name);
        }
    });
    response.response.accessible_name("Order of the layers");
}

/// A noun at the beginning of a sentence.
fn sentence(noun: &str) -> String {
    let mut letters = noun.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
