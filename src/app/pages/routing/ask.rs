//! One question, answered by the base model and by the adapter side by side, one after the other with the same seed.

use egui::{Key, Modifiers, TextEdit, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::state::{Answer, AnswerEnd};
use crate::app::theme::{self, Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::figures::{count, figure, in_one_line};
use crate::app::widgets::notes::callout;
use crate::data::{Message, Role};
use crate::worker::protocol::{AskedAnswer, EndReason, GateWatch, JobKind, Request, Sampling, Side};

/// Tokens of one answer.
const ANSWER_TOKENS: usize = 128;

/// A question on its way: both requests, the second of which waits for the first.
struct Turn {
    question: String,
    base: u64,
    adapter: Second,
}

/// The adapter's half of a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Second {
    /// The base model answers first.
    Waits,
    Asked(u64),
    /// The user stopped the turn before the adapter was asked.
    NeverAsked,
}

/// The question, and the turn that was asked last.
#[derive(Default)]
pub struct AskBox {
    question: String,
    turn: Option<Turn>,
    next_id: u64,
}

impl AskBox {
    /// Draws the field and both answers.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        self.go_on(cx);
        let is_answering = self.is_answering(cx);
        self.field_ui(ui, cx, is_answering);
        let Some(turn) = &self.turn else { return };
        ui.add_space(space::S);
        ui.weak(format!("Asked: {}", in_one_line(&turn.question, 200)));
        let answers = &cx.state.answers;
        let (second, none) = match turn.adapter {
            Second::Waits => (None, "Waits until the base model is done…"),
            Second::Asked(id) => (answers.get(&id), ""),
            Second::NeverAsked => (None, "Stopped before the adapter was asked."),
        };
        ui.columns_const(|[left, right]| {
            answer_ui(left, "Base model", answers.get(&turn.base), "");
            answer_ui(right, "With adapter", second, none);
        });
    }

    fn field_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, is_answering: bool) {
        let label = ui.label("Question");
        let field = TextEdit::multiline(&mut self.question)
            .hint_text("Ask something your examples teach, and compare.")
            .desired_width(f32::INFINITY)
            .desired_rows(2);
        let response = ui.add(field).labelled_by(label.id);
        let ctrl_enter = response.has_focus() && ui.input_mut(|i| i.consume_key(Modifiers::COMMAND, Key::Enter));
        let can_ask = !self.question.trim().is_empty() && !is_answering;
        ui.horizontal(|ui| {
            let asked = buttons::primary(ui, Icon::Play, "Ask both", can_ask)
                .on_hover_text("Base model first, then the adapter, with the same seed. Ctrl+Enter.")
                .clicked();
            if can_ask && (asked || ctrl_enter) {
                self.ask(cx);
            }
            if is_answering && buttons::secondary(ui, Icon::Stop, "Stop answering", true).clicked() {
                cx.request(Request::Cancel { job: JobKind::Generate });
                if let Some(turn) = self.turn.as_mut().filter(|turn| turn.adapter == Second::Waits) {
                    turn.adapter = Second::NeverAsked;
                }
            }
        });
    }

    /// Asks the adapter once the base model is done.
    fn go_on(&mut self, cx: &PageContext<'_>) {
        let Some(turn) = &mut self.turn else { return };
        let base_is_done = cx.state.answers.get(&turn.base).is_some_and(|answer| answer.end.is_some());
        if turn.adapter == Second::Waits && base_is_done {
            turn.adapter = Second::Asked(self.next_id);
            cx.request(request(self.next_id, &turn.question, Side::adapter(), cx));
            self.next_id += 1;
        }
    }

    fn ask(&mut self, cx: &PageContext<'_>) {
        let question = self.question.trim().to_owned();
        cx.request(request(self.next_id, &question, Side::Base, cx));
        self.turn = Some(Turn { question, base: self.next_id, adapter: Second::Waits });
        self.next_id += 1;
    }

    fn is_answering(&self, cx: &PageContext<'_>) -> bool {
        let Some(turn) = &self.turn else { return false };
        let is_done = |id: &u64| cx.state.answers.get(id).is_some_and(|answer| answer.end.is_some());
        match &turn.adapter {
            Second::Waits => true,
            Second::Asked(id) => !is_done(id),
            Second::NeverAsked => !is_done(&turn.base),
        }
    }
}

/// Both answers are drawn as the model recommends, with one seed.
fn request(id: u64, question: &str, side: Side, cx: &PageContext<'_>) -> Request {
    let sampling = cx.state.model.as_ref().map(|model| model.sampling.clone()).unwrap_or_default();
    let messages = vec![Message { role: Role::User, content: question.to_owned() }];
    Request::Generate {
        sampling: Sampling { max_tokens: ANSWER_TOKENS, ..sampling },
        answers: vec![AskedAnswer { id, side, messages }],
        watch: GateWatch::Nothing,
    }
}

fn answer_ui(ui: &mut Ui, title: &str, answer: Option<&Answer>, waiting: &str) {
    let tokens = Tokens::of(ui);
    ui.strong(title);
    let Some(answer) = answer else {
        ui.weak(waiting);
        return;
    };
    theme::well_frame(tokens).show(ui, |ui| {
        ui.set_width(ui.available_width());
        if answer.text.is_empty() && answer.end.is_none() {
            ui.weak("Reading the question…");
        } else {
            let label = ui.add(egui::Label::new(&answer.text).wrap().selectable(true));
            ui.ctx().accesskit_node_builder(label.id, |node| node.set_live(egui::accesskit::Live::Polite));
        }
    });
    match &answer.end {
        None => {}
        Some(AnswerEnd::Failed(message)) => callout(ui, Level::Error, message),
        Some(AnswerEnd::Done { tokens, tokens_per_s, reason, .. }) => {
            let why = match reason {
                EndReason::EndOfText => "ended by itself",
                EndReason::MaxTokens => "cut at the longest length",
                EndReason::ContextFull => "cut because the context is full",
                EndReason::Cancelled => "stopped",
            };
            ui.weak(format!("{} tokens at {}/s, {why}", count(*tokens), figure(*tokens_per_s)));
        }
    }
}
