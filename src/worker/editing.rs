//! Changes to the loaded examples: made, taken back, kept for the next time the same files are imported, and written to a
//! file of their own for a run.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::data::LoadedData;
use super::import::Imported;
use super::jobs::Ticket;
use super::protocol::{EditsSummary, Event};
use super::session::Session;
use crate::data::{ColumnMap, Edit, EditError, EditLog, Examples};
use crate::job::Job;
use crate::project::queue::free_name;
use crate::project::{Datasets, RunOrder, save_dataset};
use crate::train::{DataRef, FileRef};

/// Where changed examples stand for runs, once one asked for it.
pub(super) type Frozen = Arc<OnceLock<Vec<FileRef>>>;

impl Imported {
    /// The same import with other changes to it.
    fn changed(&self, edits: EditLog, examples: Examples) -> Self {
        let mut import = self.import.clone();
        let frozen = if import.examples.is_same(&examples) { self.frozen.clone() } else { Frozen::default() };
        import.examples = examples;
        Self { map: self.map.clone(), import, files: self.files.clone(), edits, frozen }
    }

    /// Makes the changes that were made to the same files before; gives those that no longer fit.
    pub fn change_again(&mut self, edits: Vec<Edit>) -> Vec<EditError> {
        let refused = self.edits.apply_all(edits);
        self.import.examples = self.edits.examples().clone();
        refused
    }

    /// What a run on these examples is on: the files as they were imported, or one with the changed examples.
    pub fn source(&self, datasets: &Datasets, job: &Job) -> anyhow::Result<(Vec<FileRef>, ColumnMap)> {
        if let Some((files, map)) = self.known_source() {
            return Ok((files.to_vec(), map));
        }
        let files = vec![FileRef::of(&datasets.freeze(&self.import, job)?)?];
        Ok((self.frozen.get_or_init(|| files).clone(), ColumnMap::default()))
    }

    /// Whether a run on these files, read by that map, is on these examples.
    pub fn is_of(&self, files: &[FileRef], map: &ColumnMap) -> bool {
        self.known_source().is_some_and(|(known, by)| known == files && by == *map)
    }

    /// As [`Self::source`], where that needs no writing.
    pub fn known_source(&self) -> Option<(&[FileRef], ColumnMap)> {
        if !self.edits.changes_examples() {
            return Some((&self.files, self.map.clone()));
        }
        self.frozen.get().map(|files| (files.as_slice(), ColumnMap::default()))
    }

    pub fn edits_summary(&self) -> EditsSummary {
        EditsSummary {
            made: self.edits.edits().len(),
            undo: self.edits.last().map(Edit::title),
            redo: self.edits.next().map(Edit::title),
            left_out: self.edits.imported().len() - self.import.examples.len(),
            rewritten: self.edits.rewritten(),
            fine: self.edits.fine(),
        }
    }
}

impl Session {
    /// Changes the loaded examples.
    pub(super) fn edit_data(&mut self, edit: Edit) {
        self.change_data(|log| log.apply(edit).map(Some));
    }

    /// Changes the examples that were found for that.
    pub(super) fn edit_found(&mut self, ticket: Ticket, edit: Edit) {
        let checked = ticket.job.check().map_err(Into::into);
        let done = checked.and_then(|()| self.try_change(|log| log.apply(edit).map(Some)));
        self.around.end(&ticket, done);
    }

    /// Takes the last change to the loaded examples back.
    pub(super) fn undo_edit(&mut self) {
        self.change_data(EditLog::undo);
    }

    /// Makes the change again that was taken back last.
    pub(super) fn redo_edit(&mut self) {
        self.change_data(EditLog::redo);
    }

    fn change_data(&mut self, change: impl FnOnce(&mut EditLog) -> Result<Option<Examples>, EditError>) {
        if let Err(error) = self.try_change(change) {
            self.around.outbox.send(Event::Warning { message: format!("The examples were not changed. {error:#}") });
        }
    }

    fn try_change(
        &mut self,
        change: impl FnOnce(&mut EditLog) -> Result<Option<Examples>, EditError>,
    ) -> anyhow::Result<()> {
        self.wake_data(&Job::silent())?;
        let LoadedData { imported, held_out } = self.data()?;
        let mut edits = imported.edits.clone();
        let Some(examples) = change(&mut edits)? else { return Ok(()) };
        let is_same = imported.import.examples.is_same(&examples);
        let imported = Arc::new(imported.changed(edits, examples));
        let held_out = match is_same {
            true => held_out,
            false => Arc::new(imported.held_out(*self.around.rule.lock())),
        };
        let summary = super::import::summary(&imported, &held_out);
        if let Err(error) = self.around.datasets.keep(&imported.files, &imported.map, &imported.edits) {
            let message = format!("The change holds until the program ends, but could not be kept: {error}");
            self.around.outbox.send(Event::Warning { message });
        }
        if !is_same {
            self.end_survey();
        }
        self.set_data(LoadedData { imported, held_out });
        self.around.outbox.send(Event::DataEdited(summary));
        self.refresh_facts();
        Ok(())
    }

    /// Writes the loaded examples, and the rows that they leave out, to a folder.
    pub(super) fn save_data(&mut self, folder: &Path, job: &Job) -> anyhow::Result<()> {
        let data = self.data()?;
        let path = free_name(folder, &|path| !path.exists());
        save_dataset(&path, &data.imported.import, &data.imported.edits, job)?;
        self.around.outbox.send(Event::DatasetSaved { path });
        Ok(())
    }

    /// The reference that a run on the loaded examples keeps.
    pub(super) fn data_ref(&self, imported: &Imported, job: &Job) -> anyhow::Result<DataRef> {
        let (files, map) = imported.source(&self.around.datasets, job)?;
        Ok(DataRef::Rows { files, columns: map.to_columns() })
    }

    /// A planned run, on the changed examples where it asks for the files of the loaded data and these were changed.
    pub(super) fn planned_on(&mut self, mut run: RunOrder) -> anyhow::Result<RunOrder> {
        self.wake_data(&Job::silent())?;
        let Some(LoadedData { imported, .. }) = &self.data else { return Ok(run) };
        let is_loaded =
            run.columns == imported.map && run.data.iter().eq(imported.import.files.iter().map(|file| &file.path));
        if is_loaded && imported.edits.changes_examples() {
            let (files, map) = imported.source(&self.around.datasets, &Job::silent())?;
            (run.data, run.columns) = (files.into_iter().map(|file| file.path).collect(), map);
        }
        Ok(run)
    }
}
