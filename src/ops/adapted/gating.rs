//! From a router's logits to gates: softmax with a temperature, over all heads or over the `k` that lead.

use std::ops::Range;
use std::sync::Arc;

/// How a router's logits become gates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gating {
    /// Logits are divided by it before the softmax: below 1 the leading head gets more, above 1 all come closer.
    pub temperature: f32,
    /// Only the `k` heads with the largest logits get a gate, and their gates sum to 1; `None`: all heads (the published
    /// form).
    pub top_k: Option<usize>,
}

impl Default for Gating {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None }
    }
}

impl Gating {
    /// `k`, where it leaves heads of `heads` out.
    pub fn cut(&self, heads: usize) -> Option<usize> {
        self.top_k.filter(|k| *k < heads)
    }
}

/// A loss on routers that favour some heads, as it falls on one batch: `weight · N · Σ_i f_i · P_i` (Fedus et al. 2021,
/// equation 4, here for every adapted module). It is added to the gradients alone; the loss that is reported is that of the
/// predictions.
#[derive(Clone, Debug)]
pub struct Balance {
    /// What the loss of one module counts in this batch.
    pub weight: f32,
    /// The tokens that count: those of examples, not of filling.
    pub spans: Arc<Vec<Range<usize>>>,
}

/// Softmax of `logits / temperature`, its maximum subtracted: a router saturates at attention sinks.
pub fn softmax_of(logits: &[f32], temperature: f32, gates: &mut [f32]) {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sharpness = 1.0 / temperature;
    let mut sum = 0.0;
    for (g, l) in gates.iter_mut().zip(logits) {
        *g = ((l - top) * sharpness).exp();
        sum += *g;
    }
    gates.iter_mut().for_each(|g| *g /= sum);
}

/// The gates of one token. Cutting the softmax to the leading heads and scaling what is left to 1 equals the softmax of
/// their logits alone.
pub fn write_gates(logits: &[f32], gating: &Gating, gates: &mut [f32]) {
    softmax_of(logits, gating.temperature, gates);
    if let Some(k) = gating.cut(logits.len()) {
        keep_largest(gates, k);
    }
}

/// Puts 0 in place of all but the `count` largest of one token's gates, of equal ones the first, and divides those by their
/// sum. A count that keeps all changes nothing.
pub fn keep_largest(gates: &mut [f32], count: usize) {
    if count >= gates.len() {
        return;
    }
    let ranked = |head: usize, gate: f32| {
        let before = |(other, g): (usize, &f32)| *g > gate || (*g == gate && other < head);
        gates.iter().enumerate().filter(|other| before(*other)).count()
    };
    let kept: Vec<bool> = gates.iter().enumerate().map(|(head, gate)| ranked(head, *gate) < count).collect();
    gates.iter_mut().zip(kept).filter(|(_, is_kept)| !is_kept).for_each(|(gate, _)| *gate = 0.0);
    let sum: f32 = gates.iter().sum();
    gates.iter_mut().for_each(|gate| *gate /= sum);
}

/// How many heads come before head `i`: those with larger logits, and of equal ones those of a lower number.
fn rank(logits: &[f32], i: usize) -> usize {
    let comes_before = |(j, l): &(usize, &f32)| **l > logits[i] || (**l == logits[i] && *j < i);
    logits.iter().enumerate().filter(comes_before).count()
}

/// The share of choices that fall on every head: under top-k a token chooses `k` heads, otherwise the one that leads.
pub fn head_shares<'a>(tokens: impl Iterator<Item = &'a [f32]>, gating: &Gating, heads: usize) -> Vec<f32> {
    let k = gating.cut(heads).unwrap_or(1);
    let (mut counts, mut choices) = (vec![0usize; heads], 0usize);
    for logits in tokens {
        choices += k.min(heads);
        counts.iter_mut().enumerate().for_each(|(i, count)| *count += usize::from(rank(logits, i) < k));
    }
    counts.into_iter().map(|count| count as f32 / choices.max(1) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gates(logits: &[f32], temperature: f32, top_k: Option<usize>) -> Vec<f32> {
        let mut gates = vec![0.0; logits.len()];
        write_gates(logits, &Gating { temperature, top_k }, &mut gates);
        gates
    }

    #[test]
    fn the_leading_heads_share_all_and_the_others_get_nothing() {
        let logits = [0.3, 2.0, -1.0, 1.5];
        let two = gates(&logits, 1.0, Some(2));
        let alone = gates(&[2.0, 1.5], 1.0, None);
        assert!((two[1] - alone[0]).abs() < 1e-6 && (two[3] - alone[1]).abs() < 1e-6, "{two:?} {alone:?}");
        assert_eq!((two[0], two[2]), (0.0, 0.0));
        assert_eq!(gates(&logits, 1.0, Some(1)), [0.0, 1.0, 0.0, 0.0]);
        for k in [4, 9] {
            assert_eq!(gates(&logits, 1.0, Some(k)), gates(&logits, 1.0, None));
        }
    }

    #[test]
    fn of_equal_heads_the_first_lead() {
        assert_eq!(gates(&[1.0; 4], 1.0, Some(2)), [0.5, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn a_low_temperature_sharpens_and_a_high_one_evens_out() {
        let logits = [1.0, 0.0, 0.5];
        let leader = |temperature| gates(&logits, temperature, None)[0];
        assert!(leader(0.1) > 0.99 && leader(10.0) < 0.36 && leader(0.5) > leader(1.0));
        assert_eq!(gates(&logits, 2.0, None), gates(&[0.5, 0.0, 0.25], 1.0, None));
    }

    #[test]
    fn shares_count_every_choice() {
        let tokens: [&[f32]; 3] = [&[3.0, 2.0, 1.0], &[0.0, 2.0, 1.0], &[5.0, 0.0, 1.0]];
        let shares = |top_k| head_shares(tokens.into_iter(), &Gating { temperature: 1.0, top_k }, 3);
        assert_eq!(shares(None), [2.0 / 3.0, 1.0 / 3.0, 0.0]);
        assert_eq!(shares(Some(2)), [2.0 / 6.0, 2.0 / 6.0, 2.0 / 6.0]);
    }
}
