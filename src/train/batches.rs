//! What one optimizer step computes: its examples, and how they fall into micro-batches.

use std::sync::Arc;

use super::dataset::collate;
use super::estimate::{ExampleOrder, groups};
use super::{Dataset, Row, TrainSettings};
use crate::text::{Batch, epoch_order};

/// Examples laid together for one pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MicroBatch {
    pub batch: Batch,
    /// The examples in the batch, as indices into [`Dataset::train`].
    pub examples: Vec<usize>,
}

/// The micro-batches of one optimizer step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepBatches {
    /// At most as many as the step gathers: packed, short examples need fewer.
    pub micro_batches: Vec<MicroBatch>,
    /// Tokens of all micro-batches, without filling.
    pub tokens: usize,
    /// Supervised tokens of all micro-batches: what the step's mean loss is taken over.
    pub supervised: usize,
}

/// Makes the micro-batches of any step, from the step's number alone: the examples of a step are the next in seeded
/// order, however they are then laid together.
#[derive(Clone)]
pub struct Batcher {
    data: Arc<Dataset>,
    settings: TrainSettings,
    /// The epoch that was needed last, and its order.
    epoch: Option<(usize, Vec<usize>)>,
}

impl Batcher {
    pub fn new(data: Arc<Dataset>, settings: TrainSettings) -> Self {
        Self { data, settings, epoch: None }
    }

    /// The micro-batches of the step after `step` steps.
    pub fn step(&mut self, step: usize) -> StepBatches {
        let micro_batches: Vec<MicroBatch> =
            self.groups(step).into_iter().map(|examples| self.laid_together(examples)).collect();
        StepBatches {
            tokens: micro_batches.iter().map(|micro| micro.batch.tokens()).sum(),
            supervised: micro_batches.iter().map(|micro| micro.batch.supervised()).sum(),
            micro_batches,
        }
    }

    /// The examples of each micro-batch of that step, as indices into [`Dataset::train`].
    pub(super) fn groups(&mut self, step: usize) -> Vec<Vec<usize>> {
        let size = self.settings.effective_batch();
        let examples: Vec<usize> = (step * size..(step + 1) * size).map(|place| self.example(place)).collect();
        let order = if self.data.in_file_order { ExampleOrder::File } else { ExampleOrder::Seeded };
        groups(|index| self.data.train.get(index).map(|row| row.tokens.ids.len()), &examples, order, &self.settings)
    }

    /// The example at a place counted from 0 over the whole run.
    pub(super) fn example(&mut self, place: usize) -> usize {
        let count = self.data.train.len().max(1);
        let (epoch, at) = (place / count, place % count);
        if self.data.in_file_order {
            return at;
        }
        let seed = self.settings.seed;
        if self.epoch.as_ref().is_none_or(|(known, _)| *known != epoch) {
            self.epoch = Some((epoch, epoch_order(count, seed, epoch)));
        }
        self.epoch.as_ref().and_then(|(_, order)| order.get(at)).copied().unwrap_or(at)
    }

    /// These examples as one micro-batch.
    pub(super) fn laid_together(&self, examples: Vec<usize>) -> MicroBatch {
        let rows: Vec<&Row> = examples.iter().filter_map(|&example| self.data.train.get(example)).collect();
        MicroBatch { batch: collate(&rows, self.settings.packing && !self.data.in_file_order), examples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;
    use crate::text::TokenizedExample;

    /// Examples of two to `longest` tokens.
    fn dataset(count: usize, longest: usize) -> Dataset {
        let row = |i: usize| {
            let length = 2 + i * 7 % (longest - 1);
            let tokens = TokenizedExample {
                ids: vec![i as u32; length],
                supervised: vec![true; length],
                ..TokenizedExample::default()
            };
            Row { tokens, source: Source { file: "rows".into(), line: i + 1 }, topic: None }
        };
        Dataset { train: (0..count).map(row).collect(), ..Dataset::default() }
    }

    fn batcher(data: Dataset, batch: usize, accumulate: usize, packing: bool) -> Batcher {
        let settings = TrainSettings { batch, accumulate, packing, context: 16, seed: 7, ..TrainSettings::default() };
        Batcher::new(Arc::new(data), settings)
    }

    fn examples(step: &StepBatches) -> Vec<usize> {
        let mut all: Vec<usize> = step.micro_batches.iter().flat_map(|micro| micro.examples.clone()).collect();
        all.sort_unstable();
        all
    }

    fn padding(step: &StepBatches) -> usize {
        step.micro_batches.iter().map(|micro| micro.batch.ids.len() - micro.batch.tokens()).sum()
    }

    #[test]
    fn a_step_takes_the_same_examples_packed_and_padded() {
        let (mut packed, mut padded) = (batcher(dataset(50, 16), 4, 3, true), batcher(dataset(50, 16), 4, 3, false));
        let order = [epoch_order(50, 7, 0), epoch_order(50, 7, 1), epoch_order(50, 7, 2)].concat();
        for step in 0..12 {
            let mut next = order[step * 12..(step + 1) * 12].to_vec();
            next.sort_unstable();
            let (packed, padded) = (packed.step(step), padded.step(step));
            assert_eq!((examples(&packed), examples(&padded)), (next.clone(), next));
            assert_eq!((packed.tokens, packed.supervised), (padded.tokens, padded.supervised));
            assert_eq!((packed.supervised, padded.micro_batches.len()), (packed.tokens - 12, 3));
        }
    }

    #[test]
    fn packed_micro_batches_hold_rows_of_the_context_and_no_filling() {
        let mut batcher = batcher(dataset(200, 16), 4, 4, true);
        for step in 0..12 {
            let step = batcher.step(step);
            assert!(step.micro_batches.len() <= 4 && padding(&step) == 0);
            assert!(step.micro_batches.iter().all(|micro| micro.batch.ids.len() <= 4 * 16));
        }
    }

    #[test]
    fn short_examples_need_fewer_micro_batches() {
        let of = |longest| batcher(dataset(64, longest), 4, 4, true).step(0).micro_batches.len();
        assert_eq!((of(3), of(5)), (1, 1), "sixteen examples of at most five tokens fit four rows of sixteen");
        assert!(of(16) > 1);
    }

    #[test]
    fn padded_examples_of_like_length_fill_up_less_than_in_order() {
        let mut grouped = batcher(dataset(64, 16), 4, 4, false);
        let (mut ours, mut theirs) = (0, 0);
        for step in 0..4 {
            ours += padding(&grouped.step(step));
            let order = &epoch_order(64, 7, 0)[step * 16..(step + 1) * 16];
            theirs += order.chunks(4).map(|part| padding_of(&grouped, part)).sum::<usize>();
        }
        assert!(ours * 3 < theirs, "{ours} {theirs}");
    }

    fn padding_of(batcher: &Batcher, examples: &[usize]) -> usize {
        let batch = batcher.laid_together(examples.to_vec()).batch;
        batch.ids.len() - batch.tokens()
    }

    #[test]
    fn token_rows_come_whole_in_file_order_and_start_again() {
        let mut tokens = batcher(Dataset { in_file_order: true, ..dataset(3, 16) }, 2, 2, true);
        let of = |step: StepBatches| step.micro_batches.into_iter().map(|micro| micro.examples).collect::<Vec<_>>();
        assert_eq!(
            (of(tokens.step(0)), of(tokens.step(1))),
            (vec![vec![0, 1], vec![2, 0]], vec![vec![1, 2], vec![0, 1]])
        );
    }

    #[test]
    fn an_example_longer_than_the_context_is_taken_as_it_is() {
        let step = batcher(dataset(8, 40), 2, 4, true).step(0);
        assert_eq!(examples(&step), (0..8).collect::<Vec<_>>());
        assert!(step.micro_batches.iter().any(|micro| micro.batch.ids.len() > 2 * 16) && step.micro_batches.len() <= 4);
    }

    #[test]
    fn data_smaller_than_a_step_comes_more_than_once() {
        let step = batcher(dataset(3, 16), 4, 2, true).step(5);
        let count = |example| examples(&step).iter().filter(|other| **other == example).count();
        assert!((0..3).all(|example| (2..=3).contains(&count(example))));
    }
}
