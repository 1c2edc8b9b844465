//! Data read on its own thread, beside whatever the engine does.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::Builder;

use super::dispatch::{Surroundings, Task};
use super::protocol::{DataSummary, Event, FileSummary, JobKind};
use crate::data::{ColumnMap, Import, Role, import, split};
use crate::job::Job;
use crate::train::TrainSettings;

/// Data that was imported, as the engine keeps it.
pub(super) struct Imported {
    pub map: ColumnMap,
    pub import: Import,
    /// Indices of the examples that the default split holds out.
    pub held_out: Vec<usize>,
}

/// Starts an import in place of one that is under way.
pub(super) fn start_import(paths: Vec<PathBuf>, map: ColumnMap, around: &Surroundings) {
    let job = around.jobs.begin(JobKind::ImportData, &around.outbox);
    let thread_around = around.clone();
    let spawned = Builder::new().name("hydra-import".into()).spawn(move || {
        let result = read(paths, map, &job);
        thread_around.jobs.end(JobKind::ImportData);
        match result {
            Ok(imported) => {
                let imported = Arc::new(imported);
                thread_around.outbox.send(Event::DataImported(summary(&imported)));
                // Only a worker that is shutting down has no engine to take it.
                let _ = thread_around.tasks.send(Task::Imported(imported));
            }
            Err(error) => thread_around.outbox.fail(JobKind::ImportData, &job, &error),
        }
    });
    if let Err(error) = spawned {
        around.outbox.refuse(JobKind::ImportData, format!("the system refused a thread for the import: {error}"));
    }
}

/// Imports files and splits them as training will by default.
pub(super) fn read(paths: Vec<PathBuf>, map: ColumnMap, job: &Job) -> anyhow::Result<Imported> {
    let import = import(&paths, &map, job)?;
    let defaults = TrainSettings::default();
    let held_out = split(&import.examples, defaults.held_out, defaults.seed).held_out;
    Ok(Imported { map, import, held_out })
}

pub(super) fn summary(imported: &Imported) -> DataSummary {
    let Imported { import, held_out, .. } = imported;
    let prompt = |index: &usize| {
        let example = import.examples.get(*index)?;
        let user = example.messages.iter().find(|m| m.role == Role::User)?;
        Some(user.content.clone())
    };
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
        rows: import.rows,
        kept: import.examples.len(),
        dropped: import.dropped.clone(),
        held_out: held_out.len(),
        held_out_prompts: held_out.iter().map(|i| prompt(i).unwrap_or_default()).collect(),
        topics: topics(import),
    }
}

fn topics(import: &Import) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for topic in import.examples.iter().filter_map(|example| example.topic.as_deref()) {
        *counts.entry(topic).or_default() += 1;
    }
    let mut topics: Vec<(String, usize)> = counts.into_iter().map(|(topic, n)| (topic.to_owned(), n)).collect();
    topics.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    topics
}
