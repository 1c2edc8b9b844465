//! Saving a conversation as data that can be imported.

use egui::Ui;

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::picker::PickPurpose;
use crate::app::theme::space;
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::app::widgets::path_field::{PathAction, path_field, typed_path};
use crate::data::Message;
use crate::worker::protocol::Request;

/// The form that asks where to, while it is open.
#[derive(Default)]
pub struct SavingForm {
    pub is_open: bool,
    path: String,
    /// The column to save; `None` saves each as a line of its own.
    column: Option<usize>,
}

impl SavingForm {
    /// Opens the form with a file in a folder beside that of the runs.
    pub fn open(&mut self, cx: &PageContext<'_>) {
        self.is_open = true;
        if self.path.is_empty() {
            self.path = cx.persisted.run_parent.with_file_name("chats").join("chat.jsonl").display().to_string();
        }
    }

    /// Takes the file that a dialog gave.
    pub fn take_path(&mut self, path: &std::path::Path) {
        self.is_open = true;
        self.path = path.display().to_string();
    }

    /// Draws the form. `columns` are the conversations side by side, with their names.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, columns: &[(String, Vec<Message>)]) {
        self.column = self.column.filter(|column| *column < columns.len());
        card(ui, "Save the conversation", |ui| {
            if columns.len() > 1 {
                let mut choices = vec![(None, "Each as a line")];
                choices.extend(columns.iter().enumerate().map(|(i, (name, _))| (Some(i), name.as_str())));
                buttons::segmented(ui, &mut self.column, &choices);
            }
            let action = path_field(ui, "File", "/path/to/chat.jsonl", &mut self.path, &["Browse…"]);
            if matches!(action, PathAction::Browse(_)) {
                cx.send(SystemCommand::Pick(PickPurpose::Transcript));
            }
            ui.weak("One line of JSON for a conversation, as the Data page imports it.");
            ui.add_space(space::XS);
            ui.horizontal(|ui| {
                let path = typed_path(&self.path);
                let can = path.is_some();
                let is_saved = buttons::primary(ui, Icon::Save, "Save conversation", can).clicked();
                if let Some(path) = path.filter(|_| is_saved || action == PathAction::Entered) {
                    let chosen =
                        |(i, _): &(usize, &(String, Vec<Message>))| self.column.is_none_or(|column| column == *i);
                    let conversations =
                        columns.iter().enumerate().filter(chosen).map(|(_, (_, messages))| messages.clone());
                    cx.request(Request::SaveTranscript { path, conversations: conversations.collect() });
                }
                if ui.button("Cancel").clicked() {
                    self.is_open = false;
                }
            });
        });
    }
}
