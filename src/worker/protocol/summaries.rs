//! What events tell of: models, data, runs, answers and files, as the window shows them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::adapter::{AdapterSpec, Module};
use crate::data::{ColumnMap, Dropped, Message};
use crate::project::{QueueMode, QueuedRun};
use crate::train::{DataFacts, MachineFacts, ModelFacts, TrainSettings};

use super::Sampling;
use super::SplitRule;
use super::data::EditsSummary;

/// What memory and time of a run depend on beside its settings; see [`crate::train::estimate()`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub model: ModelFacts,
    /// `None` before data is loaded and read as the model reads it.
    pub data: Option<DataFacts>,
    pub machine: MachineFacts,
}

/// The model that is loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    pub name: String,
    pub path: PathBuf,
    /// `llama`, `mistral`, `qwen2` or `qwen3`.
    pub architecture: String,
    pub parameters: usize,
    pub layers: usize,
    pub hidden: usize,
    pub vocab: usize,
    /// Longest context the model was made for.
    pub max_context: usize,
    /// How the weights are stored on disk: `f32`, `bf16`, `Q4_1`, …
    pub stored_as: String,
    pub weight_bytes: u64,
    pub device: String,
    /// The chat template's origin, or that a plain default stands in for it.
    pub template: String,
    /// Whether the model brought its own chat template.
    pub has_template: bool,
    /// How the model recommends that its answers are drawn.
    pub sampling: Sampling,
}

/// The adapter that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdapterSummary {
    pub path: Option<PathBuf>,
    pub spec: AdapterSpec,
    /// Trainable parameters of `A` and `B`.
    pub parameters: usize,
    /// Trainable parameters of the routers.
    pub router_parameters: usize,
}

/// One file of an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileSummary {
    pub path: PathBuf,
    /// The detected shape: `alpaca`, `messages`, …
    pub shape: String,
    /// Why that shape, and which column plays which part, in words.
    pub explanation: String,
    pub columns: Vec<String>,
    pub rows: usize,
    pub kept: usize,
}

/// The data that is loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    pub files: Vec<FileSummary>,
    /// The columns that were named by hand.
    pub map: ColumnMap,
    pub rows: usize,
    pub kept: usize,
    /// The first of the rows that cannot be used; `dropped_rows` counts all.
    pub dropped: Vec<Dropped>,
    pub dropped_rows: usize,
    /// How examples are held out of training: as the last run did, or as the next one will.
    pub split: SplitRule,
    /// Kept examples that are held out so.
    pub held_out: usize,
    /// First user message of every held-out example, for choosing one.
    pub held_out_prompts: Vec<String>,
    /// Label and number of kept examples, most frequent first; empty where no column gave labels.
    pub topics: Vec<(String, usize)>,
    pub edits: EditsSummary,
}

/// One token as it stands in a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenView {
    pub text: String,
    /// Whether its prediction counts in the loss.
    pub supervised: bool,
}

/// One example as the model will read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExampleView {
    /// `file:line`.
    pub source: String,
    pub topic: Option<String>,
    /// The example's messages, as imported.
    pub messages: Vec<Message>,
    /// Empty while no model is loaded.
    pub tokens: Vec<TokenView>,
    /// Tokens beyond the context that were cut.
    pub cut: usize,
    /// Why the example cannot be rendered, where it cannot.
    pub problem: Option<String>,
}

/// A run at its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    pub path: PathBuf,
    pub settings: TrainSettings,
    /// The step it starts after: 0, or the checkpoint's.
    pub from_step: usize,
    pub steps: usize,
    pub examples: usize,
    pub held_out: usize,
    /// Examples that were longer than the context and were cut.
    pub cut: usize,
    /// Examples left out because no supervised token fits in the context, or the template refused them.
    pub skipped: usize,
    pub parameters: usize,
    pub router_parameters: usize,
}

/// A run at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingEnd {
    pub path: PathBuf,
    pub step: usize,
    pub steps: usize,
    /// True where the user stopped it before its last step.
    pub stopped: bool,
    pub first_held_out: Option<f64>,
    pub last_held_out: Option<f64>,
    pub elapsed_s: f64,
}

/// The runs that wait, run or ran, in the order of their turns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueView {
    pub mode: QueueMode,
    pub runs: Vec<QueuedRun>,
    /// Why there is no queue to work on, where there is none.
    pub problem: Option<String>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    EndOfText,
    MaxTokens,
    ContextFull,
    Cancelled,
}

/// Gates of every adapted module for one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoutingReport {
    /// What was looked at, for a title.
    pub title: String,
    /// The folder of the adapter that was looked through, where it was not the one that answers.
    #[serde(default)]
    pub at: Option<PathBuf>,
    pub heads: usize,
    pub tokens: Vec<TokenView>,
    pub modules: Vec<ModuleGates>,
}

/// Gates of one module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleGates {
    pub module: Module,
    /// `[tokens, heads]`, row after row.
    pub gates: Vec<f32>,
}

/// An adapter folder that was written, re-read and found equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportSummary {
    pub path: PathBuf,
    pub format: String,
    pub bytes: u64,
    pub files: Vec<String>,
    pub tensors: usize,
}
