//! Columns named by hand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which columns hold what, where detection is to be overruled. Empty: detect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnMap {
    /// The column with the question or instruction.
    pub prompt: Option<String>,
    /// The column with the answer.
    pub response: Option<String>,
    /// A column with further input to the instruction.
    pub context: Option<String>,
    /// A column with a system message.
    pub system: Option<String>,
    /// A column with a label, shown as the topic.
    pub topic: Option<String>,
}

impl ColumnMap {
    /// The parts that were mapped, each with its column, in a fixed order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("prompt", &self.prompt),
            ("response", &self.response),
            ("context", &self.context),
            ("system", &self.system),
            ("topic", &self.topic),
        ]
        .into_iter()
        .filter_map(|(part, column)| column.as_deref().map(|column| (part, column)))
    }

    /// Part to column, as a run's settings keep it.
    pub fn to_columns(&self) -> BTreeMap<String, String> {
        self.entries().map(|(part, column)| (part.to_owned(), column.to_owned())).collect()
    }

    /// The map that [`ColumnMap::to_columns`] was made from; parts of other names are passed over.
    pub fn from_columns(columns: &BTreeMap<String, String>) -> Self {
        let column = |part: &str| columns.get(part).cloned();
        Self {
            prompt: column("prompt"),
            response: column("response"),
            context: column("context"),
            system: column("system"),
            topic: column("topic"),
        }
    }
}
