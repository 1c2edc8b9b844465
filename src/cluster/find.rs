//! From texts to topics.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::advice::{Advice, Evidence, candidate};
use super::agreement::adjusted_rand;
use super::corpus::{Corpus, FITTED, drawn, points};
use super::curves::Curves;
use super::density::{DenseGroups, dbscan};
use super::kmeans::{Clustering, k_means};
use super::overlap::{mean_cosine, shared_words};
use super::silhouette::mean_silhouette;
use super::svd::Points;
use super::topic::top_words;
use crate::job::{Cancelled, Job};

/// Texts of a resample, and of the shuffled corpus.
pub(super) const RESAMPLED: usize = 1_500;
/// Resamples, and the share of the texts that each draws.
const RESAMPLES: u64 = 5;
pub(super) const DRAWN: f64 = 0.8;
/// Starts of k-means: for the curves, for resamples, and for the groups that are kept.
const STARTS: usize = 5;
pub(super) const FEW_STARTS: usize = 3;
const FINAL_STARTS: usize = 10;
/// Texts that DBSCAN compares with each other, and the directions it compares them along: along all of them no two texts are
/// close.
const COMPARED: usize = 8_000;
pub(super) const DENSE_DIRECTIONS: usize = 10;

/// What to look for.
#[derive(Clone, Debug, PartialEq)]
pub struct FindTopics {
    /// The number of topics; `None` takes the one that is advised.
    pub topics: Option<usize>,
    /// The largest number looked at.
    pub most: usize,
    pub seed: u64,
}

impl Default for FindTopics {
    fn default() -> Self {
        Self { topics: None, most: 10, seed: 42 }
    }
}

/// The topics of a corpus.
#[derive(Clone, Debug)]
pub struct Topics {
    pub advice: Advice,
    /// Sum of squared distances by the number of groups, from 1 up, over the texts that were fitted.
    pub sse: Vec<f64>,
    pub silhouette: Vec<f64>,
    /// Mean adjusted Rand index between resamples, at the number of topics.
    pub stability: f64,
    /// The topic of every text, in the order given, from 0; topics are numbered by size, the largest first.
    pub labels: Vec<u32>,
    pub sizes: Vec<usize>,
    /// The words that stand out in each topic, strongest first.
    pub words: Vec<Vec<String>>,
    /// English names of the languages found.
    pub languages: Vec<&'static str>,
}

/// Finds the topics of `texts`. The order of the texts makes no difference.
///
/// # Errors
/// When the job is cancelled.
pub fn find_topics<S: AsRef<str> + Sync>(texts: &[S], wanted: &FindTopics, job: &Job) -> Result<Topics, Cancelled> {
    Corpus::read(texts, wanted.seed, job)?.topics(wanted, job)
}

/// Finds the topics of `texts` by features of their own, such as a base model's hidden states, `points` `[texts, width]`,
/// instead of by their words, which only name the topics then. The mean of all is taken off first: hidden states share a large
/// part that says nothing.
///
/// # Errors
/// When the job is cancelled.
pub fn find_topics_by<S: AsRef<str> + Sync>(
    texts: &[S],
    points: &Points,
    wanted: &FindTopics,
    job: &Job,
) -> Result<Topics, Cancelled> {
    Corpus::with_points(texts, points, job)?.topics(wanted, job)
}

/// Groups `texts` by density instead, with noise as −1; labels in the order given.
///
/// # Errors
/// When the job is cancelled.
pub fn find_dense_groups<S: AsRef<str> + Sync>(texts: &[S], seed: u64, job: &Job) -> Result<DenseGroups, Cancelled> {
    Corpus::read(texts, seed, job)?.dense_groups(seed, job)
}

impl Corpus {
    /// Groups the texts by k-means, and says how many topics there are.
    ///
    /// # Errors
    /// When the job is cancelled.
    pub fn topics(&self, wanted: &FindTopics, job: &Job) -> Result<Topics, Cancelled> {
        let mut rng = ChaCha8Rng::seed_from_u64(wanted.seed);
        let fitted = drawn(self.points.len(), FITTED, &mut rng);
        let sample = self.points.picked(&fitted);
        job.progress(0.3, "Trying every number of topics");
        let curves = Curves::of(&sample, wanted.most.max(1), STARTS, wanted.seed, job)?;
        job.progress(0.7, "Trying resamples");
        let resamples = self.resamples(&sample, wanted, job)?;
        let bends: Vec<usize> = resamples.iter().filter_map(Curves::elbow).map(|elbow| elbow.groups).collect();
        let close = candidate(&curves, &bends).min(curves.sse.len().max(1));
        let stability = |groups: usize| stability(&resamples, &sample, groups);
        job.progress(0.85, "Comparing with shuffled words");
        let evidence = Evidence {
            texts: self.points.len(),
            curves: &curves,
            bends,
            stability: stability(close),
            chance: self.silhouette_by_chance(close, wanted.seed, job)?,
            shared: self.shared(&fitted, &curves, close, &mut rng),
            cosine: mean_cosine(&self.words),
        };
        let advice = evidence.advice(close);
        let groups = wanted.topics.unwrap_or(advice.heads).clamp(1, self.points.len().max(1));
        job.progress(0.9, "Assigning every text");
        let kept = k_means(&sample, groups, FINAL_STARTS, wanted.seed, job)?;
        let stability = stability(groups);
        Ok(self.told(&kept, Told { advice, curves: &curves, stability, groups }))
    }

    /// Groups the texts by density, with noise as −1; labels in the order given.
    ///
    /// # Errors
    /// When the job is cancelled.
    pub fn dense_groups(&self, seed: u64, job: &Job) -> Result<DenseGroups, Cancelled> {
        let mut points = self.points.narrowed(DENSE_DIRECTIONS);
        points.normalise();
        job.progress(0.5, "Comparing every two texts");
        let sample = drawn(points.len(), COMPARED, &mut ChaCha8Rng::seed_from_u64(seed));
        let compared = points.picked(&sample);
        let found = dbscan(&compared, job)?;
        let nearest = |point: &[f32]| {
            let distance = |other: &[f32]| point.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
            let near = compared.rows().map(distance).zip(&found.labels).min_by(|a, b| a.0.total_cmp(&b.0));
            near.map_or(-1, |(distance, label)| if distance <= found.radius { *label } else { -1 })
        };
        let sorted = if sample.len() == points.len() {
            found.labels.clone()
        } else {
            let rows: Vec<&[f32]> = points.rows().collect();
            let of = |row: &&[f32]| job.check().map(|()| nearest(row));
            rows.par_iter().map(of).collect::<Result<_, Cancelled>>()?
        };
        Ok(DenseGroups { labels: self.in_given_order(&sorted), ..found })
    }

    fn resamples(&self, sample: &Points, wanted: &FindTopics, job: &Job) -> Result<Vec<Curves>, Cancelled> {
        let size = RESAMPLED.min((DRAWN * sample.len() as f64).ceil() as usize);
        let resample = |number: u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(wanted.seed.wrapping_add(1 + number));
            let points = sample.picked(&drawn(sample.len(), size, &mut rng));
            Curves::of(&points, wanted.most.max(1), FEW_STARTS, wanted.seed.wrapping_add(number), job)
        };
        (0..RESAMPLES).map(resample).collect()
    }

    /// The silhouette that as many groups have in a corpus of the same words without any order.
    fn silhouette_by_chance(&self, groups: usize, seed: u64, job: &Job) -> Result<f64, Cancelled> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let sample = drawn(self.points.len(), RESAMPLED, &mut rng);
        let points = if self.is_of_words {
            points(&self.words.picked(&sample).shuffled(&mut rng), &mut rng, job)?
        } else {
            self.points.picked(&sample).shuffled(&mut rng)
        };
        Ok(mean_silhouette(&points, &k_means(&points, groups, FEW_STARTS, seed, job)?))
    }

    fn shared(&self, fitted: &[usize], curves: &Curves, groups: usize, rng: &mut ChaCha8Rng) -> f64 {
        let labels = curves.clusterings.get(groups.saturating_sub(1)).map_or(&[][..], |c| &c.labels);
        shared_words(&self.words.picked(fitted), labels, groups, rng)
    }

    /// Puts topics in the order of their sizes and texts in the order they came in.
    fn told(&self, kept: &Clustering, told: Told<'_>) -> Topics {
        let kept = Clustering { labels: kept.assign(&self.points), ..kept.clone() };
        let mut sizes = vec![0usize; told.groups];
        for label in &kept.labels {
            if let Some(size) = sizes.get_mut(*label as usize) {
                *size += 1;
            }
        }
        let mut by_size: Vec<usize> = (0..told.groups).collect();
        by_size.sort_by_key(|group| std::cmp::Reverse(sizes.get(*group).copied()));
        let mut number = vec![0u32; told.groups];
        for (new, old) in by_size.iter().enumerate() {
            if let Some(number) = number.get_mut(*old) {
                *number = new as u32;
            }
        }
        let renumbered = |label: &u32| number.get(*label as usize).copied().unwrap_or(0);
        let sorted: Vec<u32> = kept.labels.iter().map(renumbered).collect();
        let words = top_words(&self.words, &sorted, told.groups);
        Topics {
            advice: told.advice,
            sse: told.curves.sse.clone(),
            silhouette: told.curves.silhouette.clone(),
            stability: told.stability,
            labels: self.in_given_order(&sorted),
            sizes: by_size.iter().filter_map(|group| sizes.get(*group).copied()).collect(),
            words,
            languages: self.languages.clone(),
        }
    }
}

struct Told<'a> {
    advice: Advice,
    curves: &'a Curves,
    stability: f64,
    groups: usize,
}

/// Mean adjusted Rand index between the groups that resamples give the same points.
fn stability(resamples: &[Curves], points: &Points, groups: usize) -> f64 {
    let of = |resample: &Curves| resample.clusterings.get(groups.saturating_sub(1)).map(|c| c.assign(points));
    let labels: Vec<Vec<u32>> = resamples.iter().filter_map(of).collect();
    let pairs = labels.iter().enumerate().flat_map(|(i, a)| labels.iter().take(i).map(move |b| adjusted_rand(a, b)));
    let (sum, count) = pairs.fold((0.0, 0usize), |(sum, count), ari| (sum + ari, count + 1));
    if count == 0 { 1.0 } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use rand::Rng;
    use rand::seq::SliceRandom;

    use super::*;
    use crate::cluster::advice::Clarity;

    /// Texts of twelve words, two in three of them from the text's topic and the others from a common stock.
    fn planted(topics: usize, texts: usize, seed: u64) -> (Vec<String>, Vec<u32>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let text = |i: usize| {
            let word = |rng: &mut ChaCha8Rng| match rng.random_range(0..3) {
                0 => format!("common{}", rng.random_range(0..200)),
                _ => format!("topic{}x{}", i % topics, rng.random_range(0..25)),
            };
            (0..12).map(|_| word(&mut rng)).collect::<Vec<_>>().join(" ")
        };
        ((0..texts).map(text).collect(), (0..texts).map(|i| (i % topics) as u32).collect())
    }

    fn found(texts: &[String], seed: u64) -> Topics {
        find_topics(texts, &FindTopics { seed, ..FindTopics::default() }, &Job::silent()).unwrap()
    }

    #[test]
    fn planted_topics_are_found_for_every_seed() {
        for topics in [1, 3, 6] {
            for seed in 0..10 {
                let (texts, truth) = planted(topics, 180, seed);
                let found = found(&texts, seed);
                assert_eq!(found.advice.heads, topics, "seed {seed}: {:?}", found.advice);
                assert!(topics == 1 || adjusted_rand(&found.labels, &truth) > 0.95, "seed {seed}");
                assert_eq!(found.sizes.iter().sum::<usize>(), 180);
            }
        }
    }

    #[test]
    fn words_without_any_order_are_no_topics() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let text = |_| (0..15).map(|_| format!("word{}", rng.random_range(0..4000))).collect::<Vec<_>>().join(" ");
        let texts: Vec<String> = (0..400).map(text).collect();
        let advice = found(&texts, 1).advice;
        assert_eq!((advice.clarity, advice.heads), (Clarity::None, 3));
    }

    #[test]
    fn the_order_of_the_texts_makes_no_difference() {
        let (mut texts, _) = planted(4, 200, 7);
        let before = found(&texts, 2);
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(9));
        texts = order.iter().map(|index| texts[*index].clone()).collect();
        let after = found(&texts, 2);
        let expected: Vec<u32> = order.iter().map(|index| before.labels[*index]).collect();
        assert_eq!((after.labels, after.advice, after.words), (expected, before.advice, before.words));
    }

    #[test]
    fn one_row_and_many_equal_rows_are_one_topic() {
        for texts in
            [vec!["Hello there".to_owned()], vec!["the same every time".to_owned(); 500], vec!["🙂".to_owned(); 40]]
        {
            let found = found(&texts, 0);
            assert_eq!((found.advice.heads, found.labels.len()), (1, texts.len()));
        }
    }

    #[test]
    fn a_number_of_topics_asked_for_is_given() {
        let (texts, _) = planted(3, 90, 1);
        let wanted = FindTopics { topics: Some(5), ..FindTopics::default() };
        let found = find_topics(&texts, &wanted, &Job::silent()).unwrap();
        assert_eq!((found.sizes.len(), found.words.len(), found.advice.heads), (5, 5, 3));
    }

    #[test]
    fn features_from_elsewhere_are_grouped_too() {
        let (texts, truth) = planted(3, 90, 1);
        // Three directions that the topics lie along, with a part that all share.
        let values = truth.iter().enumerate().flat_map(|(i, topic)| {
            let noise = (i as f32 * 1.7).sin() * 0.1;
            [9.0, f32::from(*topic == 0) + noise, f32::from(*topic == 1) - noise, f32::from(*topic == 2)]
        });
        let points = Points { values: values.collect(), width: 4 };
        let found = find_topics_by(&texts, &points, &FindTopics::default(), &Job::silent()).unwrap();
        assert_eq!(found.advice.heads, 3);
        assert_eq!(adjusted_rand(&found.labels, &truth), 1.0);
    }

    #[test]
    fn density_tells_planted_topics_apart() {
        let (texts, truth) = planted(3, 180, 1);
        let found = find_dense_groups(&texts, 0, &Job::silent()).unwrap();
        let pairs: Vec<(u32, u32)> =
            found.labels.iter().zip(&truth).filter(|(label, _)| **label >= 0).map(|(l, t)| (*l as u32, *t)).collect();
        assert!(pairs.len() > 90, "{found:?}");
        let (labels, truth): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
        assert!(adjusted_rand(&labels, &truth) > 0.9, "{} groups", found.groups);
    }
}
