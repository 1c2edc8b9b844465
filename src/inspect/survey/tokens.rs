//! Which tokens raise a head's gate: sums for every token of the vocabulary that came.

use std::collections::HashMap;

use super::ExcitingToken;

/// A token that came less often says little of a head.
const LEAST: usize = 3;
/// Tokens that are told for a head.
const TOLD: usize = 12;

/// Sums of gates by token.
#[derive(Debug, Default)]
pub(super) struct TokenTally {
    heads: usize,
    /// Where the sums of a token stand.
    places: HashMap<u32, usize>,
    counts: Vec<usize>,
    /// `[tokens, heads]`: gates, averaged over all modules, and their squares.
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl TokenTally {
    pub fn new(heads: usize) -> Self {
        Self { heads, ..Self::default() }
    }

    /// Adds one token with its gates, averaged over all modules.
    pub fn add(&mut self, token: u32, gates: &[f32]) {
        let place = *self.places.entry(token).or_insert_with(|| {
            self.counts.push(0);
            self.sums.resize(self.counts.len() * self.heads, 0.0);
            self.squares.resize(self.counts.len() * self.heads, 0.0);
            self.counts.len() - 1
        });
        let row = place * self.heads..(place + 1) * self.heads;
        let (Some(count), Some(sums), Some(squares)) =
            (self.counts.get_mut(place), self.sums.get_mut(row.clone()), self.squares.get_mut(row))
        else {
            return;
        };
        *count += 1;
        for ((sum, square), gate) in sums.iter_mut().zip(squares).zip(gates.iter().map(|gate| f64::from(*gate))) {
            *sum += gate;
            *square += gate * gate;
        }
    }

    /// The tokens whose mean gate is furthest above `mean`, the head's own: ordered by what is left of the mean after two
    /// standard errors, so that neither a chance hit nor a token that wavers comes first.
    pub fn exciting(&self, head: usize, mean: f32, text: &dyn Fn(u32) -> String) -> Vec<ExcitingToken> {
        let mut found: Vec<(f64, u32, usize, f64)> = self
            .places
            .iter()
            .filter_map(|(&token, &place)| {
                let count = *self.counts.get(place).filter(|count| **count >= LEAST)?;
                let at = place * self.heads + head;
                let (sum, square) = (*self.sums.get(at)?, *self.squares.get(at)?);
                let number = count as f64;
                let own = sum / number;
                let variance = (square / number - own * own).max(0.0);
                let sure = own - 2.0 * (variance / number).sqrt();
                (sure > f64::from(mean)).then_some((sure, token, count, own))
            })
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(TOLD);
        let told = |(_, token, count, own): (f64, u32, usize, f64)| ExcitingToken {
            text: text(token),
            count,
            mean: own as f32,
            lift: own as f32 / mean.max(f32::MIN_POSITIVE),
        };
        found.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_raise_a_gate_surely_come_first_and_rare_ones_not_at_all() {
        let mut tally = TokenTally::new(2);
        for i in 0..10 {
            tally.add(1, &[0.8, 0.2]);
            tally.add(2, if i % 2 == 0 { &[1.0, 0.0] } else { &[0.62, 0.38] });
            tally.add(3, &[0.3, 0.7]);
        }
        tally.add(4, &[1.0, 0.0]);
        let found = tally.exciting(0, 0.5, &|token| format!("t{token}"));
        let texts: Vec<&str> = found.iter().map(|token| token.text.as_str()).collect();
        assert_eq!(texts, ["t1", "t2"], "{found:?}");
        assert_eq!(found[0].count, 10);
        assert!((found[0].mean - 0.8).abs() < 1e-6 && (found[0].lift - 1.6).abs() < 1e-5, "{found:?}");
    }
}
