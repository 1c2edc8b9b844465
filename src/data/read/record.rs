//! One record of a table, byte by byte, and from the first records the sign that separates their values.

use super::MAX_ROW_BYTES;

/// No record has more values than this: what comes beyond them is not kept, and the record is refused as ragged.
const MAX_VALUES: usize = 1 << 16;

/// Records that are looked at before a separator is chosen.
const SAMPLE_RECORDS: usize = 20;

/// What may separate values, in order of preference.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The signs by which a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    pub separator: u8,
    /// Around a text that holds a separator or a line end; within it, it stands twice.
    pub quote: u8,
}

/// A record that is being read.
pub(super) struct Draft {
    values: Vec<Vec<u8>>,
    value: Vec<u8>,
    place: Place,
    length: usize,
}

/// Where in a value the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Plain,
    Quoted,
    /// Behind the quotation mark that closed it.
    Closed,
}

/// What a byte was to its record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Go,
    /// The next byte belongs to this one: a doubled quotation mark.
    TakeNext,
    /// The record is whole.
    End,
    /// A text goes on behind its closing quotation mark: somewhere before, one is missing or not doubled.
    Astray,
}

impl Draft {
    pub fn new() -> Self {
        Self { values: Vec::new(), value: Vec::new(), place: Place::Plain, length: 0 }
    }

    /// Takes one byte; `next` is the one behind it.
    pub fn step(&mut self, byte: u8, next: Option<u8>, marks: Marks) -> Step {
        let Marks { separator, quote } = marks;
        self.length += 1;
        match (self.place, byte) {
            (Place::Quoted, _) if byte == quote && next == Some(quote) => {
                self.push(quote);
                return Step::TakeNext;
            }
            (Place::Quoted, _) if byte == quote => self.place = Place::Closed,
            (Place::Quoted, _) => self.push(byte),
            (_, b'\n') => return Step::End,
            (_, b'\r') if next == Some(b'\n') => {}
            (_, b'\r') => return Step::End,
            _ if byte == separator => self.end_value(),
            (Place::Closed, b' ' | b'\t') => {}
            (Place::Closed, _) => return Step::Astray,
            // Only a mark that opens a value quotes it: 5" pipe is a text.
            (Place::Plain, _) if byte == quote && self.value.trim_ascii().is_empty() => {
                self.value.clear();
                self.place = Place::Quoted;
            }
            (Place::Plain, _) => self.push(byte),
        }
        Step::Go
    }

    fn end_value(&mut self) {
        self.place = Place::Plain;
        if self.values.len() < MAX_VALUES {
            self.values.push(std::mem::take(&mut self.value));
        }
    }

    fn push(&mut self, byte: u8) {
        if self.length <= MAX_ROW_BYTES {
            self.value.push(byte);
        }
    }

    /// Whether a quotation mark waits to be closed.
    pub fn is_quoted(&self) -> bool {
        self.place == Place::Quoted
    }

    pub fn is_too_long(&self) -> bool {
        self.length > MAX_ROW_BYTES
    }

    /// Values so far, with the one that is being read.
    fn width(&self) -> usize {
        self.values.len() + 1
    }

    fn is_blank(&self) -> bool {
        self.values.iter().chain([&self.value]).all(|value| value.trim_ascii().is_empty())
    }

    pub fn into_values(mut self) -> Vec<Vec<u8>> {
        self.values.push(self.value);
        self.values
    }
}

/// The records of a piece of text, each with its last step: [`Step::Go`] where the text ends within it.
fn records(text: &[u8], marks: Marks) -> impl Iterator<Item = (Draft, Step)> {
    let mut bytes = text.iter().copied().peekable();
    std::iter::from_fn(move || {
        bytes.peek()?;
        let mut draft = Draft::new();
        while let Some(byte) = bytes.next() {
            match draft.step(byte, bytes.peek().copied(), marks) {
                Step::Go => {}
                Step::TakeNext => _ = bytes.next(),
                last => return Some((draft, last)),
            }
        }
        Some((draft, Step::Go))
    })
}

/// Whether `text`, some whole lines, is rows of `width` values through and through. The last may go on behind its end.
pub(super) fn holds_rows(text: &[u8], marks: Marks, width: usize) -> bool {
    let mut rows = records(text, marks).filter(|(draft, last)| *last != Step::End || !draft.is_blank()).peekable();
    rows.peek().is_some()
        && rows.all(|(draft, last)| match last {
            Step::Astray => false,
            Step::Go if draft.is_quoted() => draft.width() <= width,
            _ => draft.width() == width,
        })
}

/// The signs of a table that begins with `start`: of the separators that the header has, the one by which most of the
/// first records have as many values as the header. `usual` is preferred, and taken where the header has none.
pub(super) fn marks_of(start: &[u8], usual: u8) -> Marks {
    let quote = quote_of(start);
    let score = |&separator: &u8| {
        let mut widths = records(start, Marks { separator, quote }).map(|(draft, _)| draft.width());
        let header = widths.next().unwrap_or_default();
        let alike = widths.take(SAMPLE_RECORDS).filter(|&width| width == header).count();
        (header > 1).then_some((alike, header))
    };
    let others = SEPARATORS.into_iter().filter(|&separator| separator != usual).rev();
    let best = others.chain([usual]).max_by_key(score).filter(|separator| score(separator).is_some());
    Marks { separator: best.unwrap_or(usual), quote }
}

/// What texts are quoted with: single marks where the header itself is, else double ones.
pub(super) fn quote_of(start: &[u8]) -> u8 {
    if start.trim_ascii_start().starts_with(b"'") { b'\'' } else { b'"' }
}

/// How many values a record has, where there is no header but every record is a question, its choices and the letter of
/// the right one, as in MMLU's tables.
pub(super) fn width_of_choices(start: &[u8], marks: Marks) -> Option<usize> {
    let mut width = None;
    let whole = records(start, marks).take_while(|(_, last)| *last == Step::End).take(SAMPLE_RECORDS);
    for (draft, _) in whole.filter(|(draft, _)| !draft.is_blank()) {
        let letters = (draft.width() - 1).checked_sub(1).filter(|count| (2..=26).contains(count))?;
        let is_letter = matches!(draft.value.trim_ascii(), [letter] if letter.wrapping_sub(b'A') < letters as u8);
        if !is_letter || *width.get_or_insert(draft.width()) != draft.width() {
            return None;
        }
    }
    width
}

/// The separator that the first line states in the way of spreadsheet programs, `sep=;`, and that line's length without
/// its end.
pub(super) fn stated_separator(start: &[u8]) -> Option<(u8, usize)> {
    match start {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator, b'\r' | b'\n', ..] => Some((*separator, 5)),
        _ => None,
    }
}
