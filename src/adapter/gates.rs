//! How the router shares tokens among the heads, in two numbers that can be followed over a run.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Module;

/// Running means of gates over tokens, per module.
#[derive(Clone, Debug, Default)]
pub struct GateLoad {
    heads: usize,
    modules: BTreeMap<Module, ModuleLoad>,
}

#[derive(Clone, Debug, Default)]
struct ModuleLoad {
    tokens: usize,
    /// Sum of gates of every head.
    gates: Vec<f64>,
    /// Sum of the tokens' entropies.
    entropy: f64,
}

impl GateLoad {
    /// An empty summary for `heads` heads.
    pub fn new(heads: usize) -> Self {
        Self { heads, modules: BTreeMap::new() }
    }

    /// Adds the gates of one pass: per module `[tokens, heads]`, the tokens in `spans` counting.
    pub fn add(&mut self, gates: &BTreeMap<Module, Vec<f32>>, spans: &[Range<usize>]) {
        let heads = self.heads.max(1);
        for (module, gates) in gates {
            let load = self.modules.entry(*module).or_default();
            load.gates.resize(heads, 0.0);
            for span in spans {
                let tokens = gates.get(span.start * heads..span.end * heads).unwrap_or_default();
                for token in tokens.chunks(heads) {
                    load.tokens += 1;
                    load.gates.iter_mut().zip(token).for_each(|(sum, g)| *sum += f64::from(*g));
                    load.entropy += entropy(token);
                }
            }
        }
    }

    /// Adds what another summary, for as many heads, holds.
    pub fn merge(&mut self, other: &Self) {
        for (module, theirs) in &other.modules {
            let ours = self.modules.entry(*module).or_default();
            ours.gates.resize(self.heads.max(1), 0.0);
            ours.tokens += theirs.tokens;
            ours.entropy += theirs.entropy;
            ours.gates.iter_mut().zip(&theirs.gates).for_each(|(sum, g)| *sum += g);
        }
    }

    /// Whether no token was added.
    pub fn is_empty(&self) -> bool {
        self.modules.values().all(|m| m.tokens == 0)
    }

    /// Mean gate of every head over all tokens of all modules.
    pub fn mean(&self) -> Vec<f32> {
        let tokens: usize = self.modules.values().map(|m| m.tokens).sum();
        let of = |head: usize| self.modules.values().filter_map(|m| m.gates.get(head)).sum::<f64>();
        (0..self.heads).map(|head| (of(head) / tokens.max(1) as f64) as f32).collect()
    }

    /// Mean gate of every head in one module.
    pub fn module_means(&self) -> impl Iterator<Item = (Module, Vec<f32>)> + '_ {
        let means = |m: &ModuleLoad| m.gates.iter().map(|g| (g / m.tokens.max(1) as f64) as f32).collect();
        self.modules.iter().map(move |(module, load)| (*module, means(load)))
    }

    /// Mean entropy of a token's gates, as a share of the largest possible: 1 is even, 0 is one head alone.
    pub fn entropy(&self) -> f32 {
        let tokens: usize = self.modules.values().map(|m| m.tokens).sum();
        let sum: f64 = self.modules.values().map(|m| m.entropy).sum();
        (sum / tokens.max(1) as f64) as f32
    }
}

/// Entropy of one token's gates as a share of `ln N`; 0 for a single head.
pub fn entropy(gates: &[f32]) -> f64 {
    if gates.len() < 2 {
        return 0.0;
    }
    let nats: f64 = gates.iter().map(|g| f64::from(*g)).filter(|g| *g > 0.0).map(|g| -g * g.ln()).sum();
    nats / (gates.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Target;

    #[test]
    fn padding_counts_neither_in_load_nor_in_entropy() {
        let module = Module { layer: 0, target: Target::Q };
        let gates = vec![0.5, 0.5, /* padding */ 1.0, 0.0, /* second row */ 1.0, 0.0, 0.0, 1.0];
        let mut load = GateLoad::new(2);
        assert!(load.is_empty());
        load.add(&BTreeMap::from([(module, gates)]), &[0..1, 2..4]);
        assert_eq!(load.mean(), vec![0.5, 0.5]);
        assert!((load.entropy() - 1.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn merged_summaries_weigh_by_their_tokens() {
        let of = |gates: Vec<f32>| {
            let mut load = GateLoad::new(2);
            let all = 0..gates.len() / 2;
            load.add(&BTreeMap::from([(Module { layer: 0, target: Target::Q }, gates)]), &[all]);
            load
        };
        let mut all = GateLoad::new(2);
        all.merge(&of(vec![1.0, 0.0]));
        all.merge(&of(vec![0.5, 0.5, 0.0, 1.0, 0.5, 0.5]));
        assert_eq!(all.mean(), vec![0.5, 0.5]);
        assert!((all.entropy() - 0.5).abs() < 1e-6);
    }

    #[test]
    fn even_gates_have_entropy_one_and_a_single_head_none() {
        assert!((entropy(&[0.25; 4]) - 1.0).abs() < 1e-6);
        assert_eq!(entropy(&[1.0, 0.0]), 0.0);
        assert_eq!(entropy(&[1.0]), 0.0);
    }
}
