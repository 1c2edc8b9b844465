//! What can go wrong between text and tokens.

use std::path::{Path, PathBuf};

/// An error of the text room. Every message names the place and the way out.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error(
        "no tokenizer.json in {}: without it text cannot be turned into tokens. Download it from the model's page into \
         this folder, or choose the GGUF form of the model", folder.display()
    )]
    NoTokenizer { folder: PathBuf },

    #[error("cannot read {}: {source}. Check that the file is there and may be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },

    #[error("{} is not valid: {reason}. Download the file again from the model's page", path.display())]
    Malformed { path: PathBuf, reason: String },

    #[error(
        "the GGUF file's tokenizer is unusable, metadata `{key}`: {reason}. Download the file again, or choose the \
         model's Hugging Face folder"
    )]
    Gguf { key: String, reason: String },

    #[error(
        "the chat template ({origin}) does not compile, line {line}: {reason}. Mend the template, or remove it to use \
         the plain default"
    )]
    TemplateSyntax { origin: String, line: usize, reason: String },

    #[error("the chat template ({origin}) refused this conversation: {words}")]
    TemplateRefused { origin: String, words: String },

    #[error("the chat template ({origin}) failed on this conversation, line {line}: {reason}")]
    TemplateFailed { origin: String, line: usize, reason: String },

    #[error(
        "the chat template ({origin}) renders message {number} (assistant) so that its answer cannot be found in the \
         text: \"{start}\". Shorten the conversation to one question and one answer, or use another template"
    )]
    AnswerNotFound { origin: String, number: usize, start: String },

    #[error("the conversation has no assistant message, so nothing in it can be learnt. Add an answer")]
    NoAnswer,

    #[error(
        "the tokenizer names no end-of-text token, so a model could never learn to stop. Set eos_token in \
         tokenizer_config.json"
    )]
    NoEndToken,

    #[error("the tokenizer failed on \"{start}\": {reason}")]
    Encode { start: String, reason: String },

    #[error(
        "the text holds the token {token} ({text:?}), but the model knows only {vocab} tokens: tokenizer and model do not \
         belong together. Take both from one place, or leave this text out"
    )]
    OutsideVocabulary { token: u32, text: String, vocab: usize },

    #[error("these tokens cannot be turned into text: {reason}. Check that tokenizer and model belong together")]
    Decode { reason: String },

    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

impl TextError {
    pub(super) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Read { path, source }
    }

    pub(super) fn malformed(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { path: path.to_path_buf(), reason: reason.to_string() }
    }

    pub(super) fn gguf(key: &str, reason: impl std::fmt::Display) -> Self {
        Self::Gguf { key: key.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn encode(text: &str, reason: impl std::fmt::Display) -> Self {
        Self::Encode { start: excerpt(text), reason: reason.to_string() }
    }
}

/// The first words of a text on one line, for a message.
pub(super) fn excerpt(text: &str) -> String {
    const CHARS: usize = 60;
    let mut start: String = text.chars().take(CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(CHARS).is_some() {
        start.push('…');
    }
    start
}
