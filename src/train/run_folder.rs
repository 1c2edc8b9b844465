//! A run's folder: what it is (`run.json`), what happened (`log.jsonl`, `routing.jsonl`) and where it
//! can go on (`checkpoint-<step>/`, `best.json`). One process at a time holds it.

use std::fmt::Display;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::checkpoints::{Best, Checkpoint, checkpoint_name, list_checkpoints, prune};
use super::{CheckpointRecord, LeftOut, RunError, RunFile};
use crate::disk::{DiskError, LineLog, clear_leftovers, remove_folder, replace_folder_atomic, write_atomic_with};

/// Held, through the system's file lock, by the process that trains. The lock falls with its process, however that ends.
const LOCK_FILE: &str = "run.lock";

/// The rows that the run cannot learn from, each with file, line and reason.
const LEFT_OUT_FILE: &str = "left-out.jsonl";

/// The logs of a run, each of JSON lines with a `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunLog {
    /// Every record of the run.
    Log,
    /// Load and entropy of the gates.
    Routing,
    /// The run's prompts, answered at every measure.
    Samples,
    /// The gates of what was trained on, looked at now and then.
    Gates,
}

impl RunLog {
    const ALL: [Self; 4] = [Self::Log, Self::Routing, Self::Samples, Self::Gates];

    /// The file's name in the run folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Log => "log.jsonl",
            Self::Routing => "routing.jsonl",
            Self::Samples => "samples.jsonl",
            Self::Gates => "gates.jsonl",
        }
    }
}

/// A run folder that this process holds. Dropping it lets go of the lock.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    best: Option<Best>,
    _lock: File,
}

/// A checkpoint that could be loaded.
#[derive(Debug)]
pub struct Latest<T> {
    pub step: usize,
    /// What was loaded from it.
    pub loaded: T,
    /// Later checkpoints that could not be loaded, and why.
    pub skipped: Vec<String>,
}

impl RunFolder {
    /// Begins a run in a folder that does not exist or is empty, and writes its `run.json`.
    ///
    /// # Errors
    /// When the folder holds something or cannot be written; nothing new then stands there.
    pub fn create(path: &Path, run: &RunFile) -> Result<Self, RunError> {
        let at = || DiskError::at("make the run folder", path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(at())?;
        }
        let is_new = match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            other => other.map(|()| true).map_err(at())?,
        };
        let begun = Self::begin(path, run);
        if is_new && begun.is_err() {
            // The first error is the one to report; a folder left behind is empty of anything of value.
            let _ = fs::remove_dir_all(path);
        }
        begun
    }

    /// Whether a process holds the run folder at `path` now, this one included. Where that cannot be told, nobody does.
    pub fn is_held(path: &Path) -> bool {
        let Ok(file) = File::open(path.join(LOCK_FILE)) else { return false };
        // A shared lock, for the moment of asking: two that ask do not take each other for a holder.
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Errs where a run cannot begin because the folder holds something: worth asking before a model is loaded.
    ///
    /// # Errors
    /// When the folder holds something or cannot be listed.
    pub fn refuse_taken(path: &Path) -> Result<(), RunError> {
        let at = || DiskError::at("list the run folder", path);
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(at())?,
        };
        for entry in entries {
            if entry.map_err(at())?.file_name() != LOCK_FILE {
                return Err(RunError::NotEmpty { path: path.to_path_buf() });
            }
        }
        Ok(())
    }

    fn begin(path: &Path, run: &RunFile) -> Result<Self, RunError> {
        Self::refuse_taken(path)?;
        let lock = lock(path)?;
        run.write(path)?;
        Ok(Self { path: path.to_path_buf(), best: None, _lock: lock })
    }

    /// Opens a run to go on with it, and clears what a killed process left half-written.
    ///
    /// # Errors
    /// When the folder is no run, is held by another process, or its files are damaged or newer.
    pub fn open(path: &Path) -> Result<(Self, RunFile), RunError> {
        let run = RunFile::read(path)?;
        let lock = lock(path)?;
        clear_leftovers(path)?;
        let best = Best::read(path)?;
        Ok((Self { path: path.to_path_buf(), best, _lock: lock }, run))
    }

    /// Lists the rows that the run cannot learn from in `left-out.jsonl`; writes nothing where there are none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_left_out(&self, rows: &[LeftOut]) -> Result<(), DiskError> {
        if rows.is_empty() {
            return Ok(());
        }
        write_atomic_with(&self.path.join(LEFT_OUT_FILE), |out| {
            rows.iter().try_for_each(|row| {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")
            })
        })
    }

    /// Where the run stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The checkpoint with the lowest held-out loss so far.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// Opens one of the run's logs.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open_log(&self, log: RunLog) -> Result<LineLog, DiskError> {
        LineLog::open(&self.path.join(log.file_name()))
    }

    /// Writes the checkpoint after `step` steps, in place of one of that step: `fill` writes its files into the folder
    /// it is given. With a held-out loss lower than any before it becomes the best. Old checkpoints are then removed,
    /// but for the last three and the best.
    ///
    /// # Errors
    /// When `fill` errs or the disk refuses; earlier checkpoints are then as they were.
    pub fn write_checkpoint<E: From<DiskError>>(
        &mut self,
        step: usize,
        held_out_loss: Option<f64>,
        fill: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<CheckpointRecord, E> {
        let name = checkpoint_name(step);
        replace_folder_atomic(&self.path.join(&name), fill)?;
        let best = self.note_loss(step, held_out_loss)?;
        prune(&self.path, self.best.as_ref())?;
        Ok(CheckpointRecord { step, name, best })
    }

    /// Whether a held-out loss is lower than that of the best checkpoint so far.
    pub fn would_be_best(&self, loss: f64) -> bool {
        loss < self.best.as_ref().map_or(f64::INFINITY, |best| best.loss)
    }

    /// Notes the held-out loss of the checkpoint after `step` steps, which is there; tells whether it is now the best.
    ///
    /// # Errors
    /// When `best.json` cannot be written.
    pub fn note_loss(&mut self, step: usize, held_out_loss: Option<f64>) -> Result<bool, DiskError> {
        let Some(loss) = held_out_loss.filter(|&loss| self.would_be_best(loss)) else { return Ok(false) };
        let best = Best { step, loss, name: checkpoint_name(step) };
        best.write(&self.path)?;
        self.best = Some(best);
        Ok(true)
    }

    /// The run's checkpoints, by step.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint>, DiskError> {
        list_checkpoints(&self.path)
    }

    /// Loads the last checkpoint that `load` can load.
    ///
    /// # Errors
    /// When there is none.
    pub fn latest<T, E: Display>(&self, mut load: impl FnMut(&Path) -> Result<T, E>) -> Result<Latest<T>, RunError> {
        let mut skipped = Vec::new();
        for Checkpoint { step, path } in self.checkpoints()?.into_iter().rev() {
            match load(&path) {
                Ok(loaded) => return Ok(Latest { step, loaded, skipped }),
                Err(error) => skipped.push(format!("{}: {error}", checkpoint_name(step))),
            }
        }
        Err(RunError::NoCheckpoint { skipped, path: self.path.clone() })
    }

    /// Forgets what came after `step`, before the run goes on from there: lines of the logs, and checkpoints, which could
    /// not be loaded or the run would go on from them.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn rewind(&mut self, step: usize) -> Result<(), DiskError> {
        self.cut_logs(|at| at > step as u64)?;
        for checkpoint in self.checkpoints()?.iter().filter(|checkpoint| checkpoint.step > step) {
            remove_folder(&checkpoint.path)?;
        }
        // `best.json` needs no mending: read again, it counts only where its checkpoint is there.
        self.best.take_if(|best| best.step > step);
        Ok(())
    }

    /// Forgets all that happened, before a run without a checkpoint begins again at its first step.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn start_over(&mut self) -> Result<(), DiskError> {
        self.cut_logs(|_| true)
    }

    fn cut_logs(&self, is_cut: impl Fn(u64) -> bool) -> Result<(), DiskError> {
        for log in RunLog::ALL {
            if self.path.join(log.file_name()).exists() {
                self.open_log(log)?.cut_where(|line| line["step"].as_u64().is_some_and(&is_cut))?;
            }
        }
        Ok(())
    }
}

/// Takes the folder's lock and writes this process's number into it.
fn lock(folder: &Path) -> Result<File, RunError> {
    let path = folder.join(LOCK_FILE);
    let at = || DiskError::at("lock the run folder", &path);
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(at())?;
    match try_lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Some systems do not let a locked file be read; the message is then without the number.
            let _ = file.read_to_string(&mut pid);
            return Err(RunError::Locked { pid: pid.trim().parse().ok(), path: folder.to_path_buf() });
        }
        Err(TryLockError::Error(error)) => return Err(at()(error).into()),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(at())?;
    Ok(file)
}

/// Tries for longer than [`RunFolder::is_held`] takes to ask.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    const TRIES: usize = 10;
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
            other => return other,
        }
    }
    file.try_lock()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::write_atomic;
    use crate::train::run_file::tests::example;
    use serde_json::json;

    fn begun() -> (tempfile::TempDir, RunFolder) {
        let dir = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&dir.path().join("run"), &example()).unwrap();
        (dir, run)
    }

    fn save(run: &mut RunFolder, step: usize, loss: Option<f64>) -> CheckpointRecord {
        run.write_checkpoint::<DiskError>(step, loss, |tmp| write_atomic(&tmp.join("state"), b"whole")).unwrap()
    }

    fn steps(run: &RunFolder) -> Vec<usize> {
        run.checkpoints().unwrap().iter().map(|checkpoint| checkpoint.step).collect()
    }

    #[test]
    fn a_run_begins_only_in_a_new_or_empty_folder() {
        let dir = tempfile::tempdir().unwrap();
        drop(RunFolder::create(dir.path(), &example()).unwrap());
        let error = RunFolder::create(dir.path(), &example()).unwrap_err();
        assert!(matches!(error, RunError::NotEmpty { .. }), "{error}");
        let (_, run) = RunFolder::open(dir.path()).unwrap();
        assert_eq!(run, example());
    }

    #[test]
    fn a_run_that_is_held_is_refused_with_its_holder() {
        let (_dir, run) = begun();
        let message = RunFolder::open(run.path()).unwrap_err().to_string();
        assert!(message.contains("another process"), "{message}");
        #[cfg(unix)]
        assert!(message.contains(&std::process::id().to_string()), "{message}");
    }

    #[test]
    fn a_run_is_held_until_its_holder_lets_go_of_it() {
        let (_dir, run) = begun();
        let path = run.path().to_path_buf();
        assert!(RunFolder::is_held(&path));
        drop(run);
        assert!(!RunFolder::is_held(&path) && !RunFolder::is_held(&path.join("nowhere")));
    }

    #[test]
    fn a_lock_file_of_a_dead_process_holds_nothing() {
        let (_dir, run) = begun();
        let path = run.path().to_path_buf();
        drop(run);
        fs::write(path.join(LOCK_FILE), "1\n").unwrap();
        RunFolder::open(&path).unwrap();
    }

    #[test]
    fn the_last_three_checkpoints_and_the_best_are_kept() {
        let (_dir, mut run) = begun();
        let losses = [2.0, 1.0, 1.5, f64::NAN, 1.7, 1.6];
        let best: Vec<_> = (1..).zip(losses).map(|(i, loss)| save(&mut run, i * 10, Some(loss)).best).collect();
        assert_eq!(best, [true, true, false, false, false, false]);
        assert_eq!(steps(&run), [20, 40, 50, 60]);
        assert_eq!(run.best().unwrap(), &Best { step: 20, loss: 1.0, name: "checkpoint-20".into() });
        let path = run.path().to_path_buf();
        drop(run);
        assert_eq!(RunFolder::open(&path).unwrap().0.best().unwrap().step, 20);
    }

    #[test]
    fn a_checkpoint_that_fails_half_way_leaves_those_before() {
        let (_dir, mut run) = begun();
        save(&mut run, 10, None);
        let failed = run.write_checkpoint(20, None, |tmp| {
            write_atomic(&tmp.join("state"), b"half")?;
            Err(DiskError::Full { what: "write the file", path: tmp.join("more") })
        });
        assert!(matches!(failed, Err(DiskError::Full { .. })));
        assert_eq!(steps(&run), [10]);
    }

    #[test]
    fn what_a_killed_process_left_half_written_is_no_checkpoint() {
        let (_dir, mut run) = begun();
        save(&mut run, 10, None);
        let path = run.path().to_path_buf();
        drop(run);
        fs::create_dir(path.join(".writing-x1.tmp")).unwrap();
        fs::create_dir(path.join("checkpoint-020")).unwrap();
        fs::write(path.join("log.jsonl"), "{\"step\":1}\n{\"ste").unwrap();
        let (run, _) = RunFolder::open(&path).unwrap();
        assert_eq!(steps(&run), [10]);
        assert!(!path.join(".writing-x1.tmp").exists());
        run.open_log(RunLog::Log).unwrap();
        assert_eq!(fs::read_to_string(path.join("log.jsonl")).unwrap(), "{\"step\":1}\n");
    }

    #[test]
    fn the_latest_checkpoint_that_loads_is_taken() {
        let (_dir, mut run) = begun();
        (1..=3).for_each(|i| drop(save(&mut run, i * 10, None)));
        fs::write(run.path().join("checkpoint-30/state"), "broken").unwrap();
        let load = |path: &Path| match fs::read_to_string(path.join("state")) {
            Ok(text) if text == "whole" => Ok(text),
            _ => Err("not whole"),
        };
        let latest = run.latest(load).unwrap();
        assert_eq!((latest.step, latest.skipped), (20, vec!["checkpoint-30: not whole".to_string()]));
        let message = run.latest(|_| Err::<(), _>("no")).unwrap_err().to_string();
        assert!(message.contains("no checkpoint") && message.contains("checkpoint-10: no"), "{message}");
    }

    #[test]
    fn a_rewound_run_knows_nothing_past_its_step() {
        let (_dir, mut run) = begun();
        save(&mut run, 10, Some(2.0));
        save(&mut run, 20, Some(1.0));
        let mut log = run.open_log(RunLog::Log).unwrap();
        (5..=25).for_each(|step| log.append(&json!({"event": "step", "step": step})).unwrap());
        run.rewind(10).unwrap();
        assert_eq!(steps(&run), [10]);
        assert_eq!(run.best(), None);
        let text = fs::read_to_string(run.path().join("log.jsonl")).unwrap();
        assert_eq!(text.lines().count(), 6);
        assert!(text.ends_with("\"step\":10}\n"), "{text}");
        let path = run.path().to_path_buf();
        drop(run);
        assert_eq!(RunFolder::open(&path).unwrap().0.best(), None);
    }
}
