//! Examples with some changed: the texts stay where they are, and what is new is put behind them.

use std::sync::Arc;

use super::building::{likeness, number};
use super::{Entry, Examples, Names, Place, kept};
use crate::data::{DataError, Message};

/// Messages that were put aside and belong to no example yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Placed {
    place: Place,
    likeness: u64,
}

/// A copy of what is known of each example, to be changed.
pub(in super::super) struct Changing<'a> {
    from: &'a Examples,
    entries: Vec<Entry>,
    names: Names,
}

impl Examples {
    /// Puts messages aside for an example that is changed.
    pub(in super::super) fn place(&self, messages: &[Message]) -> Result<Placed, DataError> {
        let text = serde_json::to_vec(messages).map_err(|error| kept(std::io::Error::other(error)))?;
        Ok(Placed { place: self.texts.add(&text).map_err(kept)?, likeness: likeness(messages) })
    }

    pub(in super::super) fn changing(&self) -> Changing<'_> {
        Changing { from: self, entries: self.entries.to_vec(), names: (*self.names).clone() }
    }
}

impl Changing<'_> {
    pub fn replace(&mut self, row: usize, placed: Placed) {
        if let Some(entry) = self.entries.get_mut(row) {
            (entry.place, entry.likeness) = (placed.place, placed.likeness);
        }
    }

    pub fn label(&mut self, rows: &[usize], topic: Option<&str>) -> Result<(), DataError> {
        let id = match topic {
            None => None,
            Some(topic) => match self.names.topics.iter().position(|known| known == topic) {
                Some(known) => Some(number(known)?),
                None => {
                    self.names.topics.push(topic.to_owned());
                    Some(number(self.names.topics.len() - 1)?)
                }
            },
        };
        for row in rows {
            if let Some(entry) = self.entries.get_mut(*row) {
                entry.topic = id;
            }
        }
        Ok(())
    }

    pub fn set_topics(&mut self, names: &[String], of_rows: &[Option<u32>]) {
        self.names.topics = names.to_vec();
        self.entries.iter_mut().zip(of_rows).for_each(|(entry, topic)| entry.topic = *topic);
    }

    /// Those that are not left out.
    pub fn finish(self, left_out: &[bool]) -> Examples {
        let Self { from, mut entries, names } = self;
        let mut left_out = left_out.iter();
        entries.retain(|_| left_out.next() != Some(&true));
        Examples { texts: from.texts.clone(), entries: Arc::new(entries), names: Arc::new(names) }
    }
}
