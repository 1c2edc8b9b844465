//! Data read on its own thread, beside whatever the engine does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use super::browsing::row_view;
use super::data::LoadedData;
use super::dispatch::{Surroundings, Task, panic_text};
use super::editing::Frozen;
use super::jobs::Ticket;
use super::protocol::{DataSummary, Event, FileSummary, JobKind, SplitRule};
use crate::data::{
    ColumnMap, DataError, EditLog, Example, Import, Role, files_in, found_columns, import_showing, split, stamp,
};
use crate::job::Job;
use crate::train::FileRef;

/// Dropped rows that the window lists.
const MOST_DROPPED: usize = 10_000;
/// Held-out examples that one can choose among.
const MOST_PROMPTS: usize = 2_000;

/// Data that was imported, as the engine keeps it.
pub(super) struct Imported {
    pub map: ColumnMap,
    pub import: Import,
    /// The files with the contents that were read, which may since have been edited.
    pub files: Vec<FileRef>,
    /// What was changed since; the examples of `import` are those with the changes.
    pub edits: EditLog,
    pub frozen: Frozen,
}

/// The rule of the last run, or the one that was asked for; the import thread and the engine share it.
#[derive(Clone, Default)]
pub(super) struct SharedRule(Arc<Mutex<SplitRule>>);

impl SharedRule {
    pub fn lock(&self) -> MutexGuard<'_, SplitRule> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The examples of an import that a rule holds out.
pub(super) struct HeldOut {
    pub rule: SplitRule,
    /// Indices of the examples.
    pub rows: Vec<usize>,
}

impl Imported {
    pub fn held_out(&self, rule: SplitRule) -> HeldOut {
        HeldOut { rule, rows: split(&self.import.examples, rule.share, rule.seed).held_out }
    }

    /// First user message of every held-out example, as far as one can choose among them.
    pub fn prompts(&self, held_out: &HeldOut) -> Vec<String> {
        let shown = held_out.rows.iter().copied().take(MOST_PROMPTS);
        let asked = self.import.examples.iter_of(shown).map(|example| {
            let user = example.ok()?.messages.into_iter().find(|message| message.role == Role::User)?;
            Some(user.content)
        });
        asked.map(Option::unwrap_or_default).collect()
    }
}

/// Starts an import in place of one that is under way.
pub(super) fn start_import(paths: Vec<PathBuf>, map: ColumnMap, around: &Surroundings) {
    let ticket = around.jobs.begin(JobKind::ImportData, &around.outbox);
    let (thread_around, thread_ticket) = (around.clone(), ticket.clone());
    let spawned = Builder::new().name("hydra-import".into()).spawn(move || {
        let show = |first: &[Example]| {
            let rows = first.iter().enumerate().map(|(row, example)| row_view(row, row, example, false)).collect();
            thread_around.outbox.send(Event::FirstRows { rows });
        };
        let work = || match read_showing(&paths, map, &thread_ticket.job, show) {
            Ok(mut imported) => {
                change_again(&mut imported, &thread_around);
                publish(imported, &thread_ticket, &thread_around)
            }
            Err(error) => {
                if let Some(wanted) = columns_wanted(&paths, &error) {
                    thread_around.outbox.send(wanted);
                }
                Err(error)
            }
        };
        thread_around.end(&thread_ticket, caught(work));
    });
    if let Err(error) = spawned {
        around.end(&ticket, Err(anyhow::anyhow!("the system refused a thread for the import: {error}")));
    }
}

/// Makes the changes once more that were made to the same files before, and says what cannot be.
fn change_again(imported: &mut Imported, around: &Surroundings) {
    let warn = |message: String| around.outbox.send(Event::Warning { message });
    match around.datasets.edits(&imported.files, &imported.map) {
        Ok(edits) => {
            for error in imported.change_again(edits) {
                warn(format!("A change made to this data before no longer fits: {error}"));
            }
        }
        Err(error) => warn(error.to_string()),
    }
}

/// The columns to choose from, where choosing them may mend `error`.
fn columns_wanted(paths: &[PathBuf], error: &anyhow::Error) -> Option<Event> {
    error.downcast_ref::<DataError>().filter(|error| error.is_about_columns())?;
    let columns = found_columns(paths).ok().filter(|columns| !columns.is_empty())?;
    Some(Event::ColumnsWanted { paths: paths.to_vec(), columns })
}

/// What `work` gives; a panic in it becomes an error.
fn caught(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic_text(panic.as_ref());
        Err(anyhow::anyhow!(
            "the import failed inside ({text}); import the files one by one to find the one that does it"
        ))
    })
}

/// Reads files, and notes what they held.
pub(super) fn read(paths: &[PathBuf], map: ColumnMap, job: &Job) -> anyhow::Result<Imported> {
    read_showing(paths, map, job, |_| {})
}

fn read_showing(
    paths: &[PathBuf],
    map: ColumnMap,
    job: &Job,
    first: impl FnOnce(&[Example]),
) -> anyhow::Result<Imported> {
    let paths = files_in(paths)?;
    let before: Vec<_> = paths.iter().map(|path| stamp(path)).collect();
    let import = import_showing(&paths, &map, job, first)?;
    let files = paths.iter().map(|path| job.check().map_err(Into::into).and_then(|()| Ok(FileRef::of(path)?)));
    let files = files.collect::<anyhow::Result<_>>()?;
    if let Some((path, _)) = paths.iter().zip(before).find(|(path, before)| stamp(path) != *before) {
        anyhow::bail!("this file was changed while it was read; import it again: {}", path.display());
    }
    let edits = EditLog::new(import.examples.clone());
    Ok(Imported { map, import, files, edits, frozen: Frozen::default() })
}

/// Hands an import to the engine and to the thread that lists rows, and then tells the window, so that what the window
/// asks of the data is asked of this, however busy the engine is.
fn publish(imported: Imported, ticket: &Ticket, around: &Surroundings) -> anyhow::Result<()> {
    // Held until the window is told: when a run changes the rule, its word on these examples then comes after this one.
    let rule = around.rule.lock();
    let held_out = imported.held_out(*rule);
    let summary = summary(&imported, &held_out);
    ticket.job.check()?;
    let data = LoadedData { imported: Arc::new(imported), held_out: Arc::new(held_out) };
    *around.data.lock() = Some(data.clone());
    // Only a worker that is shutting down has no engine to take it.
    let _ = around.tasks.send(Task::Imported(data));
    around.outbox.send(Event::DataImported(summary));
    Ok(())
}

pub(super) fn summary(imported: &Imported, held_out: &HeldOut) -> DataSummary {
    let import = &imported.import;
    DataSummary {
        files: import
            .files
            .iter()
            .map(|file| FileSummary {
                path: file.path.clone(),
                shape: file.shape.to_string(),
                explanation: file.explanation.clone(),
                columns: file.columns.clone(),
                rows: file.rows,
                kept: file.kept,
            })
            .collect(),
        map: imported.map.clone(),
        rows: import.rows,
        kept: import.examples.len(),
        dropped: import.dropped.iter().take(MOST_DROPPED).filter_map(Result::ok).collect(),
        dropped_rows: import.dropped.len(),
        split: held_out.rule,
        held_out: held_out.rows.len(),
        held_out_prompts: imported.prompts(held_out),
        topics: topics(import),
        edits: imported.edits_summary(),
    }
}

fn topics(import: &Import) -> Vec<(String, usize)> {
    let counts = import.examples.topics();
    let mut topics: Vec<(String, usize)> = counts.into_iter().map(|(topic, n)| (topic.to_owned(), n)).collect();
    topics.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_while_importing_becomes_an_error() {
        let error = caught(|| panic!("row {} is odd", 7)).unwrap_err().to_string();
        assert!(error.contains("row 7 is odd"), "{error}");
    }
}
