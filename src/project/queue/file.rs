//! `queue.json`: the queue on disk, replaced as a whole with every change, and held by one process at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Queue;
use crate::disk::{DiskError, write_atomic};

/// Why a queue cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(
        "another window of Hydra Studio works on the queue; add and start runs there, or close it and open this one again"
    )]
    Held,
    #[error(
        "the queue was written by a newer version of Hydra Studio (format {found}, this one knows {known}): update the \
         program, or move the file away to begin an empty queue: {path}"
    )]
    Newer { found: u64, known: u32, path: PathBuf },
    #[error(
        "the queue cannot be read ({reason}): mend the file, or move it away to begin an empty queue; the runs themselves \
         are whole: {path}"
    )]
    Damaged { reason: String, path: PathBuf },
}

/// The file's contents.
#[derive(Serialize, Deserialize)]
struct Stored<Q> {
    /// [`FORMAT`] where this program wrote it.
    format: u32,
    #[serde(flatten)]
    queue: Q,
}

/// The version of `queue.json` that this program writes; older ones are read, newer ones refused.
const FORMAT: u32 = 1;

/// A queue that this process holds. Dropping it, or the end of the process, lets go of it.
#[derive(Debug)]
pub struct QueueFile {
    path: PathBuf,
    queue: Queue,
    _lock: File,
}

impl QueueFile {
    /// Opens the queue at `path`, an empty one where there is none. What was under way when its last process ended is
    /// interrupted, and the queue is held.
    ///
    /// # Errors
    /// When another process holds it, or the file is damaged, newer or cannot be read.
    pub fn open(path: &Path) -> Result<Self, QueueError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(DiskError::at("make the queue's folder", folder))?;
        }
        let lock = lock(path)?;
        let mut queue = read(path)?;
        queue.interrupt();
        Ok(Self { path: path.to_path_buf(), queue, _lock: lock })
    }

    /// The queue as it stands.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Changes the queue and writes it. It is changed in memory also where it cannot be written.
    ///
    /// # Errors
    /// When the disk refuses; the file is then as it was.
    pub fn change<T>(&mut self, change: impl FnOnce(&mut Queue) -> T) -> Result<T, DiskError> {
        let changed = change(&mut self.queue);
        let stored = Stored { format: FORMAT, queue: &self.queue };
        let mut text = serde_json::to_vec_pretty(&stored)
            .map_err(|error| DiskError::new("write the queue", &self.path, error.into()))?;
        text.push(b'\n');
        write_atomic(&self.path, &text)?;
        Ok(changed)
    }
}

fn lock(path: &Path) -> Result<File, QueueError> {
    let path = path.with_extension("lock");
    let at = || DiskError::at("lock the queue", &path);
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(at())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(QueueError::Held),
        Err(TryLockError::Error(error)) => Err(at()(error).into()),
    }
}

fn read(path: &Path) -> Result<Queue, QueueError> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Queue::default()),
        other => other.map_err(DiskError::at("read the queue", path))?,
    };
    let damaged =
        |error: serde_json::Error| QueueError::Damaged { reason: error.to_string(), path: path.to_path_buf() };
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(found) if found > u64::from(FORMAT) => {
            Err(QueueError::Newer { found, known: FORMAT, path: path.to_path_buf() })
        }
        _ => serde_json::from_value::<Stored<Queue>>(value).map(|stored| stored.queue).map_err(damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::order;
    use super::super::{QueueMode, QueuedState};
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app").join("queue.json");
        (folder, path)
    }

    #[test]
    fn what_ran_when_its_process_died_is_found_again_as_interrupted_and_held() {
        let (_folder, path) = place();
        let mut file = QueueFile::open(&path).unwrap();
        assert_eq!(*file.queue(), Queue::default());
        file.change(|queue| {
            queue.add(vec![order("a"), order("b"), order("c")], &|_| false);
            queue.mode = QueueMode::Going;
            let ids: Vec<_> = queue.runs().iter().map(|run| run.id).collect();
            queue.set_state(ids[0], QueuedState::Done);
            queue.set_state(ids[1], QueuedState::Running);
            queue.note_begin(ids[1], "2026-11-25T16:40:00Z".into());
        })
        .unwrap();
        drop(file);
        let file = QueueFile::open(&path).unwrap();
        let states: Vec<_> = file.queue().runs().iter().map(|run| (&run.state, run.begun.is_some())).collect();
        let expected = [(&QueuedState::Done, false), (&QueuedState::Interrupted, true), (&QueuedState::Waiting, false)];
        assert_eq!(states, expected);
        assert_eq!((file.queue().mode, &file.queue().next().unwrap().run), (QueueMode::Held, &order("b")));
    }

    #[test]
    fn a_queue_is_held_by_one_process_at_a_time() {
        let (_folder, path) = place();
        let file = QueueFile::open(&path).unwrap();
        assert!(matches!(QueueFile::open(&path), Err(QueueError::Held)));
        drop(file);
        assert!(QueueFile::open(&path).is_ok());
    }

    #[test]
    fn a_newer_or_damaged_queue_is_refused_by_its_name() {
        let (_folder, path) = place();
        drop(QueueFile::open(&path).unwrap());
        fs::write(&path, "{\"format\": 7, \"unknown\": []}").unwrap();
        let message = QueueFile::open(&path).unwrap_err().to_string();
        assert!(message.contains("newer version") && message.contains("format 7"), "{message}");
        for text in ["", "[]", "{\"format\": 1, \"runs\": 3}"] {
            fs::write(&path, text).unwrap();
            let message = QueueFile::open(&path).unwrap_err().to_string();
            assert!(message.contains("queue.json") && message.contains("move it away"), "{text}: {message}");
        }
    }
}
