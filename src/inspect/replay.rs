//! How routing formed while a run trained: the gates of every module at step after step.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::adapter::Module;

/// The tokens that a frame's gates are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameOrigin {
    /// The held-out examples, at a measure: the same at every measure.
    HeldOut,
    /// The micro-batch that was trained on: another at every step.
    Training,
}

/// The gates of every module after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateFrame {
    pub step: usize,
    pub origin: FrameOrigin,
    /// Mean gate of every head over all tokens and modules.
    pub load: Vec<f32>,
    /// Mean entropy of a token's gates, as a share of the largest possible.
    pub entropy: f32,
    /// In forward order.
    pub modules: Vec<ModuleMean>,
    /// The checkpoint folder of this step, where it is kept: an adapter to look through.
    pub checkpoint: Option<PathBuf>,
}

/// Mean gate of every head in one module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleMean {
    pub module: Module,
    pub mean: Vec<f32>,
}
