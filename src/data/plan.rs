//! Which column plays which part: decided once a file from its first rows and the columns named by hand.

use std::collections::BTreeMap;
use std::path::Path;

use super::read::Fields;
use super::shape::{Extra, FLAT, Flat, Guess, HISTORY, LABELS, Names, SYSTEM, Shape, TEXTS, TURNS, guess, same_name};
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
    /// In one column for each part.
    Parts(Parts),
}

/// The columns of a conversation of one question and one answer.
#[derive(Debug)]
pub(super) struct Parts {
    pub prompt: Columns,
    pub response: Columns,
    /// Follows the prompt where it is not blank.
    pub context: Columns,
    pub extra: Extra,
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
        let mut plan = if map.prompt.is_some() || map.response.is_some() {
            Self::by_hand(sample, found, map, path)?
        } else {
            let holds_text = map.free(TEXTS).iter().any(|name| has(found, name));
            match Self::detected(sample, found, map, path) {
                Err(DataError::UnknownColumns { .. }) if accept == Accept::AlsoTexts && holds_text => {
                    Self::around(Shape::Text, Body::Text(owned(TEXTS)), map)
                }
                detected => detected?,
            }
        };
        if let Some(column) = &map.context {
            let Body::Parts(parts) = &mut plan.body else {
                return Err(DataError::ContextOfConversation { path: path.to_path_buf() });
            };
            parts.context = vec![column.clone()];
            if parts.extra == Extra::OtherTexts {
                parts.extra = Extra::Nothing;
            }
        }
        Ok(plan)
    }

    /// The columns named by hand; what they leave open is as in the shape that the file has beside them.
    fn by_hand(sample: &[&Fields], found: &[String], map: &ColumnMap, path: &Path) -> Result<Self, DataError> {
        let base = base(sample, found, map);
        let columns = |mapped: &Option<String>, part, names: fn(&Flat) -> Names| match (mapped, base) {
            (Some(column), _) => Ok(vec![column.clone()]),
            (None, Some(flat)) => Ok(owned(&map.free(names(flat)))),
            (None, None) => Err(DataError::PartMissing { path: path.to_path_buf(), part, found: listed(found) }),
        };
        let parts = Parts {
            prompt: columns(&map.prompt, "prompt", |flat| flat.prompt)?,
            response: columns(&map.response, "response", |flat| flat.response)?,
            context: base.map(|flat| owned(&map.free(flat.context))).unwrap_or_default(),
            extra: base.map(|flat| flat.extra).filter(|&extra| extra == Extra::OtherTexts).unwrap_or(Extra::Choices),
        };
        Ok(Self::around(Shape::Mapped, Body::Parts(parts), map))
    }

    fn detected(sample: &[&Fields], found: &[String], map: &ColumnMap, path: &Path) -> Result<Self, DataError> {
        match guess_of(sample, map) {
            Some(Guess::Preference) => Err(DataError::Preference { path: path.to_path_buf() }),
            Some(Guess::Turns(shape)) => Ok(Self::around(shape, Body::Turns(owned(&map.free(TURNS))), map)),
            Some(Guess::Flat(index)) => match FLAT.get(index) {
                Some(flat) => Ok(Self::flat(flat, map)),
                None => Err(DataError::UnknownColumns { path: path.to_path_buf(), found: listed(found) }),
            },
            None => Err(DataError::UnknownColumns { path: path.to_path_buf(), found: listed(found) }),
        }
    }

    fn flat(flat: &Flat, map: &ColumnMap) -> Self {
        let free = |names| owned(&map.free(names));
        let (prompt, response, context) = (free(flat.prompt), free(flat.response), free(flat.context));
        Self::around(flat.shape, Body::Parts(Parts { prompt, response, context, extra: flat.extra }), map)
    }

    fn around(shape: Shape, body: Body, map: &ColumnMap) -> Self {
        let columns = |mapped: &Option<String>, names: Names| match mapped {
            Some(column) => vec![column.clone()],
            None => owned(&map.free(names)),
        };
        Self {
            shape,
            body,
            system: columns(&map.system, SYSTEM),
            history: owned(&map.free(HISTORY)),
            topic: columns(&map.topic, LABELS),
        }
    }
}

/// The shape whose other parts go with the question or the answer that was mapped by hand.
fn base(sample: &[&Fields], found: &[String], map: &ColumnMap) -> Option<&'static Flat> {
    let detected = match guess_of(sample, &ColumnMap::default()) {
        Some(Guess::Flat(index)) => FLAT.get(index),
        _ => None,
    };
    // Named by hand as it is detected: nothing changes.
    let is_own = |mapped: &Option<String>, names: Names| {
        let first = names.iter().find(|name| has(found, name));
        mapped.as_ref().zip(first).is_some_and(|(column, name)| same_name(column, name))
    };
    let own = detected.filter(|flat| is_own(&map.prompt, flat.prompt) || is_own(&map.response, flat.response));
    if own.is_some() || map.prompt.is_some() && map.response.is_some() {
        return own;
    }
    let is_found = |names: Names| map.free(names).iter().any(|name| has(found, name));
    let fits = |flat: &&Flat| {
        (map.prompt.is_some() || is_found(flat.prompt)) && (map.response.is_some() || is_found(flat.response))
    };
    // To gather all other texts is for those alone whose names are just so.
    let fitting = || FLAT.iter().filter(|flat| fits(flat) && flat.extra != Extra::OtherTexts);
    fitting().find(|flat| is_found(flat.context)).or(detected.filter(fits)).or_else(|| fitting().next())
}

/// What most rows look like.
fn guess_of(sample: &[&Fields], map: &ColumnMap) -> Option<Guess> {
    most_frequent(sample.iter().filter_map(|fields| guess(fields, map)))
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

/// Whether a column of that name was found.
pub(super) fn has(found: &[String], name: &str) -> bool {
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

    /// What was recognised and why, and which column plays which part, in plain words; `note` is added.
    pub fn explain(&self, plan: &Plan, found: &[String], note: Option<String>) -> String {
        let part = |name: &str| self.parts.get(name).map(|columns| listed(columns)).unwrap_or_default();
        let keys = if plan.shape == Shape::ShareGpt { "from and value" } else { "role and content" };
        let (prompt, response) = (part("prompt"), part("response"));
        let mut told = match (&plan.body, plan.shape) {
            (Body::Turns(_), _) => {
                vec![format!("Read as {}, because {} holds lists of turns with {keys}", plan.shape, part("messages"))]
            }
            (Body::Text(_), _) => vec![format!("Read as running text, from {}", part("text"))],
            (Body::Parts(_), Shape::Mapped) => {
                vec![format!("Read as you mapped the columns: the question is {prompt}, the answer is {response}")]
            }
            (Body::Parts(_), shape) => vec![
                format!("Read as {shape}, because there are the columns {prompt} and {response}"),
                format!("the question is {prompt}, the answer is {response}"),
            ],
        };
        if self.parts.contains_key("context") {
            let headed = match &plan.body {
                Body::Parts(Parts { extra: Extra::OtherTexts, .. }) => {
                    ", headed by the column's name where a row has several"
                }
                _ => "",
            };
            told.push(format!("further input is {}{headed}", part("context")));
        }
        for (name, says) in [
            ("choices", "gives the choices"),
            ("system", "is the system message"),
            ("history", "is what was said before"),
            ("topic", "is the topic"),
        ] {
            if self.parts.contains_key(name) {
                told.push(format!("{} {says}", part(name)));
            }
        }
        told.extend(note);
        let unused = |column: &&String| !self.parts.values().flatten().any(|known| known == *column);
        let unused: Vec<String> = found.iter().filter(unused).cloned().collect();
        if !unused.is_empty() {
            told.push(format!("not used: {}", listed(&unused)));
        }
        told.join("; ") + "."
    }
}
