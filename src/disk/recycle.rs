//! The system's recycle bin.

use std::io;
use std::path::Path;

use super::DiskError;

/// Moves a file or folder to the recycle bin, from where the user can restore it.
///
/// # Errors
/// When the system has no recycle bin, or refuses; the path is then as it was.
pub fn to_recycle_bin(path: &Path) -> Result<(), DiskError> {
    trash::delete(path).map_err(|error| DiskError::new("move to the recycle bin", path, io::Error::other(error)))
}
