//! TensorBoard's event files, written by hand: each record is a protocol buffer `Event` framed as in TFRecord, which
//! is its length, a checksum of the length, the bytes, a checksum of the bytes.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{EvalRecord, StepRecord};
use crate::disk::DiskError;

/// Writes one event file of a run. Readers see each record at once.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: File,
}

impl EventWriter {
    /// Begins a new event file in `folder`. `from_step` is the number of steps done: what an earlier file of the run holds
    /// past it is void to readers.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(folder: &Path, from_step: usize) -> Result<Self, DiskError> {
        let now = wall_time();
        // Files are read in the order of their names; the process tells two of one second apart.
        let name = format!("events.out.tfevents.{:010}.hydra-studio.{}.{from_step}", now as u64, std::process::id());
        let path = folder.join(name);
        let file = File::options().append(true).create_new(true).open(&path);
        let file = file.map_err(DiskError::at("begin the TensorBoard file", &path))?;
        let mut writer = Self { path, file };
        writer.append(&event(now, 0, Content::FileVersion))?;
        // A run without a checkpoint begins anew: its measure before the first step is void as well.
        let void_from = if from_step == 0 { 0 } else { from_step as u64 + 1 };
        writer.append(&event(now, void_from, Content::SessionStart))?;
        Ok(writer)
    }

    /// Adds the curves of one training step.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn step(&mut self, record: &StepRecord) -> Result<(), DiskError> {
        let values = [
            ("train/loss", record.loss as f32),
            ("train/learning_rate", record.lr as f32),
            ("train/grad_norm", record.grad_norm as f32),
        ];
        self.append(&event(wall_time(), record.step as u64, Content::Scalars(&values)))
    }

    /// Adds one measure of held-out loss.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn eval(&mut self, record: &EvalRecord) -> Result<(), DiskError> {
        let values = [("eval/loss", record.loss as f32)];
        self.append(&event(wall_time(), record.step as u64, Content::Scalars(&values)))
    }

    fn append(&mut self, event: &[u8]) -> Result<(), DiskError> {
        self.file.write_all(&frame(event)).map_err(DiskError::at("write to the TensorBoard file", &self.path))
    }
}

/// What an event carries.
enum Content<'a> {
    FileVersion,
    SessionStart,
    Scalars(&'a [(&'a str, f32)]),
}

/// `Event { 1: wall_time double, 2: step int64, 3: file_version | 5: summary | 7: session_log }`.
fn event(wall_time: f64, step: u64, content: Content<'_>) -> Vec<u8> {
    let mut event = Vec::new();
    put_key(&mut event, 1, Wire::Fixed64);
    event.extend_from_slice(&wall_time.to_le_bytes());
    put_key(&mut event, 2, Wire::Varint);
    put_varint(&mut event, step);
    match content {
        Content::FileVersion => put_bytes(&mut event, 3, b"brain.Event:2"),
        Content::Scalars(values) => put_bytes(&mut event, 5, &summary(values)),
        Content::SessionStart => {
            // `SessionLog { 1: status }`, where status 1 is START.
            let mut session = Vec::new();
            put_key(&mut session, 1, Wire::Varint);
            put_varint(&mut session, 1);
            put_bytes(&mut event, 7, &session);
        }
    }
    event
}

/// `Summary { 1: repeated Value { 1: tag, 2: simple_value float } }`.
fn summary(values: &[(&str, f32)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in values {
        let mut entry = Vec::new();
        put_bytes(&mut entry, 1, tag.as_bytes());
        put_key(&mut entry, 2, Wire::Fixed32);
        entry.extend_from_slice(&value.to_le_bytes());
        put_bytes(&mut summary, 1, &entry);
    }
    summary
}

/// How a field's value is laid out.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

fn put_key(out: &mut Vec<u8>, field: u64, wire: Wire) {
    put_varint(out, field << 3 | wire as u64);
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_key(out, field, Wire::Bytes);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked_crc(&length).to_le_bytes());
    record.extend_from_slice(data);
    record.extend_from_slice(&masked_crc(data).to_le_bytes());
    record
}

/// CRC-32C, turned and shifted as TFRecord asks, so that a checksum of checksums stays a good one.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: records are short and few.
fn crc32c(data: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    !data.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 })
    })
}

/// Seconds since 1970.
fn wall_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// One field of a message: a number, or bytes.
    #[derive(Debug, PartialEq)]
    enum Field {
        Number(u64),
        Bytes(Vec<u8>),
    }

    fn varint(data: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = data[0];
            *data = &data[1..];
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    fn fields(mut data: &[u8]) -> Vec<(u64, Field)> {
        let mut found = Vec::new();
        while !data.is_empty() {
            let key = varint(&mut data);
            let length = match key & 7 {
                0 => {
                    found.push((key >> 3, Field::Number(varint(&mut data))));
                    continue;
                }
                1 => 8,
                5 => 4,
                _ => varint(&mut data) as usize,
            };
            found.push((key >> 3, Field::Bytes(data[..length].to_vec())));
            data = &data[length..];
        }
        found
    }

    /// The events of a file, every checksum checked.
    fn events(path: &Path) -> Vec<Vec<(u64, Field)>> {
        let data = fs::read(path).unwrap();
        let (mut data, mut found) = (data.as_slice(), Vec::new());
        while !data.is_empty() {
            let length = u64::from_le_bytes(data[..8].try_into().unwrap()) as usize;
            assert_eq!(masked_crc(&data[..8]).to_le_bytes(), data[8..12]);
            let event = &data[12..12 + length];
            assert_eq!(masked_crc(event).to_le_bytes(), data[12 + length..16 + length]);
            found.push(fields(event));
            data = &data[16 + length..];
        }
        found
    }

    fn step_record() -> StepRecord {
        StepRecord {
            step: 300,
            steps: 400,
            loss: 1.5,
            lr: 2e-4,
            grad_norm: 0.75,
            tokens: 1,
            supervised: 1,
            tokens_per_s: 1.0,
            elapsed_s: 1.0,
        }
    }

    fn scalar(tag: &str, value: f32) -> (u64, Field) {
        let mut entry = vec![0x0a, tag.len() as u8];
        entry.extend_from_slice(tag.as_bytes());
        entry.push(0x15);
        entry.extend_from_slice(&value.to_le_bytes());
        (1, Field::Bytes(entry))
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn curves_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(dir.path(), 0).unwrap();
        writer.step(&step_record()).unwrap();
        writer
            .eval(&EvalRecord { step: 300, loss: 2.5, examples: 1, supervised: 1, elapsed_s: 1.0, topics: Vec::new() })
            .unwrap();
        let events = events(&writer.path);
        assert_eq!(events.len(), 4);
        assert_eq!(events[0][2], (3, Field::Bytes(b"brain.Event:2".to_vec())));
        assert_eq!(events[2][1], (2, Field::Number(300)));
        let (_, Field::Bytes(summary)) = &events[2][2] else { panic!("no summary") };
        let expected =
            [scalar("train/loss", 1.5), scalar("train/learning_rate", 2e-4), scalar("train/grad_norm", 0.75)];
        assert_eq!(fields(summary), expected);
        let (_, Field::Bytes(summary)) = &events[3][2] else { panic!("no summary") };
        assert_eq!(fields(summary), [scalar("eval/loss", 2.5)]);
    }

    #[test]
    fn a_resumed_run_voids_what_came_after_its_step_and_one_begun_anew_everything() {
        for (from_step, void_from) in [(120, 121), (0, 0)] {
            let dir = tempfile::tempdir().unwrap();
            let writer = EventWriter::create(dir.path(), from_step).unwrap();
            let events = events(&writer.path);
            assert_eq!(events[1][1..], [(2, Field::Number(void_from)), (7, Field::Bytes(vec![8, 1]))]);
        }
    }
}
