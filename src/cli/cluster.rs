//! `hydra-studio cluster`: which topics the examples are of, and how many heads they call for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::columns::ColumnFlag;
use super::flags::{HeadCount, named};
use super::open;
use super::output::{Outcome, Output};
use crate::cluster::{
    Clarity, DenseGroups, FindTopics, Points, Topics, find_dense_groups, find_topics, find_topics_by,
    normalised_mutual_information,
};
use crate::data::{self, ColumnMap, DataError, Examples};
use crate::model::pooled_prompts;
use crate::train::{Dataset, DeviceChoice, TrainSettings, heads_for_topics};

const LONG_ABOUT: &str = "\
Find the topics of your examples, and how many heads they call for.

Groups the examples by their words, or by what a base model makes of them, for every number of groups from 1 to 10, and \
says how many heads suit them and why. Nothing is written. `train --heads auto` takes the same advice where the data has no labels.";

const EXAMPLES: &str = "\
Examples:
  hydra-studio cluster faq.csv
  hydra-studio cluster faq.csv shop.jsonl --heads 4 --json
  hydra-studio cluster faq.csv --features model --model smollm2.gguf";

/// How examples are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ClusterMethod {
    #[default]
    Kmeans,
    Dbscan,
}

/// What examples are told apart by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Features {
    #[default]
    Tfidf,
    Model,
}

/// What `cluster` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Find the topics of your examples, and how many heads they call for", long_about = LONG_ABOUT)]
#[command(after_long_help = EXAMPLES)]
pub struct ClusterArgs {
    /// .jsonl, .json, .csv, .tsv, .parquet, .xlsx, .txt or .md files, also as .gz or .zst, or folders with such files
    #[arg(value_name = "DATA", required = true)]
    pub data: Vec<PathBuf>,

    #[command(flatten)]
    pub columns: ColumnFlag,

    /// kmeans, or dbscan as a second opinion, which leaves out what lies apart
    #[arg(long, value_enum, default_value_t)]
    pub method: ClusterMethod,

    /// Number of topics, or auto for the number that is advised
    #[arg(long, value_name = "N|auto", default_value = "auto")]
    pub heads: HeadCount,

    /// Tell examples apart by their words, or by the hidden states of a base model
    #[arg(long, value_enum, default_value_t)]
    pub features: Features,

    /// The base model for --features model: a Hugging Face folder or a .gguf file
    #[arg(long, value_name = "M", required_if_eq("features", "model"))]
    pub model: Option<PathBuf>,

    /// Fixes what is drawn
    #[arg(long, value_name = "S", default_value_t = FindTopics::default().seed)]
    pub seed: u64,

    /// Where to compute features of a model [default: auto]
    #[arg(long, value_name = "auto|cpu|cuda|metal", value_parser = named::<DeviceChoice>)]
    pub device: Option<DeviceChoice>,
}

/// The event `done`.
#[derive(Serialize)]
struct DoneEvent<'a> {
    /// The number of heads: the one asked for, or the one advised.
    heads: usize,
    /// The advice in one sentence.
    advice: &'a str,
    clarity: Option<Clarity>,
    reasons: &'a [String],
    /// By the number of groups, from 1 up.
    sse: &'a [f64],
    silhouette: &'a [f64],
    stability: Option<f64>,
    sizes: &'a [usize],
    words: &'a [Vec<String>],
    /// In the order of the kept examples; −1 is noise, which only dbscan knows.
    labels: Vec<i64>,
    languages: &'a [&'static str],
    /// How far the topics agree with the labels that the data brings, 0 to 1, where it brings some.
    agreement: Option<f64>,
}

/// Finds the topics and tells them.
pub fn run(args: &ClusterArgs, output: &Output) -> anyhow::Result<Outcome> {
    let import = data::import(&args.data, &args.columns.column_map()?, output.job())?;
    let examples = &import.examples;
    if examples.is_empty() {
        bail!("no example is left to group: `hydra-studio import` says why each row was dropped");
    }
    let texts = texts(examples)?;
    match args.method {
        ClusterMethod::Kmeans => {
            let topics = args.topics(examples, &texts, output)?;
            output.clear_progress();
            tell(&topics, examples, output);
        }
        ClusterMethod::Dbscan => {
            let groups = find_dense_groups(&texts, args.seed, output.job())?;
            output.clear_progress();
            tell_dense(&groups, examples, output);
        }
    }
    Ok(Outcome::Done)
}

/// The heads that suit `data`, which was read from `paths`: one for each topic that it labels, where these make a usable
/// number; else as many as its words call for, and never one, since the methods that ask mix heads. The default where it
/// was read from tokens, with no path. Says on stderr which.
pub(super) fn suited_heads(
    data: &Dataset,
    paths: &[PathBuf],
    map: &ColumnMap,
    seed: u64,
    output: &Output,
) -> anyhow::Result<usize> {
    let (heads, why) = if let Some(heads) = heads_for_topics(data.topics.len()) {
        (heads, "One for each labelled topic.".to_owned())
    } else if paths.is_empty() {
        (TrainSettings::default().heads, "The default, since token files tell no topics.".into())
    } else {
        let import = data::import(paths, map, output.job())?;
        let texts = texts(&import.examples)?;
        let topics = find_topics(&texts, &FindTopics { seed, ..FindTopics::default() }, output.job())?;
        output.clear_progress();
        (topics.advice.heads.max(2), topics.advice.sentence)
    };
    output.note(&format!("Heads: {heads}. {why}"));
    Ok(heads)
}

/// What is grouped: all that was said in each example.
fn texts(examples: &Examples) -> Result<Vec<String>, DataError> {
    examples.iter().map(|example| Ok(example?.text())).collect()
}

impl ClusterArgs {
    fn topics(&self, examples: &Examples, texts: &[String], output: &Output) -> anyhow::Result<Topics> {
        let topics = match self.heads {
            HeadCount::Auto => None,
            HeadCount::Exactly(topics) if (1..=texts.len()).contains(&topics) => Some(topics),
            HeadCount::Exactly(topics) => {
                bail!("{} examples cannot make {topics} topics: 2 to 8 are usual", texts.len())
            }
        };
        let wanted = FindTopics { topics, seed: self.seed, ..FindTopics::default() };
        match &self.model {
            Some(model) if self.features == Features::Model => {
                let points = self.model_features(model, examples, output)?;
                Ok(find_topics_by(texts, &points, &wanted, output.job())?)
            }
            _ => Ok(find_topics(texts, &wanted, output.job())?),
        }
    }

    /// What the base model makes of every prompt.
    fn model_features(&self, model: &Path, examples: &Examples, output: &Output) -> anyhow::Result<Points> {
        let model = open::model(model, self.device.unwrap_or_default(), output)?;
        let prompts: Vec<String> =
            examples.iter().map(|example| Ok(example?.prompt())).collect::<Result<_, DataError>>()?;
        Ok(pooled_prompts(&model, &prompts, output.job())?)
    }
}

fn tell(topics: &Topics, examples: &Examples, output: &Output) {
    let advice = &topics.advice;
    let labels: Vec<i64> = topics.labels.iter().map(|label| i64::from(*label)).collect();
    let agreement = agreement(examples, &labels);
    output.line("Topics, the largest first:");
    for (number, (size, words)) in topics.sizes.iter().zip(&topics.words).enumerate() {
        output.line(&format!("  {number}  {size:>6} examples  {}", words.join(", ")));
    }
    output.line("\nGroups  error (share of one group's)  silhouette");
    let first = topics.sse.first().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
    for (i, (sse, silhouette)) in topics.sse.iter().zip(&topics.silhouette).enumerate() {
        output.line(&format!("  {:>4}  {:>28.3}  {silhouette:>10.3}", i + 1, sse / first));
    }
    output.line(&format!("\n{}", advice.sentence));
    advice.reasons.iter().for_each(|reason| output.line(&format!("  {reason}")));
    tell_agreement(agreement, output);
    output.event(
        "done",
        DoneEvent {
            heads: topics.sizes.len(),
            advice: &advice.sentence,
            clarity: Some(advice.clarity),
            reasons: &advice.reasons,
            sse: &topics.sse,
            silhouette: &topics.silhouette,
            stability: Some(topics.stability),
            sizes: &topics.sizes,
            words: &topics.words,
            labels,
            languages: &topics.languages,
            agreement,
        },
    );
}

fn tell_dense(groups: &DenseGroups, examples: &Examples, output: &Output) {
    let labels: Vec<i64> = groups.labels.iter().map(|label| i64::from(*label)).collect();
    let mut sizes = vec![0usize; groups.groups];
    for label in &labels {
        if let Some(size) = usize::try_from(*label).ok().and_then(|label| sizes.get_mut(label)) {
            *size += 1;
        }
    }
    let apart = labels.iter().filter(|label| **label < 0).count();
    let agreement = agreement(examples, &labels);
    let sentence = format!(
        "By density there are {} groups, and {apart} of {} examples belong to none. On texts this depends much on the radius: \
         take it as a second opinion.",
        groups.groups,
        labels.len()
    );
    for (number, size) in sizes.iter().enumerate() {
        output.line(&format!("  {number}  {size:>6} examples"));
    }
    output.line(&sentence);
    tell_agreement(agreement, output);
    output.event(
        "done",
        DoneEvent {
            heads: groups.groups,
            advice: &sentence,
            clarity: None,
            reasons: &[],
            sse: &[],
            silhouette: &[],
            stability: None,
            sizes: &sizes,
            words: &[],
            labels,
            languages: &[],
            agreement,
        },
    );
}

fn tell_agreement(agreement: Option<f64>, output: &Output) {
    if let Some(agreement) = agreement {
        output.line(&format!("Agreement with the labels in the data: {agreement:.2} (1 is full, 0 none)."));
    }
}

/// Normalised mutual information between the topics and the labels of the data, over the examples that have one.
fn agreement(examples: &Examples, labels: &[i64]) -> Option<f64> {
    let mut names = BTreeMap::<&str, u32>::new();
    let mut found = BTreeMap::<i64, u32>::new();
    let mut pairs = (Vec::new(), Vec::new());
    for (index, label) in labels.iter().enumerate() {
        let Some(topic) = examples.topic(index) else { continue };
        let next = names.len() as u32;
        pairs.0.push(*names.entry(topic).or_insert(next));
        let next = found.len() as u32;
        pairs.1.push(*found.entry(*label).or_insert(next));
    }
    (names.len() > 1).then(|| normalised_mutual_information(&pairs.0, &pairs.1))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        cluster: ClusterArgs,
    }

    fn parse(line: &str) -> Result<ClusterArgs, clap::Error> {
        Line::try_parse_from(format!("cluster {line}").split_whitespace()).map(|line| line.cluster)
    }

    #[test]
    fn features_of_a_model_need_the_model() {
        assert!(parse("faq.csv --features model").is_err());
        assert_eq!(parse("faq.csv --features model --model m.gguf").unwrap().features, Features::Model);
    }

    #[test]
    fn without_flags_the_advised_number_is_taken() {
        let args = parse("faq.csv").unwrap();
        assert_eq!((args.heads, args.method, args.seed), (HeadCount::Auto, ClusterMethod::Kmeans, 42));
    }
}
