//! How likely a model holds an answer that is there already, token by token: the answer is read, not drawn.

use candle_core::Tensor;

use super::cache::KvCache;
use super::{BaseModel, ModelError, Sequences};
use crate::adapter::Pass;
use crate::job::Job;
use crate::ops::among_threads;

/// Tokens that are read at a time, so that a long answer can be cancelled in between and its logits take bounded memory.
const PART: usize = 64;

/// The natural logarithm of the probability that the model gives to every token of `answer` after `prompt` and the answer's
/// own beginning, one a token. Every token of both is read, the last one too, so that `pass` may capture a gate of each.
///
/// # Errors
/// When the prompt is empty, both together exceed the model's context, the job is cancelled, or the computation fails or
/// gives numbers that are not finite.
pub fn log_probs(
    model: &BaseModel,
    prompt: &[u32],
    answer: &[u32],
    pass: &Pass<'_>,
    job: &Job,
) -> Result<Vec<f32>, ModelError> {
    let room = model.decoder.config().max_position;
    let ids = [prompt, answer].concat();
    if prompt.is_empty() || ids.len() > room {
        return Err(ModelError::PromptLength { tokens: ids.len(), room });
    }
    let mut cache = KvCache::new(model.decoder.config());
    let mut scores = Vec::with_capacity(answer.len());
    // The row of a token predicts the next one.
    let first = prompt.len() - 1;
    for part in ids.chunks(PART) {
        job.check()?;
        let past = cache.len();
        job.progress(past as f32 / ids.len() as f32, "Reading the answer");
        let skipped = first.saturating_sub(past).min(part.len());
        let targets: Vec<u32> = ids.iter().skip(past + skipped + 1).take(part.len() - skipped).copied().collect();
        let logits = among_threads(|| {
            let hidden = model.decoder.hidden(part, &Sequences::following(past, part.len()), pass, Some(&mut cache))?;
            match targets.len() {
                0 => Ok(None),
                rows => model.decoder.logits(&hidden.narrow(0, skipped, rows)?).map(Some),
            }
        })?;
        if let Some(logits) = logits {
            scores.extend(of_rows(&logits, &targets)?);
        }
    }
    match scores.iter().position(|score| !score.is_finite()) {
        Some(at) => Err(ModelError::NotFinite { tokens: prompt.len() + at }),
        None => Ok(scores),
    }
}

/// The log-probability of each row's target, from logits `[rows, vocab]`, summed in f64.
fn of_rows(logits: &Tensor, targets: &[u32]) -> candle_core::Result<Vec<f32>> {
    let rows = logits.to_vec2::<f32>()?;
    let score = |(row, target): (&Vec<f32>, &u32)| {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|logit| f64::from(logit - top).exp()).sum();
        let logit = row.get(*target as usize).copied().unwrap_or(f32::NEG_INFINITY);
        (f64::from(logit - top) - sum.ln()) as f32
    };
    Ok(rows.iter().zip(targets).map(score).collect())
}
