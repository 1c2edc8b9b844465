//! The grid's figures as a table, for those who would rather read numbers than colours.

use egui::{RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::heat_grid::HeatTable;

use super::words::head_name;

/// Tallest the table grows before it scrolls.
const HEIGHT: f32 = 280.0;
const COLUMN: f32 = 64.0;

/// Draws a row for every layer and a column for every head; the largest gate of a layer stands out.
pub fn table_ui(ui: &mut Ui, table: &HeatTable) {
    let tokens = Tokens::of(ui);
    let text_height = ui.text_style_height(&egui::TextStyle::Body) + space::XS;
    egui::ScrollArea::horizontal().id_salt("gates").show(ui, |ui| {
        TableBuilder::new(ui)
            .id_salt("gates")
            .column(Column::exact(COLUMN))
            .columns(Column::exact(COLUMN), table.rows)
            .max_scroll_height(HEIGHT)
            .auto_shrink([true, true])
            .header(size::ROW, |mut header| {
                header.col(|ui| {
                    ui.strong("Layer");
                });
                for head in 0..table.rows {
                    header.col(|ui| {
                        ui.label(RichText::new(head_name(head)).color(tokens.text_strong));
                    });
                }
            })
            .body(|body| {
                body.rows(text_height, table.columns, |mut row| {
                    let layer = row.index();
                    let gates: Vec<Option<f32>> = (0..table.rows).map(|head| table.value(head, layer)).collect();
                    let most = gates.iter().flatten().copied().fold(0.0, f32::max);
                    row.col(|ui| {
                        ui.label((layer + 1).to_string());
                    });
                    for gate in gates {
                        row.col(|ui| {
                            let text = gate.map_or_else(String::new, |gate| format!("{gate:.3}"));
                            let color = if gate == Some(most) { tokens.accent_text } else { tokens.text };
                            ui.label(RichText::new(text).color(color));
                        });
                    }
                });
            });
    });
}
