//! A user's own words on a run: `notes.json` in its folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::disk::{DiskError, write_atomic};

const NOTES_FILE: &str = "notes.json";

/// The version of `notes.json` that this program writes; older ones are read, newer ones refused.
const FORMAT: u64 = 1;

/// Tags and a note on one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunNotes {
    /// Each once, as [`RunNotes::new`] sees to.
    pub tags: Vec<String>,
    pub note: String,
}

/// Notes that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum NotesError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("these notes are of a newer version of Hydra Studio (format {found}, this one knows {FORMAT}); update to read or change them: {}", path.display())]
    Newer { found: u64, path: PathBuf },
    #[error("these notes are damaged ({reason}); restore the file from a copy, or delete it and write them anew: {}", path.display())]
    Damaged { reason: String, path: PathBuf },
}

/// The file as it stands on disk.
#[derive(Serialize, Deserialize)]
struct NotesFile {
    format: u64,
    #[serde(flatten)]
    notes: RunNotes,
}

impl RunNotes {
    /// Notes with each tag once, freed of blanks around it; empty ones are left out.
    pub fn new<'a>(tags: impl IntoIterator<Item = &'a str>, note: impl Into<String>) -> Self {
        let mut kept: Vec<String> = Vec::new();
        for tag in tags.into_iter().map(str::trim).filter(|tag| !tag.is_empty()) {
            if !kept.iter().any(|other| other == tag) {
                kept.push(tag.to_owned());
            }
        }
        Self { tags: kept, note: note.into() }
    }

    /// Whether there is neither a tag nor a note.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.note.is_empty()
    }

    /// The notes on the run in `folder`; empty ones where none were written.
    ///
    /// # Errors
    /// When the file is damaged, of a newer version or cannot be read.
    pub fn read(folder: &Path) -> Result<Self, NotesError> {
        let path = folder.join(NOTES_FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(DiskError::at("read the notes", &path))?,
        };
        let damaged = |error: serde_json::Error| NotesError::Damaged { reason: error.to_string(), path: path.clone() };
        let value: Value = serde_json::from_slice(&text).map_err(damaged)?;
        match value.get("format").and_then(Value::as_u64) {
            Some(found) if found > FORMAT => Err(NotesError::Newer { found, path: path.clone() }),
            _ => serde_json::from_value(value).map(|file: NotesFile| file.notes).map_err(damaged),
        }
    }

    /// Writes the notes on the run in `folder`, in place of those that are there. A run in training may be noted too.
    ///
    /// # Errors
    /// When those that are there are damaged or of a newer version and would be lost, or the disk refuses.
    pub fn write(&self, folder: &Path) -> Result<(), NotesError> {
        Self::read(folder)?;
        let path = folder.join(NOTES_FILE);
        let file = NotesFile { format: FORMAT, notes: self.clone() };
        let mut text =
            serde_json::to_vec_pretty(&file).map_err(|error| DiskError::new("write the notes", &path, error.into()))?;
        text.push(b'\n');
        Ok(write_atomic(&path, &text)?)
    }
}
