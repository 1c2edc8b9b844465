//! The grid's figures as a table, for those who would rather read numbers than colours.

use egui::{RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::heat_panels::{PanelTable, Place};

/// Tallest the table grows before it scrolls.
const HEIGHT: f32 = 280.0;
const FIRST: f32 = 64.0;
const COLUMN: std::ops::RangeInclusive<f32> = 64.0..=180.0;

/// Draws a row for every layer, as `layers` has them, and the columns of one panel under their names; the largest value
/// of a layer stands out.
pub fn table_ui(ui: &mut Ui, table: &PanelTable, panel: usize, layers: &[usize], name: &dyn Fn(usize) -> String) {
    let tokens = Tokens::of(ui);
    let text_height = ui.text_style_height(&egui::TextStyle::Body) + space::XS;
    let room = (ui.available_width() - FIRST) / table.columns.max(1) as f32 - space::S;
    let width = room.clamp(*COLUMN.start(), *COLUMN.end());
    egui::ScrollArea::horizontal().id_salt("gates").show(ui, |ui| {
        TableBuilder::new(ui)
            .id_salt("gates")
            .column(Column::exact(FIRST))
            .columns(Column::exact(width).clip(true), table.columns)
            .max_scroll_height(HEIGHT)
            .min_scrolled_height(HEIGHT)
            .auto_shrink([true, true])
            .header(size::ROW, |mut header| {
                header.col(|ui| {
                    ui.strong("Layer");
                });
                for column in 0..table.columns {
                    header.col(|ui| {
                        ui.add(egui::Label::new(RichText::new(name(column)).color(tokens.text_strong)).truncate());
                    });
                }
            })
            .body(|body| {
                body.rows(text_height, table.rows, |mut line| {
                    let row = line.index();
                    let value = |column| table.value(Place { panel, row, column });
                    let values: Vec<Option<f32>> = (0..table.columns).map(value).collect();
                    let most = values.iter().flatten().copied().fold(f32::NEG_INFINITY, f32::max);
                    line.col(|ui| {
                        ui.label(layers.get(row).map_or_else(String::new, |layer| (layer + 1).to_string()));
                    });
                    for value in values {
                        line.col(|ui| {
                            let text = value.map_or_else(String::new, |value| format!("{value:.3}"));
                            let color = if value == Some(most) { tokens.accent_text } else { tokens.text };
                            ui.label(RichText::new(text).color(color));
                        });
                    }
                });
            });
    });
}
