//! The background thread that owns device and model. The window sends a [`protocol::Request`] and draws what comes back
//! as [`protocol::Event`]s; nothing else passes between them.
//!
//! Six named threads: `hydra-requests` takes requests, registers their jobs, cancels at once and starts imports;
//! `hydra-import` reads data, `hydra-matrices` compares adapters, `hydra-runs` looks after runs on disk and `hydra-facts` gathers what estimates are made of,
//! all beside training; `hydra-engine` owns the model and does everything else, a run and an answer in slices no longer
//! than a micro-batch, and while no run is on it takes the next of the queue (`queue.rs`).
//! Start at [`spawn`], then `session.rs`.

pub mod protocol;

mod answering;
mod comparing;
mod dispatch;
mod facts;
mod freed;
mod import;
mod jobs;
mod looking;
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

/// Starts the worker's threads. `paths` say where the bundled model and examples are unpacked on request, and where the
/// queue is kept.
///
/// # Errors
/// When the system refuses a thread.
pub fn spawn(paths: &AppPaths, wake: Waker) -> std::io::Result<Worker> {
    // The window that asked for a worker draws beside what is computed.
    crate::ops::give_way();
    let (requests, inbox) = crossbeam_channel::bounded(REQUESTS);
    let (outbox, events) = outbox::Outbox::new(wake);
    let thread = dispatch::start(inbox, outbox, paths)?;
    Ok(Worker { requests, events, thread })
}
