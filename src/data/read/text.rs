//! `.txt` and `.md`: running text, cut into pieces of whole paragraphs where there are such, so that each fits a training
//! row.

use serde_json::Value;

use super::bytes::Bytes;
use super::{DataError, Fields, Row, decode};

/// A piece is cut before it is longer, in bytes: some 400 tokens of English, which a context of 512 holds.
const PIECE_BYTES: usize = 1600;
/// No piece is cut shorter than this for the sake of a paragraph.
const SHORTEST: usize = PIECE_BYTES / 4;

/// The pieces of a text.
pub(in super::super) struct Text {
    pub(super) bytes: Bytes,
    has_headings: bool,
    /// What was read and is not yet given, and the line it begins on.
    ahead: Vec<u8>,
    line: usize,
    is_at_end: bool,
}

impl Text {
    /// In Markdown, headings of the first two levels begin a piece.
    pub(super) fn new(bytes: Bytes, is_markdown: bool) -> Self {
        let line = bytes.line();
        Self { bytes, has_headings: is_markdown, ahead: Vec::new(), line, is_at_end: false }
    }

    pub(super) fn note(&self) -> String {
        let headings = if self.has_headings { "headings, " } else { "" };
        format!("cut at {headings}blank lines, line ends or sentences into pieces of at most {PIECE_BYTES} bytes")
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        loop {
            while !self.is_at_end && self.ahead.len() <= PIECE_BYTES {
                let ahead = self.bytes.buffer()?;
                let taken = ahead.get(..4 * PIECE_BYTES).unwrap_or(ahead).to_vec();
                self.is_at_end = taken.is_empty();
                self.bytes.go_to(self.bytes.position() + taken.len() as u64, self.bytes.line())?;
                self.ahead.extend(taken);
            }
            if self.ahead.is_empty() {
                return Ok(None);
            }
            let end = self.end_of_piece();
            let rest = self.ahead.split_off(end);
            let piece = std::mem::replace(&mut self.ahead, rest);
            let blank = piece.len() - piece.trim_ascii_start().len();
            let line = self.line + ends(piece.get(..blank).unwrap_or_default());
            self.line += ends(&piece);
            if !piece.trim_ascii().is_empty() {
                return Ok(Some(Row { line, part: None, fields: fields(piece.trim_ascii()) }));
            }
        }
    }

    /// Where the first piece of `ahead` ends.
    fn end_of_piece(&self) -> usize {
        let limit = PIECE_BYTES.min(self.ahead.len());
        let head = self.ahead.get(..limit).unwrap_or_default();
        if let Some(at) = self.heading_in(head) {
            return at;
        }
        if self.ahead.len() <= PIECE_BYTES {
            return self.ahead.len();
        }
        let behind = |sign: &[u8]| {
            let at = head.windows(sign.len()).rposition(|window| window == sign)? + sign.len();
            (at >= SHORTEST).then_some(at)
        };
        let breaks: [&[u8]; 9] = [b"\n\n", b"\r\n\r\n", b"\n", b"\r", b". ", b"? ", b"! ", "。".as_bytes(), b" "];
        let char_end = (limit.saturating_sub(3)..=limit)
            .rev()
            .find(|&at| self.ahead.get(at).is_some_and(|byte| byte & 0xc0 != 0x80));
        breaks.into_iter().find_map(behind).or(char_end).unwrap_or(limit).max(1)
    }

    /// Where the second piece begins, if a heading begins it.
    fn heading_in(&self, head: &[u8]) -> Option<usize> {
        let is_heading = |at: usize| {
            let line = head.get(at..).unwrap_or_default();
            line.starts_with(b"# ") || line.starts_with(b"## ")
        };
        let starts = head.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let has_text = |at: usize| head.get(..at).is_some_and(|before| !before.trim_ascii().is_empty());
        starts.filter(|_| self.has_headings).find(|&at| is_heading(at) && has_text(at))
    }
}

/// Line ends in it: LF, CRLF or CR.
fn ends(text: &[u8]) -> usize {
    let pairs = text.windows(2).filter(|pair| *pair == b"\r\n").count();
    text.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count() - pairs
}

fn fields(piece: &[u8]) -> Result<Fields, String> {
    let text = decode(piece)?.to_owned();
    Ok([("text".to_owned(), Value::String(text))].into_iter().collect())
}
