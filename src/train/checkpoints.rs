//! The checkpoints of a run folder: which there are, which is best, which are kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::RunError;
use super::run_file::write_json;
use crate::disk::{DiskError, remove_folder};

/// Checkpoints kept beside the best one.
const KEPT: usize = 3;
const BEST_FILE: &str = "best.json";
const NAME_START: &str = "checkpoint-";

/// One checkpoint folder of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Optimizer steps done when it was written.
    pub step: usize,
    pub path: PathBuf,
}

/// `best.json`: the checkpoint with the lowest held-out loss so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    pub step: usize,
    /// Held-out loss, in nats a token.
    pub loss: f64,
    /// The folder's name inside the run folder.
    pub name: String,
}

/// The name of the checkpoint folder after `step` steps.
pub fn checkpoint_name(step: usize) -> String {
    format!("{NAME_START}{step}")
}

/// The checkpoints in the run folder at `folder`, by step. What bears another name is passed over.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list_checkpoints(folder: &Path) -> Result<Vec<Checkpoint>, DiskError> {
    let at = || DiskError::at("list the run's checkpoints", folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(at())? {
        let entry = entry.map_err(at())?;
        let name = entry.file_name();
        let step = name.to_str().and_then(|name| name.strip_prefix(NAME_START)).and_then(|step| step.parse().ok());
        match step {
            Some(step) if checkpoint_name(step).as_str() == name => found.push(Checkpoint { step, path: entry.path() }),
            _ => {}
        }
    }
    found.sort_by_key(|checkpoint| checkpoint.step);
    Ok(found)
}

impl Best {
    /// The best checkpoint of the run folder at `folder`, where one was measured and is there.
    ///
    /// # Errors
    /// When `best.json` cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>, RunError> {
        let path = folder.join(BEST_FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(DiskError::at("read the best checkpoint", &path))?,
        };
        let best: Self = serde_json::from_slice(&text)
            .map_err(|error| RunError::Damaged { reason: error.to_string(), path: path.clone() })?;
        let is_there = best.name == checkpoint_name(best.step) && folder.join(&best.name).is_dir();
        Ok(is_there.then_some(best))
    }

    /// Makes this the best checkpoint of the run folder at `folder`.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), DiskError> {
        write_json(&folder.join(BEST_FILE), self)
    }
}

/// Removes all checkpoints but the last few and the best.
pub(crate) fn prune(folder: &Path, best: Option<&Best>) -> Result<(), DiskError> {
    let checkpoints = list_checkpoints(folder)?;
    let old = checkpoints.iter().rev().skip(KEPT);
    for checkpoint in old.filter(|checkpoint| best.is_none_or(|best| best.step != checkpoint.step)) {
        remove_folder(&checkpoint.path)?;
    }
    Ok(())
}
