//! What a run uses: memory now and at most, and energy since its first step, pauses left out.

use std::time::{Duration, Instant};

use super::super::energy::EnergyMeter;
use super::super::estimate::MemoryNow;
use super::super::usage::MemoryPeak;
use super::super::{Energy, UsageRecord};
use super::Run;

/// Least time between two records.
const EVERY: Duration = Duration::from_secs(1);

/// The energy that a run used, and when it was told last.
pub(super) struct Usage {
    /// Of earlier processes, and before pauses.
    before: Energy,
    /// Runs while the run does.
    meter: Option<EnergyMeter>,
    uses_gpu: bool,
    peak: MemoryPeak,
    told_at: Option<Instant>,
    /// Time between steps in this process.
    beside: Duration,
}

impl Usage {
    /// Nothing yet, after what earlier processes used.
    pub fn after(before: Energy, uses_gpu: bool) -> Self {
        Self { before, meter: None, uses_gpu, peak: MemoryPeak::start(), told_at: None, beside: Duration::ZERO }
    }

    /// Counts from now on, if it does not yet.
    pub fn go_on(&mut self) {
        self.meter.get_or_insert_with(|| EnergyMeter::start(self.uses_gpu));
    }

    /// Counts no more until the run goes on.
    pub fn pause(&mut self) {
        self.before = self.energy();
        self.meter = None;
    }

    /// Counts time that went by between steps.
    pub fn note_beside(&mut self, time: Duration) {
        self.beside += time;
    }

    /// All energy so far.
    pub fn energy(&mut self) -> Energy {
        self.meter.as_mut().map_or(self.before, |meter| self.before.plus(&meter.so_far()))
    }

    /// The most memory that the process held since the run began, in bytes, where the system tells.
    pub fn peak_bytes(&self) -> Option<u64> {
        self.peak.bytes()
    }
}

impl Run {
    /// What the run used, where it was not told within the last second.
    pub(super) fn usage_due(&mut self) -> Option<UsageRecord> {
        if self.usage.told_at.is_some_and(|at| at.elapsed() < EVERY) {
            return None;
        }
        self.usage_now()
    }

    /// What the run used so far; `None` where the system does not tell.
    pub(super) fn usage_now(&mut self) -> Option<UsageRecord> {
        self.usage.told_at = Some(Instant::now());
        let memory_bytes = MemoryNow::read()?.held;
        let energy = self.usage.energy();
        let (step, elapsed_s) = (self.trainer.step(), self.trainer.elapsed_s());
        Some(UsageRecord { step, memory_bytes, energy, elapsed_s, beside_s: self.usage.beside.as_secs_f64() })
    }
}
