//! Truncated singular value decomposition of a sparse matrix, by randomised subspace iteration (Halko, Martinsson and
//! Tropp 2011, algorithm 4.4): the directions in which texts differ most.

use rand::Rng;
use rand::seq::SliceRandom;

use super::dense::{cross, eigen, orthonormal, times};
use super::sparse::SparseRows;
use crate::job::{Cancelled, Job};

/// Directions sought beyond those asked for, which makes the last of these exact.
const OVERSAMPLED: usize = 10;
/// Rounds of iteration.
const ROUNDS: usize = 4;
/// Directions whose square, beside that of the strongest, is smaller are noise of the arithmetic.
const NEGLIGIBLE: f64 = 1e-9;

/// Points in few dimensions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// `[points, width]`, row after row.
    pub values: Vec<f32>,
    pub width: usize,
}

impl Points {
    /// The points.
    pub fn rows(&self) -> std::slice::Chunks<'_, f32> {
        self.values.chunks(self.width.max(1))
    }

    /// One point; empty beyond the last.
    pub fn row(&self, index: usize) -> &[f32] {
        self.values.get(index * self.width..(index + 1) * self.width).unwrap_or_default()
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The points of `which`, in that order.
    pub fn picked(&self, which: &[usize]) -> Self {
        Self { values: which.iter().flat_map(|index| self.row(*index)).copied().collect(), width: self.width }
    }

    /// The points along their first `width` directions alone.
    pub fn narrowed(&self, width: usize) -> Self {
        let width = width.min(self.width);
        let values = self.rows().flat_map(|row| row.iter().take(width)).copied().collect();
        Self { values, width }
    }

    /// Takes the mean of all points off each.
    pub fn centre(&mut self) {
        let (width, count) = (self.width.max(1), self.len().max(1) as f64);
        let mut mean = vec![0f64; width];
        for row in self.values.chunks(width) {
            mean.iter_mut().zip(row).for_each(|(mean, v)| *mean += f64::from(*v) / count);
        }
        for row in self.values.chunks_mut(width) {
            row.iter_mut().zip(&mean).for_each(|(v, mean)| *v -= *mean as f32);
        }
    }

    /// Points of length 1 whose coordinates were dealt anew among all points, each for itself: what is found in them is
    /// found by chance.
    pub fn shuffled(&self, rng: &mut impl Rng) -> Self {
        let mut dealt = self.clone();
        for column in 0..self.width {
            let mut values: Vec<f32> = self.values.iter().skip(column).step_by(self.width).copied().collect();
            values.shuffle(rng);
            dealt.values.iter_mut().skip(column).step_by(self.width).zip(values).for_each(|(place, v)| *place = v);
        }
        dealt.normalise();
        dealt
    }

    /// Scales every point to length 1; one of zeros stays.
    pub fn normalise(&mut self) {
        for row in self.values.chunks_mut(self.width.max(1)) {
            let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            if length > f32::MIN_POSITIVE {
                row.iter_mut().for_each(|v| *v /= length);
            }
        }
    }
}

/// Right singular vectors: the directions of a matrix's rows, strongest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directions {
    /// `[width of the matrix, count]`, row after row.
    vectors: Vec<f32>,
    count: usize,
}

impl Directions {
    /// The `wanted` strongest directions of `matrix`, or as many as it has.
    ///
    /// # Errors
    /// When the job is cancelled.
    pub fn of(matrix: &SparseRows, wanted: usize, rng: &mut impl Rng, job: &Job) -> Result<Self, Cancelled> {
        let most = matrix.len().min(matrix.width());
        let d = (wanted + OVERSAMPLED).min(most);
        if d == 0 {
            return Ok(Self::default());
        }
        let transposed = matrix.transposed();
        let start: Vec<f32> = (0..matrix.width() * d).map(|_| normal(rng)).collect();
        let mut left = orthonormal(&matrix.times(&start, d), d);
        for _ in 0..ROUNDS {
            job.check()?;
            let right = orthonormal(&transposed.times(&left, d), d);
            left = orthonormal(&matrix.times(&right, d), d);
        }
        job.check()?;
        // right = v·s·uᵀ, so rightᵀ·right = u·s²·uᵀ and v = right·u·s⁻¹.
        let right = transposed.times(&left, d);
        let (squares, u) = eigen(&cross(&right, d, &right, d), d);
        let strongest = squares.first().copied().unwrap_or(0.0);
        let count = squares.iter().take(wanted.min(most)).filter(|square| **square > NEGLIGIBLE * strongest).count();
        let turn = u.chunks(d).flat_map(|row| row.iter().zip(&squares).take(count));
        let turn: Vec<f32> = turn.map(|(u, square)| (u / square.sqrt()) as f32).collect();
        Ok(Self { vectors: times(&right, d, &turn, count), count })
    }

    /// The rows of `matrix` along the directions.
    pub fn project(&self, matrix: &SparseRows) -> Points {
        match self.count {
            0 => Points { values: vec![0.0; matrix.len()], width: 1 },
            count => Points { values: matrix.times(&self.vectors, count), width: count },
        }
    }
}

/// A number of the normal distribution (Box and Muller's method).
fn normal(rng: &mut impl Rng) -> f32 {
    let radius = (-2.0 * f64::ln(1.0 - rng.random::<f64>())).sqrt();
    (radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()) as f32
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Rows `a·u + b·v` of two orthogonal directions in five columns, `a` the longer.
    fn two_directions() -> SparseRows {
        let mut rows = SparseRows { starts: vec![0], width: 5, ..SparseRows::default() };
        for i in 0..40 {
            let (a, b) = (3.0 * (i as f32).sin(), (i as f32 * 1.3).cos());
            rows.columns.extend([0, 1, 2, 3]);
            rows.values.extend([a, a, b, -b]);
            rows.starts.push(rows.columns.len());
        }
        rows
    }

    #[test]
    fn as_many_directions_as_there_are_keep_every_distance() {
        let matrix = two_directions();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let points = Directions::of(&matrix, 4, &mut rng, &Job::silent()).unwrap().project(&matrix);
        assert_eq!((points.width, points.len()), (2, 40), "two directions are there, not four");
        let square = |row: &[f32]| row.iter().map(|v| v * v).sum::<f32>();
        for (row, point) in points.rows().enumerate() {
            assert!((square(point) - square(matrix.row(row).1)).abs() < 1e-3);
        }
    }

    #[test]
    fn rows_without_a_word_are_points_of_zeros() {
        let matrix = SparseRows { starts: vec![0, 0, 0], ..SparseRows::default() };
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut points = Directions::of(&matrix, 4, &mut rng, &Job::silent()).unwrap().project(&matrix);
        points.normalise();
        assert_eq!(points, Points { values: vec![0.0; 2], width: 1 });
    }
}
