//! Texts of rows: in memory while they are few, in a temporary file beyond, so that an import of any size takes the same
//! memory.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{SpooledTempFile, spooled_tempfile_in};

/// More than this goes to the disk.
const MOST_IN_MEMORY: usize = 32 << 20;
/// What is written is gathered until it is this much, and what is read in order comes in such pieces.
const PIECE: usize = 256 << 10;

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub offset: u64,
    pub length: u32,
}

/// Texts one after the other. The file has no name and goes with its last user.
#[derive(Debug)]
pub(super) struct Texts {
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    file: SpooledTempFile,
    /// What is not in the file yet.
    waiting: Vec<u8>,
    /// Bytes in the file.
    written: u64,
}

impl Default for Texts {
    fn default() -> Self {
        let file = spooled_tempfile_in(MOST_IN_MEMORY, folder());
        Self { inside: Mutex::new(Inside { file, waiting: Vec::new(), written: 0 }) }
    }
}

/// Where temporary files may be large: `/tmp` is often kept in memory, `/var/tmp` never.
fn folder() -> PathBuf {
    let large = Path::new("/var/tmp");
    let is_chosen = std::env::var_os("TMPDIR").is_some();
    if cfg!(unix) && !is_chosen && large.is_dir() { large.to_path_buf() } else { std::env::temp_dir() }
}

impl Texts {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a text behind the others. Errs where it is longer than 4 GB or the disk has no room.
    pub fn add(&self, text: &[u8]) -> io::Result<Place> {
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        let mut inside = self.lock();
        let place = Place { offset: inside.written + inside.waiting.len() as u64, length };
        inside.waiting.extend_from_slice(text);
        if inside.waiting.len() >= PIECE {
            inside.write()?;
        }
        Ok(place)
    }

    /// The text at a place.
    pub fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        self.read_at(place.offset, place.length as usize)
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut inside = self.lock();
        inside.write()?;
        inside.file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; length];
        inside.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn end(&self) -> u64 {
        let inside = self.lock();
        inside.written + inside.waiting.len() as u64
    }
}

impl Inside {
    fn write(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.written))?;
        self.file.write_all(&self.waiting)?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

/// Reads texts that mostly stand one after the other, many at a time.
pub(super) struct InOrder<'a> {
    texts: &'a Texts,
    start: u64,
    piece: Vec<u8>,
}

impl<'a> InOrder<'a> {
    pub fn new(texts: &'a Texts) -> Self {
        Self { texts, start: 0, piece: Vec::new() }
    }

    /// The text at a place.
    pub fn read(&mut self, place: Place) -> io::Result<&[u8]> {
        let length = place.length as usize;
        let inside = |start: u64, piece: &[u8]| {
            let from = usize::try_from(place.offset.checked_sub(start)?).ok()?;
            let to = from.checked_add(length)?;
            (to <= piece.len()).then_some(from..to)
        };
        if inside(self.start, &self.piece).is_none() {
            let left = usize::try_from(self.texts.end().saturating_sub(place.offset)).unwrap_or(usize::MAX);
            self.piece = self.texts.read_at(place.offset, length.max(PIECE.min(left)))?;
            self.start = place.offset;
        }
        let range = inside(self.start, &self.piece);
        range.and_then(|range| self.piece.get(range)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_from_memory_and_from_the_disk_in_any_order() {
        let texts = Texts::default();
        let text = |i: usize| format!("{i} ").repeat(1 + i % 500).into_bytes();
        let mut places = Vec::new();
        let mut i = 0;
        while texts.end() < MOST_IN_MEMORY as u64 + 2 * PIECE as u64 {
            places.push(texts.add(&text(i)).unwrap());
            // What was just put there can be read before it is written.
            assert!(i % 997 != 0 || texts.read(places[i]).unwrap() == text(i));
            i += 1;
        }
        assert!(texts.lock().file.is_rolled());
        let mut in_order = InOrder::new(&texts);
        for (i, &place) in places.iter().enumerate() {
            assert!(in_order.read(place).unwrap() == text(i), "text {i}");
        }
        for i in (0..places.len()).rev().step_by(1001) {
            assert!(texts.read(places[i]).unwrap() == text(i), "text {i}");
            assert!(in_order.read(places[i]).unwrap() == text(i), "text {i}");
        }
    }

    #[test]
    fn a_place_beyond_the_end_is_an_error() {
        let texts = Texts::default();
        texts.add(b"short").unwrap();
        assert!(texts.read(Place { offset: 3, length: 9 }).is_err());
        assert!(InOrder::new(&texts).read(Place { offset: 9, length: 1 }).is_err());
    }
}
