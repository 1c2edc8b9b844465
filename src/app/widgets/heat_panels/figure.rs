//! The panels as a picture for a file, and their values as a table.

use std::fmt::Write as _;

use egui::{Rect, Vec2, vec2};

use super::{PanelLabels, PanelTable, Place, Scale};
use crate::app::theme::Tokens;
use crate::app::widgets::chart_export::{Anchor, Picture, csv_cell, text_width};

const ROW: f32 = 16.0;
const CELL: std::ops::RangeInclusive<f32> = 8.0..=48.0;
/// About as wide as all cells are to be.
const CELLS: f32 = 1000.0;
const GAP: f32 = 16.0;
const SMALL: u8 = 11;
/// The band of the legend, and the steps in which its colours are set.
const BAND: Vec2 = vec2(200.0, 10.0);
const STEPS: usize = 100;

/// Draws what [`super::HeatPanels`] shows; `legend` says what the colours stand for.
pub fn picture(title: &str, table: &PanelTable, labels: &PanelLabels<'_>, legend: &str, tokens: &Tokens) -> Picture {
    let mut picture = Picture::new(title, labels.summary, tokens);
    let cell = vec2((CELLS / (table.panels * table.columns).max(1) as f32).clamp(*CELL.start(), *CELL.end()), ROW);
    let names = (0..table.rows).map(|row| text_width(&(labels.row)(row).0, SMALL) + 16.0);
    let names = names.fold(text_width(labels.rows, SMALL), f32::max) + 8.0;
    let origin = Picture::origin() + vec2(names, 16.0);
    let bottom = origin.y + cell.y * table.rows as f32;
    for panel in 0..table.panels {
        let left = origin.x + panel as f32 * (cell.x * table.columns as f32 + GAP);
        let name = (labels.panel)(panel);
        if !name.is_empty() {
            picture.text(egui::pos2(left, origin.y - 5.0), Anchor::Start, tokens.text, SMALL, name);
        }
        for (row, column) in (0..table.rows).flat_map(|row| (0..table.columns).map(move |column| (row, column))) {
            let Some(value) = table.value(Place { panel, row, column }) else { continue };
            let min = egui::pos2(left + cell.x * column as f32, origin.y + cell.y * row as f32);
            picture.fill(Rect::from_min_size(min, cell - Vec2::splat(1.0)), table.scale.color(tokens, value));
        }
        for column in 0..table.columns {
            let (name, color) = (labels.column)(column);
            let at = egui::pos2(left + cell.x * column as f32, bottom + 3.0);
            if let Some(color) = color {
                picture.fill(Rect::from_min_size(at, vec2(cell.x - 1.0, 5.0)), color);
            }
            if cell.x >= 14.0 {
                let middle = at + vec2(cell.x / 2.0, 18.0);
                picture.text(middle, Anchor::Middle, tokens.text_weak, SMALL, name);
            }
        }
    }
    for row in 0..table.rows {
        let (name, color) = (labels.row)(row);
        let middle = origin.y + (row as f32 + 0.5) * cell.y;
        if let Some(color) = color {
            let swatch = Rect::from_center_size(egui::pos2(origin.x - names + 5.0, middle), Vec2::splat(10.0));
            picture.fill(swatch, color);
            picture.text(swatch.right_center() + vec2(5.0, 4.0), Anchor::Start, tokens.text, SMALL, name);
        } else {
            picture.text(egui::pos2(origin.x - 6.0, middle + 4.0), Anchor::End, tokens.text_weak, SMALL, name);
        }
    }
    picture.text(egui::pos2(origin.x - 6.0, bottom + 21.0), Anchor::End, tokens.text_weak, SMALL, labels.rows);
    legend_below(&mut picture, egui::pos2(origin.x, bottom + 40.0), (table.scale, legend), tokens);
    picture
}

fn legend_below(picture: &mut Picture, at: egui::Pos2, (scale, legend): (Scale, &str), tokens: &Tokens) {
    let (low, high) = scale.ends();
    let step = BAND.x / STEPS as f32;
    for i in 0..STEPS {
        let value = egui::lerp(low..=high, (i as f32 + 0.5) / STEPS as f32);
        let rect = Rect::from_min_size(at + vec2(step * i as f32, 0.0), vec2(step + 0.2, BAND.y));
        picture.fill(rect, scale.color(tokens, value));
    }
    picture.frame(Rect::from_min_size(at, BAND), tokens.border_strong);
    let below = at + vec2(0.0, BAND.y + 14.0);
    picture.text(below, Anchor::Start, tokens.text_weak, SMALL, scale.label(low));
    picture.text(below + vec2(BAND.x, 0.0), Anchor::End, tokens.text_weak, SMALL, scale.label(high));
    picture.text(at + vec2(BAND.x + 12.0, 9.0), Anchor::Start, tokens.text, SMALL, legend);
}

/// The values as CSV under the names of panels, rows, columns and values: a line for each cell that has one.
pub fn table(table: &PanelTable, labels: &PanelLabels<'_>, names: [&str; 4]) -> String {
    let mut text = names.map(csv_cell).join(",") + "\n";
    for panel in 0..table.panels {
        let panel_name = csv_cell(&(labels.panel)(panel));
        for row in 0..table.rows {
            let row_name = csv_cell(&(labels.row)(row).0);
            for column in 0..table.columns {
                let Some(value) = table.value(Place { panel, row, column }) else { continue };
                let _ = writeln!(text, "{panel_name},{row_name},{},{value:?}", csv_cell(&(labels.column)(column).0));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_labels<R>(draw: impl FnOnce(&PanelTable, &PanelLabels<'_>) -> R) -> R {
        let values = vec![0.1, 0.2, f32::NAN, 0.4];
        let table = PanelTable { panels: 2, rows: 1, columns: 2, values, ..PanelTable::default() };
        let labels = PanelLabels {
            id: "panels",
            panel: &|panel| ["q", "up, down"].get(panel).copied().unwrap_or_default().to_owned(),
            row: &|row| ((row + 1).to_string(), None),
            column: &|column| (format!("Head {}", column + 1), None),
            cell: &|_| String::new(),
            figure: &|_, value| value.to_string(),
            rows: "Layer",
            hint: "",
            summary: "Two panels",
            widest: 30.0,
        };
        draw(&table, &labels)
    }

    #[test]
    fn the_table_has_a_line_for_each_cell_with_a_value() {
        let csv = with_labels(|values, labels| table(values, labels, ["kind", "layer", "head", "mean gate"]));
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(
            lines,
            ["kind,layer,head,mean gate", "q,1,Head 1,0.1", "q,1,Head 2,0.2", "\"up, down\",1,Head 2,0.4"]
        );
    }

    #[test]
    fn the_picture_has_cells_names_and_a_legend() {
        let tokens = Tokens::of_theme(egui::Theme::Dark);
        let picture = with_labels(|values, labels| picture("Gates", values, labels, "Mean gate", tokens));
        let fills = picture.shapes.iter().filter(|shape| {
            matches!(shape, crate::app::widgets::chart_export::Shape::Fill { color, .. }
                if *color == Scale::default().color(tokens, 0.2))
        });
        assert!(fills.count() >= 1, "a cell has its colour");
        let has = |text: &str| {
            picture.shapes.iter().any(
                |shape| matches!(shape, crate::app::widgets::chart_export::Shape::Text { words, .. } if words == text),
            )
        };
        assert!(["up, down", "Layer", "Mean gate", "Head 2", "1.00"].into_iter().all(has));
    }
}
