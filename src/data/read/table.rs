//! `.csv`: a header line, then a record a row.
//!
//! Read by a small machine of its own because three things matter here that are easily lost: the line on which a record
//! starts although its texts span lines, a quotation mark that is never closed, and a bound on a record's length.

use serde_json::Value;

use super::bytes::Bytes;
use super::{DataError, Fields, MAX_ROW_BYTES, Row, decode, too_long};

/// No record has more values than this: what comes beyond them is not kept, and the record is refused as ragged.
const MAX_VALUES: usize = 1 << 16;

/// The rows of a table. Values are separated by commas, or by semicolons or tabs where the header has more of these.
pub(in super::super) struct Table {
    pub(super) bytes: Bytes,
    separator: u8,
    columns: Vec<String>,
}

/// One line of the table, or several where a quoted text spans them.
struct Record {
    line: usize,
    values: Vec<Vec<u8>>,
    fault: Option<String>,
}

impl Table {
    /// Reads the header.
    pub(super) fn new(mut bytes: Bytes) -> Result<Self, DataError> {
        let separator = separator_of(bytes.buffer()?);
        let mut table = Self { bytes, separator, columns: Vec::new() };
        let path = table.bytes.path().to_path_buf();
        let Some(header) = table.next_record()? else { return Err(DataError::Empty { path }) };
        if header.fault.is_some() {
            return Err(DataError::Unfinished { path, line: header.line });
        }
        for (index, value) in header.values.iter().enumerate() {
            let Ok(name) = std::str::from_utf8(value) else {
                return Err(DataError::NotUtf8 { path, found: "in another encoding" });
            };
            let name = match name.trim() {
                "" => format!("column {}", index + 1),
                name => name.to_owned(),
            };
            if table.columns.contains(&name) {
                return Err(DataError::RepeatedColumn { path, column: name });
            }
            table.columns.push(name);
        }
        Ok(table)
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        let Some(record) = self.next_record()? else { return Ok(None) };
        let fields = match record.fault {
            Some(fault) => Err(fault),
            None => self.fields(&record.values),
        };
        Ok(Some(Row { line: record.line, fields }))
    }

    fn fields(&self, values: &[Vec<u8>]) -> Result<Fields, String> {
        if values.len() != self.columns.len() {
            return Err(format!(
                "the row has {} values, the header has {} columns; put a text that holds a separator or line break in \
                 quotation marks",
                values.len(),
                self.columns.len()
            ));
        }
        let pairs = self.columns.iter().zip(values);
        pairs.map(|(column, value)| Ok((column.clone(), Value::String(decode(value)?.to_owned())))).collect()
    }

    /// The next record that is not a blank line.
    fn next_record(&mut self) -> Result<Option<Record>, DataError> {
        loop {
            let mut draft = Draft::new(self.bytes.line());
            if self.bytes.peek()?.is_none() {
                return Ok(None);
            }
            while let Some(byte) = self.bytes.take()? {
                let next = self.bytes.peek()?;
                match draft.step(byte, next, self.separator) {
                    Step::Go => {}
                    Step::TakeNext => {
                        self.bytes.take()?;
                    }
                    Step::End => break,
                }
            }
            let record = draft.finish(self.bytes.line());
            if record.fault.is_some() || record.values.iter().any(|value| !value.trim_ascii().is_empty()) {
                return Ok(Some(record));
            }
        }
    }
}

/// A record that is being read.
struct Draft {
    line: usize,
    values: Vec<Vec<u8>>,
    value: Vec<u8>,
    quoted: bool,
    length: usize,
}

enum Step {
    Go,
    /// The next byte belongs to this one: a doubled quotation mark.
    TakeNext,
    End,
}

impl Draft {
    fn new(line: usize) -> Self {
        Self { line, values: Vec::new(), value: Vec::new(), quoted: false, length: 0 }
    }

    fn step(&mut self, byte: u8, next: Option<u8>, separator: u8) -> Step {
        self.length += 1;
        match byte {
            b'"' if self.quoted && next == Some(b'"') => {
                self.push(b'"');
                return Step::TakeNext;
            }
            b'"' if self.quoted => self.quoted = false,
            _ if self.quoted => self.push(byte),
            // Only a mark that opens a value quotes it: 5" pipe is a text.
            b'"' if self.value.trim_ascii().is_empty() => {
                self.value.clear();
                self.quoted = true;
            }
            b'\n' => return Step::End,
            b'\r' if next == Some(b'\n') => {}
            b'\r' => return Step::End,
            _ if byte == separator => self.end_value(),
            _ => self.push(byte),
        }
        Step::Go
    }

    fn end_value(&mut self) {
        if self.values.len() < MAX_VALUES {
            self.values.push(std::mem::take(&mut self.value));
        }
    }

    fn push(&mut self, byte: u8) {
        if self.length <= MAX_ROW_BYTES {
            self.value.push(byte);
        }
    }

    fn finish(mut self, last_line: usize) -> Record {
        self.values.push(self.value);
        let fault = if self.quoted {
            Some(format!(
                "a quotation mark opened in this row is never closed, so lines {} to {last_line} could not be read",
                self.line
            ))
        } else {
            (self.length > MAX_ROW_BYTES).then(too_long)
        };
        Record { line: self.line, values: self.values, fault }
    }
}

/// The separator that the header has most of.
fn separator_of(start: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for &byte in start {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                for (separator, count) in &mut counts {
                    *count += usize::from(*separator == byte);
                }
            }
        }
    }
    counts.into_iter().rev().max_by_key(|&(_, count)| count).map_or(b',', |(separator, _)| separator)
}
