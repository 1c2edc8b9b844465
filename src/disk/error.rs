//! What can go wrong on disk, in words that name the mend.

use std::io;
use std::path::{Path, PathBuf};

/// A failed read or write. Each message says what was tried, what to do about it, and the path.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("cannot {what}, the disk is full; free some space and try again: {}", path.display())]
    Full { what: &'static str, path: PathBuf },
    #[error("cannot {what}, permission denied; choose a place you may write to, or change its permissions: {}", path.display())]
    Denied { what: &'static str, path: PathBuf },
    #[error("cannot {what}, it exists already; choose another name or move it away: {}", path.display())]
    Exists { what: &'static str, path: PathBuf },
    #[error("cannot {what}, there is no such file or folder; check the path: {}", path.display())]
    Missing { what: &'static str, path: PathBuf },
    #[error("cannot {what}, {source}; check the disk and the path: {}", path.display())]
    Other { what: &'static str, path: PathBuf, source: io::Error },
}

impl DiskError {
    /// Names the cause of `source`; `what` completes "cannot …", such as "write the file".
    pub fn new(what: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { what, path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied { what, path },
            io::ErrorKind::AlreadyExists => Self::Exists { what, path },
            io::ErrorKind::NotFound => Self::Missing { what, path },
            _ => Self::Other { what, path, source },
        }
    }

    /// For `map_err`: wraps an I/O error that happened at `path`.
    pub(crate) fn at(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::new(what, path, source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_said_in_words() {
        let error = DiskError::new("write the file", Path::new("out/a.bin"), io::ErrorKind::StorageFull.into());
        assert_eq!(
            error.to_string(),
            "cannot write the file, the disk is full; free some space and try again: out/a.bin"
        );
    }

    #[test]
    fn the_system_error_for_a_full_disk_is_recognised() {
        #[cfg(unix)]
        {
            const ENOSPC: i32 = 28;
            let error = DiskError::new("write the file", Path::new("a"), io::Error::from_raw_os_error(ENOSPC));
            assert!(matches!(error, DiskError::Full { .. }), "{error}");
        }
    }
}
