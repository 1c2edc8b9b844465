//! The rows that cannot be used: file, line and reason, as a table that draws only what is in view.

use egui::{Label, RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::app::icons::Icon;
use crate::app::theme::{Tokens, size};
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::figures::{count, counted};
use crate::data::Dropped;
use crate::worker::protocol::DataSummary;

/// Tallest that the table grows before it scrolls by itself.
const HEIGHT: f32 = 8.0 * size::ROW;

/// The table, where a row was dropped.
pub fn dropped_card(ui: &mut Ui, data: &DataSummary) {
    if data.dropped.is_empty() {
        return;
    }
    let copy = |ui: &mut Ui| {
        if ui.button("Copy list").on_hover_text("One row per line, for a spreadsheet").clicked() {
            ui.ctx().copy_text(as_text(&data.dropped));
        }
    };
    let title = format!("{} could not be used", counted(data.dropped_rows, "row"));
    card_with_actions(ui, &title, copy, |ui| {
        TableBuilder::new(ui)
            .id_salt("dropped rows")
            .striped(true)
            .max_scroll_height(HEIGHT)
            .min_scrolled_height(HEIGHT)
            .auto_shrink([false, true])
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .column(Column::initial(180.0).at_least(80.0).clip(true))
            .column(Column::exact(72.0))
            .column(Column::remainder().clip(true))
            .header(size::ROW, |mut header| {
                for name in ["File", "Line", "Reason"] {
                    header.col(|ui| {
                        ui.label(RichText::new(name).small().color(Tokens::of(ui).text_weak));
                    });
                }
            })
            .body(|body| {
                body.rows(size::ROW, data.dropped.len(), |mut row| {
                    let Some(dropped) = data.dropped.get(row.index()) else { return };
                    row.col(|ui| cell(ui, &dropped.source.file));
                    row.col(|ui| cell(ui, &count(dropped.source.line)));
                    row.col(|ui| cell(ui, &dropped.reason));
                });
            });
        ui.horizontal(|ui| {
            ui.add(Icon::Info.image(size::ICON).tint(Tokens::of(ui).text_weak));
            let mut text = "Mend these rows in the file and import it again.".to_owned();
            if data.dropped_rows > data.dropped.len() {
                text = format!("The first {} are listed. {text}", count(data.dropped.len()));
            }
            ui.label(RichText::new(text).color(Tokens::of(ui).text_weak));
        });
    });
}

fn cell(ui: &mut Ui, text: &str) {
    ui.add(Label::new(text).truncate().selectable(true)).on_hover_text(text);
}

fn as_text(dropped: &[Dropped]) -> String {
    dropped.iter().map(|row| format!("{}\t{}\t{}\n", row.source.file, row.source.line, row.reason)).collect()
}
