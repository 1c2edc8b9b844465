//! A held run passed on from one process to the next, so that the system gets all memory back that the first one took. The
//! first offers what it holds as soon as nothing is under way, the window's process starts another and has the first end,
//! and the other takes over what was held before it serves anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use serde::{Deserialize, Serialize};

use super::super::dispatch::Task;
use super::super::facts::{known_machine, remember_machine};
use super::super::freed::{Asleep, AsleepData};
use super::super::protocol::{Event, SplitRule, TrainingEnd};
use super::super::queue::Turn;
use super::super::session::Session;
use crate::train::{DeviceChoice, MachineFacts};

/// How often a process that has something to hand over looks whether it can.
const LOOK: Duration = Duration::from_millis(20);

/// Everything that a process needs to take over a held run: what the other one had, without what takes memory.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::worker) struct HandOver {
    /// The run that is held, as it would end here.
    run: TrainingEnd,
    device: DeviceChoice,
    model: Option<Asleep>,
    data: Option<AsleepData>,
    rule: SplitRule,
    queue: Turn,
    /// The machine as it was measured: beside a run it cannot be measured again.
    machine: Option<MachineFacts>,
}

/// What a process offers, after how many requests.
pub(super) struct Offer {
    pub taken: u64,
    pub hand_over: Box<HandOver>,
}

/// Where a session says that another process may take over, where there can be one. Clones share it.
#[derive(Clone)]
pub(in crate::worker) struct Exchange {
    offers: Sender<Offer>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Requests that were dispatched.
    taken: AtomicU64,
    is_refused: AtomicBool,
}

impl Exchange {
    pub(super) fn new() -> (Self, Receiver<Offer>) {
        let (offers, receiver) = crossbeam_channel::unbounded();
        (Self { offers, shared: Arc::default() }, receiver)
    }

    /// Notes that a request was dispatched: its job is registered, or its task is in line.
    pub fn note_taken(&self) {
        self.shared.taken.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes that nobody takes over.
    pub(super) fn refuse(&self) {
        self.shared.is_refused.store(true, Ordering::SeqCst);
    }
}

/// What a session knows of handing over.
#[derive(Debug, Default)]
pub(in crate::worker) struct Handing {
    /// Whether another process is to take over.
    is_wanted: bool,
    /// After how many requests the last offer was made.
    offered: Option<u64>,
}

impl Session {
    /// Tells that the held run's memory was given back. Where another process can take over, that one tells it: then the
    /// system has it.
    pub(in crate::worker) fn tell_freed(&mut self, step: usize) {
        if self.around.exchange.is_some() {
            self.handing = Handing { is_wanted: true, offered: None };
        } else {
            self.around.outbox.send(Event::Freed { step });
        }
    }

    /// The next task of a session that has nothing to do meanwhile.
    pub(in crate::worker) fn wait(&self, queue: &Receiver<Task>) -> Result<Task, TryRecvError> {
        if !self.handing.is_wanted {
            return queue.recv().map_err(|_| TryRecvError::Disconnected);
        }
        queue.recv_timeout(LOOK).map_err(|error| match error {
            RecvTimeoutError::Timeout => TryRecvError::Empty,
            RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
        })
    }

    /// Offers what is held to another process, once nothing is under way that would be lost.
    pub(in crate::worker) fn offer(&mut self, queue: &Receiver<Task>) {
        let Some(exchange) = self.around.exchange.clone() else { return };
        let Some(run) = self.freed.as_ref().map(|freed| freed.end().clone()) else {
            self.handing.is_wanted = false;
            return;
        };
        if !self.handing.is_wanted || self.answering.is_some() {
            return;
        }
        if exchange.shared.is_refused.swap(false, Ordering::SeqCst) {
            self.handing.is_wanted = false;
            return self.around.outbox.send(Event::Freed { step: run.step });
        }
        // In this order: what was dispatched before the count is seen by one of the checks behind it.
        let taken = exchange.shared.taken.load(Ordering::SeqCst);
        let is_idle = self.around.jobs.is_idle() && queue.is_empty();
        if is_idle && self.handing.offered != Some(taken) {
            self.handing.offered = Some(taken);
            self.sleep_beside_run();
            let hand_over = Box::new(self.hand_over(run));
            // A process whose main thread is gone is about to end.
            let _ = exchange.offers.send(Offer { taken, hand_over });
        }
    }

    fn hand_over(&self, run: TrainingEnd) -> HandOver {
        HandOver {
            run,
            device: self.device,
            model: self.asleep.clone(),
            data: self.data.as_ref().map(|data| AsleepData::of(&data.imported)).or_else(|| self.asleep_data.clone()),
            rule: *self.around.rule.lock(),
            queue: self.turn(),
            machine: known_machine(),
        }
    }

    /// Takes over what another process held. Where the run's folder cannot be held the run is saved all the same.
    pub(in crate::worker) fn take_over(&mut self, hand_over: HandOver) {
        let HandOver { run, device, model, data, rule, queue, machine } = hand_over;
        machine.into_iter().for_each(remember_machine);
        self.device = device;
        (self.asleep, self.asleep_data) = (model, data);
        *self.around.rule.lock() = rule;
        self.take_over_turn(queue);
        // What was found of the topics was not handed over.
        self.around.outbox.send(Event::TopicsGone);
        self.hold_again(run);
    }
}
