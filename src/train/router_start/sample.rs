//! Which tokens the fit is made on, and which head each topic gets.

use std::ops::Range;

use crate::text::epoch_order;
use crate::train::{Dataset, Row, TrainSettings};

/// Tokens of all examples together, about.
const TOKENS: usize = 8192;
/// Tokens of one example at most, from its beginning, so that there are many examples.
const EXAMPLE_TOKENS: usize = 160;
/// Tokens of one pass, about.
const PASS_TOKENS: usize = 1024;
/// The stream of random order; others are the epochs'.
const ORDER: usize = usize::MAX;

/// Examples for the fit.
pub(super) struct Sample {
    pub batches: Vec<SampleBatch>,
    /// Heads that have a topic, in the order of the targets' columns.
    pub taught: Vec<usize>,
    pub examples: usize,
    pub tokens: usize,
}

/// Examples of one pass, end to end.
#[derive(Default)]
pub(super) struct SampleBatch {
    pub ids: Vec<u32>,
    pub spans: Vec<Range<usize>>,
    /// What a token counts: every head counts the same, and an example's first token, on which attention rests, nothing.
    pub weights: Vec<f32>,
    /// `[tokens, taught]`.
    pub targets: Vec<f32>,
}

/// The head of every topic. With as many heads as topics, or more, topic `i` has head `i`. With fewer, the largest topics
/// have one each, in their own order, and every other joins the head that has the fewest examples by then.
pub(super) fn heads_of_topics(counts: &[usize], heads: usize) -> Vec<usize> {
    if counts.len() <= heads {
        return (0..counts.len()).collect();
    }
    let count = |topic: usize| counts.get(topic).copied().unwrap_or_default();
    let mut by_size: Vec<usize> = (0..counts.len()).collect();
    by_size.sort_by_key(|&topic| (std::cmp::Reverse(count(topic)), topic));
    let (largest, others) = by_size.split_at(heads.min(by_size.len()));
    let mut owners = largest.to_vec();
    owners.sort_unstable();
    let mut loads: Vec<usize> = owners.iter().map(|&topic| count(topic)).collect();
    let mut of_topic: Vec<usize> =
        (0..counts.len()).map(|topic| owners.iter().position(|owner| *owner == topic).unwrap_or(0)).collect();
    for &topic in others {
        let least = (0..heads).min_by_key(|&head| (loads.get(head).copied().unwrap_or_default(), head)).unwrap_or(0);
        if let (Some(place), Some(load)) = (of_topic.get_mut(topic), loads.get_mut(least)) {
            *place = least;
            *load += count(topic);
        }
    }
    of_topic
}

/// Examples in seeded order, from every head's topics as many tokens, as far as there are as many.
pub(super) fn draw(data: &Dataset, settings: &TrainSettings) -> Sample {
    let mut counts = vec![0; data.topics.len()];
    data.train.iter().filter_map(|row| row.topic).for_each(|topic| {
        if let Some(count) = counts.get_mut(topic) {
            *count += 1;
        }
    });
    let of_topic = heads_of_topics(&counts, settings.heads);
    let head_of = |row: &Row| row.topic.and_then(|topic| of_topic.get(topic)).copied();
    let mut taught: Vec<usize> = data.train.iter().filter_map(head_of).collect();
    taught.sort_unstable();
    taught.dedup();
    let column = |row: &Row| head_of(row).and_then(|head| taught.iter().position(|taught| *taught == head));
    let each = TOKENS / taught.len().max(1);
    let mut drawn = vec![0usize; taught.len()];
    let mut chosen: Vec<(usize, &Row)> = Vec::new();
    for index in epoch_order(data.train.len(), settings.seed, ORDER) {
        let Some((row, column)) = data.train.get(index).and_then(|row| Some((row, column(row)?))) else { continue };
        if let Some(drawn) = drawn.get_mut(column).filter(|drawn| **drawn < each) {
            *drawn += length(row);
            chosen.push((column, row));
        }
    }
    let examples = chosen.len();
    let tokens = drawn.iter().sum();
    Sample { batches: batches(&chosen, &drawn), taught, examples, tokens }
}

fn length(row: &Row) -> usize {
    row.tokens.ids.len().min(EXAMPLE_TOKENS)
}

fn batches(chosen: &[(usize, &Row)], drawn: &[usize]) -> Vec<SampleBatch> {
    let mut batches: Vec<SampleBatch> = Vec::new();
    for (column, row) in chosen {
        let length = length(row);
        if batches.last().is_none_or(|batch| batch.ids.len() + length > PASS_TOKENS) {
            batches.push(SampleBatch::default());
        }
        let Some(batch) = batches.last_mut() else { continue };
        let start = batch.ids.len();
        batch.ids.extend(row.tokens.ids.iter().take(length));
        batch.spans.push(start..batch.ids.len());
        let weight = 1.0 / drawn.get(*column).copied().unwrap_or(1).max(1) as f32;
        batch.weights.extend((0..length).map(|at| if at == 0 { 0.0 } else { weight }));
        let target = |_| (0..drawn.len()).map(|head| if head == *column { 1.0 } else { 0.0 });
        batch.targets.extend((0..length).flat_map(target));
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;
    use crate::text::TokenizedExample;

    fn data(topics: &[usize], length: usize) -> Dataset {
        let row = |(i, topic): (usize, &usize)| Row {
            tokens: TokenizedExample { ids: vec![i as u32; length], ..TokenizedExample::default() },
            source: Source { file: "rows".into(), line: i + 1 },
            topic: Some(*topic),
        };
        let names = (0..=topics.iter().copied().max().unwrap_or(0)).map(|i| i.to_string()).collect();
        Dataset { train: topics.iter().enumerate().map(row).collect(), topics: names, ..Dataset::default() }
    }

    #[test]
    fn every_topic_has_its_own_head_where_there_are_enough() {
        assert_eq!(heads_of_topics(&[5, 9, 1], 3), [0, 1, 2]);
        assert_eq!(heads_of_topics(&[5, 9, 1], 8), [0, 1, 2]);
    }

    #[test]
    fn with_fewer_heads_the_largest_topics_lead_and_the_others_join_the_least_laden() {
        // Topics 1, 3 and 4 lead, in that order; 0 joins the least of them, and 2 then another.
        assert_eq!(heads_of_topics(&[3, 9, 2, 7, 4], 3), [2, 0, 1, 1, 2]);
        assert_eq!(heads_of_topics(&[3, 9, 2], 1), [0, 0, 0]);
    }

    #[test]
    fn heads_count_the_same_however_many_examples_they_have() {
        let mut topics = vec![0; 300];
        topics.extend([1, 1, 1]);
        let settings = TrainSettings { heads: 3, ..TrainSettings::default() };
        let sample = draw(&data(&topics, 100), &settings);
        assert_eq!(sample.taught, [0, 1]);
        let mut sums = [0.0; 2];
        let mut first_tokens = 0.0;
        for batch in &sample.batches {
            assert!(batch.ids.len() <= PASS_TOKENS && batch.targets.len() == 2 * batch.ids.len());
            first_tokens += batch.spans.iter().map(|span| batch.weights[span.start]).sum::<f32>();
            for (weight, target) in batch.weights.iter().zip(batch.targets.chunks(2)) {
                sums[0] += weight * target[0];
                sums[1] += weight * target[1];
            }
        }
        assert!((sums[0] - sums[1]).abs() < 1e-3 && first_tokens == 0.0, "{sums:?}");
        assert!(sample.tokens < TOKENS && sample.examples < 60, "{} tokens", sample.tokens);
    }

    #[test]
    fn the_draw_follows_the_seed_and_long_examples_are_cut() {
        let data = data(&[0, 1].repeat(200), 900);
        let ids = |seed| {
            let sample = draw(&data, &TrainSettings { seed, ..TrainSettings::default() });
            assert!(sample.batches.iter().flat_map(|b| &b.spans).all(|span| span.len() <= EXAMPLE_TOKENS));
            sample.batches.iter().map(|batch| batch.ids.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1), ids(2));
    }
}
