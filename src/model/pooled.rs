//! A text as one vector: what a base model makes of it, averaged over its tokens.

use super::base::BaseModel;
use super::sequences::Sequences;
use crate::adapter::Pass;

/// Mean of the hidden states after the last norm over all tokens of `ids`, `[hidden]`; zeros where there is none.
///
/// # Errors
/// When the computation fails, as it does for tokens beyond the vocabulary or the longest context.
pub fn mean_hidden(model: &BaseModel, ids: &[u32]) -> candle_core::Result<Vec<f32>> {
    if ids.is_empty() {
        return Ok(vec![0.0; model.decoder.config().hidden]);
    }
    let hidden = model.decoder.hidden(ids, &Sequences::single(ids.len()), &Pass::default(), None)?;
    hidden.to_dtype(candle_core::DType::F32)?.mean(0)?.to_vec1()
}
