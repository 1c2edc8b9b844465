//! Examples side by side, and the order in which an epoch takes them.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::example::TokenizedExample;

/// The label of a position whose prediction does not count, as in Hugging Face.
pub const IGNORED: i64 = -100;

/// Some examples as one rectangle, filled up at the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// `[rows, width]`, row after row.
    pub ids: Vec<u32>,
    /// `[rows, width]`, aligned with `ids` as in Hugging Face: position t's label is predicted from position t − 1.
    /// [`IGNORED`] where the prediction does not count, and always at position 0.
    pub labels: Vec<i64>,
    /// Tokens of each row without filling.
    pub lengths: Vec<usize>,
    pub rows: usize,
    /// Tokens of the longest row.
    pub width: usize,
}

impl Batch {
    /// Lays `examples` one under the other, filled up to the longest with `pad_id`.
    pub fn collate(examples: &[&TokenizedExample], pad_id: u32) -> Self {
        let lengths: Vec<usize> = examples.iter().map(|example| example.ids.len()).collect();
        let rows = examples.len();
        let width = lengths.iter().copied().max().unwrap_or_default();
        let mut ids = Vec::with_capacity(rows * width);
        let mut labels = Vec::with_capacity(rows * width);
        for (row, example) in examples.iter().enumerate() {
            let targets = example.targets.as_ref().unwrap_or(&example.ids).iter().zip(&example.supervised).enumerate();
            ids.extend_from_slice(&example.ids);
            labels.extend(targets.map(|(at, (&id, &counts))| if counts && at > 0 { i64::from(id) } else { IGNORED }));
            ids.resize((row + 1) * width, pad_id);
            labels.resize((row + 1) * width, IGNORED);
        }
        Self { ids, labels, lengths, rows, width }
    }

    /// Tokens without filling.
    pub fn tokens(&self) -> usize {
        self.lengths.iter().sum()
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
        let batch = Batch::collate(&[&short, &long], 1);
        assert_eq!((batch.rows, batch.width), (2, 3));
        assert_eq!(batch.ids, [8, 9, 1, 5, 6, 7]);
        assert_eq!(batch.labels, [IGNORED, 9, IGNORED, IGNORED, 6, 7]);
        assert_eq!(batch.lengths, [2, 3]);
        assert_eq!((batch.tokens(), batch.supervised()), (5, 3));
    }

    #[test]
    fn the_first_token_of_a_row_is_never_a_label() {
        let batch = Batch::collate(&[&example(&[3, 4], &[true, true])], 0);
        assert_eq!(batch.labels, [IGNORED, 4]);
    }

    #[test]
    fn targets_of_their_own_are_the_labels() {
        let asked = TokenizedExample { targets: Some(vec![7, 8, 9]), ..example(&[3, 4, 5], &[true, false, true]) };
        assert_eq!(Batch::collate(&[&asked], 0).labels, [IGNORED, IGNORED, 9]);
    }

    #[test]
    fn a_batch_of_nothing_is_empty() {
        let batch = Batch::collate(&[], 0);
        assert_eq!((batch.rows, batch.width, batch.tokens()), (0, 0, 0));
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
