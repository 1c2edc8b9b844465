//! The chosen example as the model will read it, with what can be done to it.

use egui::{ComboBox, RichText, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::pages::data::badge;
use crate::app::pages::data::reading::{example_ui, explanation_ui};
use crate::app::theme::{Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::figures::in_one_line;
use crate::app::widgets::notes;
use crate::data::Edit;
use crate::worker::protocol::{DataSummary, JobKind, Request, RowView};

use super::filters::MOST_TOPICS;
use super::writing::{Writing, Written};

/// As high as the table beside it.
const HEIGHT: f32 = 13.0 * size::ROW;
const TOPIC_LETTERS: usize = 24;

/// What the side shows.
#[derive(Default)]
pub(super) struct Detail {
    /// What the preview was last asked for: the example's index and the context.
    asked: Option<(usize, usize)>,
    writing: Option<Writing>,
}

impl Detail {
    /// Leaves off whatever is being written.
    pub fn close(&mut self) {
        *self = Self::default();
    }

    /// Draws the example, and asks for it where it is not there.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary, row: &RowView) {
        self.ask(cx, row);
        if self.writing.as_ref().is_some_and(|writing| writing.row() != row.row) {
            self.writing = None;
        }
        let shown = cx.state.preview.as_ref().filter(|preview| preview.start == row.index);
        let example = shown.and_then(|preview| preview.examples.first());
        self.head_ui(ui, cx, data, row, example.is_some());
        if let Some(message) = cx.state.failure(JobKind::PreviewData) {
            notes::callout(ui, Level::Error, message);
            if ui.button("Try again").clicked() {
                self.asked = None;
                self.request(cx, row);
            }
        }
        notes::scrolled(ui, "chosen example", HEIGHT, |ui| {
            if let Some(writing) = &mut self.writing {
                match writing.ui(ui) {
                    Written::Not => {}
                    Written::Left => self.writing = None,
                    Written::Done(edit) => {
                        cx.request(Request::EditData(edit));
                        self.writing = None;
                    }
                }
            } else {
                explanation_ui(ui, cx);
                match example {
                    Some(example) => example_ui(ui, example, cx.context),
                    None => {
                        ui.label(RichText::new("Rendering…").color(Tokens::of(ui).text_weak));
                    }
                }
            }
        });
    }

    fn ask(&mut self, cx: &PageContext<'_>, row: &RowView) {
        let is_there = cx.state.preview.as_ref().is_some_and(|preview| preview.start == row.index);
        let is_new = self.asked != Some((row.index, cx.context));
        let is_free = cx.state.job(JobKind::PreviewData).is_none() && cx.state.failure(JobKind::PreviewData).is_none();
        if is_new || (!is_there && is_free) {
            self.request(cx, row);
        }
    }

    fn request(&mut self, cx: &PageContext<'_>, row: &RowView) {
        self.asked = Some((row.index, cx.context));
        cx.request(Request::PreviewData { start: row.index, count: 1, context: cx.context });
    }

    fn head_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary, row: &RowView, is_there: bool) {
        ui.horizontal_wrapped(|ui| {
            // First, as a frame does not wrap into the next row.
            badge(ui, if row.held_out { "held out" } else { "training" });
            let can_write = is_there && self.writing.is_none();
            if buttons::secondary(ui, Icon::Edit, "Rewrite", can_write).clicked() {
                let example = cx.state.preview.as_ref().and_then(|preview| preview.examples.first());
                self.writing = example.map(|example| Writing::of(row.row, &example.messages));
            }
            let leave_out = buttons::secondary(ui, Icon::Trash, "Leave out", data.kept > 1);
            if leave_out.on_hover_text("The file stays as it is, and undo brings the example back").clicked() {
                let edit = Edit::Drop { rows: vec![row.row], reason: "left out by hand".to_owned() };
                cx.request(Request::EditData(edit));
            }
            topic_ui(ui, cx, data, row);
        });
        ui.add_space(space::XS);
    }
}

fn topic_ui(ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary, row: &RowView) {
    if data.topics.is_empty() {
        return;
    }
    let mut topic = row.topic.clone();
    let shown = topic.as_deref().map_or("No topic".to_owned(), |topic| in_one_line(topic, TOPIC_LETTERS));
    ComboBox::from_id_salt("topic of the example")
        .icon(buttons::chevron)
        .selected_text(shown)
        .width(140.0)
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut topic, None, "No topic");
            for (name, _) in data.topics.iter().take(MOST_TOPICS) {
                ui.selectable_value(&mut topic, Some(name.clone()), in_one_line(name, TOPIC_LETTERS));
            }
        })
        .response
        .accessible_name("Topic of this example");
    if topic != row.topic {
        cx.request(Request::EditData(Edit::Label { rows: vec![row.row], topic }));
    }
}
