//! One answer as it is drawn: who gave it, its text or its tinted tokens, how fast it came, and what can be done with it.

use egui::{Label, RichText, Ui};

use crate::app::icons::Icon;
use crate::app::state::{Answer, AnswerEnd, HeadNames};
use crate::app::theme::{self, Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::chart_export::{ChartExport, save_menu};
use crate::app::widgets::figures::{count, counted, figure};
use crate::app::widgets::head_gates::loads_ui;
use crate::app::widgets::legend::{Swatch, legend_row, swatch_label};
use crate::app::widgets::notes::callout;
use crate::app::widgets::token_strip::TokenStrip;
use crate::worker::protocol::{EndReason, Side};

use super::conversation::{Given, Seen};
use super::picture;
use super::prompt_view::prompt_ui;
use super::tokens::{TintedAnswer, change_words, head_title, load};

/// What was done with an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerAction {
    Copy(String),
    See(u64, Seen),
    /// Look at the gates of the conversation before it, or no longer.
    SeePrompt(u64, bool),
    /// Save what is seen of its tokens.
    Save(Box<ChartExport>),
}

/// The tokens of an answer as they are laid out, and those of the conversation before it.
#[derive(Default)]
pub struct AnswerStrips {
    answer: TokenStrip,
    prompt: TokenStrip,
}

/// What is known of the heads of an answer's adapter.
pub struct Heads<'a> {
    /// Whether there are several to look at.
    pub are_several: bool,
    pub names: &'a HeadNames,
}

/// Draws an answer.
pub fn answer_ui(
    ui: &mut Ui,
    given: &Given,
    answer: Option<&Answer>,
    strips: &mut AnswerStrips,
    heads: &Heads<'_>,
) -> Option<AnswerAction> {
    let tokens = Tokens::of(ui);
    ui.label(RichText::new(&given.name).strong().color(tokens.text_strong));
    let Some(answer) = answer else {
        ui.weak("It was not asked.");
        return None;
    };
    if given.is_prompt_seen {
        prompt_ui(ui, given, answer, &mut strips.prompt, heads.names);
    }
    theme::well_frame(tokens).show(ui, |ui| {
        ui.set_width(ui.available_width());
        body_ui(ui, given, answer, (&mut strips.answer, heads.names));
    });
    if let Some(AnswerEnd::Failed(message)) = &answer.end {
        callout(ui, Level::Error, message);
    }
    if !answer.tokens.is_empty() {
        legend_ui(ui, given, answer, heads.names);
    }
    if let Some(words) = speed_words(answer) {
        ui.label(RichText::new(words).small().color(tokens.text_weak));
    }
    actions_ui(ui, given, answer, heads)
}

fn body_ui(ui: &mut Ui, given: &Given, answer: &Answer, (strip, names): (&mut TokenStrip, &HeadNames)) {
    if answer.text.is_empty() {
        match answer.end {
            None => ui.weak("Reading the conversation…"),
            Some(AnswerEnd::Failed(_)) => ui.weak("No answer."),
            Some(_) => ui.weak("The answer is empty: the model ended it at once."),
        };
        return;
    }
    // Until it was read once more, there is no change to tint.
    let is_plain = match given.seen {
        Seen::Plain => true,
        Seen::Gates => false,
        Seen::Changes => answer.tokens.iter().all(|token| token.change.is_none()),
    };
    if is_plain {
        let color = Tokens::of(ui).text;
        let label = ui.add(Label::new(RichText::new(&answer.text).color(color)).wrap().selectable(true));
        ui.ctx().accesskit_node_builder(label.id, |node| node.set_live(egui::accesskit::Live::Polite));
        return;
    }
    let tinted = TintedAnswer { of: &answer.tokens, seen: given.seen, tokens: Tokens::of(ui), names };
    // Its texts are only added to, which needs no new layout.
    ui.push_id(given.id, |ui| strip.ui(ui, given.id, &tinted, f32::INFINITY));
}

/// What the colours mean, and the picture in words.
fn legend_ui(ui: &mut Ui, given: &Given, answer: &Answer, names: &HeadNames) {
    let tokens = Tokens::of(ui);
    match given.seen {
        Seen::Plain => {}
        Seen::Gates => {
            let load = load(&answer.tokens);
            loads_ui(ui, &load, &|head| head_title(names, head), "Mean gate over the tokens of this answer");
            if load.is_empty() {
                ui.weak("Its gates are being read…");
            }
        }
        Seen::Changes if answer.end.is_none() => {}
        Seen::Changes => {
            legend_row(ui, |ui| {
                swatch_label(ui, Swatch::Square, tokens.likelier, "more likely with the changed heads");
                swatch_label(ui, Swatch::Square, tokens.unlikelier, "less likely");
            });
            match change_words(answer) {
                Some(words) => ui.label(RichText::new(words).small().color(tokens.text)),
                None => ui.weak("It is being read with both…"),
            };
        }
    }
}

/// How many tokens came how fast, and why the answer ended.
fn speed_words(answer: &Answer) -> Option<String> {
    let Some(end) = &answer.end else {
        let context = answer.prompt_tokens.map(|tokens| format!("after {} tokens of conversation", count(tokens)))?;
        return Some(format!("{} so far, {context}", counted(answer.tokens.len(), "token")));
    };
    let AnswerEnd::Done { tokens, first_token_s, tokens_per_s, reason } = end else { return None };
    let why = match reason {
        EndReason::EndOfText => "ended by itself",
        EndReason::MaxTokens => "cut at the longest length",
        EndReason::ContextFull => "cut because the context is full",
        EndReason::Cancelled => "stopped",
    };
    let first = first_token_s.map(|first| format!(", first after {} s", figure(first))).unwrap_or_default();
    Some(format!("{} at {}/s{first}, {why}", counted(*tokens, "token"), figure(*tokens_per_s)))
}

fn actions_ui(ui: &mut Ui, given: &Given, answer: &Answer, heads: &Heads<'_>) -> Option<AnswerAction> {
    let mut action = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().button_padding = egui::vec2(space::S, space::XXS);
        ui.spacing_mut().interact_size.y = space::XL;
        if !answer.text.is_empty() && Icon::Copy.small_button(ui, "Copy answer").clicked() {
            action = Some(AnswerAction::Copy(answer.text.clone()));
        }
        let can_see_gates = heads.are_several && given.side != Side::Base;
        let views = [
            (Seen::Gates, "Show gates", "Tint each token by the head that leads it", can_see_gates),
            (
                Seen::Changes,
                "Show changes",
                "Tint each token by how much likelier the changed heads make it",
                given.against.is_some(),
            ),
        ];
        for (seen, name, hint, can) in views {
            let is_seen = given.seen == seen;
            if can
                && ui
                    .add(egui::Button::selectable(is_seen, name).frame_when_inactive(true))
                    .on_hover_text(hint)
                    .clicked()
            {
                action = Some(AnswerAction::See(given.id, if is_seen { Seen::Plain } else { seen }));
            }
        }
        let hint = "Tint each token of the conversation before this answer by the head that leads it";
        let button = egui::Button::selectable(given.is_prompt_seen, "Show prompt gates").frame_when_inactive(true);
        if can_see_gates && ui.add(button).on_hover_text(hint).clicked() {
            action = Some(AnswerAction::SeePrompt(given.id, !given.is_prompt_seen));
        }
        if given.seen != Seen::Plain || given.is_prompt_seen {
            let title = format!("the tokens of {}", given.name);
            if let Some(format) = save_menu(ui, &title, answer.end.is_some()) {
                let export = picture::export(format, given, answer, heads.names, Tokens::of(ui));
                action = Some(AnswerAction::Save(Box::new(export)));
            }
        }
    });
    action
}

/// The one button of a turn that is drawn beside its question.
pub fn edit_button(ui: &mut Ui, number: usize) -> bool {
    Icon::Edit.small_button(ui, &format!("Edit question {number}")).clicked()
}

/// A link-like button in the row below the last turn.
pub fn again_button(ui: &mut Ui, icon: Icon, text: &str, hint: &str, is_enabled: bool) -> bool {
    buttons::secondary(ui, icon, text, is_enabled).on_hover_text(hint).clicked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_told_with_why_an_answer_ended() {
        let reason = EndReason::MaxTokens;
        let end = AnswerEnd::Done { tokens: 12, first_token_s: Some(0.25), tokens_per_s: 31.04, reason };
        let answer = Answer { end: Some(end), ..Answer::default() };
        assert_eq!(
            speed_words(&answer).unwrap(),
            "12 tokens at 31.0/s, first after 0.250 s, cut at the longest length"
        );
        let coming = Answer { prompt_tokens: Some(40), ..Answer::default() };
        assert_eq!(speed_words(&coming).unwrap(), "0 tokens so far, after 40 tokens of conversation");
        assert_eq!(speed_words(&Answer::default()), None);
    }
}
