//! Held-out loss and routing, measured between two steps, a batch at a time.

use std::collections::BTreeMap;

use super::super::trainer::EvalSum;
use super::super::{EvalRecord, HeldOutBatch, RoutingRecord, Row, TopicLoss, TrainError};
use super::{Run, RunEvent, Work};
use crate::adapter::{GateLoad, head_similarity};

/// Held-out loss being measured.
pub(super) struct Measure {
    sum: EvalSum,
    /// By topic, into the data's topics.
    topics: BTreeMap<usize, (EvalSum, usize)>,
    load: Option<GateLoad>,
}

impl Run {
    /// Whether the held-out loss is due at this step and was not measured: at the start, or where a run was interrupted
    /// between a step and its measure.
    pub(super) fn owes_evaluation(&self) -> bool {
        let step = self.trainer.step();
        self.is_measured_at(step) && self.state.held_out_step != Some(step) && !self.measured.is_empty()
    }

    /// Whether held-out loss is measured, and prompts answered, after a step.
    pub(super) fn is_measured_at(&self, step: usize) -> bool {
        step.is_multiple_of(self.eval_every) || step == self.trainer.steps()
    }

    pub(super) fn plan_evaluation(&mut self) {
        self.work.extend((0..self.measured.len()).map(|batch| Work::Evaluate { batch }));
    }

    pub(super) fn evaluate(&mut self, batch: usize) -> Result<Vec<RunEvent>, TrainError> {
        let data = self.trainer.data().clone();
        let Some(HeldOutBatch { topic, rows }) = self.measured.get(batch) else { return Ok(Vec::new()) };
        let rows: Vec<&Row> = rows.iter().filter_map(|&row| data.held_out.get(row)).collect();
        let mut measure = self.measure.take().unwrap_or_else(|| self.new_measure());
        let sum = self.trainer.evaluate(&rows, measure.load.as_mut()).map_err(|error| self.with_checkpoint(error))?;
        measure.sum.add(sum);
        if let Some(topic) = topic {
            let (loss, examples) = measure.topics.entry(*topic).or_default();
            loss.add(sum);
            *examples += rows.len();
        }
        if batch + 1 < self.measured.len() {
            self.measure = Some(measure);
            return Ok(Vec::new());
        }
        self.finish_evaluation(&measure)
    }

    fn new_measure(&self) -> Measure {
        let heads = self.trainer.adapter().filter(|a| a.spec().method.has_router()).map(|a| a.spec().heads);
        Measure { sum: EvalSum::default(), topics: BTreeMap::new(), load: heads.map(GateLoad::new) }
    }

    fn finish_evaluation(&mut self, measure: &Measure) -> Result<Vec<RunEvent>, TrainError> {
        let (step, loss) = (self.trainer.step(), measure.sum.mean());
        self.state = self.state.moved_to(&self.trainer);
        self.state.note_held_out(loss, self.trainer.settings().min_delta);
        let is_last = self.ends_early();
        if is_last {
            self.work.retain(|work| *work != Work::MicroStep);
        }
        if step > 0 && (is_last || self.folder.would_be_best(loss)) && !self.work.contains(&Work::Checkpoint) {
            self.plan_before_steps(Work::Checkpoint);
        }
        let names = &self.trainer.data().topics;
        let topics = measure.topics.iter().filter_map(|(topic, (sum, examples))| {
            let topic = names.get(*topic)?.clone();
            Some(TopicLoss { topic, loss: sum.mean(), examples: *examples, supervised: sum.supervised })
        });
        let mut events = vec![RunEvent::Eval(EvalRecord {
            step,
            loss,
            examples: self.measured.iter().map(|batch| batch.rows.len()).sum(),
            supervised: measure.sum.supervised,
            elapsed_s: self.trainer.elapsed_s(),
            topics: topics.collect(),
        })];
        if let Some(load) = measure.load.as_ref().filter(|load| !load.is_empty()) {
            let adapter = self.trainer.adapter().map(|adapter| adapter.to_tensors()).transpose()?;
            let similarity = adapter.map(|tensors| head_similarity(&tensors)).transpose()?.unwrap_or_default();
            events.push(RunEvent::Routing(RoutingRecord { similarity, ..RoutingRecord::of(step, load) }));
        }
        Ok(events)
    }

    /// Whether held-out loss has not fallen for as long as the settings allow.
    pub(super) fn ends_early(&self) -> bool {
        self.trainer.settings().patience.is_some_and(|patience| self.state.stale_measures >= patience)
    }
}
