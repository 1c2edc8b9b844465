//! `run.json`: everything needed to repeat, resume and compare a run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{RunError, TrainSettings};
use crate::adapter::CardInfo;
use crate::disk::{DiskError, write_atomic};
use crate::model::BaseModel;
use crate::text::Clock;

/// The file's name in a run folder.
pub(crate) const RUN_FILE: &str = "run.json";

/// What a run is, resolved: written once at its start, before the first step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// [`RunFile::FORMAT`] where this program wrote it.
    pub format: u32,
    /// Version of Hydra Studio that began the run.
    pub version: String,
    /// When it began, as RFC 3339.
    pub started: String,
    pub settings: TrainSettings,
    pub model: ModelRef,
    pub data: DataRef,
    /// The device it began on, in words.
    pub device: String,
    /// Optimizer steps of the whole run.
    pub steps: usize,
    /// Examples trained on.
    pub examples: usize,
    /// Examples held out of training.
    pub held_out: usize,
    /// Trainable parameters of `A` and `B`; 0 where an earlier version, which did not count them, began the run.
    #[serde(default)]
    pub parameters: usize,
    /// Trainable parameters of the routers.
    #[serde(default)]
    pub router_parameters: usize,
}

/// The base model of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRef {
    pub path: PathBuf,
    /// The name written into adapter configs.
    pub name: String,
    /// Differs where the weights or the config differ.
    pub fingerprint: String,
}

/// The data of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum DataRef {
    /// Files of examples.
    Rows {
        files: Vec<FileRef>,
        /// Columns mapped by hand: part to column; empty where all was detected.
        columns: BTreeMap<String, String>,
    },
    /// One file of token ids.
    Tokens { file: FileRef },
}

/// A file and its contents at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    pub path: PathBuf,
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
}

impl RunFile {
    /// The version of `run.json` that this program writes; older ones are read, newer ones refused.
    pub const FORMAT: u32 = 1;

    /// Reads `run.json` of the run folder at `folder`. Needs no lock: the file is replaced as a whole.
    ///
    /// # Errors
    /// When it is missing, damaged or of a newer version.
    pub fn read(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(RUN_FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(RunError::NotARun { path: folder.to_path_buf() });
            }
            other => other.map_err(DiskError::at("read the run", &path))?,
        };
        let damaged = |error: serde_json::Error| RunError::Damaged { reason: error.to_string(), path: path.clone() };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(found) if found > u64::from(Self::FORMAT) => {
                Err(RunError::Newer { found, known: Self::FORMAT, path: path.clone() })
            }
            _ => serde_json::from_value(value).map_err(damaged),
        }
    }

    /// The time that chat templates are told when the run goes on: that of its start, so that a template which prints the
    /// date gives the same tokens on another day.
    pub fn clock(&self) -> Clock {
        let started = DateTime::parse_from_rfc3339(&self.started);
        started.map_or(Clock::Now, |time| Clock::At(time.with_timezone(&Local).naive_local()))
    }

    /// Errs where `model` is not the one the run began with.
    ///
    /// # Errors
    /// When its fingerprint differs.
    pub fn check_model(&self, model: &BaseModel) -> Result<(), RunError> {
        if model.fingerprint == self.model.fingerprint {
            Ok(())
        } else {
            Err(RunError::OtherModel { name: self.model.name.clone(), path: model.path.clone() })
        }
    }

    /// What the model card of this run's adapters says; the held-out losses are of each checkpoint.
    pub(crate) fn card(&self) -> CardInfo {
        let s = &self.settings;
        let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let rows = [
            ("Optimizer steps", self.steps.to_string()),
            ("Examples", self.examples.to_string()),
            ("Held-out examples", self.held_out.to_string()),
            ("Examples of one step", s.effective_batch().to_string()),
            ("Longest example", format!("{} tokens", s.context)),
            ("Learning rate", s.lr.to_string()),
            ("Seed", s.seed.to_string()),
        ];
        CardInfo {
            data: self.data.files().iter().map(|f| name(&f.path)).collect(),
            training: rows.map(|(what, value)| (what.to_owned(), value)).to_vec(),
            held_out_before: None,
            held_out_after: None,
        }
    }

    /// Writes `run.json` into the run folder at `folder`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), DiskError> {
        write_json(&folder.join(RUN_FILE), self)
    }
}

impl FileRef {
    /// The file at `path` as it is now, under its absolute path.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(path: &Path) -> Result<Self, DiskError> {
        let at = || DiskError::at("read the data", path);
        let mut file = File::open(path).map_err(at())?;
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut block = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut block).map_err(at())?;
            let Some(part) = block.get(..read).filter(|part| !part.is_empty()) else { break };
            hash.update(part);
            bytes += read as u64;
        }
        let path = std::path::absolute(path).map_err(at())?;
        Ok(Self { path, bytes, sha256: format!("{:x}", hash.finalize()) })
    }

    /// Errs where the file is no longer as it was.
    ///
    /// # Errors
    /// When it is missing or its contents differ.
    pub fn check(&self) -> Result<(), RunError> {
        let now = Self::of(&self.path)?;
        if now.sha256 == self.sha256 { Ok(()) } else { Err(RunError::Changed { path: self.path.clone() }) }
    }
}

impl DataRef {
    /// Every file of the data.
    pub fn files(&self) -> &[FileRef] {
        match self {
            Self::Rows { files, .. } => files,
            Self::Tokens { file } => std::slice::from_ref(file),
        }
    }
}

/// Writes `value` as JSON that a person can read.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DiskError> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| DiskError::new("write the file", path, error.into()))?;
    text.push(b'\n');
    write_atomic(path, &text)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run file with something in every field.
    pub(crate) fn example() -> RunFile {
        RunFile {
            format: RunFile::FORMAT,
            version: "0.1.0".into(),
            started: "2026-01-02T03:04:05Z".into(),
            settings: TrainSettings { lr: 3e-4, seed: 7, ..TrainSettings::default() },
            model: ModelRef { path: "/models/tiny".into(), name: "tiny".into(), fingerprint: "abc".into() },
            data: DataRef::Rows { files: Vec::new(), columns: BTreeMap::from([("prompt".into(), "ask".into())]) },
            device: "CPU".into(),
            steps: 100,
            examples: 800,
            held_out: 40,
            parameters: 1200,
            router_parameters: 30,
        }
    }

    #[test]
    fn templates_are_told_the_time_of_the_start() {
        let Clock::At(time) = example().clock() else { panic!("the start is a time") };
        let there = time.and_local_timezone(Local).single().unwrap().to_utc();
        assert_eq!(there.to_rfc3339(), "2026-01-02T03:04:05+00:00");
        let unknown = RunFile { started: "some day".into(), ..example() };
        assert_eq!(unknown.clock(), Clock::Now);
    }

    #[test]
    fn a_run_file_comes_back_as_written() {
        let dir = tempfile::tempdir().unwrap();
        example().write(dir.path()).unwrap();
        assert_eq!(RunFile::read(dir.path()).unwrap(), example());
    }

    #[test]
    fn a_newer_run_is_refused_by_its_version() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(RUN_FILE), "{\"format\": 9, \"unknown\": 1}").unwrap();
        let message = RunFile::read(dir.path()).unwrap_err().to_string();
        assert!(message.contains("newer version") && message.contains("format 9"), "{message}");
    }

    #[test]
    fn a_damaged_or_missing_run_file_is_said() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(RunFile::read(dir.path()), Err(RunError::NotARun { .. })));
        for text in ["{\"format\": 1", "{\"format\": 1}", "[]", ""] {
            fs::write(dir.path().join(RUN_FILE), text).unwrap();
            assert!(matches!(RunFile::read(dir.path()), Err(RunError::Damaged { .. })), "{text}");
        }
    }

    #[test]
    fn a_changed_data_file_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.jsonl");
        fs::write(&path, "abc").unwrap();
        let file = FileRef::of(&path).unwrap();
        assert_eq!(file.bytes, 3);
        assert_eq!(file.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        file.check().unwrap();
        fs::write(&path, "abd").unwrap();
        assert!(matches!(file.check(), Err(RunError::Changed { .. })));
    }
}
