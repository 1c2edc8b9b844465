//! Files and folders in, examples and dropped rows out.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::convert::convert;
use super::folder::{files_in, left_out};
use super::plan::{Accept, Plan, Used};
use super::read::{Fields, Reader, Row};
use super::shape::same_name;
use super::{ColumnMap, DataError, Dropped, DroppedRows, Example, Examples, ExamplesBuilder, Shape, Source, Sure};
use crate::figures::counted;
use crate::job::Job;

/// Rows that are looked at before a shape is chosen.
const SAMPLE_ROWS: usize = 50;
/// The look ahead also ends after this many bytes, so that long rows do not fill the memory.
const SAMPLE_BYTES: u64 = 8 << 20;
/// Examples that are shown before the whole file is read.
const FIRST_ROWS: usize = 14;
/// Column names that are remembered, beside those that are mapped by hand.
const MAX_COLUMNS: usize = 20_000;
/// Column names that are offered to choose from.
const MAX_OFFERED: usize = 1000;
/// Progress is told, and cancelling asked for, every so many rows.
const ROWS_PER_REPORT: usize = 512;

/// What was read.
#[derive(Clone, Debug)]
pub struct Import {
    pub files: Vec<FileImport>,
    /// The rows that can be used, in the order of the files.
    pub examples: Examples,
    /// The rows that cannot, each with file, line and reason.
    pub dropped: DroppedRows,
    /// All rows: kept and dropped.
    pub rows: usize,
}

/// What was read from one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileImport {
    pub path: PathBuf,
    pub shape: Shape,
    /// Why that shape, which column plays which part, what is unusual about the file and how sure all that is, in words.
    pub explanation: String,
    /// How sure it is.
    #[serde(default)]
    pub sure: Sure,
    /// Part to column: `prompt` to `question`. Several columns are separated by commas.
    pub mapping: BTreeMap<String, String>,
    /// The columns found, in the order of the file.
    pub columns: Vec<String>,
    pub rows: usize,
    pub kept: usize,
}

/// Reads files of all kinds that [`KINDS_IN_WORDS`](super::KINDS_IN_WORDS) lists; of a folder, those that [`files_in`]
/// gives. The shape of each file is
/// detected, except for the columns that `map` names.
///
/// Rows that cannot be used are dropped with file, line and reason. Errs where a whole file is of no use, and when the
/// job is cancelled.
pub fn import(paths: &[PathBuf], map: &ColumnMap, job: &Job) -> Result<Import, DataError> {
    import_all(paths, map, Accept::Conversations, job, |_| {})
}

/// As [`import`]; `first` is shown the first examples as soon as they are read, long before the end of a large file.
pub fn import_showing(
    paths: &[PathBuf],
    map: &ColumnMap,
    job: &Job,
    first: impl FnOnce(&[Example]),
) -> Result<Import, DataError> {
    import_all(paths, map, Accept::Conversations, job, first)
}

/// As [`import`], for pre-training: a file whose columns fit no conversation, but are called `text`, is read too. Each of
/// its texts becomes an example of one assistant message.
pub fn import_with_texts(paths: &[PathBuf], map: &ColumnMap, job: &Job) -> Result<Import, DataError> {
    import_all(paths, map, Accept::AlsoTexts, job, |_| {})
}

/// The columns that the first rows of the files have, in the order in which they are first seen. Paths are taken as by
/// [`import`]; errs where a file cannot be read.
pub fn found_columns(paths: &[PathBuf]) -> Result<Vec<String>, DataError> {
    let mut columns = FoundColumns::default();
    for path in files_in(paths)? {
        let rows = sample(&mut Reader::open(&path)?)?;
        rows.iter().filter_map(|row| row.fields.as_ref().ok()).for_each(|fields| columns.add(fields));
    }
    columns.names.truncate(MAX_OFFERED);
    Ok(columns.names)
}

fn import_all(
    paths: &[PathBuf],
    map: &ColumnMap,
    accept: Accept,
    job: &Job,
    first: impl FnOnce(&[Example]),
) -> Result<Import, DataError> {
    let mut first = Some(first);
    let files = files_in(paths)?;
    let sizes: Vec<u64> = files.iter().map(|path| path.metadata().map_or(0, |meta| meta.len())).collect();
    let total = sizes.iter().sum::<u64>().max(1);
    let mut sorted = Sorted::default();
    let mut before = 0;
    map.check_distinct()?;
    for (path, size) in files.iter().zip(sizes) {
        let watch = Watch { job, name: file_name(path), before, total };
        let mut tell_first = |examples: &[Example]| {
            if let Some(first) = first.take() {
                first(examples);
            }
        };
        read_file(path, map, accept, &watch, &mut sorted, &mut tell_first)?;
        if let (Some(file), Some(note)) = (sorted.files.last_mut(), left_out(path, &files)) {
            file.explanation.push_str(&format!(" Also: {note}."));
        }
        before += size;
    }
    let Sorted { files, examples, dropped, .. } = sorted;
    let rows = examples.len() + dropped.len();
    Ok(Import { files, examples: examples.finish(), dropped, rows })
}

/// What is read so far.
#[derive(Default)]
struct Sorted {
    files: Vec<FileImport>,
    examples: ExamplesBuilder,
    dropped: DroppedRows,
    /// The first examples, to be shown.
    first: Vec<Example>,
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Tells how far the import is.
struct Watch<'a> {
    job: &'a Job,
    name: String,
    /// Bytes of the files before this one.
    before: u64,
    /// Bytes of all files.
    total: u64,
}

impl Watch<'_> {
    fn report(&self, rows: usize, position: u64) -> Result<(), DataError> {
        self.job.check()?;
        let share = (self.before + position) as f64 / self.total as f64;
        self.job.progress(share.min(1.0) as f32, format!("Reading {}: {}", self.name, counted(rows, "row")));
        Ok(())
    }
}

fn read_file(
    path: &Path,
    map: &ColumnMap,
    accept: Accept,
    watch: &Watch,
    sorted: &mut Sorted,
    tell_first: &mut dyn FnMut(&[Example]),
) -> Result<(), DataError> {
    watch.report(0, 0)?;
    let stamp = stamp(path);
    let mut reader = Reader::open(path)?;
    let sample = sample(&mut reader)?;
    let mut columns = FoundColumns::with(map);
    let usable: Vec<&Fields> = sample.iter().filter_map(|row| row.fields.as_ref().ok()).collect();
    usable.iter().for_each(|fields| columns.add(fields));
    if usable.is_empty() {
        return Err(no_usable_row(path, &sample));
    }
    let next = reader.next_row()?;
    if next.is_none() || reader.knows_columns() {
        map.check_found(&columns.names, path)?;
    }
    let plan = Plan::new(&usable, &columns.names, map, accept, path)?;
    let mut file = File { plan, path: path.display().to_string(), used: Used::default(), columns, rows: 0, kept: 0 };
    let first_dropped = sorted.dropped.len();
    for row in sample.into_iter().chain(next) {
        file.take(row, sorted)?;
    }
    if !sorted.first.is_empty() {
        tell_first(&sorted.first);
    }
    while let Some(row) = reader.next_row()? {
        file.take(row, sorted)?;
        if file.rows.is_multiple_of(ROWS_PER_REPORT) {
            watch.report(file.rows, reader.on_disk())?;
        }
    }
    if self::stamp(path) != stamp {
        return Err(DataError::Changed { path: path.to_path_buf() });
    }
    // Only now is it known that a mapped column is in none of the rows.
    map.check_found(&file.columns.names, path)?;
    if file.kept == 0 && first_dropped < sorted.dropped.len() {
        let Dropped { source: Source { line, .. }, reason } = sorted.dropped.get(first_dropped)?;
        return Err(DataError::NoUsableRow { path: path.to_path_buf(), rows: file.rows, line, reason });
    }
    watch.report(file.rows, reader.on_disk())?;
    sorted.files.push(FileImport {
        path: path.to_path_buf(),
        shape: file.plan.shape,
        sure: file.plan.certainty.sure,
        explanation: file.used.explain(&file.plan, &file.columns.names, reader.note()),
        mapping: file.used.mapping(),
        columns: file.columns.names.into_iter().take(MAX_OFFERED).collect(),
        rows: file.rows,
        kept: file.kept,
    });
    Ok(())
}

/// Differs where a file was written to or replaced in between. A pipe, which has no size, is not watched.
pub fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let meta = path.metadata().ok()?;
    meta.is_file().then_some((meta.len(), meta.modified().ok()?))
}

/// The first rows of a file, with those that are broken.
fn sample(reader: &mut Reader) -> Result<Vec<Row>, DataError> {
    let mut rows = Vec::new();
    let mut usable = 0;
    while usable < SAMPLE_ROWS && (usable == 0 || reader.position() < SAMPLE_BYTES) {
        let Some(row) = reader.next_row()? else { break };
        usable += usize::from(row.fields.is_ok());
        rows.push(row);
    }
    Ok(rows)
}

/// The error for a file in which not one row could be read.
fn no_usable_row(path: &Path, rows: &[Row]) -> DataError {
    let path = path.to_path_buf();
    match rows.first() {
        Some(Row { line, fields: Err(reason), .. }) => {
            DataError::NoUsableRow { path, rows: rows.len(), line: *line, reason: reason.clone() }
        }
        _ => DataError::Empty { path },
    }
}

/// Column names in the order in which they were first seen.
#[derive(Default)]
struct FoundColumns {
    names: Vec<String>,
    known: HashSet<String>,
    /// Mapped by hand, and so remembered in any case.
    mapped: Vec<String>,
}

impl FoundColumns {
    fn with(map: &ColumnMap) -> Self {
        let mapped = map.entries().map(|(_, column)| column.to_owned()).collect();
        Self { mapped, ..Self::default() }
    }

    fn add(&mut self, fields: &Fields) {
        for name in fields.keys() {
            let is_wanted = || self.mapped.iter().any(|mapped| same_name(mapped, name));
            if (self.names.len() < MAX_COLUMNS || is_wanted()) && !self.known.contains(name) {
                self.known.insert(name.clone());
                self.names.push(name.clone());
            }
        }
    }
}

/// Where a row stood before it was written to a dataset of this program.
fn first_source(fields: &Fields) -> Option<Source> {
    let source = fields.get("source").filter(|source| source.is_object())?;
    serde_json::from_value(source.clone()).ok()
}

/// A file that is being read.
struct File {
    plan: Plan,
    path: String,
    used: Used,
    columns: FoundColumns,
    rows: usize,
    kept: usize,
}

impl File {
    /// Puts one row where it belongs.
    fn take(&mut self, row: Row, sorted: &mut Sorted) -> Result<(), DataError> {
        self.rows += 1;
        let file = row.part.map_or_else(|| self.path.clone(), |part| format!("{}, {part}", self.path));
        let mut source = Source { file, line: row.line };
        let result = row.fields.and_then(|fields| {
            self.columns.add(&fields);
            if let Some(first) = first_source(&fields) {
                source = first;
            }
            convert(&self.plan, &fields, &mut self.used)
        });
        match result {
            Ok((messages, topic)) => {
                self.kept += 1;
                let example = Example { messages, topic, source };
                sorted.examples.push(&example)?;
                if sorted.first.len() < FIRST_ROWS {
                    sorted.first.push(example);
                }
                Ok(())
            }
            Err(reason) => sorted.dropped.push(&Dropped { source, reason }),
        }
    }
}
