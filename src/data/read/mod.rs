//! Files read row by row: a [`Reader`] gives the rows of one file with their lines, and keeps no more than one row in
//! memory. What is wrong with one row becomes that row's fault; what is wrong with the file is an error.

mod array;
mod bytes;
mod lines;
mod record;
mod table;

use std::path::Path;

use serde_json::{Map, Value};

use super::DataError;
use array::Array;
use bytes::Bytes;
use lines::Lines;
use table::Table;

/// A row's columns in the order of the file.
pub(super) type Fields = Map<String, Value>;

/// Longer rows are dropped: nobody trains on them, and a broken file must not fill the memory.
const MAX_ROW_BYTES: usize = 16 << 20;

/// One row of a file.
pub(super) struct Row {
    /// The line on which the row starts, from 1.
    pub line: usize,
    /// The columns, or what is wrong with the row.
    pub fields: Result<Fields, String>,
}

/// The rows of one file.
pub(super) enum Reader {
    Lines(Lines),
    Array(Array),
    Table(Table),
}

impl Reader {
    /// Opens a `.jsonl`, `.json` or `.csv` file. What stands in a JSON file decides how it is read: an array, or one
    /// object after the other.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let kind = Kind::of(path)?;
        let mut bytes = Bytes::open(path)?;
        // In a table, a tab may be an empty first column.
        let blank: &[u8] = if matches!(kind, Kind::Csv) { b" \r\n" } else { b" \t\r\n" };
        bytes.skip(blank)?;
        let Some(first) = bytes.peek()? else {
            return Err(DataError::Empty { path: path.to_path_buf() });
        };
        Ok(match (kind, first) {
            (Kind::Csv, _) => Self::Table(Table::new(bytes)?),
            (Kind::Jsonl | Kind::Json, b'[') => Self::Array(Array::in_brackets(bytes)?),
            (Kind::Jsonl, _) => Self::Lines(Lines::new(bytes)),
            (Kind::Json, _) => Self::Array(Array::in_sequence(bytes)),
        })
    }

    /// The next row, or `None` at the end of the file.
    pub fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        match self {
            Self::Lines(lines) => lines.next_row(),
            Self::Array(array) => array.next_row(),
            Self::Table(table) => table.next_row(),
        }
    }

    /// Whether no later row can have further columns.
    pub fn knows_columns(&self) -> bool {
        matches!(self, Self::Table(_))
    }

    /// What is unusual about how the file is written, in words.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Table(table) => table.unusual_separator().map(|name| format!("values are separated by {name}")),
            Self::Lines(_) | Self::Array(_) => None,
        }
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.bytes.position(),
            Self::Array(array) => array.bytes.position(),
            Self::Table(table) => table.bytes.position(),
        }
    }
}

/// Whether a file is of a kind that an import reads, by its extension.
pub fn is_data_file(path: &Path) -> bool {
    Kind::of(path).is_ok()
}

/// The kinds of file that are read, by extension.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Jsonl,
    Json,
    Csv,
}

impl Kind {
    /// The kind that a path's extension names.
    pub fn of(path: &Path) -> Result<Self, DataError> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        let advice = match extension.as_str() {
            "jsonl" => return Ok(Self::Jsonl),
            "json" => return Ok(Self::Json),
            "csv" => return Ok(Self::Csv),
            "xlsx" | "xls" | "ods" | "numbers" => "save the sheet as \"CSV UTF-8\" in your spreadsheet program",
            "tsv" => "rename it to .csv, in which tabs between the values are recognised",
            "ndjson" => "rename it to .jsonl",
            "gz" | "zip" | "xz" | "zst" | "bz2" | "7z" => "unpack it first",
            _ => "use .jsonl, .json or .csv",
        };
        let kind = if extension.is_empty() { "without an extension".to_owned() } else { format!(".{extension}") };
        Err(DataError::UnsupportedKind { path: path.to_path_buf(), kind, advice })
    }
}

/// A row too long to be read.
fn too_long() -> String {
    format!("the row is longer than {} MB; shorten it", MAX_ROW_BYTES >> 20)
}

/// The bytes of one row as text.
fn decode(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| {
        format!("the row is not UTF-8 text (byte {} of the row); save the file as UTF-8", error.valid_up_to() + 1)
    })
}

/// One JSON object whose text starts on `first_line`.
fn parse_object(bytes: &[u8], first_line: usize) -> Result<Fields, String> {
    let text = decode(bytes)?;
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(format!("a row must be an object in braces with named columns, this one is {}", name(&other))),
        Err(error) => Err(describe(text, first_line, &error)),
    }
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
    let what = message.split(" at line ").next().unwrap_or(&message);
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
