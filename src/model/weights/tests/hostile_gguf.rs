//! GGUF files that are damaged, or made to do damage.

use std::fs;
use std::io::{Seek, SeekFrom, Write};

use candle_core::quantized::GgmlDType;

use super::gguf::written;
use super::*;
use crate::model::config::tests::tiny_config;

/// The bytes of a GGUF file, put together by hand.
struct Bytes(Vec<u8>);

impl Bytes {
    /// Magic, version, number of tensors, number of metadata values.
    fn header(magic: &[u8; 4], version: u32, tensors: u64, values: u64) -> Self {
        Self(magic.to_vec()).u32(version).u64(tensors).u64(values)
    }

    fn gguf(tensors: u64, values: u64) -> Self {
        Self::header(b"GGUF", 3, tensors, values)
    }

    fn u32(mut self, number: u32) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn text(mut self, text: &str) -> Self {
        self = self.u64(text.len() as u64);
        self.0.extend(text.as_bytes());
        self
    }

    fn zeros(mut self, count: usize) -> Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }

    /// A tensor's entry; `shape` innermost first, as the file has it.
    fn tensor(mut self, name: &str, shape: &[u64], kind: u32, offset: u64) -> Self {
        self = self.text(name).u32(shape.len() as u32);
        for &size in shape {
            self = self.u64(size);
        }
        self.u32(kind).u64(offset)
    }

    fn refusal(&self) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hostile.gguf");
        fs::write(&path, &self.0).unwrap();
        refusal(&path)
    }
}

#[test]
fn another_magic_or_version_is_refused() {
    let refused = |magic, version| Bytes::header(magic, version, 0, 0).refusal();
    assert_says(&refused(b"GGML", 3), &["does not begin as a GGUF file", "hostile.gguf"]);
    assert_says(&refused(b"PK\x03\x04", 3), &["does not begin as a GGUF file"]);
    assert_says(&refused(b"GGUF", 1), &["version 1", "convert"]);
    assert_says(&refused(b"GGUF", 9), &["version 9"]);
    assert_says(&refused(b"GGUF", 3u32.swap_bytes()), &["big-endian"]);
    assert_says(&Bytes(b"GG".to_vec()).refusal(), &["wants 4 bytes", "2 follow"]);
    assert_says(&Bytes(Vec::new()).refusal(), &["empty"]);
}

#[test]
fn absurd_counts_are_refused() {
    for count in [u64::MAX, 1 << 60, 1 << 32, 100] {
        let count_text = format!("{count} ");
        assert_says(&Bytes::gguf(count, 0).zeros(64).refusal(), &[&count_text, "tensors", "64 bytes cannot hold"]);
        assert_says(
            &Bytes::gguf(0, count).zeros(64).refusal(),
            &[&count_text, "metadata values", "64 bytes cannot hold"],
        );
    }
}

#[test]
fn absurd_lengths_of_texts_and_lists_are_refused() {
    let key_too_long = Bytes::gguf(0, 1).u64(1 << 60).zeros(64);
    assert_says(&key_too_long.refusal(), &["1152921504606846976 bytes for a metadata key", "64 follow"]);
    let text_too_long = Bytes::gguf(0, 1).text("general.name").u32(8).u64(u64::MAX).zeros(64);
    assert_says(&text_too_long.refusal(), &["for general.name", "64 follow"]);
    for kind in 0..=12 {
        let list_too_long = Bytes::gguf(0, 1).text("list").u32(9).u32(kind).u64(1 << 40).zeros(64);
        assert_says(&list_too_long.refusal(), &["1099511627776 items in `list`"]);
    }
}

#[test]
fn a_header_that_would_take_many_times_its_size_in_memory_is_refused() {
    let list = |count: u64| Bytes::gguf(0, 1).text("list").u32(9).u32(0).u64(count).zeros(count as usize);
    assert_says(&list(1 << 24).refusal(), &["more than 256 MB of memory"]);
    assert_says(&list(1 << 20).refusal(), &["no `general.architecture`"]);
}

#[test]
fn tensors_that_share_bytes_are_refused_by_both_names() {
    let pair = |first: u64, second: u64| {
        let bytes = Bytes::gguf(2, 0).tensor("a", &[32], 0, first).tensor("b", &[8], 0, second);
        bytes.zeros(512).refusal()
    };
    for (first, second) in [(0, 0), (0, 96), (32, 32), (64, 128)] {
        assert_says(&pair(first, second), &["`a`", "`b`", "lie over each other"]);
    }
    for (first, second) in [(0, 128), (32, 0)] {
        assert_says(&pair(first, second), &["no `general.architecture`"]);
    }
}

#[test]
fn kinds_of_values_that_do_not_exist_are_refused() {
    assert_says(&Bytes::gguf(0, 1).text("odd").u32(13).zeros(8).refusal(), &["`odd`", "kind 13"]);
    assert_says(&Bytes::gguf(0, 1).text("odd").u32(9).u32(99).u64(1).zeros(8).refusal(), &["`odd`", "kind 99"]);
}

#[test]
fn lists_nested_without_end_are_refused() {
    let mut bytes = Bytes::gguf(0, 1).text("nest").u32(9);
    for _ in 0..100_000 {
        bytes = bytes.u32(9).u64(1);
    }
    assert_says(&bytes.refusal(), &["`nest`", "lists within lists"]);
}

#[test]
fn a_tensor_beyond_the_end_of_the_file_is_refused() {
    let cases: [(&[u64], u64); 5] =
        [(&[8, 4], 64), (&[8, 4], 1 << 60), (&[8, 4], u64::MAX - 31), (&[1 << 40, 1], 0), (&[1 << 61, 1], 0)];
    for (shape, offset) in cases {
        let message = Bytes::gguf(1, 0).tensor("t", shape, 0, offset).zeros(64).refusal();
        assert_says(&message, &["tensor `t`"]);
        assert!(message.contains("beyond the end") || message.contains("larger than any file"), "{message}");
    }
    let overflow = Bytes::gguf(1, 0).tensor("t", &[1 << 40, 1 << 40], 0, 0).zeros(64);
    assert_says(&overflow.refusal(), &["tensor `t`", "larger than any file"]);
}

#[test]
fn tensors_that_cannot_be_are_refused() {
    let refused =
        |shape: &[u64], kind, offset| Bytes::gguf(1, 0).tensor("t", shape, kind, offset).zeros(4096).refusal();
    assert_says(&refused(&[1; 5], 0, 0), &["tensor `t` has 5 dimensions"]);
    assert_says(&refused(&[1], 0, 7), &["tensor `t` begins at 7", "multiple of 32"]);
    assert_says(&refused(&[16, 2], 2, 0), &["tensor `t`", "Q4_0 blocks of 32"]);
    let many = Bytes::gguf(1, 0).text("t").u32(u32::MAX).zeros(64);
    assert_says(&many.refusal(), &["tensor `t` has 4294967295 dimensions"]);
    let twice = Bytes::gguf(2, 0).tensor("t", &[1], 0, 0).tensor("t", &[1], 0, 0).zeros(64);
    assert_says(&twice.refusal(), &["tensor `t` twice"]);
}

#[test]
fn types_that_are_not_read_are_named() {
    let named =
        [(4, "type 4"), (9, "Q8_1"), (16, "IQ2_XXS"), (20, "IQ4_NL"), (39, "MXFP4"), (u32::MAX, "type 4294967295")];
    for (kind, name) in named {
        let message = Bytes::gguf(1, 0).tensor("t", &[32], kind, 0).zeros(256).refusal();
        assert_says(&message, &["tensor `t`", name, "Q8_0"]);
    }
}

#[test]
fn metadata_that_contradicts_itself_is_refused() {
    let twice = Bytes::gguf(0, 2).text("key").u32(4).u32(1).text("key").u32(4).u32(2);
    assert_says(&twice.refusal(), &["`key` twice"]);
    for alignment in [0, 1, 12, 1 << 30] {
        let bytes = Bytes::gguf(0, 1).text("general.alignment").u32(4).u32(alignment).zeros(64);
        assert_says(&bytes.refusal(), &["general.alignment", "multiple of 8"]);
    }
    assert_says(&Bytes::gguf(0, 0).zeros(64).refusal(), &["no `general.architecture`"]);
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tiny.gguf");
    written(&tiny_config(), GgmlDType::F32).save(&path);
    let whole = fs::metadata(&path).unwrap().len();
    // The last tensor, a norm of 8 numbers, is followed by no padding: every byte counts.
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for length in (0..whole).rev().step_by(11) {
        file.set_len(length).unwrap();
        assert_says(&refusal(&path), &["tiny.gguf"]);
    }
}

#[test]
fn no_damaged_byte_of_the_header_brings_the_program_down() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tiny.gguf");
    written(&tiny_config(), GgmlDType::F32).save(&path);
    let whole = fs::read(&path).unwrap();
    let header = GgufWeights::open(&path).unwrap().0.data_start();
    // Written in place: to write the file anew for every byte costs the disk a flush each time.
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let mut put = |position: usize, byte: u8| {
        file.seek(SeekFrom::Start(position as u64)).unwrap();
        file.write_all(&[byte]).unwrap();
    };
    for (position, &healthy) in whole.iter().enumerate().take(header) {
        for byte in [0x00, 0x7f, 0x80, 0xff, healthy ^ 1] {
            put(position, byte);
            // Some damage cannot be seen, as in a number that may be any; what opens must be readable.
            if let Ok(opened) = OpenedModel::open(&path) {
                for tensor in opened.config.tensors() {
                    opened.weights.tensor(&tensor.name, &tensor.shape, &Device::Cpu).unwrap();
                }
            }
        }
        put(position, healthy);
    }
}
