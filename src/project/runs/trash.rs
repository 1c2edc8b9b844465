//! Runs moved to the system's recycle bin, from where they can be brought back.

use std::path::{Path, PathBuf};

use crate::disk::{RecycleError, to_recycle_bin};
use crate::train::{RunError, RunFile, RunFolder};

/// A run that stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum TrashError {
    #[error("this run is in training; stop it before you delete it: {}", path.display())]
    InTraining { path: PathBuf },
    #[error("there is no run here any more; refresh the list: {}", path.display())]
    NoRun { path: PathBuf },
    #[error(transparent)]
    Refused(#[from] RecycleError),
}

/// Moves a run folder to the recycle bin. Only what is a run folder is ever moved, be it damaged or of a newer version.
///
/// # Errors
/// When the run is in training, there is no run folder, or the system has no recycle bin for it; the folder then stays.
pub fn trash_run(path: &Path) -> Result<(), TrashError> {
    let path = path.to_path_buf();
    if matches!(RunFile::read(&path), Err(RunError::NotARun { .. })) {
        return Err(TrashError::NoRun { path });
    }
    if RunFolder::is_held(&path) {
        return Err(TrashError::InTraining { path });
    }
    Ok(to_recycle_bin(&path)?)
}
