//! The background worker that owns device and model. The window sends a [`protocol::Request`] and draws what comes back
//! as [`protocol::Event`]s; nothing else passes between them. So it can be a process of its own, and is one under the
//! window: see [`process`]. In tests, and where the system refuses a process, it is threads of the same.
//!
//! Ten named threads either way: `hydra-requests` takes requests, registers their jobs, cancels at once and starts imports;
//! `hydra-import` reads data, `hydra-rows` lists its rows, `hydra-audits` looks for faults in it, `hydra-topics` finds its
//! topics and `hydra-map` lays these out, `hydra-matrices` compares adapters, `hydra-runs` looks after runs on disk and
//! `hydra-facts` gathers what estimates are made of,
//! all beside training; `hydra-engine` owns the model and does everything else, a run and an answer in slices no longer
//! than a micro-batch, and while no run is on it takes the next of the queue (`queue.rs`).
//! Start at [`spawn`], then `session.rs`, then [`process`].

pub mod process;
pub mod protocol;

mod answering;
mod auditing;
mod browsing;
mod clustering;
mod comparing;
mod data;
mod dispatch;
mod editing;
mod exporting;
mod facts;
mod found_changes;
mod freed;
mod import;
mod jobs;
mod looking;
mod mending;
mod outbox;
mod queue;
mod runs;
mod sampling;
mod session;
mod sides;
mod summary;
mod surveying;
mod training;
mod watching;
mod weighing;

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

use crate::project::AppPaths;
use process::{Exchange, HandOver};
use protocol::{Event, Request};

/// Called whenever an event was sent, so that a window that sleeps draws it.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Requests that may wait to be taken. The request thread takes each at once and never waits for the engine, so the window
/// finds room; were there none, its send would wait the microseconds that one takes.
const REQUESTS: usize = 256;

/// The worker's ends of its channels.
pub struct Worker {
    pub requests: Sender<Request>,
    /// Unbounded: no event may be lost, and training must not wait for a window that is not drawn. A step takes about a
    /// hundred bytes.
    pub events: Receiver<Event>,
    pub thread: JoinHandle<()>,
}

/// What the engine wants set before the first thread of its process starts. candle keeps a pool of threads that wait by
/// spinning and take processor time from the pool that does the multiplications, so one thread must be all there is in it.
/// glibc gives every thread an arena of its own, and what is freed in one is not used again by another: steps that run now
/// on this thread, now on that, would take several times the memory.
pub const ENGINE_VARIABLES: [(&str, &str); 2] = [("CANDLE_NUM_THREADS", "1"), ("MALLOC_ARENA_MAX", "1")];

/// Starts the worker as a process of its own, or, where the system refuses one, as threads of this process.
///
/// # Errors
/// When the system refuses a thread.
pub fn open(paths: &AppPaths, wake: Waker) -> std::io::Result<Worker> {
    let process = process::own_program().and_then(|program| process::spawn(&program, paths, wake.clone()));
    process.or_else(|error| {
        log::warn!("the engine runs in the window's own process, which keeps memory that a run gives back: {error}");
        spawn(paths, wake)
    })
}

/// Starts the worker's threads in this process. `paths` say where the bundled model and examples are unpacked on request, and where the
/// queue is kept.
///
/// # Errors
/// When the system refuses a thread.
pub fn spawn(paths: &AppPaths, wake: Waker) -> std::io::Result<Worker> {
    start(paths, wake, None, None)
}

fn start(
    paths: &AppPaths,
    wake: Waker,
    exchange: Option<Exchange>,
    hand_over: Option<HandOver>,
) -> std::io::Result<Worker> {
    // The window that asked for a worker draws beside what is computed.
    crate::ops::give_way();
    let (requests, inbox) = crossbeam_channel::bounded(REQUESTS);
    let (outbox, events) = outbox::Outbox::new(wake);
    let thread = dispatch::start(inbox, outbox, paths, exchange, hand_over)?;
    Ok(Worker { requests, events, thread })
}
