//! The pages of a Parquet file on their way to be unpacked. The library bounds those of every packing but gzip, so a page
//! packed so is unpacked once before, piece by piece, and refused where it holds more than any packed file may.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::stream::most_unpacked;

/// What a stream of gzip begins with.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// A Parquet file whose pages are looked at.
pub(super) struct Pages {
    file: File,
    has_gzip: Arc<AtomicBool>,
}

/// Says that there are pages packed with gzip, once that is known.
pub(super) struct GzipSwitch(Arc<AtomicBool>);

impl GzipSwitch {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Pages {
    /// The pages of a file, none of which is held to be packed with gzip until the switch is set.
    pub fn of(file: File) -> (Self, GzipSwitch) {
        let has_gzip = Arc::new(AtomicBool::new(false));
        (Self { file, has_gzip: has_gzip.clone() }, GzipSwitch(has_gzip))
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl ChunkReader for Pages {
    type T = <File as ChunkReader>::T;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.file.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let page = self.file.get_bytes(start, length)?;
        if self.has_gzip.load(Ordering::Relaxed) {
            let most = most_unpacked(page.len() as u64);
            if !is_bounded(&page, most) {
                let most = most >> 20;
                return Err(ParquetError::General(format!("a page packed with gzip holds more than {most} MB")));
            }
        }
        Ok(page)
    }
}

/// Whether what is packed with gzip in a page is at most so many bytes. In some pages other bytes stand before it, and the
/// sign of gzip may stand among those by chance.
fn is_bounded(page: &[u8], most: u64) -> bool {
    let (mut left, mut from) = (most, 0);
    while let Some(rest) = page.get(from..)
        && let Some(at) = rest.windows(GZIP.len()).position(|bytes| bytes == GZIP)
    {
        let packed = rest.get(at..).unwrap_or_default();
        let mut unpacked = flate2::read::MultiGzDecoder::new(packed).take(left + 1);
        let (taken, is_whole) = drain(&mut unpacked);
        if taken > left {
            return false;
        }
        if is_whole {
            return true;
        }
        left -= taken;
        from += at + 1;
    }
    true
}

/// How many bytes come, and whether they come to their end without an error.
fn drain(read: &mut impl Read) -> (u64, bool) {
    let (mut buffer, mut taken) = ([0; 1 << 14], 0);
    loop {
        match read.read(&mut buffer) {
            Ok(0) => return (taken, true),
            Ok(count) => taken += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return (taken, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(bytes: usize) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&vec![b'a'; bytes]).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn what_a_page_holds_is_bounded_wherever_it_begins_and_in_how_many_parts() {
        let page = packed(1 << 20);
        assert!(is_bounded(&page, 1 << 20) && !is_bounded(&page, (1 << 20) - 1));
        let levels = [&GZIP[..], &[1, 2, 3, 4, 5], &page].concat();
        assert!(is_bounded(&levels, 1 << 20) && !is_bounded(&levels, 1 << 19));
        let parts = [packed(1 << 19), packed(1 << 20)].concat();
        assert!(!is_bounded(&parts, 1 << 20));
        assert!(is_bounded(b"no gzip at all", 1) && is_bounded(&[], 0) && is_bounded(&GZIP, 0));
    }
}
