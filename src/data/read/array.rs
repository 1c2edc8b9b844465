//! `.json`: an array of objects, or objects one after the other.
//!
//! The extent of every element is found by counting brackets outside quotation marks, so that a broken element costs one
//! row and not the file, and no depth of nesting can exhaust the stack.

use super::bytes::Bytes;
use super::{DataError, MAX_ROW_BYTES, Row, parse_object, too_long};

/// The rows of a JSON file.
pub(in super::super) struct Array {
    pub(super) bytes: Bytes,
    /// Whether the rows stand in brackets.
    bracketed: bool,
    finished: bool,
}

impl Array {
    /// Rows in brackets; the next byte is the opening one.
    pub(super) fn in_brackets(mut bytes: Bytes) -> Result<Self, DataError> {
        bytes.take()?;
        Ok(Self { bytes, bracketed: true, finished: false })
    }

    /// Rows one after the other.
    pub(super) fn in_sequence(bytes: Bytes) -> Self {
        Self { bytes, bracketed: false, finished: false }
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        while !self.finished {
            let line = self.bytes.line();
            match self.bytes.peek()? {
                Some(b' ' | b'\t' | b'\r' | b'\n' | b',') => {
                    self.bytes.take()?;
                }
                Some(b']') if self.bracketed => {
                    self.bytes.take()?;
                    self.finished = true;
                    return self.rest_after_end();
                }
                Some(_) => return self.element().map(Some),
                None if self.bracketed => {
                    return Err(DataError::Unfinished { path: self.bytes.path().to_path_buf(), line });
                }
                None => self.finished = true,
            }
        }
        Ok(None)
    }

    /// What stands behind the closing bracket is no row, but must not vanish unsaid.
    fn rest_after_end(&mut self) -> Result<Option<Row>, DataError> {
        while matches!(self.bytes.peek()?, Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.bytes.take()?;
        }
        let line = self.bytes.line();
        let reason = "the list has ended before this line; what follows is not read";
        Ok(self.bytes.peek()?.map(|_| Row { line, fields: Err(reason.to_owned()) }))
    }

    fn element(&mut self) -> Result<Row, DataError> {
        let line = self.bytes.line();
        let mut text = Vec::new();
        let mut extent = Extent::default();
        let mut whole = true;
        while !extent.ended {
            let Some(byte) = self.bytes.peek()? else {
                if extent.open() {
                    return Err(DataError::Unfinished { path: self.bytes.path().to_path_buf(), line });
                }
                break;
            };
            if !text.is_empty() && extent.ends_before(byte) {
                break;
            }
            extent.step(byte);
            whole &= text.len() < MAX_ROW_BYTES;
            if whole {
                text.push(byte);
            }
            self.bytes.take()?;
        }
        Ok(Row { line, fields: if whole { parse_object(&text, line) } else { Err(too_long()) } })
    }
}

/// Where a JSON value ends.
#[derive(Default)]
struct Extent {
    depth: usize,
    quoted: bool,
    escaped: bool,
    ended: bool,
}

impl Extent {
    fn open(&self) -> bool {
        self.depth > 0 || self.quoted
    }

    /// A bare word or number ends before a separator.
    fn ends_before(&self, byte: u8) -> bool {
        !self.open() && matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n')
    }

    fn step(&mut self, byte: u8) {
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.quoted = false;
                    self.ended = self.depth == 0;
                }
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.quoted = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.ended = self.depth == 0;
            }
            _ => {}
        }
    }
}
