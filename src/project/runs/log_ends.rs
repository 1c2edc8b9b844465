//! The log of a run read from both its ends, for what a list of runs shows: the loss before training stands at its
//! beginning, the last step and how the run ended at its end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::disk::DiskError;
use crate::train::{EndRecord, RunEvent, StepRecord, UsageRecord};

/// Read at a time.
const BLOCK: u64 = 64 * 1024;
/// The most that is read at the end: a measure of held-out loss further back than this is left unread.
const MOST: u64 = 16 * BLOCK;

/// What the two ends of a log tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LogEnds {
    pub first_held_out: Option<f64>,
    pub last_held_out: Option<f64>,
    /// The last step whose loss is a number.
    pub step: Option<StepRecord>,
    pub usage: Option<UsageRecord>,
    /// How the run ended, where no step came after.
    pub ended: Option<EndRecord>,
}

impl LogEnds {
    /// Reads the log at `path`; one that is not there tells nothing.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read(path: &Path) -> Result<Self, DiskError> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(DiskError::at("read the log", path))?,
        };
        let mut ends = Self::default();
        let read = ends.read_beginning(&mut file).and_then(|()| ends.read_end(&mut file));
        read.map(|()| ends).map_err(DiskError::at("read the log", path))
    }

    /// Finds the measure before the first step, which is the first line where there is one.
    fn read_beginning(&mut self, file: &mut File) -> io::Result<()> {
        let mut block = Vec::new();
        file.take(BLOCK).read_to_end(&mut block)?;
        for line in block.split(|&byte| byte == b'\n') {
            match Kind::of(line) {
                Some(Kind::Step) => break,
                Some(Kind::Eval) => {
                    self.first_held_out = held_out(line);
                    break;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Goes back block by block, a line cut by a block's start along with the block before.
    fn read_end(&mut self, file: &mut File) -> io::Result<()> {
        let length = file.seek(SeekFrom::End(0))?;
        let (mut start, mut rest) = (length, Vec::new());
        while start > 0 && length - start < MOST && !self.is_complete() {
            let end = start;
            start = end.saturating_sub(BLOCK);
            file.seek(SeekFrom::Start(start))?;
            let mut block = Vec::new();
            file.by_ref().take(end - start).read_to_end(&mut block)?;
            block.append(&mut rest);
            let mut lines = block.split(|&byte| byte == b'\n');
            if start > 0 {
                rest = lines.next().unwrap_or_default().to_vec();
            }
            lines.rev().for_each(|line| self.take(line));
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.step.is_some() && self.last_held_out.is_some() && self.usage.is_some()
    }

    /// Takes in a line, which stands before those taken in so far.
    fn take(&mut self, line: &[u8]) {
        let is_wanted = match Kind::of(line) {
            Some(Kind::Step) => self.step.is_none(),
            Some(Kind::Eval) => self.last_held_out.is_none(),
            Some(Kind::Usage) => self.usage.is_none(),
            Some(Kind::Ended) => self.step.is_none() && self.ended.is_none(),
            None => false,
        };
        if !is_wanted {
            return;
        }
        match serde_json::from_slice(line) {
            Ok(RunEvent::Step(step)) => self.step = Some(step),
            Ok(RunEvent::Eval(eval)) => self.last_held_out = Some(eval.loss),
            Ok(RunEvent::Usage(usage)) => self.usage = Some(usage),
            Ok(RunEvent::Ended(end)) => self.ended = Some(end),
            // Half a line, or a loss that is no number.
            _ => {}
        }
    }
}

/// A kind of line that is wanted here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Step,
    Eval,
    Usage,
    Ended,
}

impl Kind {
    /// What a line is, by how it begins: most lines need no more than this look.
    fn of(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(br#"{"event":""#)?;
        let kinds: [(&[u8], Self); 4] = [
            (br#"step""#, Self::Step),
            (br#"eval""#, Self::Eval),
            (br#"usage""#, Self::Usage),
            (br#"ended""#, Self::Ended),
        ];
        kinds.into_iter().find(|(name, _)| rest.starts_with(name)).map(|(_, kind)| kind)
    }
}

fn held_out(line: &[u8]) -> Option<f64> {
    match serde_json::from_slice(line) {
        Ok(RunEvent::Eval(eval)) => Some(eval.loss),
        _ => None,
    }
}
