//! What `inspect` tells: the routing of one text, or of a dataset by topic, as an event and as tables.

use std::collections::BTreeMap;

use serde::Serialize;

use super::output::Output;
use crate::adapter::{GateLoad, Module};
use crate::inspect::{Routing, TopicLoad, summary_in_words};

/// The event `routing` of a prompt. Heads are numbered from 0, gates in their order.
#[derive(Serialize)]
pub(super) struct OfText {
    heads: usize,
    tokens: Vec<RoutedToken>,
    modules: BTreeMap<String, ModuleGates>,
    /// Mean gate of every head over all tokens and modules.
    load: Vec<f32>,
    /// Mean entropy of a token's gates as a share of the largest possible: 1 is even, 0 is one head alone.
    entropy: f32,
    summary: String,
    #[serde(skip)]
    layers: Vec<Layer>,
}

/// One token, with its gates averaged over all modules.
#[derive(Serialize)]
struct RoutedToken {
    id: u32,
    text: String,
    gates: Vec<f32>,
    /// The head with the largest of them.
    leader: usize,
    entropy: f64,
}

/// The gates of one module.
#[derive(Serialize)]
struct ModuleGates {
    mean: Vec<f32>,
    /// `[tokens, heads]`.
    gates: Vec<Vec<f32>>,
}

/// The event `routing` of a dataset.
#[derive(Serialize)]
pub(super) struct ByTopic {
    heads: usize,
    examples: usize,
    topics: Vec<RoutedTopic>,
    /// Mean gate of every head, per module.
    modules: BTreeMap<String, Vec<f32>>,
    load: Vec<f32>,
    entropy: f32,
    summary: String,
    #[serde(skip)]
    layers: Vec<Layer>,
}

/// How the heads share one topic's tokens.
#[derive(Serialize)]
struct RoutedTopic {
    topic: String,
    examples: usize,
    load: Vec<f32>,
    entropy: f32,
}

/// Mean gate of every head over the modules of one layer.
struct Layer {
    number: usize,
    mean: Vec<f32>,
}

/// The event `done` of both.
#[derive(Serialize)]
struct Done<'a> {
    load: &'a [f32],
    entropy: f32,
    summary: &'a str,
}

impl OfText {
    pub(super) fn new(ids: &[u32], texts: Vec<String>, routing: &Routing) -> Self {
        let load = routing.load();
        let (mean, entropy) = (load.mean(), load.entropy());
        let means = ids.iter().zip(texts).zip(routing.token_means().into_iter().zip(routing.leaders()));
        let tokens = means
            .map(|((id, text), (gates, (leader, _, entropy)))| RoutedToken { id: *id, text, gates, leader, entropy })
            .collect();
        let gates = |(module, gates): (&Module, &Vec<f32>)| {
            let gates = gates.chunks(routing.heads).map(<[f32]>::to_vec).collect();
            (module.to_string(), ModuleGates { mean: routing.mean(*module).unwrap_or_default(), gates })
        };
        Self {
            heads: routing.heads,
            tokens,
            modules: routing.modules.iter().map(gates).collect(),
            summary: summary_in_words(&mean, entropy),
            layers: layers(&load),
            load: mean,
            entropy,
        }
    }

    pub(super) fn tell(&self, output: &Output) {
        output.event("routing", self);
        tell_layers(&self.layers, self.heads, output);
        output.line("\nTokens, with the head that leads and its gate, over all modules:");
        for token in &self.tokens {
            let gate = token.gates.get(token.leader).copied().unwrap_or_default();
            output.line(&format!("  head {}  {gate:.2}  {:?}", token.leader, token.text));
        }
        tell_sum(&self.load, self.entropy, &self.summary, output);
    }
}

impl ByTopic {
    pub(super) fn new(heads: usize, loads: &[TopicLoad]) -> Self {
        let mut all = GateLoad::new(heads);
        loads.iter().for_each(|topic| all.merge(&topic.load));
        let topic = |t: &TopicLoad| RoutedTopic {
            topic: t.topic.clone(),
            examples: t.examples,
            load: t.load.mean(),
            entropy: t.load.entropy(),
        };
        let (load, entropy) = (all.mean(), all.entropy());
        Self {
            heads,
            examples: loads.iter().map(|topic| topic.examples).sum(),
            topics: loads.iter().map(topic).collect(),
            modules: all.module_means().map(|(module, mean)| (module.to_string(), mean)).collect(),
            summary: summary_in_words(&load, entropy),
            layers: layers(&all),
            load,
            entropy,
        }
    }

    pub(super) fn tell(&self, output: &Output) {
        output.event("routing", self);
        tell_layers(&self.layers, self.heads, output);
        output.line("\nMean gate of every head by topic:");
        let name = |topic: &RoutedTopic| format!("{} ({})", topic.topic, topic.examples);
        let width = self.topics.iter().map(|topic| name(topic).chars().count()).max().unwrap_or_default();
        output.line(&format!("  {:width$}{}", "", heading(self.heads)));
        for topic in &self.topics {
            output.line(&format!("  {:width$}{}", name(topic), shares(&topic.load)));
        }
        tell_sum(&self.load, self.entropy, &self.summary, output);
    }
}

/// Means over the modules of each layer, all of which see the same tokens.
fn layers(load: &GateLoad) -> Vec<Layer> {
    let mut sums = BTreeMap::<usize, (usize, Vec<f32>)>::new();
    for (module, mean) in load.module_means() {
        let (count, sum) = sums.entry(module.layer).or_insert_with(|| (0, vec![0.0; mean.len()]));
        *count += 1;
        sum.iter_mut().zip(&mean).for_each(|(sum, gate)| *sum += gate);
    }
    let layer = |(number, (count, sum)): (usize, (usize, Vec<f32>))| Layer {
        number,
        mean: sum.iter().map(|gate| gate / count as f32).collect(),
    };
    sums.into_iter().map(layer).collect()
}

fn tell_layers(layers: &[Layer], heads: usize, output: &Output) {
    output.line("Mean gate of every head by layer:");
    output.line(&format!("  layer{}", heading(heads)));
    for layer in layers {
        output.line(&format!("  {:>5}{}", layer.number, shares(&layer.mean)));
    }
}

fn tell_sum(load: &[f32], entropy: f32, summary: &str, output: &Output) {
    let even = if load.len() > 1 { 100.0 * entropy } else { 0.0 };
    output.line(&format!("\nOver all{}   entropy {even:.0} % of the largest possible", shares(load)));
    output.line(summary);
    output.event("done", Done { load, entropy, summary });
}

fn heading(heads: usize) -> String {
    (0..heads).map(|head| format!("  head {head}")).collect()
}

fn shares(gates: &[f32]) -> String {
    gates
        .iter()
        .enumerate()
        .map(|(head, gate)| format!("  {gate:>width$.2}", width = format!("head {head}").len()))
        .collect()
}
