//! What a JSON file that begins with a brace holds: one object after the other, or one object around all rows.

use super::array::Array;
use super::bytes::Bytes;
use super::columns::{Column, Columns};
use super::extent::Extent;
use super::{DataError, MAX_ROW_BYTES, Reader};
use crate::data::shape::{ROLES, TURNS, same_name};

/// Names under which files keep their rows.
const WRAPPERS: [&str; 9] =
    ["data", "examples", "rows", "records", "items", "instances", "samples", "train", "dataset"];
/// Members of an object that are looked at; one with more holds a row under each.
const MAX_MEMBERS: usize = 10_000;
/// What is kept of a value's start to tell what it is.
const LEAD_BYTES: usize = 300;

/// One name of the outermost object, with what is under it.
struct Member {
    name: String,
    /// Where the value begins, and the line.
    at: u64,
    line: usize,
    lead: Lead,
}

/// How a value begins.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Lead {
    Plain,
    /// A list of plain values or lists, or an empty one.
    List,
    /// A list of objects, with the first name in the first of them.
    Objects(String),
    /// An object, with its first name and whether an object is under it.
    Object(String, bool),
}

/// The reader for a file whose next byte is an opening brace.
pub(super) fn reader(mut bytes: Bytes) -> Result<Reader, DataError> {
    let (line, at) = (bytes.line(), bytes.position());
    let mut object = Object { bytes: &mut bytes, text: Vec::new(), is_whole: true };
    object.take()?;
    let mut members = Vec::new();
    while let Some(mut member) = object.member()? {
        // Found at once, so that the rows of a large file need not wait for its end.
        if is_wrapper(&member) {
            return Ok(Reader::Array(Array::named(bytes, member.name)?));
        }
        // What was read ahead may have ended early.
        member.lead = lead(&object.value()?);
        if members.len() < MAX_MEMBERS {
            members.push(member);
        }
    }
    let Object { text, is_whole, .. } = object;
    bytes.skip(b" \t\r\n,")?;
    if bytes.peek()?.is_none() {
        return whole_file(&members, &bytes, (at, line));
    }
    if is_whole {
        // A second object follows: the first is read again from what was kept of it.
        bytes.put_back(text, line);
        return Ok(Reader::Array(Array::in_sequence(bytes)));
    }
    Ok(Reader::Array(Array::in_sequence(again(&bytes, (at, line))?)))
}

/// The reader for a file that is one object, which begins at `start`.
fn whole_file(members: &[Member], bytes: &Bytes, start: (u64, usize)) -> Result<Reader, DataError> {
    let wrapper = members.iter().find(|member| is_wrapper(member));
    let only = members.first().filter(|member| members.len() == 1 && holds_objects(member));
    if let Some(member) = wrapper.or(only) {
        return Ok(Reader::Array(Array::named(again(bytes, (member.at, member.line))?, member.name.clone())?));
    }
    if let Some(columns) = columns(members) {
        return Ok(Reader::Columns(Columns::new(columns, bytes)?));
    }
    let bytes = again(bytes, start)?;
    let is_keyed = members.len() > 1 && members.iter().all(|member| matches!(member.lead, Lead::Object(..)));
    Ok(Reader::Array(if is_keyed { Array::keyed(bytes)? } else { Array::in_sequence(bytes) }))
}

/// The same file once more, from where `(position, line)` is.
fn again(bytes: &Bytes, (at, line): (u64, usize)) -> Result<Bytes, DataError> {
    let mut again = bytes.reopened()?;
    again.go_to(at, line)?;
    Ok(again)
}

fn is_turn(name: &str, first: &str) -> bool {
    let is_in = |names: &[&str], name: &str| names.iter().any(|other| same_name(other, name));
    is_in(TURNS, name) || is_in(ROLES, first)
}

fn is_wrapper(member: &Member) -> bool {
    WRAPPERS.contains(&member.name.as_str()) && holds_objects(member)
}

/// Whether it is a list of objects that are not the turns of a conversation.
fn holds_objects(member: &Member) -> bool {
    matches!(&member.lead, Lead::Objects(first) if !is_turn(&member.name, first))
}

/// The members as columns, where each is a list of the same kind, or an object of values by number, as pandas writes it.
fn columns(members: &[Member]) -> Option<Vec<Column>> {
    let is_list = |member: &Member| match &member.lead {
        Lead::List => true,
        Lead::Objects(first) => !is_turn(&member.name, first),
        _ => false,
    };
    let is_numbered = |member: &Member| matches!(&member.lead, Lead::Object(first, false) if !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit()));
    let alike = members.iter().all(is_list) || members.iter().all(is_numbered);
    let has_lists = members.iter().any(|member| matches!(member.lead, Lead::List | Lead::Object(..)));
    let column = |member: &Member| Column { name: member.name.clone(), at: member.at, line: member.line };
    (alike && has_lists).then(|| members.iter().map(column).collect())
}

/// An object that is walked through, kept as far as a row may be long.
struct Object<'a> {
    bytes: &'a mut Bytes,
    text: Vec<u8>,
    is_whole: bool,
}

impl Object<'_> {
    fn take(&mut self) -> Result<Option<u8>, DataError> {
        let byte = self.bytes.take()?;
        if let Some(byte) = byte {
            if self.text.len() < MAX_ROW_BYTES {
                self.text.push(byte);
            } else {
                self.is_whole = false;
            }
        }
        Ok(byte)
    }

    fn skip(&mut self, blank: &[u8]) -> Result<(), DataError> {
        while self.bytes.peek()?.is_some_and(|byte| blank.contains(&byte)) {
            self.take()?;
        }
        Ok(())
    }

    /// The next name, up to its value; `None` behind the closing brace, or where no name stands.
    fn member(&mut self) -> Result<Option<Member>, DataError> {
        self.skip(b" \t\r\n,")?;
        match self.bytes.peek()? {
            Some(b'"') => {}
            Some(b'}') => {
                self.take()?;
                return Ok(None);
            }
            Some(_) => {
                // Broken here: gone over to its end all the same, and the row's own reader says what is wrong.
                let mut extent = Extent::default();
                extent.step(b'{');
                self.step_to_end(extent)?;
                return Ok(None);
            }
            None => return Ok(None),
        }
        let name = serde_json::from_slice::<String>(&self.value()?).unwrap_or_default();
        self.skip(b" \t\r\n:")?;
        let (at, line) = (self.bytes.position(), self.bytes.line());
        let ahead = self.bytes.buffer()?;
        let lead = lead(ahead.get(..LEAD_BYTES).unwrap_or(ahead));
        Ok(Some(Member { name, at, line, lead }))
    }

    /// Goes over a value; gives how it begins.
    fn value(&mut self) -> Result<Vec<u8>, DataError> {
        match self.bytes.peek()? {
            Some(b'"' | b'[' | b'{') => self.step_to_end(Extent::default()),
            _ => {
                while self.bytes.peek()?.is_some_and(|byte| !matches!(byte, b',' | b'}' | b']')) {
                    self.take()?;
                }
                Ok(Vec::new())
            }
        }
    }

    fn step_to_end(&mut self, mut extent: Extent) -> Result<Vec<u8>, DataError> {
        let mut start = Vec::new();
        loop {
            let Some(byte) = self.take()? else { return Ok(start) };
            if start.len() < LEAD_BYTES {
                start.push(byte);
            }
            extent.step(byte);
            if !extent.is_open() {
                return Ok(start);
            }
        }
    }
}

/// How a value begins, by its first bytes.
fn lead(start: &[u8]) -> Lead {
    let first_name = |text: &[u8]| {
        let text = text.trim_ascii_start().strip_prefix(b"\"")?;
        let end = text.iter().position(|&byte| byte == b'"')?;
        let (name, rest) = text.split_at(end);
        Some((String::from_utf8_lossy(name).into_owned(), rest.get(1..).unwrap_or_default().to_vec()))
    };
    match start {
        [b'[', rest @ ..] => match rest.trim_ascii_start() {
            [b'{', inside @ ..] => Lead::Objects(first_name(inside).map(|(name, _)| name).unwrap_or_default()),
            _ => Lead::List,
        },
        [b'{', rest @ ..] => {
            let (name, behind) = first_name(rest).unwrap_or_default();
            let value = behind.trim_ascii_start().strip_prefix(b":").unwrap_or_default().trim_ascii_start();
            Lead::Object(name, value.starts_with(b"{"))
        }
        _ => Lead::Plain,
    }
}
