//! The examples of an import, however many: their texts are kept aside (`texts.rs`), and memory holds forty bytes a row.
//! Start at [`Examples`]; `building.rs` fills one, `changing.rs` changes some, `rows_dropped.rs` keeps the rows that became no example.

mod building;
mod changing;
mod rows_dropped;
mod texts;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Weak};

use super::{DataError, Example, Message, Source};
use texts::{InOrder, Place, Texts};

pub use building::ExamplesBuilder;
pub(super) use changing::Placed;
pub use rows_dropped::DroppedRows;

/// Examples in order. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    texts: Arc<Texts>,
    entries: Arc<Vec<Entry>>,
    names: Arc<Names>,
}

/// Knows examples again without keeping them.
#[derive(Clone, Debug, Default)]
pub struct ExamplesMark(Weak<Vec<Entry>>);

impl ExamplesMark {
    /// Whether these are the examples, with nothing changed since.
    pub fn is_of(&self, examples: &Examples) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&examples.entries))
    }
}

/// What is known of an example without reading it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    place: Place,
    /// Equal for equal messages.
    likeness: u64,
    /// Which of the kept rows of the import it is.
    row: u32,
    line: u32,
    /// Into the names of files.
    file: u32,
    /// Into the names of topics.
    topic: Option<u32>,
}

#[derive(Clone, Debug, Default)]
struct Names {
    files: Vec<String>,
    topics: Vec<String>,
}

impl Examples {
    /// Examples that are at hand. Errs where the disk has no room for them.
    pub fn of(examples: impl IntoIterator<Item = Example>) -> Result<Self, DataError> {
        let mut builder = ExamplesBuilder::default();
        examples.into_iter().try_for_each(|example| builder.push(&example))?;
        Ok(builder.finish())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads one. Errs where there is none of this index, or the disk fails.
    pub fn get(&self, index: usize) -> Result<Example, DataError> {
        let entry = self.entry(index)?;
        let text = self.texts.read(entry.place).map_err(kept)?;
        self.example(entry, &text)
    }

    /// Reads all in order, many at a time.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<Example, DataError>> {
        self.iter_of(0..self.len())
    }

    /// Reads those of these indices, fast where they ascend.
    pub fn iter_of<I: IntoIterator<Item = usize>>(
        &self,
        indices: I,
    ) -> std::iter::Map<I::IntoIter, impl FnMut(usize) -> Result<Example, DataError>> {
        let mut in_order = InOrder::new(&self.texts);
        indices.into_iter().map(move |index| {
            let entry = self.entry(index)?;
            let text = in_order.read(entry.place).map_err(kept)?;
            self.example(entry, text)
        })
    }

    /// Whether both are of one import, whatever was changed since.
    pub fn is_of_same_import(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.texts, &other.texts)
    }

    /// Whether both are the same examples, as clones are.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.entries, &other.entries)
    }

    /// What these examples are known again by.
    pub fn mark(&self) -> ExamplesMark {
        ExamplesMark(Arc::downgrade(&self.entries))
    }

    /// Which of the kept rows of the import an example is, from 0, whatever became of the others.
    pub fn row(&self, index: usize) -> Option<usize> {
        self.entries.get(index).map(|entry| entry.row as usize)
    }

    /// Where an example stands in its file; empty where there is none of this index.
    pub fn source(&self, index: usize) -> Source {
        self.entries.get(index).map(|entry| self.source_of(entry)).unwrap_or_default()
    }

    /// The label of an example.
    pub fn topic(&self, index: usize) -> Option<&str> {
        let topic = self.entries.get(index)?.topic?;
        self.names.topics.get(topic as usize).map(String::as_str)
    }

    /// Every label with the number of its examples, in the order of the alphabet.
    pub fn topics(&self) -> BTreeMap<&str, usize> {
        let mut counts = vec![0; self.names.topics.len()];
        for topic in self.entries.iter().filter_map(|entry| entry.topic) {
            if let Some(count) = counts.get_mut(topic as usize) {
                *count += 1;
            }
        }
        let named = self.names.topics.iter().map(String::as_str).zip(counts);
        named.filter(|(_, count)| *count > 0).collect()
    }

    /// How much text an example is, about.
    pub fn bytes(&self, index: usize) -> u32 {
        self.entries.get(index).map_or(0, |entry| entry.place.length)
    }

    /// A number that two examples share where their messages are the same.
    pub fn likeness(&self, index: usize) -> Option<u64> {
        self.entries.get(index).map(|entry| entry.likeness)
    }

    fn entry(&self, index: usize) -> Result<&Entry, DataError> {
        self.entries.get(index).ok_or(DataError::NoSuchExample { index, count: self.len() })
    }

    fn source_of(&self, entry: &Entry) -> Source {
        let file = self.names.files.get(entry.file as usize).cloned().unwrap_or_default();
        Source { file, line: entry.line as usize }
    }

    fn example(&self, entry: &Entry, text: &[u8]) -> Result<Example, DataError> {
        let messages: Vec<Message> = serde_json::from_slice(text).map_err(|error| kept(io::Error::other(error)))?;
        let topic = entry.topic.and_then(|topic| self.names.topics.get(topic as usize));
        Ok(Example { messages, topic: topic.cloned(), source: self.source_of(entry) })
    }
}

/// The error for texts that are kept aside and cannot be written or read.
fn kept(source: io::Error) -> DataError {
    DataError::Kept { source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Role;

    fn example(text: &str, topic: Option<&str>, line: usize) -> Example {
        Example {
            messages: vec![
                Message { role: Role::User, content: format!("{text}?") },
                Message { role: Role::Assistant, content: text.to_owned() },
            ],
            topic: topic.map(str::to_owned),
            source: Source { file: format!("{}.jsonl", line % 2), line },
        }
    }

    fn some() -> Vec<Example> {
        vec![
            example("\u{1f427} \"quoted\"\n", Some("birds"), 1),
            example("", None, 2),
            example("same", Some("other"), 3),
            example("same", Some("birds"), 4),
        ]
    }

    #[test]
    fn examples_come_back_as_they_went_in() {
        let (examples, all) = (Examples::of(some()).unwrap(), some());
        assert_eq!((examples.len(), examples.iter().len()), (4, 4));
        assert_eq!(examples.iter().collect::<Result<Vec<_>, _>>().unwrap(), all);
        for (index, example) in all.iter().enumerate() {
            assert_eq!(examples.get(index).unwrap(), *example);
            assert_eq!(examples.source(index), example.source);
            assert_eq!(examples.topic(index), example.topic.as_deref());
        }
        let picked: Vec<_> = examples.iter_of([3, 0]).map(Result::unwrap).collect();
        assert_eq!(picked, [all[3].clone(), all[0].clone()]);
        assert_eq!(examples.topics().into_iter().collect::<Vec<_>>(), [("birds", 2), ("other", 1)]);
    }

    #[test]
    fn only_equal_messages_are_alike() {
        let examples = Examples::of(some()).unwrap();
        assert_eq!(examples.likeness(2), examples.likeness(3));
        assert_ne!(examples.likeness(1), examples.likeness(2));
    }

    #[test]
    fn an_index_beyond_the_end_is_an_error() {
        let error = Examples::of(some()).unwrap().get(4).unwrap_err().to_string();
        assert!(error.contains("example 5 of 4"), "{error}");
        assert!(Examples::default().is_empty() && Examples::default().get(0).is_err());
    }
}
