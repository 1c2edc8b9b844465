//! Runs as they stand on disk, for whoever looks over many of them. [`list_runs`] reads a folder of run folders;
//! `entry.rs` is what one of them tells, `log_ends.rs` reads its log from both ends so that a hundred thousand steps cost
//! no more than ten, `notes.rs` keeps a user's tags and notes beside it, `last.rs` finds the run to go on with, and
//! `trash.rs` moves runs to the recycle bin.

mod entry;
mod last;
mod log_ends;
mod notes;
mod trash;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use entry::{ResumePoint, RunEntry, RunStatus, folder_name};
pub use last::last_run;
pub use notes::{NotesError, RunNotes};
pub use trash::{TrashError, trash_run};

use crate::disk::DiskError;
use crate::train::RunError;

/// The runs of a folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunList {
    /// Where they are.
    pub folder: PathBuf,
    /// The latest first.
    pub runs: Vec<RunEntry>,
    /// Run folders that cannot be read.
    pub unreadable: Vec<UnreadableRun>,
}

/// A run folder whose `run.json` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableRun {
    pub path: PathBuf,
    pub name: String,
    /// Why, and what to do about it.
    pub problem: String,
}

/// The runs among the folders in `folder`. What is no run folder is passed over, a run that is damaged or of a newer version
/// is told as such, and a folder that is not there yet has no runs.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list_runs(folder: &Path) -> Result<RunList, DiskError> {
    let mut list = RunList { folder: folder.to_path_buf(), ..RunList::default() };
    let at = || DiskError::at("list the runs", folder);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(list),
        other => other.map_err(at())?,
    };
    for entry in entries {
        let path = entry.map_err(at())?.path();
        match RunEntry::read(&path) {
            Ok(run) => list.runs.push(run),
            Err(RunError::NotARun { .. }) => {}
            Err(error) => {
                let name = folder_name(&path);
                // A hidden folder is one that is being written.
                if path.is_dir() && !name.starts_with('.') {
                    list.unreadable.push(UnreadableRun { name, problem: error.to_string(), path });
                }
            }
        }
    }
    list.runs.sort_by(|a, b| b.started().cmp(&a.started()).then_with(|| a.name.cmp(&b.name)));
    list.unreadable.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(list)
}

#[cfg(test)]
mod tests;
