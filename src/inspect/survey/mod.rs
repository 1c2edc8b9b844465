//! The routing of many examples, summed up: which head the tokens of every module go to, how topics share the heads, and
//! what excites each head most. [`RoutingSurvey`] is plain data; start reading there. [`Surveyor`] makes one, a few
//! examples at a time, and holds no more of a corpus than sums: `topics.rs` those of the topics, `tokens.rs` those of the
//! tokens. `shuffle.rs` asks whether chance would draw the same pattern, `names.rs` proposes names for the heads, and
//! `words.rs` says in words what is there.
//!
//! A mean over an example is taken over its tokens and all modules alike, and a mean over examples gives every example the
//! same weight: the example is what topics are shuffled over, and what a spread is of.

mod labels;
mod names;
mod shuffle;
mod surveyor;
mod tokens;
mod topics;
mod words;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use crate::adapter::GateSummary;
use crate::adapter::{HealthFinding, Module, ModuleHealth};
use crate::data::Source;

pub use labels::Topics;
pub use shuffle::{BEYOND_CHANCE, SHUFFLES, TESTED};
pub use surveyor::{SurveyRow, Surveyor, survey};
pub use topics::MOST_TOPICS;
pub use words::{share_statement, statements, topic_statements};

/// The routing of many examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoutingSurvey {
    /// Number of heads.
    pub heads: usize,
    pub examples: usize,
    pub tokens: usize,
    /// Examples that could not be read as the model reads them, and were passed over.
    pub skipped: usize,
    /// Over all tokens of all modules.
    pub overall: GateSummary,
    /// Every adapted module, in forward order.
    pub modules: Vec<ModuleSummary>,
    /// In the order of the data; the [`MOST_TOPICS`] with the most examples are told apart, and the rest come as one after
    /// them. The examples without a topic come last, where there are any.
    pub topics: Vec<TopicRouting>,
    /// What topics and heads have to do with each other; `None` with fewer than two topics of two examples.
    pub association: Option<TopicAssociation>,
    /// One for every head, in order.
    pub portraits: Vec<HeadPortrait>,
    /// What is wrong with the heads; empty where they are in good health.
    pub health: Vec<HealthFinding>,
}

/// The gates of one module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleSummary {
    pub module: Module,
    pub gates: GateSummary,
    /// Mean cosine of every two heads' flattened `B`; `None` with one head, or where a `B` is still zero.
    pub similarity: Option<f32>,
}

impl ModuleSummary {
    /// What its health is judged by.
    pub fn health(&self) -> ModuleHealth<'_> {
        ModuleHealth { module: self.module, gates: &self.gates, similarity: self.similarity }
    }
}

/// How the heads share one topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicRouting {
    /// `None`: the examples without a topic, or those of the topics that are gathered.
    pub topic: Option<String>,
    /// How many topics are gathered here, because more than [`MOST_TOPICS`] have more examples; 0 for a topic of its own.
    #[serde(default)]
    pub gathered: usize,
    pub examples: usize,
    pub tokens: usize,
    /// Over the topic's tokens, all modules together.
    pub gates: GateSummary,
    /// Mean over the topic's examples of an example's mean gate, per head; sums to 1.
    pub mean: Vec<f32>,
    /// Standard deviation of an example's mean gate over the topic's examples, per head; 0 with one example.
    pub deviation: Vec<f32>,
    /// Standard error of `mean`: `deviation / √examples`.
    pub error: Vec<f32>,
    /// How many examples each head leads, by the example's mean gate.
    pub leads: Vec<usize>,
    /// `mean` in every module, in the order of [`RoutingSurvey::modules`].
    pub modules: Vec<Vec<f32>>,
}

impl TopicRouting {
    /// What it is called: its topic, `other (37 topics)` or `no topic`.
    pub fn name(&self) -> Cow<'_, str> {
        match (&self.topic, self.gathered) {
            (Some(topic), _) => topic.into(),
            (None, 0) => "no topic".into(),
            (None, 1) => "other (1 topic)".into(),
            (None, gathered) => format!("other ({gathered} topics)").into(),
        }
    }
}

/// What topics and heads have to do with each other, beside what chance would show: the topics' labels were shuffled over
/// the examples again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicAssociation {
    /// Shuffles that the figures rest on.
    pub shuffles: usize,
    /// Examples with a topic that were shuffled: all, or an even selection of many.
    pub examples: usize,
    /// Normalised mutual information of an example's topic and the head that leads it, 0 to 1.
    pub nmi: f32,
    /// The same under shuffled labels, the mean.
    pub nmi_by_chance: f32,
    /// Share of the shuffles with as much of it.
    pub nmi_p: f32,
    /// Normalised mutual information of a token's topic and the head that leads it, over all tokens and modules.
    pub token_nmi: f32,
    /// The topics that heads prefer or avoid beyond chance, the strongest first: over all modules together, then in single
    /// modules. Empty where noise could draw what is there.
    pub preferences: Vec<Preference>,
}

/// A topic that a head prefers or avoids, beyond chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preference {
    pub head: usize,
    /// Into [`RoutingSurvey::topics`].
    pub topic: usize,
    /// `None`: over all modules together.
    pub module: Option<Module>,
    /// Mean gate of the head over the topic's examples, and over those of all other topics.
    pub mean: f32,
    pub others: f32,
    /// Their difference, in standard deviations of an example's mean gate; below 0 where the head avoids the topic.
    pub effect: f32,
    /// Share of the shuffles in which any topic of any head, or of any module, stood out as much.
    pub p: f32,
}

/// What one head attracts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadPortrait {
    pub head: usize,
    /// Mean over examples of an example's mean gate, and its standard deviation.
    pub mean: f32,
    pub deviation: f32,
    /// The examples with the largest mean gate, the largest first.
    pub examples: Vec<ExcitingExample>,
    /// The tokens that raise the head's gate most and most surely, the strongest first.
    pub tokens: Vec<ExcitingToken>,
    /// A name from what the head attracts beyond chance, where there is such a thing.
    pub suggested_name: Option<String>,
}

/// An example with a large mean gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExcitingExample {
    pub source: Source,
    pub topic: Option<String>,
    /// The beginning of its last user message.
    pub snippet: String,
    /// Mean gate of the head over the example's tokens and all modules.
    pub mean: f32,
}

/// A token with a large mean gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExcitingToken {
    pub text: String,
    /// How often it came.
    pub count: usize,
    /// Mean gate of the head at this token, over all modules.
    pub mean: f32,
    /// `mean` as a multiple of the head's mean over all tokens.
    pub lift: f32,
}
