//! What a run trains on, as tokens: examples in a seeded order, or the rows of a token file in file order.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use crate::data::{Example, Examples, Source, split};
use crate::job::Job;
use crate::text::{Batch, ChatTokenizer, TokenizedExample, length_groups, packed_groups};

use super::{SamplePrompt, TrainError, TrainSettings};

/// One tokenized example and where it came from.
#[derive(Clone, Debug)]
pub struct Row {
    pub tokens: TokenizedExample,
    pub source: Source,
    /// Index into [`Dataset::topics`].
    pub topic: Option<usize>,
}

/// Held-out rows that are measured in one pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldOutBatch {
    /// The topic of all of them, into [`Dataset::topics`].
    pub topic: Option<usize>,
    /// Into [`Dataset::held_out`].
    pub rows: Vec<usize>,
}

/// A row that a run cannot learn from, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    #[serde(flatten)]
    pub source: Source,
    pub reason: String,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

/// The rows of a run, ready for batches.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    pub train: Vec<Row>,
    pub held_out: Vec<Row>,
    /// The labels that the data gave.
    pub topics: Vec<String>,
    /// Prompts of held-out examples that are answered at every measure.
    pub prompts: Vec<SamplePrompt>,
    /// Rows cut to the context.
    pub cut: usize,
    /// Rows left out because nothing in them can be learnt.
    pub left_out: Vec<LeftOut>,
    /// Rows of a token file are taken in file order, examples in a seeded one.
    pub(super) in_file_order: bool,
}

impl Dataset {
    /// Examples split, rendered with the model's template and tokenized.
    ///
    /// Errs when no example has a supervised token within the context, and when the examples cannot be read.
    pub fn from_examples(
        examples: &Examples,
        tokenizer: &ChatTokenizer,
        settings: &TrainSettings,
        job: &Job,
    ) -> Result<Self, TrainError> {
        let mut parts = split(examples, settings.held_out, settings.seed);
        if let Some(topic) = &settings.only_topic {
            // After the split, so that what is held out is held out of every topic's run and of that of all.
            let is_of_topic = |index: &usize| examples.topic(*index) == Some(topic);
            parts.train.retain(is_of_topic);
            parts.held_out.retain(is_of_topic);
            if parts.train.is_empty() {
                return Err(no_such_topic(examples, topic));
            }
        }
        let mut dataset = Self::default();
        let mut topic_ids = HashMap::new();
        let all = parts.train.iter().chain(&parts.held_out).copied();
        for (done, example) in examples.iter_of(all).enumerate() {
            let (example, is_held_out) = (example?, done >= parts.train.len());
            if done % 64 == 0 {
                job.check()?;
                job.progress(done as f32 / examples.len() as f32, "Reading the examples as the model will");
            }
            let Some(tokens) = dataset.tokenize(&example, tokenizer, settings.context) else { continue };
            let topic = example.topic.as_ref().map(|topic| dataset.topic_id(&mut topic_ids, topic));
            let row = Row { tokens, source: example.source, topic };
            if is_held_out { dataset.held_out.push(row) } else { dataset.train.push(row) }
        }
        let (most, room) = (settings.samples, settings.context);
        dataset.prompts = SamplePrompt::drawn(examples, &parts.held_out, most, room, tokenizer)?;
        if dataset.train.is_empty() {
            return Err(TrainError::NothingToLearn {
                examples: examples.len(),
                reason: dataset.left_out.first().map_or("there are no examples".into(), LeftOut::to_string),
            });
        }
        Ok(dataset)
    }

    fn tokenize(&mut self, example: &Example, tokenizer: &ChatTokenizer, context: usize) -> Option<TokenizedExample> {
        let reason = match tokenizer.encode_example(&example.messages, context) {
            Ok(tokens) if tokens.supervised_count() > 0 => {
                self.cut += usize::from(tokens.cut > 0);
                return Some(tokens);
            }
            Ok(_) => format!("no token of the answer fits in the context of {context} tokens: take a longer one"),
            Err(error) => error.to_string(),
        };
        self.left_out.push(LeftOut { source: example.source.clone(), reason });
        None
    }

    fn topic_id(&mut self, ids: &mut HashMap<String, usize>, topic: &str) -> usize {
        *ids.entry(topic.to_owned()).or_insert_with(|| {
            self.topics.push(topic.to_owned());
            self.topics.len() - 1
        })
    }

    /// The rows of a token file: `input_ids` [n, t] and `labels` [n, t], i64. Rows come in file order, whole, and start
    /// again at the end; none is held out.
    pub fn from_token_file(path: &Path, vocab: usize) -> Result<Self, TrainError> {
        let rows = super::token_file::read(path, vocab, true)?;
        let file = path.display().to_string();
        let row = |(i, tokens): (usize, TokenizedExample)| Row {
            tokens,
            source: Source { file: file.clone(), line: i + 1 },
            topic: None,
        };
        let train = rows.into_iter().enumerate().map(row).collect();
        Ok(Self { train, in_file_order: true, ..Self::default() })
    }

    /// At most `most` held-out rows, evenly spread over all of them, as they are computed together: only rows of one
    /// topic, so that its loss is known.
    pub fn held_out_batches(&self, settings: &TrainSettings, most: usize) -> Vec<HeldOutBatch> {
        let (all, taken) = (self.held_out.len(), self.held_out.len().min(most));
        let mut by_topic: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for row in (0..taken).map(|i| i * all / taken) {
            by_topic.entry(self.held_out.get(row).and_then(|row| row.topic)).or_default().push(row);
        }
        let batches = by_topic.into_iter().flat_map(|(topic, rows)| {
            let groups = grouped(&self.held_out, &rows, settings).into_iter();
            groups.map(move |rows| HeldOutBatch { topic, rows })
        });
        batches.collect()
    }
}

/// What is said where no example to train on has the only topic that is asked for.
fn no_such_topic(examples: &Examples, topic: &str) -> TrainError {
    let known: Vec<&str> = examples.topics().into_keys().collect();
    let known =
        if known.is_empty() { "the data labels no topics".into() } else { format!("topics are {}", known.join(", ")) };
    TrainError::Settings(format!("only-topic asks for `{topic}`, of which there is no example to train on: {known}"))
}

/// The rows of `all` that `indices` name, as they are computed together.
pub(super) fn grouped(all: &[Row], indices: &[usize], settings: &TrainSettings) -> Vec<Vec<usize>> {
    grouped_by(|index| all.get(index).map(|row| row.tokens.ids.len()), indices, settings)
}

/// The rows that `indices` name, as they are computed together: packed into rows of the context's length, or else those
/// of like length. An index that has no length is left out.
pub(super) fn grouped_by(
    length_of: impl Fn(usize) -> Option<usize>,
    indices: &[usize],
    settings: &TrainSettings,
) -> Vec<Vec<usize>> {
    let (indices, lengths): (Vec<usize>, Vec<usize>) =
        indices.iter().filter_map(|&index| Some((index, length_of(index)?))).unzip();
    let groups = if settings.packing {
        packed_groups(&lengths, settings.context, settings.batch)
    } else {
        length_groups(&lengths, settings.batch)
    };
    let named = |group: Vec<usize>| group.into_iter().filter_map(|at| indices.get(at).copied()).collect();
    groups.into_iter().map(named).collect()
}

/// Rows laid together for one pass: end to end, or else padded to the longest.
pub fn collate(rows: &[&Row], packing: bool) -> Batch {
    let tokens: Vec<&TokenizedExample> = rows.iter().map(|row| &row.tokens).collect();
    if packing { Batch::packed(&tokens) } else { Batch::padded(&tokens, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(rows: usize) -> Dataset {
        let row = |i: usize| Row {
            tokens: TokenizedExample {
                ids: vec![i as u32; 2 + i % 3],
                supervised: vec![true; 2 + i % 3],
                ..TokenizedExample::default()
            },
            source: Source { file: "rows".into(), line: i + 1 },
            topic: None,
        };
        Dataset { train: (0..rows).map(row).collect(), held_out: (0..rows).map(row).collect(), ..Dataset::default() }
    }

    fn settings(batch: usize, packing: bool) -> TrainSettings {
        TrainSettings { batch, packing, context: 8, ..TrainSettings::default() }
    }

    /// The rows that a measure takes, in order.
    fn rows(data: &Dataset, batch: usize, packing: bool, most: usize) -> Vec<usize> {
        let batches = data.held_out_batches(&settings(batch, packing), most);
        let mut rows: Vec<usize> = batches.into_iter().flat_map(|batch| batch.rows).collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn a_pass_of_a_measure_holds_rows_of_one_topic() {
        let mut data = dataset(60);
        data.topics = vec!["a".into(), "b".into()];
        (0..).zip(&mut data.held_out).for_each(|(i, row)| row.topic = Some(i % 3).filter(|topic| *topic < 2));
        assert_eq!(rows(&data, 4, true, 60), (0..60).collect::<Vec<_>>());
        for batch in data.held_out_batches(&settings(4, true), 60) {
            assert!(batch.rows.iter().all(|&row| data.held_out[row].topic == batch.topic), "{batch:?}");
        }
    }

    #[test]
    fn a_measure_takes_rows_from_all_over() {
        let data = dataset(100);
        for packing in [true, false] {
            assert_eq!(rows(&data, 8, packing, 20), (0..20).map(|i| i * 5).collect::<Vec<_>>());
            assert_eq!(rows(&data, 8, packing, 1000).len(), 100);
            assert!(dataset(0).held_out_batches(&settings(8, packing), 20).is_empty());
        }
    }

    #[test]
    fn a_measure_computes_like_lengths_together_or_rows_of_the_context() {
        let data = dataset(100);
        let lengths =
            |pass: &HeldOutBatch| pass.rows.iter().map(|&row| data.held_out[row].tokens.ids.len()).collect::<Vec<_>>();
        let padded = data.held_out_batches(&settings(8, false), 20);
        assert_eq!(padded.iter().map(|pass| pass.rows.len()).collect::<Vec<_>>(), [8, 8, 4]);
        assert!(padded.iter().flat_map(lengths).is_sorted_by(|a, b| a >= b));
        let packed = data.held_out_batches(&settings(2, true), 20);
        let tokens: Vec<usize> = packed.iter().map(|pass| lengths(pass).iter().sum()).collect();
        assert_eq!((tokens.len(), tokens.iter().sum::<usize>()), (4, 60));
        assert!(tokens.iter().all(|tokens| *tokens <= 2 * 8), "two rows of eight tokens a pass: {tokens:?}");
    }
}
