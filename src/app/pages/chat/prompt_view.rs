//! The conversation before an answer as the model read it, each token tinted by the head that leads it.

use egui::{RichText, Ui};

use crate::app::state::{Answer, HeadNames};
use crate::app::theme::{self, Tokens, space};
use crate::app::widgets::figures::counted;
use crate::app::widgets::head_gates::{leaders_in_words, loads_ui};
use crate::app::widgets::token_strip::TokenStrip;

use super::conversation::{Given, Seen};
use super::tokens::{TintedAnswer, gates, head_title, leader, load};

/// Tallest the conversation grows before it scrolls by itself.
const HEIGHT: f32 = 160.0;

/// Draws it above its answer, once it was read.
pub fn prompt_ui(ui: &mut Ui, given: &Given, answer: &Answer, strip: &mut TokenStrip, names: &HeadNames) {
    let tokens = Tokens::of(ui);
    if answer.prompt.is_empty() {
        ui.weak("The conversation before it is being read…");
        return;
    }
    theme::well_frame(tokens).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let title =
            format!("Before the answer: {}, with those of the chat template", counted(answer.prompt.len(), "token"));
        ui.label(RichText::new(title).small().color(tokens.text_weak));
        let tinted = TintedAnswer { of: &answer.prompt, seen: Seen::Gates, tokens, names };
        ui.push_id(("prompt", given.id), |ui| strip.ui(ui, given.id, &tinted, HEIGHT));
        let title = |head: usize| head_title(names, head);
        loads_ui(ui, &load(&answer.prompt), &title, "Mean gate over the tokens before this answer");
        let leaders = answer.prompt.iter().filter_map(|token| leader(gates(token))).map(|(head, _)| head);
        let words = format!("{}.", leaders_in_words(leaders, &title));
        ui.label(RichText::new(words).small().color(tokens.text));
    });
    ui.add_space(space::XS);
}
