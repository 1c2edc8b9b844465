//! Changes to imported examples: rows left out, taken back, rewritten or labelled, and faults judged to be none. Each can be undone, and the files that
//! the rows came from are never written. Start at [`EditLog`].

mod log;

use serde::{Deserialize, Serialize};

use super::Message;
use super::audit::Fault;
use crate::figures::{count, counted};

pub use log::{EditError, EditLog, LeftOut};

/// One change. Rows are numbered from 0 among the kept rows of the import, and keep their numbers whatever is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// Leaves rows out.
    Drop { rows: Vec<usize>, reason: String },
    /// Takes rows back in that an edit left out.
    Keep { rows: Vec<usize> },
    /// Gives rows other messages.
    Replace { rows: Vec<(usize, Vec<Message>)> },
    /// Gives some rows a label, or takes it away.
    Label { rows: Vec<usize>, topic: Option<String> },
    /// Labels all rows anew: for every row which of the names it has. Rows of the names in `excluded` are left out, in place
    /// of those that an earlier edit of this kind left out.
    SetTopics { names: Vec<String>, of_rows: Vec<Option<u32>>, excluded: Vec<u32> },
    /// Says whether a fault is fine: whether rows with it are meant so. It changes no example.
    Judge { fault: Fault, is_fine: bool },
}

impl Edit {
    /// What it does, in a few words, as undo names it.
    pub fn title(&self) -> String {
        let counted = |rows: usize| counted(rows, "example");
        match self {
            Self::Drop { rows, reason } => format!("leave out {} ({reason})", counted(rows.len())),
            Self::Keep { rows } => format!("take back {}", counted(rows.len())),
            Self::Replace { rows } => format!("rewrite {}", counted(rows.len())),
            Self::Label { rows, topic: Some(topic) } => format!("label {} \"{topic}\"", counted(rows.len())),
            Self::Label { rows, topic: None } => format!("take the label from {}", counted(rows.len())),
            Self::SetTopics { names, .. } if names.is_empty() => "take all labels away".to_owned(),
            Self::SetTopics { names, .. } => format!("label by {} topics", count(names.len())),
            Self::Judge { fault, is_fine: true } => format!("keep \"{}\" as it is", fault.name().to_lowercase()),
            Self::Judge { fault, is_fine: false } => format!("list \"{}\" again", fault.name().to_lowercase()),
        }
    }

    /// Whether examples are others after it.
    pub fn changes_examples(&self) -> bool {
        !matches!(self, Self::Judge { .. })
    }
}
