//! The silhouette (Rousseeuw 1987) with squared Euclidean distance, which on rows of length 1 is twice the cosine
//! distance. With it the mean distance from a point to a group follows from the group's mean alone, so that the exact
//! value takes one pass instead of every pair.

use super::kmeans::Clustering;
use super::svd::Points;

/// The silhouette of every point: from −1, nearer to another group, to 1, far from all but its own. A point that is alone
/// in its group has 0, and so has every point where there is one group.
pub fn silhouettes(points: &Points, clustering: &Clustering) -> Vec<f32> {
    let width = points.width.max(1);
    let k = clustering.centres.len() / width;
    if k < 2 {
        return vec![0.0; points.len()];
    }
    let mut groups = vec![Group { sum: vec![0.0; width], ..Group::default() }; k];
    for (point, label) in points.rows().zip(&clustering.labels) {
        if let Some(group) = groups.get_mut(*label as usize) {
            group.take(point);
        }
    }
    let of = |(point, label): (&[f32], &u32)| {
        let length = square(point);
        let Some(own) = groups.get(*label as usize).filter(|own| own.size >= 2.0) else { return 0.0 };
        let inside = own.distances(point, length) / (own.size - 1.0);
        let others = groups.iter().zip(0u32..).filter(|(group, number)| number != label && group.size > 0.0);
        let outside =
            others.map(|(group, _)| group.distances(point, length) / group.size).fold(f64::INFINITY, f64::min);
        if outside.is_finite() { ((outside - inside) / outside.max(inside).max(1e-12)) as f32 } else { 0.0 }
    };
    points.rows().zip(&clustering.labels).map(of).collect()
}

/// What is kept of the points of a group.
#[derive(Clone, Default)]
struct Group {
    size: f64,
    sum: Vec<f64>,
    /// Sum of the points' squared lengths.
    squares: f64,
}

impl Group {
    fn take(&mut self, point: &[f32]) {
        self.size += 1.0;
        self.squares += square(point);
        self.sum.iter_mut().zip(point).for_each(|(sum, v)| *sum += f64::from(*v));
    }

    /// Sum of the squared distances from `point`, of squared length `length`, to all points of the group.
    fn distances(&self, point: &[f32], length: f64) -> f64 {
        let product: f64 = self.sum.iter().zip(point).map(|(sum, v)| sum * f64::from(*v)).sum();
        self.size * length - 2.0 * product + self.squares
    }
}

fn square(point: &[f32]) -> f64 {
    point.iter().map(|v| f64::from(v * v)).sum()
}

/// The mean silhouette.
pub fn mean_silhouette(points: &Points, clustering: &Clustering) -> f64 {
    let all = silhouettes(points, clustering);
    all.iter().map(|s| f64::from(*s)).sum::<f64>() / all.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_every_pair() {
        let points = Points { values: vec![0.0, 1.0, 0.5, 4.0, 5.0, 7.0], width: 1 };
        let clustering = Clustering { labels: vec![0, 0, 0, 1, 1, 1], centres: vec![0.5, 5.3], sse: 0.0 };
        let square = |a: usize, b: usize| f64::from(points.values[a] - points.values[b]).powi(2);
        for (i, found) in silhouettes(&points, &clustering).into_iter().enumerate() {
            let mean = |group: std::ops::Range<usize>| {
                let others: Vec<usize> = group.filter(|j| *j != i).collect();
                others.iter().map(|j| square(i, *j)).sum::<f64>() / others.len() as f64
            };
            let (own, other) = if i < 3 { (mean(0..3), mean(3..6)) } else { (mean(3..6), mean(0..3)) };
            assert!((f64::from(found) - (other - own) / other.max(own)).abs() < 1e-6);
        }
    }

    #[test]
    fn one_group_and_a_point_alone_have_none() {
        let points = Points { values: vec![0.0, 1.0, 9.0], width: 1 };
        let one = Clustering { labels: vec![0; 3], centres: vec![3.0], sse: 0.0 };
        assert_eq!(silhouettes(&points, &one), [0.0; 3]);
        let alone = Clustering { labels: vec![0, 0, 1], centres: vec![0.5, 9.0], sse: 0.0 };
        assert_eq!(silhouettes(&points, &alone)[2], 0.0);
    }
}
