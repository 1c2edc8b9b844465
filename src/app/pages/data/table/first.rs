//! The first rows, while the rest of the files is still read.

use egui::{Rect, Ui, UiBuilder, vec2};

use crate::app::pages::PageContext;
use crate::app::theme::size;
use crate::app::widgets::card::card;
use crate::worker::protocol::{Event, JobKind, RowView};

use super::line;

/// The rows that came before the end of an import.
#[derive(Default)]
pub(in super::super) struct FirstRows {
    rows: Vec<RowView>,
}

impl FirstRows {
    /// Takes in the first rows, and forgets them when the import is over.
    pub fn note_event(&mut self, event: &Event) {
        match event {
            Event::FirstRows { rows } => self.rows.clone_from(rows),
            Event::DataImported(_)
            | Event::Failed { job: JobKind::ImportData, .. }
            | Event::Cancelled { job: JobKind::ImportData } => self.rows.clear(),
            _ => {}
        }
    }

    /// Draws them, while the import is under way.
    pub fn card(&self, ui: &mut Ui, cx: &PageContext<'_>) {
        if self.rows.is_empty() || cx.state.job(JobKind::ImportData).is_none() {
            return;
        }
        card(ui, "The first rows", |ui| {
            for (place, row) in self.rows.iter().enumerate() {
                let (_, rect) = ui.allocate_space(vec2(ui.available_width(), size::ROW));
                let line = Rect::from_min_size(rect.min, vec2(rect.width(), size::ROW));
                let mut ui = ui.new_child(UiBuilder::new().max_rect(line).id_salt(place));
                line::row_ui(&mut ui, Some(row), place, false);
            }
        });
    }
}
