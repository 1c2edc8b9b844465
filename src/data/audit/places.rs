//! Where rows came from, in eight bytes each.

use std::collections::HashMap;

use crate::data::Source;

/// File and line of every row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    files: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Number of the file, and line.
    rows: Vec<(u32, u32)>,
}

impl Places {
    /// Adds the next row.
    pub fn push(&mut self, source: &Source) {
        let file = self.number(&source.file);
        self.rows.push((file, u32::try_from(source.line).unwrap_or(u32::MAX)));
    }

    /// Adds the rows of another, which follow.
    pub fn append(&mut self, later: Self) {
        let numbers: Vec<u32> = later.files.iter().map(|file| self.number(file)).collect();
        let renumbered = |(file, line): (u32, u32)| (numbers.get(file as usize).copied().unwrap_or(u32::MAX), line);
        self.rows.extend(later.rows.into_iter().map(renumbered));
    }

    /// The files, by their numbers.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The number of a row's file.
    pub fn file(&self, row: usize) -> usize {
        self.rows.get(row).map_or(0, |(file, _)| *file as usize)
    }

    /// File and line of a row.
    pub fn source(&self, row: usize) -> Source {
        let (file, line) = self.rows.get(row).copied().unwrap_or_default();
        Source { file: self.files.get(file as usize).cloned().unwrap_or_default(), line: line as usize }
    }

    fn number(&mut self, file: &str) -> u32 {
        if let Some(number) = self.numbers.get(file) {
            return *number;
        }
        let number = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(file.to_owned());
        self.numbers.insert(file.to_owned(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_two_stretches_join_and_keep_their_files() {
        let source = |file: &str, line| Source { file: file.into(), line };
        let (mut first, mut second) = (Places::default(), Places::default());
        [source("a", 1), source("b", 2)].iter().for_each(|source| first.push(source));
        [source("c", 3), source("a", 4)].iter().for_each(|source| second.push(source));
        first.append(second);
        assert_eq!((first.source(2), first.source(3)), (source("c", 3), source("a", 4)));
        assert_eq!((first.file(3), first.files().len()), (0, 3));
    }
}
