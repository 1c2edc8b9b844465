//! Topics given to examples, in place of the labels that they brought: one change of the data, which can be undone.

use super::super::dispatch::{Surroundings, Task};
use super::super::protocol::Request;
use super::board::Board;
use crate::data::Edit;

/// Asks the engine to give every example of `board` its topic, and to leave those of excluded topics out.
pub(super) fn apply(board: &Board, around: &Surroundings) -> anyhow::Result<()> {
    if board.book.trained() == 0 && board.book.numbers().iter().all(Option::is_some) {
        anyhow::bail!("every topic is excluded, so that nothing would be left to train on: take one back in");
    }
    // Only a worker that is shutting down has no engine to take it.
    let _ = around.tasks.send(Task::Request(Box::new(Request::EditData(board.as_edit()))));
    Ok(())
}

impl Board {
    /// The change that gives every example its topic. Rows that the topics are not of, since they were left out before, stay
    /// as they are.
    pub fn as_edit(&self) -> Edit {
        let (log, examples) = (&self.data.edits, &self.data.import.examples);
        let topics = self.book.topics();
        let mut names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
        let excluded_before = topics.iter().enumerate().filter(|(_, topic)| topic.is_excluded);
        let mut excluded: Vec<u32> = excluded_before.map(|(number, _)| number as u32).collect();
        let mut of_rows = vec![None; log.imported().len()];
        for (row, name) in log.left_out_by_topic() {
            let number = names.iter().position(|known| known == name).unwrap_or_else(|| {
                excluded.push(names.len() as u32);
                names.push(name.to_owned());
                names.len() - 1
            });
            if let Some(place) = of_rows.get_mut(row) {
                *place = Some(number as u32);
            }
        }
        for (index, number) in self.book.numbers().iter().enumerate() {
            if let Some(place) = examples.row(index).and_then(|row| of_rows.get_mut(row)) {
                *place = *number;
            }
        }
        Edit::SetTopics { names, of_rows, excluded }
    }
}
