//! Examples put together one by one.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;

use super::{Entry, Examples, Names, Texts, kept};
use crate::data::{DataError, Example, Message};

/// Takes examples one by one and gives all of them at the end.
#[derive(Debug, Default)]
pub struct ExamplesBuilder {
    texts: Texts,
    entries: Vec<Entry>,
    names: Names,
    files: HashMap<String, u32>,
    topics: HashMap<String, u32>,
}

impl ExamplesBuilder {
    /// Puts an example behind the others. Errs where the disk has no room for it.
    pub fn push(&mut self, example: &Example) -> Result<(), DataError> {
        let text = serde_json::to_vec(&example.messages).map_err(|error| kept(io::Error::other(error)))?;
        let entry = Entry {
            place: self.texts.add(&text).map_err(kept)?,
            likeness: likeness(&example.messages),
            row: number(self.entries.len())?,
            line: number(example.source.line)?,
            file: id(&mut self.files, &mut self.names.files, &example.source.file)?,
            topic: match &example.topic {
                Some(topic) => Some(id(&mut self.topics, &mut self.names.topics, topic)?),
                None => None,
            },
        };
        self.entries.push(entry);
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them.
    pub fn finish(mut self) -> Examples {
        self.entries.shrink_to_fit();
        Examples { texts: Arc::new(self.texts), entries: Arc::new(self.entries), names: Arc::new(self.names) }
    }
}

fn id(known: &mut HashMap<String, u32>, names: &mut Vec<String>, name: &str) -> Result<u32, DataError> {
    if let Some(&id) = known.get(name) {
        return Ok(id);
    }
    let id = number(names.len())?;
    known.insert(name.to_owned(), id);
    names.push(name.to_owned());
    Ok(id)
}

/// A number that only equal messages share, as far as it matters.
pub(super) fn likeness(messages: &[Message]) -> u64 {
    let mut hasher = DefaultHasher::new();
    messages.hash(&mut hasher);
    hasher.finish()
}

/// Errs beyond four thousand million rows.
pub(super) fn number(count: usize) -> Result<u32, DataError> {
    u32::try_from(count).map_err(|_| DataError::TooMany)
}
