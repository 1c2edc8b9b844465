//! Columns named by hand.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::DataError;
use super::plan::{has, listed};
use super::shape::{Names, same_name};

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

    /// Errs where a column is mapped to two parts.
    pub(super) fn check_distinct(&self) -> Result<(), DataError> {
        let mut seen: Vec<(&'static str, &str)> = Vec::new();
        for (part, column) in self.entries() {
            if let Some(&(first, _)) = seen.iter().find(|(_, other)| same_name(other, column)) {
                return Err(DataError::MappedTwice { column: column.to_owned(), first, second: part });
            }
            seen.push((part, column));
        }
        Ok(())
    }

    /// Errs where a mapped column is not among `found`, those of the whole file at `path`.
    pub(super) fn check_found(&self, found: &[String], path: &Path) -> Result<(), DataError> {
        match self.entries().find(|(_, column)| !has(found, column)) {
            None => Ok(()),
            Some((part, column)) => {
                let (path, found) = (path.to_path_buf(), listed(found));
                Err(DataError::NoSuchColumn { path, column: column.to_owned(), part, found })
            }
        }
    }

    /// Those of the names that no column mapped by hand has.
    pub(super) fn free(&self, names: Names) -> Vec<&'static str> {
        let is_free = |name: &str| !self.entries().any(|(_, column)| same_name(column, name));
        names.iter().copied().filter(|name| is_free(name)).collect()
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
