//! Rows of the loaded examples, searched, sorted and listed a page at a time, on a thread of its own beside training.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use crossbeam_channel::Sender;

use super::data::LoadedData;
use super::dispatch::{Surroundings, Task, panic_text};
use super::found_changes::FoundEdit;
use super::jobs::Ticket;
use super::protocol::{Event, JobKind, Request, RowOrder, RowQuery, RowSide, RowView};
use crate::data::audit::Fault;
use crate::data::{DataError, Edit, Example, Role};
use crate::job::Job;

/// Letters of a question or answer that are listed.
const LETTERS: usize = 240;
/// Progress is told, and cancelling asked for, every so many rows.
const ROWS_PER_REPORT: usize = 8192;

/// The data that is loaded, as other threads than the engine's see it.
#[derive(Clone, Default)]
pub(super) struct SharedData(Arc<Mutex<Option<LoadedData>>>);

impl SharedData {
    pub fn lock(&self) -> MutexGuard<'_, Option<LoadedData>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page that is asked for.
pub(super) struct Page {
    pub query: RowQuery,
    pub start: usize,
    pub count: usize,
}

/// What is done with what a query finds.
enum Wish {
    Page(Page),
    Change(FoundEdit),
}

/// The thread that lists rows.
pub(super) struct BrowsingThread {
    tasks: Sender<(Ticket, Wish)>,
}

impl BrowsingThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn start(around: Surroundings) -> std::io::Result<Self> {
        let (tasks, queue) = crossbeam_channel::unbounded::<(Ticket, Wish)>();
        Builder::new().name("hydra-rows".into()).spawn(move || {
            let mut found = None;
            for (ticket, wish) in queue {
                let served = catch_unwind(AssertUnwindSafe(|| serve(&mut found, wish, &ticket.job, &around)));
                let served = served.unwrap_or_else(|panic| {
                    let text = panic_text(panic.as_ref());
                    Err(anyhow::anyhow!("listing the rows failed inside ({text}); import the data again"))
                });
                match served {
                    // The engine makes the change and ends the job; only one that is shutting down does not.
                    Ok(Some(edit)) => drop(around.tasks.send(Task::Job(ticket, Box::new(Request::EditData(edit))))),
                    served => around.end(&ticket, served.map(drop)),
                }
            }
        })?;
        Ok(Self { tasks })
    }

    /// Hands a page to the thread.
    pub fn take(&self, page: Page, around: &Surroundings) {
        let ticket = around.jobs.begin(JobKind::ListRows, &around.outbox);
        // The thread takes what is wished until this end of its channel goes.
        let _ = self.tasks.send((ticket, Wish::Page(page)));
    }

    /// Has the thread find the examples that are to be changed, and the engine change them.
    pub fn change(&self, edit: FoundEdit, around: &Surroundings) {
        let ticket = around.jobs.begin(JobKind::EditFound, &around.outbox);
        let _ = self.tasks.send((ticket, Wish::Change(edit)));
    }
}

/// What a query found, until another is asked or the data changes.
struct Found {
    data: LoadedData,
    query: RowQuery,
    /// Indices of the examples, in the order asked for.
    indices: Vec<usize>,
    held_out: HashSet<usize>,
    /// The rows with the fault that is asked for.
    faulty: Option<Arc<Vec<u32>>>,
}

/// Does what is wished. Gives back the change that is to be made.
fn serve(found: &mut Option<Found>, wish: Wish, job: &Job, around: &Surroundings) -> anyhow::Result<Option<Edit>> {
    job.check()?;
    match wish {
        Wish::Page(Page { query, start, count }) => {
            let found = find_once(found, &query, job, around)?;
            let rows = found.page(start, count)?;
            job.check()?;
            around.outbox.send(Event::Rows { query, start, total: found.indices.len(), rows });
            Ok(None)
        }
        Wish::Change(wish) => {
            let found = find_once(found, &wish.query, job, around)?;
            wish.edit(found.rows()).map(Some)
        }
    }
}

/// What a query finds: what was found before, where that still holds.
fn find_once<'a>(
    found: &'a mut Option<Found>,
    query: &RowQuery,
    job: &Job,
    around: &Surroundings,
) -> anyhow::Result<&'a Found> {
    let data = around.data.lock().clone();
    let data = data.ok_or_else(|| anyhow::anyhow!("no data is loaded: choose files on the Data page"))?;
    let faulty = query.fault.map(|fault| faulty(fault, &data, around)).transpose()?;
    let is_found = |found: &Found| {
        found.query == *query
            && found.faulty == faulty
            && Arc::ptr_eq(&found.data.imported, &data.imported)
            && Arc::ptr_eq(&found.data.held_out, &data.held_out)
    };
    Ok(match found.take().filter(is_found) {
        Some(same) => found.insert(same),
        None => found.insert(find(data, query.clone(), faulty, job)?),
    })
}

/// The rows in which the last audit found a fault.
fn faulty(fault: Fault, data: &LoadedData, around: &Surroundings) -> anyhow::Result<Arc<Vec<u32>>> {
    around.audits.found_rows(fault, &data.imported).ok_or_else(|| {
        anyhow::anyhow!("this data was not looked through yet: press \"Look again\" under \"What will be learned\"")
    })
}

fn find(data: LoadedData, query: RowQuery, faulty: Option<Arc<Vec<u32>>>, job: &Job) -> Result<Found, DataError> {
    let examples = &data.imported.import.examples;
    let held_out: HashSet<usize> = data.held_out.rows.iter().copied().collect();
    let only = query.rows.as_ref();
    let mut indices: Vec<usize> = (0..examples.len())
        .filter(|index| match query.side {
            RowSide::All => true,
            RowSide::Training => !held_out.contains(index),
            RowSide::HeldOut => held_out.contains(index),
        })
        .filter(|index| query.topic.as_deref().is_none_or(|topic| examples.topic(*index) == Some(topic)))
        .filter(|index| {
            only.is_none_or(|rows| examples.row(*index).is_some_and(|row| rows.binary_search(&row).is_ok()))
        })
        .filter(|index| {
            let row = || examples.row(*index).and_then(|row| u32::try_from(row).ok());
            faulty.as_ref().is_none_or(|rows| row().is_some_and(|row| rows.binary_search(&row).is_ok()))
        })
        .collect();
    let needle = query.text.trim().to_lowercase();
    if !needle.is_empty() {
        indices = containing(&data, indices, &needle, job)?;
    }
    sort(&data, &mut indices, query.order, job)?;
    if query.descending {
        indices.reverse();
    }
    Ok(Found { data, query, indices, held_out, faulty })
}

fn containing(data: &LoadedData, indices: Vec<usize>, needle: &str, job: &Job) -> Result<Vec<usize>, DataError> {
    let (examples, all) = (&data.imported.import.examples, indices.len());
    let mut kept = Vec::new();
    for (done, (index, example)) in indices.iter().zip(examples.iter_of(indices.iter().copied())).enumerate() {
        if done % ROWS_PER_REPORT == 0 {
            job.check()?;
            job.progress(done as f32 / all as f32, "Searching the examples");
        }
        let example = example?;
        if example.messages.iter().any(|message| message.content.to_lowercase().contains(needle)) {
            kept.push(*index);
        }
    }
    Ok(kept)
}

fn sort(data: &LoadedData, indices: &mut Vec<usize>, order: RowOrder, job: &Job) -> Result<(), DataError> {
    let examples = &data.imported.import.examples;
    match order {
        RowOrder::File => {}
        RowOrder::Length => indices.sort_by_key(|index| examples.bytes(*index)),
        RowOrder::Topic => {
            indices.sort_by(|a, b| {
                let (a, b) = (examples.topic(*a), examples.topic(*b));
                a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(&b))
            });
        }
        RowOrder::Question => {
            let mut keyed = Vec::with_capacity(indices.len());
            for (done, (index, example)) in indices.iter().zip(examples.iter_of(indices.iter().copied())).enumerate() {
                if done % ROWS_PER_REPORT == 0 {
                    job.check()?;
                    job.progress(done as f32 / indices.len() as f32, "Sorting the examples");
                }
                keyed.push((question(&example?).to_lowercase(), *index));
            }
            keyed.sort();
            *indices = keyed.into_iter().map(|(_, index)| index).collect();
        }
    }
    Ok(())
}

impl Found {
    /// The numbers of all rows, ascending.
    fn rows(&self) -> Vec<usize> {
        let examples = &self.data.imported.import.examples;
        let mut rows: Vec<usize> = self.indices.iter().filter_map(|index| examples.row(*index)).collect();
        rows.sort_unstable();
        rows
    }

    fn page(&self, start: usize, count: usize) -> Result<Vec<RowView>, DataError> {
        let examples = &self.data.imported.import.examples;
        let indices: Vec<usize> = self.indices.iter().skip(start).take(count).copied().collect();
        let rows = indices.iter().zip(examples.iter_of(indices.iter().copied()));
        let view = |(index, example): (&usize, Result<Example, DataError>)| {
            let row = examples.row(*index).unwrap_or_default();
            Ok(row_view(row, *index, &example?, self.held_out.contains(index)))
        };
        rows.map(view).collect()
    }
}

/// An example as it is listed.
pub(super) fn row_view(row: usize, index: usize, example: &Example, held_out: bool) -> RowView {
    RowView {
        row,
        index,
        question: question(example),
        answer: example.messages.last().map(|message| one_line(&message.content)).unwrap_or_default(),
        messages: example.messages.len(),
        topic: example.topic.clone(),
        file: example.source.file.clone(),
        line: example.source.line,
        bytes: example.messages.iter().map(|message| message.content.len()).sum(),
        held_out,
    }
}

fn question(example: &Example) -> String {
    let asked = example.messages.iter().find(|message| message.role == Role::User);
    asked.map(|message| one_line(&message.content)).unwrap_or_default()
}

/// The beginning of a text, its white space made single spaces.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    // A word of a whole book's length must not be read to its end.
    let beginning: String = text.chars().take(4 * LETTERS).collect();
    for word in beginning.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_text_is_one_short_line() {
        assert_eq!(one_line(" a\n\tb  c "), "a b c");
        let long = one_line(&"\u{1f427}".repeat(10_000));
        assert_eq!(long.chars().count(), LETTERS + 1);
    }
}
