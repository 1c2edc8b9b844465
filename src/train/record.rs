//! What a run reports, line by line: the same records go to `log.jsonl`, to `--json` and to the window.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::adapter::GateLoad;

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

/// How the router shares tokens among the heads, over the held-out examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoutingRecord {
    pub step: usize,
    /// Mean gate of every head.
    pub load: Vec<f32>,
    /// Mean entropy of a token's gates, as a share of the largest possible.
    pub entropy: f32,
    /// Mean gate of every head, per module.
    pub modules: BTreeMap<String, Vec<f32>>,
}

impl RoutingRecord {
    /// A record of `load` after `step` steps.
    pub fn of(step: usize, load: &GateLoad) -> Self {
        let modules = load.module_means().map(|(module, mean)| (module.to_string(), mean)).collect();
        Self { step, load: load.mean(), entropy: load.entropy(), modules }
    }
}
