//! Which column plays which part: decided once a file from its first rows and the columns named by hand.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::chat::Tags;
use super::choices::lettered;
use super::layout::Layout;
use super::read::Fields;
use super::shape::{
    ANSWERS, CHOICES, Extra, FLAT, Flat, Guess, HISTORY, LABELS, Names, Preference, SYSTEM, Shape, TEXTS, TURNS, find,
    guess, may_stand_beside_text, same_name,
};
use super::sure::{Certainty, Sure};
use super::{ColumnMap, DataError};

/// Accepted names of a column, in order of preference.
pub(super) type Columns = Vec<String>;

/// Column names that a message lists.
const MAX_LISTED: usize = 24;

/// Columns that are remembered for one part, so that a file whose columns all differ stays quick to read.
const MAX_NOTED: usize = 100;

/// What kinds of rows an import takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accept {
    /// Conversations, and running text where there is nothing else.
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
    pub tags: Tags,
    pub certainty: Certainty,
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
        } else if let Some(layout) = Layout::beside(path) {
            Self::described(&layout, map, path)?
        } else {
            let texts = map.free(TEXTS);
            let holds_text = texts.iter().any(|name| has(found, name));
            let is_only = found.iter().all(|column| may_stand_beside_text(column));
            match Self::detected(sample, found, map, path) {
                Err(DataError::UnknownColumns { .. }) if holds_text && (is_only || accept == Accept::AlsoTexts) => {
                    let certainty = Certainty::certain("there is text and nothing that asks or answers");
                    Self::around(Shape::Text, Body::Text(owned(&texts)), map, certainty)
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
        let certainty = Certainty::certain("you named the columns");
        Ok(Self::around(Shape::Mapped, Body::Parts(parts), map, certainty))
    }

    /// As the `dataset_info.json` beside the file has it.
    fn described(layout: &Layout, map: &ColumnMap, path: &Path) -> Result<Self, DataError> {
        if layout.is_preference() {
            return Err(preference(Preference::Pair, path));
        }
        let column = |part, usual| vec![layout.column(part, usual)];
        let certainty = Certainty::certain(format!("dataset_info.json says so under \"{}\"", layout.name));
        let mut plan = if layout.has_turns() {
            let shape = if layout.tags().role.as_deref() == Some("role") { Shape::Messages } else { Shape::ShareGpt };
            Self::around(shape, Body::Turns(column("messages", "conversations")), map, certainty)
        } else {
            let parts = Parts {
                prompt: column("prompt", "instruction"),
                response: column("response", "output"),
                context: column("query", "input"),
                extra: Extra::Nothing,
            };
            Self::around(Shape::Alpaca, Body::Parts(parts), map, certainty)
        };
        plan.tags = layout.tags();
        if let Some(column) = layout.named_column("system").filter(|_| map.system.is_none()) {
            plan.system = vec![column];
        }
        if let Some(column) = layout.named_column("history") {
            plan.history = vec![column];
        }
        Ok(plan)
    }

    fn detected(sample: &[&Fields], found: &[String], map: &ColumnMap, path: &Path) -> Result<Self, DataError> {
        let unknown = || DataError::UnknownColumns { path: path.to_path_buf(), found: listed(found) };
        let (guess, certainty) = guess_of(sample, map).ok_or_else(unknown)?;
        match guess {
            Guess::Preference(kind) => Err(preference(kind, path)),
            Guess::Turns(shape) => Ok(Self::around(shape, Body::Turns(owned(&map.free(TURNS))), map, certainty)),
            Guess::Flat(index) => Ok(Self::flat(FLAT.get(index).ok_or_else(unknown)?, sample, found, map, certainty)),
        }
    }

    fn flat(flat: &Flat, sample: &[&Fields], found: &[String], map: &ColumnMap, mut certainty: Certainty) -> Self {
        let free = |names| owned(&map.free(names));
        let (prompt, response, context) = (free(flat.prompt), free(flat.response), free(flat.context));
        let has_choices = |fields: &&&Fields| find(fields, CHOICES).is_some() || lettered(fields).is_some();
        let asks = flat.extra == Extra::Choices && sample.iter().filter(has_choices).count() * 2 > sample.len();
        if flat.extra == Extra::OtherTexts {
            certainty.doubt(Sure::Likely, "all other texts of a row are taken to belong to its question");
        }
        if let Some(reason) = rival(&response, found, asks) {
            certainty.doubt(Sure::Likely, reason);
        }
        for (columns, part) in [(&prompt, "question"), (&response, "answer")] {
            let values = || sample.iter().filter_map(|fields| find(fields, columns));
            let odd = values().filter(|(_, value)| !is_said(value, part == "answer")).count();
            if odd * 2 > values().count() && !asks {
                certainty.doubt(Sure::Guess, format!("most values of the {part} are no texts"));
            }
        }
        let shape = if asks { Shape::MultipleChoice } else { flat.shape };
        Self::around(shape, Body::Parts(Parts { prompt, response, context, extra: flat.extra }), map, certainty)
    }

    fn around(shape: Shape, body: Body, map: &ColumnMap, certainty: Certainty) -> Self {
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
            tags: Tags::default(),
            certainty,
        }
    }
}

/// The shape whose other parts go with the question or the answer that was mapped by hand.
fn base(sample: &[&Fields], found: &[String], map: &ColumnMap) -> Option<&'static Flat> {
    let detected = match guess_of(sample, &ColumnMap::default()) {
        Some((Guess::Flat(index), _)) => FLAT.get(index),
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

fn preference(kind: Preference, path: &Path) -> DataError {
    DataError::Preference { path: path.to_path_buf(), kind: kind.kind(), mend: kind.mend() }
}

/// Why another column may hold the answer, if one may.
fn rival(response: &[String], found: &[String], is_choice: bool) -> Option<String> {
    let taken = response.iter().find(|name| has(found, name))?;
    let is_rival = |column: &&String| {
        let is_taken = same_name(column, taken) || is_choice && same_name(column, "a");
        !is_taken && ANSWERS.iter().any(|name| same_name(column, name))
    };
    // Alpaca's columns, for one, have names of their own.
    let rivals: Vec<String> = found.iter().filter(is_rival).cloned().collect();
    (!rivals.is_empty()).then(|| format!("the answer might also be {}", listed(&rivals)))
}

/// Whether a value may be what is asked or answered: a text or messages, and for an answer a number too.
fn is_said(value: &Value, may_count: bool) -> bool {
    match value {
        Value::String(_) | Value::Null => true,
        Value::Number(_) | Value::Bool(_) => may_count,
        Value::Array(list) => list.first().is_some_and(Value::is_object),
        Value::Object(parts) => parts.contains_key("text"),
    }
}

/// What most rows look like, and how sure that is.
fn guess_of(sample: &[&Fields], map: &ColumnMap) -> Option<(Guess, Certainty)> {
    let mut counts: Vec<(Guess, usize)> = Vec::new();
    for guess in sample.iter().filter_map(|fields| guess(fields, map)) {
        match counts.iter_mut().find(|(other, _)| *other == guess) {
            Some((_, count)) => *count += 1,
            None => counts.push((guess, 1)),
        }
    }
    // The earliest of these where several are as frequent.
    let (guess, count) = counts.into_iter().rev().max_by_key(|&(_, count)| count)?;
    Some((guess, Certainty::of_rows(count, sample.len())))
}

/// Whether a column of that name was found.
pub(super) fn has(found: &[String], name: &str) -> bool {
    found.iter().any(|column| same_name(column, name))
}

fn owned(names: &[&str]) -> Columns {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Column names for a message, quoted; of very many, the first.
pub(super) fn listed(names: &[String]) -> String {
    let shown = names.iter().take(MAX_LISTED).map(|name| format!("\"{name}\""));
    let more = names.len().saturating_sub(MAX_LISTED);
    shown.chain((more > 0).then(|| format!("and {more} more"))).collect::<Vec<_>>().join(", ")
}

/// Which columns the rows of a file were in fact read from, by part.
#[derive(Debug, Default)]
pub(super) struct Used {
    parts: BTreeMap<&'static str, Vec<String>>,
    /// Whether a turn calls tools.
    pub calls_tools: bool,
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
        let keys = match (&plan.tags.role, plan.shape) {
            (Some(role), _) => format!("\"{role}\" and {}", plan.tags.content.as_deref().unwrap_or("content")),
            (None, Shape::ShareGpt) => "from and value".to_owned(),
            (None, _) => "role and content".to_owned(),
        };
        let (prompt, response) = (part("prompt"), part("response"));
        let mut told = match (&plan.body, plan.shape) {
            (Body::Turns(_), _) => {
                vec![format!("Read as {}, because {} holds lists of turns with {keys}", plan.shape, part("messages"))]
            }
            (Body::Text(_), _) => vec![format!(
                "Read as running text, from {}: there is no question, each text is learnt as one thing the model says",
                part("text")
            )],
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
        if self.calls_tools {
            told.push("calls of tools are learnt as JSON".to_owned());
        }
        told.extend(note);
        let unused = |column: &&String| !self.parts.values().flatten().any(|known| known == *column);
        let unused: Vec<String> = found.iter().filter(unused).cloned().collect();
        if !unused.is_empty() {
            told.push(format!("not used: {}", listed(&unused)));
        }
        format!("{}. {}", told.join("; "), plan.certainty.sentence())
    }
}
