//! What the window knows of the runs on disk: the list of one folder, the curves that were read, and the run to go on with.

use std::path::{Path, PathBuf};

use crate::project::runs::{RunEntry, RunList};
use crate::train::RunHistory;
use crate::worker::protocol::{Event, JobKind, Request};

/// Runs whose curves are kept in memory; the one that was read first goes first.
const KEPT: usize = 16;

/// The curves of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadRun {
    pub path: PathBuf,
    pub history: RunHistory,
    /// Differs from every other reading, so that a page knows when to build its lines anew.
    pub number: usize,
}

/// The runs on disk, as the worker told of them last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunsState {
    pub list: Option<RunList>,
    /// Whether something has happened to a run since the list was asked for.
    pub is_stale: bool,
    /// The run that was worked on last and can go on, until a run is started.
    pub to_resume: Option<Box<RunEntry>>,
    read: Vec<ReadRun>,
    readings: usize,
}

impl RunsState {
    /// The run in the folder `path`, where it is listed.
    pub fn entry(&self, path: &Path) -> Option<&RunEntry> {
        self.list.as_ref()?.runs.iter().find(|run| run.path == path)
    }

    /// The curves of the run in the folder `path`, where they were read.
    pub fn curves(&self, path: &Path) -> Option<&ReadRun> {
        self.read.iter().find(|run| run.path == path)
    }

    /// Notes what was just asked of the worker.
    pub(super) fn note_request(&mut self, request: &Request) {
        if matches!(request, Request::ListRuns { .. }) {
            self.is_stale = false;
        }
    }

    /// Takes in what an event tells of runs on disk.
    pub(super) fn note_event(&mut self, event: Event) {
        match event {
            Event::Runs(list) => self.list = Some(list),
            Event::RunRead { path, history } => self.keep(path, history),
            Event::RunNoted { path, notes } => {
                let runs = self.list.iter_mut().flat_map(|list| &mut list.runs);
                if let Some(run) = runs.into_iter().find(|run| run.path == path) {
                    run.notes = notes;
                }
            }
            Event::RunsTrashed { paths } => {
                if let Some(list) = &mut self.list {
                    list.runs.retain(|run| !paths.contains(&run.path));
                    list.unreadable.retain(|run| !paths.contains(&run.path));
                }
                self.to_resume.take_if(|run| paths.contains(&run.path));
                self.read.retain(|run| !paths.contains(&run.path));
                self.is_stale = true;
            }
            Event::LastRun(run) => self.to_resume = run,
            _ => {}
        }
    }

    /// Notes that a run began or ended: the list and its curves are then no longer as they were told.
    pub(super) fn watch(&mut self, event: &Event) {
        let changed = match event {
            Event::TrainingStarted(run) => {
                self.to_resume = None;
                &run.path
            }
            Event::TrainingDone(end) => &end.path,
            Event::Discarded { path } => path,
            Event::Failed { job: JobKind::Train, .. } | Event::Restarted { .. } => {
                self.is_stale = true;
                return;
            }
            _ => return,
        };
        self.is_stale = true;
        self.read.retain(|run| run.path != *changed);
    }

    fn keep(&mut self, path: PathBuf, history: RunHistory) {
        self.read.retain(|run| run.path != path);
        self.readings += 1;
        self.read.push(ReadRun { path, history, number: self.readings });
        if self.read.len() > KEPT {
            self.read.remove(0);
        }
    }
}
