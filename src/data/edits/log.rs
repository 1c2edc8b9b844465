//! The changes made so far, and what the examples are with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Edit;
use crate::data::audit::Fault;
use crate::data::chat::finish;
use crate::data::store::Placed;
use crate::data::{DataError, Examples, Message};
use crate::figures::{count, counted};

/// Why an edit was refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error("Row {} cannot be changed: there are {}. The data has changed meanwhile", count(row + 1), count(*rows))]
    NoSuchRow { row: usize, rows: usize },
    #[error("{} topics for {} do not fit together: find the topics again", count(*of_rows), counted(*rows, "example"))]
    OtherRows { of_rows: usize, rows: usize },
    #[error("Row {} names topic {topic} of {topics}: find the topics again", count(row + 1))]
    NoSuchTopic { row: usize, topic: u32, topics: usize },
    #[error("Nothing would be left to learn from: keep at least one example")]
    NothingLeft,
    #[error("This is no conversation to learn from: {0}")]
    Messages(String),
    #[error(transparent)]
    Data(#[from] DataError),
}

/// A row that an edit left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub row: usize,
    pub reason: String,
}

/// The examples of an import, and every change to them in order. Clones share the changes.
#[derive(Clone, Debug, Default)]
pub struct EditLog {
    imported: Examples,
    /// The examples with all that is done.
    now: Examples,
    done: Vec<Arc<Change>>,
    undone: Vec<Arc<Change>>,
}

/// Why a row is left out, if it is.
#[derive(Clone, Copy, Debug, Default)]
struct Reasons<'a> {
    /// What an edit of it said.
    said: Option<&'a str>,
    /// The topic that it went with.
    topic: Option<&'a str>,
}

impl Reasons<'_> {
    fn is_any(&self) -> bool {
        self.said.is_some() || self.topic.is_some()
    }

    fn text(&self) -> Option<String> {
        let topic = || Some(format!("left out with its topic, \"{}\"; the Topics page takes it back in", self.topic?));
        self.said.map(str::to_owned).or_else(topic)
    }
}

/// An edit, and where the messages stand that it brought.
#[derive(Debug)]
struct Change {
    edit: Edit,
    placed: Vec<Placed>,
}

impl EditLog {
    /// No change yet.
    pub fn new(imported: Examples) -> Self {
        Self { now: imported.clone(), imported, done: Vec::new(), undone: Vec::new() }
    }

    /// The examples as they were imported, by row.
    pub fn imported(&self) -> &Examples {
        &self.imported
    }

    /// Makes a change, and gives the examples with it. What was undone is then gone.
    ///
    /// # Errors
    /// When the edit names what is not there, leaves nothing, or makes an example that cannot be trained on.
    pub fn apply(&mut self, edit: Edit) -> Result<Examples, EditError> {
        let change = Arc::new(self.checked(edit)?);
        self.done.push(change.clone());
        if let Err(error) = self.follow(&change) {
            self.done.pop();
            return Err(error);
        }
        self.undone.clear();
        Ok(self.now.clone())
    }

    /// Makes changes that were made before to the same rows, all at once. Gives back why some were refused; those are passed
    /// over.
    pub fn apply_all(&mut self, edits: impl IntoIterator<Item = Edit>) -> Vec<EditError> {
        let (before, mut refused) = (self.done.len(), Vec::new());
        for edit in edits {
            match self.checked(edit) {
                Ok(change) => self.done.push(Arc::new(change)),
                Err(error) => refused.push(error),
            }
        }
        match self.built() {
            Ok(now) => self.now = now,
            // One of them leaves nothing: one by one it is known which.
            Err(_) => {
                for change in self.done.split_off(before) {
                    self.done.push(change.clone());
                    if let Err(error) = self.follow(&change) {
                        self.done.pop();
                        refused.push(error);
                    }
                }
            }
        }
        if self.done.len() > before {
            self.undone.clear();
        }
        refused
    }

    /// Takes the last change back, and gives the examples without it; `None` where there is none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn undo(&mut self) -> Result<Option<Examples>, EditError> {
        let Some(change) = self.done.pop() else { return Ok(None) };
        self.undone.push(change.clone());
        self.follow(&change)?;
        Ok(Some(self.now.clone()))
    }

    /// Makes the change again that was taken back last; `None` where there is none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn redo(&mut self) -> Result<Option<Examples>, EditError> {
        let Some(change) = self.undone.pop() else { return Ok(None) };
        self.done.push(change.clone());
        self.follow(&change)?;
        Ok(Some(self.now.clone()))
    }

    /// Makes the examples what they are with or without a change that was made or taken back.
    fn follow(&mut self, change: &Change) -> Result<(), EditError> {
        if change.edit.changes_examples() {
            self.now = self.built()?;
        }
        Ok(())
    }

    /// The examples with all changes.
    pub fn examples(&self) -> &Examples {
        &self.now
    }

    /// Whether examples were changed: a judgement alone changes none.
    pub fn changes_examples(&self) -> bool {
        self.edits().any(Edit::changes_examples)
    }

    /// The faults that are judged to be fine.
    pub fn fine(&self) -> BTreeSet<Fault> {
        let mut fine = BTreeSet::new();
        for edit in self.edits() {
            if let Edit::Judge { fault, is_fine } = edit {
                if *is_fine {
                    fine.insert(*fault)
                } else {
                    fine.remove(fault)
                };
            }
        }
        fine
    }

    /// The changes, in order.
    pub fn edits(&self) -> impl ExactSizeIterator<Item = &Edit> {
        self.done.iter().map(|change| &change.edit)
    }

    /// What undo would take back.
    pub fn last(&self) -> Option<&Edit> {
        self.done.last().map(|change| &change.edit)
    }

    /// What redo would make again.
    pub fn next(&self) -> Option<&Edit> {
        self.undone.last().map(|change| &change.edit)
    }

    /// The rows that are left out, in order, each with the reason of the edit that left it out last.
    pub fn left_out(&self) -> Vec<LeftOut> {
        let reasons = self.reasons().into_iter().enumerate();
        reasons.filter_map(|(row, reason)| Some(LeftOut { row, reason: reason.text()? })).collect()
    }

    /// How many rows have other messages than they were imported with.
    pub fn rewritten(&self) -> usize {
        let replaced = self.done.iter().flat_map(|change| match &change.edit {
            Edit::Replace { rows } => rows.as_slice(),
            _ => &[],
        });
        let mut rows: Vec<usize> = replaced.map(|(row, _)| *row).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.len()
    }

    /// The rows that are left out with a topic, each with the name of it.
    pub fn left_out_by_topic(&self) -> Vec<(usize, &str)> {
        let reasons = self.reasons().into_iter().enumerate();
        reasons.filter_map(|(row, reason)| Some((row, reason.topic?))).collect()
    }

    fn reasons(&self) -> Vec<Reasons<'_>> {
        let mut reasons = vec![Reasons::default(); self.imported.len()];
        for change in &self.done {
            match &change.edit {
                Edit::Drop { rows, reason } => {
                    for row in rows {
                        if let Some(place) = reasons.get_mut(*row) {
                            place.said = Some(reason);
                        }
                    }
                }
                Edit::Keep { rows } => {
                    for row in rows {
                        if let Some(place) = reasons.get_mut(*row) {
                            *place = Reasons::default();
                        }
                    }
                }
                Edit::SetTopics { names, of_rows, excluded } => {
                    for (place, topic) in reasons.iter_mut().zip(of_rows) {
                        let out = topic.filter(|topic| excluded.contains(topic));
                        place.topic = out.and_then(|topic| names.get(topic as usize)).map(String::as_str);
                    }
                }
                Edit::Replace { .. } | Edit::Label { .. } | Edit::Judge { .. } => {}
            }
        }
        reasons
    }

    fn checked(&self, edit: Edit) -> Result<Change, EditError> {
        let all = self.imported.len();
        let check = |rows: &[usize]| match rows.iter().find(|row| **row >= all) {
            Some(&row) => Err(EditError::NoSuchRow { row, rows: all }),
            None => Ok(()),
        };
        let mut placed = Vec::new();
        match &edit {
            Edit::Drop { rows, .. } | Edit::Keep { rows } | Edit::Label { rows, .. } => check(rows)?,
            Edit::Judge { .. } => {}
            Edit::Replace { rows } => {
                for (row, messages) in rows {
                    check(&[*row])?;
                    let messages: Vec<Message> = finish(messages.clone()).map_err(EditError::Messages)?;
                    placed.push(self.imported.place(&messages)?);
                }
            }
            Edit::SetTopics { names, of_rows, .. } => {
                if of_rows.len() != all {
                    return Err(EditError::OtherRows { of_rows: of_rows.len(), rows: all });
                }
                let topics = names.len();
                let wrong = of_rows
                    .iter()
                    .enumerate()
                    .find_map(|(row, topic)| topic.filter(|topic| *topic as usize >= topics).map(|topic| (row, topic)));
                if let Some((row, topic)) = wrong {
                    return Err(EditError::NoSuchTopic { row, topic, topics });
                }
            }
        }
        Ok(Change { edit, placed })
    }

    /// The examples with all changes, made anew.
    ///
    /// # Errors
    /// When nothing is left of them.
    fn built(&self) -> Result<Examples, EditError> {
        if !self.changes_examples() {
            return Ok(self.imported.clone());
        }
        let mut changing = self.imported.changing();
        for change in &self.done {
            match &change.edit {
                Edit::Drop { .. } | Edit::Keep { .. } | Edit::Judge { .. } => {}
                Edit::Replace { rows } => {
                    rows.iter().zip(&change.placed).for_each(|((row, _), placed)| changing.replace(*row, *placed));
                }
                Edit::Label { rows, topic } => changing.label(rows, topic.as_deref())?,
                Edit::SetTopics { names, of_rows, .. } => changing.set_topics(names, of_rows),
            }
        }
        let left_out: Vec<bool> = self.reasons().iter().map(Reasons::is_any).collect();
        let examples = changing.finish(&left_out);
        if examples.is_empty() && !self.imported.is_empty() { Err(EditError::NothingLeft) } else { Ok(examples) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Example, Role, Source};

    fn conversation(text: &str) -> Vec<Message> {
        vec![
            Message { role: Role::User, content: format!("{text}?") },
            Message { role: Role::Assistant, content: text.to_owned() },
        ]
    }

    fn log() -> EditLog {
        let example = |(line, text): (usize, &&str)| Example {
            messages: conversation(text),
            topic: (line % 2 == 0).then(|| "even".to_owned()),
            source: Source { file: "a.csv".into(), line: line + 1 },
        };
        EditLog::new(Examples::of(["zero", "one", "two", "three"].iter().enumerate().map(example)).unwrap())
    }

    /// Row, answer and topic of every example.
    fn shown(examples: &Examples) -> Vec<(usize, String, Option<String>)> {
        let shown = |(index, example): (usize, Result<Example, DataError>)| {
            let example = example.unwrap();
            assert_eq!(example.topic.as_deref(), examples.topic(index));
            (examples.row(index).unwrap(), example.messages[1].content.clone(), example.topic)
        };
        examples.iter().enumerate().map(shown).collect()
    }

    fn rows(examples: &Examples) -> Vec<usize> {
        (0..examples.len()).filter_map(|index| examples.row(index)).collect()
    }

    fn drop(rows: &[usize]) -> Edit {
        Edit::Drop { rows: rows.to_vec(), reason: "too short".into() }
    }

    fn topics(names: &[&str], of_rows: &[Option<u32>], excluded: &[u32]) -> Edit {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Edit::SetTopics { names, of_rows: of_rows.to_vec(), excluded: excluded.to_vec() }
    }

    #[test]
    fn topics_take_rows_out_and_bring_back_only_what_topics_took() {
        let mut log = log();
        log.apply(drop(&[0])).unwrap();
        let of_rows = [Some(0), Some(1), Some(1), None];
        assert_eq!(rows(&log.apply(topics(&["a", "b"], &of_rows, &[1])).unwrap()), [3]);
        assert_eq!(log.left_out_by_topic(), [(1, "b"), (2, "b")]);
        assert!(log.left_out()[1].reason.contains("with its topic, \"b\""));
        assert_eq!(rows(&log.apply(Edit::Keep { rows: vec![2] }).unwrap()), [2, 3]);
        assert_eq!(rows(&log.apply(topics(&["a", "b"], &of_rows, &[])).unwrap()), [1, 2, 3]);
    }

    #[test]
    fn rows_keep_their_numbers_when_others_are_left_out_and_taken_back() {
        let mut log = log();
        assert_eq!(rows(&log.apply(drop(&[1, 3])).unwrap()), [0, 2]);
        assert_eq!(rows(&log.apply(Edit::Keep { rows: vec![3] }).unwrap()), [0, 2, 3]);
        assert_eq!(log.left_out(), [LeftOut { row: 1, reason: "too short".into() }]);
        let examples = log.apply(Edit::Replace { rows: vec![(3, conversation("drei"))] }).unwrap();
        assert_eq!(shown(&examples)[2], (3, "drei".into(), None));
        assert_eq!((examples.source(2).line, log.rewritten()), (4, 1));
    }

    #[test]
    fn undo_and_redo_walk_through_every_change() {
        let mut log = log();
        let before = shown(log.examples());
        let edits = [
            drop(&[0]),
            Edit::Replace { rows: vec![(1, conversation("eins"))] },
            Edit::Label { rows: vec![1, 2], topic: Some("new".into()) },
            Edit::SetTopics {
                names: vec!["a".into(), "b".into()],
                of_rows: vec![Some(0), Some(1), None, Some(0)],
                excluded: vec![],
            },
            Edit::Label { rows: vec![3], topic: None },
        ];
        let mut states = vec![before];
        for edit in edits {
            states.push(shown(&log.apply(edit).unwrap()));
        }
        let last = [(1, "eins".into(), Some("b".into())), (2, "two".into(), None), (3, "three".into(), None)];
        assert_eq!(*states.last().unwrap(), last);
        for state in states.iter().rev().skip(1) {
            assert_eq!(shown(&log.undo().unwrap().unwrap()), *state);
        }
        assert!(log.undo().unwrap().is_none() && log.last().is_none());
        for state in &states[1..] {
            assert_eq!(shown(&log.redo().unwrap().unwrap()), *state);
        }
        assert!(log.redo().unwrap().is_none() && log.edits().len() == 5);
        log.undo().unwrap();
        log.apply(drop(&[2])).unwrap();
        assert!(log.next().is_none(), "a new change takes the place of what was undone");
    }

    #[test]
    fn judging_a_fault_is_a_change_that_leaves_the_examples_as_they_are() {
        let mut log = log();
        let judge = |fault, is_fine| Edit::Judge { fault, is_fine };
        let examples = log.apply(judge(Fault::PersonalData, true)).unwrap();
        assert!(examples.is_same(log.imported()) && !log.changes_examples());
        log.apply(drop(&[0])).unwrap();
        let before = log.examples().clone();
        log.apply(judge(Fault::NearDuplicate, true)).unwrap();
        log.apply(judge(Fault::PersonalData, false)).unwrap();
        assert!(log.examples().is_same(&before) && log.changes_examples());
        assert!(log.fine().into_iter().eq([Fault::NearDuplicate]));
        assert_eq!(log.last().unwrap().title(), "list \"personal data\" again");
        log.undo().unwrap();
        assert!(log.fine().into_iter().eq([Fault::NearDuplicate, Fault::PersonalData]));
        assert!(log.examples().is_same(&before) && rows(&before) == [1, 2, 3]);
    }

    #[test]
    fn many_changes_at_once_are_as_one_after_the_other() {
        let edits = || {
            let label = |row, topic: &str| Edit::Label { rows: vec![row], topic: Some(topic.into()) };
            vec![
                drop(&[0]),
                Edit::Replace { rows: vec![(1, conversation("eins"))] },
                drop(&[9]),
                label(1, "new"),
                Edit::Keep { rows: vec![0] },
                drop(&[0, 1, 2, 3]),
                label(2, "last"),
            ]
        };
        let (mut at_once, mut one_by_one) = (log(), log());
        let refused: Vec<String> = at_once.apply_all(edits()).iter().map(ToString::to_string).collect();
        let errors: Vec<EditError> = edits().into_iter().filter_map(|edit| one_by_one.apply(edit).err()).collect();
        assert_eq!(refused, errors.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(refused.len(), 2);
        assert!(at_once.edits().eq(one_by_one.edits()));
        assert_eq!(shown(at_once.examples()), shown(one_by_one.examples()));
        let before = at_once.examples().clone();
        assert!(at_once.apply_all([drop(&[9])]).len() == 1 && shown(at_once.examples()) == shown(&before));
        at_once.undo().unwrap();
        one_by_one.undo().unwrap();
        assert_eq!(shown(at_once.examples()), shown(one_by_one.examples()));
    }

    #[test]
    fn what_cannot_be_done_changes_nothing() {
        let mut log = log();
        log.apply(drop(&[0])).unwrap();
        log.undo().unwrap();
        let blank = vec![conversation("x")[0].clone(), Message { role: Role::Assistant, content: " ".into() }];
        for (edit, said) in [
            (drop(&[4]), "Row 5"),
            (drop(&[0, 1, 2, 3]), "Nothing would be left"),
            (Edit::Replace { rows: vec![(0, blank)] }, "the answer is empty"),
            (topics(&[], &[None], &[]), "do not fit"),
            (topics(&["a"], &[None, Some(1), None, None], &[]), "topic 1 of 1"),
            (topics(&["a"], &[Some(0); 4], &[0]), "Nothing would be left"),
        ] {
            let error = log.apply(edit).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert_eq!((log.edits().len(), log.next()), (0, Some(&drop(&[0]))));
        }
    }
}
