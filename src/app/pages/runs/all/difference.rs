//! The settings of several runs side by side, and what of them differs.

use egui::{Align, Layout, RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::app::pages::train::fields::{Field, GROUPS};
use crate::app::theme::{Tokens, size};
use crate::app::widgets::card::card_with_actions;
use crate::project::runs::RunEntry;

/// Width of the settings' names.
const NAME: f32 = 160.0;

/// Narrowest column of a run; more runs scroll sideways.
const RUN: f32 = 140.0;

/// The card that compares settings.
pub(super) struct Difference {
    only_what_differs: bool,
}

impl Default for Difference {
    fn default() -> Self {
        Self { only_what_differs: true }
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub name: &'static str,
    /// One for each run.
    pub values: Vec<String>,
    pub differs: bool,
}

impl Difference {
    /// Draws the card for two runs or more.
    pub fn card(&mut self, ui: &mut Ui, runs: &[&RunEntry]) {
        let mut only = self.only_what_differs;
        let switch = |ui: &mut Ui| {
            ui.checkbox(&mut only, "Show only what differs");
        };
        let mut rows = rows(runs);
        card_with_actions(ui, "Settings side by side", switch, |ui| {
            if self.only_what_differs {
                rows.retain(|row| row.differs);
            }
            if rows.is_empty() {
                ui.label("These runs have the same model, data and settings.");
                return;
            }
            egui::ScrollArea::horizontal().id_salt("settings").show(ui, |ui| table_ui(ui, runs, &rows));
        });
        self.only_what_differs = only;
    }
}

fn table_ui(ui: &mut Ui, runs: &[&RunEntry], rows: &[Row]) {
    let tokens = Tokens::of(ui);
    let room = ui.available_width() - NAME - ui.spacing().item_spacing.x * runs.len() as f32;
    let width = (room / runs.len().max(1) as f32).max(RUN);
    TableBuilder::new(ui)
        .id_salt("settings")
        .striped(true)
        .vscroll(false)
        .cell_layout(Layout::left_to_right(Align::Center))
        .column(Column::exact(NAME))
        .columns(Column::exact(width).clip(true), runs.len())
        .header(size::ROW, |mut header| {
            header.col(|ui| {
                ui.label(RichText::new("Setting").small().color(tokens.text_weak));
            });
            for run in runs {
                header.col(|ui| {
                    cell_ui(ui, &run.name, tokens.text_strong);
                });
            }
        })
        .body(|body| {
            body.rows(size::ROW, rows.len(), |mut table_row| {
                let Some(row) = rows.get(table_row.index()) else { return };
                table_row.col(|ui| {
                    ui.label(RichText::new(row.name).color(tokens.text_weak));
                });
                let color = if row.differs { tokens.accent_text } else { tokens.text };
                for value in &row.values {
                    table_row.col(|ui| cell_ui(ui, value, color));
                }
            });
        });
}

fn cell_ui(ui: &mut Ui, text: &str, color: egui::Color32) {
    ui.add(egui::Label::new(RichText::new(text).color(color)).truncate());
}

/// Every line of the table: what the runs were made with, then every setting.
pub(super) fn rows(runs: &[&RunEntry]) -> Vec<Row> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let contents = |run: &RunEntry| -> Vec<String> { run.file.data.files().iter().map(|f| f.sha256.clone()).collect() };
    let mut rows = vec![
        row("Base model", runs, |run| run.file.model.name.clone(), |run| run.file.model.fingerprint.clone()),
        row("Data", runs, |run| run.data_names().join(", "), contents),
        row("Computed on", runs, |run| run.file.device.clone(), |run| run.file.device.clone()),
        row("Version", runs, |run| run.file.version.clone(), |run| run.file.version.clone()),
    ];
    let fields = GROUPS.iter().flat_map(|(_, fields)| *fields);
    rows.extend(fields.map(|field: &Field| Row {
        name: field.text().name,
        values: runs.iter().map(|run| field.value(&run.file.settings)).collect(),
        differs: others.iter().any(|run| field.differs(&first.file.settings, &run.file.settings)),
    }));
    rows
}

/// A line of what is known by more than its name: one of the same name that is not the same is marked.
fn row<K: PartialEq>(
    name: &'static str,
    runs: &[&RunEntry],
    text: impl Fn(&RunEntry) -> String,
    key: impl Fn(&RunEntry) -> K,
) -> Row {
    let first = runs.first().map(|run| (text(run), key(run)));
    let is_first = |run: &RunEntry| first.as_ref().is_none_or(|(_, first)| *first == key(run));
    let value = |run: &&RunEntry| {
        let text = text(run);
        let looks_like_first = first.as_ref().is_some_and(|(first, _)| *first == text);
        if looks_like_first && !is_first(run) { format!("{text} (other contents)") } else { text }
    };
    Row { name, values: runs.iter().map(value).collect(), differs: !runs.iter().all(|run| is_first(run)) }
}
