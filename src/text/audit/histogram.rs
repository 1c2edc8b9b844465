//! How often which numbers of tokens occur.

use serde::{Deserialize, Serialize};

/// Bins of a histogram, at most.
const BINS: usize = 40;

/// Numbers of tokens, counted in bins of equal width from 0 on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Tokens that a bin covers: bin `i` counts what is above `i · width` and at most `(i + 1) · width`, and the first
    /// counts 0 too.
    pub width: usize,
    pub counts: Vec<usize>,
    /// How many are beyond the last bin.
    pub beyond: usize,
    pub median: usize,
    pub longest: usize,
    /// The sum of all.
    pub total: u64,
}

impl Histogram {
    /// Counts `values`. The bins reach over 99.5 % of them, so that a few long ones do not press the others together; and
    /// to `mark`, where that is not far.
    pub fn of(mut values: Vec<usize>, mark: Option<usize>) -> Self {
        values.sort_unstable();
        let Some(&longest) = values.last() else { return Self::default() };
        let usual = quantile(&values, 0.995);
        let reach = mark.filter(|mark| *mark <= 2 * usual).map_or(usual, |mark| usual.max(mark));
        let width = round_width(reach.max(1));
        let mut counts = vec![0; reach.max(1).div_ceil(width)];
        let mut beyond = 0;
        for value in &values {
            match counts.get_mut(value.saturating_sub(1) / width) {
                Some(count) => *count += 1,
                None => beyond += 1,
            }
        }
        let total = values.iter().map(|value| *value as u64).sum();
        Self { width, counts, beyond, median: quantile(&values, 0.5), longest, total }
    }

    /// How many were counted.
    pub fn count(&self) -> usize {
        self.counts.iter().sum::<usize>() + self.beyond
    }

    /// The mean of all; 0 of none.
    pub fn mean(&self) -> f64 {
        self.total as f64 / self.count().max(1) as f64
    }
}

/// The least of the sorted `values` that at least the share `share` of them does not exceed; 0 of none.
pub(super) fn quantile(values: &[usize], share: f64) -> usize {
    let place = (share * values.len() as f64).ceil() as usize;
    values.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

/// The least of 1, 2, 5, 10, 20, 50, … of which at most [`BINS`] cover `reach`.
fn round_width(reach: usize) -> usize {
    let powers = (0..).map(|power| 10usize.saturating_pow(power));
    let mut widths = powers.flat_map(|ten| [1, 2, 5].map(|factor| ten.saturating_mul(factor)));
    widths.find(|width| reach.div_ceil(*width) <= BINS).unwrap_or(reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once_in_bins_of_round_width() {
        let histogram = Histogram::of((0..=399).collect(), None);
        assert_eq!((histogram.width, histogram.counts.len(), histogram.beyond), (10, 40, 0));
        assert_eq!(histogram.counts.first(), Some(&11), "0 to 10");
        assert_eq!((histogram.count(), histogram.longest, histogram.median), (400, 399, 199));
        assert_eq!(histogram.mean(), 199.5);
    }

    #[test]
    fn a_few_long_ones_are_counted_beyond() {
        let mut values = vec![50; 998];
        values.extend([100_000, 90_000]);
        let histogram = Histogram::of(values, Some(64));
        assert_eq!((histogram.beyond, histogram.longest, histogram.width), (2, 100_000, 2));
        assert_eq!(histogram.counts.len(), 32, "to the mark");
        assert_eq!(Histogram::of(vec![50; 9], Some(1_000)).counts.len(), 25, "a mark far away presses nothing");
    }

    #[test]
    fn nothing_and_only_zeros_are_counted_too() {
        assert_eq!(Histogram::of(Vec::new(), Some(9)).count(), 0);
        assert_eq!(Histogram::of(vec![0, 0], None).counts, [2]);
    }
}
