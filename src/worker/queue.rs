//! The queue in the worker: whenever no run is on, the next one in line begins, with its model and data. One that fails is
//! said to, and the queue goes on; one that the user stops holds it, for whoever stops a run wants the machine.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::import;
use super::outbox::Outbox;
use super::protocol::{Event, JobKind, QueueView, Request};
use super::session::Session;
use super::training::check_unchanged;
use crate::data::files_in;
use crate::job::Job;
use crate::project::queue::Queue;
use crate::project::runs::RunNotes;
use crate::project::{QueueFile, QueueMode, QueuedId, QueuedRun, QueuedState, RunOrder};
use crate::train::{DeviceChoice, MemoryCheck, RunFile, RunFolder};

/// The queue, which outlives a session that fails inside: the next one goes on with it.
#[derive(Clone)]
pub(super) struct SharedQueue(Arc<Mutex<WorkQueue>>);

impl SharedQueue {
    /// The queue of the file at `path`, which the first session opens.
    pub fn at(path: PathBuf) -> Self {
        Self(Arc::new(Mutex::new(WorkQueue { path, file: Opened::NotYet, turn: None, ended: Vec::new() })))
    }

    /// Lets go of the file, which the next process or window may want while threads that end later still hold this.
    pub fn close(&self) {
        self.lock().file = Opened::NotYet;
    }

    fn lock(&self) -> MutexGuard<'_, WorkQueue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the queue stood in a process, for the one that goes on with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Turn {
    /// The run whose turn it is.
    now: Option<QueuedId>,
    /// Runs that ended since the queue was started.
    ended: Vec<QueuedId>,
}

struct WorkQueue {
    path: PathBuf,
    file: Opened,
    /// The run whose turn it is.
    turn: Option<QueuedId>,
    /// Runs that ended since the queue was started, for its summary.
    ended: Vec<QueuedId>,
}

enum Opened {
    NotYet,
    Open(QueueFile),
    /// Why it could not be opened.
    Refused(String),
}

impl WorkQueue {
    fn queue(&self) -> Option<&Queue> {
        match &self.file {
            Opened::Open(file) => Some(file.queue()),
            Opened::NotYet | Opened::Refused(_) => None,
        }
    }

    /// Opens the file anew unless it is open: another window that held it may have been closed since.
    fn open(&mut self) {
        if !matches!(self.file, Opened::Open(_)) {
            self.file =
                QueueFile::open(&self.path).map_or_else(|error| Opened::Refused(error.to_string()), Opened::Open);
        }
    }

    /// Changes the queue and tells how it then stands. Gives back nothing where there is no queue.
    fn change<T>(&mut self, outbox: &Outbox, change: impl FnOnce(&mut Queue) -> T) -> Option<T> {
        let Opened::Open(file) = &mut self.file else { return None };
        let mut changed = None;
        if let Err(error) = file.change(|queue| changed = Some(change(queue))) {
            let message = format!("the queue goes on, but a restart would not know of its last change: {error}");
            outbox.send(Event::Warning { message });
        }
        self.tell(outbox);
        changed
    }

    fn tell(&self, outbox: &Outbox) {
        let view = match &self.file {
            Opened::NotYet => return,
            Opened::Refused(problem) => QueueView { problem: Some(problem.clone()), ..QueueView::default() },
            Opened::Open(file) => {
                QueueView { mode: file.queue().mode, runs: file.queue().runs().to_vec(), problem: None }
            }
        };
        outbox.send(Event::Queue(view));
    }

    /// Notes how the run ended whose turn it was, and that of the queue where no turn is left.
    fn end_turn(&mut self, outbox: &Outbox, state: QueuedState) {
        let Some(id) = self.turn.take() else { return };
        self.ended.push(id);
        let is_over = self.change(outbox, |queue| {
            if matches!(state, QueuedState::Stopped { .. }) {
                queue.mode = QueueMode::Held;
            }
            queue.set_state(id, state);
            let is_over = queue.mode == QueueMode::Going && queue.next().is_none();
            if is_over {
                queue.mode = QueueMode::Held;
            }
            is_over
        });
        if is_over == Some(true) {
            let ended = std::mem::take(&mut self.ended);
            if let Some(queue) = self.queue() {
                outbox.send(Event::QueueEnded(queue.summary(&ended)));
            }
        }
    }
}

impl Session {
    /// Opens the queue at the start of a session. Where the last one failed inside during a turn, that run failed with it.
    pub(super) fn open_queue(&self) {
        let (mut work, outbox) = (self.around.queue.lock(), &self.around.outbox);
        if work.turn.is_some() {
            let message = "the engine failed inside while this run was on; what was saved is whole, and a retry goes on \
                           from its last checkpoint";
            return work.end_turn(outbox, QueuedState::Failed { message: message.into() });
        }
        work.open();
        work.tell(outbox);
    }

    /// Where the queue stands.
    pub(super) fn turn(&self) -> Turn {
        let work = self.around.queue.lock();
        Turn { now: work.turn, ended: work.ended.clone() }
    }

    /// Goes on with the queue from where it stood in another process.
    pub(super) fn take_over_turn(&self, turn: Turn) {
        let mut work = self.around.queue.lock();
        (work.turn, work.ended) = (turn.now, turn.ended);
        work.file =
            QueueFile::take_over(&work.path).map_or_else(|error| Opened::Refused(error.to_string()), Opened::Open);
        work.tell(&self.around.outbox);
    }

    /// Puts runs at the end of the queue.
    pub(super) fn enqueue(&mut self, runs: Vec<RunOrder>) {
        match runs.into_iter().map(|run| self.planned_on(run)).collect() {
            Ok(runs) => self.handle_queue(Request::Enqueue { runs }),
            Err(error) => {
                let message = format!("The runs were not planned. {error:#}");
                self.around.outbox.send(Event::Warning { message });
            }
        }
    }

    /// Answers what is asked of the queue.
    pub(super) fn handle_queue(&self, request: Request) {
        let (mut work, outbox) = (self.around.queue.lock(), &self.around.outbox);
        work.open();
        if let Opened::Refused(problem) = &work.file {
            outbox.send(Event::Warning { message: problem.clone() });
            return work.tell(outbox);
        }
        match request {
            Request::Enqueue { runs } => {
                let runs = runs.into_iter().map(|run| self.with_device(run)).collect();
                work.change(outbox, |queue| queue.add(runs, &|path| path.exists()));
            }
            Request::RemoveQueued { id } => {
                work.change(outbox, |queue| queue.remove(id));
            }
            Request::MoveQueued { id, way } => {
                work.change(outbox, |queue| queue.shift(id, way));
            }
            Request::RetryQueued { id } => {
                work.change(outbox, |queue| queue.retry(id));
            }
            Request::StartQueue => {
                work.ended.clear();
                work.change(outbox, |queue| {
                    let has_next = queue.next().is_some();
                    queue.mode = if has_next { QueueMode::Going } else { QueueMode::Held };
                });
            }
            Request::HoldQueue => {
                work.change(outbox, |queue| queue.mode = QueueMode::Held);
            }
            _ => {}
        }
    }

    /// A run on the model at hand computes where that is, unless it says otherwise.
    fn with_device(&self, mut run: RunOrder) -> RunOrder {
        let is_at_hand = self.model.as_ref().is_some_and(|model| is_same_place(&model.path, &run.model));
        if is_at_hand && run.settings.device == DeviceChoice::Auto {
            run.settings.device = self.device;
        }
        run
    }

    /// Whether a run of the queue is to begin now.
    pub(super) fn is_turn_due(&self) -> bool {
        let work = self.around.queue.lock();
        let is_waiting = |queue: &Queue| queue.mode == QueueMode::Going && queue.next().is_some();
        !self.has_run() && work.queue().is_some_and(is_waiting)
    }

    /// Begins the next run in line, where one is due. It may take as long as its model takes to load.
    pub(super) fn take_turn(&mut self) {
        if !self.is_turn_due() {
            return;
        }
        // A run that was started by hand at this moment goes first.
        let Some(ticket) = self.around.jobs.begin_if_none(JobKind::Train, &self.around.outbox) else { return };
        let Some(queued) = self.next_turn() else {
            self.around.jobs.end(&ticket);
            return;
        };
        ticket.job.progress(None, format!("Preparing {}", queued.run.title));
        let begun = self.begin_queued(&queued, &ticket.job);
        let is_latest = self.around.jobs.end(&ticket);
        match begun {
            Ok(()) => {
                self.note_begin(&queued);
                self.tag(&queued.run);
            }
            Err(_) if ticket.job.is_cancelled() => self.put_back(&queued, is_latest),
            Err(error) => {
                let message = format!("{error:#}");
                let told = format!("the queued run “{}” could not begin: {message}", queued.run.title);
                self.around.outbox.refuse(JobKind::Train, told);
                self.turn_ended(QueuedState::Failed { message });
            }
        }
    }

    /// Marks the run whose turn it is.
    fn next_turn(&self) -> Option<QueuedRun> {
        let mut work = self.around.queue.lock();
        let id = work.queue().and_then(Queue::next)?.id;
        work.turn = Some(id);
        let queued = work.change(&self.around.outbox, |queue| {
            if !queue.run(id).is_some_and(has_own_run) {
                queue.find_room(id, &|path| RunFolder::refuse_taken(path).is_err());
            }
            let queued = queue.run(id).cloned();
            queue.set_state(id, QueuedState::Running);
            queued
        });
        queued.flatten()
    }

    /// Goes on with the run where its folder holds one from an earlier turn, and begins it otherwise.
    fn begin_queued(&mut self, queued: &QueuedRun, job: &Job) -> anyhow::Result<()> {
        let run = &queued.run;
        job.check()?;
        if has_own_run(queued) {
            return self.resume_run(&run.out, job);
        }
        let is_model_at_hand = self.model.as_ref().is_some_and(|model| is_same_place(&model.path, &run.model));
        if !is_model_at_hand || self.device != run.settings.device {
            self.put_model(&run.model, run.settings.base, run.settings.device, job)?;
        }
        if !self.has_data(run) {
            let imported = import::read(&run.data, run.columns.clone(), job)?;
            self.put_data(Arc::new(imported));
        }
        self.start_training(run.settings.clone(), &run.out, MemoryCheck::On, job)
    }

    /// Notes which run the folder holds, so that a later turn goes on with that one and no other.
    fn note_begin(&self, queued: &QueuedRun) {
        match RunFile::read(&queued.run.out) {
            Ok(file) => {
                let mut work = self.around.queue.lock();
                work.change(&self.around.outbox, |queue| queue.note_begin(queued.id, file.started));
            }
            Err(error) => log::warn!("a later turn of the queued run will begin it anew: {error}"),
        }
    }

    /// Whether the data at hand is what the files of `run` hold.
    fn has_data(&self, run: &RunOrder) -> bool {
        let Some(data) = &self.data else { return false };
        let Ok(paths) = files_in(&run.data) else { return false };
        let Some((files, map)) = data.imported.known_source() else { return false };
        let is_same = paths.len() == files.len() && paths.iter().zip(files).all(|(a, b)| is_same_place(a, &b.path));
        is_same && map == run.columns && check_unchanged(files).is_ok()
    }

    /// Gives a run that was called off before it began its place in line back. The queue is held, unless the run gave way
    /// to one that was started by hand: it then waits for that one's end.
    fn put_back(&self, queued: &QueuedRun, is_cancelled: bool) {
        let mut work = self.around.queue.lock();
        work.turn = None;
        work.change(&self.around.outbox, |queue| {
            queue.put_back(queued);
            if is_cancelled {
                queue.mode = QueueMode::Held;
            }
        });
        drop(work);
        if is_cancelled {
            self.around.outbox.send(Event::Cancelled { job: JobKind::Train });
        }
    }

    /// Tags the run with its group, by which it is found again for comparison.
    fn tag(&self, run: &RunOrder) {
        let Some(group) = &run.group else { return };
        let tagged = RunNotes::read(&run.out).and_then(|notes| {
            let tags = notes.tags.iter().chain([group]).map(String::as_str);
            let notes = RunNotes::new(tags, notes.note.clone());
            notes.write(&run.out).map(|()| notes)
        });
        self.around.outbox.send(match tagged {
            Ok(notes) => Event::RunNoted { path: run.out.clone(), notes },
            Err(error) => Event::Warning { message: format!("the run could not be tagged with its group: {error}") },
        });
    }

    /// Notes how a run ended, where it was one of the queue.
    pub(super) fn turn_ended(&self, state: QueuedState) {
        self.around.queue.lock().end_turn(&self.around.outbox, state);
    }

    /// A stop that comes while no run is on, between two turns, is one of the queue.
    pub(super) fn hold_between_turns(&self) {
        if self.is_turn_due() {
            self.handle_queue(Request::HoldQueue);
        }
    }

    /// Notes, before the worker ends, that a run of the queue which is under way goes on another day.
    pub(super) fn interrupt_turn(&self) {
        let mut work = self.around.queue.lock();
        if work.turn.take().is_some() {
            work.change(&self.around.outbox, Queue::interrupt);
        }
    }
}

/// Whether the run's folder holds what an earlier turn of it began.
fn has_own_run(queued: &QueuedRun) -> bool {
    queued.begun.is_some() && RunFile::read(&queued.run.out).ok().map(|file| file.started) == queued.begun
}

/// Whether two paths name one place, be they absolute or not.
fn is_same_place(one: &Path, other: &Path) -> bool {
    let absolute = |path: &Path| std::path::absolute(path).ok();
    one == other || (absolute(one).is_some() && absolute(one) == absolute(other))
}
