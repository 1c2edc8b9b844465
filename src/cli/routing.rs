//! What `inspect` tells: the routing of one text, or of a dataset, as an event and as tables.

use std::collections::BTreeMap;

use serde::Serialize;

use super::inspect::By;
use super::output::Output;
use crate::adapter::Module;
use crate::inspect::survey::{RoutingSurvey, TopicRouting, statements};
use crate::inspect::{Routing, summary_in_words};

/// The event `routing` of a prompt. Heads are numbered from 0, gates in their order.
#[derive(Serialize)]
pub(super) struct OfText {
    pub(super) heads: usize,
    pub(super) tokens: Vec<RoutedToken>,
    modules: BTreeMap<String, ModuleGates>,
    /// Mean gate of every head over all tokens and modules.
    load: Vec<f32>,
    /// Mean entropy of a token's gates as a share of the largest possible: 1 is even, 0 is one head alone.
    entropy: f32,
    summary: String,
    /// In forward order.
    #[serde(skip)]
    pub(super) means: Vec<(Module, Vec<f32>)>,
}

/// One token, with its gates averaged over all modules.
#[derive(Serialize)]
pub(super) struct RoutedToken {
    id: u32,
    pub(super) text: String,
    pub(super) gates: Vec<f32>,
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
pub(super) struct OfData {
    heads: usize,
    examples: usize,
    topics: Vec<RoutedTopic>,
    /// Mean gate of every head, per module.
    modules: BTreeMap<String, Vec<f32>>,
    load: Vec<f32>,
    entropy: f32,
    summary: String,
    /// What is there beyond chance, in words.
    statements: Vec<String>,
    /// What a user called the heads, by head.
    names: Vec<Option<String>>,
    /// Everything that was counted.
    survey: RoutingSurvey,
}

/// How the heads share one topic's tokens.
#[derive(Serialize)]
struct RoutedTopic {
    topic: String,
    examples: usize,
    /// Over the topic's tokens.
    load: Vec<f32>,
    entropy: f32,
    /// Mean over examples, its standard deviation from example to example, and its standard error.
    mean: Vec<f32>,
    deviation: Vec<f32>,
    error: Vec<f32>,
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
            means: load.module_means().collect(),
            load: mean,
            entropy,
        }
    }

    /// The gates of a module, `[tokens, heads]`.
    pub(super) fn gates(&self, module: Module) -> &[Vec<f32>] {
        self.modules.get(&module.to_string()).map_or(&[], |gates| gates.gates.as_slice())
    }

    pub(super) fn tell(&self, by: Option<By>, output: &Output) {
        output.event("routing", self);
        tell_means(&self.means, self.heads, by, output);
        output.line("\nTokens, with the head that leads and its gate, over all modules:");
        for token in &self.tokens {
            let gate = token.gates.get(token.leader).copied().unwrap_or_default();
            output.line(&format!("  head {}  {gate:.2}  {:?}", token.leader, token.text));
        }
        tell_sum(&self.load, self.entropy, &self.summary, output);
    }
}

impl OfData {
    pub(super) fn new(survey: RoutingSurvey, names: Vec<Option<String>>) -> Self {
        let topic = |t: &TopicRouting| RoutedTopic {
            topic: t.name().into_owned(),
            examples: t.examples,
            load: t.gates.mean.clone(),
            entropy: t.gates.entropy,
            mean: t.mean.clone(),
            deviation: t.deviation.clone(),
            error: t.error.clone(),
        };
        Self {
            heads: survey.heads,
            examples: survey.examples,
            topics: survey.topics.iter().map(topic).collect(),
            modules: survey.modules.iter().map(|m| (m.module.to_string(), m.gates.mean.clone())).collect(),
            load: survey.overall.mean.clone(),
            entropy: survey.overall.entropy,
            summary: summary_in_words(&survey.overall.mean, survey.overall.entropy),
            statements: statements(&survey, &|head| labelled(&names, head)),
            names,
            survey,
        }
    }

    pub(super) fn survey(&self) -> &RoutingSurvey {
        &self.survey
    }

    pub(super) fn tell(&self, by: Option<By>, output: &Output) {
        output.event("routing", self);
        if by != Some(By::Topic) {
            let means: Vec<(Module, Vec<f32>)> =
                self.survey.modules.iter().map(|m| (m.module, m.gates.mean.clone())).collect();
            tell_means(&means, self.heads, by, output);
        }
        if by.is_none_or(|by| by == By::Topic) {
            self.tell_topics(output);
        }
        self.tell_heads(output);
        output.line("");
        for statement in &self.statements {
            output.line(&format!("- {statement}"));
        }
        tell_sum(&self.load, self.entropy, &self.summary, output);
    }

    fn tell_topics(&self, output: &Output) {
        output.line("\nMean gate of every head by topic, and its standard deviation from example to example:");
        let name = |topic: &RoutedTopic| format!("{} ({})", topic.topic, topic.examples);
        let width = self.topics.iter().map(|topic| name(topic).chars().count()).max().unwrap_or_default();
        let heading: String = (0..self.heads).map(|head| format!("  {:<11}", format!("head {head}"))).collect();
        output.line(&format!("  {:width$}{}", "", heading.trim_end()));
        for topic in &self.topics {
            let both = topic.mean.iter().zip(&topic.deviation);
            let cells: String = both.map(|(mean, spread)| format!("  {mean:.2} ± {spread:.2}")).collect();
            output.line(&format!("  {:width$}{cells}", name(topic)));
        }
    }

    /// What excites each head most.
    fn tell_heads(&self, output: &Output) {
        output.line("\nWhat excites each head most:");
        for portrait in &self.survey.portraits {
            let suggested = portrait.suggested_name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            output.line(&format!("  {}{suggested}", labelled(&self.names, portrait.head)));
            let tokens: Vec<String> = portrait
                .tokens
                .iter()
                .take(TOKENS)
                .map(|token| format!("{:?} {:.2} ×{}", token.text, token.mean, token.count))
                .collect();
            if !tokens.is_empty() {
                output.line(&format!("    tokens    {}", tokens.join("  ")));
            }
            for example in portrait.examples.iter().take(EXAMPLES) {
                output.line(&format!("    {:.2}      {}: {}", example.mean, example.source, example.snippet));
            }
        }
    }
}

/// Tokens and examples that are printed for a head.
const TOKENS: usize = 6;
const EXAMPLES: usize = 3;

/// A head by its number, and by its name where it has one.
fn labelled(names: &[Option<String>], head: usize) -> String {
    match names.get(head).and_then(Option::as_ref) {
        Some(name) => format!("Head {head} “{name}”"),
        None => format!("Head {head}"),
    }
}

/// Means over the modules of each layer, all of which see the same tokens.
pub(super) fn layers(modules: &[(Module, Vec<f32>)]) -> Vec<(usize, Vec<f32>)> {
    let mut sums = BTreeMap::<usize, (usize, Vec<f32>)>::new();
    for (module, mean) in modules {
        let (count, sum) = sums.entry(module.layer).or_insert_with(|| (0, vec![0.0; mean.len()]));
        *count += 1;
        sum.iter_mut().zip(mean).for_each(|(sum, gate)| *sum += gate);
    }
    let mean = |(layer, (count, sum)): (usize, (usize, Vec<f32>))| {
        (layer, sum.iter().map(|gate| gate / count as f32).collect())
    };
    sums.into_iter().map(mean).collect()
}

/// By layer, or by module where that is asked for.
fn tell_means(modules: &[(Module, Vec<f32>)], heads: usize, by: Option<By>, output: &Output) {
    if by == Some(By::Module) {
        let width = modules.iter().map(|(module, _)| module.to_string().len()).max().unwrap_or_default();
        output.line("Mean gate of every head by module:");
        output.line(&format!("  {:width$}{}", "module", heading(heads)));
        for (module, mean) in modules {
            output.line(&format!("  {:width$}{}", module.to_string(), shares(mean)));
        }
        return;
    }
    output.line("Mean gate of every head by layer:");
    output.line(&format!("  layer{}", heading(heads)));
    for (layer, mean) in layers(modules) {
        output.line(&format!("  {layer:>5}{}", shares(&mean)));
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
