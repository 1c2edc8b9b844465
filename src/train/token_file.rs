//! Token files: rows of ready tokens in safetensors, for training and comparing without a tokenizer.

use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::TrainError;
use crate::text::TokenizedExample;

/// The rows of a token file: `input_ids` [n, t] and, where `needs_labels`, `labels` [n, t], both i64; −100 is not
/// supervised. Every row is taken whole.
///
/// Errs when a tensor is missing or of another shape, or a token lies outside the vocabulary.
pub fn read(path: &Path, vocab: usize, needs_labels: bool) -> Result<Vec<TokenizedExample>, TrainError> {
    let problem = |problem: String| TrainError::TokenFile { path: path.to_owned(), problem };
    if !path.is_file() {
        return Err(problem("does not exist: give a safetensors file with input_ids and labels".into()));
    }
    let tensors = candle_core::safetensors::load(path, &Device::Cpu)
        .map_err(|e| problem(format!("cannot be read as safetensors: {e}")))?;
    let rows = |name: &str| -> Result<Vec<Vec<i64>>, TrainError> {
        let tensor: &Tensor = tensors.get(name).ok_or_else(|| {
            problem(format!("has no tensor `{name}`: it needs input_ids and labels, [rows, tokens] in i64"))
        })?;
        if tensor.dtype() != DType::I64 || tensor.rank() != 2 {
            let found = format!("{:?} {:?}", tensor.dtype(), tensor.dims());
            return Err(problem(format!("holds `{name}` as {found}: it must be [rows, tokens] in i64")));
        }
        Ok(tensor.to_vec2::<i64>()?)
    };
    let ids = rows("input_ids")?;
    let labels = if needs_labels { rows("labels")? } else { ids.iter().map(|row| vec![-100; row.len()]).collect() };
    if ids.is_empty() || ids.iter().any(Vec::is_empty) {
        return Err(problem("holds no tokens".into()));
    }
    if labels.len() != ids.len() || labels.iter().zip(&ids).any(|(l, i)| l.len() != i.len()) {
        return Err(problem("holds labels of another shape than input_ids".into()));
    }
    let in_vocabulary = |id: i64| usize::try_from(id).is_ok_and(|id| id < vocab);
    if let Some(id) = ids.iter().flatten().find(|id| !in_vocabulary(**id)) {
        return Err(problem(format!("holds token {id}, outside the model's vocabulary of {vocab}")));
    }
    let is_label = |(id, label): (&i64, &i64)| *label == -100 || label == id;
    if let Some(at) = ids.iter().zip(&labels).position(|(i, l)| !i.iter().zip(l).all(is_label)) {
        return Err(problem(format!("has a label in row {at} that is neither -100 nor the token at its place")));
    }
    let row = |(ids, labels): (Vec<i64>, Vec<i64>)| TokenizedExample {
        ids: ids.into_iter().map(|id| id as u32).collect(),
        supervised: labels.into_iter().map(|label| label != -100).collect(),
        cut: 0,
    };
    Ok(ids.into_iter().zip(labels).map(row).collect())
}
