//! How a file's letters are written: UTF-8, UTF-16 or Windows-1252, found out while the file streams by. What comes out is
//! UTF-8; a row that is not, is refused by its reader.

use std::io::{self, Read};

use super::stream::Stream;

/// From the first byte that is no ASCII, so many are looked at before the encoding is chosen.
const LOOK_AHEAD: usize = 1 << 20;
const CHUNK: usize = 1 << 16;
/// What is read before anything is taken: enough to tell what the file is.
const START: usize = 512;

/// How the letters are written.
enum Encoding {
    /// Nothing but ASCII so far, which is the same in all of them but UTF-16.
    Undecided,
    Utf8,
    /// UTF-16 or Windows-1252.
    Other(Box<encoding_rs::Decoder>),
}

/// A stream of bytes as UTF-8.
pub(super) struct Decoded {
    inner: Stream,
    encoding: Encoding,
    /// Read from the stream and not yet decoded.
    raw: Vec<u8>,
    is_at_end: bool,
    /// Decoded and not yet taken, and how much of it was.
    text: (Vec<u8>, usize),
    name: Option<&'static str>,
    had_errors: bool,
    looks_like_utf8: Score,
}

impl Decoded {
    /// Reads the first bytes, and what a byte-order mark says.
    pub fn new(mut inner: Stream) -> io::Result<Self> {
        let mut raw = Vec::new();
        let is_at_end = fill(&mut inner, &mut raw, START)?;
        let mut decoded = Self {
            inner,
            encoding: Encoding::Undecided,
            raw,
            is_at_end,
            text: (Vec::new(), 0),
            name: None,
            had_errors: false,
            looks_like_utf8: Score::default(),
        };
        match decoded.raw.as_slice() {
            [0xff, 0xfe, ..] => decoded.choose(encoding_rs::UTF_16LE, "UTF-16"),
            [0xfe, 0xff, ..] => decoded.choose(encoding_rs::UTF_16BE, "UTF-16"),
            [0xef, 0xbb, 0xbf, ..] => {
                decoded.raw.drain(..3);
                decoded.encoding = Encoding::Utf8;
            }
            // Two letters of ASCII, each with its upper half.
            [1..0x80, 0, 1..0x80, 0, ..] => decoded.choose(encoding_rs::UTF_16LE, "UTF-16"),
            [0, 1..0x80, 0, 1..0x80, ..] => decoded.choose(encoding_rs::UTF_16BE, "UTF-16"),
            _ => {}
        }
        Ok(decoded)
    }

    /// The first bytes as they stand in the file, before anything was taken.
    pub fn start(&self) -> &[u8] {
        &self.raw
    }

    /// Whether the first bytes show another encoding than UTF-8.
    pub fn is_transcoded(&self) -> bool {
        matches!(self.encoding, Encoding::Other(_))
    }

    /// Which encoding was read, where it is not UTF-8.
    pub fn note(&self) -> Option<String> {
        let name = self.name?;
        let doubt = if name != "UTF-16" && self.looks_like_utf8.valid > 0 {
            ", though parts of it look like UTF-8: check the letters with accents"
        } else if self.had_errors {
            ", with broken characters, which stand as \u{fffd}"
        } else {
            ""
        };
        Some(format!("the letters are written in {name}{doubt}"))
    }

    fn choose(&mut self, encoding: &'static encoding_rs::Encoding, name: &'static str) {
        // Takes a byte-order mark off, too.
        self.encoding = Encoding::Other(Box::new(encoding.new_decoder_with_bom_removal()));
        self.name = Some(name);
    }

    /// Decides by what comes next; the first byte of `raw` is no ASCII.
    fn decide(&mut self) -> io::Result<()> {
        while !self.is_at_end && self.raw.len() < LOOK_AHEAD {
            let wanted = (self.raw.len() + CHUNK).min(LOOK_AHEAD);
            self.is_at_end = fill(&mut self.inner, &mut self.raw, wanted)?;
        }
        let score = Score::of(&self.raw);
        if score.valid == 0 && score.is_western() {
            self.choose(encoding_rs::WINDOWS_1252, "Windows-1252");
        } else {
            self.encoding = Encoding::Utf8;
        }
        Ok(())
    }

    /// Decodes the next piece of the stream into `text`.
    fn decode(&mut self) -> io::Result<()> {
        if self.raw.is_empty() && !self.is_at_end {
            self.is_at_end = fill(&mut self.inner, &mut self.raw, CHUNK)?;
        }
        let Encoding::Other(decoder) = &mut self.encoding else { return Ok(()) };
        if self.name == Some("Windows-1252") {
            let score = Score::of(&self.raw);
            self.looks_like_utf8.valid += score.valid;
        }
        let (text, taken) = &mut self.text;
        let needed = decoder.max_utf8_buffer_length(self.raw.len()).unwrap_or(self.raw.len() * 4 + 16);
        text.clear();
        text.resize(needed, 0);
        let (_, _, written, had_errors) = decoder.decode_to_utf8(&self.raw, text, self.is_at_end);
        text.truncate(written);
        *taken = 0;
        self.raw.clear();
        self.had_errors |= had_errors;
        Ok(())
    }

    /// Takes from what was read already.
    fn take_raw(&mut self, buffer: &mut [u8]) -> usize {
        let ascii = match self.encoding {
            Encoding::Undecided => self.raw.iter().position(|byte| !byte.is_ascii()).unwrap_or(self.raw.len()),
            _ => self.raw.len(),
        };
        let count = ascii.min(buffer.len());
        buffer.iter_mut().zip(self.raw.drain(..count)).for_each(|(to, byte)| *to = byte);
        count
    }
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(rest @ [_, ..]) = self.text.0.get(self.text.1..) {
                let count = rest.len().min(buffer.len());
                buffer.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
                self.text.1 += count;
                return Ok(count);
            }
            match self.encoding {
                Encoding::Other(_) if self.raw.is_empty() && self.is_at_end => return Ok(0),
                Encoding::Other(_) => self.decode()?,
                _ if !self.raw.is_empty() => match self.take_raw(buffer) {
                    0 if !buffer.is_empty() => self.decide()?,
                    count => return Ok(count),
                },
                _ if self.is_at_end => return Ok(0),
                Encoding::Utf8 => return self.inner.read(buffer),
                Encoding::Undecided => {
                    let count = self.inner.read(buffer)?;
                    let read = buffer.get(..count).unwrap_or_default();
                    if read.is_ascii() {
                        return Ok(count);
                    }
                    self.raw.extend_from_slice(read);
                }
            }
        }
    }
}

/// Reads until `raw` holds `wanted` bytes; gives whether the stream has ended.
fn fill(inner: &mut Stream, raw: &mut Vec<u8>, wanted: usize) -> io::Result<bool> {
    let mut chunk = vec![0; CHUNK];
    while raw.len() < wanted {
        match inner.read(&mut chunk) {
            Ok(0) => return Ok(true),
            Ok(count) => raw.extend(chunk.iter().take(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// What the bytes beyond ASCII look like.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    /// Characters that are written as UTF-8 has it.
    valid: usize,
    /// Bytes beyond ASCII that are not.
    invalid: usize,
    /// Of these, bytes that mean nothing in Windows-1252.
    meaningless: usize,
    /// Letters of ASCII, and zeros.
    letters: usize,
    zeros: usize,
}

impl Score {
    fn of(bytes: &[u8]) -> Self {
        let mut score = Self::default();
        for chunk in bytes.utf8_chunks() {
            let text = chunk.valid();
            score.letters += text.bytes().filter(u8::is_ascii_alphabetic).count();
            score.zeros += text.bytes().filter(|&byte| byte == 0).count();
            score.valid += text.chars().filter(|c| !c.is_ascii()).count();
            // Half of a surrogate pair, written as some programs do: no Windows-1252, but broken UTF-8.
            let is_surrogate = matches!(chunk.invalid(), [0xed, ..]);
            score.valid += usize::from(is_surrogate);
            score.invalid += chunk.invalid().len();
            let is_meaningless = |byte: &&u8| matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d);
            score.meaningless += chunk.invalid().iter().filter(is_meaningless).count();
        }
        score
    }

    /// Whether it may be a western language in Windows-1252, in which most letters are ASCII.
    fn is_western(self) -> bool {
        self.meaningless == 0 && self.zeros == 0 && (self.invalid < 16 || self.invalid * 3 < self.letters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
        let mut decoded = Decoded::new(Box::new(io::Cursor::new(bytes.to_vec()))).unwrap();
        let mut out = Vec::new();
        decoded.read_to_end(&mut out).unwrap();
        (out, decoded.note())
    }

    #[test]
    fn utf8_goes_through_as_it_is() {
        for text in ["", "a", "plain", "Grüße — 你好 🙂", "\u{feff}Grüße"] {
            let (out, note) = read(text.as_bytes());
            assert_eq!((out, note), (text.trim_start_matches('\u{feff}').as_bytes().to_vec(), None));
        }
    }

    #[test]
    fn utf16_is_read_with_a_mark_and_for_ascii_without_one() {
        for text in ["Grüße, 你好 🙂\n", "plain"] {
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            for bytes in [[b"\xff\xfe", little.as_slice()].concat(), [b"\xfe\xff", big.as_slice()].concat()] {
                let (out, note) = read(&bytes);
                assert_eq!(String::from_utf8(out).unwrap(), text);
                assert_eq!(note.unwrap(), "the letters are written in UTF-16");
            }
        }
        let bare: Vec<u8> = "plain".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&bare).0, b"plain");
    }

    #[test]
    fn windows_1252_is_told_from_broken_utf8_far_into_a_file() {
        let far = [vec![b'x'; 300_000], b" caf\xe9 \x80 5 \x96 fin".to_vec()].concat();
        let (out, note) = read(&far);
        assert!(String::from_utf8(out).unwrap().ends_with("café € 5 – fin"));
        assert!(note.unwrap().contains("Windows-1252"));
        let mixed = b"caf\xe9 caf\xc3\xa9";
        assert_eq!(read(mixed), (mixed.to_vec(), None), "one of the two is broken, and its row is told");
        let cyrillic = [0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2, 0x20].repeat(10);
        assert_eq!(read(&cyrillic).1, None, "mostly no ASCII: not western");
        let surrogate = b"a \xed\xa0\x80 b";
        assert_eq!(read(surrogate).1, None);
    }
}
