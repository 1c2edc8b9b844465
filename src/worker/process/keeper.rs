//! The thread that stands between the window and the worker's process: it passes requests and events on, has a fresh
//! process follow one that hands over, and starts another where one dies.

use std::path::{Path, PathBuf};
use std::thread::Builder;

use crossbeam_channel::{Receiver, Sender, never, select};

use super::super::protocol::{Event, Request};
use super::super::{REQUESTS, Waker, Worker};
use super::child::{Told, WorkerChild};
use super::death::{self, SavedRun};
use super::hand_over::HandOver;
use super::wire::{FromWorker, ToWorker};
use crate::project::AppPaths;

/// Starts the first process and the thread that minds it.
pub(super) fn start(program: &Path, paths: &AppPaths, wake: Waker) -> std::io::Result<Worker> {
    let (requests, inbox) = crossbeam_channel::bounded(REQUESTS);
    let (events, receiver) = crossbeam_channel::unbounded();
    let (told, from_children) = crossbeam_channel::unbounded();
    let child = WorkerChild::start(program, 0, &told)?;
    child.begin(paths, None);
    let keeper = Keeper {
        program: program.to_path_buf(),
        paths: paths.clone(),
        events,
        wake,
        told,
        child,
        run: SavedRun::default(),
        standing: None,
        is_closing: false,
    };
    let thread = Builder::new().name("hydra-keeper".into()).spawn(move || keeper.run(inbox, &from_children))?;
    Ok(Worker { requests, events: receiver, thread })
}

struct Keeper {
    program: PathBuf,
    paths: AppPaths,
    events: Sender<Event>,
    wake: Waker,
    told: Sender<(u64, Told)>,
    child: WorkerChild,
    run: SavedRun,
    /// A request that stands until it is taken back, for the processes that follow too.
    standing: Option<Request>,
    /// Whether the window wants the end.
    is_closing: bool,
}

impl Keeper {
    /// Serves until the worker has ended in order, or cannot be started any more.
    fn run(mut self, mut inbox: Receiver<Request>, from_children: &Receiver<(u64, Told)>) {
        loop {
            select! {
                recv(inbox) -> request => match request {
                    Ok(request) => self.pass_on(request),
                    Err(_) => {
                        // The window is gone: what runs is saved.
                        self.is_closing = true;
                        self.child.close_input();
                        inbox = never();
                    }
                },
                recv(from_children) -> told => match told {
                    Ok((number, told)) if number == self.child.number => match told {
                        Told::Message(message) => self.take(message),
                        Told::Gone => if !self.child_ended() { return },
                    },
                    // One that has handed over, or whose end is told already.
                    Ok(_) => {}
                    Err(_) => return,
                },
            }
        }
    }

    fn pass_on(&mut self, request: Request) {
        self.is_closing |= request == Request::Shutdown;
        if let Request::WatchGates { on } = &request {
            self.standing = on.then(|| request.clone());
        }
        let job = request.job();
        match self.child.send(&ToWorker::Request(Box::new(request))) {
            Ok(()) => self.child.sent += 1,
            Err(error) => {
                let message =
                    format!("this cannot be asked of the engine ({error}): use names of letters it can write");
                self.tell(match job {
                    Some(job) => Event::Failed { job, message },
                    None => Event::Warning { message },
                });
            }
        }
    }

    fn take(&mut self, message: FromWorker) {
        self.child.has_spoken = true;
        match message {
            FromWorker::Event(event) => match *event {
                // Unasked for, it is told as an end from outside once the process is gone.
                Event::ShutDown if !self.is_closing => {}
                event => self.tell(event),
            },
            FromWorker::Log { is_error: true, text } => log::error!("{text}"),
            FromWorker::Log { is_error: false, text } => log::warn!("{text}"),
            // Where it does not yet know of a request it goes on, and offers again.
            FromWorker::Offer { taken, hand_over } if taken == self.child.sent && !self.is_closing => {
                self.replace(hand_over);
            }
            FromWorker::Offer { .. } => {}
        }
    }

    fn tell(&mut self, event: Event) {
        self.run.note(&event);
        if self.events.send(event).is_ok() {
            (self.wake)();
        }
    }

    /// Has a fresh process follow the one at hand. It is started first, so that what is held is free for the shortest time.
    fn replace(&mut self, hand_over: Box<HandOver>) {
        let fresh = match WorkerChild::start(&self.program, self.child.number + 1, &self.told) {
            Ok(fresh) => fresh,
            Err(error) => {
                log::warn!("the memory stays with the engine, because no other could be started: {error}");
                return self.send_plain(&ToWorker::Keep);
            }
        };
        self.send_plain(&ToWorker::Release);
        if let Err(error) = self.child.wait() {
            log::warn!("the engine that gave its memory back could not be waited for: {error}");
        }
        self.child = fresh;
        self.begin(Some(hand_over));
    }

    fn send_plain(&self, message: &ToWorker) {
        if let Err(error) = self.child.send(message) {
            log::error!("the engine could not be told: {error}");
        }
    }

    fn begin(&mut self, hand_over: Option<Box<HandOver>>) {
        self.child.begin(&self.paths, hand_over);
        if let Some(standing) = self.standing.clone() {
            self.pass_on(standing);
        }
    }

    /// Tells the end of the process at hand and starts another. Gives back whether there is one.
    fn child_ended(&mut self) -> bool {
        let status = self.child.wait();
        if self.is_closing {
            if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
                log::error!("the engine ended badly while the window closed, {}", death::cause(&status));
            }
            return false;
        }
        let fresh = if self.child.has_spoken {
            WorkerChild::start(&self.program, self.child.number + 1, &self.told)
        } else {
            Err(std::io::Error::other("it ends as soon as it is started"))
        };
        match fresh {
            Ok(fresh) => {
                self.child = fresh;
                self.tell(Event::Restarted { message: death::message(&status, &self.run) });
                self.begin(None);
                true
            }
            Err(error) => {
                let cause = death::cause(&status);
                let message = format!("The engine ended, {cause}, and could not be started anew: {error}");
                self.tell(Event::Warning { message });
                false
            }
        }
    }
}
