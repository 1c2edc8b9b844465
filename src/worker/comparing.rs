//! Adapters held against each other, on a thread of its own beside whatever the engine does: it reads their files alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread::Builder;

use super::dispatch::{Surroundings, panic_text};
use super::jobs::Ticket;
use super::protocol::{Event, JobKind};
use crate::inspect::matrices::compare;

/// Starts a comparison in place of one that is under way.
pub(super) fn start_comparison(adapters: Vec<PathBuf>, around: &Surroundings) {
    let ticket = around.jobs.begin(JobKind::CompareMatrices, &around.outbox);
    let (thread_around, thread_ticket) = (around.clone(), ticket.clone());
    let spawned = Builder::new().name("hydra-matrices".into()).spawn(move || {
        let work = || told(&adapters, &thread_ticket, &thread_around);
        let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            Err(anyhow::anyhow!(
                "the comparison failed inside ({}); the adapters are as they were",
                panic_text(panic.as_ref())
            ))
        });
        thread_around.end(&thread_ticket, done);
    });
    if let Err(error) = spawned {
        around.end(&ticket, Err(anyhow::anyhow!("the system refused a thread for the comparison: {error}")));
    }
}

fn told(adapters: &[PathBuf], ticket: &Ticket, around: &Surroundings) -> anyhow::Result<()> {
    let report = compare(adapters, &ticket.job)?;
    ticket.job.check()?;
    around.outbox.send(Event::MatricesCompared(Box::new(report)));
    Ok(())
}
