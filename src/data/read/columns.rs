//! `.json` with a list for each column: `{"question": […], "answer": […]}`. Each list is read at its own place in the file,
//! all of them side by side, so that no more than a row is in memory.

use serde_json::Value;

use super::bytes::Bytes;
use super::extent;
use super::{DataError, Fields, Row, decode, too_long};

/// Lists that are read side by side; each has the file open once more.
const MAX_COLUMNS: usize = 64;

/// A column and where its list begins.
pub(super) struct Column {
    pub name: String,
    pub at: u64,
    pub line: usize,
}

/// The rows of a file of columns.
pub(in super::super) struct Columns {
    lists: Vec<List>,
    row: usize,
    finished: bool,
}

struct List {
    name: String,
    bytes: Bytes,
    /// What closes it.
    end: u8,
}

impl Columns {
    /// Opens every list of the file that `bytes` was opened on.
    pub(super) fn new(columns: Vec<Column>, bytes: &Bytes) -> Result<Self, DataError> {
        if columns.len() > MAX_COLUMNS {
            let reason = format!(
                "The file holds {} lists side by side, at most {MAX_COLUMNS} are read; save it with one object a row",
                columns.len()
            );
            return Err(DataError::Damaged { path: bytes.path().to_path_buf(), reason });
        }
        let lists = columns.into_iter().map(|Column { name, at, line }| {
            let mut bytes = bytes.reopened()?;
            bytes.go_to(at, line)?;
            let end = if bytes.take()? == Some(b'{') { b'}' } else { b']' };
            Ok(List { name, bytes, end })
        });
        Ok(Self { lists: lists.collect::<Result<_, DataError>>()?, row: 0, finished: false })
    }

    /// Each row is the next value of every list; rows are counted, since lines say nothing here.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        if self.finished {
            return Ok(None);
        }
        self.row += 1;
        let (mut fields, mut fault, mut ended) = (Fields::new(), None, Vec::new());
        for list in &mut self.lists {
            match list.next_value()? {
                None => ended.push(list.name.clone()),
                Some(Ok(value)) => _ = fields.insert(list.name.clone(), value),
                Some(Err(reason)) => fault = Some(reason),
            }
        }
        let line = self.row;
        self.finished = !ended.is_empty();
        if ended.len() == self.lists.len() {
            return Ok(None);
        }
        if let Some(name) = ended.first() {
            let reason = format!(
                "the list \"{name}\" has only {} values, others have more; from here on nothing is read. Give every list \
                 the same length",
                line - 1
            );
            return Ok(Some(Row { line, part: None, fields: Err(reason) }));
        }
        Ok(Some(Row { line, part: None, fields: fault.map_or(Ok(fields), Err) }))
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = vec!["each column is a list of its own; rows are counted, not lines".to_owned()];
        notes.extend(self.lists.first().map(|list| list.bytes.notes()).unwrap_or_default());
        notes
    }

    pub(super) fn on_disk(&self) -> u64 {
        self.lists.iter().map(|list| list.bytes.on_disk()).max().unwrap_or_default()
    }

    pub(super) fn position(&self) -> u64 {
        self.lists.iter().map(|list| list.bytes.position()).max().unwrap_or_default()
    }
}

impl List {
    fn next_value(&mut self) -> Result<Option<Result<Value, String>>, DataError> {
        self.bytes.skip(b" \t\r\n,")?;
        if self.end == b'}' && self.bytes.peek()? == Some(b'"') {
            extent::value(&mut self.bytes)?;
            self.bytes.skip(b" \t\r\n:")?;
        }
        match self.bytes.peek()? {
            None => Err(DataError::Changed { path: self.bytes.path().to_path_buf() }),
            Some(byte) if byte == self.end => Ok(None),
            Some(_) => {
                let value = extent::value(&mut self.bytes)?;
                let parse = || {
                    let text = decode(&value.text)?;
                    let name = &self.name;
                    serde_json::from_str(text).map_err(|error| format!("broken JSON in the list \"{name}\": {error}"))
                };
                Ok(Some(if value.is_whole { parse() } else { Err(too_long()) }))
            }
        }
    }
}
