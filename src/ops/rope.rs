//! Rotary position embedding, half-split as Hugging Face lays heads out.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;
use std::sync::Arc;

use super::composed;
use super::storage::{is_native, output, slice, tensor, with_slice};

/// Cosines and sines of every position: row `p` holds those of position `p`.
#[derive(Debug)]
pub struct RopeTable {
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

impl RopeTable {
    /// A table for `positions` positions from the inverse frequencies, one per pair of a head (Su et al. 2021).
    pub fn new(inverse_frequencies: &[f32], positions: usize) -> Self {
        let angles = (0..positions).flat_map(|p| inverse_frequencies.iter().map(move |f| p as f32 * f));
        let (sin, cos) = angles.map(f32::sin_cos).unzip();
        Self { cos, sin, half: inverse_frequencies.len() }
    }

    /// Number of positions the table holds.
    pub fn positions(&self) -> usize {
        self.cos.len() / self.half.max(1)
    }

    pub(super) fn half(&self) -> usize {
        self.half
    }

    /// Cosines and sines of one position, `[head_dim / 2]` each.
    pub(super) fn at(&self, position: u32) -> Option<(&[f32], &[f32])> {
        let start = position as usize * self.half;
        Some((self.cos.get(start..start + self.half)?, self.sin.get(start..start + self.half)?))
    }
}

/// Turns every head of every token by its position: x `[tokens, heads · head_dim]`, `positions[t]` an index into the table.
///
/// Errs when a position lies beyond the table.
pub fn rope(x: &Tensor, table: &Arc<RopeTable>, positions: &Arc<Vec<u32>>) -> Result<Tensor> {
    if is_native(x) {
        x.contiguous()?.apply_op1(Rope { table: table.clone(), positions: positions.clone() })
    } else {
        composed::rope(x, table, positions)
    }
}

struct Rope {
    table: Arc<RopeTable>,
    positions: Arc<Vec<u32>>,
}

impl Rope {
    /// `direction` 1 turns forward; −1 turns back, which is the transpose.
    fn turn(&self, x: &[f32], width: usize, direction: f32) -> Result<Vec<f32>> {
        let half = self.table.half;
        if half == 0 || !width.is_multiple_of(2 * half) {
            bail!("rows of {width} do not hold heads of {}", 2 * half);
        }
        if self.positions.len() * width != x.len() {
            bail!("{} positions for {} tokens", self.positions.len(), x.len() / width.max(1));
        }
        if let Some(p) = self.positions.iter().find(|p| **p as usize >= self.table.positions()) {
            bail!("position {p} lies beyond the longest context, {} tokens", self.table.positions());
        }
        let mut y = vec![0f32; x.len()];
        let rows = y.par_chunks_mut(width).zip(x.par_chunks(width)).zip(self.positions.par_iter());
        rows.with_min_len(16).for_each(|((y, x), position)| {
            let Some((cos, sin)) = self.table.at(*position) else { return };
            for (y, x) in y.chunks_mut(2 * half).zip(x.chunks(2 * half)) {
                let ((y1, y2), (x1, x2)) = (y.split_at_mut(half), x.split_at(half));
                for i in 0..half {
                    y1[i] = x1[i] * cos[i] - direction * x2[i] * sin[i];
                    y2[i] = x2[i] * cos[i] + direction * x1[i] * sin[i];
                }
            }
        });
        Ok(y)
    }
}

impl CustomOp1 for Rope {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, width) = layout.shape().dims2()?;
        Ok(output(self.turn(slice(storage, layout)?, width, 1.0)?, layout.shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (_, width) = x.dims2()?;
        tensor(with_slice(dy, |dy| self.turn(dy, width, -1.0))?, x.shape()).map(Some)
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
        let cos = Tensor::from_slice(&table.cos[..12], (4, 3), x.device())?;
        let sin = Tensor::from_slice(&table.sin[..12], (4, 3), x.device())?;
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
}
