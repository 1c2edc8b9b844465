//! A run as the window mirrors it: all that it has reported, and where it stands.

use crate::train::{
    CheckpointRecord, EstimateRecord, EvalRecord, PauseRecord, RouterStartRecord, RoutingRecord, RunHistory,
    SampleRecord, StepRecord, UsageRecord, WarningRecord,
};
use crate::worker::protocol::{RunSummary, TrainingEnd};

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    Running,
    /// Pause was asked for and takes effect after the micro-step at hand.
    Pausing,
    Paused,
    /// Paused, saved, and its memory given back.
    Freed,
    /// Stop was asked for; a checkpoint is being written.
    Stopping,
    Done(TrainingEnd),
    Failed(String),
}

/// Load and entropy of the gates, measured at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct RoutingSample {
    pub step: usize,
    /// Mean gate of every head; sums to 1.
    pub load: Vec<f32>,
    /// Mean entropy of a token's gates, as a share of the largest possible.
    pub entropy: f32,
    /// Share of the modules in which one head takes nearly all, be it another in each.
    pub collapsed: f32,
    /// Mean cosine of every two heads' `B`, `[heads][heads]`; empty where it was not measured.
    pub similarity: Vec<Vec<f32>>,
}

/// A run with all it has reported.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    pub summary: RunSummary,
    pub phase: Phase,
    /// What it was estimated to take, once its pilot has told.
    pub estimate: Option<EstimateRecord>,
    /// How far routers are that begin with the topics.
    pub router_start: Option<RouterStartRecord>,
    /// In order of their step.
    pub steps: Vec<StepRecord>,
    pub evals: Vec<EvalRecord>,
    pub checkpoints: Vec<CheckpointRecord>,
    pub routing: Vec<RoutingSample>,
    pub usage: Vec<UsageRecord>,
    /// Answers to the run's prompts, in order of their step.
    pub samples: Vec<SampleRecord>,
    pub warnings: Vec<WarningRecord>,
    pub pauses: Vec<PauseRecord>,
}

impl RunState {
    pub(super) fn new(summary: RunSummary) -> Self {
        Self {
            summary,
            phase: Phase::Running,
            estimate: None,
            router_start: None,
            steps: Vec::new(),
            evals: Vec::new(),
            checkpoints: Vec::new(),
            routing: Vec::new(),
            usage: Vec::new(),
            samples: Vec::new(),
            warnings: Vec::new(),
            pauses: Vec::new(),
        }
    }

    /// Takes in what the run did before it was resumed.
    pub(super) fn remember(&mut self, history: RunHistory) {
        let sample = |r: RoutingRecord| RoutingSample {
            step: r.step,
            load: r.load,
            entropy: r.entropy,
            collapsed: r.collapsed,
            similarity: r.similarity,
        };
        self.steps = history.steps;
        self.evals = history.evals;
        self.checkpoints = history.checkpoints;
        self.routing = history.routing.into_iter().map(sample).collect();
        self.usage = history.usage;
        self.samples = history.samples;
        self.warnings = history.warnings;
        self.pauses = history.pauses;
    }

    /// Whether the run stands still, or is about to.
    pub fn is_held(&self) -> bool {
        matches!(self.phase, Phase::Pausing | Phase::Paused | Phase::Freed)
    }

    /// Whether the run has not ended: it trains, is paused or is being stopped.
    pub fn is_active(&self) -> bool {
        !matches!(self.phase, Phase::Done(_) | Phase::Failed(_))
    }

    /// Steps done so far.
    pub fn step(&self) -> usize {
        self.steps.last().map_or(self.summary.from_step, |s| s.step)
    }

    /// Share of the steps done, 0 to 1.
    pub fn share(&self) -> f32 {
        if self.summary.steps == 0 { 0.0 } else { self.step() as f32 / self.summary.steps as f32 }
    }

    /// Seconds until the end: the steps to come at the median of the last 50, so that one slow step does not sway it, and
    /// what lies between them (measures, answers, checkpoints) as it was so far. `None` before the second step.
    pub fn time_left_s(&self) -> Option<f64> {
        let recent = self.steps.get(self.steps.len().saturating_sub(51)..)?;
        let per_step = |pair: &[StepRecord; 2]| {
            let [before, after] = pair;
            let steps = after.step.checked_sub(before.step).filter(|&steps| steps > 0)?;
            Some((after.elapsed_s - before.elapsed_s) / steps as f64)
        };
        let mut times: Vec<f64> = recent.array_windows().filter_map(per_step).filter(|time| time.is_finite()).collect();
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2)?;
        Some((median + self.beside_a_step_s()) * self.summary.steps.saturating_sub(self.step()) as f64)
    }

    /// Mean seconds between two of the last steps, as far as the run told.
    fn beside_a_step_s(&self) -> f64 {
        let recent = self.usage.get(self.usage.len().saturating_sub(200)..).unwrap_or_default();
        let steps = match recent {
            [first, .., last] => last.step.saturating_sub(first.step),
            _ => 0,
        };
        // Each process that takes the run up counts from 0.
        let grown = |[before, after]: &[UsageRecord; 2]| match after.beside_s - before.beside_s {
            grown if grown >= 0.0 => grown,
            _ => after.beside_s,
        };
        if steps == 0 { 0.0 } else { recent.array_windows().map(grown).sum::<f64>() / steps as f64 }
    }
}
