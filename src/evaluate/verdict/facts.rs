//! What the rules read of a run, and what of it more than one rule asks for.

use super::{Action, BestMeasure};
use crate::train::{CheckpointRecord, EndCause, EvalRecord, RunFile, RunHistory, StepRecord, TrainSettings};

/// How the heads shared the tokens at a measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadSample<'a> {
    pub step: usize,
    /// Mean gate of every head.
    pub load: &'a [f32],
    /// Share of the modules in which one head takes nearly all, be it another in each.
    pub collapsed: f32,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunEnd<'a> {
    /// Steps done.
    pub step: usize,
    /// Steps that were planned.
    pub steps: usize,
    pub cause: EndCause,
    /// What went wrong, where something did.
    pub message: Option<&'a str>,
}

/// A run as its records tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFacts<'a> {
    pub settings: &'a TrainSettings,
    /// Examples that it trained on.
    pub examples: usize,
    /// Examples held out of training.
    pub held_out: usize,
    pub steps: &'a [StepRecord],
    pub evals: &'a [EvalRecord],
    pub routing: Vec<LoadSample<'a>>,
    /// What is on disk.
    pub checkpoints: &'a [CheckpointRecord],
    pub end: RunEnd<'a>,
}

/// Held-out loss at the measures that tell what was learnt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measures<'a> {
    /// Before training, or as early as was measured.
    pub first: &'a EvalRecord,
    pub last: &'a EvalRecord,
    /// The lowest since the first.
    pub best: &'a EvalRecord,
}

impl Measures<'_> {
    /// How far held-out loss moved from the first measure to the last, as a share of the first.
    pub fn change(&self) -> f64 {
        change(self.first.loss, self.last.loss)
    }
}

/// How far a loss moved, as a share of what it was.
pub(super) fn change(before: f64, after: f64) -> f64 {
    if before > 0.0 { (after - before) / before } else { after - before }
}

impl<'a> RunFacts<'a> {
    /// The facts of a run folder: its `run.json` and its log. A run that did not tell its end was stopped or broke off.
    pub fn of(file: &'a RunFile, history: &'a RunHistory) -> Self {
        let step = history.steps.last().map_or(0, |step| step.step);
        let end = match &history.ended {
            Some(end) => RunEnd { step: end.step, steps: end.steps, cause: end.cause, message: end.message.as_deref() },
            None => {
                let cause = if step >= file.steps { EndCause::Finished } else { EndCause::Stopped };
                RunEnd { step, steps: file.steps, cause, message: None }
            }
        };
        Self {
            settings: &file.settings,
            examples: file.examples,
            held_out: file.held_out,
            steps: &history.steps,
            evals: &history.evals,
            routing: history
                .routing
                .iter()
                .map(|r| LoadSample { step: r.step, load: &r.load, collapsed: r.collapsed })
                .collect(),
            checkpoints: &history.checkpoints,
            end,
        }
    }

    /// The measures, where held-out loss was measured at least twice.
    pub(super) fn measures(&self) -> Option<Measures<'a>> {
        let mut finite = self.evals.iter().filter(|eval| eval.loss.is_finite());
        let first = finite.next()?;
        let later: Vec<&EvalRecord> = finite.filter(|eval| eval.step > first.step).collect();
        let best = later.iter().copied().min_by(|a, b| a.loss.total_cmp(&b.loss))?;
        Some(Measures { first, last: later.last().copied()?, best })
    }

    /// The measure at which held-out loss was lowest, after training began.
    pub(super) fn best(&self) -> Option<BestMeasure> {
        let trained = self.evals.iter().filter(|eval| eval.step > 0 && eval.loss.is_finite());
        let best = trained.min_by(|a, b| a.loss.total_cmp(&b.loss))?;
        let checkpoint = self.checkpoint_at(best.step).map(|checkpoint| checkpoint.name.clone());
        Some(BestMeasure { step: best.step, loss: best.loss, checkpoint })
    }

    fn checkpoint_at(&self, step: usize) -> Option<&'a CheckpointRecord> {
        self.checkpoints.iter().find(|checkpoint| checkpoint.step == step)
    }

    /// Taking the checkpoint of a step, where it is kept and is not the last state of the run.
    pub(super) fn use_checkpoint(&self, step: usize) -> Option<Action> {
        let checkpoint = self.checkpoint_at(step).filter(|_| step < self.end.step)?;
        Some(Action::UseCheckpoint { step, name: checkpoint.name.clone() })
    }

    /// The last checkpoint that is known to hold sound weights, where the step after the last one recorded was not finite:
    /// the failed step may have begun with weights that were spoilt already, unless they were measured.
    pub(super) fn last_good(&self) -> Option<&'a CheckpointRecord> {
        let done = self.steps.last().map_or(self.end.step, |step| step.step);
        let is_measured = |at: usize| self.evals.iter().any(|eval| eval.step == at && eval.loss.is_finite());
        let is_good = |checkpoint: &&CheckpointRecord| checkpoint.step < done || is_measured(checkpoint.step);
        self.checkpoints.iter().rev().find(is_good)
    }

    /// Mean training loss over the steps after `from`, up to `to`; `None` without any.
    pub(super) fn mean_loss(&self, from: usize, to: usize) -> Option<f64> {
        let losses = self.steps.iter().filter(|step| step.step > from && step.step <= to).map(|step| step.loss);
        let (sum, number) = losses.fold((0.0, 0usize), |(sum, number), loss| (sum + loss, number + 1));
        (number > 0).then(|| sum / number as f64)
    }

    /// Training loss in the first steps and in the last, a tenth of the run each, 50 steps at most.
    pub(super) fn loss_at_ends(&self) -> Option<(f64, f64)> {
        let (first, last) = (self.steps.first()?.step, self.steps.last()?.step);
        let window = (self.steps.len() / 10).clamp(1, 50);
        let start = self.mean_loss(first.saturating_sub(1), first.saturating_sub(1) + window)?;
        Some((start, self.mean_loss(last.saturating_sub(window), last)?))
    }

    /// The step of the measure before `step`, or 0.
    pub(super) fn measured_before(&self, step: usize) -> usize {
        self.evals.iter().rev().map(|eval| eval.step).find(|&at| at < step).unwrap_or(0)
    }

    /// How often each example was seen, on average.
    pub(super) fn passes(&self) -> f64 {
        (self.end.step * self.settings.effective_batch()) as f64 / self.examples.max(1) as f64
    }
}
