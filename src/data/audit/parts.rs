//! Rows looked at on several threads, each with a stretch of its own.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, available_parallelism, scope};

use crate::job::{Cancelled, Job};

/// Fewer rows than this are not worth a second thread.
const ROWS_PER_THREAD: usize = 500;

/// More threads gain little, and others need the machine too.
const MAX_THREADS: usize = 4;

/// Progress is told, and cancelling asked for, every so many rows.
const ROWS_PER_REPORT: usize = 128;

/// Tells how far all threads are together.
pub(crate) struct Watch<'a> {
    job: &'a Job,
    done: &'a AtomicUsize,
    total: usize,
    /// The share of the whole job that this is, as where it begins and where it ends.
    share: Range<f32>,
    note: &'a str,
}

impl Watch<'_> {
    /// Counts a row. Errs when the job was cancelled.
    pub fn row(&self) -> Result<(), Cancelled> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if !done.is_multiple_of(ROWS_PER_REPORT) {
            return Ok(());
        }
        self.job.check()?;
        let share = done as f32 / self.total.max(1) as f32;
        self.job.progress(self.share.start + share * (self.share.end - self.share.start), self.note);
        Ok(())
    }
}

/// What `work` gives for consecutive stretches of `0..count`, in their order. The threads are plain ones, so that a run
/// which trains beside keeps its own.
pub(crate) fn in_parts<T: Send, E: Send>(
    count: usize,
    (job, share, note): (&Job, Range<f32>, &str),
    work: impl Fn(Range<usize>, &Watch<'_>) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let done = AtomicUsize::new(0);
    let watch = Watch { job, done: &done, total: count, share, note };
    let cores = available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let threads = (count / ROWS_PER_THREAD).clamp(1, cores);
    let part = |index: usize| count * index / threads..count * (index + 1) / threads;
    let (work, watch) = (&work, &watch);
    scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map(|index| {
                let spawned = Builder::new().name("hydra-audit".into());
                (index, spawned.spawn_scoped(scope, move || work(part(index), watch)))
            })
            .collect();
        let mut results = vec![work(part(0), watch)];
        for (index, spawned) in others {
            results.push(match spawned.map(|thread| thread.join()) {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // The system refused a thread: this one does its part.
                Err(_) => work(part(index), watch),
            });
        }
        results.into_iter().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_in_order_and_cover_everything_once() {
        for count in [0, 1, 999, 10_000] {
            let parts: Vec<Vec<usize>> =
                in_parts(count, (&Job::silent(), 0.0..1.0, ""), |rows, _| Ok::<_, ()>(rows.collect())).unwrap();
            assert!(parts.concat().into_iter().eq(0..count));
        }
    }

    #[test]
    fn a_cancelled_job_ends_every_part() {
        let job = Job::silent();
        job.cancel();
        let ended = in_parts(10_000, (&job, 0.0..1.0, ""), |mut rows, watch| rows.try_for_each(|_| watch.row()));
        assert_eq!(ended, Err(Cancelled));
    }
}
