//! Answers as they are asked for and told: who answers, with which heads, and what is seen of each token.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::adapter::{HeadMix, Module};
use crate::data::Message;

/// Who answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The base model alone.
    Base,
    /// The adapter in training, or the one that is loaded.
    Adapter { mix: HeadMix },
    /// The adapter of a folder: an adapter folder, a checkpoint, or a run, which stands for its best checkpoint.
    Folder { path: PathBuf, mix: HeadMix },
}

impl Side {
    /// The active adapter as trained.
    pub fn adapter() -> Self {
        Self::Adapter { mix: HeadMix::default() }
    }
}

/// An answer that is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedAnswer {
    /// By which events tell of it; the window's to choose.
    pub id: u64,
    pub side: Side,
    /// The conversation up to the answer.
    pub messages: Vec<Message>,
}

/// Which gates are told of every answered token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateWatch {
    /// None are captured, at no cost.
    #[default]
    Nothing,
    /// Those of every head, averaged over all modules.
    Mean,
    /// The same, and those of one module.
    Module(Module),
}

/// Gates of one token, as the mix leaves them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenGates {
    /// Of every head, averaged over all modules.
    pub mean: Vec<f32>,
    /// Of every head in the module that is watched; empty where none is, or the adapter does not have it.
    pub module: Vec<f32>,
}

/// An answer that is there, to be read once more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerTokens {
    pub id: u64,
    /// The conversation up to the answer.
    pub messages: Vec<Message>,
    pub tokens: Vec<u32>,
}

/// How likely two sides hold an answer, token by token, and the gates of the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeighedAnswer {
    pub id: u64,
    /// Natural logarithm of the probability that the side gives to each token after all before it.
    pub log_probs: Vec<f32>,
    /// The same by the side that it is held against; empty where there is none.
    pub against: Vec<f32>,
    /// Of every token; empty without an adapter.
    pub gates: Vec<TokenGates>,
}

/// The conversation before an answer as the model reads it, token by token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadPrompt {
    /// The answer's.
    pub id: u64,
    /// The text of each token, those of the chat template included.
    pub tokens: Vec<String>,
    /// Of each token, as the answer's side gives them.
    pub gates: Vec<TokenGates>,
}

/// A conversation as the model reads it, up to where its answer begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenderedPrompt {
    /// The number of the request.
    pub id: u64,
    /// The conversation in the chat template.
    pub text: String,
    pub tokens: usize,
    /// Why the template refuses the conversation, where it does.
    pub problem: Option<String>,
}
