//! The texts of an example while they are rewritten.

use egui::{RichText, TextEdit, Ui};

use crate::app::icons::Icon;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::data::{Edit, Message, Role};

/// What came of the fields in this frame.
pub(super) enum Written {
    Not,
    Left,
    Done(Edit),
}

/// An example's texts, changed and unchanged.
pub(super) struct Writing {
    row: usize,
    before: Vec<Message>,
    messages: Vec<Message>,
}

impl Writing {
    /// Begins with an example as it is.
    pub fn of(row: usize, messages: &[Message]) -> Self {
        Self { row, before: messages.to_vec(), messages: messages.to_vec() }
    }

    /// The example's row.
    pub fn row(&self) -> usize {
        self.row
    }

    /// Draws the fields.
    pub fn ui(&mut self, ui: &mut Ui) -> Written {
        let tokens = Tokens::of(ui);
        for (index, message) in self.messages.iter_mut().enumerate() {
            let name = match message.role {
                Role::System => "System message",
                Role::User => "Question",
                Role::Assistant => "Answer",
                Role::Tool => "Tool's output",
            };
            let label = ui.label(RichText::new(name).small().color(tokens.text_weak));
            let lines = message.content.lines().count().clamp(2, 8);
            let field = TextEdit::multiline(&mut message.content)
                .id_salt(("message", index))
                .desired_rows(lines)
                .desired_width(f32::INFINITY);
            ui.add(field).labelled_by(label.id);
            ui.add_space(space::XS);
        }
        let is_blank = self.messages.last().is_none_or(|message| message.content.trim().is_empty());
        if is_blank {
            let text = "The last answer is empty: there would be nothing to learn.";
            ui.label(RichText::new(text).small().color(tokens.warn));
        }
        let mut written = Written::Not;
        ui.horizontal(|ui| {
            let can_keep = !is_blank && self.messages != self.before;
            if buttons::primary(ui, Icon::Check, "Keep the change", can_keep).clicked() {
                written = Written::Done(Edit::Replace { rows: vec![(self.row, self.messages.clone())] });
            }
            if ui.button("Cancel").clicked() {
                written = Written::Left;
            }
        });
        written
    }
}
