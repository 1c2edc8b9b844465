//! Faults of the loaded examples mended, all rows with one at once: worked out on a thread of its own from the last audit,
//! and made as one change that undo takes back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Builder;

use super::auditing::KeptAudits;
use super::data::LoadedData;
use super::dispatch::{Task, panic_text};
use super::protocol::{DataMend, Event, Request};
use super::session::Session;
use crate::data::audit::{Mend, repaired};
use crate::data::{Edit, Examples};
use crate::model::BaseModel;

impl Session {
    /// Begins to mend what an audit found.
    pub(super) fn mend_data(&mut self, wish: DataMend) {
        let data = match self.data() {
            Ok(data) => data,
            Err(error) => return self.around.outbox.send(Event::Warning { message: format!("{error:#}") }),
        };
        let (model, around) = (self.model.clone(), self.around.clone());
        let spawned = Builder::new().name("hydra-mends".into()).spawn(move || {
            let work = || edit(&wish, &data, model.as_deref(), &around.audits);
            let edit = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
                Err(anyhow::anyhow!("Mending failed inside ({}).", panic_text(panic.as_ref())))
            });
            match edit {
                // Only a worker that is shutting down makes no change any more.
                Ok(edit) => drop(around.tasks.send(Task::Request(Box::new(Request::EditData(edit))))),
                Err(error) => {
                    let message = format!("The examples were not changed. {error:#}");
                    around.outbox.send(Event::Warning { message });
                }
            }
        });
        if let Err(error) = spawned {
            let message = format!("The system refused a thread to mend the examples: {error}");
            self.around.outbox.send(Event::Warning { message });
        }
    }
}

/// The change that mends as it is wished.
fn edit(wish: &DataMend, data: &LoadedData, model: Option<&BaseModel>, kept: &KeptAudits) -> anyhow::Result<Edit> {
    let examples = &data.imported.import.examples;
    let indices = match wish.row {
        Some(index) => vec![index],
        None => kept
            .rows(wish.fault, data, model, wish.context)
            .ok_or_else(|| anyhow::anyhow!("The data has changed since it was looked through: look again."))?,
    };
    match wish.mend {
        Mend::Drop | Mend::Merge => {
            let rows = indices.iter().filter_map(|index| examples.row(*index)).collect();
            Ok(Edit::Drop { rows, reason: wish.fault.name().to_lowercase() })
        }
        Mend::Repair | Mend::Mask => replaced(wish, examples, &indices),
        Mend::Keep | Mend::FitContext | Mend::EditFile => {
            anyhow::bail!("\"{}\" changes no example.", wish.mend.name())
        }
    }
}

fn replaced(wish: &DataMend, examples: &Examples, indices: &[usize]) -> anyhow::Result<Edit> {
    let mut rows = Vec::new();
    for (index, example) in indices.iter().zip(examples.iter_of(indices.iter().copied())) {
        if let Some(messages) = repaired(wish.fault, &example?.messages) {
            rows.extend(examples.row(*index).map(|row| (row, messages)));
        }
    }
    if rows.is_empty() {
        anyhow::bail!("In none of these rows can the text be put right: drop them, or mend them in their file.");
    }
    Ok(Edit::Replace { rows })
}
