//! `.csv` and `.tsv`: a header line, then a record a row.
//!
//! Read by a small machine of its own because four things matter here that are easily lost: the line on which a record
//! starts although its texts span lines, a quotation mark that is never closed, the rows that it would swallow, and a
//! bound on a record's length.

use std::collections::HashSet;

use serde_json::Value;

use super::bytes::Bytes;
use super::record::{Draft, Marks, Step, holds_rows, marks_of, quote_of, stated_separator, width_of_choices};
use super::{DataError, Fields, MAX_ROW_BYTES, Row, decode, too_long};
use crate::figures::counted;

/// The rows of a table. Values are separated by commas, semicolons, tabs or bars, as the first records show.
pub(in super::super) struct Table {
    pub(super) bytes: Bytes,
    marks: Marks,
    /// The separator that the kind of file is named after.
    usual: u8,
    columns: Vec<String>,
    has_header: bool,
}

/// One line of the table, or several where a quoted text spans them.
struct Record {
    line: usize,
    values: Vec<Vec<u8>>,
    fault: Option<String>,
}

impl Table {
    /// Reads the header of a table whose kind is named after the separator `usual`.
    pub(super) fn new(mut bytes: Bytes, usual: u8) -> Result<Self, DataError> {
        let start = bytes.buffer()?;
        let (marks, stated) = match stated_separator(start) {
            Some((separator, length)) => {
                (Marks { separator, quote: quote_of(start.get(length..).unwrap_or_default()) }, length)
            }
            None => (marks_of(start, usual), 0),
        };
        let choices = if stated == 0 { width_of_choices(start, marks) } else { None };
        for _ in 0..stated {
            bytes.take()?;
        }
        let mut table = Self { bytes, marks, usual, columns: Vec::new(), has_header: choices.is_none() };
        match choices {
            Some(width) => {
                let letters = ('A'..='Z').map(String::from).take(width - 2);
                table.columns =
                    ["question".to_owned()].into_iter().chain(letters).chain(["answer".to_owned()]).collect();
            }
            None => table.read_header()?,
        }
        Ok(table)
    }

    fn read_header(&mut self) -> Result<(), DataError> {
        let path = self.bytes.path().to_path_buf();
        let Some(header) = self.next_record()? else { return Err(DataError::Empty { path }) };
        if let Some(reason) = header.fault {
            return Err(DataError::Header { path, line: header.line, reason });
        }
        let mut known = HashSet::new();
        for (index, value) in header.values.iter().enumerate() {
            let Ok(name) = std::str::from_utf8(value) else {
                return Err(DataError::NotUtf8 { path, found: "in another encoding" });
            };
            let name = match name.trim() {
                "" => format!("column {}", index + 1),
                name => name.to_owned(),
            };
            if !known.insert(name.clone()) {
                return Err(DataError::RepeatedColumn { path, column: name });
            }
            self.columns.push(name);
        }
        Ok(())
    }

    /// What is unusual about how the table is written.
    pub(super) fn notes(&self) -> Vec<String> {
        let separator = match self.marks.separator {
            separator if separator == self.usual => None,
            b',' => Some("commas".to_owned()),
            b';' => Some("semicolons".to_owned()),
            b'\t' => Some("tabs".to_owned()),
            other => Some(format!("\"{}\"", char::from(other))),
        };
        let mut notes: Vec<String> =
            separator.map(|name| format!("values are separated by {name}")).into_iter().collect();
        if self.marks.quote == b'\'' {
            notes.push("texts stand in single quotation marks".to_owned());
        }
        if !self.has_header {
            notes.push(
                "the first line names no columns, but each line is a question, its choices and the letter of the answer"
                    .to_owned(),
            );
        }
        notes
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        let Some(record) = self.next_record()? else { return Ok(None) };
        let fields = match record.fault {
            Some(fault) => Err(fault),
            None => self.fields(&record.values),
        };
        Ok(Some(Row { line: record.line, part: None, fields }))
    }

    fn fields(&self, values: &[Vec<u8>]) -> Result<Fields, String> {
        if values.len() != self.columns.len() {
            return Err(format!(
                "the row has {}, the header has {}; put a text that holds a separator or line break in quotation marks",
                counted(values.len(), "value"),
                counted(self.columns.len(), "column")
            ));
        }
        let pairs = self.columns.iter().zip(values);
        pairs.map(|(column, value)| Ok((column.clone(), Value::String(decode(value)?.to_owned())))).collect()
    }

    /// The next record that is not a blank line.
    fn next_record(&mut self) -> Result<Option<Record>, DataError> {
        while self.bytes.peek()?.is_some() {
            let line = self.bytes.line();
            let mut draft = Draft::new();
            // What the record has on its further lines, in case they turn out to be rows of their own.
            let mut further = Vec::new();
            let mut last = Step::Go;
            while last == Step::Go {
                let is_further = self.bytes.line() > line;
                let Some(byte) = self.bytes.take()? else { break };
                keep(&mut further, is_further, byte);
                last = draft.step(byte, self.bytes.peek()?, self.marks);
                if last == Step::TakeNext {
                    let doubled = self.bytes.take()?;
                    doubled.iter().for_each(|&byte| keep(&mut further, is_further, byte));
                    last = Step::Go;
                }
            }
            let fault = match last {
                Step::Astray => Some(self.astray(line, further)?),
                _ if draft.is_quoted() => Some(self.never_closed(line, further)),
                _ => draft.is_too_long().then(too_long),
            };
            let values = draft.into_values();
            if fault.is_some() || values.iter().any(|value| !value.trim_ascii().is_empty()) {
                return Ok(Some(Record { line, values, fault }));
            }
        }
        Ok(None)
    }

    /// What to say of a record in which a text went on behind its closing quotation mark. The rest of that line is
    /// stepped over, unless the record swallowed rows.
    fn astray(&mut self, first: usize, mut further: Vec<u8>) -> Result<String, DataError> {
        let line = self.bytes.line();
        while self.bytes.line() == line {
            let Some(byte) = self.bytes.take()? else { break };
            keep(&mut further, line > first, byte);
        }
        let mend = "write a quotation mark that belongs to the text twice (\"\")";
        Ok(if self.give_back(first, further) {
            format!("a quotation mark opened in this row is never closed; {mend}")
        } else if line == first {
            format!("there is more text behind a closing quotation mark; {mend}")
        } else {
            format!(
                "there is more text behind a closing quotation mark on line {line}, so lines {first} to {line} could not \
                 be read; {mend}"
            )
        })
    }

    /// What to say of a record whose quotation mark was open when the file ended.
    fn never_closed(&mut self, first: usize, further: Vec<u8>) -> String {
        let ends_with_line = further.last().is_none_or(|&byte| byte == b'\n' || byte == b'\r');
        let last = (self.bytes.line() - usize::from(ends_with_line)).max(first);
        let what = "a quotation mark opened in this row is never closed";
        if self.give_back(first, further) || last == first {
            format!("{what}; close it behind the text")
        } else {
            format!("{what}, so lines {first} to {last} could not be read; close it behind the text")
        }
    }

    /// Puts the further lines of a faulty record back where they are rows of this table; gives whether they are.
    fn give_back(&mut self, first: usize, further: Vec<u8>) -> bool {
        let are_rows = further.len() < MAX_ROW_BYTES && holds_rows(&further, self.marks, self.columns.len());
        if are_rows {
            self.bytes.put_back(further, first + 1);
        }
        are_rows
    }
}

/// Keeps what stands on a record's further lines, as far as a row may be long.
fn keep(further: &mut Vec<u8>, is_further: bool, byte: u8) {
    if is_further && further.len() < MAX_ROW_BYTES {
        further.push(byte);
    }
}
