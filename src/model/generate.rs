//! Answers, token by token. A [`Generator`] takes one step at a time, so that its owner can stream, cancel, or do
//! something else in between.

use candle_core::Tensor;

use super::cache::KvCache;
use super::{BaseModel, ModelError, Sampler, SamplerSettings, Sequences};
use crate::adapter::Pass;
use crate::ops::among_threads;
use crate::text::TokenStream;

/// Tokens of a prompt that are read at a time: a long one is read in several steps, so that its owner can cancel in
/// between, and no step takes more memory than this many tokens need.
const PREFILL: usize = 512;

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The model gave one of its end tokens.
    EndOfText,
    MaxTokens,
    /// The model's longest context is full.
    ContextFull,
}

/// One step of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text to add; empty while the prompt is being read or a character is incomplete.
    Text(String),
    /// The answer is over; text that was held back comes with it.
    Done(String, StopReason),
}

/// An answer under way.
pub struct Generator {
    cache: KvCache,
    sampler: Sampler,
    stream: TokenStream,
    /// The prompt and the answer so far.
    ids: Vec<u32>,
    prompt_len: usize,
    max_tokens: usize,
}

impl Generator {
    /// Prepares the answer to `prompt`, which should end where the answer begins.
    ///
    /// # Errors
    /// When the prompt is empty or does not fit the model's context, or the model has no tokenizer.
    pub fn new(
        model: &BaseModel,
        prompt: Vec<u32>,
        max_tokens: usize,
        sampling: SamplerSettings,
    ) -> Result<Self, ModelError> {
        let room = model.decoder.config().max_position;
        if prompt.is_empty() || prompt.len() >= room {
            return Err(ModelError::PromptLength { tokens: prompt.len(), room });
        }
        Ok(Self {
            cache: KvCache::new(model.decoder.config()),
            sampler: Sampler::new(sampling),
            stream: model.tokenizer()?.stream(),
            prompt_len: prompt.len(),
            ids: prompt,
            max_tokens,
        })
    }

    /// How many tokens are answered so far.
    pub fn answered(&self) -> usize {
        self.ids.len() - self.prompt_len
    }

    /// The tokens answered so far.
    pub fn answer(&self) -> &[u32] {
        self.ids.get(self.prompt_len..).unwrap_or_default()
    }

    /// Tokens of the prompt.
    pub fn prompt_len(&self) -> usize {
        self.prompt_len
    }

    /// How many tokens of prompt and answer the model has read: a token is read in the step after the one that gave it.
    pub fn read(&self) -> usize {
        self.cache.len()
    }

    /// Reads what is answered and not yet read, the last token of an answer that is cut, so that its gates are seen too.
    ///
    /// # Errors
    /// When the computation fails.
    pub fn read_rest(&mut self, model: &BaseModel, pass: &Pass<'_>) -> Result<(), ModelError> {
        let rest = self.ids.get(self.cache.len()..).unwrap_or_default();
        if !rest.is_empty() {
            let sequences = Sequences::following(self.cache.len(), rest.len());
            among_threads(|| model.decoder.hidden(rest, &sequences, pass, Some(&mut self.cache)))?;
        }
        Ok(())
    }

    /// Computes the next token. The first call also reads the prompt; where that is long, the first calls read a part of it
    /// each and give empty text.
    ///
    /// # Errors
    /// When the computation fails, or gives numbers that are not finite.
    pub fn step(&mut self, model: &BaseModel, pass: &Pass<'_>) -> Result<Piece, ModelError> {
        among_threads(|| self.step_here(model, pass))
    }

    fn step_here(&mut self, model: &BaseModel, pass: &Pass<'_>) -> Result<Piece, ModelError> {
        if self.answered() >= self.max_tokens {
            return self.done(StopReason::MaxTokens);
        }
        if self.prefill(model, pass)? {
            return Ok(Piece::Text(String::new()));
        }
        if self.ids.len() >= model.decoder.config().max_position {
            return self.done(StopReason::ContextFull);
        }
        let mut logits = self.next_logits(model, pass)?.to_vec1::<f32>()?;
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(ModelError::NotFinite { tokens: self.ids.len() });
        }
        let token = self.sampler.sample(&mut logits, &self.ids);
        if model.tokenizer()?.eos_ids().contains(&token) {
            return self.done(StopReason::EndOfText);
        }
        self.ids.push(token);
        Ok(Piece::Text(self.stream.push(token)?.unwrap_or_default()))
    }

    fn done(&self, reason: StopReason) -> Result<Piece, ModelError> {
        Ok(Piece::Done(self.stream.clone().finish()?.unwrap_or_default(), reason))
    }

    /// Reads a part of a prompt that is too long to be read at once; false where the rest is short enough.
    fn prefill(&mut self, model: &BaseModel, pass: &Pass<'_>) -> candle_core::Result<bool> {
        let past = self.cache.len();
        let Some(part) = self.ids.get(past..).filter(|rest| rest.len() > PREFILL).and_then(|rest| rest.get(..PREFILL))
        else {
            return Ok(false);
        };
        model.decoder.hidden(part, &Sequences::following(past, PREFILL), pass, Some(&mut self.cache))?;
        Ok(true)
    }

    /// Logits after the last token, `[vocab]`.
    fn next_logits(&mut self, model: &BaseModel, pass: &Pass<'_>) -> candle_core::Result<Tensor> {
        let new = self.ids.get(self.cache.len()..).unwrap_or_default();
        model.decoder.next_logits(new, pass, &mut self.cache)
    }
}

/// The whole answer to `prompt` as text, and why it ended.
///
/// # Errors
/// As [`Generator::new`] and [`Generator::step`].
pub fn generate(
    model: &BaseModel,
    prompt: Vec<u32>,
    max_tokens: usize,
    sampling: SamplerSettings,
    pass: &Pass<'_>,
) -> Result<(String, StopReason), ModelError> {
    let mut generator = Generator::new(model, prompt, max_tokens, sampling)?;
    let mut answer = String::new();
    loop {
        match generator.step(model, pass)? {
            Piece::Text(text) => answer.push_str(&text),
            Piece::Done(text, reason) => {
                answer.push_str(&text);
                return Ok((answer, reason));
            }
        }
    }
}
