//! `.jsonl` and `.ndjson`: one object a line.

use super::bytes::Bytes;
use super::{DataError, MAX_ROW_BYTES, Row, parse_object, too_long};

/// The rows of a file with one JSON object a line. Blank lines are stepped over.
pub(in super::super) struct Lines {
    pub(super) bytes: Bytes,
}

impl Lines {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        loop {
            let line = self.bytes.line();
            let Some((text, whole)) = self.bytes.next_line(MAX_ROW_BYTES)? else { return Ok(None) };
            if !whole {
                return Ok(Some(Row { line, part: None, fields: Err(too_long()) }));
            }
            let text = text.trim_ascii();
            if !text.is_empty() {
                return Ok(Some(Row { line, part: None, fields: parse_object(text, line) }));
            }
        }
    }
}
