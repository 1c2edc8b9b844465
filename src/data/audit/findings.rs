//! What was found, fault by fault.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Fault, Mend};
use crate::data::Source;

/// Findings of one fault that are kept with their reason; beyond it rows are counted, and can be mended, but not listed.
pub const KEPT: usize = 10_000;

/// A fault of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub fault: Fault,
    /// Index of the example; `None` where the row became none.
    pub row: Option<usize>,
    pub source: Source,
    /// What is wrong with this row.
    pub reason: String,
    /// What is best done about it.
    pub mend: Mend,
}

/// The findings of one fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct List {
    /// The first [`KEPT`], in the order of the rows.
    kept: Vec<Finding>,
    count: usize,
    /// Every example with the fault, also those that are not listed.
    rows: Vec<u32>,
}

/// Findings by fault, each in the order of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    lists: BTreeMap<Fault, List>,
}

impl Findings {
    /// Adds a finding behind those of its fault.
    pub fn add(&mut self, finding: Finding) {
        let list = self.lists.entry(finding.fault).or_default();
        list.count += 1;
        list.rows.extend(finding.row.and_then(|row| u32::try_from(row).ok()));
        if list.kept.len() < KEPT {
            list.kept.push(finding);
        }
    }

    /// Adds what was found of an example. What is said of it is only asked for where it is kept.
    pub(crate) fn add_row(&mut self, fault: Fault, mend: Mend, row: usize, told: impl FnOnce() -> (Source, String)) {
        if self.lists.get(&fault).is_none_or(|list| list.kept.len() < KEPT) {
            let (source, reason) = told();
            return self.add(Finding { fault, row: Some(row), source, reason, mend });
        }
        let list = self.lists.entry(fault).or_default();
        list.count += 1;
        list.rows.extend(u32::try_from(row).ok());
    }

    /// Adds those of later rows.
    pub fn append(&mut self, later: Self) {
        for (fault, list) in later.lists {
            let own = self.lists.entry(fault).or_default();
            own.count += list.count;
            own.rows.extend(list.rows);
            let room = KEPT.saturating_sub(own.kept.len());
            own.kept.extend(list.kept.into_iter().take(room));
        }
    }

    /// How often a fault was found.
    pub fn count(&self, fault: Fault) -> usize {
        self.lists.get(&fault).map_or(0, |list| list.count)
    }

    /// Every finding of every fault.
    pub fn total(&self) -> usize {
        self.lists.values().map(|list| list.count).sum()
    }

    /// The findings of a fault, at most the first [`KEPT`].
    pub fn of(&self, fault: Fault) -> &[Finding] {
        self.lists.get(&fault).map(|list| list.kept.as_slice()).unwrap_or_default()
    }

    /// Indices of all examples with a fault.
    pub fn rows(&self, fault: Fault) -> impl Iterator<Item = usize> {
        self.lists.get(&fault).into_iter().flat_map(|list| list.rows.iter().map(|row| *row as usize))
    }

    /// All that are kept, fault by fault.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.lists.values().flat_map(|list| &list.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_beyond_the_bound_are_counted_and_their_rows_known() {
        let finding = |row: usize| Finding {
            fault: Fault::Cut,
            row: Some(row),
            source: Source::default(),
            reason: String::new(),
            mend: Mend::Keep,
        };
        let mut findings = Findings::default();
        (0..KEPT - 1).for_each(|row| findings.add(finding(row)));
        let mut later = Findings::default();
        (KEPT - 1..KEPT + 5).for_each(|row| later.add(finding(row)));
        findings.append(later);
        assert_eq!((findings.of(Fault::Cut).len(), findings.count(Fault::Cut)), (KEPT, KEPT + 5));
        assert!(findings.rows(Fault::Cut).eq(0..KEPT + 5));
        assert_eq!((findings.total(), findings.iter().count()), (KEPT + 5, KEPT));
    }
}
