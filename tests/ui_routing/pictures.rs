//! The page's widgets as pictures, in both themes.

use egui::{Color32, Ui};
use egui_kittest::SnapshotResults;
use hydra_studio::app::theme::Tokens;
use hydra_studio::app::widgets::heat_panels::{Chosen, HeatPanels, PanelLabels, PanelTable, Place, Scale, scale_ui};
use hydra_studio::app::widgets::token_bars::{BarGates, BarMode, TokenBars};
use hydra_studio::app::widgets::token_strip::{TokenLook, TokenSource};

use super::stage::{THEMES, noise, picture};

fn snapshot(name: &str, width: f32, make: impl Fn() -> Box<dyn FnMut(&mut Ui)>) {
    let mut results = SnapshotResults::new();
    for theme in THEMES {
        picture(&mut results, name, theme, [width, 400.0], make());
    }
}

/// Draws panels of three heads over eight layers.
fn panels_ui(ui: &mut Ui, panels: &mut HeatPanels, table: &PanelTable) {
    let tokens = Tokens::of(ui);
    let labels = PanelLabels {
        id: "panels",
        panel: &|panel| ["mean", "q", "up"][panel].to_owned(),
        row: &|row| ((row + 1).to_string(), None),
        column: &|column| ((column + 1).to_string(), Some(tokens.head(column))),
        cell: &|place| format!("{place:?}"),
        figure: &|_, value| format!("{value:.2}"),
        rows: "Layer",
        hint: "",
        summary: "Mean gates",
        widest: 32.0,
    };
    panels.ui(ui, (1, table), &labels, Chosen { panel: Some(1), row: Some(5) });
    scale_ui(ui, table.scale, Some((0.33, "even 0.33")).filter(|_| matches!(table.scale, Scale::Sequential { .. })));
}

fn table(scale: Scale) -> PanelTable {
    let shift = if matches!(scale, Scale::Diverging { .. }) { 0.3 } else { 0.0 };
    let mut values: Vec<f32> = (0..72).map(|i| 0.6 * noise(i) as f32 - shift).collect();
    values[13] = f32::NAN;
    PanelTable { panels: 3, rows: 8, columns: 3, values, scale }
}

#[test]
fn panels_of_heads_over_layers() {
    snapshot("heat_panels", 460.0, || {
        let (mut panels, table) = (HeatPanels::default(), table(Scale::Sequential { low: 0.0, high: 0.6 }));
        Box::new(move |ui| panels_ui(ui, &mut panels, &table))
    });
}

#[test]
fn panels_of_differences() {
    snapshot("heat_panels_difference", 460.0, || {
        let (mut panels, table) = (HeatPanels::default(), table(Scale::Diverging { reach: 0.3 }));
        Box::new(move |ui| panels_ui(ui, &mut panels, &table))
    });
}

#[test]
fn a_matrix_with_its_figures() {
    snapshot("heat_matrix", 460.0, || {
        let values = (0..12).map(|i| 0.2 + 0.3 * noise(i) as f32).collect();
        let scale = Scale::Sequential { low: 0.0, high: 0.67 };
        let table = PanelTable { panels: 1, rows: 4, columns: 3, values, scale };
        let mut panels = HeatPanels::default();
        Box::new(move |ui| {
            let tokens = Tokens::of(ui);
            let labels = PanelLabels {
                id: "panels",
                panel: &|_| String::new(),
                row: &|row| {
                    (["arithmetic (60)", "calendar (50)", "spelling (40)", "train times (30)"][row].into(), None)
                },
                column: &|column| ((column + 1).to_string(), Some(tokens.head(column))),
                cell: &|place: Place| format!("{place:?}"),
                figure: &|_, value| format!("{value:.2} ±0.03"),
                rows: "Topic",
                hint: "",
                summary: "Mean gates by topic",
                widest: 96.0,
            };
            panels.ui(ui, (1, &table), &labels, Chosen::default());
        })
    });
}

/// A few words with gates that wander from head to head.
struct Words;

const WORDS: [&str; 12] = ["A", " train", " leaves", " at", " 9", ":", "40", ".", "\n", " When", " does", " it"];

impl TokenSource for Words {
    fn count(&self) -> usize {
        WORDS.len()
    }

    fn text(&self, index: usize) -> &str {
        WORDS[index]
    }

    fn look(&self, index: usize) -> TokenLook {
        TokenLook { fill: Color32::TRANSPARENT, ink: None, is_underlined: index > 8 }
    }

    fn hover_ui(&self, _: &mut Ui, _: usize) {}

    fn in_words(&self, index: usize) -> String {
        WORDS[index].to_owned()
    }

    fn row_in_words(&self, _: std::ops::Range<usize>) -> String {
        String::new()
    }
}

/// Draws the gates of three heads at the words.
fn bars(mode: BarMode) -> Box<dyn FnMut(&mut Ui)> {
    let mut bars = TokenBars::default();
    let rows: Vec<[f32; 3]> = (0..WORDS.len())
        .map(|i| {
            let (a, b) = (0.2 + 0.5 * noise(i) as f32, 0.3 * noise(i + 40) as f32);
            [a, b, 1.0 - a - b]
        })
        .collect();
    Box::new(move |ui| {
        let tokens = Tokens::of(ui);
        let color = |head: usize| tokens.head(head);
        let of = |index: usize| rows[index].as_slice();
        bars.ui(ui, &Words, &BarGates { heads: 3, of: &of, color: &color, summary: "Gates" }, mode);
    })
}

#[test]
fn gates_as_bars() {
    snapshot("token_bars", 400.0, || bars(BarMode::Stacked));
}

#[test]
fn gates_as_lines() {
    snapshot("token_lines", 400.0, || bars(BarMode::Lines));
}
