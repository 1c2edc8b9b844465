//! Answers that are there already, read once more with other heads; conversations as the model reads them, and as files.

use std::path::Path;

use super::protocol::{AnswerTokens, Event, GateWatch, ReadPrompt, RenderedPrompt, Side, WeighedAnswer};
use super::session::Session;
use super::watching::by_token;
use crate::adapter::GateCapture;
use crate::data::{Message, to_lines};
use crate::disk::write_atomic;
use crate::job::Job;
use crate::model::log_probs;
use crate::project::queue::free_name;

impl Session {
    /// Tells how likely `side`, and `against` where it is given, hold each answer.
    pub(super) fn weigh(
        &mut self,
        answers: Vec<AnswerTokens>,
        (side, against): (&Side, Option<&Side>),
        watch: GateWatch,
        job: &Job,
    ) -> anyhow::Result<()> {
        let model = self.model()?;
        let side = self.answerer(side, &model)?;
        let against = against.map(|side| self.answerer(side, &model)).transpose()?;
        let mut weighed = Vec::with_capacity(answers.len());
        for AnswerTokens { id, messages, tokens } in answers {
            let prompt = model.tokenizer()?.encode_prompt(&messages)?;
            let capture = (watch != GateWatch::Nothing).then(GateCapture::default);
            let scores = log_probs(&model, &prompt, &tokens, &side.pass(capture.as_ref()), job)?;
            let others = against.as_ref().map(|other| log_probs(&model, &prompt, &tokens, &other.pass(None), job));
            let gates = match (capture, side.heads()) {
                (Some(capture), Some(heads)) => by_token(&capture.take(), heads, watch).split_off(prompt.len()),
                _ => Vec::new(),
            };
            weighed.push(WeighedAnswer {
                id,
                log_probs: scores,
                against: others.transpose()?.unwrap_or_default(),
                gates,
            });
        }
        self.around.outbox.send(Event::Weighed { answers: weighed });
        Ok(())
    }

    /// Tells the gates that `side` gives the tokens of the conversation before answer `id`.
    pub(super) fn read_prompt(
        &mut self,
        (id, messages): (u64, &[Message]),
        side: &Side,
        watch: GateWatch,
        job: &Job,
    ) -> anyhow::Result<()> {
        let model = self.model()?;
        let answerer = self.answerer(side, &model)?;
        let heads = answerer.heads().ok_or_else(|| {
            anyhow::anyhow!("the base model has no heads, so a conversation has no gates: choose an adapter")
        })?;
        let tokenizer = model.tokenizer()?;
        let prompt = tokenizer.encode_prompt(messages)?;
        let capture = GateCapture::default();
        // Without an answer no token is predicted: the conversation is read, and that is all.
        log_probs(&model, &prompt, &[], &answerer.pass(Some(&capture)), job)?;
        let gates = by_token(&capture.take(), heads, watch);
        let tokens = tokenizer.token_texts(&prompt)?;
        self.around.outbox.send(Event::PromptRead(ReadPrompt { id, tokens, gates }));
        Ok(())
    }

    /// Tells how the model at hand reads a conversation; nothing where it is not in memory.
    pub(super) fn render_prompt(&self, id: u64, messages: &[Message]) {
        let Some(tokenizer) = self.model.as_ref().and_then(|model| model.tokenizer().ok()) else { return };
        let read =
            tokenizer.prompt_text(messages).and_then(|text| Ok((text, tokenizer.encode_prompt(messages)?.len())));
        let prompt = match read {
            Ok((text, tokens)) => RenderedPrompt { id, text, tokens, problem: None },
            Err(error) => RenderedPrompt { id, text: String::new(), tokens: 0, problem: Some(error.to_string()) },
        };
        self.around.outbox.send(Event::PromptRendered(prompt));
    }

    /// Writes conversations as data that can be imported.
    pub(super) fn save_transcript(&self, path: &Path, conversations: &[Vec<Message>]) {
        let path = free_name(path, &|path| !path.exists());
        let event = match write_atomic(&path, to_lines(conversations).as_bytes()) {
            Ok(()) => Event::TranscriptSaved { path },
            Err(error) => Event::Warning { message: format!("the conversation could not be saved: {error}") },
        };
        self.around.outbox.send(event);
    }
}
