//! The thread that takes requests: it registers their jobs, cancels at once, starts imports, hands what is about runs on
//! disk to the thread for those, and the rest to the engine, which it starts anew should the engine panic.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender};

use super::auditing::KeptAudits;
use super::browsing::{BrowsingThread, Page, SharedData};
use super::clustering::{self, Order, TopicsDesk};
use super::comparing::start_comparison;
use super::data::LoadedData;
use super::found_changes::FoundEdit;
use super::import::{SharedRule, start_import};
use super::jobs::{Jobs, Ticket};
use super::outbox::Outbox;
use super::process::{Exchange, HandOver};
use super::protocol::{Event, Request};
use super::queue::SharedQueue;
use super::runs::RunsThread;
use super::session::Session;
use crate::project::{AppPaths, Datasets};

/// What reaches the engine.
pub(super) enum Task {
    /// What takes no time.
    Request(Box<Request>),
    /// What takes time, and can be cancelled before it is begun too.
    Job(Ticket, Box<Request>),
    /// The import thread is done.
    Imported(LoadedData),
}

/// What the engine needs of its surroundings.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub outbox: Outbox,
    pub jobs: Jobs,
    pub demo_folder: PathBuf,
    /// Back to this worker's own queue, for what it asks of itself.
    pub tasks: Sender<Task>,
    /// How imported examples are held out.
    pub rule: SharedRule,
    pub queue: SharedQueue,
    /// The data that is loaded, for threads beside the engine's.
    pub data: SharedData,
    /// Where changes to data are kept.
    pub datasets: Datasets,
    /// What audits read before.
    pub audits: KeptAudits,
    /// To the thread that finds topics.
    pub topics: TopicsDesk,
    /// Where this process can be followed by another, the place to say so.
    pub exchange: Option<Exchange>,
}

impl Surroundings {
    /// Ends a job. What it errs with is told, unless a newer job has taken its place.
    pub fn end(&self, ticket: &Ticket, result: anyhow::Result<()>) {
        let is_latest = self.jobs.end(ticket);
        if let Err(error) = result
            && is_latest
        {
            self.outbox.fail(ticket, &error);
        }
    }
}

/// Starts the request thread, which starts the engine, with what `hand_over` says that another process held.
pub(super) fn start(
    inbox: Receiver<Request>,
    outbox: Outbox,
    paths: &AppPaths,
    exchange: Option<Exchange>,
    hand_over: Option<HandOver>,
) -> std::io::Result<JoinHandle<()>> {
    // Unbounded: the window's queue in front of it is bounded, and this thread must never wait for the engine.
    let (tasks, queue) = crossbeam_channel::unbounded();
    let (topics, topic_orders) = TopicsDesk::new();
    let around = Surroundings {
        outbox,
        jobs: Jobs::default(),
        demo_folder: paths.demo(),
        tasks,
        rule: SharedRule::default(),
        queue: SharedQueue::at(paths.queue()),
        data: SharedData::default(),
        datasets: Datasets::at(paths.datasets()),
        audits: KeptAudits::default(),
        topics,
        exchange,
    };
    let topics = clustering::start(topic_orders, around.clone())?;
    let engine_around = around.clone();
    let engine =
        Builder::new().name("hydra-engine".into()).spawn(move || run_engine(&queue, &engine_around, hand_over))?;
    let runs = RunsThread::start(around.clone())?;
    let rows = BrowsingThread::start(around.clone())?;
    Builder::new().name("hydra-requests".into()).spawn(move || {
        take_requests(&inbox, &around, &runs, &rows);
        // The window is gone or asked for the end: the engine saves what runs and ends. Nobody waits for the rest.
        around.jobs.close();
        if around.tasks.send(Task::Request(Box::new(Request::Shutdown))).is_ok() && engine.join().is_err() {
            log::error!("the engine ended badly");
        }
        around.queue.close();
        around.topics.send(Order::End);
        if topics.join().is_err() {
            log::error!("the thread that finds topics ended badly");
        }
        runs.finish();
        around.outbox.send(Event::ShutDown);
    })
}

fn take_requests(inbox: &Receiver<Request>, around: &Surroundings, runs: &RunsThread, rows: &BrowsingThread) {
    for request in inbox {
        match request {
            Request::Shutdown => return,
            Request::Cancel { job } => around.jobs.cancel(job),
            Request::ImportData { paths, map } => start_import(paths, map, around),
            Request::ListRows { query, start, count } => rows.take(Page { query, start, count }, around),
            Request::EditFound { query, found, change } => rows.change(FoundEdit { query, found, change }, around),
            Request::CompareMatrices { adapters } => start_comparison(adapters, around),
            request if clustering::is_change(&request) => {
                around.jobs.begin_beside();
                around.topics.send(Order::Change(Box::new(request)));
            }
            Request::ListRuns { .. }
            | Request::ReadRuns { .. }
            | Request::NoteRun { .. }
            | Request::TrashRuns { .. }
            | Request::Replay { .. }
            | Request::NameHead { .. }
            | Request::DescribeAdapter { .. }
            | Request::FindLastRun { .. } => runs.take(request, around),
            other => {
                let task = match other.job() {
                    Some(kind) => Task::Job(around.jobs.begin(kind, &around.outbox), Box::new(other)),
                    None => Task::Request(Box::new(other)),
                };
                if around.tasks.send(task).is_err() {
                    return;
                }
            }
        }
        if let Some(exchange) = &around.exchange {
            exchange.note_taken();
        }
    }
}

/// Runs sessions until one ends in order; the first takes over what is handed to it.
fn run_engine(queue: &Receiver<Task>, around: &Surroundings, hand_over: Option<HandOver>) {
    let hand_over = Cell::new(hand_over);
    supervise(&around.outbox, || Session::new(around.clone(), hand_over.take()).run(queue));
}

/// Calls `session` until it returns. A panic becomes an event, and the next session begins without model or data.
fn supervise(outbox: &Outbox, session: impl Fn()) {
    while let Err(panic) = catch_unwind(AssertUnwindSafe(&session)) {
        let message = format!(
            "The engine failed inside ({}) and was started anew. What was saved is whole. Load the model again, and resume the run from its last \
             checkpoint.",
            panic_text(panic.as_ref())
        );
        outbox.send(Event::Restarted { message });
    }
}

/// What a caught panic said.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::worker::protocol::{InspectSource, JobKind};

    #[test]
    fn a_panic_becomes_an_event_and_a_new_session_serves_what_comes_next() {
        let woken = Arc::new(AtomicUsize::new(0));
        let counter = woken.clone();
        let (outbox, events) = Outbox::new(Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        let (tasks, queue) = crossbeam_channel::unbounded();
        let folder = tempfile::tempdir().unwrap();
        let around = Surroundings {
            outbox,
            jobs: Jobs::default(),
            demo_folder: PathBuf::new(),
            tasks: tasks.clone(),
            rule: SharedRule::default(),
            queue: SharedQueue::at(AppPaths::under(folder.path()).queue()),
            data: SharedData::default(),
            datasets: Datasets::at(AppPaths::under(folder.path()).datasets()),
            audits: KeptAudits::default(),
            topics: TopicsDesk::new().0,
            exchange: None,
        };
        let ticket = around.jobs.begin(JobKind::Inspect, &around.outbox);
        let look = Request::Inspect { source: InspectSource::Prompt("?".into()), at: None };
        tasks.send(Task::Job(ticket, Box::new(look))).unwrap();
        tasks.send(Task::Request(Box::new(Request::Shutdown))).unwrap();
        let calls = AtomicUsize::new(0);
        supervise(&around.outbox, || {
            assert!(calls.fetch_add(1, Ordering::Relaxed) > 0, "head {} is missing", 4);
            Session::new(around.clone(), None).run(&queue);
        });
        assert_eq!((calls.into_inner(), woken.load(Ordering::Relaxed)), (2, 3));
        let told = events.try_recv();
        assert!(matches!(&told, Ok(Event::Restarted { message }) if message.contains("head 4 is missing")), "{told:?}");
        assert!(matches!(events.try_recv(), Ok(Event::Queue(_))));
        let told = events.try_recv();
        assert!(matches!(&told, Ok(Event::Failed { job: JobKind::Inspect, .. })), "{told:?}");
    }
}
