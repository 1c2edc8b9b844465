//! t-SNE (van der Maaten & Hinton 2008), exact: some thousand points take seconds, so that nothing is approximated and the
//! same points give the same map, bit for bit.
//!
//! Not the crate `bhtsne`: it sums in whatever order its threads finish, so that the same start gave another map in every run
//! that was tried (2,000, 5,000 and 20,000 points), a fit that has begun cannot be stopped, and it ends the program where
//! points are few. What it saves on very many points is not needed, as more than [`super::map::LAID_OUT`] are never laid out.

use rayon::prelude::*;

use crate::job::{Cancelled, Job};

/// Fewer points make no map.
pub const LEAST: usize = 4;

/// Steps from the start to the end.
pub const STEPS: usize = 500;
/// Steps in which near points are drawn together more than they should be, so that clusters form first.
const EXAGGERATED: usize = 125;
const EXAGGERATION: f64 = 12.0;
/// What the deviation of the first axis is at the start.
const START: f64 = 1e-4;
/// Halvings of the interval in the search for a point's bandwidth, at most, and how near to its goal it ends.
const HALVINGS: usize = 60;
const NEAR_ENOUGH: f64 = 1e-6;

/// Neighbours that a map of `count` points keeps near, about: 30, or a third of few points.
pub fn perplexity(count: usize) -> f64 {
    ((count.saturating_sub(1)) as f64 / 3.0).clamp(1.0, 30.0)
}

/// Lays points with these squared distances `[count, count]` out, starting from `start`.
///
/// # Errors
/// When the job is cancelled.
pub fn lay_out(squared: &[f64], start: &[[f64; 2]], perplexity: f64, job: &Job) -> Result<Vec<[f64; 2]>, Cancelled> {
    let mut layout = Layout::new(squared, start, perplexity, job)?;
    while !layout.is_done() {
        job.check()?;
        layout.step();
    }
    Ok(layout.places)
}

/// A map in the making.
pub struct Layout {
    /// How near every two points are, as probabilities that sum to 1: `[count, count]`.
    near: Vec<f64>,
    places: Vec<[f64; 2]>,
    speeds: Vec<[f64; 2]>,
    gains: Vec<[f64; 2]>,
    steps: usize,
}

impl Layout {
    /// Begins a map of points with these squared distances `[count, count]`, from `start`.
    ///
    /// # Errors
    /// When the job is cancelled.
    pub fn new(squared: &[f64], start: &[[f64; 2]], perplexity: f64, job: &Job) -> Result<Self, Cancelled> {
        let count = start.len();
        let near = joint(squared, count, perplexity, job)?;
        let (speeds, gains) = (vec![[0.0; 2]; count], vec![[1.0; 2]; count]);
        Ok(Self { near, places: scaled(start), speeds, gains, steps: 0 })
    }

    /// Where the points lie now.
    pub fn places(&self) -> &[[f64; 2]] {
        &self.places
    }

    /// The steps that were taken, of [`STEPS`].
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Whether the map is as it stays.
    pub fn is_done(&self) -> bool {
        self.steps >= STEPS
    }

    /// One step down the gradient.
    pub fn step(&mut self) {
        let is_early = self.steps < EXAGGERATED;
        let (exaggeration, momentum) = if is_early { (EXAGGERATION, 0.5) } else { (1.0, 0.8) };
        let rate = (self.places.len() as f64 / EXAGGERATION / 4.0).max(50.0);
        let gradient = gradient(&self.near, &self.places, exaggeration);
        let moved = self.places.iter_mut().zip(&mut self.speeds).zip(&mut self.gains).zip(&gradient);
        for (((place, speed), gain), slope) in moved {
            for (((place, speed), gain), slope) in place.iter_mut().zip(speed).zip(gain).zip(slope) {
                // A direction that holds gathers pace, one that turns loses it (Jacobs 1988).
                *gain = if (*slope > 0.0) == (*speed > 0.0) { (*gain * 0.8f64).max(0.01) } else { *gain + 0.2 };
                *speed = momentum * *speed - rate * *gain * slope;
                *place += *speed;
            }
        }
        self.steps += 1;
    }
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
fn joint(squared: &[f64], count: usize, perplexity: f64, job: &Job) -> Result<Vec<f64>, Cancelled> {
    let own = |(i, row)| {
        job.check()?;
        Ok(conditional(row, i, perplexity))
    };
    let own: Vec<Vec<f64>> = squared.par_chunks(count.max(1)).enumerate().map(own).collect::<Result<_, Cancelled>>()?;
    let at = |i: usize, j: usize| own.get(i).and_then(|row| row.get(j)).copied().unwrap_or_default();
    let near = |k: usize| {
        let (i, j) = (k / count, k % count);
        ((at(i, j) + at(j, i)) / (2 * count) as f64).max(if i == j { 0.0 } else { 1e-12 })
    };
    Ok((0..count * count).map(near).collect())
}

/// How near the others are to point `i`, with the bandwidth at which they count as `perplexity` neighbours.
fn conditional(squared: &[f64], i: usize, perplexity: f64) -> Vec<f64> {
    let others = || squared.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, d)| *d);
    let nearest = others().fold(f64::INFINITY, f64::min);
    let (mut low, mut high, mut sharpness) = (0.0, f64::INFINITY, 1.0);
    // The entropy of weights exp(-s·d) is ln(sum) + s · (mean of d).
    let entropy = |sharpness: f64| {
        let (mut sum, mut weighed) = (0.0, 0.0);
        for d in others() {
            let weight = (-(d - nearest) * sharpness).exp();
            sum += weight;
            weighed += weight * (d - nearest);
        }
        if sum > 0.0 { sum.ln() + sharpness * weighed / sum } else { 0.0 }
    };
    let goal = perplexity.ln();
    for _ in 0..HALVINGS {
        let over = entropy(sharpness) - goal;
        if over.abs() < NEAR_ENOUGH {
            break;
        }
        if over > 0.0 {
            low = sharpness;
            sharpness = if high.is_finite() { f64::midpoint(low, high) } else { sharpness * 2.0 };
        } else {
            high = sharpness;
            sharpness = f64::midpoint(low, high);
        }
    }
    let weight = |(j, d): (usize, &f64)| if j == i { 0.0 } else { (-(d - nearest) * sharpness).exp() };
    let weights: Vec<f64> = squared.iter().enumerate().map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum.max(f64::MIN_POSITIVE)).collect()
}

/// What draws a point towards its neighbours, and what drives it from all others, before the latter is divided by the sum
/// of all closenesses.
#[derive(Clone, Copy, Default)]
struct Forces {
    drawn: [f64; 2],
    driven: [f64; 2],
    closeness: f64,
}

fn gradient(near: &[f64], places: &[[f64; 2]], exaggeration: f64) -> Vec<[f64; 2]> {
    let of = |(a, near): (&[f64; 2], &[f64])| {
        let mut forces = Forces::default();
        for (b, p) in places.iter().zip(near) {
            let (x, y) = (a[0] - b[0], a[1] - b[1]);
            let q = 1.0 / (1.0 + x * x + y * y);
            let (draw, drive) = (p * q, q * q);
            forces.closeness += q;
            forces.drawn[0] += draw * x;
            forces.drawn[1] += draw * y;
            forces.driven[0] += drive * x;
            forces.driven[1] += drive * y;
        }
        forces
    };
    let forces: Vec<Forces> = places.par_iter().zip(near.par_chunks(places.len().max(1))).map(of).collect();
    // Summed in order, so that the sum does not depend on the threads; a point is not close to itself.
    let total = forces.iter().map(|forces| forces.closeness - 1.0).sum::<f64>().max(f64::MIN_POSITIVE);
    let slope = |forces: &Forces| {
        let along = |drawn: f64, driven: f64| 4.0 * (exaggeration * drawn - driven / total);
        [along(forces.drawn[0], forces.driven[0]), along(forces.drawn[1], forces.driven[1])]
    };
    forces.iter().map(slope).collect()
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
        let joint = joint(&squared, 30, 5.0, &Job::silent()).unwrap();
        assert!((joint.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        assert_eq!((perplexity(4), perplexity(1000)), (1.0, 30.0));
    }

    #[test]
    fn points_that_are_all_one_stay_finite() {
        let places = lay_out(&[0.0; 25], &[[0.0; 2]; 5], 1.3, &Job::silent()).unwrap();
        assert!(places.iter().flatten().all(|v| v.is_finite()));
    }
}
