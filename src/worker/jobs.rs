//! Which jobs wait or are under way, so that a cancel reaches one whether its thread has begun it or not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::outbox::Outbox;
use super::protocol::JobKind;
use crate::job::Job;

/// A job that was registered when its request came.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub kind: JobKind,
    pub job: Job,
}

/// The latest job of every kind. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Jobs {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    latest: HashMap<JobKind, Job>,
    /// What is done beside and cannot be cancelled.
    beside: usize,
    is_closed: bool,
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a job in place of one of its kind, which is told to stop.
    pub fn begin(&self, kind: JobKind, outbox: &Outbox) -> Ticket {
        let job = outbox.job(kind);
        let mut shared = self.lock();
        if shared.is_closed {
            job.cancel();
        }
        if let Some(earlier) = shared.latest.insert(kind, job.clone()) {
            earlier.cancel();
        }
        Ticket { kind, job }
    }

    /// Registers a job unless one of its kind waits or is under way.
    pub fn begin_if_none(&self, kind: JobKind, outbox: &Outbox) -> Option<Ticket> {
        let mut shared = self.lock();
        if shared.is_closed || shared.latest.contains_key(&kind) {
            return None;
        }
        let job = outbox.job(kind);
        shared.latest.insert(kind, job.clone());
        Some(Ticket { kind, job })
    }

    pub fn cancel(&self, kind: JobKind) {
        if let Some(job) = self.lock().latest.get(&kind) {
            job.cancel();
        }
    }

    /// Takes a job out that has ended. Gives back whether it was still the latest of its kind: one that was replaced has
    /// nothing more to say.
    pub fn end(&self, ticket: &Ticket) -> bool {
        let mut shared = self.lock();
        let is_latest = shared.latest.get(&ticket.kind).is_some_and(|job| job.is_same(&ticket.job));
        if is_latest {
            shared.latest.remove(&ticket.kind);
        }
        is_latest
    }

    /// Registers what is done beside and is no job of its own.
    pub fn begin_beside(&self) {
        self.lock().beside += 1;
    }

    /// Takes out what was done beside.
    pub fn end_beside(&self) {
        let mut shared = self.lock();
        shared.beside = shared.beside.saturating_sub(1);
    }

    /// Whether nothing waits or is under way.
    pub fn is_idle(&self) -> bool {
        let shared = self.lock();
        shared.latest.is_empty() && shared.beside == 0
    }

    /// Stops every job, those that come later too, but lets an export finish: it is short, and what was asked for would
    /// silently not be there.
    pub fn close(&self) {
        let mut shared = self.lock();
        shared.is_closed = true;
        shared.latest.iter().filter(|(kind, _)| **kind != JobKind::Export).for_each(|(_, job)| job.cancel());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox() -> Outbox {
        Outbox::new(Arc::new(|| {})).0
    }

    #[test]
    fn a_job_that_was_replaced_is_stopped_and_leaves_the_newer_one_registered() {
        let (jobs, outbox) = (Jobs::default(), outbox());
        let first = jobs.begin(JobKind::ImportData, &outbox);
        let second = jobs.begin(JobKind::ImportData, &outbox);
        assert!(first.job.is_cancelled() && !second.job.is_cancelled());
        assert!(!jobs.end(&first));
        jobs.cancel(JobKind::ImportData);
        assert!(second.job.is_cancelled());
        assert!(jobs.end(&second) && !jobs.end(&second));
    }

    #[test]
    fn a_job_that_gives_way_begins_only_where_none_of_its_kind_is() {
        let (jobs, outbox) = (Jobs::default(), outbox());
        let first = jobs.begin(JobKind::Train, &outbox);
        assert!(jobs.begin_if_none(JobKind::Train, &outbox).is_none() && !first.job.is_cancelled());
        jobs.end(&first);
        let second = jobs.begin_if_none(JobKind::Train, &outbox).unwrap();
        assert!(jobs.end(&second));
        jobs.close();
        assert!(jobs.begin_if_none(JobKind::Train, &outbox).is_none());
    }

    #[test]
    fn nothing_is_idle_while_something_is_done_beside() {
        let (jobs, outbox) = (Jobs::default(), outbox());
        jobs.begin_beside();
        let ticket = jobs.begin(JobKind::ListRuns, &outbox);
        jobs.end(&ticket);
        assert!(!jobs.is_idle());
        jobs.end_beside();
        assert!(jobs.is_idle());
    }

    #[test]
    fn closing_stops_what_runs_and_what_comes_but_not_an_export() {
        let (jobs, outbox) = (Jobs::default(), outbox());
        let (load, export) = (jobs.begin(JobKind::LoadModel, &outbox), jobs.begin(JobKind::Export, &outbox));
        jobs.close();
        assert!(load.job.is_cancelled() && !export.job.is_cancelled());
        assert!(jobs.begin(JobKind::ImportData, &outbox).job.is_cancelled());
    }
}
