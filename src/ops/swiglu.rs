//! The gated activation of a Llama feed-forward block.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::composed;
use super::exp::exp;
use super::profile::{OpKind, timed};
use super::storage::{is_native, output, slice, tensor, with_slice};
use super::vector::vectorised;

/// Rows one thread takes at least.
const MIN_ROWS: usize = 4;

/// `silu(gate) ⊙ up` (Shazeer 2020): gate and up side by side, `[tokens, 2 · inner]` → `[tokens, inner]`.
pub fn swiglu(gate_up: &Tensor) -> Result<Tensor> {
    if gate_up.dim(1)? % 2 != 0 {
        bail!("gate and up of one width cannot make {:?}", gate_up.shape());
    }
    if is_native(gate_up) { gate_up.contiguous()?.apply_op1(SwiGlu) } else { composed::swiglu(gate_up) }
}

struct SwiGlu;

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

impl SwiGlu {
    fn forward(gate_up: &[f32], inner: usize) -> Vec<f32> {
        let mut y = vec![0f32; gate_up.len() / 2];
        let rows = y.par_chunks_mut(inner).zip(gate_up.par_chunks(2 * inner));
        rows.with_min_len(MIN_ROWS).for_each(|(y, row)| {
            let (gate, up) = row.split_at(inner);
            vectorised(|| {
                for ((y, g), u) in y.iter_mut().zip(gate).zip(up) {
                    *y = g * sigmoid(*g) * u;
                }
            });
        });
        y
    }

    fn backward(gate_up: &[f32], dy: &[f32], inner: usize) -> Vec<f32> {
        let mut d = vec![0f32; gate_up.len()];
        let rows = d.par_chunks_mut(2 * inner).zip(gate_up.par_chunks(2 * inner)).zip(dy.par_chunks(inner));
        rows.with_min_len(MIN_ROWS).for_each(|((d, row), dy)| {
            let ((dgate, dup), (gate, up)) = (d.split_at_mut(inner), row.split_at(inner));
            let outputs = dgate.iter_mut().zip(dup);
            vectorised(|| {
                for ((dg, du), ((g, u), dy)) in outputs.zip(gate.iter().zip(up).zip(dy)) {
                    let s = sigmoid(*g);
                    let silu = g * s;
                    *du = dy * silu;
                    *dg = dy * u * (s * (1.0 - silu) + silu);
                }
            });
        });
        d
    }
}

impl CustomOp1 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (tokens, width) = layout.shape().dims2()?;
        let gate_up = slice(storage, layout)?;
        Ok(output(timed(OpKind::SwiGlu, || Self::forward(gate_up, width / 2)), (tokens, width / 2)))
    }

    fn bwd(&self, gate_up: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let inner = gate_up.dim(1)? / 2;
        let back = |gate_up: &[f32], dy: &[f32]| Ok(timed(OpKind::SwiGlu, || Self::backward(gate_up, dy, inner)));
        let d = with_slice(gate_up, |gate_up| with_slice(dy, |dy| back(gate_up, dy)))?;
        tensor(d, gate_up.shape()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{assert_close, assert_gradient, random};

    #[test]
    fn it_equals_the_composed_form_in_value_and_gradient() -> Result<()> {
        let gate_up = random((3, 10), 1);
        let (gate, up) = (gate_up.narrow(1, 0, 5)?, gate_up.narrow(1, 5, 5)?);
        assert_close(&swiglu(&gate_up)?, &(candle_nn::ops::silu(&gate)? * &up)?, 1e-6);
        assert_gradient(&gate_up, swiglu, composed::swiglu)
    }

    #[test]
    fn an_odd_width_is_refused() {
        assert!(swiglu(&random((3, 9), 1)).is_err());
    }
}
