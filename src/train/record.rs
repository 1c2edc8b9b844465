//! What a run reports, line by line: the same records go to `log.jsonl`, to `--json` and to the window.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::adapter::{GateLoad, HealthKind, LEADS_ALONE, leader};

/// One optimizer step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Counted from 1.
    pub step: usize,
    pub steps: usize,
    /// Mean cross-entropy over the supervised tokens of the whole effective batch, in nats.
    pub loss: f64,
    pub lr: f64,
    /// Norm of all gradients before clipping.
    pub grad_norm: f64,
    /// Tokens of the step without padding.
    pub tokens: usize,
    /// Tokens whose prediction counted in the loss.
    pub supervised: usize,
    pub tokens_per_s: f64,
    /// Time trained so far, pauses left out.
    pub elapsed_s: f64,
}

/// One measure of held-out loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalRecord {
    /// Optimizer steps done when it was measured; 0 before training.
    pub step: usize,
    /// Mean cross-entropy over all supervised held-out tokens, in nats.
    pub loss: f64,
    pub examples: usize,
    pub supervised: usize,
    pub elapsed_s: f64,
    /// The same loss for every labelled topic among the examples, in the data's order; empty without labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicLoss>,
}

/// Held-out loss on the examples of one topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicLoss {
    pub topic: String,
    /// Mean cross-entropy over the topic's supervised held-out tokens, in nats.
    pub loss: f64,
    pub examples: usize,
    pub supervised: usize,
}

/// One checkpoint on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckpointRecord {
    pub step: usize,
    /// The folder's name inside the run folder: `checkpoint-<step>`.
    pub name: String,
    /// Whether its held-out loss is the lowest so far.
    pub best: bool,
}

/// How the router shares tokens among the heads: over the held-out examples at a measure, or over what is trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoutingRecord {
    pub step: usize,
    /// Mean gate of every head.
    pub load: Vec<f32>,
    /// Mean entropy of a token's gates, as a share of the largest possible.
    pub entropy: f32,
    /// Mean gate of every head, per module.
    pub modules: BTreeMap<String, Vec<f32>>,
    /// Share of the modules in which one head takes nearly all, see [`crate::adapter::LEADS_ALONE`]. Heads of different
    /// modules may, so that `load` does not show it.
    #[serde(default)]
    pub collapsed: f32,
    /// Cosine of the flattened `B_i` and `B_j`, the mean over all modules, `[heads][heads]`; empty where it was not
    /// measured, and with a single head.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similarity: Vec<Vec<f32>>,
}

impl RoutingRecord {
    /// A record of `load` after `step` steps.
    pub fn of(step: usize, load: &GateLoad) -> Self {
        let modules: BTreeMap<String, Vec<f32>> =
            load.module_means().map(|(module, mean)| (module.to_string(), mean)).collect();
        let one_sided = modules.values().filter(|mean| mean.len() > 1 && leader(mean).1 > LEADS_ALONE).count();
        let collapsed = one_sided as f32 / modules.len().max(1) as f32;
        let overall = load.overall();
        Self { step, load: overall.mean, entropy: overall.entropy, modules, collapsed, similarity: Vec::new() }
    }
}

/// An amount of energy, and where its figure comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnergyPart {
    /// In watt-hours.
    pub wh: f64,
    /// Whether a counter of the hardware was read; otherwise it is an estimate by a documented rule.
    pub measured: bool,
}

/// Energy that a run used, by part of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    pub cpu: EnergyPart,
    /// `None` where the run computes on no GPU, or on one that does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<EnergyPart>,
    pub ram: EnergyPart,
}

/// What a run used up to a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageRecord {
    pub step: usize,
    /// Memory that the process holds, in bytes.
    pub memory_bytes: u64,
    /// Since the run's first step, earlier processes of a resumed run included.
    pub energy: Energy,
    /// Seconds in steps.
    pub elapsed_s: f64,
    /// Seconds between steps, in measures, answers to the run's prompts and checkpoints, since this process took the run
    /// up; what came before the run's first step is left out.
    #[serde(default)]
    pub beside_s: f64,
}

/// One prompt, answered by the adapter as it was after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    pub step: usize,
    /// Which of the run's prompts, counted from 0; the same at every measure.
    pub prompt: usize,
    pub question: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What the data answers, where the prompt is a held-out example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    pub answer: String,
    /// Whether the answer was cut at the most tokens.
    pub is_cut: bool,
}

/// What a warning in a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// Memory ran short, and the run goes on with smaller micro-batches.
    Memory,
    /// The router sends nearly every token to one head.
    Collapse,
    /// The gates are even and the heads alike.
    Deadlock,
    /// A head takes part in nothing.
    DeadHead,
    /// The router sends most tokens to a single head each, and hardly learns any more.
    Saturated,
    /// What the run measures gives reason to doubt it.
    Learning,
}

impl From<HealthKind> for WarningKind {
    fn from(kind: HealthKind) -> Self {
        match kind {
            HealthKind::Collapse => Self::Collapse,
            HealthKind::Deadlock => Self::Deadlock,
            HealthKind::DeadHead => Self::DeadHead,
            HealthKind::Saturated => Self::Saturated,
        }
    }
}

/// Something a user should know of a run that goes on all the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarningRecord {
    pub step: usize,
    pub kind: WarningKind,
    pub message: String,
}

/// A run stood still after a step, and went on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PauseRecord {
    pub step: usize,
    pub elapsed_s: f64,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// Every step is done.
    Finished,
    /// It was told to stop, and can go on.
    Stopped,
    /// Held-out loss had not fallen for as long as the settings allow.
    EarlyStop,
    /// Something went wrong; `message` says what.
    Failed,
}

/// The end of a run, as far as it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndRecord {
    pub step: usize,
    pub steps: usize,
    pub cause: EndCause,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    pub elapsed_s: f64,
    /// The most memory that the process held while the run trained, in bytes, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<u64>,
}
