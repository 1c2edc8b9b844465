//! How large the micro-batches of a run are, from the lengths of its examples alone.

use serde::{Deserialize, Serialize};

use super::facts::{DataFacts, ExampleOrder, ExampleSize};
use crate::text::epoch_order;
use crate::train::TrainSettings;
use crate::train::dataset::grouped_by;

/// What is computed at once, as far as memory depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassSize {
    /// Positions, filling included.
    pub tokens: usize,
    /// Predictions that count in the loss.
    pub supervised: usize,
}

impl PassSize {
    /// Of examples laid together: end to end where they are packed, else each filled up to the longest.
    pub fn of(examples: impl Iterator<Item = ExampleSize> + Clone, is_packed: bool) -> Self {
        let supervised = examples.clone().map(|size| size.supervised).sum();
        let lengths = examples.map(|size| size.tokens);
        let tokens =
            if is_packed { lengths.sum() } else { lengths.clone().count() * lengths.max().unwrap_or_default() };
        Self { tokens, supervised }
    }

    /// What is never less in both.
    fn or_larger(self, other: Self) -> Self {
        Self { tokens: self.tokens.max(other.tokens), supervised: self.supervised.max(other.supervised) }
    }
}

/// The examples of a step's micro-batches, as indices: those at `places` of the run, laid together as `settings` say.
pub(in crate::train) fn groups(
    length_of: impl Fn(usize) -> Option<usize>,
    examples: &[usize],
    order: ExampleOrder,
    settings: &TrainSettings,
) -> Vec<Vec<usize>> {
    match order {
        ExampleOrder::File => examples.chunks(settings.batch.max(1)).map(<[usize]>::to_vec).collect(),
        ExampleOrder::Seeded => grouped_by(length_of, examples, settings),
    }
}

/// Every micro-batch of the first epoch, as sizes of the examples in it. Where only a sample of the data is known, it is
/// taken for the data.
pub(super) fn first_epoch(data: &DataFacts, settings: &TrainSettings) -> Vec<Vec<ExampleSize>> {
    let cut: Vec<ExampleSize> = match data.order {
        ExampleOrder::Seeded => data.sample.iter().map(|size| size.cut_to(settings.context)).collect(),
        ExampleOrder::File => data.sample.clone(),
    };
    let kept: Vec<ExampleSize> = cut.into_iter().filter(|size| size.supervised > 0).collect();
    let (count, step) = (kept.len(), settings.effective_batch().max(1));
    if count == 0 {
        return Vec::new();
    }
    let order = match data.order {
        ExampleOrder::Seeded if data.is_complete() => epoch_order(count, settings.seed, 0),
        _ => (0..count).collect(),
    };
    let steps = count.div_ceil(step).min(settings.total_steps(count));
    let example = |place: usize| order.get(place % count).copied();
    let micro_batches = (0..steps).flat_map(|at| {
        let examples: Vec<usize> = (at * step..(at + 1) * step).filter_map(example).collect();
        groups(|index| kept.get(index).map(|size| size.tokens), &examples, data.order, settings)
    });
    micro_batches.map(|group| group.into_iter().filter_map(|index| kept.get(index)).copied().collect()).collect()
}

/// The largest micro-batch of a run: no other has more tokens, nor more of them supervised.
pub(super) fn largest(data: &DataFacts, settings: &TrainSettings) -> PassSize {
    let is_packed = settings.packing && data.order == ExampleOrder::Seeded;
    let all = first_epoch(data, settings);
    let sizes = all.iter().map(|group| PassSize::of(group.iter().copied(), is_packed));
    let largest = sizes.fold(PassSize::default(), PassSize::or_larger);
    // Some micro-batch holds the longest example, whether or not it is in the sample.
    let rows = if is_packed { 1 } else { settings.batch.max(1) };
    let cut = |size: &ExampleSize| match data.order {
        ExampleOrder::Seeded => size.cut_to(settings.context),
        ExampleOrder::File => *size,
    };
    let longest: Vec<ExampleSize> = data.longest.iter().take(rows).map(cut).collect();
    let alone = PassSize {
        tokens: rows * longest.first().map_or(0, |size| size.tokens),
        supervised: longest.iter().map(|size| size.supervised).sum(),
    };
    largest.or_larger(alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(lengths: &[usize]) -> Vec<ExampleSize> {
        lengths.iter().map(|&tokens| ExampleSize { tokens, supervised: tokens / 2 }).collect()
    }

    fn settings(packing: bool) -> TrainSettings {
        TrainSettings { batch: 2, accumulate: 2, packing, context: 16, ..TrainSettings::default() }
    }

    #[test]
    fn padded_the_longest_example_decides() {
        let data = DataFacts::of_sizes(&sizes(&[3, 40, 5, 9, 2, 12]), 0);
        assert_eq!(largest(&data, &settings(false)).tokens, 2 * 16);
        let short = DataFacts::of_sizes(&sizes(&[3, 4, 5, 9, 2, 12]), 0);
        assert_eq!(largest(&short, &settings(false)).tokens, 2 * 12);
    }

    #[test]
    fn packed_a_micro_batch_holds_no_more_than_its_rows_nor_its_examples() {
        let long = DataFacts::of_sizes(&sizes(&[16; 8]), 0);
        assert_eq!(largest(&long, &settings(true)), PassSize { tokens: 32, supervised: 16 });
        let short = DataFacts::of_sizes(&sizes(&[4; 8]), 0);
        assert_eq!(largest(&short, &settings(true)), PassSize { tokens: 16, supervised: 8 });
    }

    #[test]
    fn unknown_data_fills_its_rows() {
        for packing in [true, false] {
            let found = largest(&DataFacts::unknown(), &settings(packing));
            assert_eq!(found.tokens, 32, "{packing}");
            assert!(found.supervised <= 32);
        }
    }

    #[test]
    fn the_longest_example_counts_though_the_sample_has_missed_it() {
        let mut lengths = vec![4; 5000];
        lengths[3] = 16;
        let data = DataFacts::of_sizes(&sizes(&lengths), 0);
        assert!(data.sample.iter().all(|size| size.tokens == 4) && data.examples == 5000);
        assert_eq!(largest(&data, &settings(false)).tokens, 2 * 16);
        assert_eq!(largest(&data, &settings(true)).tokens, 16);
    }

    #[test]
    fn rows_of_a_file_come_whole_and_in_their_order() {
        let data = DataFacts { order: ExampleOrder::File, ..DataFacts::of_sizes(&sizes(&[20, 4, 6, 6]), 0) };
        let all = first_epoch(&data, &settings(true));
        assert_eq!(all, [sizes(&[20, 4]), sizes(&[6, 6])]);
        assert_eq!(largest(&data, &settings(true)).tokens, 2 * 20);
    }
}
