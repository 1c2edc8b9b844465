//! The gates of what is trained on. Every few steps the gates of a micro-batch are looked at as it passes anyway, several
//! times a second while somebody watches; what they show is told, now and then written to `gates.jsonl`, and where the
//! heads are in poor health the run warns of it.

use std::time::{Duration, Instant};

use super::super::{RoutingRecord, TrainError, WarningKind, WarningRecord};
use super::{Run, RunEvent};
use crate::adapter::{EVEN, GateLoad, HealthFinding, HealthKind, ModuleHealth, health, module_similarity};

/// Most steps between two looks.
const EVERY: usize = 10;
/// About how many looks of a run are written.
const WRITTEN: usize = 100;
/// Least time between two looks for somebody who watches.
const WATCHED_EVERY: Duration = Duration::from_millis(250);
/// Heads begin alike, and take some steps to part: before this step, and the tenth part of a run, that is no deadlock.
const PARTED_BY: usize = 50;
/// A fault must be there at so many looks in a row before it is warned of: a micro-batch may be odd.
const IN_A_ROW: usize = 2;

/// When gates are looked at, and what they showed.
pub(super) struct Watch {
    every: usize,
    parted_by: usize,
    written_every: usize,
    /// Whether somebody watches.
    is_on: bool,
    looked_at: Option<Instant>,
    /// The faults of the last looks, with how often in a row each was there.
    faults: Vec<(HealthKind, usize)>,
    /// What was warned of, in this run or before it was resumed.
    warned: Vec<WarningKind>,
}

impl Watch {
    /// For a run of `steps` steps.
    pub fn over(steps: usize) -> Self {
        let every = (steps / WRITTEN).clamp(1, EVERY);
        let written_every = every * (steps / WRITTEN / every).max(1);
        let parted_by = PARTED_BY.max(steps / 10);
        Self { every, parted_by, written_every, is_on: false, looked_at: None, faults: Vec::new(), warned: Vec::new() }
    }

    /// Notes what the log of a resumed run was warned of already: each fault is told once a run.
    pub fn note_told(&mut self, warnings: &[WarningRecord]) {
        self.warned.extend(warnings.iter().map(|warning| warning.kind));
    }

    /// Whether a step is looked at in any case. What depends on time is for who watches, and leaves no trace.
    fn is_due(&self, step: usize) -> bool {
        step == 1 || step.is_multiple_of(self.every)
    }

    fn is_wanted(&self) -> bool {
        self.is_on && self.looked_at.is_none_or(|at| at.elapsed() >= WATCHED_EVERY)
    }

    /// The faults to warn of now: those that were there often enough, once each.
    fn confirmed(&mut self, found: Vec<HealthFinding>) -> Vec<HealthFinding> {
        let before = std::mem::take(&mut self.faults);
        let in_a_row = |kind| 1 + before.iter().find(|(other, _)| *other == kind).map_or(0, |(_, times)| *times);
        self.faults = found.iter().map(|finding| (finding.kind, in_a_row(finding.kind))).collect();
        let is_new = |finding: &HealthFinding| {
            let is_sure = self.faults.iter().any(|(kind, times)| *kind == finding.kind && *times >= IN_A_ROW);
            is_sure && !self.warned.contains(&finding.kind.into())
        };
        let confirmed: Vec<HealthFinding> = found.into_iter().filter(is_new).collect();
        self.warned.extend(confirmed.iter().map(|finding| WarningKind::from(finding.kind)));
        confirmed
    }
}

impl Run {
    /// Tells the gates of what is trained on several times a second, or only every few steps.
    pub fn watch_gates(&mut self, on: bool) {
        self.watch.is_on = on;
    }

    /// Looks at the next micro-batch where a look is due. Adapters without a router have nothing to show.
    pub(super) fn look_if_due(&mut self) {
        let routes = self.trainer.adapter().is_some_and(|adapter| {
            let spec = adapter.spec();
            spec.method.has_router() && spec.heads > 1
        });
        let step = self.trainer.step() + 1;
        if routes && self.trainer.is_between_steps() && (self.watch.is_due(step) || self.watch.is_wanted()) {
            self.trainer.look();
        }
    }

    /// What was seen in the step that was just done, and what is wrong with it.
    pub(super) fn looked_at(&mut self) -> Result<Vec<RunEvent>, TrainError> {
        let Some(load) = self.trainer.take_gates() else { return Ok(Vec::new()) };
        self.watch.looked_at = Some(Instant::now());
        let step = self.trainer.step();
        let mut events = vec![RunEvent::Gates(RoutingRecord::of(step, &load))];
        if self.watch.is_due(step) {
            let found = self.faults(step, &load)?;
            let warnings =
                self.watch.confirmed(found).into_iter().map(|finding| RunEvent::Warning(warning(step, finding)));
            events.extend(warnings);
        }
        Ok(events)
    }

    /// Whether a look is written.
    pub(super) fn is_look_written(&self, step: usize) -> bool {
        step == 1 || step.is_multiple_of(self.watch.written_every)
    }

    fn faults(&self, step: usize, load: &GateLoad) -> Result<Vec<HealthFinding>, TrainError> {
        let modules: Vec<_> = load.modules().collect();
        let may_be_stuck = step >= self.watch.parted_by && modules.iter().any(|(_, gates)| gates.entropy > EVEN);
        let tensors =
            self.trainer.adapter().filter(|_| may_be_stuck).map(|adapter| adapter.to_tensors()).transpose()?;
        let similarity = tensors.map(|tensors| module_similarity(&tensors)).transpose()?.unwrap_or_default();
        let modules: Vec<ModuleHealth<'_>> = modules
            .iter()
            .map(|(module, gates)| ModuleHealth { module: *module, gates, similarity: similarity.get(module).copied() })
            .collect();
        Ok(health(&load.overall(), &modules))
    }
}

/// The warning leaves heads without their numbers, which a file counts from 0 and the window from 1.
fn warning(step: usize, finding: HealthFinding) -> WarningRecord {
    let finding = HealthFinding { heads: Vec::new(), ..finding };
    let message = format!("{} {}", finding.in_words(&|_| String::new()), finding.next());
    WarningRecord { step, kind: finding.kind.into(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: HealthKind) -> HealthFinding {
        HealthFinding { kind, heads: vec![1], modules: Vec::new(), of_modules: 4, figure: 0.97 }
    }

    #[test]
    fn a_look_comes_at_least_every_ten_steps_and_about_a_hundred_are_written() {
        for (steps, every, written) in [(5, 1, 1), (150, 1, 1), (600, 6, 6), (1_000, 10, 10), (25_000, 10, 250)] {
            let watch = Watch::over(steps);
            assert_eq!((watch.every, watch.written_every), (every, written), "{steps}");
            assert!(watch.is_due(1) && watch.is_due(every));
        }
    }

    #[test]
    fn a_fault_is_warned_of_once_and_only_when_it_stays() {
        let mut watch = Watch::over(1000);
        assert!(watch.confirmed(vec![fault(HealthKind::Collapse)]).is_empty());
        assert!(watch.confirmed(Vec::new()).is_empty());
        assert!(watch.confirmed(vec![fault(HealthKind::Collapse)]).is_empty());
        let both = vec![fault(HealthKind::Collapse), fault(HealthKind::Saturated)];
        assert_eq!(watch.confirmed(both.clone()), [fault(HealthKind::Collapse)]);
        assert_eq!(watch.confirmed(both.clone()), [fault(HealthKind::Saturated)]);
        assert!(watch.confirmed(both).is_empty());
    }

    #[test]
    fn what_was_warned_of_before_a_run_was_resumed_is_not_told_again() {
        let mut watch = Watch::over(1000);
        watch.note_told(&[warning(20, fault(HealthKind::Collapse))]);
        let both = vec![fault(HealthKind::Collapse), fault(HealthKind::Saturated)];
        assert!(watch.confirmed(both.clone()).is_empty());
        assert_eq!(watch.confirmed(both), [fault(HealthKind::Saturated)]);
    }

    #[test]
    fn a_warning_names_no_number_of_a_head() {
        let told = warning(20, fault(HealthKind::Collapse));
        assert!(told.message.starts_with("One head takes 97 % of the gates: the others hardly take part."), "{told:?}");
        assert!(told.message.contains("fewer heads") && !told.message.contains('1'), "{told:?}");
    }

    #[test]
    fn who_watches_sees_the_next_step_and_then_has_some_patience() {
        let mut watch = Watch::over(1000);
        assert!(!watch.is_wanted());
        watch.is_on = true;
        assert!(watch.is_wanted());
        watch.looked_at = Some(Instant::now());
        assert!(!watch.is_wanted());
    }
}
