//! The system's recycle bin, from where what was deleted can be brought back.

use std::path::{Path, PathBuf};

/// A file or folder that the recycle bin does not take.
#[derive(Debug, thiserror::Error)]
#[error("the system's recycle bin does not take it ({reason}), so it stays; delete it in a file manager if you are sure: {}", path.display())]
pub struct RecycleError {
    reason: String,
    path: PathBuf,
}

/// Moves a file or folder to the recycle bin.
///
/// # Errors
/// When the system has no recycle bin, or refuses; the path is then as it was.
pub fn to_recycle_bin(path: &Path) -> Result<(), RecycleError> {
    trash::delete(path).map_err(|error| RecycleError { reason: reason(&error), path: path.to_path_buf() })
}

/// Why the recycle bin refused, as the system says it.
fn reason(error: &trash::Error) -> String {
    match error {
        trash::Error::Unknown { description } | trash::Error::Os { description, .. } => description.clone(),
        #[cfg(all(unix, not(target_os = "macos")))]
        trash::Error::FileSystem { path, source } => format!("{source}, at {}", path.display()),
        trash::Error::CouldNotAccess { .. } => "permission denied".to_owned(),
        other => format!("{other:?}"),
    }
}
