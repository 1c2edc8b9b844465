//! What a run folder tells of the steps behind it, for whoever looks at a run that goes on.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    Best, CheckpointRecord, EndRecord, EvalRecord, PauseRecord, RoutingRecord, RunError, RunEvent, RunLog,
    SampleRecord, StepRecord, UsageRecord, WarningRecord, checkpoint_name, list_checkpoints,
};
use crate::disk::DiskError;

/// The steps and measures that a run's log keeps, and the checkpoints that are on disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunHistory {
    pub steps: Vec<StepRecord>,
    pub evals: Vec<EvalRecord>,
    /// Without the modules, which nobody draws over the steps.
    pub routing: Vec<RoutingRecord>,
    /// By step; the best of them is marked.
    pub checkpoints: Vec<CheckpointRecord>,
    #[serde(default)]
    pub usage: Vec<UsageRecord>,
    #[serde(default)]
    pub samples: Vec<SampleRecord>,
    #[serde(default)]
    pub warnings: Vec<WarningRecord>,
    #[serde(default)]
    pub pauses: Vec<PauseRecord>,
    /// How the run ended, where it did and was not gone on with since.
    #[serde(default)]
    pub ended: Option<EndRecord>,
}

impl RunHistory {
    /// Reads the log of the run folder at `folder`. A line that is no record, as of a loss that was no number, is passed
    /// over; what a run that was broken off measured twice after one step counts once. A hundred thousand steps take a
    /// fraction of a second.
    ///
    /// # Errors
    /// When the log or the folder cannot be read.
    pub fn read(folder: &Path) -> Result<Self, RunError> {
        let mut history = Self { checkpoints: checkpoints(folder)?, ..Self::default() };
        let path = folder.join(RunLog::Log.file_name());
        let at = || DiskError::at("read the log", &path);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(history),
            other => other.map_err(at())?,
        };
        for line in BufReader::new(file).split(b'\n') {
            match serde_json::from_slice(&line.map_err(at())?) {
                Ok(RunEvent::Step(step)) => {
                    history.ended = None;
                    history.steps.push(step);
                }
                Ok(RunEvent::Eval(eval)) => {
                    history.evals.pop_if(|last| last.step == eval.step);
                    history.evals.push(eval);
                }
                Ok(RunEvent::Routing(routing)) => {
                    history.routing.pop_if(|last| last.step == routing.step);
                    history.routing.push(RoutingRecord { modules: Default::default(), ..routing });
                }
                Ok(RunEvent::Usage(usage)) => history.usage.push(usage),
                Ok(RunEvent::Sample(sample)) => history.put_sample(sample),
                Ok(RunEvent::Warning(warning)) => history.warnings.push(warning),
                Ok(RunEvent::Pause(pause)) => history.pauses.push(pause),
                Ok(RunEvent::Ended(end)) => history.ended = Some(end),
                // The folder itself says which checkpoints are left.
                Ok(RunEvent::Checkpoint(_) | RunEvent::Estimate(_) | RunEvent::RouterStart(_) | RunEvent::Gates(_))
                | Err(_) => {}
            }
        }
        Ok(history)
    }

    fn put_sample(&mut self, sample: SampleRecord) {
        let of_this_step = self.samples.iter_mut().rev().take_while(|other| other.step == sample.step);
        match of_this_step.into_iter().find(|other| other.prompt == sample.prompt) {
            Some(known) => *known = sample,
            None => self.samples.push(sample),
        }
    }
}

fn checkpoints(folder: &Path) -> Result<Vec<CheckpointRecord>, RunError> {
    let best = Best::read(folder)?.map(|best| best.step);
    let record = |step| CheckpointRecord { step, name: checkpoint_name(step), best: best == Some(step) };
    Ok(list_checkpoints(folder)?.iter().map(|checkpoint| record(checkpoint.step)).collect())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::fs;

    use super::*;

    #[test]
    fn a_log_gives_its_records_back_and_the_folder_its_checkpoints() {
        let dir = tempfile::tempdir().unwrap();
        let step = |step| StepRecord {
            step,
            steps: 3,
            loss: 1.5,
            lr: 1e-4,
            grad_norm: 0.5,
            tokens: 9,
            supervised: 4,
            tokens_per_s: 2.0,
            elapsed_s: step as f64,
        };
        let eval = EvalRecord { step: 2, loss: 1.25, examples: 4, supervised: 9, elapsed_s: 2.0, topics: Vec::new() };
        let load = vec![0.75, 0.25];
        let routing = RoutingRecord {
            step: 2,
            load,
            entropy: 0.5,
            modules: [("m".to_owned(), vec![1.0])].into(),
            collapsed: 0.5,
            similarity: Vec::new(),
        };
        let events = [
            RunEvent::Step(step(1)),
            RunEvent::Step(step(2)),
            RunEvent::Eval(eval.clone()),
            RunEvent::Routing(routing.clone()),
            RunEvent::Checkpoint(CheckpointRecord { step: 1, name: "checkpoint-1".into(), best: true }),
        ];
        let mut text = String::from("{\"event\":\"step\",\"step\":9,\"loss\":null}\n");
        for event in &events {
            writeln!(text, "{}", serde_json::to_string(event).unwrap()).unwrap();
        }
        fs::write(dir.path().join("log.jsonl"), text + "{\"event\":\"st").unwrap();
        for step in [2, 3] {
            fs::create_dir(dir.path().join(checkpoint_name(step))).unwrap();
        }
        Best { step: 2, loss: 1.25, name: checkpoint_name(2) }.write(dir.path()).unwrap();
        let history = RunHistory::read(dir.path()).unwrap();
        assert_eq!((history.steps, history.evals), (vec![step(1), step(2)], vec![eval]));
        assert_eq!(history.routing, [RoutingRecord { modules: Default::default(), ..routing }]);
        let left: Vec<_> = history.checkpoints.iter().map(|c| (c.name.as_str(), c.best)).collect();
        assert_eq!(left, [("checkpoint-2", true), ("checkpoint-3", false)]);
    }

    #[test]
    fn a_run_without_a_log_has_no_past() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(RunHistory::read(dir.path()).unwrap(), RunHistory::default());
    }
}
