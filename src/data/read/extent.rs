//! Where a JSON value ends, found by counting brackets outside quotation marks: no depth of nesting can exhaust the stack,
//! and a broken value costs itself and not the file.

use super::bytes::Bytes;
use super::{DataError, MAX_ROW_BYTES};

/// A value as it stands in the file.
pub(super) struct Value {
    /// The line it begins on.
    pub line: usize,
    /// Its text; what goes beyond the longest row is not kept.
    pub text: Vec<u8>,
    pub is_whole: bool,
}

/// Takes the value that begins with the next byte. Errs where the file ends within it.
pub(super) fn value(bytes: &mut Bytes) -> Result<Value, DataError> {
    let line = bytes.line();
    let (mut text, mut is_whole, mut extent) = (Vec::new(), true, Extent::default());
    let mut length = 0;
    while !extent.ended {
        let Some(byte) = bytes.peek()? else {
            if extent.is_open() {
                return Err(DataError::Unfinished { path: bytes.path().to_path_buf(), line });
            }
            break;
        };
        if length > 0 && extent.ends_before(byte) {
            break;
        }
        extent.step(byte);
        length += 1;
        is_whole = length <= MAX_ROW_BYTES;
        if is_whole {
            text.push(byte);
        }
        bytes.take()?;
    }
    Ok(Value { line, text, is_whole })
}

/// Where in a JSON value a byte stands.
#[derive(Default)]
pub(super) struct Extent {
    depth: usize,
    quoted: bool,
    escaped: bool,
    ended: bool,
}

impl Extent {
    /// Whether more must follow.
    pub fn is_open(&self) -> bool {
        self.depth > 0 || self.quoted
    }

    /// A bare word or number ends before a separator.
    fn ends_before(&self, byte: u8) -> bool {
        !self.is_open() && matches!(byte, b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n')
    }

    pub fn step(&mut self, byte: u8) {
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
