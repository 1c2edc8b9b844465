//! `.parquet`: row after row through the column pages that are open. Lists and structs come out as JSON, so that a column
//! of messages reads like one in a JSONL file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use parquet::basic::Compression;
use parquet::data_type::Decimal;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row as Record};
use serde_json::{Map, Number, Value};

use super::kind::Packing;
use super::pages::Pages;
use super::sheet::whole_file;
use super::{DataError, Fault, Fields, Row, footer, guarded};
use crate::data::plan::listed;

/// Rows of a column that are decoded ahead.
const BATCH_ROWS: usize = 64;
/// Columns, counted down to the parts of structs.
const MAX_COLUMNS: usize = 20_000;

/// Groups within groups.
const MAX_DEPTH: usize = 200;

/// The rows of a Parquet file.
pub(in super::super) struct Parquet {
    path: PathBuf,
    rows: RowIter<'static>,
    size: u64,
    /// Rows that the file says it has, and those read.
    count: usize,
    row: usize,
    /// Columns whose values are no text but bytes.
    binary: BTreeSet<String>,
}

impl Parquet {
    /// Reads the footer, which lies at the end of the file.
    pub(super) fn open(path: &Path, packing: Packing) -> Result<Self, DataError> {
        let (mut file, size) = whole_file(path, packing, &[b"PAR1", b"PARE"])?;
        let depth = footer::depth(&mut file, size);
        let depth = depth.map_err(|source| DataError::Unreadable { path: path.to_path_buf(), source })?;
        if let Some(depth) = depth.filter(|&depth| depth > MAX_DEPTH) {
            let reason =
                format!("The columns of the Parquet file are nested {depth} deep, at most {MAX_DEPTH} are read");
            return Err(DataError::Damaged { path: path.to_path_buf(), reason });
        }
        let opened = guarded("the reading of the Parquet file", || {
            let (pages, gzip) = Pages::of(file);
            let reader = SerializedFileReader::new(pages).map_err(|error| damaged(&error))?;
            let count = checked(reader.metadata())?;
            let mut columns = reader.metadata().row_groups().iter().flat_map(|group| group.columns());
            if columns.any(|column| matches!(column.compression(), Compression::GZIP(_))) {
                gzip.set();
            }
            Ok((RowIter::from_file_into(Box::new(reader)).with_batch_size(BATCH_ROWS), count))
        });
        let (rows, count) = opened.and_then(|opened| opened).map_err(|fault| fault.of(path))?;
        if count == 0 {
            return Err(DataError::Empty { path: path.to_path_buf() });
        }
        Ok(Self { path: path.to_path_buf(), rows, size, count, row: 0, binary: BTreeSet::new() })
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        let next = guarded("the reading of the Parquet file", || {
            let record = self.rows.next()?;
            Some(record.map(|record| fields(record, &mut self.binary)))
        });
        let Some(fields) = next.map_err(|fault| fault.of(&self.path))? else {
            if self.row == self.count {
                return Ok(None);
            }
            let reason = format!(
                "The Parquet file says it has {} rows, but holds {}; copy or download it again",
                self.count, self.row
            );
            return Err(DataError::Damaged { path: self.path.clone(), reason });
        };
        self.row += 1;
        let row = self.row;
        let fields = fields.map_err(|error| {
            let reason = format!("The Parquet file is damaged at row {row} ({error}); copy or download it again");
            DataError::Damaged { path: self.path.clone(), reason }
        })?;
        Ok(Some(Row { line: row, part: None, fields: Ok(fields) }))
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = vec!["rows are counted as lines".to_owned()];
        if !self.binary.is_empty() {
            let names: Vec<String> = self.binary.iter().cloned().collect();
            notes.push(format!("bytes that are no text count as empty, in {}", listed(&names)));
        }
        notes
    }

    /// The share of the file that the rows read are, in bytes.
    pub(super) fn on_disk(&self) -> u64 {
        (self.size as f64 * self.row as f64 / self.count.max(1) as f64) as u64
    }
}

fn damaged(error: &dyn std::error::Error) -> Fault {
    Fault::new(format!("The Parquet file is damaged or was cut short ({error}); copy or download it again"))
}

/// The number of rows, where the footer makes sense and every column is packed in a way that can be read.
fn checked(meta: &ParquetMetaData) -> Result<usize, Fault> {
    let columns = meta.file_metadata().schema_descr().num_columns();
    if columns > MAX_COLUMNS {
        return Err(Fault::new(format!("The Parquet file has {columns} columns, at most {MAX_COLUMNS} are read")));
    }
    let mut count: usize = 0;
    for group in meta.row_groups() {
        let rows = usize::try_from(group.num_rows()).ok();
        count = rows
            .and_then(|rows| count.checked_add(rows))
            .ok_or_else(|| Fault::new("The footer of the Parquet file makes no sense; copy or download it again"))?;
        let unread = group.columns().iter().find_map(|column| match column.compression() {
            Compression::BROTLI(_) => Some("Brotli"),
            Compression::LZO => Some("LZO"),
            _ => None,
        });
        if let Some(name) = unread {
            return Err(Fault::new(format!(
                "The columns of the Parquet file are packed with {name}, which is not read; save it with snappy or zstd"
            )));
        }
    }
    Ok(count)
}

/// A record as JSON; the names of columns with bytes that are no text go to `binary`.
fn fields(record: Record, binary: &mut BTreeSet<String>) -> Fields {
    let field = |(name, field): (String, Field)| {
        let mut has_bytes = false;
        let value = value(field, &mut has_bytes);
        if has_bytes && !binary.contains(&name) {
            binary.insert(name.clone());
        }
        (name, value)
    };
    record.into_columns().into_iter().map(field).collect()
}

/// A value as JSON; bytes that are no text are left out and told in `has_bytes`.
fn value(field: Field, has_bytes: &mut bool) -> Value {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    match field {
        Field::Null => Value::Null,
        Field::Bool(truth) => Value::Bool(truth),
        Field::Byte(number) => number.into(),
        Field::Short(number) => number.into(),
        Field::Int(number) => number.into(),
        Field::Long(number) => number.into(),
        Field::UByte(number) => number.into(),
        Field::UShort(number) => number.into(),
        Field::UInt(number) => number.into(),
        Field::ULong(number) => number.into(),
        Field::Float16(number) => float(number.into()),
        Field::Float(number) => float(number.into()),
        Field::Double(number) => float(number),
        Field::Str(text) => Value::String(text),
        Field::Decimal(number) => decimal(&number),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => Value::from(text),
            Err(_) => {
                *has_bytes = true;
                Value::Null
            }
        },
        Field::Date(days) => moment(i64::from(days).saturating_mul(86_400_000_000), "%Y-%m-%d"),
        Field::TimeMillis(millis) => moment(i64::from(millis) * 1000, "%H:%M:%S"),
        Field::TimeMicros(micros) => moment(micros, "%H:%M:%S"),
        Field::TimestampMillis(millis) => moment(millis.saturating_mul(1000), "%Y-%m-%dT%H:%M:%S"),
        Field::TimestampMicros(micros) => moment(micros, "%Y-%m-%dT%H:%M:%S"),
        Field::Group(record) => {
            let columns = record.into_columns().into_iter();
            Value::Object(columns.map(|(name, field)| (name, value(field, has_bytes))).collect())
        }
        Field::ListInternal(list) => {
            list.elements().iter().map(|element| value(element.clone(), has_bytes)).collect::<Vec<_>>().into()
        }
        Field::MapInternal(map) => Value::Object(entries(&map, has_bytes)),
    }
}

fn entries(map: &parquet::record::Map, has_bytes: &mut bool) -> Map<String, Value> {
    let name = |key: &Field| match key {
        Field::Str(text) => text.clone(),
        other => other.to_string(),
    };
    map.entries().iter().map(|(key, field)| (name(key), value(field.clone(), has_bytes))).collect()
}

fn moment(micros: i64, format: &str) -> Value {
    DateTime::from_timestamp_micros(micros).map_or(Value::Null, |moment| moment.format(format).to_string().into())
}

fn decimal(number: &Decimal) -> Value {
    Value::String(Field::Decimal(number.clone()).to_string())
}
