//! What is asked and told of imported examples, row by row.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::data::audit::Fault;
use crate::train::TrainSettings;

/// Which rows are listed, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowQuery {
    /// What their texts contain, whatever its case; blank: all.
    pub text: String,
    /// The topic they have.
    pub topic: Option<String>,
    pub side: RowSide,
    /// Only these rows, ascending.
    pub rows: Option<Vec<usize>>,
    /// Only rows in which the last audit found this.
    pub fault: Option<Fault>,
    pub order: RowOrder,
    pub descending: bool,
}

/// What becomes of all examples that a query finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FoundChange {
    LeaveOut,
    /// Gives them this label, or takes it away.
    Label(Option<String>),
}

/// How examples are held out: a share and a seed, as in the settings of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitRule {
    /// 0 to 1.
    pub share: f64,
    pub seed: u64,
}

impl SplitRule {
    /// That of a run with these settings.
    pub fn of(settings: &TrainSettings) -> Self {
        Self { share: settings.held_out, seed: settings.seed }
    }
}

impl Default for SplitRule {
    fn default() -> Self {
        Self::of(&TrainSettings::default())
    }
}

/// Which part of the split is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowSide {
    #[default]
    All,
    Training,
    HeldOut,
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowOrder {
    /// As the files have them.
    #[default]
    File,
    /// By how much text they are.
    Length,
    Topic,
    /// By what is asked, as far as it is listed.
    Question,
}

/// A row as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowView {
    /// Its number among the kept rows of the import, which edits go by.
    pub row: usize,
    /// Its place among the examples as they are now, which previews go by.
    pub index: usize,
    pub file: String,
    pub line: usize,
    /// The beginning of what is asked, in one line.
    pub question: String,
    /// The beginning of the last answer, in one line.
    pub answer: String,
    pub topic: Option<String>,
    pub messages: usize,
    /// Bytes of its texts.
    pub bytes: usize,
    pub held_out: bool,
}

/// The changes made to imported examples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditsSummary {
    /// How many changes were made.
    pub made: usize,
    /// What undo takes back.
    pub undo: Option<String>,
    /// What redo makes again.
    pub redo: Option<String>,
    /// Examples left out by hand.
    pub left_out: usize,
    /// Examples with other messages than the files have.
    pub rewritten: usize,
    /// Faults that are judged to be fine.
    pub fine: BTreeSet<Fault>,
}
