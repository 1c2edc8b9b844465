//! Progress and cancelling. Whatever takes longer than a second is given a [`Job`]: it tells how far it is, and asks
//! now and then whether it should stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How far a job is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Share done, 0 to 1; `None` where the end is not known.
    pub share: Option<f32>,
    /// What is being done now, in a few words.
    pub note: String,
}

/// The job was cancelled by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A handle that a long operation reports to and is stopped through. Clones share one state.
#[derive(Clone)]
pub struct Job {
    cancelled: Arc<AtomicBool>,
    report: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl Job {
    /// A job whose progress goes to `report`.
    pub fn new(report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { cancelled: Arc::default(), report: Arc::new(report) }
    }

    /// A job that nobody watches and nobody cancels.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// Tells how far the job is. One that was asked to stop tells no more.
    pub fn progress(&self, share: impl Into<Option<f32>>, note: impl Into<String>) {
        if !self.is_cancelled() {
            (self.report)(Progress { share: share.into(), note: note.into() });
        }
    }

    /// Whether the two handles are of one job.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cancelled, &other.cancelled)
    }

    /// Asks the job to stop at its next check.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the job was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Errs when the job was asked to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
