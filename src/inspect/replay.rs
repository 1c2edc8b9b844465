//! How routing formed while a run trained: the gates of every module at step after step.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::adapter::Module;
use crate::disk::DiskError;
use crate::train::{RoutingRecord, RunError, RunLog, list_checkpoints};

/// The tokens that a frame's gates are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameOrigin {
    /// The held-out examples, at a measure: the same at every measure.
    HeldOut,
    /// The first micro-batch of a step that was trained on, another at every step, as it was before the step.
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

impl GateFrame {
    /// A run's record as a frame; modules whose names are no module's are left out.
    pub fn of(record: &RoutingRecord, origin: FrameOrigin) -> Self {
        let module = |(name, mean): (&String, &Vec<f32>)| {
            let module = name.parse().ok()?;
            Some(ModuleMean { module, mean: mean.clone() })
        };
        let mut modules: Vec<ModuleMean> = record.modules.iter().filter_map(module).collect();
        modules.sort_by_key(|mean| mean.module);
        let (load, entropy) = (record.load.clone(), record.entropy);
        Self { step: record.step, origin, load, entropy, modules, checkpoint: None }
    }
}

/// Every frame that the run folder at `run` keeps, by step: those of the held-out examples and those of what it trained on.
/// A line that cannot be read is passed over; what a run that was broken off noted twice after one step counts once.
///
/// # Errors
/// When a log or the folder cannot be read.
pub fn replay(run: &Path) -> Result<Vec<GateFrame>, RunError> {
    let mut frames = BTreeMap::new();
    for (log, origin) in [(RunLog::Routing, FrameOrigin::HeldOut), (RunLog::Gates, FrameOrigin::Training)] {
        let path = run.join(log.file_name());
        let at = || DiskError::at("read the log", &path);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(at())?,
        };
        for line in BufReader::new(file).split(b'\n') {
            if let Ok(record) = serde_json::from_slice::<RoutingRecord>(&line.map_err(at())?) {
                frames.insert((record.step, origin), GateFrame::of(&record, origin));
            }
        }
    }
    let kept: BTreeMap<usize, PathBuf> =
        list_checkpoints(run)?.into_iter().map(|checkpoint| (checkpoint.step, checkpoint.path)).collect();
    Ok(frames.into_values().map(|frame| GateFrame { checkpoint: kept.get(&frame.step).cloned(), ..frame }).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_run_is_replayed_by_step_from_what_its_folder_keeps() {
        let dir = tempfile::tempdir().unwrap();
        assert!(replay(dir.path()).unwrap().is_empty());
        let line = |step: usize, gate: f32| {
            // As the run folders of the first version have it: without the share of collapsed modules.
            let modules = format!(
                r#"{{"model.layers.10.mlp.up_proj":[{gate},0.5],"model.layers.2.mlp.up_proj":[0.5,0.5],"odd":[1.0]}}"#
            );
            format!("{{\"step\":{step},\"load\":[{gate},0.5],\"entropy\":0.9,\"modules\":{modules}}}\n")
        };
        fs::write(dir.path().join("routing.jsonl"), line(0, 0.1) + &line(20, 0.2) + &line(20, 0.3) + "{\"st").unwrap();
        fs::write(dir.path().join("gates.jsonl"), line(10, 0.4) + &line(20, 0.6)).unwrap();
        fs::create_dir(dir.path().join("checkpoint-20")).unwrap();
        let frames = replay(dir.path()).unwrap();
        let seen: Vec<_> = frames.iter().map(|frame| (frame.step, frame.origin, frame.load[0])).collect();
        let (held_out, training) = (FrameOrigin::HeldOut, FrameOrigin::Training);
        assert_eq!(seen, [(0, held_out, 0.1), (10, training, 0.4), (20, held_out, 0.3), (20, training, 0.6)]);
        let kept: Vec<bool> = frames.iter().map(|frame| frame.checkpoint.is_some()).collect();
        assert_eq!(kept, [false, false, true, true]);
        let layers: Vec<usize> = frames[0].modules.iter().map(|mean| mean.module.layer).collect();
        assert_eq!(layers, [2, 10], "in forward order, not by name");
    }
}
