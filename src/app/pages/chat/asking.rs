//! From what the user does to what the worker is asked: questions, answers anew, and answers read once more.

use egui::Ui;

use crate::app::pages::PageContext;
use crate::data::Message;
use crate::worker::protocol::{AnswerTokens, AskedAnswer, GateWatch, JobKind, Request, Sampling, Side};

use super::answer_view::AnswerAction;
use super::conversation::{Given, Seen, Turn};
use super::sides::{AskedSide, SideChoice, with_heads};
use super::turns::{Editing, TurnAction};
use super::{ChatPage, adapter_spec};

impl ChatPage {
    /// What is done in every frame: the conversation is measured, answers are read once more where that is wanted.
    pub(super) fn go_on(&mut self, ui: &Ui, cx: &PageContext<'_>) {
        let draft = self.draft.trim();
        let question = (!draft.is_empty()).then_some(draft);
        if question.is_some() || (self.context.is_template_open && !self.conversation.turns.is_empty()) {
            let turns = self.conversation.turns.len();
            let messages = self.conversation.messages(0, turns, question, &|id| text(cx, id));
            self.context.ask(ui, cx, messages);
        }
        self.answer_changed_heads(ui, cx);
        self.weigh_next(cx);
    }

    /// Sends the question that is being typed.
    pub(super) fn send_draft(&mut self, cx: &PageContext<'_>) {
        let question = self.draft.trim().to_owned();
        let (turn, seed) = (self.conversation.turns.len(), self.sampling.values.seed);
        if self.ask(cx, turn, question, seed) {
            self.draft.clear();
        }
    }

    /// Asks a question in the place of turn `turn` and all after it. Gives back whether it could be asked.
    fn ask(&mut self, cx: &PageContext<'_>, turn: usize, question: String, seed: u64) -> bool {
        match self.sides.asked(adapter_spec(cx).is_some(), &self.mixers) {
            Ok(asked) => {
                self.ask_sides(cx, (turn, question, seed), asked);
                true
            }
            Err(obstacle) => {
                self.obstacle = Some(obstacle);
                false
            }
        }
    }

    fn ask_sides(&mut self, cx: &PageContext<'_>, (turn, question, seed): (usize, String, u64), asked: Vec<AskedSide>) {
        self.obstacle = None;
        self.turns.editing = None;
        self.conversation.turns.truncate(turn);
        let watch = if self.gates.is_shown { self.gates.watch() } else { GateWatch::Nothing };
        let mut answers = Vec::with_capacity(asked.len());
        let mut given = Vec::with_capacity(asked.len());
        for (column, AskedSide { name, side, against }) in asked.into_iter().enumerate() {
            let id = self.next_id;
            self.next_id += 1;
            let messages = self.conversation.messages(column, turn, Some(&question), &|id| text(cx, id));
            answers.push(AskedAnswer { id, side: side.clone(), messages });
            let is_adapter = side != Side::Base;
            let seen = match &against {
                Some(_) if !self.gates.is_shown => Seen::Changes,
                _ if self.gates.is_shown && is_adapter => Seen::Gates,
                _ => Seen::Plain,
            };
            let watched = if is_adapter { watch } else { GateWatch::Nothing };
            given.push(Given {
                id,
                name,
                side,
                against,
                seen,
                watched,
                is_weighed: false,
                is_prompt_seen: false,
                prompt_watched: GateWatch::Nothing,
            });
        }
        self.conversation.turns.push(Turn { question, given, seed });
        let sampling = Sampling { seed, ..self.sampling.values.clone() };
        cx.request(Request::Generate { answers, sampling, watch });
    }

    /// Carries out what was done in the conversation.
    pub(super) fn act(&mut self, ui: &Ui, cx: &PageContext<'_>, action: TurnAction) {
        match action {
            TurnAction::Answer(AnswerAction::Copy(text)) => ui.ctx().copy_text(text),
            TurnAction::Answer(AnswerAction::Save(export)) => cx.save_chart(*export),
            TurnAction::Answer(AnswerAction::See(id, seen)) => {
                if let Some(given) = self.given(id) {
                    (given.seen, given.is_weighed) = (seen, false);
                }
            }
            TurnAction::Answer(AnswerAction::SeePrompt(id, is_seen)) => {
                if let Some(given) = self.given(id) {
                    given.is_prompt_seen = is_seen;
                }
            }
            TurnAction::Edit(turn) => {
                let text = self.conversation.turns.get(turn).map(|turn| turn.question.clone()).unwrap_or_default();
                self.turns.editing = Some(Editing { turn, text });
            }
            TurnAction::LeaveEdit => self.turns.editing = None,
            TurnAction::AskEdited => {
                if let Some(Editing { turn, text }) = self.turns.editing.clone() {
                    self.ask(cx, turn, text.trim().to_owned(), self.sampling.values.seed);
                }
            }
            TurnAction::AnswerAgain => self.answer_again(cx),
            TurnAction::AnswerWithHeads => self.answer_with_heads(cx),
        }
    }

    fn answer_again(&mut self, cx: &PageContext<'_>) {
        let Some(last) = self.conversation.turns.last().cloned() else { return };
        self.ask(cx, self.conversation.turns.len() - 1, last.question, last.seed.wrapping_add(1));
    }

    /// Answers the last question with the heads as they are set, with the seed that it had: as trained too, or by both of
    /// two adapters.
    fn answer_with_heads(&mut self, cx: &PageContext<'_>) {
        let Some(last) = self.conversation.turns.last().cloned() else { return };
        let turn = self.conversation.turns.len() - 1;
        match self.changed_sides(cx) {
            Ok(asked) => self.ask_sides(cx, (turn, last.question, last.seed), asked),
            Err(obstacle) => self.obstacle = Some(obstacle),
        }
    }

    /// Who answers while heads are changed.
    fn changed_sides(&self, cx: &PageContext<'_>) -> Result<Vec<AskedSide>, String> {
        let has_adapter = adapter_spec(cx).is_some();
        match self.sides.choice(has_adapter) {
            SideChoice::TwoAdapters => self.sides.asked(has_adapter, &self.mixers),
            _ => Ok(with_heads(&self.mixers.active)),
        }
    }

    /// Where that is wanted, answers anew once a change of the heads is complete.
    fn answer_changed_heads(&mut self, ui: &Ui, cx: &PageContext<'_>) {
        let is_at_work = ui.input(|i| i.pointer.any_down()) || cx.state.job(JobKind::Generate).is_some();
        let are_changed = self.mixers.are_changed(self.sides.choice(adapter_spec(cx).is_some()));
        let Some(last) = self.conversation.turns.last().filter(|_| self.is_live && are_changed && !is_at_work) else {
            return;
        };
        let Ok(asked) = self.changed_sides(cx) else { return };
        let is_answered = asked.iter().map(|asked| &asked.side).eq(last.given.iter().map(|given| &given.side));
        if !is_answered {
            self.answer_with_heads(cx);
        }
    }

    fn given(&mut self, id: u64) -> Option<&mut Given> {
        self.conversation.turns.iter_mut().flat_map(|turn| &mut turn.given).find(|given| given.id == id)
    }

    /// Forgets the conversation.
    pub(super) fn clear(&mut self) {
        self.conversation.turns.clear();
        self.turns.strips.clear();
        self.turns.editing = None;
        self.obstacle = None;
        self.saving.is_open = false;
    }

    /// Asks to read an answer once more where what is looked at is not known of it yet, one at a time.
    fn weigh_next(&mut self, cx: &PageContext<'_>) {
        if cx.state.job(JobKind::Weigh).is_some() || cx.state.job(JobKind::Generate).is_some() {
            return;
        }
        let watch = self.gates.watch();
        let wanted = self.conversation.turns.iter_mut().enumerate().find_map(|(turn, of)| {
            let mut all = of.given.iter_mut().enumerate();
            all.find_map(|(column, given)| is_wanted(given, watch, cx).then_some((turn, column, given)))
        });
        let Some((turn, column, given)) = wanted else { return self.read_next_prompt(cx) };
        let (id, side) = (given.id, given.side.clone());
        let against = given.against.clone().filter(|_| given.seen == Seen::Changes);
        let watch = if given.seen == Seen::Gates { watch } else { GateWatch::Nothing };
        match given.seen {
            Seen::Gates => given.watched = watch,
            _ => given.is_weighed = true,
        }
        let tokens = cx.state.answers.get(&id).map(|answer| answer.ids()).unwrap_or_default();
        let messages = self.messages_before(cx, turn, column);
        cx.request(Request::Weigh { answers: vec![AnswerTokens { id, messages, tokens }], side, against, watch });
    }

    /// Asks for the gates of the conversation before an answer where they are looked at and not known.
    fn read_next_prompt(&mut self, cx: &PageContext<'_>) {
        let watch = self.gates.watch();
        let wanted = self.conversation.turns.iter_mut().enumerate().find_map(|(turn, of)| {
            let mut all = of.given.iter_mut().enumerate();
            all.find_map(|(column, given)| {
                let is_wanted = given.is_prompt_seen && given.side != Side::Base && given.prompt_watched != watch;
                is_wanted.then_some((turn, column, given))
            })
        });
        let Some((turn, column, given)) = wanted else { return };
        given.prompt_watched = watch;
        let (id, side) = (given.id, given.side.clone());
        let messages = self.messages_before(cx, turn, column);
        cx.request(Request::ReadPrompt { id, messages, side, watch });
    }

    /// What the side of a column was told before it answered in `turn`.
    fn messages_before(&self, cx: &PageContext<'_>, turn: usize, column: usize) -> Vec<Message> {
        let question = self.conversation.turns.get(turn).map(|turn| turn.question.clone());
        self.conversation.messages(column, turn, question.as_deref(), &|id| text(cx, id))
    }

    /// The conversation of each column that has any, by the name of its last answer.
    pub(super) fn transcripts(&self, cx: &PageContext<'_>) -> Vec<(String, Vec<Message>)> {
        let of = |column: usize| {
            let named = self.conversation.turns.iter().rev().find_map(|turn| turn.given.get(column));
            let name = named.map_or_else(String::new, |given| given.name.clone());
            (name, self.conversation.transcript(column, &|id| text(cx, id)))
        };
        (0..self.conversation.columns()).map(of).filter(|(_, messages)| !messages.is_empty()).collect()
    }
}

/// The text of an answer, as far as it has come.
fn text(cx: &PageContext<'_>, id: u64) -> String {
    cx.state.answers.get(&id).map(|answer| answer.text.clone()).unwrap_or_default()
}

/// Whether what is looked at is not known of an answer that has ended.
fn is_wanted(given: &Given, watch: GateWatch, cx: &PageContext<'_>) -> bool {
    let Some(answer) = cx.state.answers.get(&given.id).filter(|answer| answer.end.is_some()) else { return false };
    let mut tokens = answer.tokens.iter().filter(|token| token.id.is_some());
    match given.seen {
        Seen::Plain => false,
        _ if answer.ids().is_empty() => false,
        Seen::Gates => given.side != Side::Base && given.watched != watch,
        Seen::Changes => given.against.is_some() && !given.is_weighed && tokens.any(|token| token.change.is_none()),
    }
}
