//! An Excel file before it is opened: every part of it unpacked once and thrown away, so that one that holds a bomb, or a
//! cell that would fill the memory, is refused while it is still harmless.

use std::fs::File;
use std::io::{self, BufReader, Write};

use super::{Fault, MAX_ROW_BYTES};

/// All parts together may always hold this much, 512 MB; a sheet of a million rows does not.
const PARTS_FLOOR: u64 = 512 << 20;
/// Beyond that, so many times the size of the file. Sheets pack by 5 to 50 times.
const PARTS_RATIO: u64 = 100;
/// The texts of all cells, which are held in memory while a sheet is read: 384 MB.
const MAX_TEXTS: u64 = 384 << 20;
/// Parts in the package.
const MAX_PARTS: usize = 20_000;
/// How a cell is written that has a formula and no value.
const UNCALCULATED: [&[u8]; 4] = [b"</f></c>", b"</f><v/></c>", b"</f><v /></c>", b"</f><v></v></c>"];

/// Unpacks every part of an Excel file of `size` bytes to check it. Gives the number of formulas that were stored without
/// their value.
pub(super) fn check(file: &File, size: u64) -> Result<usize, Fault> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(&error))?;
    if archive.len() > MAX_PARTS {
        return Err(Fault::new(format!("The file is made of {} parts, which no workbook is", archive.len())));
    }
    let mut left = PARTS_FLOOR.max(size.saturating_mul(PARTS_RATIO));
    let mut uncalculated = 0;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|error| damaged(&error))?;
        let name = part.name().map_err(|error| damaged(&error))?.to_ascii_lowercase();
        let is_texts = name == "xl/sharedstrings.xml";
        if !name.ends_with(".xml") {
            continue;
        }
        let limit = if is_texts { left.min(MAX_TEXTS) } else { left };
        let mut sink = Sink { limit, taken: 0, run: 0, tail: Vec::new(), uncalculated: 0 };
        io::copy(&mut part, &mut sink).map_err(|error| match Fault::in_error(&error) {
            Some(reason) => Fault::new(reason),
            None => damaged(&error),
        })?;
        left -= sink.taken.min(left);
        uncalculated += sink.uncalculated;
    }
    Ok(uncalculated)
}

fn damaged(error: &dyn std::error::Error) -> Fault {
    Fault::new(format!(
        "The Excel file is damaged or locked ({error}); open it in your spreadsheet program and save it again"
    ))
}

/// Takes a part in and counts.
struct Sink {
    limit: u64,
    taken: u64,
    /// Bytes since the last tag.
    run: usize,
    tail: Vec<u8>,
    uncalculated: usize,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.taken += bytes.len() as u64;
        if self.taken > self.limit {
            return Err(Fault::error(format!(
                "Unpacked, the Excel file holds more than {} MB, which is too much for one; save the sheet as CSV",
                self.limit >> 20
            )));
        }
        let first = bytes.iter().position(|&byte| byte == b'<');
        self.run += first.unwrap_or(bytes.len());
        if self.run > MAX_ROW_BYTES {
            return Err(Fault::error(format!(
                "A cell of the Excel file holds more than {} MB of text; shorten it",
                MAX_ROW_BYTES >> 20
            )));
        }
        if let Some(last) = bytes.iter().rposition(|&byte| byte == b'<') {
            self.run = bytes.len() - last;
        }
        self.count(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    /// Counts the cells without a value, also those that lie across two writes.
    fn count(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        let ended =
            |at: usize| UNCALCULATED.iter().any(|cell| self.tail.get(at..).is_some_and(|rest| rest.starts_with(cell)));
        let longest = UNCALCULATED.iter().map(|cell| cell.len()).max().unwrap_or_default();
        let decided = self.tail.len().saturating_sub(longest - 1);
        let starts = self.tail.iter().take(decided).enumerate().filter(|(_, byte)| **byte == b'<');
        self.uncalculated += starts.filter(|(at, _)| ended(*at)).count();
        self.tail.drain(..decided);
    }
}
