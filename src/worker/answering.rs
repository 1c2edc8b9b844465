//! Answers in the worker, a token at a time: one, or several in turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::jobs::Ticket;
use super::protocol::{AskedAnswer, EndReason, Event, GateWatch, Sampling};
use super::session::Session;
use super::sides::Answerer;
use super::watching::by_token;
use crate::adapter::GateCapture;
use crate::model::{BaseModel, Generator, ModelError, Piece, StopReason};

/// The answers that are under way.
pub(super) struct Answering {
    model: Arc<BaseModel>,
    watch: GateWatch,
    ticket: Ticket,
    /// Those that have not ended; the first has its turn.
    answers: VecDeque<OneAnswer>,
}

/// An answer under way.
struct OneAnswer {
    id: u64,
    generator: Generator,
    answerer: Answerer,
    /// Set where its gates are watched.
    capture: Option<GateCapture>,
    /// Tokens whose gates have been gathered, those of the prompt included.
    seen: usize,
    /// Computing time so far: other answers and the run have theirs.
    spent: Duration,
    first_token: Option<Duration>,
}

impl Session {
    /// Starts answers in place of those that are under way.
    pub(super) fn start_answers(
        &mut self,
        ticket: Ticket,
        asked: &[AskedAnswer],
        sampling: &Sampling,
        watch: GateWatch,
    ) {
        self.end_answer(EndReason::Cancelled);
        let prepared = self.wake(&ticket.job).and_then(|()| self.model()).and_then(|model| {
            let one = |asked: &AskedAnswer| self.prepare(asked, &model, sampling, watch);
            let answers = asked.iter().map(one).collect::<anyhow::Result<_>>()?;
            Ok(Answering { model, watch, ticket: ticket.clone(), answers })
        });
        match prepared {
            // One that was cancelled while it waited ends in its first slice.
            Ok(answering) => {
                let context = answering.model.decoder.config().max_position;
                for OneAnswer { id, generator, .. } in &answering.answers {
                    let prompt_tokens = generator.prompt_len();
                    self.around.outbox.send(Event::AnswerStarted { id: *id, prompt_tokens, context });
                }
                self.answering = Some(answering);
            }
            Err(error) => self.answers_failed(asked.iter().map(|asked| asked.id), &ticket, &error),
        }
    }

    fn prepare(
        &mut self,
        asked: &AskedAnswer,
        model: &BaseModel,
        sampling: &Sampling,
        watch: GateWatch,
    ) -> anyhow::Result<OneAnswer> {
        let prompt = model.tokenizer()?.encode_prompt(&asked.messages)?;
        let answerer = self.answerer(&asked.side, model)?;
        let is_watched = watch != GateWatch::Nothing && answerer.heads().is_some();
        Ok(OneAnswer {
            id: asked.id,
            generator: Generator::new(model, prompt, sampling.max_tokens, sampling.into())?,
            answerer,
            capture: is_watched.then(GateCapture::default),
            seen: 0,
            spent: Duration::ZERO,
            first_token: None,
        })
    }

    /// Says why answers ended; of those that were stopped or replaced, only that.
    fn answers_failed(&self, ids: impl Iterator<Item = u64>, ticket: &Ticket, error: &anyhow::Error) {
        let is_latest = self.around.jobs.end(ticket);
        if is_latest && !ticket.job.is_cancelled() {
            return self.around.outbox.fail(ticket, error);
        }
        for id in ids {
            let (first_token_s, reason) = (None, EndReason::Cancelled);
            self.around.outbox.send(Event::Answered { id, tokens: 0, first_token_s, tokens_per_s: 0.0, reason });
        }
    }

    /// One token of the answer whose turn it is.
    pub(super) fn answer_slice(&mut self) {
        let Some(mut answering) = self.answering.take() else { return };
        if answering.ticket.job.is_cancelled() {
            self.answering = Some(answering);
            return self.end_answer(EndReason::Cancelled);
        }
        let Some(mut one) = answering.answers.pop_front() else { return };
        match one.step(&answering.model, answering.watch, |event| self.around.outbox.send(event)) {
            Ok(None) => answering.answers.push_back(one),
            Ok(Some(reason)) => self.tell_end(&one, reason),
            Err(error) => {
                let ids = [one.id].into_iter().chain(answering.answers.iter().map(|other| other.id));
                return self.answers_failed(ids, &answering.ticket, &error.into());
            }
        }
        if answering.answers.is_empty() {
            self.around.jobs.end(&answering.ticket);
        } else {
            self.answering = Some(answering);
        }
    }

    /// Ends the answers under way, if there are any, and says so.
    pub(super) fn end_answer(&mut self, reason: EndReason) {
        let Some(answering) = self.answering.take() else { return };
        self.around.jobs.end(&answering.ticket);
        answering.answers.iter().for_each(|one| self.tell_end(one, reason));
    }

    fn tell_end(&self, one: &OneAnswer, reason: EndReason) {
        let tokens = one.generator.answered();
        let first_token_s = one.first_token.map(|first| first.as_secs_f64());
        let tokens_per_s = one.tokens_per_s();
        self.around.outbox.send(Event::Answered { id: one.id, tokens, first_token_s, tokens_per_s, reason });
    }
}

impl OneAnswer {
    /// Computes the next token and tells of it. Gives back why the answer ended, where it did.
    fn step(
        &mut self,
        model: &BaseModel,
        watch: GateWatch,
        tell: impl Fn(Event),
    ) -> Result<Option<EndReason>, ModelError> {
        let (id, answered, started) = (self.id, self.generator.answered(), Instant::now());
        let piece = self.generator.step(model, &self.answerer.pass(self.capture.as_ref()))?;
        if matches!(piece, Piece::Done(..)) && self.capture.is_some() {
            self.generator.read_rest(model, &self.answerer.pass(self.capture.as_ref()))?;
        }
        self.spent += started.elapsed();
        let token = self.generator.answer().get(answered).copied();
        if token.is_some() {
            self.first_token.get_or_insert(self.spent);
        }
        self.tell_gates(watch, &tell);
        let (text, end) = match piece {
            Piece::Text(text) => (text, None),
            Piece::Done(text, reason) => (text, Some(told(reason))),
        };
        if token.is_some() || !text.is_empty() {
            tell(Event::Token { id, token, text });
        }
        Ok(end)
    }

    /// Tells the gates of the answered tokens that were read in this step.
    fn tell_gates(&mut self, watch: GateWatch, tell: impl Fn(Event)) {
        let (Some(capture), Some(heads)) = (&self.capture, self.answerer.heads()) else { return };
        let gates = by_token(&capture.drain(), heads, watch);
        let first = self.seen;
        self.seen += gates.len();
        for (place, gates) in (first..).zip(gates) {
            if let Some(token) = place.checked_sub(self.generator.prompt_len()) {
                tell(Event::TokenGates { id: self.id, token, gates });
            }
        }
    }

    fn tokens_per_s(&self) -> f64 {
        let tokens = self.generator.answered();
        let (tokens, time) = match self.first_token {
            Some(first) if tokens > 1 => (tokens - 1, self.spent.saturating_sub(first)),
            _ => (tokens, self.spent),
        };
        tokens as f64 / time.as_secs_f64().max(1e-9)
    }
}

fn told(reason: StopReason) -> EndReason {
    match reason {
        StopReason::EndOfText => EndReason::EndOfText,
        StopReason::MaxTokens => EndReason::MaxTokens,
        StopReason::ContextFull => EndReason::ContextFull,
    }
}
