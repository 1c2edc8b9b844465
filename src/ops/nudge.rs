//! A tensor as it is, with something added to its gradient: how a loss beside the main one reaches a tensor in the middle of
//! a pass, on any device.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, Layout, MetalStorage, Result, Shape, Tensor, bail};

/// `x` itself; its gradient gets `push`, of the same shape, on top.
pub(super) fn nudge(x: &Tensor, push: &Tensor) -> Result<Tensor> {
    if x.shape() != push.shape() {
        bail!("a gradient of {:?} cannot be pushed by {:?}", x.shape(), push.shape());
    }
    x.contiguous()?.apply_op1(Nudge { push: push.detach() })
}

struct Nudge {
    push: Tensor,
}

impl CustomOp1 for Nudge {
    fn name(&self) -> &'static str {
        "nudge"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        copy(x, layout)
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        copy(x, layout)
    }

    fn metal_fwd(&self, x: &MetalStorage, layout: &Layout) -> Result<(MetalStorage, Shape)> {
        copy(x, layout)
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        (dy + &self.push).map(Some)
    }
}

/// The elements of a contiguous tensor.
fn copy<S: BackendStorage>(x: &S, layout: &Layout) -> Result<(S, Shape)> {
    Ok((x.affine(layout, 1.0, 0.0)?, layout.shape().clone()))
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::ops::check::{assert_close, random};

    #[test]
    fn the_value_stays_and_the_gradient_is_pushed() -> Result<()> {
        let (x, push) = (random((4, 3), 1), random((4, 3), 2));
        let var = Var::from_tensor(&x)?;
        let y = nudge(&var, &push)?;
        assert_close(&y, &x, 0.0);
        let grads = (y * 2.0)?.sum_all()?.backward()?;
        assert_close(grads.get(&var).unwrap(), &(push + 2.0)?, 1e-6);
        assert!(nudge(&x, &random((3, 4), 1)).is_err());
        Ok(())
    }
}
