//! The two principal components of a cloud of points, from their dot products alone.

/// Steps of the power iteration at most.
const MOST_STEPS: usize = 500;
/// It ends when no element of the direction moves by more.
const STILL: f64 = 1e-9;

/// Points in the plane of their two principal components.
pub(super) struct Components {
    pub points: Vec<[f64; 2]>,
    /// The share of the variance that each component has.
    pub explained: [f64; 2],
}

/// The components of `count` points with these dot products, `[count, count]`. Of each component the sign is such that the
/// point farthest from the middle lies on the positive side.
pub(super) fn components(dots: &[f32], count: usize) -> Components {
    let mut centred = centred(dots, count);
    let trace: f64 = (0..count).filter_map(|i| centred.get(i * count + i)).sum();
    let mut found = Components { points: vec![[0.0; 2]; count], explained: [0.0; 2] };
    if trace <= 0.0 {
        return found;
    }
    for axis in 0..2 {
        let Some((value, vector)) = leading(&centred, count).filter(|(value, _)| *value > trace * 1e-12) else { break };
        let root = value.sqrt();
        for (point, v) in found.points.iter_mut().zip(&vector) {
            if let Some(place) = point.get_mut(axis) {
                *place = v * root;
            }
        }
        if let Some(share) = found.explained.get_mut(axis) {
            *share = value / trace;
        }
        for (row, vi) in centred.chunks_mut(count).zip(&vector) {
            row.iter_mut().zip(&vector).for_each(|(cell, vj)| *cell -= value * vi * vj);
        }
    }
    found
}

/// Dot products of the points less their mean.
fn centred(dots: &[f32], count: usize) -> Vec<f64> {
    let means: Vec<f64> =
        dots.chunks(count).map(|row| row.iter().copied().map(f64::from).sum::<f64>() / count as f64).collect();
    let all = means.iter().sum::<f64>() / count.max(1) as f64;
    let row = |(row, mean): (&[f32], &f64)| -> Vec<f64> {
        row.iter().zip(&means).map(|(dot, other)| f64::from(*dot) - mean - other + all).collect()
    };
    dots.chunks(count).zip(&means).flat_map(row).collect()
}

/// The largest eigenvalue and its vector, by power iteration from the column that is longest.
fn leading(matrix: &[f64], count: usize) -> Option<(f64, Vec<f64>)> {
    let length = |row: &[f64]| row.iter().map(|v| v * v).sum::<f64>().sqrt();
    let longest = matrix.chunks(count).max_by(|a, b| length(a).total_cmp(&length(b)))?;
    let mut vector = unit(longest.to_vec())?;
    let mut value = 0.0;
    for _ in 0..MOST_STEPS {
        let image: Vec<f64> =
            matrix.chunks(count).map(|row| row.iter().zip(&vector).map(|(a, b)| a * b).sum()).collect();
        value = image.iter().zip(&vector).map(|(a, b)| a * b).sum();
        let Some(next) = unit(image) else { break };
        let moved = next.iter().zip(&vector).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        vector = next;
        if moved < STILL {
            break;
        }
    }
    let farthest = vector.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    if farthest < 0.0 {
        vector.iter_mut().for_each(|v| *v = -*v);
    }
    Some((value, vector))
}

/// The vector with length 1; `None` where it has none.
fn unit(mut vector: Vec<f64>) -> Option<Vec<f64>> {
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    if length <= 0.0 || !length.is_finite() {
        return None;
    }
    vector.iter_mut().for_each(|v| *v /= length);
    Some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dots(points: &[Vec<f32>]) -> Vec<f32> {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum();
        points.iter().flat_map(|a| points.iter().map(move |b| dot(a, b))).collect()
    }

    #[test]
    fn points_in_a_plane_keep_their_distances() {
        // A rectangle of 6 by 2, turned and moved in four dimensions.
        let corner = |x: f32, y: f32| vec![3.0 + x * 0.6, 1.0 + x * 0.8, y - 2.0, 5.0];
        let points = [corner(0.0, 0.0), corner(6.0, 0.0), corner(6.0, 2.0), corner(0.0, 2.0)];
        let found = components(&dots(&points), 4);
        assert!((found.explained[0] - 0.9).abs() < 1e-4 && (found.explained[1] - 0.1).abs() < 1e-4);
        let far = |i: usize, j: usize| {
            let (a, b) = (found.points[i], found.points[j]);
            ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sqrt()
        };
        assert!((far(0, 1) - 6.0).abs() < 1e-3 && (far(1, 2) - 2.0).abs() < 1e-3, "{:?}", found.points);
        assert!((far(0, 2) - 40f64.sqrt()).abs() < 1e-3);
    }

    #[test]
    fn points_that_are_all_one_have_no_components() {
        let found = components(&dots(&vec![vec![1.0, 2.0]; 5]), 5);
        assert_eq!(found.explained, [0.0; 2]);
        assert!(found.points.iter().flatten().all(|v| *v == 0.0));
    }
}
