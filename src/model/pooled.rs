//! A text as one vector: what a base model makes of it, averaged over its tokens.

use super::ModelError;
use super::base::BaseModel;
use super::sequences::Sequences;
use crate::adapter::Pass;
use crate::cluster::Points;
use crate::job::Job;

/// Tokens of a prompt that are read for its features.
const FEATURE_TOKENS: usize = 256;

/// What the model makes of every prompt, read to its first 256 tokens: its hidden states, averaged, `[prompts, hidden]`.
///
/// # Errors
/// When the model has no tokenizer, the computation fails or the job is cancelled.
pub fn pooled_prompts<S: AsRef<str>>(model: &BaseModel, prompts: &[S], job: &Job) -> Result<Points, ModelError> {
    let tokenizer = model.tokenizer()?;
    let config = model.decoder.config();
    let mut values = Vec::with_capacity(prompts.len() * config.hidden);
    for (done, prompt) in prompts.iter().enumerate() {
        job.check()?;
        job.progress(done as f32 / prompts.len() as f32, "Reading the examples with the model");
        let mut ids = tokenizer.encode(prompt.as_ref())?;
        ids.truncate(FEATURE_TOKENS.min(config.max_position));
        values.extend(mean_hidden(model, &ids)?);
    }
    Ok(Points { values, width: config.hidden })
}

/// Mean of the hidden states after the last norm over all tokens of `ids`, `[hidden]`; zeros where there is none.
///
/// # Errors
/// When the computation fails, as it does for tokens beyond the vocabulary or the longest context.
fn mean_hidden(model: &BaseModel, ids: &[u32]) -> candle_core::Result<Vec<f32>> {
    if ids.is_empty() {
        return Ok(vec![0.0; model.decoder.config().hidden]);
    }
    let hidden = model.decoder.hidden(ids, &Sequences::single(ids.len()), &Pass::default(), None)?;
    hidden.to_dtype(candle_core::DType::F32)?.mean(0)?.to_vec1()
}
