//! How the heads share the topics: sums for every topic, over its examples and over its tokens.

use std::collections::BTreeMap;
use std::ops::Range;

use super::TopicRouting;
use crate::adapter::{GateLoad, Module, leader};

/// Topics that are told apart. The rest are gathered as one: a column of which every row is another tells nothing of heads.
pub const MOST_TOPICS: usize = 200;

/// Sums of one topic.
#[derive(Debug)]
pub(super) struct TopicTally {
    examples: usize,
    tokens: usize,
    load: GateLoad,
    /// Of an example's mean gates over all modules, per head, and of their squares.
    sums: Vec<f64>,
    squares: Vec<f64>,
    leads: Vec<usize>,
    /// Of an example's mean gates, `[modules, heads]`.
    by_module: Vec<f64>,
    /// Tokens, those of every module counted, that every head leads.
    pub token_leads: Vec<u64>,
}

impl TopicTally {
    pub fn new(heads: usize, modules: usize) -> Self {
        Self {
            examples: 0,
            tokens: 0,
            load: GateLoad::new(heads),
            sums: vec![0.0; heads],
            squares: vec![0.0; heads],
            leads: vec![0; heads],
            by_module: vec![0.0; heads * modules],
            token_leads: vec![0; heads],
        }
    }

    pub fn is_empty(&self) -> bool {
        self.examples == 0
    }

    /// Adds one example: the gates of its pass, where it lies in it, and its mean gates, over all modules and in each.
    pub fn add(&mut self, gates: &BTreeMap<Module, Vec<f32>>, span: &Range<usize>, mean: &[f32], by_module: &[f32]) {
        self.examples += 1;
        self.tokens += span.len();
        self.load.add(gates, std::slice::from_ref(span));
        for ((sum, square), gate) in self.sums.iter_mut().zip(&mut self.squares).zip(mean.iter().map(|g| f64::from(*g)))
        {
            *sum += gate;
            *square += gate * gate;
        }
        if let Some(led) = self.leads.get_mut(leader(mean).0) {
            *led += 1;
        }
        self.by_module.iter_mut().zip(by_module).for_each(|(sum, gate)| *sum += f64::from(*gate));
        let heads = self.sums.len().max(1);
        for gates in gates.values() {
            for token in gates.get(span.start * heads..span.end * heads).unwrap_or_default().chunks_exact(heads) {
                if let Some(led) = self.token_leads.get_mut(leader(token).0) {
                    *led += 1;
                }
            }
        }
    }

    /// What the topic's examples amount to.
    /// `gathered` is how many topics they are of, where these are the rest that are not told apart.
    pub fn routing(&self, topic: Option<String>, gathered: usize) -> TopicRouting {
        let heads = self.sums.len().max(1);
        let number = self.examples.max(1) as f64;
        let deviation: Vec<f32> =
            self.sums.iter().zip(&self.squares).map(|(sum, square)| deviation(*sum, *square, self.examples)).collect();
        TopicRouting {
            topic,
            gathered,
            examples: self.examples,
            tokens: self.tokens,
            gates: self.load.overall(),
            mean: self.sums.iter().map(|sum| (sum / number) as f32).collect(),
            error: deviation.iter().map(|deviation| deviation / number.sqrt() as f32).collect(),
            deviation,
            leads: self.leads.clone(),
            modules: self
                .by_module
                .chunks(heads)
                .map(|sums| sums.iter().map(|sum| (sum / number) as f32).collect())
                .collect(),
        }
    }
}

/// The standard deviation of `number` values, from their sum and the sum of their squares; 0 with one.
pub(super) fn deviation(sum: f64, squares: f64, number: usize) -> f32 {
    if number < 2 {
        return 0.0;
    }
    let n = number as f64;
    ((squares - sum * sum / n).max(0.0) / (n - 1.0)).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Target;

    #[test]
    fn a_topic_tells_mean_and_spread_over_its_examples_and_shares_over_its_tokens() {
        let module = Module { layer: 0, target: Target::Q };
        let gates = BTreeMap::from([(module, vec![0.9, 0.1, 0.7, 0.3, 0.2, 0.8])]);
        let mut tally = TopicTally::new(2, 1);
        tally.add(&gates, &(0..2), &[0.8, 0.2], &[0.8, 0.2]);
        tally.add(&gates, &(2..3), &[0.2, 0.8], &[0.2, 0.8]);
        let routing = tally.routing(Some("sums".into()), 0);
        assert_eq!((routing.examples, routing.tokens, routing.leads.clone()), (2, 3, vec![1, 1]));
        assert_eq!((routing.mean.clone(), routing.modules.clone()), (vec![0.5, 0.5], vec![vec![0.5, 0.5]]));
        assert!((routing.deviation[0] - 0.18f32.sqrt()).abs() < 1e-6, "{routing:?}");
        assert!((routing.error[0] - 0.3).abs() < 1e-6, "{routing:?}");
        assert!((routing.gates.mean[0] - 0.6).abs() < 1e-6, "by tokens the longer example weighs more");
        assert_eq!(tally.token_leads, [2, 1]);
    }

    #[test]
    fn one_example_has_no_spread() {
        assert_eq!((deviation(0.5, 0.25, 1), deviation(0.0, 0.0, 0)), (0.0, 0.0));
    }
}
