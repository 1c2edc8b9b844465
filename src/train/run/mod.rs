//! A run: a trainer, its folder, and when to measure and to save. Whoever drives it calls [`Run::advance`] until it is
//! done; each call takes about as long as one micro-batch, so that a pause or a question never waits for more.
//! `begin.rs` starts and resumes it, `measuring.rs` measures held-out loss, `answers.rs` answers its prompts, `saving.rs`
//! writes what it leaves on disk, `usage.rs` counts the memory and energy that it uses, `watching.rs` looks at the gates of
//! what it trains on, `pilot.rs` makes sure of the memory before the first step.

mod answers;
mod begin;
mod measuring;
mod pilot;
mod saving;
mod usage;
mod watching;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::checkpoint::TrainerState;
use super::router_start::RouterStart;
use super::{
    CheckpointRecord, EndCause, EndRecord, EstimateRecord, EvalRecord, EventWriter, HeldOutBatch, PauseRecord,
    RouterStartRecord, RoutingRecord, RunFolder, SamplePrompt, SampleRecord, StepRecord, TrainError, Trainer,
    UsageRecord, WarningRecord,
};
use crate::adapter::{Adapter, CardInfo};
use crate::disk::LineLog;
use crate::model::BaseModel;
use answers::Answer;
pub use begin::Resumed;
use measuring::Measure;
use usage::Usage;
use watching::Watch;

/// What a run tells while it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum RunEvent {
    Estimate(EstimateRecord),
    RouterStart(RouterStartRecord),
    Step(StepRecord),
    Eval(EvalRecord),
    Checkpoint(CheckpointRecord),
    Routing(RoutingRecord),
    /// Of a micro-batch that was trained on, as it was before the step.
    Gates(RoutingRecord),
    Usage(UsageRecord),
    Sample(SampleRecord),
    Warning(WarningRecord),
    Pause(PauseRecord),
    Ended(EndRecord),
}

/// What there is to do next, in order.
#[derive(Clone, Debug, PartialEq)]
enum Work {
    /// The memory pilot.
    Pilot,
    /// One batch through one layer, for routers that begin with the topics.
    StartRouters,
    MicroStep,
    /// One batch of the held-out rows.
    Evaluate {
        batch: usize,
    },
    /// One token of the answer to a prompt.
    Answer {
        prompt: usize,
    },
    Checkpoint,
}

/// A run under way.
pub struct Run {
    model: Arc<BaseModel>,
    trainer: Trainer,
    folder: RunFolder,
    log: LineLog,
    routing_log: LineLog,
    samples_log: LineLog,
    gates_log: LineLog,
    watch: Watch,
    curves: EventWriter,
    work: VecDeque<Work>,
    measure: Option<Measure>,
    prompts: Vec<SamplePrompt>,
    answer: Option<Answer>,
    /// Under way while routers are begun with the topics.
    router_start: Option<RouterStart>,
    state: TrainerState,
    usage: Usage,
    card: CardInfo,
    /// When the last checkpoint was written, or the run began.
    saved_at: Instant,
    checkpoint_every: usize,
    eval_every: usize,
    /// The held-out rows that a measure takes, pass by pass.
    measured: Vec<HeldOutBatch>,
}

impl Run {
    fn plan_steps(&mut self) {
        if self.trainer.step() < self.trainer.steps() && !self.ends_early() {
            self.work.push_back(Work::MicroStep);
        }
    }

    /// Plans what must be done before the next step, after all else that must.
    fn plan_before_steps(&mut self, work: Work) {
        let steps = self.work.iter().position(|work| *work == Work::MicroStep).unwrap_or(self.work.len());
        self.work.insert(steps, work);
    }

    /// Whether every step is done and saved, or the run ended early.
    pub fn is_done(&self) -> bool {
        self.work.is_empty()
    }

    /// Does the next piece of work, and gives what there is to tell of it.
    ///
    /// # Errors
    /// When the loss is not a finite number, or the disk refuses a checkpoint; the run folder keeps what was saved.
    pub fn advance(&mut self) -> Result<Vec<RunEvent>, TrainError> {
        let Some(work) = self.work.pop_front() else { return Ok(Vec::new()) };
        self.usage.go_on();
        let is_between_steps =
            self.trainer.step() > 0 && matches!(work, Work::Evaluate { .. } | Work::Answer { .. } | Work::Checkpoint);
        let started = Instant::now();
        let mut events = match work {
            Work::Pilot => self.pilot()?,
            Work::StartRouters => self.start_routers()?,
            Work::MicroStep => self.step_events()?,
            Work::Evaluate { batch } => self.evaluate(batch)?,
            Work::Answer { prompt } => self.answer(prompt)?,
            Work::Checkpoint => vec![RunEvent::Checkpoint(self.write_checkpoint()?)],
        };
        if is_between_steps {
            self.usage.note_beside(started.elapsed());
        }
        if self.is_done() {
            let is_finished = self.trainer.step() == self.trainer.steps();
            let cause = if is_finished { EndCause::Finished } else { EndCause::EarlyStop };
            events.extend(self.usage_now().map(RunEvent::Usage));
            events.push(RunEvent::Ended(self.ended(cause, None)));
        }
        for event in &events {
            self.record(event)?;
        }
        Ok(events)
    }

    /// Takes the routers a bit further towards the topics; they are set whole before anything is measured or learnt.
    fn start_routers(&mut self) -> Result<Vec<RunEvent>, TrainError> {
        let Some(adapter) = self.trainer.adapter() else { return Ok(Vec::new()) };
        let decoder = self.trainer.decoder();
        let mut start = match self.router_start.take() {
            Some(start) => start,
            None => RouterStart::new(decoder, self.trainer.data(), self.trainer.settings())?,
        };
        let record = self.trainer.on_threads(|| start.advance(decoder, adapter))?;
        if record.as_ref().is_none_or(|record| !record.is_done()) {
            self.router_start = Some(start);
            self.work.push_front(Work::StartRouters);
        }
        Ok(record.map(RunEvent::RouterStart).into_iter().collect())
    }

    fn step_events(&mut self) -> Result<Vec<RunEvent>, TrainError> {
        self.look_if_due();
        let step = self.micro_step()?;
        let gates = if step.is_some() { self.looked_at()? } else { Vec::new() };
        let warnings = self.trainer.take_warnings().into_iter().map(RunEvent::Warning);
        let usage = if step.is_some() { self.usage_due() } else { None };
        Ok(warnings.chain(step.map(RunEvent::Step)).chain(gates).chain(usage.map(RunEvent::Usage)).collect())
    }

    fn micro_step(&mut self) -> Result<Option<StepRecord>, TrainError> {
        let record = self.trainer.micro_step().map_err(|error| self.with_checkpoint(error))?;
        if let Some(record) = &record {
            let (step, is_last) = (record.step, record.step == record.steps);
            if self.is_measured_at(step) {
                self.plan_evaluation();
                self.plan_answers();
            }
            if step.is_multiple_of(self.checkpoint_every) || is_last || self.is_save_due() {
                self.work.push_back(Work::Checkpoint);
            }
        }
        self.plan_steps();
        Ok(record)
    }

    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    #[cfg(test)]
    pub(super) fn trainer_mut(&mut self) -> &mut Trainer {
        &mut self.trainer
    }

    pub fn model(&self) -> &Arc<BaseModel> {
        &self.model
    }

    /// The run folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The adapter in training.
    pub fn adapter(&self) -> Option<&Adapter> {
        self.trainer.adapter()
    }

    /// What the model card of an export says of this run.
    pub fn card(&self) -> &CardInfo {
        &self.card
    }

    /// Held-out loss before training and at its last measure.
    pub fn held_out(&self) -> (Option<f64>, Option<f64>) {
        (self.state.first_held_out, self.state.last_held_out)
    }
}
