//! Files read row by row: a [`Reader`] gives the rows of one file with their lines, and keeps no more than one row in
//! memory. What is wrong with one row becomes that row's fault; what is wrong with the file is an error.

mod array;
mod bytes;
mod cells;
mod columns;
mod disguise;
mod encoding;
mod extent;
mod footer;
mod kind;
mod lines;
mod object;
mod pages;
mod parquet;
mod record;
mod sheet;
mod stream;
mod table;
mod text;
mod workbook;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::DataError;
use array::Array;
use bytes::Bytes;
use columns::Columns;
pub(super) use kind::Kind;
pub use kind::{EXTENSIONS, KINDS_IN_WORDS};
use lines::Lines;
use parquet::Parquet;
use sheet::Sheet;
use table::Table;
use text::Text;

/// A row's columns in the order of the file.
pub(super) type Fields = Map<String, Value>;

/// Longer rows are dropped: nobody trains on them, and a broken file must not fill the memory.
const MAX_ROW_BYTES: usize = 16 << 20;

/// One row of a file.
pub(super) struct Row {
    /// The line on which the row starts, from 1.
    pub line: usize,
    /// What of the file the line is of, where that is not the file itself: another sheet.
    pub part: Option<Arc<str>>,
    /// The columns, or what is wrong with the row.
    pub fields: Result<Fields, String>,
}

/// The rows of one file.
pub(super) enum Reader {
    Lines(Lines),
    Array(Array),
    Columns(Columns),
    Table(Table),
    Text(Text),
    Sheet(Sheet),
    Parquet(Box<Parquet>),
}

impl Reader {
    /// Opens a file of any of the kinds that are read. What stands in a JSON file decides how it is read: an array, one
    /// object after the other, or one object around all rows.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let (kind, packing) = Kind::of(path)?;
        match kind {
            Kind::Sheet => return Sheet::open(path, packing).map(Self::Sheet),
            Kind::Parquet => return Ok(Self::Parquet(Box::new(Parquet::open(path, packing)?))),
            _ => {}
        }
        let mut bytes = Bytes::open(path, packing)?;
        // In a table, a tab may be an empty first column.
        let blank: &[u8] = if matches!(kind, Kind::Csv | Kind::Tsv) { b" \r\n" } else { b" \t\r\n" };
        bytes.skip(blank)?;
        let Some(first) = bytes.peek()? else {
            return Err(DataError::Empty { path: path.to_path_buf() });
        };
        Ok(match (kind, first) {
            (Kind::Csv, _) => Self::Table(Table::new(bytes, b',')?),
            (Kind::Tsv, _) => Self::Table(Table::new(bytes, b'\t')?),
            (Kind::Text | Kind::Markdown, _) => Self::Text(Text::new(bytes, kind == Kind::Markdown)),
            (_, b'[') => Self::Array(Array::in_brackets(bytes)?),
            (Kind::Jsonl, b'{') if !stands_alone(bytes.buffer()?) => Self::Lines(Lines::new(bytes)),
            (_, b'{') => object::reader(bytes)?,
            (Kind::Jsonl, _) => Self::Lines(Lines::new(bytes)),
            _ => Self::Array(Array::in_sequence(bytes)),
        })
    }

    /// The next row, or `None` at the end of the file.
    pub fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        match self {
            Self::Lines(lines) => lines.next_row(),
            Self::Array(array) => array.next_row(),
            Self::Columns(columns) => columns.next_row(),
            Self::Table(table) => table.next_row(),
            Self::Text(text) => text.next_row(),
            Self::Sheet(sheet) => sheet.next_row(),
            Self::Parquet(parquet) => parquet.next_row(),
        }
    }

    /// Whether no later row can have further columns.
    pub fn knows_columns(&self) -> bool {
        matches!(self, Self::Table(_) | Self::Text(_) | Self::Parquet(_))
    }

    /// What is unusual about how the file is written, in words. All of it is known at the end of the file.
    pub fn note(&self) -> Option<String> {
        let (bytes, own) = match self {
            Self::Lines(lines) => (Some(&lines.bytes), Vec::new()),
            Self::Array(array) => (Some(&array.bytes), array.note().into_iter().collect()),
            Self::Columns(columns) => (None, columns.notes()),
            Self::Table(table) => (Some(&table.bytes), table.notes()),
            Self::Text(text) => (Some(&text.bytes), vec![text.note()]),
            Self::Sheet(sheet) => (None, sheet.notes()),
            Self::Parquet(parquet) => (None, parquet.notes()),
        };
        let notes: Vec<String> = own.into_iter().chain(bytes.map(Bytes::notes).unwrap_or_default()).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// Bytes read so far of the file as it lies on disk.
    pub fn on_disk(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.bytes.on_disk(),
            Self::Array(array) => array.bytes.on_disk(),
            Self::Columns(columns) => columns.on_disk(),
            Self::Table(table) => table.bytes.on_disk(),
            Self::Text(text) => text.bytes.on_disk(),
            Self::Sheet(sheet) => sheet.on_disk(),
            Self::Parquet(parquet) => parquet.on_disk(),
        }
    }

    /// Bytes of rows taken so far, unpacked where that is known.
    pub fn position(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.bytes.position(),
            Self::Array(array) => array.bytes.position(),
            Self::Columns(columns) => columns.position(),
            Self::Table(table) => table.bytes.position(),
            Self::Text(text) => text.bytes.position(),
            Self::Sheet(_) | Self::Parquet(_) => self.on_disk(),
        }
    }
}

/// Whether a file's first line is nothing but a brace: then its objects span lines.
fn stands_alone(start: &[u8]) -> bool {
    matches!(start, [b'{', rest @ ..]
        if rest.iter().find(|byte| !matches!(byte, b' ' | b'\t')).is_some_and(|byte| matches!(byte, b'\r' | b'\n')))
}

/// Whether a file is of a kind that an import reads, by its extension.
pub fn is_data_file(path: &Path) -> bool {
    Kind::of(path).is_ok()
}

/// What is wrong with a whole file, and how to mend it; it may travel in an [`io::Error`].
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
struct Fault {
    reason: String,
}

impl Fault {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    fn error(fault: impl Into<Self>) -> io::Error {
        io::Error::other(fault.into())
    }

    /// The reason in an error that carries one.
    fn in_error(error: &io::Error) -> Option<String> {
        error.get_ref()?.downcast_ref::<Self>().map(|fault| fault.reason.clone())
    }

    fn of(self, path: &Path) -> DataError {
        DataError::Damaged { path: path.to_path_buf(), reason: self.reason }
    }
}

impl<T: Into<String>> From<T> for Fault {
    fn from(reason: T) -> Self {
        Self::new(reason)
    }
}

/// What `work` gives, in which another's code reads the file; a panic in it becomes a fault of the file.
fn guarded<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        Fault::new(format!(
            "The file is damaged in a way that broke {what}; save it anew, or in another format such as CSV"
        ))
    })
}

fn too_long() -> String {
    format!("the row is longer than {} MB, which no training needs; shorten it", MAX_ROW_BYTES >> 20)
}

/// The bytes of one row as text.
fn decode(bytes: &[u8]) -> Result<&str, String> {
    if bytes.contains(&0) {
        let at = bytes.iter().take_while(|&&byte| byte != 0).count();
        return Err(format!(
            "there is a NUL byte in the row (byte {}); the file may be damaged, write the row anew",
            at + 1
        ));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        format!("the row is not UTF-8 text (byte {} of the row); save the file as UTF-8", error.valid_up_to() + 1)
    })
}

/// One JSON object whose text starts on `first_line`.
fn parse_object(bytes: &[u8], first_line: usize) -> Result<Fields, String> {
    let text = decode(bytes)?;
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(with_instance(fields)),
        Ok(other) => Err(format!("a row must be an object in braces with named columns, this one is {}", name(&other))),
        Err(error) => Err(describe(text, first_line, &error)),
    }
}

/// The columns of a row whose input and output are its only instance, as Self-Instruct has them.
fn with_instance(mut fields: Fields) -> Fields {
    let Some(Value::Array(instances)) = fields.get("instances") else { return fields };
    if let [Value::Object(instance)] = instances.as_slice()
        && instance.contains_key("output")
        && !fields.contains_key("output")
    {
        let instance = instance.clone();
        fields.shift_remove("instances");
        fields.extend(instance);
    }
    fields
}

/// What kind of value stands there, in words.
pub(super) fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing (null)",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A JSON fault with its place in the file; columns are counted in characters, as an editor does.
fn describe(text: &str, first_line: usize, error: &serde_json::Error) -> String {
    let message = error.to_string();
    let what = match message.split(" at line ").next().unwrap_or(&message) {
        what if what.contains("surrogate") || what.contains("hex escape") => {
            "half of a surrogate pair: a character such as an emoji was cut in two; write the row anew"
        }
        what => what,
    };
    let start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let before = text.get(..text.floor_char_boundary(start + error.column().saturating_sub(1))).unwrap_or_default();
    let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    let (lines_before, column) = (line_ends(before), line.chars().count() + 1);
    if lines_before == 0 {
        format!("broken JSON at column {column}: {what}")
    } else {
        format!("broken JSON on line {}, column {column}: {what}", first_line + lines_before)
    }
}

/// Line ends in a text: LF, CRLF or CR.
fn line_ends(text: &str) -> usize {
    text.matches(['\n', '\r']).count() - text.matches("\r\n").count()
}
