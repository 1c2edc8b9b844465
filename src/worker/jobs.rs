//! Which jobs are under way, so that a cancel reaches one while its thread is busy with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::outbox::Outbox;
use super::protocol::JobKind;
use crate::job::Job;

/// Jobs under way, by kind. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Jobs {
    running: Arc<Mutex<HashMap<JobKind, Job>>>,
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, HashMap<JobKind, Job>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a job in place of one of its kind, which is told to stop.
    pub fn begin(&self, kind: JobKind, outbox: &Outbox) -> Job {
        let job = outbox.job(kind);
        if let Some(earlier) = self.lock().insert(kind, job.clone()) {
            earlier.cancel();
        }
        job
    }

    pub fn cancel(&self, kind: JobKind) {
        if let Some(job) = self.lock().get(&kind) {
            job.cancel();
        }
    }

    pub fn end(&self, kind: JobKind) {
        self.lock().remove(&kind);
    }
}
