//! Token files: rows of ready tokens in safetensors, for training and comparing without a tokenizer.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::TrainError;
use crate::text::{IGNORED, TokenizedExample};

/// The rows of a token file: `input_ids` [n, t] and, where `needs_labels`, `labels` [n, t], both i64, aligned as in Hugging
/// Face; −100 is not supervised. Every row is taken whole; other tensors in the file are passed over.
///
/// Errs when a tensor is missing or of another shape, or a token or label lies outside the vocabulary.
pub fn read(path: &Path, vocab: usize, needs_labels: bool) -> Result<Vec<TokenizedExample>, TrainError> {
    let problem = |problem: String| TrainError::TokenFile { path: path.to_owned(), problem };
    if !path.is_file() {
        return Err(problem("does not exist: give a safetensors file with input_ids and labels".into()));
    }
    let bytes = std::fs::read(path).map_err(|e| problem(format!("cannot be read: {e}")))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| problem(format!("cannot be read as safetensors: {e}")))?;
    let (width, ids) = rows(&file, "input_ids").map_err(problem)?;
    if ids.is_empty() {
        return Err(problem("holds no tokens".into()));
    }
    if let Some(id) = ids.iter().find(|id| !is_token(**id, vocab)) {
        return Err(problem(format!("holds token {id}, outside the model's vocabulary of {vocab}")));
    }
    let labels = if needs_labels { Some(rows(&file, "labels").map_err(problem)?) } else { None };
    let Some((labels_width, labels)) = labels else {
        let row =
            |ids: &[i64]| TokenizedExample { ids: tokens(ids), supervised: vec![false; width], ..Default::default() };
        return Ok(ids.chunks(width).map(row).collect());
    };
    if (labels_width, labels.len()) != (width, ids.len()) {
        return Err(problem("holds labels of another shape than input_ids".into()));
    }
    if let Some(label) = labels.iter().find(|label| **label != IGNORED && !is_token(**label, vocab)) {
        return Err(problem(format!("holds label {label}, neither -100 nor in the model's vocabulary of {vocab}")));
    }
    let row = |(ids, labels): (&[i64], &[i64])| TokenizedExample {
        ids: tokens(ids),
        supervised: labels.iter().map(|label| *label != IGNORED).collect(),
        targets: Some(tokens(labels)),
        ..Default::default()
    };
    Ok(ids.chunks(width).zip(labels.chunks(width)).map(row).collect())
}

fn is_token(id: i64, vocab: usize) -> bool {
    usize::try_from(id).is_ok_and(|id| id < vocab)
}

/// −100 becomes 0, which nobody looks at.
fn tokens(row: &[i64]) -> Vec<u32> {
    row.iter().map(|id| u32::try_from(*id).unwrap_or_default()).collect()
}

/// A tensor's width and elements, row after row, or what is wrong with it.
fn rows(file: &SafeTensors<'_>, name: &str) -> Result<(usize, Vec<i64>), String> {
    let tensor = file
        .tensor(name)
        .map_err(|_| format!("has no tensor `{name}`: it needs input_ids and labels, [rows, tokens] in i64"))?;
    match (tensor.dtype(), tensor.shape()) {
        (Dtype::I64, [_, width]) => {
            let (numbers, _) = tensor.data().as_chunks::<8>();
            Ok((*width, numbers.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()))
        }
        (dtype, shape) => Err(format!("holds `{name}` as {dtype:?} {shape:?}: it must be [rows, tokens] in i64")),
    }
}
