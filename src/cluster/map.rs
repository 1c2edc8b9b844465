//! Texts in the plane: at once along their two principal directions, then by t-SNE, told of while it comes about.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::corpus::drawn;
use super::dense::{cross, eigen, orthonormal, times};
use super::svd::Points;
use super::tsne::{LEAST, Layout, STEPS, perplexity};
use crate::job::{Cancelled, Job};
use crate::ops::products;

/// Points that are laid out by t-SNE, which compares every two of them; of more, the others are placed by those that they are
/// nearest to.
pub const LAID_OUT: usize = 2_000;
/// Neighbours that place a point which was not laid out.
const PLACED_BY: usize = 3;
/// Rounds of the iteration that finds the principal directions.
const ROUNDS: usize = 60;
/// Directions that are iterated, so that the first two settle soon.
const ITERATED: usize = 4;
/// Points that one task places.
const BLOCK: usize = 256;

/// Computes the place of every point on a map as it is now.
pub type Places<'a> = dyn Fn() -> Vec<[f32; 2]> + 'a;

/// The points along their two principal directions.
pub fn principal_map(points: &Points) -> Vec<[f32; 2]> {
    let width = points.width;
    let mut centred = points.clone();
    centred.centre();
    let covariance: Vec<f32> =
        cross(&centred.values, width, &centred.values, width).into_iter().map(|v| v as f32).collect();
    let d = ITERATED.min(width);
    // Any start does that is not at right angles to what is sought.
    let start: Vec<f32> = (0..width * d).map(|i| ((i * i + 3 * i + 1) as f32 * 0.7).sin()).collect();
    let mut directions = orthonormal(&start, d);
    for _ in 0..ROUNDS {
        directions = orthonormal(&times(&covariance, width, &directions, d), d);
    }
    let seen = times(&centred.values, width, &directions, d);
    let (_, turn) = eigen(&cross(&seen, d, &seen, d), d);
    let turn: Vec<f32> = turn.into_iter().map(|v| v as f32).collect();
    let turned = times(&seen, d, &turn, d);
    let place = |row: &[f32]| [row.first().copied().unwrap_or(0.0), row.get(1).copied().unwrap_or(0.0)];
    turned.chunks(d.max(1)).map(place).collect()
}

/// Lays the points out by t-SNE from `start`. After every step but the last `tell` is called with the share done and what computes
/// every place, for when it is time to show them. Of more than [`LAID_OUT`] points a sample is laid out, and
/// the others come to lie between the few of it that they are nearest to.
///
/// # Errors
/// When the job is cancelled.
pub fn refine_map(
    points: &Points,
    start: &[[f32; 2]],
    seed: u64,
    job: &Job,
    tell: &mut dyn FnMut(f32, &Places<'_>),
) -> Result<Vec<[f32; 2]>, Cancelled> {
    if points.len() < LEAST {
        return Ok(start.to_vec());
    }
    let sample = drawn(points.len(), LAID_OUT, &mut ChaCha8Rng::seed_from_u64(seed));
    let laid_out = points.picked(&sample);
    job.progress(0.0, "Comparing every two points");
    let placing = Placing::of(points, &laid_out, job)?;
    let from: Vec<[f64; 2]> =
        sample.iter().filter_map(|at| start.get(*at)).map(|[x, y]| [f64::from(*x), f64::from(*y)]).collect();
    let mut layout = Layout::new(&squared(&laid_out), &from, perplexity(sample.len()), job)?;
    while !layout.is_done() {
        job.check()?;
        layout.step();
        let share = layout.steps() as f32 / STEPS as f32;
        job.progress(share, "Laying out the map");
        if !layout.is_done() {
            tell(share, &|| placing.places(layout.places()));
        }
    }
    Ok(placing.places(layout.places()))
}

/// Squared distances of every two points, `[points, points]`.
fn squared(points: &Points) -> Vec<f64> {
    let lengths: Vec<f32> = points.rows().map(|row| row.iter().map(|v| v * v).sum()).collect();
    let dots = products(&points.values, &points.values, points.width);
    let row = |(dots, own): (&[f32], &f32)| -> Vec<f64> {
        dots.iter().zip(&lengths).map(|(dot, other)| f64::from((own + other - 2.0 * dot).max(0.0))).collect()
    };
    dots.chunks(points.len().max(1)).zip(&lengths).flat_map(row).collect()
}

/// How points are placed by those that were laid out.
struct Placing {
    /// For every point those it is nearest to, each with its share.
    by: Vec<[(u32, f32); PLACED_BY]>,
}

impl Placing {
    fn of(points: &Points, laid_out: &Points, job: &Job) -> Result<Self, Cancelled> {
        let lengths: Vec<f32> = laid_out.rows().map(|row| row.iter().map(|v| v * v).sum()).collect();
        let width = points.width.max(1);
        let of_block = |rows: &[f32]| {
            job.check()?;
            let dots = products(rows, &laid_out.values, width);
            let place = |(dots, row): (&[f32], &[f32])| {
                let own: f32 = row.iter().map(|v| v * v).sum();
                nearest(dots.iter().zip(&lengths).map(|(dot, other)| (own + other - 2.0 * dot).max(0.0)))
            };
            Ok(dots.chunks(laid_out.len().max(1)).zip(rows.chunks(width)).map(place).collect::<Vec<_>>())
        };
        let blocks: Vec<Vec<_>> =
            points.values.par_chunks(BLOCK * width).map(of_block).collect::<Result<_, Cancelled>>()?;
        Ok(Self { by: blocks.into_iter().flatten().collect() })
    }

    fn places(&self, laid_out: &[[f64; 2]]) -> Vec<[f32; 2]> {
        let place = |by: &[(u32, f32); PLACED_BY]| {
            let mut at = [0f32; 2];
            for (near, share) in by {
                let [x, y] = laid_out.get(*near as usize).copied().unwrap_or_default();
                at = [at[0] + share * x as f32, at[1] + share * y as f32];
            }
            at
        };
        self.by.iter().map(place).collect()
    }
}

/// Those at the smallest of the squared `distances`, each with its share: the nearer, the larger, so that one that was laid
/// out itself has its own place.
fn nearest(distances: impl Iterator<Item = f32>) -> [(u32, f32); PLACED_BY] {
    let mut found = [(0u32, f32::INFINITY); PLACED_BY];
    for (distance, number) in distances.zip(0u32..) {
        let mut coming = (number, distance);
        for held in &mut found {
            if coming.1 < held.1 {
                std::mem::swap(held, &mut coming);
            }
        }
    }
    let weight = |distance: f32| 1.0 / (distance * distance + 1e-9);
    let sum: f32 = found.iter().map(|(_, distance)| weight(*distance)).sum();
    found.map(|(number, distance)| (number, weight(distance) / sum.max(f32::MIN_POSITIVE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three heaps of points around the axes of twelve dimensions.
    fn heaps(count: usize) -> Points {
        let value = |i: usize, axis: usize| {
            let noise = ((i * 31 + axis * 7) as f32 * 0.37).sin() * 0.15;
            noise + if axis == i % 3 { 1.0 } else { 0.0 }
        };
        let mut points = Points { values: (0..count * 12).map(|k| value(k / 12, k % 12)).collect(), width: 12 };
        points.normalise();
        points
    }

    fn share_of_neighbours_of_one_heap(places: &[[f32; 2]]) -> f64 {
        let far = |a: &[f32; 2], b: &[f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        let same = (0..places.len()).filter(|i| {
            let others = (0..places.len()).filter(|j| j != i);
            let near = others.min_by(|a, b| far(&places[*i], &places[*a]).total_cmp(&far(&places[*i], &places[*b])));
            near.is_some_and(|near| near % 3 == i % 3)
        });
        same.count() as f64 / places.len() as f64
    }

    #[test]
    fn the_first_map_is_along_the_directions_of_most_variance() {
        let values = (0..60).flat_map(|i| {
            let (a, b) = ((i as f32 * 0.7).sin() * 5.0, (i as f32 * 1.9).cos());
            [7.0 + b * 0.6, a, 1.0 - b * 0.8, 3.0]
        });
        let points = Points { values: values.collect(), width: 4 };
        let places = principal_map(&points);
        let spread = |axis: usize| places.iter().map(|place| f64::from(place[axis]).powi(2)).sum::<f64>();
        let mean = (0..60).map(|i| f64::from(points.row(i)[1])).sum::<f64>() / 60.0;
        let first = (0..60).map(|i| (f64::from(points.row(i)[1]) - mean).powi(2)).sum::<f64>();
        assert!((spread(0) / first - 1.0).abs() < 0.01, "{} {first}", spread(0));
        assert!(spread(1) > 20.0 && spread(1) < spread(0));
    }

    #[test]
    fn heaps_come_apart_and_the_same_seed_gives_the_same_map() {
        let points = heaps(150);
        let start = principal_map(&points);
        let mut told = 0;
        let lay_out = |told: &mut usize| {
            let mut tell = |_: f32, places: &Places<'_>| *told += places().len();
            refine_map(&points, &start, 3, &Job::silent(), &mut tell).unwrap()
        };
        let places = lay_out(&mut told);
        assert_eq!(told, (STEPS - 1) * 150, "every step can be told of");
        assert!(share_of_neighbours_of_one_heap(&places) > 0.98);
        assert_eq!(lay_out(&mut 0), places);
    }

    #[test]
    fn a_point_that_was_not_laid_out_lies_by_its_neighbours() {
        let near = nearest([4.0, 0.0, 9.0, 1.0].into_iter());
        assert_eq!(near[0].0, 1);
        assert!(near[0].1 > 0.999, "one that was laid out itself has its own place: {near:?}");
        let points = heaps(30);
        let placing = Placing::of(&points, &points.picked(&[0, 1, 2]), &Job::silent()).unwrap();
        let places = placing.places(&[[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]]);
        assert_eq!(share_of_neighbours_of_one_heap(&places), 1.0);
    }

    #[test]
    fn few_points_and_one_dimension_make_no_trouble() {
        assert_eq!(principal_map(&Points { values: vec![1.0, 1.0], width: 1 }), [[0.0; 2]; 2]);
        let few = Points { values: vec![1.0, 0.0, 0.0, 1.0], width: 2 };
        let start = principal_map(&few);
        assert_eq!(refine_map(&few, &start, 0, &Job::silent(), &mut |_, _| {}).unwrap(), start);
    }

    #[test]
    fn a_cancelled_map_ends() {
        let (points, job) = (heaps(30), Job::silent());
        job.cancel();
        assert_eq!(refine_map(&points, &principal_map(&points), 0, &job, &mut |_, _| {}), Err(Cancelled));
    }
}
