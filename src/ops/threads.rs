//! The threads that operations compute on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::{ThreadPool, ThreadPoolBuilder};
use thread_priority::{ThreadPriority, set_current_thread_priority};

/// Whether threads that compute give way to others.
static GIVES_WAY: AtomicBool = AtomicBool::new(false);

/// From now on threads that compute give way to whatever else wants a core, such as a window that draws. Call it before
/// anything is computed; later calls change only pools that are made afterwards.
pub fn give_way() {
    GIVES_WAY.store(true, Ordering::Relaxed);
    // Where the pool of all cores was in use already, it stays as it is.
    if let Err(error) = builder().build_global() {
        log::debug!("computing threads keep their priority: {error}");
    }
}

fn builder() -> ThreadPoolBuilder {
    let lower = |_| {
        if let Ok(lower) = 25u8.try_into()
            && GIVES_WAY.load(Ordering::Relaxed)
            && let Err(error) = set_current_thread_priority(ThreadPriority::Crossplatform(lower))
        {
            log::debug!("a computing thread keeps its priority: {error:?}");
        }
    };
    ThreadPoolBuilder::new().thread_name(|i| format!("compute-{i}")).start_handler(lower)
}

/// Runs `work` on one of the threads that compute, for work made of many small operations, such as the answer's next token:
/// begun on another thread, each of them would wait until a computing thread wakes.
pub fn among_threads<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}

/// Some threads to compute on, or all cores.
#[derive(Clone, Debug, Default)]
pub struct ComputeThreads(Option<Arc<ThreadPool>>);

impl ComputeThreads {
    /// So many threads; `None`: one for every core, which is also what there is where the system gives no more threads.
    pub fn new(count: Option<usize>) -> Self {
        let pool = |count| {
            let pool = builder().num_threads(count).build();
            pool.inspect_err(|error| log::warn!("no {count} threads to compute on, all cores are used: {error}")).ok()
        };
        Self(count.and_then(pool).map(Arc::new))
    }

    /// Runs `work`; what it computes is computed on these threads.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_sees_as_many_threads_as_were_asked_for() {
        for count in [1, 3] {
            assert_eq!(ComputeThreads::new(Some(count)).run(rayon::current_num_threads), count);
        }
        let all = rayon::current_num_threads();
        assert_eq!(ComputeThreads::new(None).run(rayon::current_num_threads), all);
    }
}
