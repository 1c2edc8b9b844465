//! How the router shares tokens among the heads, summed up over as many tokens as one likes.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Module;
use super::health::SATURATED;

/// How gates share out over tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GateSummary {
    /// Mean gate of every head; sums to 1.
    pub mean: Vec<f32>,
    /// Share of the tokens whose largest gate is the head's, the first of equals; sums to 1.
    pub leads: Vec<f32>,
    /// Mean entropy of a token's gates, as a share of the largest possible: 1 is even, 0 is one head alone.
    pub entropy: f32,
    /// Share of the tokens with a gate above [`SATURATED`].
    pub saturated: f32,
}

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
    /// Tokens that every head leads.
    leads: Vec<usize>,
    /// Sum of the tokens' entropies.
    entropy: f64,
    /// Tokens with a gate above [`SATURATED`].
    saturated: usize,
}

impl ModuleLoad {
    fn with(mut self, heads: usize) -> Self {
        self.gates.resize(heads, 0.0);
        self.leads.resize(heads, 0);
        self
    }

    fn add(&mut self, token: &[f32]) {
        self.tokens += 1;
        self.gates.iter_mut().zip(token).for_each(|(sum, g)| *sum += f64::from(*g));
        let (head, gate) = leader(token);
        if let Some(led) = self.leads.get_mut(head) {
            *led += 1;
        }
        self.saturated += usize::from(gate > SATURATED);
        self.entropy += entropy(token);
    }

    fn merge(&mut self, other: &Self) {
        self.tokens += other.tokens;
        self.entropy += other.entropy;
        self.saturated += other.saturated;
        self.gates.iter_mut().zip(&other.gates).for_each(|(sum, g)| *sum += g);
        self.leads.iter_mut().zip(&other.leads).for_each(|(sum, led)| *sum += led);
    }

    fn summary(&self) -> GateSummary {
        let tokens = self.tokens.max(1) as f64;
        GateSummary {
            mean: self.gates.iter().map(|sum| (sum / tokens) as f32).collect(),
            leads: self.leads.iter().map(|led| (*led as f64 / tokens) as f32).collect(),
            entropy: (self.entropy / tokens) as f32,
            saturated: (self.saturated as f64 / tokens) as f32,
        }
    }
}

/// The head with the largest of a token's gates, the first of equals, and that gate.
pub fn leader(gates: &[f32]) -> (usize, f32) {
    let higher = |best: (usize, f32), (head, gate): (usize, f32)| if gate > best.1 { (head, gate) } else { best };
    gates.iter().copied().enumerate().fold((0, f32::MIN), higher)
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
            let load = self.modules.entry(*module).or_insert_with(|| ModuleLoad::default().with(heads));
            for span in spans {
                let tokens = gates.get(span.start * heads..span.end * heads).unwrap_or_default();
                tokens.chunks_exact(heads).for_each(|token| load.add(token));
            }
        }
    }

    /// Adds what another summary, for as many heads, holds.
    pub fn merge(&mut self, other: &Self) {
        for (module, theirs) in &other.modules {
            let heads = self.heads.max(1);
            self.modules.entry(*module).or_insert_with(|| ModuleLoad::default().with(heads)).merge(theirs);
        }
    }

    /// Whether no token was added.
    pub fn is_empty(&self) -> bool {
        self.modules.values().all(|m| m.tokens == 0)
    }

    /// Over all tokens of all modules.
    pub fn overall(&self) -> GateSummary {
        let mut all = ModuleLoad::default().with(self.heads);
        self.modules.values().for_each(|module| all.merge(module));
        all.summary()
    }

    /// Of every module, in forward order.
    pub fn modules(&self) -> impl Iterator<Item = (Module, GateSummary)> + '_ {
        self.modules.iter().map(|(module, load)| (*module, load.summary()))
    }

    /// Mean gate of every head over all tokens of all modules.
    pub fn mean(&self) -> Vec<f32> {
        self.overall().mean
    }

    /// Mean gate of every head in one module.
    pub fn module_means(&self) -> impl Iterator<Item = (Module, Vec<f32>)> + '_ {
        self.modules().map(|(module, summary)| (module, summary.mean))
    }

    /// Mean entropy of a token's gates, as a share of the largest possible: 1 is even, 0 is one head alone.
    pub fn entropy(&self) -> f32 {
        self.overall().entropy
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
    fn a_summary_tells_who_leads_and_how_many_tokens_are_saturated() {
        let module = Module { layer: 0, target: Target::Q };
        let gates = vec![0.96, 0.04, 0.5, 0.5, 0.3, 0.7, 0.02, 0.98];
        let mut load = GateLoad::new(2);
        load.add(&BTreeMap::from([(module, gates)]), std::slice::from_ref(&(0..4)));
        let summary = load.overall();
        assert_eq!((summary.leads, summary.saturated), (vec![0.5, 0.5], 0.5));
        assert_eq!(load.modules().map(|(module, _)| module).collect::<Vec<_>>(), [module]);
    }

    #[test]
    fn even_gates_have_entropy_one_and_a_single_head_none() {
        assert!((entropy(&[0.25; 4]) - 1.0).abs() < 1e-6);
        assert_eq!(entropy(&[1.0, 0.0]), 0.0);
        assert_eq!(entropy(&[1.0]), 0.0);
    }
}
