//! What a run trains on, as tokens: examples in a seeded order, or the rows of a token file in file order.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use crate::data::{Example, Source, split};
use crate::job::Job;
use crate::text::{Batch, ChatTokenizer, TokenizedExample, epoch_order};

use super::{TrainError, TrainSettings};

/// One tokenized example and where it came from.
#[derive(Clone, Debug)]
pub struct Row {
    pub tokens: TokenizedExample,
    pub source: Source,
    /// Index into [`Dataset::topics`].
    pub topic: Option<usize>,
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
    /// Errs when no example has a supervised token within the context.
    pub fn from_examples(
        examples: &[Example],
        tokenizer: &ChatTokenizer,
        settings: &TrainSettings,
        job: &Job,
    ) -> Result<Self, TrainError> {
        let parts = split(examples, settings.held_out, settings.seed);
        let mut dataset = Self::default();
        let mut topic_ids = HashMap::new();
        let all = parts.train.iter().map(|i| (i, false)).chain(parts.held_out.iter().map(|i| (i, true)));
        for (done, (&index, is_held_out)) in all.enumerate() {
            let Some(example) = examples.get(index) else { continue };
            if done % 64 == 0 {
                job.check()?;
                job.progress(done as f32 / examples.len() as f32, "Reading the examples as the model will");
            }
            let Some(tokens) = dataset.tokenize(example, tokenizer, settings.context) else { continue };
            let topic = example.topic.as_ref().map(|topic| dataset.topic_id(&mut topic_ids, topic));
            let row = Row { tokens, source: example.source.clone(), topic };
            if is_held_out { dataset.held_out.push(row) } else { dataset.train.push(row) }
        }
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

    /// The rows of micro-batch `index`, counted from 0 over the whole run: a run's place in its data is this one number.
    pub fn micro_batch(&self, index: usize, batch: usize, seed: u64) -> Vec<&Row> {
        let n = self.train.len().max(1);
        let mut order = (usize::MAX, Vec::new());
        let pick = |k: usize| {
            let (epoch, at) = (k / n, k % n);
            if self.in_file_order {
                return self.train.get(at);
            }
            if order.0 != epoch {
                order = (epoch, epoch_order(n, seed, epoch));
            }
            self.train.get(*order.1.get(at)?)
        };
        (index * batch..(index + 1) * batch).filter_map(pick).collect()
    }

    /// At most `most` held-out rows, evenly spread over all of them, in batches of at most `batch`, longest first so that
    /// little is padded.
    pub fn held_out_batches(&self, batch: usize, most: usize) -> Vec<Vec<&Row>> {
        let (all, taken) = (self.held_out.len(), self.held_out.len().min(most));
        let mut rows: Vec<&Row> = (0..taken).filter_map(|i| self.held_out.get(i * all / taken)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.tokens.ids.len()));
        rows.chunks(batch.max(1)).map(<[&Row]>::to_vec).collect()
    }
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

    fn lines(rows: &[&Row]) -> Vec<usize> {
        rows.iter().map(|row| row.source.line).collect()
    }

    #[test]
    fn every_row_comes_once_an_epoch_and_the_next_epoch_has_another_order() {
        let data = dataset(10);
        let epoch =
            |first: usize| (first..first + 5).flat_map(|i| lines(&data.micro_batch(i, 2, 7))).collect::<Vec<_>>();
        let (first, second) = (epoch(0), epoch(5));
        let sorted = |mut v: Vec<usize>| {
            v.sort_unstable();
            v
        };
        assert_eq!(sorted(first.clone()), (1..=10).collect::<Vec<_>>());
        assert_eq!(sorted(second.clone()), (1..=10).collect::<Vec<_>>());
        assert_ne!(first, second);
        assert_eq!(lines(&data.micro_batch(3, 2, 7)), first[6..8]);
    }

    #[test]
    fn token_rows_come_in_file_order_and_start_again() {
        let data = Dataset { in_file_order: true, ..dataset(3) };
        assert_eq!(lines(&data.micro_batch(1, 2, 7)), [3, 1]);
    }

    #[test]
    fn a_measure_takes_rows_from_all_over_longest_first() {
        let data = dataset(100);
        let batches = data.held_out_batches(8, 20);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 4]);
        assert!(batches.iter().flatten().any(|row| row.source.line > 90));
        let lengths: Vec<usize> = batches.iter().flatten().map(|row| row.tokens.ids.len()).collect();
        assert!(lengths.is_sorted_by(|a, b| a >= b));
        assert_eq!(data.held_out_batches(64, 1000).iter().map(Vec::len).sum::<usize>(), 100);
        assert!(dataset(0).held_out_batches(8, 20).is_empty());
    }
}
