//! What a run leaves on disk: checkpoints, its log, and how it ended.

use std::path::Path;
use std::time::{Duration, Instant};

use super::super::checkpoint;
use super::super::{CheckpointRecord, EndCause, EndRecord, PauseRecord, RunFolder, TrainError, checkpoint_name};
use super::{Run, RunEvent};

impl Run {
    /// Writes a checkpoint of the last whole step, now, and tells of it in the log.
    ///
    /// # Errors
    /// When the disk refuses; older checkpoints stay as they are.
    pub fn save(&mut self) -> Result<CheckpointRecord, TrainError> {
        let record = self.write_checkpoint()?;
        self.record(&RunEvent::Checkpoint(record.clone()))?;
        Ok(record)
    }

    /// Saves, and notes that the run was stopped here: it can be gone on with.
    ///
    /// # Errors
    /// When the disk refuses; older checkpoints stay as they are.
    pub fn stop(&mut self) -> Result<CheckpointRecord, TrainError> {
        let record = self.save()?;
        self.record(&RunEvent::Ended(self.ended(EndCause::Stopped, None)))?;
        Ok(record)
    }

    /// Gives back the run's folder, still held, and lets go of all else.
    pub fn release(self) -> RunFolder {
        self.folder
    }

    /// Notes that the run stands still at this step.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn note_pause(&mut self) -> Result<PauseRecord, TrainError> {
        self.usage.pause();
        let pause = PauseRecord { step: self.trainer.step(), elapsed_s: self.trainer.elapsed_s() };
        self.record(&RunEvent::Pause(pause.clone()))?;
        Ok(pause)
    }

    /// Notes in the log that an error ended the run. Where the disk refuses that too, the run's folder says so by
    /// having no end.
    pub fn note_failure(&mut self, error: &TrainError) {
        let end = self.ended(EndCause::Failed, Some(error.to_string()));
        if let Err(error) = self.record(&RunEvent::Ended(end)) {
            log::warn!("the log does not tell how the run ended: {error}");
        }
    }

    pub(super) fn ended(&self, cause: EndCause, message: Option<String>) -> EndRecord {
        let (step, steps, elapsed_s) = (self.trainer.step(), self.trainer.steps(), self.trainer.elapsed_s());
        EndRecord { step, steps, cause, message, elapsed_s, peak_bytes: self.usage.peak_bytes() }
    }

    /// Whether the last checkpoint is older than the settings allow.
    pub(super) fn is_save_due(&self) -> bool {
        let minutes = self.trainer.settings().checkpoint_minutes;
        let longest = Duration::try_from_secs_f64(minutes * 60.0).unwrap_or(Duration::MAX);
        minutes > 0.0 && self.saved_at.elapsed() >= longest
    }

    pub(super) fn write_checkpoint(&mut self) -> Result<CheckpointRecord, TrainError> {
        self.state = self.state.moved_to(&self.trainer);
        self.state.energy = self.usage.energy();
        self.card.held_out_before = self.state.first_held_out;
        self.card.held_out_after = self.state.last_held_out;
        let (trainer, state, card, name) = (&self.trainer, &self.state, &self.card, &self.model.name);
        let fill = |folder: &Path| checkpoint::write(folder, trainer, state, name, card);
        self.log.sync()?;
        let record = self.folder.write_checkpoint(trainer.step(), state.held_out_here(), fill)?;
        self.saved_at = Instant::now();
        Ok(record)
    }

    pub(super) fn record(&mut self, event: &RunEvent) -> Result<(), TrainError> {
        // An estimate is of this machine as it is now, and no part of the run; of the routers' start, the end tells all.
        // Looks at gates have a file of their own.
        let is_passing = matches!(event, RunEvent::Estimate(_) | RunEvent::Gates(_))
            || matches!(event, RunEvent::RouterStart(record) if !record.is_done());
        if !is_passing {
            self.log.append(event)?;
        }
        match event {
            RunEvent::Step(record) => self.curves.step(record)?,
            RunEvent::Eval(record) => self.curves.eval(record)?,
            RunEvent::Routing(record) => self.routing_log.append(record)?,
            RunEvent::Gates(record) if self.is_look_written(record.step) => self.gates_log.append(record)?,
            RunEvent::Sample(record) => self.samples_log.append(record)?,
            RunEvent::Estimate(_)
            | RunEvent::Gates(_)
            | RunEvent::Checkpoint(_)
            | RunEvent::Usage(_)
            | RunEvent::Warning(_) => {}
            RunEvent::RouterStart(_) | RunEvent::Pause(_) | RunEvent::Ended(_) => {}
        }
        Ok(())
    }

    /// Adds the last good checkpoint to an error: one whose adapter is known to give a finite loss. The weights that the
    /// failed step began with are known to only where the held-out loss was measured with them.
    pub(super) fn with_checkpoint(&self, error: TrainError) -> TrainError {
        match error {
            TrainError::NotFinite { what, step, sources, .. } => {
                let is_good = |at: usize| at + 1 < step || self.state.held_out_step == Some(at);
                let all = self.folder.checkpoints().unwrap_or_default();
                let good = all.iter().rev().map(|checkpoint| checkpoint.step).find(|&at| is_good(at));
                TrainError::NotFinite { what, step, sources, checkpoint: good.map(checkpoint_name) }
            }
            other => other,
        }
    }
}
