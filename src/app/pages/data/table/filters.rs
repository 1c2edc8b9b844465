//! Above the table: search, topic, part of the split, and how many examples are found.

use egui::{ComboBox, RichText, TextEdit, Ui, vec2};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::buttons;
use crate::app::widgets::figures::{count, counted, in_one_line};
use crate::app::widgets::legend::{Swatch, swatch_label};
use crate::worker::protocol::{DataSummary, RowQuery, RowSide};

/// Topics that can be chosen among; more are no help in a list.
pub(super) const MOST_TOPICS: usize = 200;
const TOPIC_LETTERS: usize = 28;

/// What a query found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// `None` until it is known.
    pub examples: Option<usize>,
    /// Whether the fault that is asked for is to be brought into sight, and takes the keyboard.
    pub is_sought: bool,
}

/// Draws the filters.
pub(super) fn filters_ui(ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary, query: &mut RowQuery, found: Found) {
    ui.horizontal_wrapped(|ui| {
        ui.add(Icon::Search.image(size::ICON).tint(Tokens::of(ui).text_weak));
        let field = TextEdit::singleline(&mut query.text)
            .hint_text("Search questions and answers")
            .desired_width(240.0)
            .align(egui::Align2::LEFT_CENTER)
            .min_size(vec2(0.0, size::CONTROL));
        ui.add(field).accessible_name("Search the examples");
        if !data.topics.is_empty() {
            topic_ui(ui, data, query);
        }
        let sides = [(RowSide::All, "All"), (RowSide::Training, "Training"), (RowSide::HeldOut, "Held out")];
        buttons::segmented(ui, &mut query.side, &sides);
        fault_ui(ui, cx, query, found.is_sought);
        if let Some(rows) = &query.rows {
            let text = format!("Only {}", counted(rows.len(), "chosen row"));
            if buttons::secondary(ui, Icon::Close, &text, true).on_hover_text("Show all examples again").clicked() {
                query.rows = None;
            }
        }
        if let Some(found) = found.examples {
            let text = if found == data.kept {
                counted(found, "example")
            } else {
                format!("{} of {}", count(found), counted(data.kept, "example"))
            };
            ui.label(RichText::new(text).small().color(Tokens::of(ui).text_weak));
        }
        if data.held_out > 0 {
            swatch_label(ui, Swatch::Dot, Tokens::of(ui).chart_held_out, "held out");
        }
    });
    ui.add_space(space::XXS);
}

/// The fault whose rows are listed alone; pressing it lists all again.
fn fault_ui(ui: &mut Ui, cx: &PageContext<'_>, query: &mut RowQuery, is_sought: bool) {
    let Some(fault) = query.fault else { return };
    let audit = cx.state.audit.as_deref();
    let known = audit.map(|audit| audit.faults.iter().find(|found| found.fault == fault));
    let number = known.map(|found| found.map_or(0, |found| found.examples));
    let text = match number {
        Some(number) => format!("{} ({})", fault.name(), count(number)),
        None => fault.name().to_owned(),
    };
    let chip = buttons::secondary(ui, Icon::Close, &text, true).on_hover_text("List all examples again");
    if is_sought {
        chip.scroll_to_me(Some(egui::Align::Center));
        chip.request_focus();
    }
    if chip.clicked() {
        query.fault = None;
    }
    chip.accessible_name(format!("List not only: {text}"));
}

fn topic_ui(ui: &mut Ui, data: &DataSummary, query: &mut RowQuery) {
    let shown = query.topic.as_deref().map_or("All topics".to_owned(), |topic| in_one_line(topic, TOPIC_LETTERS));
    ComboBox::from_id_salt("topic of the examples")
        .icon(buttons::chevron)
        .selected_text(shown)
        .width(160.0)
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut query.topic, None, "All topics");
            for (topic, examples) in data.topics.iter().take(MOST_TOPICS) {
                let text = format!("{} ({})", in_one_line(topic, TOPIC_LETTERS), count(*examples));
                ui.selectable_value(&mut query.topic, Some(topic.clone()), text);
            }
        })
        .response
        .accessible_name("Topic of the examples");
}
