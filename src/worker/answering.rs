//! Answers in the worker, a token at a time.

use std::sync::Arc;
use std::time::Instant;

use super::jobs::Ticket;
use super::protocol::{EndReason, Event, Sampling};
use super::session::Session;
use crate::adapter::Pass;
use crate::data::Message;
use crate::model::{BaseModel, Generator, ModelError, Piece, StopReason};

/// An answer under way.
pub(super) struct Answering {
    id: u64,
    model: Arc<BaseModel>,
    generator: Generator,
    with_adapter: bool,
    ticket: Ticket,
    started: Instant,
}

impl Session {
    /// Starts an answer in place of one that is under way.
    pub(super) fn start_answer(
        &mut self,
        ticket: Ticket,
        id: u64,
        messages: &[Message],
        sampling: &Sampling,
        with_adapter: bool,
    ) {
        self.end_answer(EndReason::Cancelled);
        let prepared = self.wake(&ticket.job).and_then(|()| self.model()).and_then(|model| {
            let prompt = model.tokenizer()?.encode_prompt(messages)?;
            let generator = Generator::new(&model, prompt, sampling.max_tokens, sampling.into())?;
            Ok(Answering { id, model, generator, with_adapter, ticket: ticket.clone(), started: Instant::now() })
        });
        match prepared {
            // One that was cancelled while it waited ends in its first slice.
            Ok(answering) => self.answering = Some(answering),
            Err(error) => self.answer_failed(id, &ticket, &error),
        }
    }

    /// Says why an answer ended; of one that was stopped or replaced, only that.
    fn answer_failed(&self, id: u64, ticket: &Ticket, error: &anyhow::Error) {
        let is_latest = self.around.jobs.end(ticket);
        if is_latest && !ticket.job.is_cancelled() {
            self.around.outbox.fail(ticket, error);
        } else {
            let reason = EndReason::Cancelled;
            self.around.outbox.send(Event::Answered { id, tokens: 0, tokens_per_s: 0.0, reason });
        }
    }

    /// One token of the answer under way.
    pub(super) fn answer_slice(&mut self) {
        let Some(mut answering) = self.answering.take() else { return };
        if answering.ticket.job.is_cancelled() {
            self.answering = Some(answering);
            return self.end_answer(EndReason::Cancelled);
        }
        let piece = {
            let adapter = self.active_adapter().filter(|_| answering.with_adapter);
            answering.generator.step(&answering.model, &Pass { adapter, ..Pass::default() })
        };
        self.tell(answering, piece);
    }

    fn tell(&mut self, answering: Answering, piece: Result<Piece, ModelError>) {
        let id = answering.id;
        let token = |text: String| Event::Token { id, text };
        match piece {
            Ok(Piece::Text(text)) => {
                if !text.is_empty() {
                    self.around.outbox.send(token(text));
                }
                self.answering = Some(answering);
            }
            Ok(Piece::Done(text, reason)) => {
                if !text.is_empty() {
                    self.around.outbox.send(token(text));
                }
                self.answering = Some(answering);
                self.end_answer(match reason {
                    StopReason::EndOfText => EndReason::EndOfText,
                    StopReason::MaxTokens => EndReason::MaxTokens,
                    StopReason::ContextFull => EndReason::ContextFull,
                });
            }
            Err(error) => self.answer_failed(id, &answering.ticket, &error.into()),
        }
    }

    /// Ends the answer under way, if there is one, and says so.
    pub(super) fn end_answer(&mut self, reason: EndReason) {
        let Some(answering) = self.answering.take() else { return };
        self.around.jobs.end(&answering.ticket);
        let tokens = answering.generator.answered();
        let tokens_per_s = tokens as f64 / answering.started.elapsed().as_secs_f64().max(1e-9);
        self.around.outbox.send(Event::Answered { id: answering.id, tokens, tokens_per_s, reason });
    }
}
