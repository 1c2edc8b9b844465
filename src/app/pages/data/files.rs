//! What was detected in every file, and the choice of columns by hand.

use std::collections::HashSet;
use std::path::PathBuf;

use egui::{ComboBox, RichText, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::{card, card_with_actions};
use crate::app::widgets::figures::{count, counted, file_name};
use crate::data::ColumnMap;
use crate::worker::protocol::{DataSummary, Event, JobKind, Request};

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

/// The columns chosen by hand for data that is loaded.
#[derive(Default)]
pub struct ColumnChoice {
    map: ColumnMap,
    /// The import that the choice began with; another one starts it anew.
    imported: (Vec<PathBuf>, ColumnMap),
    /// Whether the choice is on screen.
    is_open: bool,
}

impl ColumnChoice {
    /// Draws the choice; gives back the columns when a new import with them is wanted.
    pub fn card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary) -> Option<ColumnMap> {
        let mut columns: Vec<&str> = data.files.iter().flat_map(|file| &file.columns).map(String::as_str).collect();
        let mut seen = HashSet::new();
        columns.retain(|column| seen.insert(*column));
        if columns.is_empty() {
            return None;
        }
        let (files, map) = &self.imported;
        if *map != data.map || !files.iter().eq(data.files.iter().map(|file| &file.path)) {
            let files = data.files.iter().map(|file| file.path.clone()).collect();
            *self = Self { map: data.map.clone(), imported: (files, data.map.clone()), is_open: false };
        }
        let can_import = cx.state.job(JobKind::ImportData).is_none();
        let Self { map, is_open, .. } = self;
        let was_open = *is_open;
        let toggle = |ui: &mut Ui| {
            if ui.button(if was_open { "Close" } else { "Choose by hand" }).clicked() {
                *is_open = !was_open;
            }
        };
        let is_wanted = card_with_actions(ui, "Columns", toggle, |ui| {
            if was_open {
                columns_ui(ui, map, &columns, DETECT);
                return buttons::secondary(ui, Icon::Restore, "Import again", can_import).clicked();
            }
            let text = if data.map == ColumnMap::default() { "Found by their names." } else { "Chosen by hand." };
            ui.label(RichText::new(text).color(Tokens::of(ui).text_weak));
            false
        });
        is_wanted.then(|| map.clone())
    }
}

/// The question which column holds what, for files whose import failed for want of an answer.
#[derive(Default)]
pub struct ColumnQuestion {
    paths: Vec<PathBuf>,
    columns: Vec<String>,
    map: ColumnMap,
    is_open: bool,
    /// Whether the failure that belongs to the question is still to come.
    awaits_failure: bool,
}

impl ColumnQuestion {
    /// Opens the question with its failure; anything else that becomes of an import closes it.
    pub fn note_event(&mut self, event: &Event) {
        match event {
            Event::ColumnsWanted { paths, columns } => {
                if (&self.paths, &self.columns) != (paths, columns) {
                    *self = Self { paths: paths.clone(), columns: columns.clone(), ..Self::default() };
                }
                self.awaits_failure = true;
            }
            Event::Failed { job: JobKind::ImportData, .. } => {
                self.is_open = std::mem::take(&mut self.awaits_failure);
            }
            Event::DataImported(_) => *self = Self::default(),
            _ => {}
        }
    }

    /// Draws the question while it is open, and imports with the answer.
    pub fn card(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        if !self.is_open || cx.state.job(JobKind::ImportData).is_some() {
            return;
        }
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        card(ui, "Columns", |ui| {
            ui.label("Which column holds the question, and which the answer?");
            ui.add_space(space::XS);
            ui.push_id("question", |ui| columns_ui(ui, &mut self.map, &columns, CHOOSE));
            let is_answered = self.map.prompt.is_some() && self.map.response.is_some();
            if buttons::primary(ui, Icon::Data, "Import with these columns", is_answered).clicked() {
                cx.request(Request::ImportData { paths: self.paths.clone(), map: self.map.clone() });
            }
        });
    }
}

/// What stands for a part that no column was chosen for: first for question and answer, then for the rest.
type Unset = [&'static str; 2];

const DETECT: Unset = ["Detect", "Detect"];
const CHOOSE: Unset = ["Choose a column", "Detect"];

fn columns_ui(ui: &mut Ui, map: &mut ColumnMap, columns: &[&str], [needed, other]: Unset) {
    let tokens = Tokens::of(ui);
    let roles = [
        ("Question or instruction", needed, &mut map.prompt),
        ("Answer", needed, &mut map.response),
        ("Further input", other, &mut map.context),
        ("System message", other, &mut map.system),
        ("Topic", other, &mut map.topic),
    ];
    egui::Grid::new("roles").num_columns(2).spacing([space::L, space::S]).show(ui, |ui| {
        for (role, unset, chosen) in roles {
            let label = ui.label(RichText::new(role).color(tokens.text));
            ComboBox::from_id_salt(role)
                .icon(buttons::chevron)
                .selected_text(chosen.as_deref().unwrap_or(unset))
                .width(220.0)
                .show_ui(ui, |ui| {
                    ui.selectable_value(chosen, None, unset);
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
}
