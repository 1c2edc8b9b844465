//! Whose routing was looked at.

use std::path::{Path, PathBuf};

use crate::app::pages::PageContext;

/// An adapter, as far as this page can tell two apart: the runs seen, and the folder it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    runs: usize,
    adapter: Option<PathBuf>,
}

impl Subject {
    /// The adapter that is there now.
    pub fn of(cx: &PageContext<'_>) -> Self {
        Self { runs: cx.state.run_count, adapter: cx.state.adapter_path().map(Path::to_path_buf) }
    }

    /// The folder it came from.
    pub fn adapter(&self) -> Option<&Path> {
        self.adapter.as_deref()
    }
}
