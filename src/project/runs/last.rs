//! The run that was worked on last, for the offer to go on with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::RunEntry;
use crate::train::{RUN_FILE, RunLog};

/// The run that was written to last, among those in `folder` and in `recent`; `None` where none of them is a run that can
/// be read.
pub fn last_run(recent: &[PathBuf], folder: &Path) -> Option<RunEntry> {
    let listed = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut runs: Vec<(SystemTime, PathBuf)> =
        listed.chain(recent.iter().cloned()).filter_map(|path| Some((last_written(&path)?, path))).collect();
    runs.sort();
    runs.into_iter().rev().find_map(|(_, path)| RunEntry::read(&path).ok())
}

/// When the run's log, or where it has none yet its `run.json`, was last written to.
fn last_written(run: &Path) -> Option<SystemTime> {
    let written = |name: &str| run.join(name).metadata().ok()?.modified().ok();
    let began = written(RUN_FILE)?;
    Some(written(RunLog::Log.file_name()).map_or(began, |log| log.max(began)))
}
