//! How many heads: one sentence, its reasons, and the button that takes it up.

use egui::{RichText, Ui};

use super::words;
use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{PageContext, PageId};
use crate::app::theme::Tokens;
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::app::widgets::notes::callout;
use crate::worker::protocol::{JobKind, Request, TopicBoard, TopicsReport};

/// Draws the card.
pub fn card_ui(ui: &mut Ui, cx: &PageContext<'_>, report: &TopicsReport, board: &TopicBoard) {
    let tokens = Tokens::of(ui);
    card(ui, "How many heads", |ui| {
        ui.label(RichText::new(&report.advice.sentence).heading().color(tokens.text_strong));
        for reason in &report.advice.reasons {
            ui.label(RichText::new(reason).color(tokens.text_weak));
        }
        let trained = board.topics.iter().filter(|topic| !topic.is_excluded).count();
        if let Some(difference) = words::difference(report, trained) {
            ui.label(difference);
        }
        let is_idle = cx.state.job(JobKind::EditTopics).is_none() && cx.state.job(JobKind::Train).is_none();
        let can_train = is_idle && cx.state.active_run().is_none();
        ui.horizontal_wrapped(|ui| {
            let text = words::button(trained);
            let hint = "Sets this on the Train page, where it can be undone, and gives every example its topic.";
            let is_possible = can_train && trained > 0;
            if buttons::primary(ui, Icon::Check, &text, is_possible).on_hover_text(hint).clicked() {
                cx.send(SystemCommand::UseTopics(trained));
            }
            let hint = "Loss, routing and heads are then told by these topics. The number of heads stays as it is.";
            if buttons::secondary(ui, Icon::Topics, "Give the examples their topics", is_possible)
                .on_hover_text(hint)
                .clicked()
            {
                cx.request(Request::ApplyTopics);
            }
            if board.is_applied && buttons::link(ui, "Go on to Train").clicked() {
                cx.send(SystemCommand::Show(PageId::Train));
            }
        });
        if cx.state.active_run().is_some() {
            ui.weak("A run is on: topics can be looked at and changed, and are given to the examples after it.");
        }
        if board.is_applied {
            callout(
                ui,
                Level::Ok,
                "The examples carry these topics: held-out loss, routing and the names of heads go by them.",
            );
        }
    });
}
