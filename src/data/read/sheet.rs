//! `.xlsx`: the first sheet that has rows, and those after it with the same columns. A thread of its own walks through the cells and sends row after row, since the
//! library lends the cells out of the open workbook; it is bounded, waits for its reader, and a panic in it is an error.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::cells;
use super::kind::Packing;
use super::stream::{self, Position};
use super::{DataError, Fault, Row, disguise, guarded, workbook};

/// Rows that wait to be taken.
const WAITING_ROWS: usize = 32;

/// What the thread sends.
pub(super) enum Sent {
    /// The names of the columns are known.
    Header,
    Row(Row),
    /// The end, with what is to be said of the sheet.
    End(Vec<String>),
    Failed(DataError),
}

/// The rows of a sheet.
pub(in super::super) struct Sheet {
    path: PathBuf,
    /// Dropped before the thread is waited for, which ends it.
    rows: Option<Receiver<Sent>>,
    thread: Option<JoinHandle<()>>,
    position: Position,
    notes: Vec<String>,
    finished: bool,
}

impl Sheet {
    /// Opens a workbook and reads up to the header of its first sheet with rows.
    pub(super) fn open(path: &Path, packing: Packing) -> Result<Self, DataError> {
        let (file, size) = whole_file(path, packing, &[b"PK\x03\x04", b"PK\x05\x06"])?;
        let damaged = |fault: Fault| DataError::Damaged { path: path.to_path_buf(), reason: fault.reason };
        let uncalculated =
            guarded("the unpacking", || workbook::check(&file, size)).and_then(|checked| checked).map_err(damaged)?;
        let (sender, rows) = sync_channel(WAITING_ROWS);
        let position = Position::default();
        let (owned_path, told) = (path.to_path_buf(), position.clone());
        let work = move || {
            // Where nobody takes the rows any more, there is nobody to tell.
            let send = |sent| sender.send(sent).is_ok();
            let walked = guarded("the reading of the sheet", || {
                cells::walk(file, &owned_path, uncalculated, &send, &|share| told.set((share * size as f64) as u64))
            });
            match walked {
                Ok(Ok(notes)) => _ = send(Sent::End(notes)),
                Ok(Err(error)) => _ = send(Sent::Failed(error)),
                Err(Fault { reason }) => {
                    _ = send(Sent::Failed(DataError::Damaged { path: owned_path.clone(), reason }))
                }
            }
        };
        let thread = Builder::new().name("hydra-sheet".into()).spawn(work);
        let thread = thread.map_err(|source| DataError::Unreadable { path: path.to_path_buf(), source })?;
        let mut sheet = Self {
            path: path.to_path_buf(),
            rows: Some(rows),
            thread: Some(thread),
            position,
            notes: Vec::new(),
            finished: false,
        };
        match sheet.receive()? {
            Sent::Failed(error) => Err(error),
            Sent::End(notes) => {
                sheet.end(notes);
                Ok(sheet)
            }
            Sent::Header | Sent::Row(_) => Ok(sheet),
        }
    }

    fn receive(&self) -> Result<Sent, DataError> {
        let ended = || DataError::Damaged {
            path: self.path.clone(),
            reason: "The reading of the sheet ended before its time; save the sheet as CSV".to_owned(),
        };
        self.rows.as_ref().and_then(|rows| rows.recv().ok()).ok_or_else(ended)
    }

    fn end(&mut self, notes: Vec<String>) {
        self.notes = notes;
        self.finished = true;
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        while !self.finished {
            match self.receive()? {
                Sent::Header => {}
                Sent::Row(row) => return Ok(Some(row)),
                Sent::End(notes) => self.end(notes),
                Sent::Failed(error) => {
                    self.finished = true;
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    pub(super) fn on_disk(&self) -> u64 {
        self.position.get()
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        self.rows = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was caught there.
            let _ = thread.join();
        }
    }
}

/// A file that is read from its end, unpacked where it is packed, with its size. Errs where it begins with none of `magic`.
pub(super) fn whole_file(path: &Path, packing: Packing, magic: &[&[u8]]) -> Result<(File, u64), DataError> {
    use std::io::{Read, Seek, SeekFrom};

    let unreadable = |source| DataError::Unreadable { path: path.to_path_buf(), source };
    let mut file = match packing {
        Packing::Plain => File::open(path).map_err(unreadable)?,
        packed => stream::unpacked(path, packed)?,
    };
    let meta = file.metadata().map_err(unreadable)?;
    if meta.is_dir() {
        return Err(DataError::FolderInside { path: path.to_path_buf() });
    }
    if meta.len() == 0 {
        return Err(DataError::Empty { path: path.to_path_buf() });
    }
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(512).read_to_end(&mut start).map_err(unreadable)?;
    if !magic.iter().any(|magic| start.starts_with(magic)) {
        disguise::check(&start, path)?;
        let reason =
            "The file is not of the kind that its name says, or its first bytes are damaged; name it after what \
                      it is, or copy it again"
                .to_owned();
        return Err(DataError::Damaged { path: path.to_path_buf(), reason });
    }
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok((file, meta.len()))
}
