//! The little dense algebra that the decomposition needs: tall matrices stored row after row, and small symmetric ones.

use rayon::prelude::*;

use crate::ops::products;

/// Rows that one task works on.
const BLOCK: usize = 1024;
/// Rounds of rotations; a symmetric matrix of 110 rows takes about ten.
const ROUNDS: usize = 40;
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

/// `u⁻¹` for the upper triangular `u` with `uᵀ·u = gram` `[d, d]`.
fn inverse_factor(gram: &[f64], d: usize) -> Vec<f32> {
    let mut u = vec![0f64; d * d];
    let longest = (0..d).map(|i| gram[i * d + i]).fold(0.0, f64::max);
    let mut is_there = vec![true; d];
    for i in 0..d {
        let square = gram[i * d + i] - (0..i).map(|k| u[k * d + i].powi(2)).sum::<f64>();
        is_there[i] = square > NOTHING * longest;
        if !is_there[i] {
            continue;
        }
        u[i * d + i] = square.sqrt();
        for j in i + 1..d {
            let sum: f64 = (0..i).map(|k| u[k * d + i] * u[k * d + j]).sum();
            u[i * d + j] = (gram[i * d + j] - sum) / u[i * d + i];
        }
    }
    let mut inverse = vec![0f64; d * d];
    for j in (0..d).filter(|j| is_there[*j]) {
        inverse[j * d + j] = 1.0 / u[j * d + j];
        for i in (0..j).rev().filter(|i| is_there[*i]) {
            let sum: f64 = (i + 1..=j).map(|k| u[i * d + k] * inverse[k * d + j]).sum();
            inverse[i * d + j] = -sum / u[i * d + i];
        }
    }
    inverse.into_iter().map(|v| v as f32).collect()
}

/// Eigenvalues, falling, and eigenvectors of the symmetric `m` `[n, n]`, by Jacobi's rotations; the vectors are the
/// columns of the second result.
pub(super) fn eigen(m: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = m.to_vec();
    let mut vectors = vec![0f64; n * n];
    vectors.iter_mut().step_by(n + 1).for_each(|v| *v = 1.0);
    let scale: f64 = a.iter().map(|v| v * v).sum::<f64>();
    for _ in 0..ROUNDS {
        let off: f64 =
            (0..n).flat_map(|i| (0..n).filter(move |j| *j != i).map(move |j| i * n + j)).map(|k| a[k] * a[k]).sum();
        if off <= 1e-22 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, n, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| a[j * n + j].total_cmp(&a[i * n + i]));
    let values = order.iter().map(|i| a[i * n + i]).collect();
    let sorted = (0..n * n).map(|k| vectors[k / n * n + order[k % n]]).collect();
    (values, sorted)
}

/// Makes `a[p][q]` zero by a rotation of the axes `p` and `q`.
fn rotate(a: &mut [f64], vectors: &mut [f64], n: usize, p: usize, q: usize) {
    let apq = a[p * n + q];
    if apq == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let t = if theta == 0.0 { 1.0 } else { t };
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..n {
        let (kp, kq) = (a[k * n + p], a[k * n + q]);
        (a[k * n + p], a[k * n + q]) = (c * kp - s * kq, s * kp + c * kq);
    }
    for k in 0..n {
        let (pk, qk) = (a[p * n + k], a[q * n + k]);
        (a[p * n + k], a[q * n + k]) = (c * pk - s * qk, s * pk + c * qk);
        let (kp, kq) = (vectors[k * n + p], vectors[k * n + q]);
        (vectors[k * n + p], vectors[k * n + q]) = (c * kp - s * kq, s * kp + c * kq);
    }
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
