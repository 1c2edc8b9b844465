//! Which column plays which part: decided once a file from its first rows and the columns named by hand.

use std::collections::BTreeMap;
use std::path::Path;

use super::read::Fields;
use super::shape::{
    ANSWERS, FLAT, Flat, Guess, HISTORY, INSTRUCTIONS, LABELS, QUESTIONS, SYSTEM, Shape, TEXTS, TURNS, guess, same_name,
};
use super::{ColumnMap, DataError};

/// Accepted names of a column, in order of preference.
pub(super) type Columns = Vec<String>;

/// Columns that are remembered for one part, so that a file whose columns all differ stays quick to read.
const MAX_NOTED: usize = 100;

/// What kinds of rows an import takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accept {
    Conversations,
    /// Running texts too, as pre-training learns from.
    AlsoTexts,
}

/// How the rows of one file become examples.
#[derive(Debug)]
pub(super) struct Plan {
    pub shape: Shape,
    pub body: Body,
    pub system: Columns,
    pub history: Columns,
    pub topic: Columns,
}

/// Where the conversation stands.
#[derive(Debug)]
pub(super) enum Body {
    /// In one column with all turns.
    Turns(Columns),
    /// There is none, but a text.
    Text(Columns),
    /// In one column for each part. `context` follows the prompt where it is not blank.
    Parts { prompt: Columns, response: Columns, context: Columns },
}

impl Plan {
    /// The plan for a file whose first rows are `sample`, with columns `found`.
    pub fn new(
        sample: &[&Fields],
        found: &[String],
        map: &ColumnMap,
        accept: Accept,
        path: &Path,
    ) -> Result<Self, DataError> {
        check_map(found, map, path)?;
        let mut plan = if map.prompt.is_some() || map.response.is_some() {
            Self::by_hand(found, map, path)?
        } else {
            let holds_text = TEXTS.iter().any(|name| has(found, name));
            match Self::detected(sample, found, path) {
                Err(DataError::UnknownColumns { .. }) if accept == Accept::AlsoTexts && holds_text => {
                    Self::around(Shape::Text, Body::Text(owned(TEXTS)))
                }
                detected => detected?,
            }
        };
        if let Some(column) = &map.context {
            let Body::Parts { context, .. } = &mut plan.body else {
                return Err(DataError::ContextOfConversation { path: path.to_path_buf() });
            };
            *context = vec![column.clone()];
        }
        if let Some(column) = &map.system {
            plan.system = vec![column.clone()];
        }
        plan.topic.retain(|name| !map.entries().any(|(_, column)| same_name(column, name)));
        if let Some(column) = &map.topic {
            plan.topic = vec![column.clone()];
        }
        Ok(plan)
    }

    fn by_hand(found: &[String], map: &ColumnMap, path: &Path) -> Result<Self, DataError> {
        let given = |column: &Option<String>| column.iter().cloned().collect::<Columns>();
        let (mut prompt, mut response) = (given(&map.prompt), given(&map.response));
        let free = |names: &[&str], taken: &[String]| -> Columns {
            let names = names.iter().filter(|name| !taken.iter().any(|column| same_name(column, name)));
            names.filter(|name| has(found, name)).map(|&name| name.to_owned()).collect()
        };
        if prompt.is_empty() {
            prompt = free(&[INSTRUCTIONS, QUESTIONS].concat(), &response);
        }
        if response.is_empty() {
            response = free(ANSWERS, &prompt);
        }
        for (part, columns) in [("prompt", &prompt), ("response", &response)] {
            if columns.is_empty() {
                return Err(DataError::PartMissing { path: path.to_path_buf(), part, found: listed(found) });
            }
        }
        Ok(Self::around(Shape::Mapped, Body::Parts { prompt, response, context: Vec::new() }))
    }

    fn detected(sample: &[&Fields], found: &[String], path: &Path) -> Result<Self, DataError> {
        match most_frequent(sample.iter().filter_map(|fields| guess(fields))) {
            Some(Guess::Preference) => Err(DataError::Preference { path: path.to_path_buf() }),
            Some(Guess::Turns(shape)) => Ok(Self::around(shape, Body::Turns(owned(TURNS)))),
            Some(Guess::Flat(index)) => match FLAT.get(index) {
                Some(flat) => Ok(Self::flat(flat)),
                None => Err(DataError::UnknownColumns { path: path.to_path_buf(), found: listed(found) }),
            },
            None => Err(DataError::UnknownColumns { path: path.to_path_buf(), found: listed(found) }),
        }
    }

    fn flat(flat: &Flat) -> Self {
        let body =
            Body::Parts { prompt: owned(flat.prompt), response: owned(flat.response), context: owned(flat.context) };
        Self::around(flat.shape, body)
    }

    fn around(shape: Shape, body: Body) -> Self {
        Self { shape, body, system: owned(SYSTEM), history: owned(HISTORY), topic: owned(LABELS) }
    }
}

/// Every column that is mapped must be there, and none twice.
fn check_map(found: &[String], map: &ColumnMap, path: &Path) -> Result<(), DataError> {
    let mut seen: Vec<(&'static str, &str)> = Vec::new();
    for (part, column) in map.entries() {
        if let Some(&(first, _)) = seen.iter().find(|(_, other)| same_name(other, column)) {
            return Err(DataError::MappedTwice { column: column.to_owned(), first, second: part });
        }
        if !has(found, column) {
            let (path, found) = (path.to_path_buf(), listed(found));
            return Err(DataError::NoSuchColumn { path, column: column.to_owned(), part, found });
        }
        seen.push((part, column));
    }
    Ok(())
}

/// The guess that most rows gave; the earliest of these where several are as frequent.
fn most_frequent(guesses: impl Iterator<Item = Guess>) -> Option<Guess> {
    let mut counts: Vec<(Guess, usize)> = Vec::new();
    for guess in guesses {
        match counts.iter_mut().find(|(other, _)| *other == guess) {
            Some((_, count)) => *count += 1,
            None => counts.push((guess, 1)),
        }
    }
    counts.into_iter().rev().max_by_key(|&(_, count)| count).map(|(guess, _)| guess)
}

fn has(found: &[String], name: &str) -> bool {
    found.iter().any(|column| same_name(column, name))
}

fn owned(names: &[&str]) -> Columns {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Column names for a message, quoted.
pub(super) fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// Which columns the rows of a file were in fact read from, by part.
#[derive(Debug, Default)]
pub(super) struct Used {
    parts: BTreeMap<&'static str, Vec<String>>,
}

impl Used {
    /// Remembers that `column` served as `part`.
    pub fn note(&mut self, part: &'static str, column: &str) {
        let columns = self.parts.entry(part).or_default();
        if columns.len() < MAX_NOTED && !columns.iter().any(|known| known == column) {
            columns.push(column.to_owned());
        }
    }

    /// Part to column; several columns are separated by commas.
    pub fn mapping(&self) -> BTreeMap<String, String> {
        self.parts.iter().map(|(&part, columns)| (part.to_owned(), columns.join(", "))).collect()
    }

    /// What was recognised and why, and which column plays which part, in plain words.
    pub fn explain(&self, plan: &Plan, found: &[String]) -> String {
        let part = |name: &str| self.parts.get(name).map(|columns| listed(columns)).unwrap_or_default();
        let keys = if plan.shape == Shape::ShareGpt { "from and value" } else { "role and content" };
        let (prompt, response) = (part("prompt"), part("response"));
        let mut told = match (&plan.body, plan.shape) {
            (Body::Turns(_), _) => {
                vec![format!("Read as {}, because {} holds lists of turns with {keys}", plan.shape, part("messages"))]
            }
            (Body::Text(_), _) => vec![format!("Read as running text, from {}", part("text"))],
            (Body::Parts { .. }, Shape::Mapped) => {
                vec![format!("Read as you mapped the columns: the question is {prompt}, the answer is {response}")]
            }
            (Body::Parts { .. }, shape) => vec![
                format!("Read as {shape}, because there are the columns {prompt} and {response}"),
                format!("the question is {prompt}, the answer is {response}"),
            ],
        };
        if self.parts.contains_key("context") {
            let headed = match plan.shape {
                Shape::InstructionAnswer => ", headed by the column's name where a row has several",
                _ => "",
            };
            told.push(format!("further input is {}{headed}", part("context")));
        }
        for (name, says) in [
            ("choices", "gives the lettered choices"),
            ("system", "is the system message"),
            ("history", "is what was said before"),
            ("topic", "is the topic"),
        ] {
            if self.parts.contains_key(name) {
                told.push(format!("{} {says}", part(name)));
            }
        }
        let unused = |column: &&String| !self.parts.values().flatten().any(|known| known == *column);
        let unused: Vec<String> = found.iter().filter(unused).cloned().collect();
        if !unused.is_empty() {
            told.push(format!("not used: {}", listed(&unused)));
        }
        told.join("; ") + "."
    }
}
