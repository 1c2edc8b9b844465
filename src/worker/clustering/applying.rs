//! Topics given to examples, in place of the labels that they brought.

use std::sync::Arc;

use super::super::dispatch::Surroundings;
use super::super::import::Imported;
use super::board::Board;
use super::replace;
use crate::data::{Dropped, Import};

/// Gives every example of `board` its topic, and leaves those of excluded topics out.
pub(super) fn apply(board: &mut Board, around: &Surroundings) -> anyhow::Result<()> {
    let numbers = board.book.numbers();
    if board.book.trained() == 0 && numbers.iter().all(Option::is_some) {
        anyhow::bail!("every topic is excluded, so that nothing would be left to train on: take one back in");
    }
    let topics = board.book.topics();
    let before = &board.data.import;
    let mut import = Import { examples: Vec::with_capacity(before.examples.len()), ..copied(before) };
    for (example, number) in before.examples.iter().zip(&numbers) {
        match number.and_then(|number| topics.get(number as usize)) {
            Some(topic) if topic.is_excluded => {
                let reason = format!("left out with its topic, \"{}\"; the Topics page takes it back in", topic.name);
                import.dropped.push(Dropped { source: example.source.clone(), reason });
            }
            topic => {
                let mut example = example.clone();
                example.topic = topic.map(|topic| topic.name.clone());
                import.examples.push(example);
            }
        }
    }
    let given = Arc::new(Imported { map: board.data.map.clone(), import, files: board.data.files.clone() });
    board.note_applied(given.clone());
    replace(given, around);
    Ok(())
}

/// An import without its examples.
fn copied(import: &Import) -> Import {
    Import { files: import.files.clone(), examples: Vec::new(), dropped: import.dropped.clone(), rows: import.rows }
}
