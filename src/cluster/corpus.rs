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
pub(super) struct Corpus {
    /// The given place of every text: texts are sorted, so that what is drawn does not depend on the order they came in.
    pub order: Vec<usize>,
    pub words: TfIdf,
    pub points: Points,
    /// Whether the points are made of the words.
    pub is_of_words: bool,
    pub languages: Vec<&'static str>,
}

impl Corpus {
    pub fn read<S: AsRef<str> + Sync>(texts: &[S], seed: u64, job: &Job) -> Result<Self, Cancelled> {
        let mut corpus = Self::counted(texts, job)?;
        job.progress(0.15, "Finding the directions in which texts differ");
        corpus.points = points(&corpus.words, &mut ChaCha8Rng::seed_from_u64(seed), job)?;
        Ok(corpus)
    }

    /// The texts as words alone.
    pub fn counted<S: AsRef<str> + Sync>(texts: &[S], job: &Job) -> Result<Self, Cancelled> {
        job.progress(0.0, "Counting words");
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|index| texts.get(*index).map(AsRef::as_ref));
        let sorted: Vec<&str> = order.iter().filter_map(|index| texts.get(*index)).map(AsRef::as_ref).collect();
        let stop = StopWords::of(&sorted);
        let words = tf_idf(&sorted, &stop, job)?;
        let languages = stop.languages().to_vec();
        Ok(Self { order, words, points: Points::default(), is_of_words: true, languages })
    }

    /// What belongs to the texts in their own order, in the order that they were given in.
    pub fn in_given_order<T: Copy + Default>(&self, sorted: &[T]) -> Vec<T> {
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
