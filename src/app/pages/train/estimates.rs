//! What settings take of this machine, counted again only where they or the facts changed.

use crate::train::{Estimate, Mend, TrainSettings, estimate, mends};
use crate::worker::protocol::Facts;

/// Estimates that are kept: the settings at hand, every effort's, and some that were just left.
const KEPT: usize = 8;

/// Estimates for the present facts.
#[derive(Debug, Default)]
pub struct Estimates {
    facts: Option<Facts>,
    /// The latest last.
    known: Vec<(TrainSettings, Estimate)>,
    mends: Option<(TrainSettings, Vec<Mend>)>,
}

impl Estimates {
    /// Forgets what rested on other facts.
    pub fn rest_on(&mut self, facts: Option<&Facts>) {
        if self.facts.as_ref() != facts {
            *self = Self { facts: facts.cloned(), ..Self::default() };
        }
    }

    /// What a run with `settings` takes; `None` where the facts are not there.
    pub fn of(&mut self, settings: &TrainSettings) -> Option<Estimate> {
        let facts = self.facts.as_ref()?;
        let data = facts.data.as_ref()?;
        if let Some((_, known)) = self.known.iter().find(|(of, _)| of == settings) {
            return Some(known.clone());
        }
        let counted = estimate(&facts.model, data, &facts.machine, settings);
        if self.known.len() >= KEPT {
            self.known.remove(0);
        }
        self.known.push((settings.clone(), counted.clone()));
        Some(counted)
    }

    /// Settings that take less memory, the best first.
    pub fn mends(&mut self, settings: &TrainSettings) -> &[Mend] {
        let Some((facts, data)) = self.facts.as_ref().and_then(|facts| Some((facts, facts.data.as_ref()?))) else {
            return &[];
        };
        let known = self.mends.take().filter(|(of, _)| of == settings);
        let counted = known.unwrap_or_else(|| (settings.clone(), mends(&facts.model, data, &facts.machine, settings)));
        &self.mends.insert(counted).1
    }

    /// The most memory that this program can hold here.
    pub fn budget(&self) -> Option<u64> {
        self.facts.as_ref().map(|facts| facts.machine.budget())
    }
}
