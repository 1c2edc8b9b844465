//! A sparse matrix by rows, as TF-IDF makes it, and its products with dense ones.

use std::ops::Range;

use rayon::prelude::*;

/// Rows of `(column, value)`, columns rising. Kept as three flat lists.
#[derive(Clone, Debug, Default)]
pub struct SparseRows {
    /// Where each row starts in `columns` and `values`, and where the last one ends.
    pub(super) starts: Vec<usize>,
    pub(super) columns: Vec<u32>,
    pub(super) values: Vec<f32>,
    pub(super) width: usize,
}

/// Rows that one task multiplies.
const BLOCK: usize = 512;

impl SparseRows {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The columns and values of row `row`; empty beyond the last.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.range(row);
        (self.columns.get(range.clone()).unwrap_or_default(), self.values.get(range).unwrap_or_default())
    }

    /// Where row `row` lies in the flat lists.
    pub(super) fn range(&self, row: usize) -> Range<usize> {
        self.starts.get(row).zip(self.starts.get(row + 1)).map_or(0..0, |(start, end)| *start..*end)
    }

    /// This matrix `[rows, width]` times `right` `[width, d]`, both row after row.
    pub fn times(&self, right: &[f32], d: usize) -> Vec<f32> {
        let mut out = vec![0f32; self.len() * d];
        out.par_chunks_mut((BLOCK * d).max(1)).enumerate().for_each(|(block, out)| {
            for (i, out) in out.chunks_mut(d.max(1)).enumerate() {
                let (columns, values) = self.row(block * BLOCK + i);
                for (column, value) in columns.iter().zip(values) {
                    let from = *column as usize * d;
                    let Some(right) = right.get(from..from + d) else { continue };
                    out.iter_mut().zip(right).for_each(|(out, r)| *out += value * r);
                }
            }
        });
        out
    }

    /// The transpose, `[width, rows]`: a product with it is then as parallel and as reproducible as any.
    pub fn transposed(&self) -> Self {
        let mut starts = vec![0usize; self.width + 1];
        for column in &self.columns {
            if let Some(count) = starts.get_mut(*column as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut columns = vec![0u32; self.columns.len()];
        let mut values = vec![0f32; self.values.len()];
        for row in 0..self.len() {
            let (from, of) = self.row(row);
            for (column, value) in from.iter().zip(of) {
                let Some(place) = next.get_mut(*column as usize) else { continue };
                if let (Some(c), Some(v)) = (columns.get_mut(*place), values.get_mut(*place)) {
                    (*c, *v) = (row as u32, *value);
                }
                *place += 1;
            }
        }
        Self { starts, columns, values, width: self.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[[1, 0, 2], [0, 3, 0]]`.
    fn matrix() -> SparseRows {
        SparseRows { starts: vec![0, 2, 3], columns: vec![0, 2, 1], values: vec![1.0, 2.0, 3.0], width: 3 }
    }

    #[test]
    fn products_are_those_of_the_dense_matrix() {
        let right = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        assert_eq!(matrix().times(&right, 2), [7.0, 70.0, 6.0, 60.0]);
    }

    #[test]
    fn a_transpose_holds_the_same_elements() {
        let turned = matrix().transposed();
        assert_eq!((turned.len(), turned.width()), (3, 2));
        assert_eq!(turned.times(&[1.0, 100.0], 1), [1.0, 300.0, 2.0]);
        assert_eq!(turned.transposed().values, matrix().values);
    }

    #[test]
    fn beyond_the_last_row_there_is_nothing() {
        assert_eq!(matrix().row(2), (&[][..], &[][..]));
        assert_eq!(SparseRows::default().len(), 0);
    }
}
