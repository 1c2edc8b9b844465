//! The examples as a table of any length, with the chosen one beside it as the model reads it. `rows.rs` keeps what was
//! fetched, `line.rs` draws a row, `filters.rs` the search above, `found.rs` what is done with all that it finds, `first.rs` what is shown while
//! the files are still read, `detail.rs` the chosen example, `writing.rs` its texts
//! while they are rewritten, `saving.rs` where the examples are saved.

mod detail;
mod filters;
mod first;
mod found;
mod line;
mod rows;
mod saving;
mod writing;

pub(super) use first::FirstRows;

use egui::{RichText, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::figures::{count, counted};
use crate::app::widgets::notes::{self, JobAction};
use crate::app::widgets::row_list::{RowList, RowListOptions};
use crate::data::audit::Fault;
use crate::worker::protocol::{DataSummary, EditsSummary, Event, JobKind, Request, RowQuery};

use detail::Detail;
use filters::Found;
use found::FoundChanges;
use rows::{Rows, STRETCH};
use saving::Saving;

/// Rows in view at once.
const ROWS_IN_VIEW: f32 = 14.0;
/// From this width on, the chosen example stands beside the table.
const SIDE_BY_SIDE: f32 = 900.0;
/// Share of the width that the table takes then.
const TABLE_SHARE: f32 = 0.56;

/// The table of examples.
#[derive(Default)]
pub(super) struct ExamplesTable {
    rows: Rows,
    list: RowList,
    detail: Detail,
    saving: Saving,
    changes: FoundChanges,
    /// Whether the filters are to be brought into sight.
    is_sought: bool,
}

impl ExamplesTable {
    /// Takes in what belongs to the table.
    pub fn note_event(&mut self, event: &Event) {
        match event {
            Event::DataImported(_) => *self = Self::default(),
            Event::DataEdited(_) => {
                self.rows.forget();
                self.detail.close();
            }
            Event::HeldOut { .. } => self.rows.forget(),
            // Other rows may have the fault now.
            Event::Audited(_) if self.rows.query().fault.is_some() => self.rows.forget(),
            Event::Cancelled { job: JobKind::ListRows } => self.rows.give_up(),
            _ => self.rows.note_event(event),
        }
    }

    /// Lists the rows with a fault alone, in the order that was chosen, and brings them into sight.
    pub fn show_fault(&mut self, fault: Fault) {
        let RowQuery { order, descending, .. } = *self.rows.query();
        self.list = RowList::default();
        self.rows.ask(RowQuery { fault: Some(fault), order, descending, ..RowQuery::default() });
        self.is_sought = true;
    }

    /// Draws the card, and asks for the rows that are missing.
    pub fn card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary) {
        if data.kept == 0 {
            return;
        }
        let mut is_saving = false;
        let actions = |ui: &mut Ui| {
            is_saving = saving::button_ui(ui, cx);
            edits_ui(ui, cx, &data.edits);
        };
        card_with_actions(ui, "Examples", actions, |ui| {
            self.saving.ui(ui, cx);
            let before = self.rows.query().clone();
            let mut query = before.clone();
            let seek = std::mem::take(&mut self.is_sought);
            filters::filters_ui(ui, cx, data, &mut query, Found { examples: self.rows.total(), is_sought: seek });
            self.changes.ui(ui, cx, data, &before, self.rows.total());
            self.problem_ui(ui, cx);
            ui.add_space(space::XS);
            let width = ui.available_width();
            if width < SIDE_BY_SIDE {
                line::headings_ui(ui, &mut query);
                self.list_ui(ui);
                ui.add_space(space::M);
                self.detail_ui(ui, cx, data);
            } else {
                ui.horizontal_top(|ui| {
                    ui.vertical(|ui| {
                        ui.set_width(TABLE_SHARE * width);
                        line::headings_ui(ui, &mut query);
                        self.list_ui(ui);
                    });
                    ui.add_space(space::S);
                    ui.vertical(|ui| self.detail_ui(ui, cx, data));
                });
            }
            if query != before {
                self.list = RowList::default();
                self.rows.ask(query);
            }
        });
        if is_saving {
            self.saving.toggle(cx, data);
        }
        self.fetch(cx);
    }

    fn options(&self) -> RowListOptions<'static> {
        let rows = self.rows.shown();
        let height = size::ROW * ROWS_IN_VIEW.min(rows.max(3) as f32);
        RowListOptions { name: "Examples", rows, row_height: size::ROW, height }
    }

    fn list_ui(&mut self, ui: &mut Ui) {
        if self.rows.total() == Some(0) {
            ui.add_space(space::M);
            let text = "No example is like that. Clear the search to see all.";
            ui.label(RichText::new(text).color(Tokens::of(ui).text_weak));
            return;
        }
        let (options, rows) = (self.options(), &self.rows);
        self.list.ui(ui, &options, |ui, place, is_chosen| line::row_ui(ui, rows.get(place), place, is_chosen));
    }

    fn problem_ui(&self, ui: &mut Ui, cx: &PageContext<'_>) {
        for message in [JobKind::ListRows, JobKind::EditFound].iter().filter_map(|kind| cx.state.failure(*kind)) {
            notes::callout(ui, Level::Error, message);
        }
        for kind in [JobKind::ListRows, JobKind::EditFound, JobKind::SaveData] {
            // A page is there within a moment; what takes long tells a share.
            if let Some(job) = cx.state.job(kind).filter(|job| job.share.is_some())
                && notes::job_progress(ui, job) == JobAction::Cancel
            {
                cx.request(Request::Cancel { job: kind });
            }
        }
    }

    fn detail_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary) {
        let chosen = self.list.chosen.unwrap_or(0);
        match self.rows.get(chosen) {
            Some(row) => self.detail.ui(ui, cx, data, row),
            None => {
                ui.label(RichText::new("Choose an example to read it.").color(Tokens::of(ui).text_weak));
            }
        }
    }

    fn fetch(&mut self, cx: &PageContext<'_>) {
        // What failed counts as asked for, until something else is.
        let view = self.list.view(&self.options());
        if let Some(start) = self.rows.missing(view) {
            cx.request(Request::ListRows { query: self.rows.query().clone(), start, count: STRETCH });
        }
    }
}

/// From right to left: redo, undo, and what was changed.
fn edits_ui(ui: &mut Ui, cx: &PageContext<'_>, edits: &EditsSummary) {
    for (icon, name, what, request) in [
        (Icon::Redo, "Redo the change to the examples", &edits.redo, Request::RedoEdit),
        (Icon::Undo, "Undo the change to the examples", &edits.undo, Request::UndoEdit),
    ] {
        ui.add_enabled_ui(what.is_some(), |ui| {
            let button = icon.small_button(ui, name);
            let button = what.as_ref().map_or(button.clone(), |what| button.clone().on_hover_text(what));
            if button.clicked() {
                cx.request(request);
            }
        });
    }
    if edits.made > 0 {
        let mut parts = Vec::new();
        if edits.left_out > 0 {
            parts.push(format!("{} left out", count(edits.left_out)));
        }
        if edits.rewritten > 0 {
            parts.push(format!("{} rewritten", count(edits.rewritten)));
        }
        if parts.is_empty() {
            parts.push(counted(edits.made, "change"));
        }
        ui.label(RichText::new(parts.join(", ")).small().color(Tokens::of(ui).text_weak));
    }
}
