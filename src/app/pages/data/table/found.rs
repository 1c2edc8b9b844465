//! What can be done with all examples that the filters find, however many: one change, which undo takes back.

use egui::{ComboBox, Key, TextEdit, Ui, vec2};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::size;
use crate::app::widgets::buttons;
use crate::app::widgets::figures::{count, in_one_line};
use crate::worker::protocol::{DataSummary, FoundChange, JobKind, Request, RowOrder, RowQuery};

use super::filters::MOST_TOPICS;

const TOPIC_LETTERS: usize = 28;

/// The field for a label, while it is open.
#[derive(Default)]
pub(super) struct FoundChanges {
    label: Option<String>,
}

impl FoundChanges {
    /// Draws the buttons, where the filters leave something out and find something.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        cx: &PageContext<'_>,
        data: &DataSummary,
        query: &RowQuery,
        found: Option<usize>,
    ) {
        let is_narrowed = RowQuery { order: RowOrder::File, descending: false, ..query.clone() } != RowQuery::default();
        let Some(found) = found.filter(|found| is_narrowed && *found > 0) else { return };
        let is_idle = cx.state.job(JobKind::EditFound).is_none();
        let ask = |change| cx.request(Request::EditFound { query: query.clone(), found, change });
        ui.horizontal_wrapped(|ui| {
            let text = format!("Leave out the {} found", count(found));
            let leave_out = buttons::secondary(ui, Icon::Trash, &text, is_idle && found < data.kept);
            if leave_out.on_hover_text("One change, which undo takes back. The files stay as they are").clicked() {
                ask(FoundChange::LeaveOut);
            }
            let text = format!("Label the {} found as…", count(found));
            let hint = "One change of their topic, which undo takes back";
            if buttons::secondary(ui, Icon::Edit, &text, is_idle).on_hover_text(hint).clicked() {
                self.label = if self.label.is_some() { None } else { Some(String::new()) };
            }
            if let Some(change) = self.label_ui(ui, data, is_idle) {
                ask(change);
                self.label = None;
            }
        });
    }

    /// Draws the field, where it is open. Gives back the change that was decided on.
    fn label_ui(&mut self, ui: &mut Ui, data: &DataSummary, is_idle: bool) -> Option<FoundChange> {
        let label = self.label.as_mut()?;
        let field = TextEdit::singleline(label)
            .hint_text("Topic")
            .desired_width(180.0)
            .align(egui::Align2::LEFT_CENTER)
            .min_size(vec2(0.0, size::CONTROL));
        let response = ui.add(field);
        let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        response.accessible_name("Topic for the examples found");
        if !data.topics.is_empty() {
            ComboBox::from_id_salt("topics for the examples found")
                .icon(buttons::chevron)
                .selected_text("Topics")
                .width(90.0)
                .show_ui(ui, |ui| {
                    for (topic, _) in data.topics.iter().take(MOST_TOPICS) {
                        if ui.selectable_label(label == topic, in_one_line(topic, TOPIC_LETTERS)).clicked() {
                            label.clone_from(topic);
                        }
                    }
                })
                .response
                .accessible_name("Topics that there are");
        }
        let can_label = is_idle && !label.trim().is_empty();
        if buttons::primary(ui, Icon::Check, "Label them", can_label).clicked() || (is_entered && can_label) {
            return Some(FoundChange::Label(Some(label.trim().to_owned())));
        }
        let without = ui.add_enabled(is_idle, egui::Button::new("Without topic"));
        without.on_hover_text("Take their topics away").clicked().then_some(FoundChange::Label(None))
    }
}
