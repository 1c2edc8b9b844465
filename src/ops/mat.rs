//! Matrix products over borrowed slices, on the `gemm` crate.

use gemm::Parallelism;

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

    fn is_in_bounds(&self) -> bool {
        in_bounds(self.data.len(), self.rows, self.cols, self.row_stride, self.col_stride)
    }
}

fn in_bounds(len: usize, rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> bool {
    rows == 0 || cols == 0 || (rows - 1) * row_stride + (cols - 1) * col_stride < len
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
