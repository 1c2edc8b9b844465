//! The map of the topics and the second opinion on them, on a thread of their own, so that topics can be changed meanwhile.

use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::super::dispatch::Surroundings;
use super::super::jobs::Ticket;
use super::super::protocol::{Event, JobKind, TopicOpinion};
use super::board::{Board, agreement, numbers_of};
use super::caught;
use crate::cluster::{Corpus, FindTopics, Places, Points, refine_map};

/// How often places are told while the map comes about.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// What the thread works on.
struct Mapping {
    corpus: Arc<Corpus>,
    shown: Vec<usize>,
    points: Points,
    start: Vec<[f32; 2]>,
    brought: Option<Vec<Option<u32>>>,
    seed: u64,
}

/// Starts the map of `board` from its principal directions, in place of one that is under way.
pub(super) fn start(board: &Board, principal: Vec<[f32; 2]>, around: &Surroundings) {
    let ticket = around.jobs.begin(JobKind::MapTopics, &around.outbox);
    let mapping = Mapping {
        corpus: board.corpus.clone(),
        shown: board.shown.clone(),
        points: board.points.clone(),
        start: principal,
        brought: board.brought.clone(),
        seed: board.book.origin.seed,
    };
    let (thread_around, thread_ticket) = (around.clone(), ticket.clone());
    let spawned = Builder::new().name("hydra-map".into()).spawn(move || {
        let done = caught(|| mapping.work(&thread_ticket, &thread_around));
        thread_around.end(&thread_ticket, done);
    });
    if let Err(error) = spawned {
        around.end(&ticket, Err(anyhow::anyhow!("the system refused a thread for the map: {error}")));
    }
}

impl Mapping {
    fn work(&self, ticket: &Ticket, around: &Surroundings) -> anyhow::Result<()> {
        let mut told = Instant::now();
        let mut tell = |share: f32, places: &Places<'_>| {
            if told.elapsed() >= TOLD_EVERY && !ticket.job.is_cancelled() {
                told = Instant::now();
                around.outbox.send(Event::TopicMap { places: places(), share });
            }
        };
        let places = refine_map(&self.points, &self.start, self.seed, &ticket.job, &mut tell)?;
        ticket.job.check()?;
        around.outbox.send(Event::TopicMap { places, share: 1.0 });
        let opinion = self.opinion(ticket)?;
        ticket.job.check()?;
        around.outbox.send(Event::TopicOpinion(Box::new(opinion)));
        Ok(())
    }

    fn opinion(&self, ticket: &Ticket) -> anyhow::Result<TopicOpinion> {
        let dense = self.corpus.dense_groups(self.seed, &ticket.job)?;
        let numbers = numbers_of(&dense.labels);
        Ok(TopicOpinion {
            groups: dense.groups,
            noise: numbers.iter().filter(|number| number.is_none()).count(),
            shown: self.shown.iter().map(|row| numbers.get(*row).copied().flatten()).collect(),
            agreement: agreement(self.brought.as_deref(), &numbers),
            trials: self.corpus.trials(FindTopics::default().most, self.seed, &ticket.job)?,
        })
    }
}
