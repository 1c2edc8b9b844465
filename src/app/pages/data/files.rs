//! What was detected in every file, and the choice of columns by hand.

use std::collections::BTreeSet;
use std::path::PathBuf;

use egui::{ComboBox, RichText, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::{card, card_with_actions};
use crate::app::widgets::figures::{count, counted, file_name};
use crate::data::ColumnMap;
use crate::worker::protocol::{DataSummary, JobKind};

/// One line per file: its name, its shape, why, and how many of its rows were kept.
pub fn files_card(ui: &mut Ui, data: &DataSummary) {
    card(ui, "What was found", |ui| {
        let tokens = Tokens::of(ui);
        for (index, file) in data.files.iter().enumerate() {
            if index > 0 {
                ui.add_space(space::S);
            }
            egui::Sides::new().shrink_left().truncate().show(
                ui,
                |ui| {
                    ui.add(Icon::File.image(size::ICON).tint(tokens.text_weak));
                    ui.label(RichText::new(file_name(&file.path)).color(tokens.text_strong))
                        .on_hover_text(file.path.display().to_string());
                    super::badge(ui, &file.shape);
                },
                |ui| {
                    let kept = format!("{} of {} kept", count(file.kept), counted(file.rows, "row"));
                    ui.label(RichText::new(kept).color(tokens.text_weak));
                },
            );
            ui.add(egui::Label::new(RichText::new(&file.explanation).color(tokens.text_weak)).wrap());
        }
    });
}

/// The columns chosen by hand.
#[derive(Default)]
pub struct ColumnChoice {
    map: ColumnMap,
    /// The files that the choice is for; other files start anew.
    files: Vec<PathBuf>,
    /// Whether the choice is on screen.
    is_open: bool,
}

impl ColumnChoice {
    /// Draws the choice; gives back the columns when a new import with them is wanted.
    pub fn card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary) -> Option<ColumnMap> {
        let columns: BTreeSet<&str> = data.files.iter().flat_map(|file| &file.columns).map(String::as_str).collect();
        if columns.is_empty() {
            return None;
        }
        if !self.files.iter().eq(data.files.iter().map(|file| &file.path)) {
            *self = Self { files: data.files.iter().map(|file| file.path.clone()).collect(), ..Self::default() };
        }
        let is_importing = cx.state.job(JobKind::ImportData).is_some();
        let Self { map, is_open, .. } = self;
        let was_open = *is_open;
        let toggle = |ui: &mut Ui| {
            if ui.button(if was_open { "Close" } else { "Choose by hand" }).clicked() {
                *is_open = !was_open;
            }
        };
        let is_wanted = card_with_actions(ui, "Columns", toggle, |ui| {
            if was_open {
                return columns_ui(ui, map, &columns, is_importing);
            }
            let text = if *map == ColumnMap::default() { "Found by their names." } else { "Chosen by hand." };
            ui.label(RichText::new(text).color(Tokens::of(ui).text_weak));
            false
        });
        is_wanted.then(|| map.clone())
    }
}

/// Gives back whether a new import is wanted.
fn columns_ui(ui: &mut Ui, map: &mut ColumnMap, columns: &BTreeSet<&str>, is_importing: bool) -> bool {
    let tokens = Tokens::of(ui);
    let roles = [
        ("Question or instruction", &mut map.prompt),
        ("Answer", &mut map.response),
        ("Further input", &mut map.context),
        ("System message", &mut map.system),
        ("Topic", &mut map.topic),
    ];
    egui::Grid::new("roles").num_columns(2).spacing([space::L, space::S]).show(ui, |ui| {
        for (role, chosen) in roles {
            let label = ui.label(RichText::new(role).color(tokens.text));
            ComboBox::from_id_salt(role)
                .icon(buttons::chevron)
                .selected_text(chosen.as_deref().unwrap_or("Detect"))
                .width(220.0)
                .show_ui(ui, |ui| {
                    ui.selectable_value(chosen, None, "Detect");
                    for &column in columns {
                        ui.selectable_value(chosen, Some(column.to_owned()), column);
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();
        }
    });
    ui.add_space(space::XS);
    buttons::secondary(ui, Icon::Restore, "Import again", !is_importing).clicked()
}
