//! What can go wrong with a base model.

use std::path::{Path, PathBuf};

use super::config::ConfigError;

/// Why a base model cannot be opened or read. Every message ends with the file it speaks of.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("there is no such file or folder; check the path of the base model: {}", path.display())]
    NotFound { path: PathBuf },

    #[error("cannot read ({source}); check that the file is complete and that you may read it: {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },

    /// A folder or file that holds no base model this program can use; `reason` says why and what to do.
    #[error("not a base model: {reason}: {}", path.display())]
    NotAModel { path: PathBuf, reason: String },

    #[error(
        "pickle weights are never read, because opening them can run code. Convert them to safetensors where you trust \
         them (in Python: model.save_pretrained(folder, safe_serialization=True)), or download the safetensors version \
         of the model: {}",
        path.display()
    )]
    Pickle { path: PathBuf },

    #[error("{source}: {}", path.display())]
    Config { path: PathBuf, source: ConfigError },

    /// A weight file or its index that is cut short, contradicts itself or is of a kind that is not read.
    #[error("{reason}: {}", path.display())]
    BadFile { path: PathBuf, reason: String },

    #[error("tensor `{name}` is missing; the model may be incomplete, or its config may be another model's: {}", path.display())]
    MissingTensor { name: String, path: PathBuf },

    #[error(
        "tensor `{name}` has shape {found:?} where the config asks for {expected:?}; the weights and the config do not \
         belong together: {}",
        path.display()
    )]
    WrongShape { name: String, expected: Vec<usize>, found: Vec<usize>, path: PathBuf },

    #[error("tensor `{name}` is stored as {dtype}, which is not read; {supported} are: {}", path.display())]
    UnsupportedDtype { name: String, dtype: String, supported: &'static str, path: PathBuf },

    #[error("tensor `{name}` cannot be loaded ({source}): {}", path.display())]
    Tensor { name: String, path: PathBuf, source: Box<candle_core::Error> },

    #[error("{reason}. The model can be trained on token files, but not on text, and cannot answer")]
    Tokenizer { reason: String },

    #[error(
        "the prompt has {tokens} tokens where the model takes 1 to {}; shorten it, or leave out earlier messages",
        room.saturating_sub(1)
    )]
    PromptLength { tokens: usize, room: usize },

    #[error(
        "the model's numbers overflowed after {tokens} tokens, so there is no answer to give; take an earlier checkpoint, \
         or another adapter or base model"
    )]
    NotFinite { tokens: usize },

    #[error(transparent)]
    Text(#[from] crate::text::TextError),

    #[error(transparent)]
    Cancelled(#[from] crate::job::Cancelled),

    /// Arithmetic on the device failed.
    #[error("the model could not be computed: {0}")]
    Compute(#[source] Box<candle_core::Error>),
}

impl ModelError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::NotFound {
            Self::NotFound { path: path.to_owned() }
        } else {
            Self::Io { path: path.to_owned(), source }
        }
    }

    pub(super) fn config(path: &Path, source: ConfigError) -> Self {
        Self::Config { path: path.to_owned(), source }
    }

    pub(super) fn tensor(name: &str, path: &Path, source: candle_core::Error) -> Self {
        Self::Tensor { name: name.to_owned(), path: path.to_owned(), source: Box::new(source) }
    }

    pub(super) fn bad_file(path: &Path, reason: impl Into<String>) -> Self {
        Self::BadFile { path: path.to_owned(), reason: reason.into() }
    }

    pub(super) fn not_a_model(path: &Path, reason: impl Into<String>) -> Self {
        Self::NotAModel { path: path.to_owned(), reason: reason.into() }
    }
}

impl From<candle_core::Error> for ModelError {
    fn from(source: candle_core::Error) -> Self {
        Self::Compute(Box::new(source))
    }
}
