//! Datasets that a user changed: the changes are kept beside the program, so that they are there again when the same files
//! are imported, and a run on changed examples gets a file of its own with them, so that it can be repeated and resumed.
//!
//! ```text
//! datasets/<files and columns>/edits.json
//! datasets/<contents>/<name>-edited.jsonl
//! ```

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::data::{ColumnMap, DataError, Edit, EditLog, Import, LeftOut};
use crate::disk::{DiskError, write_atomic, write_atomic_with};
use crate::job::Job;
use crate::train::FileRef;

const EDITS_FILE: &str = "edits.json";
/// The version of `edits.json` that this program writes; older ones are read, newer ones refused.
const FORMAT: u32 = 2;
/// Digits of a hash that make a name.
const NAME_DIGITS: usize = 16;
/// Cancelling is asked for every so many rows.
const ROWS_PER_CHECK: usize = 4096;

/// The examples of a saved dataset.
pub const EXAMPLES_FILE: &str = "examples.jsonl";
/// The rows that a saved dataset leaves out, each with the reason.
pub const QUARANTINE_FILE: &str = "quarantine.jsonl";

/// Why a dataset could not be kept, saved or read again.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(
        "the changes to this data were kept by a newer version of Hydra Studio (format {found}, this one knows {known}): \
         update the program, or remove the file to begin without changes: {}", path.display()
    )]
    Newer { found: u64, known: u32, path: PathBuf },
    #[error(
        "the changes that were made to this data cannot be read ({reason}): mend the file, or remove it to begin without \
         changes: {}", path.display()
    )]
    Damaged { reason: String, path: PathBuf },
    #[error(transparent)]
    Cancelled(#[from] crate::job::Cancelled),
}

/// The folder of all changed datasets.
#[derive(Clone, Debug)]
pub struct Datasets {
    folder: PathBuf,
}

#[derive(Serialize)]
struct Kept<'a> {
    format: u32,
    edits: Vec<&'a Edit>,
}

/// A row in the quarantine file.
#[derive(Serialize)]
struct Quarantined<'a> {
    file: &'a str,
    line: usize,
    reason: &'a str,
}

impl Datasets {
    /// Those in `folder`, which need not exist.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The changes that were made to these files the last time; none where there are none.
    ///
    /// # Errors
    /// When they are damaged, of a newer version or cannot be read.
    pub fn edits(&self, files: &[FileRef], map: &ColumnMap) -> Result<Vec<Edit>, DatasetError> {
        #[derive(Deserialize)]
        struct Read {
            edits: Vec<Edit>,
        }
        let path = self.edits_of(files, map);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(DiskError::at("read the changes to the data", &path))?,
        };
        let damaged =
            |error: serde_json::Error| DatasetError::Damaged { reason: error.to_string(), path: path.clone() };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(found) if found > u64::from(FORMAT) => Err(DatasetError::Newer { found, known: FORMAT, path }),
            _ => Ok(serde_json::from_value::<Read>(value).map_err(damaged)?.edits),
        }
    }

    /// Keeps the changes made to these files, in place of those that were kept.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(&self, files: &[FileRef], map: &ColumnMap, log: &EditLog) -> Result<(), DatasetError> {
        let path = self.edits_of(files, map);
        let edits: Vec<&Edit> = log.edits().collect();
        if edits.is_empty() && !path.exists() {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(DiskError::at("make the folder for changes to the data", folder))?;
        }
        let text = serde_json::to_vec(&Kept { format: FORMAT, edits }).map_err(io::Error::other);
        let text = text.map_err(DiskError::at("write the changes to the data", &path))?;
        Ok(write_atomic(&path, &text)?)
    }

    /// Writes changed examples to a file whose folder is named by what it holds, and gives its path: the same examples
    /// have the same file. It is called by the first of the files that they came from.
    ///
    /// # Errors
    /// When the disk refuses or the job is cancelled.
    pub fn freeze(&self, import: &Import, job: &Job) -> Result<PathBuf, DatasetError> {
        fs::create_dir_all(&self.folder).map_err(DiskError::at("make the folder for datasets", &self.folder))?;
        let writing = DiskError::at("write the changed examples", &self.folder);
        let draft = tempfile::NamedTempFile::new_in(&self.folder).map_err(writing)?;
        let hash = {
            let mut out = Hashed { out: BufWriter::new(draft.as_file()), hash: Sha256::new() };
            write_examples(import, &mut out, draft.path(), job)?;
            out.flush().map_err(DiskError::at("write the changed examples", draft.path()))?;
            out.hash.finalize()
        };
        let hash: String = format!("{hash:x}").chars().take(NAME_DIGITS).collect();
        let folder = self.folder.join(hash);
        let path = folder.join(format!("{}-edited.jsonl", stem(import)));
        if !path.exists() {
            fs::create_dir_all(&folder).map_err(DiskError::at("make the folder for changed examples", &folder))?;
            let kept = draft.persist(&path).map_err(|error| error.error);
            kept.and_then(|file| file.sync_all()).map_err(DiskError::at("write the changed examples", &path))?;
        }
        Ok(path)
    }

    fn edits_of(&self, files: &[FileRef], map: &ColumnMap) -> PathBuf {
        let contents: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
        let hash = Sha256::digest(json!([contents, map]).to_string());
        let name: String = format!("{hash:x}").chars().take(NAME_DIGITS).collect();
        self.folder.join(name).join(EDITS_FILE)
    }
}

/// Writes the examples of an import to `examples.jsonl` in a folder, as messages with topic and source, and the rows that
/// it leaves out to `quarantine.jsonl`, those that could not be used first. Files of these names are replaced.
///
/// # Errors
/// When the disk refuses or the job is cancelled.
pub fn save_dataset(folder: &Path, import: &Import, log: &EditLog, job: &Job) -> Result<(), DatasetError> {
    fs::create_dir_all(folder).map_err(DiskError::at("make the folder for the dataset", folder))?;
    let (examples, quarantine) = (folder.join(EXAMPLES_FILE), folder.join(QUARANTINE_FILE));
    let mut failed = None;
    let mut within = |done: Result<(), DatasetError>| {
        done.map_err(|error| {
            let told = io::Error::other(error.to_string());
            failed = Some(error);
            told
        })
    };
    let mut written = write_atomic_with(&examples, |out| within(write_examples(import, out, &examples, job)));
    if written.is_ok() {
        written = write_atomic_with(&quarantine, |out| within(write_quarantine(import, log, out, &quarantine)));
    }
    failed.map_or(written.map_err(Into::into), Err)
}

fn write_examples(import: &Import, mut out: impl Write, path: &Path, job: &Job) -> Result<(), DatasetError> {
    let (rows, at) = (import.examples.len(), || DiskError::at("write the examples", path));
    for (index, example) in import.examples.iter().enumerate() {
        if index % ROWS_PER_CHECK == 0 {
            job.check()?;
            job.progress(index as f32 / rows.max(1) as f32, "Writing the examples");
        }
        write_line(&example?, &mut out).map_err(at())?;
    }
    Ok(())
}

fn write_quarantine(import: &Import, log: &EditLog, mut out: impl Write, path: &Path) -> Result<(), DatasetError> {
    let at = || DiskError::at("write the rows left out", path);
    for dropped in import.dropped.iter() {
        let dropped = dropped?;
        let row = Quarantined { file: &dropped.source.file, line: dropped.source.line, reason: &dropped.reason };
        write_line(&row, &mut out).map_err(at())?;
    }
    for LeftOut { row, reason } in log.left_out() {
        let example = log.imported().get(row)?;
        let mut line = json!({ "file": example.source.file, "line": example.source.line, "reason": reason });
        line["messages"] = json!(example.messages);
        write_line(&line, &mut out).map_err(at())?;
    }
    Ok(())
}

fn write_line(value: &impl Serialize, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")
}

/// The name of the first file without its extension.
fn stem(import: &Import) -> String {
    let stem = import.files.first().and_then(|file| file.path.file_stem());
    let stem = stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_else(|| "examples".to_owned());
    // What was changed before and is changed again keeps its name.
    stem.trim_end_matches("-edited").to_owned()
}

/// Hashes what is written.
struct Hashed<'a> {
    out: BufWriter<&'a File>,
    hash: Sha256,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::audit::Fault;
    use crate::data::import;

    const ROWS: &str = "{\"question\":\"A?\",\"answer\":\"a\",\"topic\":\"x\"}\n{\"question\":\"B?\",\"answer\":\"\"}\n\
                        {\"question\":\"C?\",\"answer\":\"c\"}\n";

    struct Place {
        folder: tempfile::TempDir,
        files: Vec<FileRef>,
        import: Import,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("faq.jsonl");
            fs::write(&path, ROWS).unwrap();
            let import = import(std::slice::from_ref(&path), &ColumnMap::default(), &Job::silent()).unwrap();
            Self { files: vec![FileRef::of(&path).unwrap()], folder, import }
        }

        fn datasets(&self) -> Datasets {
            Datasets::at(self.folder.path().join("datasets"))
        }
    }

    fn without_first(import: &mut Import) -> EditLog {
        let mut log = EditLog::new(import.examples.clone());
        import.examples = log.apply(Edit::Drop { rows: vec![0], reason: "too short".into() }).unwrap();
        log
    }

    #[test]
    fn changes_come_back_with_the_same_files_and_columns_alone() {
        let mut place = Place::new();
        let (datasets, map) = (place.datasets(), ColumnMap::default());
        assert_eq!(datasets.edits(&place.files, &map).unwrap(), []);
        datasets.keep(&place.files, &map, &EditLog::default()).unwrap();
        assert!(!place.folder.path().join("datasets").exists(), "nothing is kept of nothing");
        let log = without_first(&mut place.import);
        datasets.keep(&place.files, &map, &log).unwrap();
        assert!(datasets.edits(&place.files, &map).unwrap().iter().eq(log.edits()));
        let other = ColumnMap { topic: Some("topic".into()), ..ColumnMap::default() };
        assert_eq!(datasets.edits(&place.files, &other).unwrap(), []);
        datasets.keep(&place.files, &map, &EditLog::default()).unwrap();
        assert_eq!(datasets.edits(&place.files, &map).unwrap(), []);
    }

    #[test]
    fn changes_that_an_older_version_kept_are_read() {
        let place = Place::new();
        let (datasets, map) = (place.datasets(), ColumnMap::default());
        let path = datasets.edits_of(&place.files, &map);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let old = json!({ "format": 1, "edits": [
            { "drop": { "rows": [0], "reason": "too short" } },
            { "keep": { "rows": [0] } },
            { "replace": { "rows": [[1, [{ "role": "user", "content": "C" }, { "role": "assistant", "content": "d" }]]] } },
            { "label": { "rows": [1], "topic": null } },
            { "set_topics": { "names": ["a"], "of_rows": [0, null], "excluded": [] } },
        ] });
        fs::write(&path, old.to_string()).unwrap();
        let edits = datasets.edits(&place.files, &map).unwrap();
        assert_eq!(edits.len(), 5);
        let mut log = EditLog::new(place.import.examples.clone());
        edits.into_iter().for_each(|edit| drop(log.apply(edit).unwrap()));
        log.apply(Edit::Judge { fault: Fault::PersonalData, is_fine: true }).unwrap();
        datasets.keep(&place.files, &map, &log).unwrap();
        assert!(datasets.edits(&place.files, &map).unwrap().iter().eq(log.edits()));
    }

    #[test]
    fn kept_changes_that_cannot_be_read_are_named() {
        let place = Place::new();
        let (datasets, map) = (place.datasets(), ColumnMap::default());
        let path = datasets.edits_of(&place.files, &map);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for (text, said) in [("{\"format\":3,\"edits\":[]}", "newer version"), ("{\"format\":1", "cannot be read")] {
            fs::write(&path, text).unwrap();
            let error = datasets.edits(&place.files, &map).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(EDITS_FILE), "{error}");
        }
    }

    #[test]
    fn a_frozen_dataset_reads_back_as_it_is_with_its_sources() {
        let mut place = Place::new();
        without_first(&mut place.import);
        let datasets = place.datasets();
        let path = datasets.freeze(&place.import, &Job::silent()).unwrap();
        assert_eq!(path.file_name().unwrap(), "faq-edited.jsonl");
        assert_eq!(datasets.freeze(&place.import, &Job::silent()).unwrap(), path);
        let mut again = import(std::slice::from_ref(&path), &ColumnMap::default(), &Job::silent()).unwrap();
        let read = |import: &Import| import.examples.iter().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(read(&again), read(&place.import));
        assert_eq!(again.examples.source(0).line, 3);
        again.files[0].path = path;
        assert_eq!(stem(&again), "faq");
    }

    #[test]
    fn a_saved_dataset_has_its_rows_and_those_left_out() {
        let mut place = Place::new();
        let log = without_first(&mut place.import);
        let folder = place.folder.path().join("saved");
        save_dataset(&folder, &place.import, &log, &Job::silent()).unwrap();
        let lines = |name: &str| -> Vec<serde_json::Value> {
            let text = fs::read_to_string(folder.join(name)).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let examples = lines(EXAMPLES_FILE);
        assert_eq!((examples.len(), &examples[0]["messages"][1]["content"]), (1, &json!("c")));
        let quarantine = lines(QUARANTINE_FILE);
        let told: Vec<_> = quarantine.iter().map(|row| (row["line"].as_u64().unwrap(), &row["messages"])).collect();
        assert_eq!((told[0].0, told[1].0), (2, 1));
        assert_eq!((&quarantine[1]["reason"], &told[1].1[0]["content"]), (&json!("too short"), &json!("A?")));
    }

    #[test]
    fn a_cancelled_save_leaves_no_file() {
        let place = Place::new();
        let (job, log) = (Job::silent(), EditLog::new(place.import.examples.clone()));
        job.cancel();
        let folder = place.folder.path().join("saved");
        let error = save_dataset(&folder, &place.import, &log, &job).unwrap_err();
        assert!(matches!(error, DatasetError::Cancelled(_)), "{error}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
