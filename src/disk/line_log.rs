//! A log of JSON objects, one a line, that survives being cut off at any byte.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::DiskError;

/// An open log. Each line is written at once, and what a failed or killed write left of a line is cut.
#[derive(Debug)]
pub struct LineLog {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    length: u64,
}

impl LineLog {
    /// Opens the log at `path`, or begins it. A last line without its end is cut.
    ///
    /// # Errors
    /// When the file cannot be opened, read or cut.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let at = || DiskError::at("open the log", path);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(at())?;
        let length = whole_lines(&file).map_err(at())?;
        let mut log = Self { path: path.to_path_buf(), file, length };
        log.cut_to(length)?;
        Ok(log)
    }

    /// Adds `record` as one line.
    ///
    /// # Errors
    /// When the line cannot be written; the log then ends after the line before.
    pub fn append(&mut self, record: &impl Serialize) -> Result<(), DiskError> {
        let at = || DiskError::at("write to the log", &self.path);
        let mut line = serde_json::to_vec(record).map_err(|e| at()(e.into()))?;
        line.push(b'\n');
        if let Err(source) = self.file.write_all(&line) {
            let error = at()(source);
            // The write error is the one to report; a failing cut is mended when the log is next opened.
            let _ = self.cut_to(self.length);
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Cuts the log before the first line that `is_past` says true of; lines that are no JSON are passed over.
    ///
    /// # Errors
    /// When the log cannot be read or cut.
    pub fn cut_where(&mut self, is_past: impl Fn(&serde_json::Value) -> bool) -> Result<(), DiskError> {
        let at = || DiskError::at("read the log", &self.path);
        self.file.seek(SeekFrom::Start(0)).map_err(at())?;
        let mut reader = BufReader::new(&self.file);
        let (mut offset, mut line) = (0, Vec::new());
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(at())?;
            if read == 0 || serde_json::from_slice(&line).is_ok_and(|value| is_past(&value)) {
                break;
            }
            offset += read as u64;
        }
        self.cut_to(offset)
    }

    /// Waits until every line is on the device.
    ///
    /// # Errors
    /// When the log cannot be flushed.
    pub fn sync(&self) -> Result<(), DiskError> {
        self.file.sync_data().map_err(DiskError::at("write to the log", &self.path))
    }

    fn cut_to(&mut self, length: u64) -> Result<(), DiskError> {
        let cut = self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::Start(length)));
        cut.map_err(DiskError::at("cut the log", &self.path))?;
        self.length = length;
        Ok(())
    }
}

/// Length up to and with the last line end. Reads backwards, as logs grow long.
fn whole_lines(mut file: &File) -> std::io::Result<u64> {
    const BLOCK: u64 = 4096;
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        file.take(end - start).read_to_end(&mut block)?;
        if let Some(last) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    #[test]
    fn lines_are_added_over_several_openings() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        LineLog::open(&path).unwrap().append(&json!({"step": 1})).unwrap();
        LineLog::open(&path).unwrap().append(&json!({"step": 2})).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"step\":1}\n{\"step\":2}\n");
    }

    #[test]
    fn a_half_written_last_line_is_cut_when_the_log_opens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        for half in ["{\"st", &"x".repeat(10_000)] {
            fs::write(&path, format!("{{\"step\":1}}\n{half}")).unwrap();
            LineLog::open(&path).unwrap().append(&json!({"step": 2})).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "{\"step\":1}\n{\"step\":2}\n");
        }
    }

    #[test]
    fn a_log_of_one_half_line_becomes_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        fs::write(&path, "{\"step\":").unwrap();
        LineLog::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn lines_past_a_step_are_cut_and_the_log_goes_on_from_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let mut log = LineLog::open(&path).unwrap();
        for step in 1..=5 {
            log.append(&json!({"step": step})).unwrap();
        }
        log.cut_where(|line| line["step"].as_u64() > Some(3)).unwrap();
        log.append(&json!({"step": 4, "again": true})).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"step\":4,\"again\":true}\n"
        );
    }
}
