//! The way out: events to the window, and its waker.

use crossbeam_channel::{Receiver, Sender};

use super::Waker;
use super::jobs::Ticket;
use super::protocol::{Event, JobKind};
use crate::job::Job;

/// Sends events. Clones send to the same window.
#[derive(Clone)]
pub(super) struct Outbox {
    events: Sender<Event>,
    wake: Waker,
}

impl Outbox {
    pub fn new(wake: Waker) -> (Self, Receiver<Event>) {
        let (events, receiver) = crossbeam_channel::unbounded();
        (Self { events, wake }, receiver)
    }

    /// Sends an event. A window that is gone wants none: that is no error.
    pub fn send(&self, event: Event) {
        if self.events.send(event).is_ok() {
            (self.wake)();
        }
    }

    /// Says that a job ended without its result, and why. A cancelled one is said to be cancelled.
    pub fn fail(&self, ticket: &Ticket, error: &anyhow::Error) {
        if ticket.job.is_cancelled() {
            self.send(Event::Cancelled { job: ticket.kind });
        } else {
            self.refuse(ticket.kind, format!("{error:#}"));
        }
    }

    pub fn refuse(&self, job: JobKind, message: impl Into<String>) {
        self.send(Event::Failed { job, message: message.into() });
    }

    /// A job whose progress is sent on.
    pub fn job(&self, kind: JobKind) -> Job {
        let outbox = self.clone();
        Job::new(move |p| outbox.send(Event::Progress { job: kind, share: p.share, note: p.note }))
    }
}
