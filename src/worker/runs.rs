//! What is asked of runs on disk: lists, curves, how their routing formed, notes, names of heads, the recycle bin. One thread does it in the order of the requests,
//! beside whatever the engine does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::Sender;

use super::dispatch::{Surroundings, panic_text};
use super::jobs::Ticket;
use super::outbox::Outbox;
use super::protocol::{Event, JobKind, Request};
use crate::adapter::AdapterConfig;
use crate::inspect::replay;
use crate::job::Job;
use crate::project::runs::{RunEntry, RunNotes, RunStatus, folder_name, last_run, list_runs, trash_run};
use crate::project::{head_names, name_head};
use crate::train::{AdapterPlace, DataRef, RunHistory};

/// The thread that looks after runs on disk.
pub(super) struct RunsThread {
    tasks: Sender<Task>,
    thread: JoinHandle<()>,
}

/// A request for the thread; `ticket` where a later one of its kind takes its place.
struct Task {
    request: Request,
    ticket: Option<Ticket>,
}

impl RunsThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn start(around: Surroundings) -> std::io::Result<Self> {
        // Unbounded, as the request thread must never wait.
        let (tasks, queue) = crossbeam_channel::unbounded::<Task>();
        let thread = Builder::new().name("hydra-runs".into()).spawn(move || {
            for Task { request, ticket } in queue {
                let kind = request.job();
                let done = caught(|| serve(request, ticket.as_ref(), &around.outbox));
                match (ticket, done, kind) {
                    (Some(ticket), done, _) => around.end(&ticket, done),
                    (None, Err(error), Some(kind)) => around.outbox.refuse(kind, format!("{error:#}")),
                    (None, Err(error), None) => log::warn!("{error:#}"),
                    (None, Ok(()), _) => {}
                }
                around.jobs.end_beside();
            }
        })?;
        Ok(Self { tasks, thread })
    }

    /// Hands a request to the thread.
    pub fn take(&self, request: Request, around: &Surroundings) {
        let ticket = match &request {
            Request::ListRuns { .. } => Some(JobKind::ListRuns),
            Request::ReadRuns { .. } => Some(JobKind::ReadRuns),
            Request::Replay { .. } => Some(JobKind::Replay),
            _ => None,
        };
        let ticket = ticket.map(|kind| around.jobs.begin(kind, &around.outbox));
        around.jobs.begin_beside();
        // The thread takes requests until this end of its channel goes.
        let _ = self.tasks.send(Task { request, ticket });
    }

    /// Waits until everything that was asked for is done: a note that was written just before the end is on disk.
    pub fn finish(self) {
        drop(self.tasks);
        if self.thread.join().is_err() {
            log::error!("the thread that looks after runs ended badly");
        }
    }
}

fn serve(request: Request, ticket: Option<&Ticket>, outbox: &Outbox) -> anyhow::Result<()> {
    let silent = Job::silent();
    let job = ticket.map_or(&silent, |ticket| &ticket.job);
    match request {
        Request::ListRuns { folder } => {
            job.check()?;
            let list = list_runs(&folder)?;
            job.check()?;
            outbox.send(Event::Runs(list));
        }
        Request::ReadRuns { paths } => read(paths, job, outbox)?,
        Request::NoteRun { path, notes } => {
            // Once more as a set: what the window sends may have been typed.
            let notes = RunNotes::new(notes.tags.iter().map(String::as_str), notes.note);
            notes.write(&path)?;
            outbox.send(Event::RunNoted { path, notes });
        }
        Request::Replay { run } => {
            let frames = replay(&run)?;
            job.check()?;
            outbox.send(Event::Replayed { run, frames });
        }
        Request::NameHead { path, head, name } => outbox.send(match name_head(&path, head, &name) {
            Ok(names) => Event::HeadNames { path, names },
            Err(error) => Event::Warning { message: error.to_string() },
        }),
        Request::DescribeAdapter { path } => describe(path, outbox),
        Request::TrashRuns { paths } => trash(paths, outbox)?,
        Request::FindLastRun { recent, folder } => find_last(&recent, &folder, outbox),
        _ => {}
    }
    Ok(())
}

/// Tells what the adapter of a folder is made of, from its config alone, and how its heads are called.
fn describe(path: PathBuf, outbox: &Outbox) {
    let spec = || anyhow::Ok(AdapterConfig::read(&AdapterPlace::find(&path)?.folder)?.spec);
    let found = spec().map_err(|error| format!("{error:#}"));
    let names = found.is_ok().then(|| head_names(&path));
    outbox.send(Event::AdapterDescribed { path: path.clone(), found });
    match names {
        Some(Ok(names)) => outbox.send(Event::HeadNames { path, names }),
        Some(Err(error)) => outbox.send(Event::Warning { message: error.to_string() }),
        None => {}
    }
}

/// Tells the curves of every run; one that cannot be read is warned of, and the others come all the same.
fn read(paths: Vec<PathBuf>, job: &Job, outbox: &Outbox) -> anyhow::Result<()> {
    for path in paths {
        job.check()?;
        match RunHistory::read(&path) {
            Ok(history) => outbox.send(Event::RunRead { path, history }),
            Err(error) => {
                let message = format!("The curves of {} cannot be drawn: {error}", folder_name(&path));
                outbox.send(Event::Warning { message });
            }
        }
    }
    job.check()?;
    outbox.send(Event::RunsRead);
    Ok(())
}

fn trash(paths: Vec<PathBuf>, outbox: &Outbox) -> anyhow::Result<()> {
    let (mut gone, mut kept) = (Vec::new(), Vec::new());
    for path in paths {
        match trash_run(&path) {
            Ok(()) => gone.push(path),
            Err(error) => kept.push(error.to_string()),
        }
    }
    outbox.send(Event::RunsTrashed { paths: gone });
    if kept.is_empty() { Ok(()) } else { Err(anyhow::Error::msg(kept.join("\n"))) }
}

/// Tells the run that was worked on last, where it stands still and the window can go on with it.
fn find_last(recent: &[PathBuf], folder: &Path, outbox: &Outbox) {
    let can_go_on = |run: &RunEntry| {
        matches!(run.status, RunStatus::BrokenOff | RunStatus::Stopped)
            && run.resumable().is_some()
            && matches!(run.file.data, DataRef::Rows { .. })
    };
    let last = last_run(recent, folder).filter(can_go_on);
    outbox.send(Event::LastRun(last.map(Box::new)));
}

/// What `work` gives; a panic in it becomes an error.
fn caught(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(anyhow::anyhow!("this failed inside ({}); the runs on disk are as they were", panic_text(panic.as_ref())))
    })
}
