//! Rotary position embedding, half-split as Hugging Face lays heads out.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;
use std::sync::{Arc, PoisonError, RwLock};

use super::composed;
use super::storage::{is_native, output, slice, tensor, with_slice};

/// Positions tabulated at first; the table at least doubles whenever a pass goes beyond it.
const START: usize = 256;

/// Cosines and sines of positions. It knows the longest context from the start, but holds only the positions that passes
/// have used: a config may speak of a million positions, or of a thousand million, and none of them costs memory unread.
#[derive(Debug)]
pub struct RopeTable {
    inverse_frequencies: Vec<f32>,
    positions: usize,
    rows: RwLock<Arc<Rows>>,
}

/// Row `p` holds the cosines and sines of position `p`, `[head_dim / 2]` each.
#[derive(Debug, Default)]
pub(super) struct Rows {
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

impl RopeTable {
    /// A table for `positions` positions from the inverse frequencies, one per pair of a head (Su et al. 2021).
    pub fn new(inverse_frequencies: &[f32], positions: usize) -> Self {
        Self { inverse_frequencies: inverse_frequencies.to_vec(), positions, rows: RwLock::default() }
    }

    /// Number of positions that may be used: the longest context.
    pub fn positions(&self) -> usize {
        self.positions
    }

    pub(super) fn half(&self) -> usize {
        self.inverse_frequencies.len()
    }

    /// The rows of at least these positions.
    ///
    /// Errs when a position lies beyond the longest context.
    pub(super) fn rows(&self, positions: &[u32]) -> Result<Arc<Rows>> {
        let last = positions.iter().copied().max().unwrap_or(0);
        let needed = last as usize + 1;
        if needed > self.positions {
            bail!("position {last} lies beyond the longest context, {} tokens", self.positions);
        }
        let known = self.rows.read().unwrap_or_else(PoisonError::into_inner).clone();
        if known.len() >= needed {
            return Ok(known);
        }
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been here in between.
        if rows.len() < needed {
            let len = needed.max(2 * rows.len()).max(START).min(self.positions);
            *rows = Arc::new(rows.grown(&self.inverse_frequencies, len));
        }
        Ok(rows.clone())
    }
}

impl Rows {
    fn len(&self) -> usize {
        self.cos.len() / self.half.max(1)
    }

    /// These rows and those that follow, `len` in all.
    fn grown(&self, inverse_frequencies: &[f32], len: usize) -> Self {
        let half = inverse_frequencies.len();
        let mut grown = Self { cos: Vec::with_capacity(len * half), sin: Vec::with_capacity(len * half), half };
        grown.cos.extend_from_slice(&self.cos);
        grown.sin.extend_from_slice(&self.sin);
        let angles = (self.len()..len).flat_map(|p| inverse_frequencies.iter().map(move |f| p as f32 * f));
        for (sin, cos) in angles.map(f32::sin_cos) {
            grown.sin.push(sin);
            grown.cos.push(cos);
        }
        grown
    }

    /// Cosines and sines of one position, `[head_dim / 2]` each; `None` beyond the rows there are.
    pub(super) fn at(&self, position: u32) -> Option<(&[f32], &[f32])> {
        let start = position as usize * self.half;
        Some((self.cos.get(start..start + self.half)?, self.sin.get(start..start + self.half)?))
    }
}

/// Turns every head of every token by its position: x `[tokens, heads · head_dim]`, `positions[t]` that of token `t`.
///
/// Errs when a position lies beyond the longest context.
pub fn rope(x: &Tensor, table: &Arc<RopeTable>, positions: &Arc<Vec<u32>>) -> Result<Tensor> {
    if is_native(x) {
        x.contiguous()?.apply_op1(Rotation { table: table.clone(), positions: positions.clone() })
    } else {
        composed::rope(x, table, positions)
    }
}

/// The turn of every token by its position.
pub(super) struct Rotation {
    pub table: Arc<RopeTable>,
    pub positions: Arc<Vec<u32>>,
}

impl Rotation {
    /// Turns the heads in the first `width` columns of rows that are `stride` long, forward (1) or back (−1).
    pub fn turn(&self, rows: &mut [f32], stride: usize, width: usize, direction: f32) -> Result<()> {
        let half = self.table.half();
        if half == 0 || !width.is_multiple_of(2 * half) || width > stride {
            bail!("heads of {} do not divide {width} columns of {stride}", 2 * half);
        }
        if rows.len() != self.positions.len() * stride {
            bail!("{} positions for {} tokens", self.positions.len(), rows.len() / stride);
        }
        let table = self.table.rows(&self.positions)?;
        let rows = rows.par_chunks_mut(stride).zip(self.positions.par_iter());
        rows.with_min_len(16).for_each(|(row, position)| {
            let Some((cos, sin)) = table.at(*position) else { return };
            for head in row[..width].chunks_mut(2 * half) {
                let (x1, x2) = head.split_at_mut(half);
                for ((x1, x2), (cos, sin)) in x1.iter_mut().zip(x2).zip(cos.iter().zip(sin)) {
                    let (a, b) = (*x1, *x2);
                    *x1 = a * cos - direction * b * sin;
                    *x2 = b * cos + direction * a * sin;
                }
            }
        });
        Ok(())
    }

    fn turned(&self, x: &[f32], width: usize, direction: f32) -> Result<Vec<f32>> {
        let mut y = x.to_vec();
        self.turn(&mut y, width, width, direction)?;
        Ok(y)
    }
}

impl CustomOp1 for Rotation {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, width) = layout.shape().dims2()?;
        Ok(output(self.turned(slice(storage, layout)?, width, 1.0)?, layout.shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (_, width) = x.dims2()?;
        tensor(with_slice(dy, |dy| self.turned(dy, width, -1.0))?, x.shape()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{assert_close, assert_gradient, random};

    fn table() -> Arc<RopeTable> {
        Arc::new(RopeTable::new(&[1.0, 0.3, 0.05], 20))
    }

    #[test]
    fn it_equals_the_composed_form_in_value_and_gradient() -> Result<()> {
        let (table, positions) = (table(), Arc::new(vec![0, 1, 2, 7, 0]));
        let x = random((5, 12), 1);
        assert_close(&rope(&x, &table, &positions)?, &composed::rope(&x, &table, &positions)?, 1e-6);
        assert_gradient(&x, |x| rope(x, &table, &positions), |x| composed::rope(x, &table, &positions))
    }

    #[test]
    fn it_equals_candles_rope() -> Result<()> {
        let (table, positions) = (table(), Arc::new(vec![0, 1, 2, 3]));
        let x = random((4, 12), 1);
        let rows = table.rows(&positions)?;
        let cos = Tensor::from_slice(&rows.cos[..12], (4, 3), x.device())?;
        let sin = Tensor::from_slice(&rows.sin[..12], (4, 3), x.device())?;
        let heads = x.reshape((1, 4, 2, 6))?.transpose(1, 2)?.contiguous()?;
        let theirs = candle_nn::rotary_emb::rope_slow(&heads, &cos, &sin)?.transpose(1, 2)?.reshape((4, 12))?;
        assert_close(&rope(&x, &table, &positions)?, &theirs, 1e-6);
        Ok(())
    }

    #[test]
    fn a_position_beyond_the_table_is_refused() {
        let error = rope(&random((1, 12), 1), &table(), &Arc::new(vec![20])).map(|_| ());
        assert!(error.is_err_and(|e| e.to_string().contains("position 20")));
    }

    #[test]
    fn a_table_for_a_thousand_million_positions_holds_only_those_that_are_used() -> Result<()> {
        let table = Arc::new(RopeTable::new(&[1.0, 0.3, 0.05], 1 << 30));
        let x = random((2, 12), 1);
        let first = rope(&x, &table, &Arc::new(vec![5, 255]))?;
        assert_eq!(table.rows(&[0])?.len(), START);
        rope(&x, &table, &Arc::new(vec![5, 1000]))?;
        assert_eq!(table.rows(&[0])?.len(), 1001);
        rope(&x, &table, &Arc::new(vec![1001, 3]))?;
        assert_eq!(table.rows(&[0])?.len(), 2002);
        let again = rope(&x, &table, &Arc::new(vec![5, 255]))?;
        assert_eq!(first.to_vec2::<f32>()?, again.to_vec2::<f32>()?, "rows stay as they are when the table grows");
        Ok(())
    }

    #[test]
    fn rows_are_the_same_bit_for_bit_in_whatever_order_positions_come() -> Result<()> {
        let (grown, at_once) = (RopeTable::new(&[1.0, 0.3, 0.05], 5000), RopeTable::new(&[1.0, 0.3, 0.05], 5000));
        for position in [0, 255, 256, 700, 4999] {
            grown.rows(&[position])?;
        }
        let (grown, at_once) = (grown.rows(&[4999])?, at_once.rows(&[4999])?);
        assert_eq!((grown.len(), &grown.cos, &grown.sin), (5000, &at_once.cos, &at_once.sin));
        assert_eq!(grown.at(4321).map(|(cos, _)| cos[1]), Some((4321f32 * 0.3).cos()));
        Ok(())
    }
}
