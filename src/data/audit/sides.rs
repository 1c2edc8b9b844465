//! On which side of a split a row stands: the side that trains, or one that measures.

use std::collections::HashSet;
use std::path::Path;

/// Words in the name of a file or of its folder that say that its rows measure.
const MEASURES: [&str; 8] = ["test", "tests", "valid", "validation", "val", "dev", "eval", "heldout"];

/// Which rows measure.
pub(super) struct Sides {
    held_out: HashSet<u32>,
    /// By number of the file.
    is_for_measuring: Vec<bool>,
}

impl Sides {
    /// Rows in `held_out` measure, and so do those of files that are named so, as long as others are not.
    pub fn new(held_out: &[usize], files: &[String]) -> Self {
        let mut is_for_measuring: Vec<bool> = files.iter().map(|file| measures(Path::new(file))).collect();
        if is_for_measuring.iter().all(|measures| *measures) {
            is_for_measuring.fill(false);
        }
        Self { held_out: held_out.iter().filter_map(|row| u32::try_from(*row).ok()).collect(), is_for_measuring }
    }

    pub fn measures(&self, row: u32, file: usize) -> bool {
        self.held_out.contains(&row) || self.is_for_measuring.get(file).copied().unwrap_or_default()
    }
}

fn measures(file: &Path) -> bool {
    let named = |part: Option<&std::ffi::OsStr>| {
        let name = part.map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        name.split(|letter: char| !letter.is_alphanumeric()).any(|word| MEASURES.contains(&word))
    };
    let folder = file.parent().and_then(Path::file_name);
    named(file.file_stem()) || folder.is_some_and(|folder| MEASURES.contains(&folder.to_string_lossy().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_named_for_measuring_stand_on_the_other_side_of_those_that_are_not() {
        let files = ["/d/train.jsonl", "/d/faq-test.csv", "/d/valid/a.json", "/d/latest.csv", "/d/contest.csv"];
        let sides = Sides::new(&[4], &files.map(String::from));
        let measured: Vec<bool> = (0..5).map(|file| sides.measures(0, file)).collect();
        assert_eq!(measured, [false, true, true, false, false]);
        assert!(sides.measures(4, 0));
    }

    #[test]
    fn a_test_file_alone_is_there_to_be_trained_on() {
        assert!(!Sides::new(&[], &["/d/test.jsonl".into()]).measures(0, 0));
    }
}
