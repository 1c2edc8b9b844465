//! Topics: what the window asks for and changes, and how it is told of them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cluster::{Advice, FindTopics, TopicFeatures, TopicMethod, Trial};

/// How topics are looked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicSearch {
    pub method: TopicMethod,
    pub features: TopicFeatures,
    /// The number of topics; `None` takes the one that is advised. By density it is what it is.
    pub topics: Option<usize>,
    pub seed: u64,
}

impl Default for TopicSearch {
    fn default() -> Self {
        let FindTopics { topics, seed, .. } = FindTopics::default();
        Self { method: TopicMethod::default(), features: TopicFeatures::default(), topics, seed }
    }
}

/// A change of the topics. Topics are told by their ids, examples by their places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TopicEdit {
    /// Into the first of them.
    Merge(Vec<u32>),
    /// In two, by k-means.
    Split(u32),
    Rename {
        topic: u32,
        name: String,
    },
    /// Whether its examples are left out of training.
    Exclude {
        topic: u32,
        is_excluded: bool,
    },
    /// A new topic of these examples.
    Gather(Vec<usize>),
    Undo,
    Redo,
}

/// An example in brief.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExampleBrief {
    /// Its place among the examples.
    pub row: usize,
    /// `file:line`.
    pub source: String,
    /// Its beginning, in one line.
    pub text: String,
}

/// One topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicView {
    pub id: u32,
    pub name: String,
    /// The place of its colour among those of the heads.
    pub color: usize,
    pub size: usize,
    /// The words that stand out in it, strongest first.
    pub words: Vec<String>,
    pub typical: Vec<ExampleBrief>,
    /// Examples that are about as near to another topic.
    pub borderline: Vec<ExampleBrief>,
    pub is_excluded: bool,
}

/// The topics as they stand after the changes so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicBoard {
    pub topics: Vec<TopicView>,
    /// The number of examples.
    pub examples: usize,
    /// Examples of no topic.
    pub noise: usize,
    /// For every shown example the place of its topic among `topics`.
    pub shown: Vec<Option<u32>>,
    /// How far the topics agree with the labels that the data brings, 0 to 1, where it brings some.
    pub agreement: Option<f64>,
    /// What undoing takes back, and what redoing does again.
    pub undo: Option<String>,
    pub redo: Option<String>,
    /// Whether the examples carry these topics.
    pub is_applied: bool,
}

/// What was found, whatever is changed later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicsReport {
    pub search: TopicSearch,
    pub advice: Advice,
    /// By the number of groups, from 1 up.
    pub sse: Vec<f64>,
    pub silhouette: Vec<f64>,
    pub stability: f64,
    /// English names of the languages found.
    pub languages: Vec<String>,
    /// The examples on the map: all, or a sample of many.
    pub shown: Vec<ExampleBrief>,
    /// Where they lie along their principal directions.
    pub principal: Vec<[f32; 2]>,
    /// The file that the topics were read from, where they were.
    pub file: Option<PathBuf>,
}

/// A second opinion on the topics, by density and by repeated trials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicOpinion {
    pub groups: usize,
    /// Examples that lie apart from every group.
    pub noise: usize,
    /// For every shown example its dense group.
    pub shown: Vec<Option<u32>>,
    /// How far the dense groups agree with the labels that the data brings, where it brings some.
    pub agreement: Option<f64>,
    pub trials: Vec<Trial>,
}
