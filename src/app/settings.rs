//! What the window remembers from one start to the next: looks, recent paths, folders to offer.

use std::path::{Path, PathBuf};

use egui::ThemePreference;
use serde::{Deserialize, Serialize};

/// How many recent paths are kept of each kind.
const RECENT: usize = 6;

/// Remembered settings. Missing or unreadable ones take their defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Persisted {
    pub theme: ThemePreference,
    /// 1 is the size of the design.
    pub zoom: f32,
    /// Latest first.
    pub recent_models: Vec<PathBuf>,
    /// Run folders, latest first.
    pub recent_runs: Vec<PathBuf>,
    /// Where new run folders are put.
    pub run_parent: PathBuf,
    /// Where exported adapters are put.
    pub export_parent: PathBuf,
    /// The run that the user was offered to go on with and would not, until it is trained again.
    pub dismissed_run: Option<PathBuf>,
}

impl Default for Persisted {
    fn default() -> Self {
        let home = home_folder();
        Self {
            theme: ThemePreference::System,
            zoom: 1.0,
            recent_models: Vec::new(),
            recent_runs: Vec::new(),
            run_parent: home.join("runs"),
            export_parent: home.join("adapters"),
            dismissed_run: None,
        }
    }
}

/// `Hydra Studio` in the user's documents, or in the working folder where there are none.
fn home_folder() -> PathBuf {
    let documents = directories::UserDirs::new()
        .and_then(|dirs| dirs.document_dir().map(Path::to_path_buf).or_else(|| Some(dirs.home_dir().to_path_buf())));
    documents.unwrap_or_default().join("Hydra Studio")
}

impl Persisted {
    /// Smallest and largest zoom.
    pub const ZOOM: std::ops::RangeInclusive<f32> = 0.6..=2.5;

    /// Puts a model first among the recent ones.
    pub fn remember_model(&mut self, path: &Path) {
        remember(&mut self.recent_models, path);
    }

    /// Puts a run first among the recent ones.
    pub fn remember_run(&mut self, path: &Path) {
        remember(&mut self.recent_runs, path);
    }

    /// Sets the zoom, kept within [`Self::ZOOM`] and rounded to tenths.
    pub fn set_zoom(&mut self, zoom: f32) {
        let rounded = (zoom * 10.0).round() / 10.0;
        self.zoom = if rounded.is_finite() { rounded.clamp(*Self::ZOOM.start(), *Self::ZOOM.end()) } else { 1.0 };
    }
}

fn remember(recent: &mut Vec<PathBuf>, path: &Path) {
    recent.retain(|other| other != path);
    recent.insert(0, path.to_path_buf());
    recent.truncate(RECENT);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_used_again_moves_to_the_front() {
        let mut persisted = Persisted::default();
        for name in ["a", "b", "c", "a"] {
            persisted.remember_model(Path::new(name));
        }
        assert_eq!(persisted.recent_models, ["a", "c", "b"].map(PathBuf::from));
    }

    #[test]
    fn only_the_latest_paths_are_kept() {
        let mut persisted = Persisted::default();
        for i in 0..20 {
            persisted.remember_run(Path::new(&i.to_string()));
        }
        assert_eq!(persisted.recent_runs.len(), RECENT);
        assert_eq!(persisted.recent_runs[0], PathBuf::from("19"));
    }

    #[test]
    fn zoom_stays_in_its_range() {
        let mut persisted = Persisted::default();
        for (asked, got) in [(1.26, 1.3), (9.0, 2.5), (0.0, 0.6), (f32::NAN, 1.0)] {
            persisted.set_zoom(asked);
            assert_eq!(persisted.zoom, got);
        }
    }
}
