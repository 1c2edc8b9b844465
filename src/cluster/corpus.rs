//! Texts as what they are grouped by.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::svd::{Directions, Points};
use super::tfidf::{TfIdf, tf_idf};
use super::words::StopWords;
use crate::job::{Cancelled, Job};

/// Directions that texts are told apart by.
const DIRECTIONS: usize = 100;
/// Texts that directions and centres are found on; the others of a larger corpus are assigned to what was found.
pub(super) const FITTED: usize = 20_000;

/// Texts in an order of their own, as words and as points.
pub struct Corpus {
    /// The given place of every text: texts are sorted, so that what is drawn does not depend on the order they came in.
    pub(super) order: Vec<usize>,
    pub(super) words: TfIdf,
    pub(super) points: Points,
    /// Whether the points are made of the words.
    pub(super) is_of_words: bool,
    pub(super) languages: Vec<&'static str>,
}

impl Corpus {
    /// The texts told apart by their words.
    ///
    /// # Errors
    /// When the job is cancelled.
    pub fn read<S: AsRef<str> + Sync>(texts: &[S], seed: u64, job: &Job) -> Result<Self, Cancelled> {
        let mut corpus = Self::counted(texts, job)?;
        job.progress(0.15, "Finding the directions in which texts differ");
        corpus.points = points(&corpus.words, &mut ChaCha8Rng::seed_from_u64(seed), job)?;
        Ok(corpus)
    }

    /// The texts by features of their own, `points` `[texts, width]` in the order given. The mean of all is taken off first:
    /// hidden states share a large part that says nothing.
    ///
    /// # Errors
    /// When the job is cancelled.
    pub fn with_points<S: AsRef<str> + Sync>(texts: &[S], points: &Points, job: &Job) -> Result<Self, Cancelled> {
        let mut corpus = Self::counted(texts, job)?;
        corpus.points = points.picked(&corpus.order);
        corpus.points.centre();
        corpus.points.normalise();
        corpus.is_of_words = false;
        Ok(corpus)
    }

    /// The texts as words alone.
    fn counted<S: AsRef<str> + Sync>(texts: &[S], job: &Job) -> Result<Self, Cancelled> {
        job.progress(0.0, "Counting words");
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|index| texts.get(*index).map(AsRef::as_ref));
        let sorted: Vec<&str> = order.iter().filter_map(|index| texts.get(*index)).map(AsRef::as_ref).collect();
        let stop = StopWords::of(&sorted);
        let words = tf_idf(&sorted, &stop, job)?;
        let languages = stop.languages().to_vec();
        Ok(Self { order, words, points: Points::default(), is_of_words: true, languages })
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Up to `most` texts, by their places in the order given, and as points of length 1.
    pub fn sample(&self, most: usize, seed: u64) -> (Vec<usize>, Points) {
        let drawn = drawn(self.order.len(), most, &mut ChaCha8Rng::seed_from_u64(seed));
        let mut texts: Vec<(usize, usize)> =
            drawn.into_iter().filter_map(|text| Some((*self.order.get(text)?, text))).collect();
        texts.sort_unstable();
        let (places, texts): (Vec<usize>, Vec<usize>) = texts.into_iter().unzip();
        (places, self.points.picked(&texts))
    }

    /// What belongs to the texts in the order that they were given in, in their own.
    pub(super) fn in_own_order<T: Copy + Default>(&self, given: &[T]) -> Vec<T> {
        self.order.iter().map(|index| given.get(*index).copied().unwrap_or_default()).collect()
    }

    /// What belongs to the texts in their own order, in the order that they were given in.
    pub(super) fn in_given_order<T: Copy + Default>(&self, sorted: &[T]) -> Vec<T> {
        let mut given = vec![T::default(); sorted.len()];
        for (value, index) in sorted.iter().zip(&self.order) {
            if let Some(place) = given.get_mut(*index) {
                *place = *value;
            }
        }
        given
    }
}

/// Words as points of length 1 along the strongest directions, which are found on a sample of a large corpus.
pub(super) fn points(words: &TfIdf, rng: &mut ChaCha8Rng, job: &Job) -> Result<Points, Cancelled> {
    let sample = drawn(words.rows.len(), FITTED, rng);
    let directions = if sample.len() == words.rows.len() {
        Directions::of(&words.rows, DIRECTIONS, rng, job)?
    } else {
        Directions::of(&words.picked(&sample).rows, DIRECTIONS, rng, job)?
    };
    let mut points = directions.project(&words.rows);
    points.normalise();
    Ok(points)
}

/// Up to `most` of `0..n`, rising.
pub(super) fn drawn(n: usize, most: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n).collect();
    if n > most {
        all.partial_shuffle(rng, most);
        all.truncate(most);
        all.sort_unstable();
    }
    all
}
