//! How much of the model's context the conversation takes, and how the model reads it.

use std::time::Duration;

use egui::{Label, RichText, Ui};

use crate::app::pages::PageContext;
use crate::app::state::{Answer, Phase};
use crate::app::theme::{self, Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::figures::{beginning, count};
use crate::app::widgets::notes::{callout, progress_bar, scrolled};
use crate::data::Message;
use crate::worker::protocol::{RenderedPrompt, Request};

/// Between two questions about a conversation that is being typed.
const PAUSE: Duration = Duration::from_millis(300);
/// Letters of the rendered conversation that are set.
const LETTERS: usize = 6000;

/// What was asked about the conversation last.
#[derive(Default)]
pub struct ContextMeter {
    asked: Vec<Message>,
    /// The number of the last question, and when it was asked.
    number: u64,
    at: Option<f64>,
    pub is_template_open: bool,
}

/// The room that a conversation takes, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub used: usize,
    pub answer: usize,
    pub context: usize,
}

impl Room {
    /// What is worth saying of it.
    pub fn warning(self) -> Option<(Level, String)> {
        let Self { used, answer, context } = self;
        if used >= context {
            let text = "The conversation is longer than the model's context. Edit an earlier question, or clear it.";
            return Some((Level::Error, text.to_owned()));
        }
        let left = context - used;
        (left < answer).then(|| {
            let text = format!(
                "The context is nearly full: an answer is cut after {} of up to {} tokens. Clear the conversation, or edit an \
                 earlier question.",
                count(left),
                count(answer)
            );
            (Level::Warning, text)
        })
    }
}

impl ContextMeter {
    /// Asks how the model reads `messages`, unless it was asked or was asked something a moment ago.
    pub fn ask(&mut self, ui: &Ui, cx: &PageContext<'_>, messages: Vec<Message>) {
        let is_asleep = cx.state.active_run().is_some_and(|run| run.phase == Phase::Freed);
        if messages == self.asked || messages.is_empty() || is_asleep {
            return;
        }
        let now = ui.input(|i| i.time);
        if self.at.is_some_and(|at| now - at < PAUSE.as_secs_f64()) {
            ui.ctx().request_repaint_after(PAUSE);
            return;
        }
        self.number += 1;
        self.at = Some(now);
        self.asked = messages.clone();
        cx.request(Request::RenderPrompt { id: self.number, messages });
    }

    /// Asks anew, of another model say.
    pub fn forget(&mut self) {
        self.asked.clear();
    }

    /// The conversation as the model reads it, where that is known of what was asked last.
    pub fn rendered<'a>(&self, cx: &PageContext<'a>) -> Option<&'a RenderedPrompt> {
        cx.state.prompt.as_ref().filter(|prompt| prompt.id == self.number)
    }

    /// What the conversation takes: as rendered with what is being typed, or as the last answer left it.
    pub fn used(&self, cx: &PageContext<'_>, is_typing: bool, last: Option<&Answer>) -> usize {
        let rendered = self.rendered(cx).filter(|prompt| prompt.problem.is_none()).map(|prompt| prompt.tokens);
        let answered = last.and_then(|answer| Some(answer.prompt_tokens? + answer.tokens.len()));
        if is_typing { rendered.or(answered) } else { answered.or(rendered) }.unwrap_or(0)
    }
}

/// Draws the meter.
pub fn meter_ui(ui: &mut Ui, room: Room) {
    let tokens = Tokens::of(ui);
    let text = format!("Context: {} of {} tokens", count(room.used), count(room.context));
    ui.horizontal(|ui| {
        ui.label(RichText::new(text).small().color(tokens.text_weak));
        let share = room.used as f32 / room.context.max(1) as f32;
        progress_bar(ui, Some(share.min(1.0)), 120.0_f32.min(ui.available_width()), space::XS);
    });
}

/// Draws how the model reads the conversation.
pub fn template_ui(ui: &mut Ui, prompt: Option<&RenderedPrompt>) {
    let Some(prompt) = prompt else {
        ui.weak("Type a question to see how the model reads it.");
        return;
    };
    if let Some(problem) = &prompt.problem {
        callout(ui, Level::Warning, problem);
        return;
    }
    let tokens = Tokens::of(ui);
    let (shown, left_out) = beginning(&prompt.text, LETTERS);
    theme::well_frame(tokens).show(ui, |ui| {
        ui.set_width(ui.available_width());
        scrolled(ui, "template", 220.0, |ui| {
            ui.add(Label::new(RichText::new(shown).monospace().color(tokens.text)).wrap().selectable(true));
            if left_out > 0 {
                ui.weak("… and more, not shown here.");
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_that_is_nearly_full_is_told_before_it_is_full() {
        let room = |used| Room { used, answer: 256, context: 2048 };
        assert_eq!(room(1792).warning(), None);
        let (level, text) = room(1793).warning().unwrap();
        assert!(level == Level::Warning && text.contains("after 255 of up to 256"), "{text}");
        assert_eq!(room(2048).warning().unwrap().0, Level::Error);
    }
}
