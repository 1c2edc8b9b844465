//! A linear layer whose frozen weight never gets a gradient.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::mat::{Into, Mat, Threads, product};
use super::storage::{is_native, output, slice, tensor, with_slice};

/// `x·Wᵀ (+ bias)`: x `[tokens, in]`, weight `[out, in]`, bias `[out]` → `[tokens, out]`.
///
/// A weight that is a variable gets its gradient; a frozen one costs nothing in backward but the product for `x`.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let y = if weight.track_op() || !is_native(x) || !is_native(weight) {
        x.matmul(&weight.t()?)?
    } else {
        x.contiguous()?.apply_op1(FrozenLinear { weight: weight.contiguous()? })?
    };
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

struct FrozenLinear {
    weight: Tensor,
}

impl CustomOp1 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (tokens, inputs) = layout.shape().dims2()?;
        let (outputs, weight_inputs) = self.weight.dims2()?;
        if inputs != weight_inputs {
            bail!("a linear layer for {weight_inputs} inputs was given {inputs}");
        }
        let x = slice(storage, layout)?;
        let mut y = vec![0f32; tokens * outputs];
        with_slice(&self.weight, |w| {
            base_product(&mut y, x, w, tokens, inputs, outputs);
            Ok(())
        })?;
        Ok(output(y, (tokens, outputs)))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (tokens, inputs) = x.dims2()?;
        let outputs = self.weight.dim(0)?;
        let mut dx = vec![0f32; tokens * inputs];
        with_slice(dy, |dy| {
            with_slice(&self.weight, |w| {
                let dy = Mat::new(dy, tokens, outputs);
                product(&mut dx, inputs, Into::Overwrite, 1.0, dy, Mat::new(w, outputs, inputs), Threads::All);
                Ok(())
            })
        })?;
        tensor(dx, (tokens, inputs)).map(Some)
    }
}

/// `y = x·Wᵀ` over slices.
pub(super) fn base_product(y: &mut [f32], x: &[f32], w: &[f32], tokens: usize, inputs: usize, outputs: usize) {
    let weight = Mat::new(w, outputs, inputs);
    product(y, outputs, Into::Overwrite, 1.0, Mat::new(x, tokens, inputs), weight.t(), Threads::All);
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::ops::check::{assert_close, assert_gradient, random};

    #[test]
    fn it_equals_a_matrix_product_and_its_gradient() -> Result<()> {
        let (x, w, b) = (random((5, 7), 1), random((3, 7), 2), random(3, 3));
        let composed = |x: &Tensor| x.matmul(&w.t()?)?.broadcast_add(&b);
        let ours = |x: &Tensor| linear(x, &w, Some(&b));
        assert_close(&ours(&x)?, &composed(&x)?, 1e-6);
        assert_gradient(&x, ours, composed)
    }

    #[test]
    fn a_frozen_weight_gets_no_gradient_and_a_variable_does() -> Result<()> {
        let x = Var::from_tensor(&random((4, 6), 1))?;
        let frozen = random((2, 6), 2);
        let grads = linear(&x, &frozen, None)?.sum_all()?.backward()?;
        assert!(grads.get(&frozen).is_none() && grads.get(&x).is_some());
        let trained = Var::from_tensor(&frozen)?;
        let grads = linear(&x, &trained, None)?.sum_all()?.backward()?;
        assert!(grads.get(&trained).is_some());
        Ok(())
    }
}
