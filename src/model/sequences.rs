//! How the tokens of one pass fall into sequences: which attend to each other, and at which positions they stand.

use std::ops::Range;
use std::sync::Arc;

use crate::ops::Segment;
use crate::text::Batch;

/// Sequences that lie in one row of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequences {
    positions: Arc<Vec<u32>>,
    segments: Arc<Vec<Segment>>,
}

impl Sequences {
    /// Sequences at `spans` of a row of `tokens` tokens, in order and apart from each other. What lies in none is filling,
    /// which nothing attends to.
    pub fn at(spans: &[Range<usize>], tokens: usize) -> Self {
        let mut positions = vec![0; tokens];
        for span in spans {
            let own = positions.get_mut(span.clone()).unwrap_or_default();
            own.iter_mut().zip(0..).for_each(|(position, at)| *position = at);
        }
        let segments = spans.iter().filter(|span| !span.is_empty());
        let segments = segments.map(|span| Segment::whole(span.start, span.len())).collect();
        Self { positions: Arc::new(positions), segments: Arc::new(segments) }
    }

    /// The examples of a batch.
    pub fn of(batch: &Batch) -> Self {
        Self::at(&batch.spans, batch.ids.len())
    }

    /// One sequence of `len` tokens.
    pub fn single(len: usize) -> Self {
        Self::at(std::slice::from_ref(&(0..len)), len)
    }

    /// `len` tokens that follow `past` tokens in a cache.
    pub fn following(past: usize, len: usize) -> Self {
        let positions = (past..past + len).map(|p| p as u32).collect();
        let segment = Segment { q_start: 0, q_len: len, k_start: 0, k_len: past + len };
        Self { positions: Arc::new(positions), segments: Arc::new(vec![segment]) }
    }

    /// The position of every token in its sequence.
    pub fn positions(&self) -> &Arc<Vec<u32>> {
        &self.positions
    }

    /// Which tokens attend to each other.
    pub fn segments(&self) -> &Arc<Vec<Segment>> {
        &self.segments
    }

    /// From labels aligned as in Hugging Face, one a token, to the rows that predict a supervised token, and those tokens.
    pub fn supervised(&self, labels: &[i64]) -> (Vec<u32>, Vec<u32>) {
        let within = |s: &Segment| (s.q_start + 1)..(s.q_start + s.q_len);
        let tokens = self.segments.iter().flat_map(within);
        tokens
            .filter_map(|t| {
                let label = labels.get(t).and_then(|label| u32::try_from(*label).ok())?;
                Some((t as u32 - 1, label))
            })
            .unzip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_predicted_from_the_position_before_it_and_never_across_sequences() {
        let sequences = Sequences::at(&[0..3, 3..5], 6);
        let labels = [7, -100, 8, 9, 5, 6];
        assert_eq!(sequences.supervised(&labels), (vec![1, 3], vec![8, 5]));
        assert_eq!(**sequences.positions(), vec![0, 1, 2, 0, 1, 0]);
    }
}
