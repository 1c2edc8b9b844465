//! t-SNE (van der Maaten & Hinton 2008), exact: some hundred points take a moment, so that nothing is approximated and the
//! same points give the same map.

use rayon::prelude::*;

use crate::job::{Cancelled, Job};

/// Fewer points make no map.
pub(super) const LEAST: usize = 4;

const STEPS: usize = 500;
/// Steps in which near points are drawn together more than they should be, so that clusters form first.
const EXAGGERATED: usize = 125;
const EXAGGERATION: f64 = 12.0;
/// What the deviation of the first axis is at the start.
const START: f64 = 1e-4;
/// Halvings of the interval in the search for a point's bandwidth.
const HALVINGS: usize = 60;

/// Neighbours that a map of `count` points keeps near, about: 30, or a third of few points.
pub(super) fn perplexity(count: usize) -> f64 {
    ((count.saturating_sub(1)) as f64 / 3.0).clamp(1.0, 30.0)
}

/// Lays points with these squared distances `[count, count]` out, starting from `start`.
///
/// # Errors
/// When the job is cancelled.
pub(super) fn lay_out(
    squared: &[f64],
    start: &[[f64; 2]],
    perplexity: f64,
    job: &Job,
) -> Result<Vec<[f64; 2]>, Cancelled> {
    let count = start.len();
    let near = joint(squared, count, perplexity);
    let mut places = scaled(start);
    let mut speeds = vec![[0.0; 2]; count];
    let mut gains = vec![[1.0; 2]; count];
    let rate = (count as f64 / EXAGGERATION / 4.0).max(50.0);
    for step in 0..STEPS {
        job.check()?;
        let exaggeration = if step < EXAGGERATED { EXAGGERATION } else { 1.0 };
        let momentum = if step < EXAGGERATED { 0.5 } else { 0.8 };
        let gradient = gradient(&near, &places, exaggeration);
        for (((place, speed), gain), slope) in places.iter_mut().zip(&mut speeds).zip(&mut gains).zip(&gradient) {
            for (((place, speed), gain), slope) in place.iter_mut().zip(speed).zip(gain).zip(slope) {
                // A direction that holds gathers pace, one that turns loses it (Jacobs 1988).
                *gain = if (*slope > 0.0) == (*speed > 0.0) { (*gain * 0.8f64).max(0.01) } else { *gain + 0.2 };
                *speed = momentum * *speed - rate * *gain * slope;
                *place += *speed;
            }
        }
    }
    Ok(places)
}

/// The start made small, with its middle at 0.
fn scaled(start: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let count = start.len().max(1) as f64;
    let mean = |axis: usize| start.iter().filter_map(|point| point.get(axis)).sum::<f64>() / count;
    let [x, y] = [mean(0), mean(1)];
    let deviation = (start.iter().map(|point| (point[0] - x).powi(2)).sum::<f64>() / count).sqrt();
    let factor = if deviation > 0.0 { START / deviation } else { 0.0 };
    start.iter().map(|point| [(point[0] - x) * factor, (point[1] - y) * factor]).collect()
}

/// How near every two points are, as probabilities that sum to 1.
fn joint(squared: &[f64], count: usize, perplexity: f64) -> Vec<f64> {
    let own: Vec<Vec<f64>> =
        squared.par_chunks(count.max(1)).enumerate().map(|(i, row)| conditional(row, i, perplexity)).collect();
    let at = |i: usize, j: usize| own.get(i).and_then(|row| row.get(j)).copied().unwrap_or_default();
    (0..count * count)
        .map(|k| {
            let (i, j) = (k / count, k % count);
            ((at(i, j) + at(j, i)) / (2 * count) as f64).max(if i == j { 0.0 } else { 1e-12 })
        })
        .collect()
}

/// How near the others are to point `i`, with the bandwidth at which they count as `perplexity` neighbours.
fn conditional(squared: &[f64], i: usize, perplexity: f64) -> Vec<f64> {
    let others = || squared.iter().enumerate().filter(|(j, _)| *j != i);
    let nearest = others().map(|(_, d)| *d).fold(f64::INFINITY, f64::min);
    let (mut low, mut high, mut sharpness) = (0.0, f64::INFINITY, 1.0);
    let weigh = |sharpness: f64| -> Vec<f64> {
        let weight = |(j, d): (usize, &f64)| if j == i { 0.0 } else { (-(d - nearest) * sharpness).exp() };
        let weights: Vec<f64> = squared.iter().enumerate().map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum.max(f64::MIN_POSITIVE)).collect()
    };
    let goal = perplexity.ln();
    for _ in 0..HALVINGS {
        let entropy: f64 = weigh(sharpness).iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        if entropy > goal {
            low = sharpness;
            sharpness = if high.is_finite() { f64::midpoint(low, high) } else { sharpness * 2.0 };
        } else {
            high = sharpness;
            sharpness = f64::midpoint(low, high);
        }
    }
    weigh(sharpness)
}

fn gradient(near: &[f64], places: &[[f64; 2]], exaggeration: f64) -> Vec<[f64; 2]> {
    let closeness = |a: &[f64; 2], b: &[f64; 2]| 1.0 / (1.0 + (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2));
    // Summed row by row, so that the sum does not depend on the threads.
    let rows: Vec<f64> = places.par_iter().map(|a| places.iter().map(|b| closeness(a, b)).sum::<f64>() - 1.0).collect();
    let total = rows.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let of = |(a, near): (&[f64; 2], &[f64])| {
        let mut slope = [0.0; 2];
        for (b, p) in places.iter().zip(near) {
            let q = closeness(a, b);
            let force = 4.0 * (exaggeration * p - q / total) * q;
            slope[0] += force * (a[0] - b[0]);
            slope[1] += force * (a[1] - b[1]);
        }
        slope
    };
    places.par_iter().zip(near.par_chunks(places.len().max(1))).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three clusters of ten points on a line, far apart, and their squared distances.
    fn clusters() -> (Vec<[f64; 2]>, Vec<f64>) {
        let at = |i: usize| (i / 10) as f64 * 50.0 + (i % 10) as f64 * 0.3;
        let squared = (0..900).map(|k| (at(k / 30) - at(k % 30)).powi(2)).collect();
        ((0..30).map(|i| [at(i), ((i * 7) % 5) as f64]).collect(), squared)
    }

    #[test]
    fn points_of_one_cluster_lie_together_and_apart_from_the_others() {
        let (start, squared) = clusters();
        let places = lay_out(&squared, &start, 5.0, &Job::silent()).unwrap();
        let far = |i: usize, j: usize| (places[i][0] - places[j][0]).hypot(places[i][1] - places[j][1]);
        for i in 0..30 {
            let nearest = (0..30).filter(|j| *j != i).min_by(|a, b| far(i, *a).total_cmp(&far(i, *b))).unwrap();
            assert_eq!(nearest / 10, i / 10, "{i}");
        }
        assert!(places.iter().flatten().all(|v| v.is_finite()));
    }

    #[test]
    fn the_same_points_give_the_same_map() {
        let (start, squared) = clusters();
        let once = lay_out(&squared, &start, 5.0, &Job::silent()).unwrap();
        assert_eq!(once, lay_out(&squared, &start, 5.0, &Job::silent()).unwrap());
    }

    #[test]
    fn every_point_has_as_many_neighbours_as_the_perplexity_says() {
        let (_, squared) = clusters();
        let row = conditional(&squared[..30], 0, 5.0);
        let entropy: f64 = row.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        assert!((entropy.exp() - 5.0).abs() < 1e-3 && row[0] == 0.0, "{}", entropy.exp());
        let joint = joint(&squared, 30, 5.0);
        assert!((joint.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        assert_eq!((perplexity(4), perplexity(1000)), (1.0, 30.0));
    }

    #[test]
    fn points_that_are_all_one_stay_finite() {
        let places = lay_out(&[0.0; 25], &[[0.0; 2]; 5], 1.3, &Job::silent()).unwrap();
        assert!(places.iter().flatten().all(|v| v.is_finite()));
    }
}
