//! The topics of a corpus as its user edits them: which text is in which, what they are called, and every change with its way
//! back. Pure state: what texts say is known elsewhere. `book_file.rs` writes it.

use serde::{Deserialize, Serialize};

/// Changes that can be taken back.
const MOST_STEPS: usize = 100;
/// Letters of a name, at most.
const LONGEST: usize = 60;
/// Words that name a topic by default.
const NAMING_WORDS: usize = 3;

/// How texts were grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopicMethod {
    #[default]
    Kmeans,
    /// By density, which leaves out what lies apart.
    Density,
}

/// What texts were told apart by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopicFeatures {
    #[default]
    Words,
    /// What a base model makes of them.
    Model,
}

/// How the topics of a book came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicOrigin {
    pub method: TopicMethod,
    pub features: TopicFeatures,
    pub seed: u64,
    /// The number of topics that was asked for; `None` took the one that was advised.
    pub asked: Option<usize>,
    /// The advice in one sentence.
    pub advice: String,
    /// By the number of groups, from 1 up.
    pub sse: Vec<f64>,
    pub silhouette: Vec<f64>,
}

/// A topic, apart from its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookTopic {
    /// Never given to another topic of the book.
    pub id: u32,
    pub name: String,
    /// Whether a user gave the name; it then stays whatever the words are.
    pub is_named: bool,
    /// The place of its colour among those of the heads. It keeps it as long as it is there.
    pub color: u32,
    /// Whether its texts are left out of training.
    pub is_excluded: bool,
}

/// A change that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    #[error("there is no topic {id} any more: it was merged, or the change that made it was undone")]
    NoSuch { id: u32 },
    #[error("a topic is called \"{name}\" already: choose another name, or merge the two")]
    NameTaken { name: String },
    #[error("a name is needed: type one, or leave the topic as it is")]
    NoName,
    #[error("two topics or more make a merge: choose another one too")]
    TooFew,
    #[error("the examples of \"{name}\" do not differ, so that it cannot be split")]
    Alike { name: String },
    #[error("no example is chosen: draw around some on the map first")]
    NothingChosen,
}

/// A change with its way back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    name: String,
    before: Vec<BookTopic>,
    after: Vec<BookTopic>,
    /// Texts that change their topic: which, from where, where to.
    moved: Vec<(usize, Option<u32>, Option<u32>)>,
}

/// The topics of a corpus. Texts are told by their places.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicBook {
    pub origin: TopicOrigin,
    pub(super) topics: Vec<BookTopic>,
    /// The id of every text's topic; `None` is noise.
    pub(super) labels: Vec<Option<u32>>,
    pub(super) next_id: u32,
    pub(super) done: Vec<Step>,
    pub(super) undone: Vec<Step>,
}

impl TopicBook {
    /// A book of `topics` topics, in the order of their numbers; `labels` are these numbers, `None` for noise.
    pub fn new(origin: TopicOrigin, labels: Vec<Option<u32>>, topics: usize) -> Self {
        let topic = |id: u32| BookTopic {
            id,
            name: format!("Topic {}", id + 1),
            is_named: false,
            color: id,
            is_excluded: false,
        };
        let next_id = topics as u32;
        Self { origin, topics: (0..next_id).map(topic).collect(), labels, next_id, ..Self::default() }
    }

    /// The topics in their order.
    pub fn topics(&self) -> &[BookTopic] {
        &self.topics
    }

    /// The id of every text's topic; `None` is noise.
    pub fn labels(&self) -> &[Option<u32>] {
        &self.labels
    }

    /// The place of every text's topic among [`Self::topics`].
    pub fn numbers(&self) -> Vec<Option<u32>> {
        let number = |id: &u32| self.topics.iter().zip(0u32..).find(|(topic, _)| topic.id == *id).map(|(_, at)| at);
        self.labels.iter().map(|label| label.as_ref().and_then(number)).collect()
    }

    /// The texts of a topic.
    pub fn texts_of(&self, id: u32) -> Vec<usize> {
        self.labels.iter().enumerate().filter(|(_, label)| **label == Some(id)).map(|(text, _)| text).collect()
    }

    /// The texts of topics that are left out of training.
    pub fn excluded_texts(&self) -> Vec<usize> {
        let is_excluded = |id: u32| self.topics.iter().any(|topic| topic.id == id && topic.is_excluded);
        self.labels
            .iter()
            .enumerate()
            .filter(|(_, label)| label.is_some_and(is_excluded))
            .map(|(text, _)| text)
            .collect()
    }

    /// Topics that are trained on.
    pub fn trained(&self) -> usize {
        self.topics.iter().filter(|topic| !topic.is_excluded).count()
    }

    /// Calls topics by their words, in the order of the topics, but for those that a user named.
    pub fn name_by_words(&mut self, words: &[Vec<String>]) {
        let mut taken: Vec<String> =
            self.topics.iter().filter(|topic| topic.is_named).map(|topic| topic.name.clone()).collect();
        for (at, topic) in self.topics.iter_mut().enumerate().filter(|(_, topic)| !topic.is_named) {
            let words = words.get(at).map_or(&[][..], Vec::as_slice);
            let name = cut(&words.iter().take(NAMING_WORDS).cloned().collect::<Vec<_>>().join(", "));
            let name = if name.is_empty() { format!("Topic {}", topic.id + 1) } else { name };
            topic.name =
                (2..).map(|n| format!("{name} ({n})")).find(|other| !taken.contains(other)).unwrap_or_default();
            if !taken.contains(&name) {
                topic.name = name;
            }
            taken.push(topic.name.clone());
        }
    }

    /// Puts the texts of `ids` into the first of them, which keeps its name and colour.
    ///
    /// # Errors
    /// When one is not there, or there are fewer than two.
    pub fn merge(&mut self, ids: &[u32]) -> Result<(), BookError> {
        let [first, others @ ..] = ids else { return Err(BookError::TooFew) };
        let names: Vec<String> = ids.iter().map(|id| Ok(self.topic(*id)?.name.clone())).collect::<Result<_, _>>()?;
        let others: Vec<u32> = others.iter().copied().filter(|id| id != first).collect();
        if others.is_empty() {
            return Err(BookError::TooFew);
        }
        let name = format!("Merge {}", quoted(&names));
        self.change(name, |book| {
            book.topics.retain(|topic| !others.contains(&topic.id));
            for label in book.labels.iter_mut().filter(|label| label.is_some_and(|id| others.contains(&id))) {
                *label = Some(*first);
            }
        });
        Ok(())
    }

    /// Makes a topic of the texts of `id` that `is_apart` says are, in the order of [`Self::texts_of`].
    ///
    /// # Errors
    /// When it is not there, or all or none are apart.
    pub fn split(&mut self, id: u32, is_apart: &[bool]) -> Result<(), BookError> {
        let topic = self.topic(id)?.clone();
        let texts = self.texts_of(id);
        let apart: Vec<usize> =
            texts.iter().zip(is_apart).filter(|(_, is_apart)| **is_apart).map(|(text, _)| *text).collect();
        if apart.is_empty() || apart.len() == texts.len() {
            return Err(BookError::Alike { name: topic.name });
        }
        self.change(format!("Split \"{}\"", topic.name), |book| {
            let at = book.topics.iter().position(|other| other.id == id).map_or(0, |at| at + 1);
            book.begin_topic(at, &apart, topic.is_excluded);
        });
        Ok(())
    }

    /// Makes a topic of these texts, wherever they were; topics that are left without a text go.
    ///
    /// # Errors
    /// When there are none.
    pub fn gather(&mut self, texts: &[usize]) -> Result<(), BookError> {
        let texts: Vec<usize> = texts.iter().copied().filter(|text| *text < self.labels.len()).collect();
        if texts.is_empty() {
            return Err(BookError::NothingChosen);
        }
        self.change(format!("Make a topic of {} examples", texts.len()), |book| {
            book.begin_topic(book.topics.len(), &texts, false);
            let labels = &book.labels;
            book.topics.retain(|topic| labels.contains(&Some(topic.id)));
        });
        Ok(())
    }

    /// Calls a topic `name`.
    ///
    /// # Errors
    /// When it is not there, the name is blank, or another topic has it.
    pub fn rename(&mut self, id: u32, name: &str) -> Result<(), BookError> {
        let name = cut(name);
        let before = self.topic(id)?.name.clone();
        if name.is_empty() {
            return Err(BookError::NoName);
        }
        if name == before {
            return Ok(());
        }
        if self.topics.iter().any(|topic| topic.id != id && topic.name == name) {
            return Err(BookError::NameTaken { name });
        }
        self.change(format!("Rename \"{before}\" to \"{name}\""), |book| {
            if let Some(topic) = book.topics.iter_mut().find(|topic| topic.id == id) {
                (topic.name, topic.is_named) = (name, true);
            }
        });
        Ok(())
    }

    /// Leaves a topic out of training, or takes it back in.
    ///
    /// # Errors
    /// When it is not there.
    pub fn exclude(&mut self, id: u32, is_excluded: bool) -> Result<(), BookError> {
        let topic = self.topic(id)?;
        if topic.is_excluded == is_excluded {
            return Ok(());
        }
        let verb = if is_excluded { "Leave out" } else { "Take in" };
        self.change(format!("{verb} \"{}\"", topic.name), |book| {
            if let Some(topic) = book.topics.iter_mut().find(|topic| topic.id == id) {
                topic.is_excluded = is_excluded;
            }
        });
        Ok(())
    }

    /// What undoing would take back.
    pub fn undo_name(&self) -> Option<&str> {
        self.done.last().map(|step| step.name.as_str())
    }

    /// What redoing would do again.
    pub fn redo_name(&self) -> Option<&str> {
        self.undone.last().map(|step| step.name.as_str())
    }

    /// Takes the last change back; whether there was one.
    pub fn undo(&mut self) -> bool {
        let Some(step) = self.done.pop() else { return false };
        self.topics.clone_from(&step.before);
        for (text, from, _) in &step.moved {
            self.put(*text, *from);
        }
        self.undone.push(step);
        true
    }

    /// Does the change again that was taken back last; whether there was one.
    pub fn redo(&mut self) -> bool {
        let Some(step) = self.undone.pop() else { return false };
        self.topics.clone_from(&step.after);
        for (text, _, to) in &step.moved {
            self.put(*text, *to);
        }
        self.done.push(step);
        true
    }

    fn topic(&self, id: u32) -> Result<&BookTopic, BookError> {
        self.topics.iter().find(|topic| topic.id == id).ok_or(BookError::NoSuch { id })
    }

    fn put(&mut self, text: usize, topic: Option<u32>) {
        if let Some(label) = self.labels.get_mut(text) {
            *label = topic;
        }
    }

    /// A new topic of these texts, at the place `at`, with the first colour that no other has.
    fn begin_topic(&mut self, at: usize, texts: &[usize], is_excluded: bool) {
        let id = self.next_id;
        self.next_id += 1;
        let is_taken = |color: &u32| self.topics.iter().any(|topic| topic.color == *color);
        let color = (0..).find(|color| !is_taken(color)).unwrap_or_default();
        let topic = BookTopic { id, name: format!("Topic {}", id + 1), is_named: false, color, is_excluded };
        self.topics.insert(at.min(self.topics.len()), topic);
        for text in texts {
            self.put(*text, Some(id));
        }
    }

    /// Makes a change that can be taken back.
    fn change(&mut self, name: String, make: impl FnOnce(&mut Self)) {
        let (before, labels) = (self.topics.clone(), self.labels.clone());
        make(self);
        let moved = labels.iter().zip(&self.labels).enumerate().filter(|(_, (from, to))| from != to);
        let moved = moved.map(|(text, (from, to))| (text, *from, *to)).collect();
        self.undone.clear();
        self.done.push(Step { name, before, after: self.topics.clone(), moved });
        if self.done.len() > MOST_STEPS {
            self.done.remove(0);
        }
    }
}

/// A name in one line of at most [`LONGEST`] letters.
fn cut(name: &str) -> String {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    name.chars().take(LONGEST).collect::<String>().trim_end().to_owned()
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests;
