//! TF-IDF with sublinear term frequency and smooth inverse document frequency, rows of length 1.

use std::collections::HashMap;

use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::sparse::SparseRows;
use super::words::{StopWords, for_each_word};
use crate::job::{Cancelled, Job};

/// Texts in which a word must stand to be a feature; in fewer than [`SMALL`] texts, one is enough.
const MIN_DOCUMENTS: u32 = 2;
const SMALL: usize = 20;
/// Share of the texts above which a word says nothing.
const MAX_SHARE: f64 = 0.5;
/// Features kept, the most frequent: bounds the memory of the steps that follow.
const MAX_FEATURES: usize = 50_000;
/// Texts that one task counts.
const BLOCK: usize = 256;

/// Texts as weighted words.
#[derive(Clone, Debug, Default)]
pub struct TfIdf {
    /// `[texts, words]`, every row of length 1 or empty.
    pub rows: SparseRows,
    /// How often each word stands in each text, in the places of `rows`.
    pub counts: Vec<f32>,
    /// The words, in alphabetical order.
    pub words: Vec<String>,
}

/// Counts and weighs the words of `texts`. Weight: `(1 + ln count) · (ln((1 + texts) / (1 + texts with the word)) + 1)`,
/// then each row is scaled to length 1. The texts are read twice, so that no more than the distinct words and the
/// resulting matrix are held.
///
/// # Errors
/// When the job is cancelled.
pub fn tf_idf<S: AsRef<str> + Sync>(texts: &[S], stop: &StopWords, job: &Job) -> Result<TfIdf, Cancelled> {
    let vocabulary = vocabulary(documents(texts, stop, job)?, texts.len());
    let index: HashMap<&str, u32> = vocabulary.iter().zip(0..).map(|((word, _), i)| (word.as_str(), i)).collect();
    let counted: Vec<Vec<Vec<(u32, u32)>>> = texts
        .par_chunks(BLOCK)
        .map(|block| {
            job.check()?;
            Ok(block.iter().map(|text| counts(text.as_ref(), stop, &index)).collect())
        })
        .collect::<Result<_, Cancelled>>()?;
    let documents: Vec<u32> = vocabulary.iter().map(|(_, documents)| *documents).collect();
    let mut found = TfIdf { words: vocabulary.into_iter().map(|(word, _)| word).collect(), ..TfIdf::default() };
    found.fill(counted.into_iter().flatten(), &documents);
    Ok(found)
}

impl TfIdf {
    /// Weighs rows of `(word, count)`, words rising; `documents` says in how many texts each word stands.
    fn fill(&mut self, counted: impl Iterator<Item = Vec<(u32, u32)>>, documents: &[u32]) {
        let counted: Vec<_> = counted.collect();
        let texts = counted.len() as f64;
        let idf = |documents: &u32| (((1.0 + texts) / (1.0 + f64::from(*documents))).ln() + 1.0) as f32;
        let idf: Vec<f32> = documents.iter().map(idf).collect();
        self.rows = SparseRows { starts: vec![0], width: documents.len(), ..SparseRows::default() };
        self.counts.clear();
        for row in counted {
            let weight = |(word, count): &(u32, u32)| {
                (1.0 + (*count as f32).ln()) * idf.get(*word as usize).copied().unwrap_or(0.0)
            };
            let length = row.iter().map(|entry| weight(entry).powi(2)).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            for entry in &row {
                self.rows.columns.push(entry.0);
                self.rows.values.push(weight(entry) / length);
                self.counts.push(entry.1 as f32);
            }
            self.rows.starts.push(self.rows.columns.len());
        }
    }

    /// In how many texts each word stands.
    pub fn documents(&self) -> Vec<u32> {
        let mut documents = vec![0u32; self.rows.width()];
        for word in &self.rows.columns {
            if let Some(count) = documents.get_mut(*word as usize) {
                *count += 1;
            }
        }
        documents
    }

    /// The rows of `which`, in that order, weighed as in the whole.
    pub fn picked(&self, which: &[usize]) -> Self {
        let mut picked = Self { words: self.words.clone(), ..Self::default() };
        picked.rows = SparseRows { starts: vec![0], width: self.rows.width, ..SparseRows::default() };
        for row in which {
            let (words, values) = self.rows.row(*row);
            picked.rows.columns.extend(words);
            picked.rows.values.extend(values);
            picked.counts.extend(self.counts.get(self.rows.range(*row)).unwrap_or_default());
            picked.rows.starts.push(picked.rows.columns.len());
        }
        picked
    }

    /// The same words dealt out to the texts anew: every text keeps its number of words and every word its frequency, and
    /// nothing else is left of the corpus. What is found in it is found by chance.
    pub fn shuffled(&self, rng: &mut impl Rng) -> Self {
        let mut words: Vec<u32> = Vec::with_capacity(self.counts.len());
        for (word, count) in self.rows.columns.iter().zip(&self.counts) {
            words.extend(std::iter::repeat_n(*word, *count as usize));
        }
        words.shuffle(rng);
        let mut documents = vec![0u32; self.rows.width];
        let mut dealt = Vec::with_capacity(self.rows.len());
        let mut rest = words.as_slice();
        for text in 0..self.rows.len() {
            let range = self.rows.range(text);
            let tokens = self.counts.get(range).unwrap_or_default().iter().sum::<f32>() as usize;
            let (mine, others) = rest.split_at(tokens.min(rest.len()));
            rest = others;
            let mut mine = mine.to_vec();
            mine.sort_unstable();
            let row: Vec<(u32, u32)> = mine
                .chunk_by(|a, b| a == b)
                .filter_map(|same| same.first().map(|word| (*word, same.len() as u32)))
                .collect();
            for (word, _) in &row {
                if let Some(count) = documents.get_mut(*word as usize) {
                    *count += 1;
                }
            }
            dealt.push(row);
        }
        let mut shuffled = Self { words: self.words.clone(), ..Self::default() };
        shuffled.fill(dealt.into_iter(), &documents);
        shuffled
    }
}

/// In how many texts each word stands.
fn documents<S: AsRef<str> + Sync>(
    texts: &[S],
    stop: &StopWords,
    job: &Job,
) -> Result<HashMap<String, u32>, Cancelled> {
    let of_block = |block: &[S]| {
        job.check()?;
        let mut documents = HashMap::<String, (u32, usize)>::new();
        for (number, text) in block.iter().enumerate() {
            for_each_word(text.as_ref(), stop, |word| match documents.get_mut(word) {
                Some((_, last)) if *last == number => {}
                Some((count, last)) => (*count, *last) = (*count + 1, number),
                None => {
                    documents.insert(word.to_owned(), (1, number));
                }
            });
        }
        Ok(documents.into_iter().map(|(word, (count, _))| (word, count)).collect::<HashMap<_, _>>())
    };
    let merged = |a: HashMap<String, u32>, b: HashMap<String, u32>| {
        let (mut larger, smaller) = if a.len() < b.len() { (b, a) } else { (a, b) };
        smaller.into_iter().for_each(|(word, count)| *larger.entry(word).or_default() += count);
        Ok(larger)
    };
    texts.par_chunks(BLOCK).map(of_block).try_reduce(HashMap::new, merged)
}

/// The words of one text that are features, rising, with their counts.
fn counts(text: &str, stop: &StopWords, index: &HashMap<&str, u32>) -> Vec<(u32, u32)> {
    let mut words = Vec::new();
    for_each_word(text, stop, |word| words.extend(index.get(word)));
    words.sort_unstable();
    let run = |same: &[u32]| same.first().map(|word| (*word, same.len() as u32));
    words.chunk_by(|a, b| a == b).filter_map(run).collect()
}

/// The words that become features, in alphabetical order, with the number of texts that each stands in.
fn vocabulary(documents: HashMap<String, u32>, texts: usize) -> Vec<(String, u32)> {
    let min = if texts < SMALL { 1 } else { MIN_DOCUMENTS };
    let max = if texts < SMALL { u32::MAX } else { (MAX_SHARE * texts as f64).ceil() as u32 };
    let mut kept: Vec<_> = documents.into_iter().filter(|(_, count)| (min..=max).contains(count)).collect();
    kept.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    kept.truncate(MAX_FEATURES);
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn weights_are_those_of_the_formula() {
        let found = tf_idf(&["apple apple pear", "pear plum"], &StopWords::default(), &Job::silent()).unwrap();
        assert_eq!(found.words, ["apple", "pear", "plum"]);
        let idf = |documents: f32| (3.0 / (1.0 + documents)).ln() + 1.0;
        let (apple, pear) = ((1.0 + 2f32.ln()) * idf(1.0), idf(2.0));
        let length = (apple * apple + pear * pear).sqrt();
        let (words, values) = found.rows.row(0);
        assert_eq!(words, [0, 1]);
        assert!((values[0] - apple / length).abs() < 1e-6 && (values[1] - pear / length).abs() < 1e-6);
    }

    #[test]
    fn words_of_half_the_texts_or_of_one_alone_are_left_out() {
        let texts: Vec<String> =
            (0..40).map(|i| format!("every {} only{i}", if i % 4 == 0 { "some" } else { "" })).collect();
        let found = tf_idf(&texts, &StopWords::default(), &Job::silent()).unwrap();
        assert_eq!(found.words, ["some"]);
        assert_eq!(found.documents(), [10]);
    }

    #[test]
    fn shuffled_texts_keep_their_lengths_and_words() {
        let texts: Vec<String> = (0..30).map(|i| format!("word{} word{} both", i % 3, i % 5)).collect();
        let found = tf_idf(&texts, &StopWords::default(), &Job::silent()).unwrap();
        let dealt = found.shuffled(&mut ChaCha8Rng::seed_from_u64(1));
        let sum = |of: &TfIdf| of.counts.iter().sum::<f32>();
        assert_eq!((dealt.rows.len(), sum(&dealt)), (30, sum(&found)));
        assert_ne!(dealt.rows.columns, found.rows.columns);
    }

    #[test]
    fn a_cancelled_count_ends() {
        let job = Job::silent();
        job.cancel();
        assert_eq!(tf_idf(&["a text"], &StopWords::default(), &job).unwrap_err(), Cancelled);
    }
}
