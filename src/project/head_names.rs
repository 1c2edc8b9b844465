//! Names that a user gave to heads: `head-names.json` beside the adapter, in its run folder where it is of a run, so that
//! all checkpoints of a run share them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::disk::{DiskError, write_atomic};
use crate::train::RUN_FILE;

/// The file's name.
pub const HEAD_NAMES_FILE: &str = "head-names.json";
/// The version of the file that this program writes; older ones are read, newer ones refused.
const FORMAT: u64 = 1;
/// Characters of a name, at most.
const LONGEST: usize = 60;

/// Names that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HeadNamesError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("these names of heads are of a newer version of Hydra Studio (format {found}, this one knows {FORMAT}); update to read or change them: {}", path.display())]
    Newer { found: u64, path: PathBuf },
    #[error("these names of heads are damaged ({reason}); restore the file from a copy, or delete it and name them anew: {}", path.display())]
    Damaged { reason: String, path: PathBuf },
}

/// The file as it stands on disk.
#[derive(Default, Serialize, Deserialize)]
struct NamesFile {
    #[serde(default)]
    format: u64,
    /// By head, counted from 0.
    #[serde(default)]
    names: BTreeMap<usize, String>,
}

/// The names of the heads of the adapter or run at `path`, by head; as long as the last that has one.
///
/// # Errors
/// When the file is damaged, of a newer version or cannot be read.
pub fn head_names(path: &Path) -> Result<Vec<Option<String>>, HeadNamesError> {
    Ok(listed(read(&home(path))?.names))
}

/// Names a head, in place of the name that it has; a blank name takes it away. Gives all names.
///
/// # Errors
/// When the file that is there cannot be read, or the disk refuses; the names are then as they were.
pub fn name_head(path: &Path, head: usize, name: &str) -> Result<Vec<Option<String>>, HeadNamesError> {
    let home = home(path);
    let mut names = read(&home)?.names;
    let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect();
    match name.trim() {
        "" => names.remove(&head),
        name => names.insert(head, name.to_owned()),
    };
    let file = home.join(HEAD_NAMES_FILE);
    if names.is_empty() && !file.exists() {
        return Ok(Vec::new());
    }
    write(&home, names.clone())?;
    Ok(listed(names))
}

fn write(home: &Path, names: BTreeMap<usize, String>) -> Result<(), HeadNamesError> {
    let file = home.join(HEAD_NAMES_FILE);
    let at = |error: serde_json::Error| DiskError::at("write the names of heads", &file)(error.into());
    let text = serde_json::to_vec_pretty(&NamesFile { format: FORMAT, names }).map_err(at)?;
    Ok(write_atomic(&file, &text)?)
}

/// Writes the names of the adapter or run at `from` beside an adapter that is written to `to`; nothing where it has none.
///
/// # Errors
/// When the file that is there cannot be read, or the disk refuses.
pub fn carry_head_names(from: &Path, to: &Path) -> Result<(), HeadNamesError> {
    let names = read(&home(from))?.names;
    if names.is_empty() { Ok(()) } else { write(to, names) }
}

/// Where the names of an adapter are: in its run folder, where it is of one, or beside it.
fn home(path: &Path) -> PathBuf {
    let is_run = |folder: &&Path| folder.join(RUN_FILE).is_file();
    match path.parent().filter(is_run) {
        Some(run) if !is_run(&path) => run.to_path_buf(),
        _ => path.to_path_buf(),
    }
}

fn read(home: &Path) -> Result<NamesFile, HeadNamesError> {
    let path = home.join(HEAD_NAMES_FILE);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(NamesFile::default()),
        other => other.map_err(DiskError::at("read the names of heads", &path))?,
    };
    match serde_json::from_slice::<NamesFile>(&text) {
        Ok(file) if file.format > FORMAT => Err(HeadNamesError::Newer { found: file.format, path }),
        Ok(file) => Ok(file),
        Err(error) => Err(HeadNamesError::Damaged { reason: error.to_string(), path }),
    }
}

fn listed(names: BTreeMap<usize, String>) -> Vec<Option<String>> {
    /// Heads beyond this are a mistake in the file.
    const MOST: usize = 4096;
    let mut list = Vec::new();
    for (head, name) in names.into_iter().take_while(|(head, _)| *head < MOST) {
        list.resize(head, None);
        list.push(Some(name));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_beside_an_adapter_and_can_be_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        assert!(head_names(dir.path()).unwrap().is_empty());
        assert!(name_head(dir.path(), 1, " ").unwrap().is_empty() && !dir.path().join(HEAD_NAMES_FILE).exists());
        let names = name_head(dir.path(), 2, "  words of\n numbers ").unwrap();
        assert_eq!(names, [None, None, Some("words of numbers".to_owned())]);
        assert_eq!(name_head(dir.path(), 0, "sums").unwrap()[0].as_deref(), Some("sums"));
        assert_eq!(head_names(dir.path()).unwrap().len(), 3);
        assert_eq!(name_head(dir.path(), 2, "").unwrap(), [Some("sums".to_owned())]);
        assert_eq!(name_head(dir.path(), 0, &"x".repeat(99)).unwrap()[0].as_ref().unwrap().len(), LONGEST);
    }

    #[test]
    fn the_checkpoints_of_a_run_share_their_names() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(RUN_FILE), "{}").unwrap();
        let checkpoint = dir.path().join("checkpoint-20");
        fs::create_dir(&checkpoint).unwrap();
        name_head(&checkpoint, 1, "rooms").unwrap();
        assert!(dir.path().join(HEAD_NAMES_FILE).is_file());
        assert_eq!(head_names(dir.path()).unwrap(), head_names(&checkpoint).unwrap());
    }

    #[test]
    fn names_go_with_an_adapter_that_is_written_elsewhere() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        carry_head_names(from.path(), to.path()).unwrap();
        assert!(!to.path().join(HEAD_NAMES_FILE).exists());
        let names = name_head(from.path(), 1, "sums").unwrap();
        carry_head_names(from.path(), to.path()).unwrap();
        assert_eq!(head_names(to.path()).unwrap(), names);
    }

    #[test]
    fn a_newer_or_damaged_file_is_refused_by_name_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(HEAD_NAMES_FILE);
        for (text, expected) in [(r#"{"format":2}"#, "newer version"), (r#"{"names":3}"#, "damaged")] {
            fs::write(&path, text).unwrap();
            let message = name_head(dir.path(), 0, "sums").unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains(HEAD_NAMES_FILE), "{message}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
