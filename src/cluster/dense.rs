//! The little dense algebra that the decomposition needs: tall matrices stored row after row, and small symmetric ones.

use rayon::prelude::*;

use crate::ops::products;

/// Rows that one task works on.
const BLOCK: usize = 1024;
/// Rounds of rotations; a symmetric matrix of 110 rows takes about ten.
const ROUNDS: usize = 40;
/// Share of the sum of squares that may be left off the diagonal.
const SETTLED: f64 = 1e-22;
/// A direction whose square, beside that of the longest, is smaller is not there at all.
const NOTHING: f64 = 1e-10;

/// `xᵀ·y` for `x` `[n, a]` and `y` `[n, b]`: `[a, b]`. Sums in a fixed order, whatever the number of threads.
pub(super) fn cross(x: &[f32], a: usize, y: &[f32], b: usize) -> Vec<f64> {
    let of_block = |(x, y): (&[f32], &[f32])| {
        let mut sums = vec![0f32; a * b];
        for (x, y) in x.chunks(a).zip(y.chunks(b)) {
            for (x, sums) in x.iter().zip(sums.chunks_mut(b)) {
                sums.iter_mut().zip(y).for_each(|(sum, y)| *sum += x * y);
            }
        }
        sums
    };
    let blocks: Vec<Vec<f32>> = x.par_chunks(BLOCK * a).zip(y.par_chunks(BLOCK * b)).map(of_block).collect();
    let mut total = vec![0f64; a * b];
    for block in blocks {
        total.iter_mut().zip(block).for_each(|(total, sum)| *total += f64::from(sum));
    }
    total
}

/// `x·m` for `x` `[n, a]` and `m` `[a, b]`: `[n, b]`.
pub(super) fn times(x: &[f32], a: usize, m: &[f32], b: usize) -> Vec<f32> {
    let turned: Vec<f32> = (0..b).flat_map(|column| m.iter().skip(column).step_by(b)).copied().collect();
    products(x, &turned, a.max(1))
}

/// An orthonormal basis of the columns of `y` `[n, d]`, by Cholesky's factor of `yᵀ·y`; a column that the ones before
/// it span becomes zero. Twice, since squaring costs half of the digits.
pub(super) fn orthonormal(y: &[f32], d: usize) -> Vec<f32> {
    let once = times(y, d, &inverse_factor(&cross(y, d, y, d), d), d);
    times(&once, d, &inverse_factor(&cross(&once, d, &once, d), d), d)
}

/// A small square matrix; what lies outside is zero.
struct Square {
    n: usize,
    values: Vec<f64>,
}

impl Square {
    fn zeros(n: usize) -> Self {
        Self { n, values: vec![0.0; n * n] }
    }

    fn of(values: &[f64], n: usize) -> Self {
        Self { n, values: values.to_vec() }
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self.values.get(row * self.n + column).copied().unwrap_or(0.0)
    }

    fn put(&mut self, row: usize, column: usize, value: f64) {
        if let Some(place) = self.values.get_mut(row * self.n + column) {
            *place = value;
        }
    }

    /// Turns the columns `p` and `q` into each other by the angle of cosine `c` and sine `s`.
    fn turn_columns(&mut self, p: usize, q: usize, c: f64, s: f64) {
        for row in 0..self.n {
            let (rp, rq) = (self.at(row, p), self.at(row, q));
            self.put(row, p, c * rp - s * rq);
            self.put(row, q, s * rp + c * rq);
        }
    }

    fn turn_rows(&mut self, p: usize, q: usize, c: f64, s: f64) {
        for column in 0..self.n {
            let (pc, qc) = (self.at(p, column), self.at(q, column));
            self.put(p, column, c * pc - s * qc);
            self.put(q, column, s * pc + c * qc);
        }
    }

    /// Sum of the squares off the diagonal.
    fn off_diagonal(&self) -> f64 {
        let off = self.values.iter().enumerate().filter(|(place, _)| place / self.n != place % self.n);
        off.map(|(_, v)| v * v).sum()
    }
}

/// `u⁻¹` for the upper triangular `u` with `uᵀ·u = gram` `[d, d]`.
fn inverse_factor(gram: &[f64], d: usize) -> Vec<f32> {
    let gram = Square::of(gram, d);
    let mut u = Square::zeros(d);
    let longest = (0..d).map(|i| gram.at(i, i)).fold(0.0, f64::max);
    for i in 0..d {
        let square = gram.at(i, i) - (0..i).map(|k| u.at(k, i).powi(2)).sum::<f64>();
        // The row of a direction that is not there stays zero, and so does its place on the diagonal.
        if square <= NOTHING * longest {
            continue;
        }
        let length = square.sqrt();
        u.put(i, i, length);
        for j in i + 1..d {
            let sum: f64 = (0..i).map(|k| u.at(k, i) * u.at(k, j)).sum();
            u.put(i, j, (gram.at(i, j) - sum) / length);
        }
    }
    let is_there = |i: &usize| u.at(*i, *i) > 0.0;
    let mut inverse = Square::zeros(d);
    for j in (0..d).filter(is_there) {
        inverse.put(j, j, 1.0 / u.at(j, j));
        for i in (0..j).rev().filter(is_there) {
            let sum: f64 = (i + 1..=j).map(|k| u.at(i, k) * inverse.at(k, j)).sum();
            inverse.put(i, j, -sum / u.at(i, i));
        }
    }
    inverse.values.into_iter().map(|v| v as f32).collect()
}

/// Eigenvalues, falling, and eigenvectors of the symmetric `m` `[n, n]`, by Jacobi's rotations; the vectors are the
/// columns of the second result.
pub(super) fn eigen(m: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = Square::of(m, n);
    let mut vectors = Square::zeros(n);
    (0..n).for_each(|i| vectors.put(i, i, 1.0));
    let enough = SETTLED * m.iter().map(|v| v * v).sum::<f64>();
    for _ in 0..ROUNDS {
        if a.off_diagonal() <= enough {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| a.at(*j, *j).total_cmp(&a.at(*i, *i)));
    let values = order.iter().map(|i| a.at(*i, *i)).collect();
    let sorted = (0..n).flat_map(|row| order.iter().map(move |column| (row, *column)));
    (values, sorted.map(|(row, column)| vectors.at(row, column)).collect())
}

/// Makes `a` zero at `p`, `q` by a rotation of these axes.
fn rotate(a: &mut Square, vectors: &mut Square, p: usize, q: usize) {
    let apq = a.at(p, q);
    if apq == 0.0 {
        return;
    }
    let theta = (a.at(q, q) - a.at(p, p)) / (2.0 * apq);
    let t = if theta == 0.0 { 1.0 } else { theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt()) };
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    a.turn_columns(p, q, c, s);
    a.turn_rows(p, q, c, s);
    vectors.turn_columns(p, q, c, s);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_take_a_matrix_apart() {
        let m = [4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 1.0];
        let (values, vectors) = eigen(&m, 3);
        assert!(values[0] > values[1] && values[1] > values[2]);
        for row in 0..3 {
            for column in 0..3 {
                let again: f64 = (0..3).map(|k| vectors[row * 3 + k] * values[k] * vectors[column * 3 + k]).sum();
                assert!((again - m[row * 3 + column]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_basis_is_orthonormal_and_leaves_out_what_is_spanned() {
        // The third column is the sum of the first two.
        let y: Vec<f32> = (0..50)
            .flat_map(|i| {
                let (a, b) = ((i as f32).sin(), (i as f32 * 0.7).cos());
                [a, b, a + b]
            })
            .collect();
        let q = orthonormal(&y, 3);
        let gram = cross(&q, 3, &q, 3);
        let expected = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        gram.iter().zip(expected).for_each(|(g, e)| assert!((g - e).abs() < 1e-4, "{gram:?}"));
    }
}
