//! `.json`: an array of objects, in the open or under a name such as `data`, an object of objects, or objects one after
//! the other.

use serde_json::Value;

use super::bytes::Bytes;
use super::extent;
use super::{DataError, Fields, Row, parse_object, too_long};

/// The rows of a JSON file.
pub(in super::super) struct Array {
    pub(super) bytes: Bytes,
    form: Form,
    finished: bool,
    /// Names of further lists beside the one that is read.
    beside: Vec<String>,
}

/// Where the rows stand.
enum Form {
    /// In brackets.
    Bracketed,
    /// One after the other.
    Sequence,
    /// In brackets, under this name of an object.
    Named(String),
    /// Each under a name of its own in one object.
    Keyed,
}

impl Array {
    /// Rows in brackets; the next byte is the opening one.
    pub(super) fn in_brackets(mut bytes: Bytes) -> Result<Self, DataError> {
        bytes.take()?;
        Ok(Self::new(bytes, Form::Bracketed))
    }

    /// Rows one after the other.
    pub(super) fn in_sequence(bytes: Bytes) -> Self {
        Self::new(bytes, Form::Sequence)
    }

    /// Rows in brackets under `name`; the next byte is the opening bracket.
    pub(super) fn named(mut bytes: Bytes, name: String) -> Result<Self, DataError> {
        bytes.take()?;
        Ok(Self::new(bytes, Form::Named(name)))
    }

    /// Rows that are the values of one object; the next byte is its opening brace.
    pub(super) fn keyed(mut bytes: Bytes) -> Result<Self, DataError> {
        bytes.take()?;
        Ok(Self::new(bytes, Form::Keyed))
    }

    fn new(bytes: Bytes, form: Form) -> Self {
        Self { bytes, form, finished: false, beside: Vec::new() }
    }

    /// What is unusual about where the rows stand.
    pub(super) fn note(&self) -> Option<String> {
        match &self.form {
            Form::Bracketed | Form::Sequence => None,
            Form::Keyed => Some("each row stands under a name of its own in one object".to_owned()),
            Form::Named(name) if self.beside.is_empty() => Some(format!("the rows stand under \"{name}\"")),
            Form::Named(name) => {
                let beside = crate::data::plan::listed(&self.beside);
                Some(format!("the rows stand under \"{name}\"; the lists under {beside} beside it are not read"))
            }
        }
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        while !self.finished {
            let line = self.bytes.line();
            match (self.bytes.peek()?, &self.form) {
                (Some(b' ' | b'\t' | b'\r' | b'\n' | b','), _) => {
                    self.bytes.take()?;
                }
                (Some(b']'), Form::Bracketed) => return self.end(),
                (Some(b']'), Form::Named(_)) => {
                    self.bytes.take()?;
                    self.read_beside()?;
                    return self.end();
                }
                (Some(b'}'), Form::Keyed) => return self.end(),
                (Some(b'"'), Form::Keyed) => {
                    extent::value(&mut self.bytes)?;
                    self.bytes.skip(b" \t\r\n:")?;
                    return self.element().map(Some);
                }
                (Some(_), _) => return self.element().map(Some),
                (None, Form::Sequence) => self.finished = true,
                (None, _) => {
                    return Err(DataError::Unfinished { path: self.bytes.path().to_path_buf(), line });
                }
            }
        }
        Ok(None)
    }

    /// Notes what else stands in the object whose list was read, up to its closing brace.
    fn read_beside(&mut self) -> Result<(), DataError> {
        loop {
            self.bytes.skip(b" \t\r\n,:")?;
            match self.bytes.peek()? {
                None | Some(b'}' | b']') => return Ok(()),
                Some(b'"') => {
                    let name = extent::value(&mut self.bytes)?;
                    self.bytes.skip(b" \t\r\n:")?;
                    if self.bytes.peek()? == Some(b'[') {
                        let name = serde_json::from_slice::<String>(&name.text).unwrap_or_default();
                        self.beside.push(name);
                    }
                }
                Some(_) => {}
            }
            if !matches!(self.bytes.peek()?, None | Some(b'}' | b']')) {
                extent::value(&mut self.bytes)?;
            }
        }
    }

    /// Takes the closing bracket. What stands behind it is no row, but must not vanish unsaid.
    fn end(&mut self) -> Result<Option<Row>, DataError> {
        self.bytes.take()?;
        self.finished = true;
        self.bytes.skip(b" \t\r\n")?;
        let line = self.bytes.line();
        let reason = "the list has ended before this line; what follows is not read";
        Ok(self.bytes.peek()?.map(|_| Row { line, part: None, fields: Err(reason.to_owned()) }))
    }

    fn element(&mut self) -> Result<Row, DataError> {
        let value = extent::value(&mut self.bytes)?;
        let fields = if value.is_whole { parse_object(&value.text, value.line) } else { Err(too_long()) };
        Ok(Row { line: value.line, part: None, fields: fields.map(inner_row) })
    }
}

/// The row itself where it is wrapped with its number, as the rows of Hugging Face's dataset server are.
fn inner_row(mut fields: Fields) -> Fields {
    if fields.contains_key("row_idx")
        && let Some(Value::Object(row)) = fields.get_mut("row")
    {
        return std::mem::take(row);
    }
    fields
}
