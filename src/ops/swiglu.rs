//! The gated activation of a Llama feed-forward block.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::composed;
use super::exp::exp;
use super::storage::{is_native, output, slice, tensor, with_slice};

/// Elements one thread takes at a time.
const CHUNK: usize = 4096;

/// `silu(gate) ⊙ up`, both of one shape (Shazeer 2020).
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    if is_native(gate) && is_native(up) {
        gate.contiguous()?.apply_op2(&up.contiguous()?, SwiGlu)
    } else {
        composed::swiglu(gate, up)
    }
}

struct SwiGlu;

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, gs: &CpuStorage, gl: &Layout, us: &CpuStorage, ul: &Layout) -> Result<(CpuStorage, Shape)> {
        if gl.shape() != ul.shape() {
            bail!("the gate is {:?}, the other half {:?}", gl.shape(), ul.shape());
        }
        let (gate, up) = (slice(gs, gl)?, slice(us, ul)?);
        let mut y = vec![0f32; gate.len()];
        y.par_chunks_mut(CHUNK).zip(gate.par_chunks(CHUNK)).zip(up.par_chunks(CHUNK)).for_each(|((y, gate), up)| {
            for ((y, g), u) in y.iter_mut().zip(gate).zip(up) {
                *y = g * sigmoid(*g) * u;
            }
        });
        Ok(output(y, gl.shape()))
    }

    fn bwd(&self, gate: &Tensor, up: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let count = gate.elem_count();
        let (mut dgate, mut dup) = (vec![0f32; count], vec![0f32; count]);
        with_slice(gate, |gate| {
            with_slice(up, |up| {
                with_slice(dy, |dy| {
                    let outputs = dgate.par_chunks_mut(CHUNK).zip(dup.par_chunks_mut(CHUNK));
                    let inputs = gate.par_chunks(CHUNK).zip(up.par_chunks(CHUNK)).zip(dy.par_chunks(CHUNK));
                    outputs.zip(inputs).for_each(|((dgate, dup), ((gate, up), dy))| {
                        let outputs = dgate.iter_mut().zip(dup);
                        for ((dg, du), ((g, u), dy)) in outputs.zip(gate.iter().zip(up).zip(dy)) {
                            let s = sigmoid(*g);
                            let silu = g * s;
                            *du = dy * silu;
                            *dg = dy * u * (s * (1.0 - silu) + silu);
                        }
                    });
                    Ok(())
                })
            })
        })?;
        Ok((Some(tensor(dgate, gate.shape())?), Some(tensor(dup, up.shape())?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{assert_close, assert_gradient, random};

    #[test]
    fn it_equals_the_composed_form_in_value_and_both_gradients() -> Result<()> {
        let (gate, up) = (random((3, 10), 1), random((3, 10), 2));
        assert_close(&swiglu(&gate, &up)?, &(candle_nn::ops::silu(&gate)? * &up)?, 1e-6);
        assert_gradient(&gate, |g| swiglu(g, &up), |g| composed::swiglu(g, &up))?;
        assert_gradient(&up, |u| swiglu(&gate, u), |u| composed::swiglu(&gate, u))
    }
}
