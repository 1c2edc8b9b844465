//! How a step's examples fall into micro-batches, which a run may change when memory runs short: half as many rows at once,
//! gathered twice as often, so that the effective batch, and with it the run, stays what it is.

use serde::{Deserialize, Serialize};

use super::batches::MicroBatch;
use super::estimate::{PassMemory, PassSize};
use super::feed::Feed;
use super::headroom::is_out_of_memory;
use super::trainer::{StepInProgress, Trainer};
use super::{TrainError, TrainSettings, WarningKind, WarningRecord};
use crate::text::Batch;

/// Rows of a micro-batch, and the most micro-batches of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MicroBatching {
    pub batch: usize,
    pub accumulate: usize,
}

impl MicroBatching {
    /// As the settings ask.
    pub fn of(settings: &TrainSettings) -> Self {
        Self { batch: settings.batch, accumulate: settings.accumulate }
    }

    /// Half as many rows, or the next fewer that make up the same effective batch; `None` for one row.
    pub fn halved(self) -> Option<Self> {
        let whole = self.batch * self.accumulate;
        let batch = (1..=self.batch / 2).rev().find(|batch| whole.is_multiple_of(*batch))?;
        Some(Self { batch, accumulate: whole / batch })
    }

    /// The settings with this in place of their own.
    pub fn put_into(self, settings: &TrainSettings) -> TrainSettings {
        TrainSettings { batch: self.batch, accumulate: self.accumulate, ..settings.clone() }
    }
}

impl Trainer {
    /// How steps fall into micro-batches now.
    pub fn micro_batching(&self) -> MicroBatching {
        self.in_force
    }

    /// From the next step on, steps fall into micro-batches so. What the step under way has gathered is forgotten, and it
    /// begins anew.
    pub(super) fn divide_by(&mut self, in_force: MicroBatching) {
        self.in_force = in_force;
        self.feed = Feed::new(self.data().clone(), in_force.put_into(self.settings()), self.steps());
        self.forget_step();
    }

    /// The most memory that the process may hold, beside what the system allows it.
    pub fn limit_memory(&mut self, most: u64) {
        self.headroom.limit(most);
    }

    /// From now on no pass is held against the memory that there is.
    pub(super) fn skip_memory_check(&mut self) {
        self.headroom.skip();
    }

    /// What there is to warn of since this was asked last.
    pub fn take_warnings(&mut self) -> Vec<WarningRecord> {
        std::mem::take(&mut self.warnings)
    }

    /// The loss of a micro-batch, as [`Trainer::learn`] gives it; `None` where memory ran short and the step begins anew
    /// with smaller ones.
    pub(super) fn attempt(
        &mut self,
        micro_batch: &MicroBatch,
        current: &StepInProgress,
    ) -> Result<Option<f64>, TrainError> {
        if let Err(shortage) = self.headroom_for(&micro_batch.batch)
            && self.fall_back(&format!("memory runs short ({shortage})"))
        {
            return Ok(None);
        }
        match self.learn(micro_batch, current) {
            Err(error) if is_out_of_memory(&error) && self.fall_back("the device has no more memory") => Ok(None),
            done => done.map(Some),
        }
    }

    /// Whether a pass over a batch can have the memory that it takes; a device tells only when it is asked for too much.
    pub(super) fn headroom_for(&mut self, batch: &Batch) -> Result<(), super::Shortage> {
        let is_device = !self.decoder().device().is_cpu();
        let Some(adapter) = self.adapter().filter(|_| !is_device) else { return Ok(()) };
        let (config, spec) = (self.decoder().config(), adapter.spec().clone());
        let pass = PassMemory { config, spec, recompute: self.settings().recompute };
        let bytes = pass.bytes(PassSize { tokens: batch.ids.len(), supervised: batch.supervised() });
        self.headroom.check(bytes)
    }

    /// Divides steps into micro-batches of half the rows, and says so. Gives back whether there are fewer rows now: one row
    /// is never divided, and that is said once.
    pub(super) fn fall_back(&mut self, why: &str) -> bool {
        let step = self.step();
        let mut warn = |message| self.warnings.push(WarningRecord { step, kind: WarningKind::Memory, message });
        let MicroBatching { batch, accumulate } = self.in_force;
        let Some(halved) = self.in_force.halved() else {
            if !self.has_told_of_last_row {
                self.has_told_of_last_row = true;
                warn(format!(
                    "Step {}: {why}, and micro-batches of one row cannot be made smaller. Close other programs, or stop and \
                     start with recomputation or a shorter context; the run goes on as it is.",
                    step + 1
                ));
            }
            return false;
        };
        warn(format!(
            "Step {}: {why}, so it begins anew with {} at a time instead of {batch}, gathered up to {} times instead of \
             {accumulate}. The effective batch stays {}, and so does the result, but for rounding.",
            step + 1,
            if halved.batch == 1 { "1 row".to_owned() } else { format!("{} rows", halved.batch) },
            halved.accumulate,
            halved.batch * halved.accumulate
        ));
        self.divide_by(halved);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_rows_make_up_the_same_effective_batch() {
        let halves = |batch, accumulate| {
            let mut all = vec![MicroBatching { batch, accumulate }];
            while let Some(halved) = all.last().and_then(|last| last.halved()) {
                all.push(halved);
            }
            all.iter().map(|m| (m.batch, m.accumulate)).collect::<Vec<_>>()
        };
        assert_eq!(halves(4, 2), [(4, 2), (2, 4), (1, 8)]);
        assert_eq!(halves(7, 3), [(7, 3), (3, 7), (1, 21)]);
        assert_eq!(halves(5, 1), [(5, 1), (1, 5)]);
        assert_eq!(halves(1, 6), [(1, 6)]);
    }
}
