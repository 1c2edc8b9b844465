//! DBSCAN (Ester et al. 1996) as a second opinion: groups are where points lie densely, and a point may belong to none.
//! On texts it depends much on the radius, which is taken from the bend of the distances to the nearest neighbours.

use rayon::prelude::*;

use super::svd::Points;
use crate::job::{Cancelled, Job};
use crate::ops::products;

/// Neighbours that make a point part of a dense place, itself counted.
const NEIGHBOURS: usize = 8;
/// Points whose distances to all others are computed by one task.
const BLOCK: usize = 64;

/// Dense groups.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseGroups {
    /// The group of every point, from 0; −1 for one that lies apart.
    pub labels: Vec<i32>,
    pub groups: usize,
    /// The squared distance within which points are neighbours.
    pub radius: f32,
}

/// Groups `points`, every two of which are compared: for more than some ten thousand take a sample.
///
/// # Errors
/// When the job is cancelled.
pub fn dbscan(points: &Points, job: &Job) -> Result<DenseGroups, Cancelled> {
    let n = points.len();
    if n < NEIGHBOURS {
        return Ok(DenseGroups { labels: vec![-1; n], groups: 0, radius: 0.0 });
    }
    let radius = radius(points, job)?;
    let is_dense = each_block(points, job, |distances| {
        distances.iter().filter(|distance| **distance <= radius).count() >= NEIGHBOURS
    })?;
    let is_dense = |point: usize| is_dense.get(point).copied().unwrap_or(false);
    let squares = squares(points);
    let mut labels = vec![-1i32; n];
    let mut groups = 0i32;
    // Neighbours are found anew for each point: kept for all of them, they would be as many as pairs where all points are one.
    let mut waiting = Vec::new();
    for seed in 0..n {
        if labels.get(seed) != Some(&-1) || !is_dense(seed) {
            continue;
        }
        job.check()?;
        waiting.push(seed);
        while let Some(point) = waiting.pop() {
            if let Some(label) = labels.get_mut(point) {
                *label = groups;
            }
            if !is_dense(point) {
                continue;
            }
            let dots = products(points.row(point), &points.values, points.width);
            let own = squares.get(point).copied().unwrap_or(0.0);
            let distances = dots.iter().zip(&squares).map(|(dot, square)| (own + square - 2.0 * dot).max(0.0));
            for ((other, distance), label) in distances.enumerate().zip(&mut labels) {
                if distance <= radius && *label == -1 {
                    *label = groups;
                    waiting.push(other);
                }
            }
        }
        groups += 1;
    }
    Ok(DenseGroups { labels, groups: groups.max(0) as usize, radius })
}

/// The bend of the sorted distances from each point to its [`NEIGHBOURS`]th neighbour.
fn radius(points: &Points, job: &Job) -> Result<f32, Cancelled> {
    let mut to_last = each_block(points, job, |distances| {
        distances.select_nth_unstable_by(NEIGHBOURS - 1, f32::total_cmp);
        distances.get(NEIGHBOURS - 1).copied().unwrap_or(0.0)
    })?;
    to_last.sort_unstable_by(f32::total_cmp);
    let (Some(first), Some(last)) = (to_last.first().copied(), to_last.last().copied()) else { return Ok(0.0) };
    let step = (last - first) / to_last.len().max(2) as f32;
    let below = |(i, distance): &(usize, &f32)| first + step * *i as f32 - **distance;
    let bend = to_last.iter().enumerate().max_by(|a, b| below(a).total_cmp(&below(b)));
    Ok(bend.map_or(0.0, |(_, distance)| *distance))
}

/// What `take` makes of every point's squared distances to all points.
fn each_block<T: Send>(points: &Points, job: &Job, take: impl Fn(&mut [f32]) -> T + Sync) -> Result<Vec<T>, Cancelled> {
    let squares = squares(points);
    let width = points.width.max(1);
    let of_block = |(block, rows): (usize, &[f32])| {
        job.check()?;
        let mut distances = products(rows, &points.values, width);
        let rows = distances.chunks_mut(points.len()).zip(squares.iter().skip(block * BLOCK)).map(|(row, own)| {
            row.iter_mut()
                .zip(&squares)
                .for_each(|(distance, square)| *distance = (own + square - 2.0 * *distance).max(0.0));
            take(row)
        });
        Ok(rows.collect::<Vec<T>>())
    };
    let blocks: Vec<Vec<T>> =
        points.values.par_chunks(BLOCK * width).enumerate().map(of_block).collect::<Result<_, Cancelled>>()?;
    Ok(blocks.into_iter().flatten().collect())
}

/// Squared lengths of the points.
fn squares(points: &Points) -> Vec<f32> {
    points.rows().map(|row| row.iter().map(|v| v * v).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_heaps_are_groups_and_what_lies_apart_is_noise() {
        let mut values: Vec<f32> = (0..40)
            .flat_map(|i| [(i % 2) as f32 * 10.0 + (i as f32 * 0.37).sin() * 0.2, (i as f32 * 0.9).cos() * 0.2])
            .collect();
        values.extend([5.0, 30.0]);
        let points = Points { values, width: 2 };
        let found = dbscan(&points, &Job::silent()).unwrap();
        assert_eq!(found.groups, 2);
        assert_eq!(found.labels.last(), Some(&-1));
        assert!((0..38).all(|i| found.labels[i] == found.labels[i + 2]));
    }

    #[test]
    fn points_that_are_all_one_are_one_group() {
        let found = dbscan(&Points { values: vec![0.5; 600], width: 2 }, &Job::silent()).unwrap();
        assert_eq!((found.groups, found.labels), (1, vec![0; 300]));
    }

    #[test]
    fn a_handful_of_points_has_no_dense_place() {
        let found = dbscan(&Points { values: vec![0.0; 6], width: 2 }, &Job::silent()).unwrap();
        assert_eq!((found.groups, found.labels), (0, vec![-1; 3]));
    }
}
