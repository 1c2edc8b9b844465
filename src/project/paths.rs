//! Where the app keeps its own files.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use serde::{Deserialize, Serialize};

/// The app's own folders on this machine. Tests give their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPaths {
    data: PathBuf,
    config: PathBuf,
}

impl AppPaths {
    /// The folders that the system sets aside for this app; `None` where the user has no home.
    pub fn of_system() -> Option<Self> {
        let dirs = ProjectDirs::from("", "", "hydra-studio")?;
        Some(Self { data: dirs.data_local_dir().to_path_buf(), config: dirs.config_dir().to_path_buf() })
    }

    /// Everything under one folder.
    pub fn under(folder: &Path) -> Self {
        Self { data: folder.to_path_buf(), config: folder.to_path_buf() }
    }

    /// Where the bundled model and examples are unpacked.
    pub fn demo(&self) -> PathBuf {
        self.data.join("demo")
    }

    /// Where the user's presets are kept, a file each.
    pub fn presets(&self) -> PathBuf {
        self.config.join("presets")
    }

    /// Changes to datasets, and changed examples that runs are on.
    pub fn datasets(&self) -> PathBuf {
        self.data.join("datasets")
    }

    /// The runs that wait for their turn.
    pub fn queue(&self) -> PathBuf {
        self.data.join("queue.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_stands_under_the_folder_given() {
        let paths = AppPaths::under(Path::new("/somewhere"));
        assert_eq!(paths.demo(), Path::new("/somewhere/demo"));
        assert_eq!(paths.queue(), Path::new("/somewhere/queue.json"));
    }
}
