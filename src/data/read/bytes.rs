//! A file read byte by byte, with the line it is on.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::DataError;

const BUFFER_BYTES: usize = 1 << 16;

/// A buffered file that knows its path, its line and how far it was read. Lines end with LF, CRLF or CR.
pub(super) struct Bytes {
    inner: BufReader<File>,
    /// What was put back, and how much of it was read again.
    again: (Vec<u8>, usize),
    path: PathBuf,
    line: usize,
    position: u64,
}

impl Bytes {
    /// Opens a file and steps over a UTF-8 byte-order mark. UTF-16 is refused.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let unreadable = |source| DataError::Unreadable { path: path.to_path_buf(), source };
        let file = File::open(path).map_err(unreadable)?;
        let inner = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut bytes = Self { inner, again: (Vec::new(), 0), path: path.to_path_buf(), line: 1, position: 0 };
        let start = bytes.buffer()?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(DataError::NotUtf8 { path: path.to_path_buf(), found: "UTF-16" });
        }
        if start.starts_with(&[0xef, 0xbb, 0xbf]) {
            bytes.consume(3);
        }
        Ok(bytes)
    }

    /// The file that is read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line that the next byte stands on, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What is read ahead; empty at the end of the file.
    pub fn buffer(&mut self) -> Result<&[u8], DataError> {
        if let Some(rest @ [_, ..]) = self.again.0.get(self.again.1..) {
            return Ok(rest);
        }
        self.inner.fill_buf().map_err(|source| DataError::Unreadable { path: self.path.clone(), source })
    }

    /// The next byte, which stays there.
    pub fn peek(&mut self) -> Result<Option<u8>, DataError> {
        Ok(self.buffer()?.first().copied())
    }

    /// Takes the next byte.
    pub fn take(&mut self) -> Result<Option<u8>, DataError> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.consume(1);
            // The CR of a CRLF leaves the count to its LF.
            let is_end = byte == b'\n' || byte == b'\r' && self.peek()? != Some(b'\n');
            self.line += usize::from(is_end);
        }
        Ok(byte)
    }

    /// Puts back what was last taken, up to here, to be read again. `bytes` must begin at the start of `line`.
    pub fn put_back(&mut self, mut bytes: Vec<u8>, line: usize) {
        self.position -= bytes.len() as u64;
        self.line = line;
        bytes.extend(self.again.0.drain(..).skip(self.again.1));
        self.again = (bytes, 0);
    }

    /// Steps over whatever of `blank` comes next.
    pub fn skip(&mut self, blank: &[u8]) -> Result<(), DataError> {
        while self.peek()?.is_some_and(|byte| blank.contains(&byte)) {
            self.take()?;
        }
        Ok(())
    }

    /// Takes the rest of the line with its line end; what goes beyond `limit` bytes is stepped over. Gives the bytes and
    /// whether they are all of them, or `None` at the end of the file.
    pub fn next_line(&mut self, limit: usize) -> Result<Option<(Vec<u8>, bool)>, DataError> {
        let mut line = Vec::new();
        let mut whole = true;
        loop {
            let buffer = self.buffer()?;
            if buffer.is_empty() {
                return Ok((!line.is_empty()).then_some((line, whole)));
            }
            let end = buffer.iter().position(|&byte| byte == b'\n' || byte == b'\r');
            let is_cr = end.is_some_and(|at| buffer.get(at) == Some(&b'\r'));
            let taken = end.map_or(buffer.len(), |at| at + 1);
            if line.len() + taken <= limit {
                line.extend(buffer.iter().take(taken));
            } else {
                whole = false;
            }
            self.consume(taken);
            if end.is_some() {
                if is_cr && self.peek()? == Some(b'\n') {
                    self.consume(1);
                }
                self.line += 1;
                return Ok(Some((line, whole)));
            }
        }
    }

    fn consume(&mut self, count: usize) {
        if self.again.1 < self.again.0.len() {
            self.again.1 += count;
        } else {
            self.inner.consume(count);
        }
        self.position += count as u64;
    }
}
