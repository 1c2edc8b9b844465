//! A file as a stream of bytes: no further than it reached when it was opened, unpacked where it is packed, and no more
//! than a bound of what is packed in it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::kind::Packing;
use super::{DataError, Fault, guarded};

/// A packed file may always hold this much: 256 MB.
const UNPACKED_FLOOR: u64 = 256 << 20;
/// Beyond the floor it may hold so many times its own size. Rows of text pack by 3 to 20 times.
const UNPACKED_RATIO: u64 = 200;
/// The largest window that a zstd file may ask for is 2 to this power: 128 MB, as the zstd tool allows.
const ZSTD_WINDOW_LOG: u32 = 27;

const START_BYTES: u64 = 512;

/// The bytes of a file, unpacked.
pub(super) type Stream = Box<dyn Read + Send>;

/// How far a file was read, in bytes as they lie on disk. Clones share one count.
#[derive(Clone, Debug, Default)]
pub(super) struct Position(Arc<AtomicU64>);

impl Position {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

/// A file that was opened for reading.
pub(super) struct Opened {
    pub stream: Stream,
    pub position: Position,
    /// How it is packed, whatever its name says.
    pub packing: Packing,
}

/// Opens the file at `path`, whose name says that it is packed as `named`.
///
/// Errs where it cannot be opened, or is said to be packed and is not.
pub(super) fn open(path: &Path, named: Packing) -> Result<Opened, DataError> {
    let unreadable = |source| DataError::Unreadable { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    if meta.is_dir() {
        return Err(DataError::FolderInside { path: path.to_path_buf() });
    }
    // What is written to it from now on is not followed: a file that grows as fast as it is read would never end.
    let limit = if meta.is_file() { meta.len() } else { u64::MAX };
    let position = Position::default();
    let mut counted = Counted { inner: file.take(limit), position: position.clone() };
    let start = start(&mut counted).map_err(unreadable)?;
    let packing = Packing::of_start(&start);
    if named != Packing::Plain && packing == Packing::Plain {
        let is_empty = start.is_empty();
        return Err(if is_empty {
            DataError::Empty { path: path.to_path_buf() }
        } else {
            let named = named.name();
            let reason = format!(
                "The name says that the file is packed with {named}, but it is not; it may be damaged, or named wrongly"
            );
            super::disguise::check(&start, path)
                .err()
                .unwrap_or(DataError::Damaged { path: path.to_path_buf(), reason })
        });
    }
    let whole = BufReader::with_capacity(1 << 16, io::Cursor::new(start).chain(counted));
    let stream: Stream = match packing {
        Packing::Plain => Box::new(whole),
        Packing::Gzip => {
            Box::new(Unpacked { inner: flate2::read::MultiGzDecoder::new(whole), position: position.clone(), bytes: 0 })
        }
        Packing::Zstd => {
            let mut inner = zstd::stream::read::Decoder::with_buffer(whole).map_err(unreadable)?;
            inner.window_log_max(ZSTD_WINDOW_LOG).map_err(unreadable)?;
            Box::new(Unpacked { inner, position: position.clone(), bytes: 0 })
        }
    };
    Ok(Opened { stream, position, packing })
}

/// The unpacked contents of a file in a temporary one, for kinds that must be read from their end.
pub(super) fn unpacked(path: &Path, named: Packing) -> Result<File, DataError> {
    let mut opened = open(path, named)?;
    let mut file = tempfile::tempfile().map_err(|source| DataError::NoRoom { path: path.to_path_buf(), source })?;
    // An error is either the packed file's, which says so itself, or that of the disk.
    io::copy(&mut opened.stream, &mut file).map_err(|source| match Fault::in_error(&source) {
        Some(reason) => DataError::Damaged { path: path.to_path_buf(), reason },
        None => DataError::NoRoom { path: path.to_path_buf(), source },
    })?;
    Ok(file)
}

/// The first bytes, enough to tell what the file is.
fn start(read: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    read.take(START_BYTES).read_to_end(&mut start)?;
    Ok(start)
}

/// The most that so many packed bytes may hold.
pub(super) fn most_unpacked(packed: u64) -> u64 {
    UNPACKED_FLOOR.max(packed.saturating_mul(UNPACKED_RATIO))
}

struct Counted<R> {
    inner: R,
    position: Position,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.position.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// What a decoder unpacks, up to the bound.
struct Unpacked<R> {
    inner: R,
    /// Of the packed bytes.
    position: Position,
    /// Unpacked so far.
    bytes: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = guarded("the unpacking", || self.inner.read(buffer)).map_err(Fault::error)?;
        let count = read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Fault::error("The packed file ends before its contents do: it was cut short. Download or copy it again")
            }
            _ => Fault::error(format!("The packed file is damaged ({error}). Download or copy it again")),
        })?;
        self.bytes += count as u64;
        if self.bytes > most_unpacked(self.position.get()) {
            return Err(Fault::error(format!(
                "Unpacked, the file is more than {} MB and over {UNPACKED_RATIO} times its packed size, as no text is; if \
                 it is what you want, unpack it yourself and import that",
                UNPACKED_FLOOR >> 20
            )));
        }
        Ok(count)
    }
}
