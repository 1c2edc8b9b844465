//! A file read byte by byte, with the line it is on.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::encoding::Decoded;
use super::kind::Packing;
use super::stream::{self, Position};
use super::{DataError, Fault, disguise};

const BUFFER_BYTES: usize = 1 << 16;

/// A buffered file that knows its path, its line and how far it was read. Lines end with LF, CRLF or CR.
pub(super) struct Bytes {
    inner: BufReader<Decoded>,
    /// What was put back, and how much of it was read again.
    again: (Vec<u8>, usize),
    path: PathBuf,
    line: usize,
    position: u64,
    on_disk: Position,
    /// How the file's name says that it is packed, and how it is.
    packing: (Packing, Packing),
}

impl Bytes {
    /// Opens a text file, unpacks it and steps over a byte-order mark. Errs where it plainly is no text.
    pub fn open(path: &Path, packing: Packing) -> Result<Self, DataError> {
        let opened = stream::open(path, packing)?;
        let decoded = Decoded::new(opened.stream).map_err(|error| unreadable(path, error))?;
        if !decoded.is_transcoded() {
            disguise::check(decoded.start(), path)?;
        }
        Ok(Self {
            inner: BufReader::with_capacity(BUFFER_BYTES, decoded),
            again: (Vec::new(), 0),
            path: path.to_path_buf(),
            line: 1,
            position: 0,
            on_disk: opened.position,
            packing: (packing, opened.packing),
        })
    }

    /// Opens the same file once more, from its start.
    pub fn reopened(&self) -> Result<Self, DataError> {
        Self::open(&self.path, self.packing.0)
    }

    /// What is unusual about how the file is written, in words.
    pub fn notes(&self) -> Vec<String> {
        let (named, packing) = self.packing;
        let disguised = (named != packing)
            .then(|| format!("the file is packed with {}, though its name does not say so", packing.name()));
        disguised.into_iter().chain(self.inner.get_ref().note()).collect()
    }

    /// The file that is read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line that the next byte stands on, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Bytes read so far of the file as it lies on disk, for progress.
    pub fn on_disk(&self) -> u64 {
        self.on_disk.get()
    }

    /// Bytes of text taken so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What is read ahead; empty at the end of the file.
    pub fn buffer(&mut self) -> Result<&[u8], DataError> {
        if let Some(rest @ [_, ..]) = self.again.0.get(self.again.1..) {
            return Ok(rest);
        }
        self.inner.fill_buf().map_err(|error| unreadable(&self.path, error))
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

    /// Goes to where the text has `position`, which is on `line` and not behind here.
    pub fn go_to(&mut self, position: u64, line: usize) -> Result<(), DataError> {
        while self.position < position {
            let ahead = self.buffer()?.len() as u64;
            if ahead == 0 {
                return Err(DataError::Changed { path: self.path.clone() });
            }
            self.consume(ahead.min(position - self.position) as usize);
        }
        self.line = line;
        Ok(())
    }

    /// Steps over whatever of `blank` comes next.
    pub fn skip(&mut self, blank: &[u8]) -> Result<(), DataError> {
        loop {
            let ahead = self.buffer()?;
            let count = ahead.iter().take_while(|byte| blank.contains(byte)).count();
            if count == 0 {
                return Ok(());
            }
            let pairs = ahead.iter().take(count - 1).zip(ahead.iter().skip(1));
            let ends = pairs.filter(|(byte, next)| **byte == b'\n' || **byte == b'\r' && **next != b'\n').count();
            self.consume(count - 1);
            self.line += ends;
            // What follows the last of them may not be read yet, which decides whether it ends a line.
            self.take()?;
        }
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

/// The error for a file that could not be read on: its own fault, or the system's.
fn unreadable(path: &Path, source: io::Error) -> DataError {
    match Fault::in_error(&source) {
        Some(reason) => DataError::Damaged { path: path.to_path_buf(), reason },
        None => DataError::Unreadable { path: path.to_path_buf(), source },
    }
}
