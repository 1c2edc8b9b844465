//! Lloyd's k-means from k-means++ starts (Arthur and Vassilvitskii 2007), the best of several.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::corpus::drawn;
use super::svd::Points;
use crate::job::{Cancelled, Job};
use crate::ops::products;

/// Rounds of one start; on texts it settles after 10 to 40.
const ROUNDS: usize = 100;
/// Points that starts are tried on, of a larger number.
const TRIED: usize = 4_000;
/// Rounds end where the sum of squares falls by less than this share.
const SETTLED: f64 = 1e-4;

/// Points in groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Clustering {
    /// The group of every point.
    pub labels: Vec<u32>,
    /// `[groups, width]`, row after row.
    pub centres: Vec<f32>,
    /// Sum of the squared distances of points to their centres.
    pub sse: f64,
}

impl Clustering {
    /// The nearest centre of every one of `points`, which may be others than those that were grouped.
    pub fn assign(&self, points: &Points) -> Vec<u32> {
        assigned(points, &self.centres, self.groups(points.width)).0
    }

    /// The number of groups, where points have `width` dimensions.
    pub fn groups(&self, width: usize) -> usize {
        self.centres.len() / width.max(1)
    }
}

/// The best of `starts` runs of k-means with `k` groups, or as many as there are points. Start `i` draws from `seed` and
/// `i` alone, so that the result does not depend on threads. Empty groups are given the point that is farthest off. Of many
/// points the starts are tried on [`TRIED`], and the best goes on with all.
///
/// # Errors
/// When the job is cancelled.
pub fn k_means(points: &Points, k: usize, starts: usize, seed: u64, job: &Job) -> Result<Clustering, Cancelled> {
    let is_large = points.len() > TRIED + TRIED / 2 && k > 1 && starts > 1;
    let tried = if is_large {
        points.picked(&drawn(points.len(), TRIED, &mut ChaCha8Rng::seed_from_u64(seed)))
    } else {
        points.clone()
    };
    let all = each_start(&tried, k, starts, seed, job)?;
    let best = all.into_iter().min_by(|a, b| a.sse.total_cmp(&b.sse));
    match best {
        Some(best) if is_large => settled(points, best.centres, k, job),
        best => Ok(best.unwrap_or(Clustering { labels: Vec::new(), centres: Vec::new(), sse: 0.0 })),
    }
}

/// The result of every start, in order.
///
/// # Errors
/// When the job is cancelled.
pub fn each_start(
    points: &Points,
    k: usize,
    starts: usize,
    seed: u64,
    job: &Job,
) -> Result<Vec<Clustering>, Cancelled> {
    let k = k.clamp(1, points.len().max(1));
    let start = |start: usize| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_add(start as u64));
        lloyd(points, k, &mut rng, job)
    };
    (0..starts.max(1)).into_par_iter().map(start).collect()
}

fn lloyd(points: &Points, k: usize, rng: &mut impl Rng, job: &Job) -> Result<Clustering, Cancelled> {
    settled(points, spread_start(points, k, rng), k, job)
}

/// Rounds from `centres` until the groups hardly change.
fn settled(points: &Points, mut centres: Vec<f32>, k: usize, job: &Job) -> Result<Clustering, Cancelled> {
    let (mut labels, mut distances, mut sse) = assigned(points, &centres, k);
    for _ in 0..ROUNDS {
        job.check()?;
        centres = means(points, &labels, &distances, k);
        let before = sse;
        (labels, distances, sse) = assigned(points, &centres, k);
        if before - sse <= SETTLED * before {
            break;
        }
    }
    Ok(Clustering { labels, centres, sse })
}

/// Greedy k-means++: each centre is the best of a few points drawn by their squared distance to the centres before it.
fn spread_start(points: &Points, k: usize, rng: &mut impl Rng) -> Vec<f32> {
    let n = points.len().max(1);
    let trials = 2 + (k as f64).ln() as usize;
    let squares: Vec<f32> = points.rows().map(|row| row.iter().map(|v| v * v).sum()).collect();
    let distances_to = |index: usize| -> Vec<f32> {
        let own = squares.get(index).copied().unwrap_or(0.0);
        let products = products(&points.values, points.row(index), points.width.max(1));
        squares.iter().zip(products).map(|(square, product)| (square + own - 2.0 * product).max(0.0)).collect()
    };
    let first = rng.random_range(0..n);
    let mut centres = points.row(first).to_vec();
    let mut nearest = distances_to(first);
    for _ in 1..k {
        let total: f64 = nearest.iter().map(|d| f64::from(*d)).sum();
        let drawn: Vec<usize> = (0..trials).map(|_| drawn_by(&nearest, total, rng)).collect();
        let with = |candidate: usize| -> Vec<f32> {
            nearest.iter().zip(distances_to(candidate)).map(|(before, distance)| before.min(distance)).collect()
        };
        let sum = |distances: &[f32]| distances.iter().map(|d| f64::from(*d)).sum::<f64>();
        let tried = drawn.into_iter().map(|candidate| (candidate, with(candidate)));
        let best = tried.min_by(|a, b| sum(&a.1).total_cmp(&sum(&b.1)));
        if let Some((next, distances)) = best {
            centres.extend(points.row(next));
            nearest = distances;
        }
    }
    centres
}

/// A point drawn with a chance in proportion to `weights`, whose sum is `total`; where all are 0, any one.
fn drawn_by(weights: &[f32], total: f64, rng: &mut impl Rng) -> usize {
    let mut left = rng.random::<f64>() * total;
    let drawn = weights.iter().position(|weight| {
        left -= f64::from(*weight);
        left < 0.0
    });
    drawn.unwrap_or_else(|| rng.random_range(0..weights.len().max(1)))
}

/// The nearest centre of every point, its squared distance, and the sum of these.
fn assigned(points: &Points, centres: &[f32], k: usize) -> (Vec<u32>, Vec<f32>, f64) {
    let width = points.width.max(1);
    let square = |row: &[f32]| row.iter().map(|v| v * v).sum::<f32>();
    let lengths: Vec<f32> = centres.chunks(width).map(square).collect();
    let nearest = |(point, products): (&[f32], &[f32])| {
        let of = lengths.iter().zip(products).map(|(length, product)| length - 2.0 * product).zip(0u32..);
        let (nearest, label) = of.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, 0));
        (label, (nearest + square(point)).max(0.0))
    };
    let products = products(&points.values, centres, width);
    let (labels, distances): (Vec<u32>, Vec<f32>) = points.rows().zip(products.chunks(k.max(1))).map(nearest).unzip();
    let sse = distances.iter().map(|distance| f64::from(*distance)).sum();
    (labels, distances, sse)
}

/// The mean of every group.
fn means(points: &Points, labels: &[u32], distances: &[f32], k: usize) -> Vec<f32> {
    let width = points.width;
    let mut sums = vec![0f64; k * width];
    let mut sizes = vec![0usize; k];
    for (point, label) in points.rows().zip(labels) {
        let label = *label as usize;
        if let (Some(size), Some(sum)) = (sizes.get_mut(label), sums.get_mut(label * width..(label + 1) * width)) {
            *size += 1;
            sum.iter_mut().zip(point).for_each(|(sum, v)| *sum += f64::from(*v));
        }
    }
    let mut farthest = farthest_first(distances, sizes.iter().filter(|size| **size == 0).count());
    let mut means = Vec::with_capacity(k * width);
    for (sum, size) in sums.chunks(width.max(1)).zip(&sizes) {
        match if *size == 0 { farthest.next() } else { None } {
            Some(point) => means.extend(points.row(point)),
            None => means.extend(sum.iter().map(|v| (v / (*size).max(1) as f64) as f32)),
        }
    }
    means
}

/// The `count` points that are farthest from their centres.
fn farthest_first(distances: &[f32], count: usize) -> impl Iterator<Item = usize> + use<> {
    let mut order: Vec<usize> = if count == 0 { Vec::new() } else { (0..distances.len()).collect() };
    let distance = |i: &usize| distances.get(*i).copied().unwrap_or(0.0);
    order.sort_by(|i, j| distance(j).total_cmp(&distance(i)));
    order.truncate(count);
    order.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three heaps of twenty points around (0, 0), (10, 0) and (0, 10).
    fn heaps() -> Points {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let values = (0..60).flat_map(|i| {
            let (x, y) = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0)][i % 3];
            [x + rng.random::<f32>(), y + rng.random::<f32>()]
        });
        Points { values: values.collect(), width: 2 }
    }

    #[test]
    fn heaps_are_found_whatever_the_seed() {
        for seed in 0..10 {
            let found = k_means(&heaps(), 3, 3, seed, &Job::silent()).unwrap();
            assert!((0..57).all(|i| found.labels[i] == found.labels[i + 3]));
            assert!(found.sse < 60.0);
            assert_eq!(found.assign(&heaps()), found.labels);
        }
    }

    #[test]
    fn more_groups_than_points_and_equal_points_are_taken() {
        let same = Points { values: vec![1.0; 8], width: 2 };
        let found = k_means(&same, 9, 2, 0, &Job::silent()).unwrap();
        assert_eq!((found.sse, found.groups(2)), (0.0, 4));
        assert!(k_means(&Points::default(), 3, 2, 0, &Job::silent()).unwrap().labels.is_empty());
    }

    #[test]
    fn a_cancelled_search_ends() {
        let job = Job::silent();
        job.cancel();
        assert_eq!(k_means(&heaps(), 3, 1, 0, &job), Err(Cancelled));
    }
}
