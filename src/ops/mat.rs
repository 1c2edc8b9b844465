//! Matrix products over borrowed slices, on the `gemm` crate.

use gemm::Parallelism;

use super::blocks::{Rows, dot_rows};

/// Up to so many rows of the first factor, as when one token is answered at a time, each row of a weight is multiplied as it
/// is read: packing it for a matrix product would cost more than the product.
pub(super) const FEW_ROWS: usize = 8;
/// Rows of a weight that are shorter cost more to begin than to multiply.
const LONG_ROW: usize = 128;

/// A matrix that borrows its elements, with a stride for each direction.
#[derive(Clone, Copy)]
pub(super) struct Mat<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Mat<'a> {
    /// A matrix stored row after row.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// A matrix whose rows start `row_stride` elements apart.
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transpose, without moving an element.
    pub fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The elements, where rows follow each other without a gap.
    fn contiguous(&self) -> Option<&'a [f32]> {
        let is_contiguous = self.col_stride == 1 && (self.row_stride == self.cols || self.rows == 1);
        self.data.get(..self.rows * self.cols).filter(|_| is_contiguous)
    }

    fn is_in_bounds(&self) -> bool {
        in_bounds(self.data.len(), self.rows, self.cols, self.row_stride, self.col_stride)
    }
}

fn in_bounds(len: usize, rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> bool {
    rows == 0 || cols == 0 || (rows - 1) * row_stride + (cols - 1) * col_stride < len
}

/// Products of every row of `a` `[m, inner]` with every row of `b` `[n, inner]`: `[m, n]`, each row after row. What is
/// left of an incomplete row counts for nothing.
pub fn products(a: &[f32], b: &[f32], inner: usize) -> Vec<f32> {
    let inner = inner.max(1);
    let (rows, columns) = (a.len() / inner, b.len() / inner);
    let mut out = vec![0f32; rows * columns];
    let (a, b) = (Mat::new(a, rows, inner), Mat::new(b, columns, inner));
    product(&mut out, columns, Into::Overwrite, 1.0, a, b.t(), Threads::All);
    out
}

/// What happens to the elements that the output held before.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Into {
    Overwrite,
    Add,
}

/// Whether a product is split over all threads, or computed on the one that asks, which may be one of many.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Threads {
    All,
    One,
}

/// `out[rows, cols] (+)= scale · a · b`, where `out`'s rows start `out_stride` elements apart.
pub(super) fn product(
    out: &mut [f32],
    out_stride: usize,
    mode: Into,
    scale: f32,
    a: Mat<'_>,
    b: Mat<'_>,
    threads: Threads,
) {
    assert_eq!(a.cols, b.rows, "inner sizes of a product");
    assert!(a.is_in_bounds() && b.is_in_bounds(), "a factor is shorter than its shape");
    assert!(in_bounds(out.len(), a.rows, b.cols, out_stride, 1), "the output is shorter than its shape");
    let is_few = a.rows <= FEW_ROWS && a.cols >= LONG_ROW && scale == 1.0 && threads == Threads::All;
    if let (true, Some(x), Some(w)) = (is_few, a.contiguous(), b.t().contiguous()) {
        return few_rows(out, out_stride, mode, x, w, a.rows, a.cols);
    }
    let parallelism = match threads {
        Threads::All if rayon::current_num_threads() > 1 => Parallelism::Rayon(0),
        _ => Parallelism::None,
    };
    let old = if mode == Into::Add { 1.0 } else { 0.0 };
    let stride = |s: usize| s as isize;
    // SAFETY: every element that gemm reads or writes lies inside the three slices, as asserted above; `out` is borrowed
    // mutably, so it overlaps neither factor.
    unsafe {
        gemm::gemm(
            a.rows,
            b.cols,
            a.cols,
            out.as_mut_ptr(),
            1,
            stride(out_stride),
            mode == Into::Add,
            a.data.as_ptr(),
            stride(a.col_stride),
            stride(a.row_stride),
            b.data.as_ptr(),
            stride(b.col_stride),
            stride(b.row_stride),
            old,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// `out (+)= x·wᵀ` for few rows of `x` `[rows, cols]`; `w` is a weight, `[outputs, cols]`.
fn few_rows(out: &mut [f32], out_stride: usize, mode: Into, x: &[f32], w: &[f32], rows: usize, cols: usize) {
    if mode == Into::Overwrite {
        return dot_rows(Rows::F32(w), cols, x, rows, out, out_stride);
    }
    let outputs = w.len() / cols.max(1);
    let mut sums = vec![0f32; rows * outputs];
    dot_rows(Rows::F32(w), cols, x, rows, &mut sums, outputs);
    for (out, sums) in out.chunks_mut(out_stride).zip(sums.chunks(outputs.max(1))) {
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Products of small whole numbers, exact in f32.
    fn numbers(len: usize, factor: usize) -> Vec<f32> {
        (0..len).map(|i| (i * factor % 7) as f32 - 3.0).collect()
    }

    #[test]
    fn few_rows_and_many_give_the_same() {
        let (inner, cols) = (144, 10);
        let (a, b) = (numbers(20 * inner, 5), numbers(cols * inner, 3));
        for (rows, mode) in [(1, Into::Overwrite), (3, Into::Add), (8, Into::Add), (20, Into::Add)] {
            let expected = |r: usize, c: usize| -> f32 {
                let products = (0..inner).map(|k| a[r * inner + k] * b[c * inner + k]);
                products.sum::<f32>() + if mode == Into::Add { 2.0 } else { 0.0 }
            };
            let mut out = vec![2f32; rows * 12];
            let factors = (Mat::new(&a, rows, inner), Mat::new(&b, cols, inner).t());
            product(&mut out, 12, mode, 1.0, factors.0, factors.1, Threads::All);
            for (r, row) in out.chunks(12).enumerate() {
                (0..cols).for_each(|c| assert_eq!(row[c], expected(r, c), "{rows} rows, at {r}, {c}"));
                assert_eq!(row[10..], [2.0, 2.0], "what lies beside the output stays");
            }
        }
    }
}
