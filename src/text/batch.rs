//! Examples laid together for one pass, and the order in which an epoch takes them.

use std::ops::Range;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::example::TokenizedExample;

/// The label of a position whose prediction does not count, as in Hugging Face.
pub const IGNORED: i64 = -100;

/// Some examples in one row of tokens: end to end, or filled up to one length each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub ids: Vec<u32>,
    /// As long as `ids`, and aligned with them as in Hugging Face: position t's label is predicted from position t − 1.
    /// [`IGNORED`] where the prediction does not count, and always at an example's first position.
    pub labels: Vec<i64>,
    /// Where each example lies. What lies in none is filling.
    pub spans: Vec<Range<usize>>,
}

impl Batch {
    /// Lays `examples` end to end, so that nothing is computed for filling.
    pub fn packed(examples: &[&TokenizedExample]) -> Self {
        let mut batch = Self::default();
        examples.iter().for_each(|example| batch.push(example));
        batch
    }

    /// Lays `examples` one under the other, filled up to the longest with `pad_id`.
    pub fn padded(examples: &[&TokenizedExample], pad_id: u32) -> Self {
        let width = examples.iter().map(|example| example.ids.len()).max().unwrap_or_default();
        let mut batch = Self::default();
        for (row, example) in examples.iter().enumerate() {
            batch.push(example);
            batch.ids.resize((row + 1) * width, pad_id);
            batch.labels.resize((row + 1) * width, IGNORED);
        }
        batch
    }

    fn push(&mut self, example: &TokenizedExample) {
        let start = self.ids.len();
        let targets = example.targets.as_ref().unwrap_or(&example.ids).iter().zip(&example.supervised).enumerate();
        self.ids.extend_from_slice(&example.ids);
        self.labels.extend(targets.map(|(at, (&id, &counts))| if counts && at > 0 { i64::from(id) } else { IGNORED }));
        self.spans.push(start..self.ids.len());
    }

    /// Tokens without filling.
    pub fn tokens(&self) -> usize {
        self.spans.iter().map(Range::len).sum()
    }

    /// Predictions that count in the loss.
    pub fn supervised(&self) -> usize {
        self.labels.iter().filter(|label| **label != IGNORED).count()
    }
}

/// The order in which epoch number `epoch` takes `count` examples: a shuffle that depends on these three numbers alone.
pub fn epoch_order(count: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(epoch as u64);
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut random);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(ids: &[u32], supervised: &[bool]) -> TokenizedExample {
        TokenizedExample { ids: ids.to_vec(), supervised: supervised.to_vec(), ..Default::default() }
    }

    #[test]
    fn rows_are_filled_up_at_the_right_and_filling_never_counts() {
        let long = example(&[5, 6, 7], &[false, true, true]);
        let short = example(&[8, 9], &[false, true]);
        let batch = Batch::padded(&[&short, &long], 1);
        assert_eq!(batch.ids, [8, 9, 1, 5, 6, 7]);
        assert_eq!(batch.labels, [IGNORED, 9, IGNORED, IGNORED, 6, 7]);
        assert_eq!(batch.spans, [0..2, 3..6]);
        assert_eq!((batch.tokens(), batch.supervised()), (5, 3));
    }

    #[test]
    fn packed_examples_lie_end_to_end_with_the_labels_they_have_alone() {
        let long = example(&[5, 6, 7], &[false, true, true]);
        let short = example(&[8, 9], &[true, true]);
        let batch = Batch::packed(&[&short, &long]);
        assert_eq!((batch.ids, batch.spans), (vec![8, 9, 5, 6, 7], vec![0..2, 2..5]));
        assert_eq!(batch.labels, [IGNORED, 9, IGNORED, 6, 7]);
    }

    #[test]
    fn the_first_token_of_a_row_is_never_a_label() {
        let batch = Batch::packed(&[&example(&[3, 4], &[true, true])]);
        assert_eq!(batch.labels, [IGNORED, 4]);
    }

    #[test]
    fn targets_of_their_own_are_the_labels() {
        let asked = TokenizedExample { targets: Some(vec![7, 8, 9]), ..example(&[3, 4, 5], &[true, false, true]) };
        assert_eq!(Batch::packed(&[&asked]).labels, [IGNORED, IGNORED, 9]);
    }

    #[test]
    fn a_batch_of_nothing_is_empty() {
        assert_eq!((Batch::padded(&[], 0), Batch::packed(&[]).tokens()), (Batch::default(), 0));
    }

    #[test]
    fn an_epoch_takes_every_example_once_in_an_order_that_seed_and_epoch_decide() {
        let order = epoch_order(100, 42, 3);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(order, epoch_order(100, 42, 3));
        assert_ne!(order, epoch_order(100, 42, 4));
        assert_ne!(order, epoch_order(100, 43, 3));
    }
}
