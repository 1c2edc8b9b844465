//! A product with a frozen matrix on any device, by the device's own multiplication. candle's matmul would compute the
//! gradient of the matrix too, and keep it until backward ends.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, Layout, MetalStorage, Result, Shape, Storage, Tensor, bail};

/// `x·Wᵀ`: x `[tokens, in]` and W `[out, in]` of one type on one device → `[tokens, out]`. `W` gets no gradient.
pub(super) fn frozen_product(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (x_dims, w_dims) = (x.dims2()?, weight.dims2()?);
    if x_dims.1 != w_dims.1 || x.dtype() != weight.dtype() {
        bail!("{:?} {:?} cannot be multiplied by {:?} {:?}", x.dtype(), x.shape(), weight.dtype(), weight.shape());
    }
    if x.elem_count() == 0 {
        return Tensor::zeros((x_dims.0, w_dims.0), x.dtype(), x.device());
    }
    x.contiguous()?.apply_op1(FrozenProduct { weight: weight.contiguous()?.detach() })
}

struct FrozenProduct {
    weight: Tensor,
}

impl FrozenProduct {
    fn product<S: BackendStorage>(&self, x: &S, layout: &Layout, weight: &S, placed: &Layout) -> Result<(S, Shape)> {
        let ((tokens, inputs), (outputs, _)) = (layout.shape().dims2()?, self.weight.dims2()?);
        let y = x.matmul(weight, (1, tokens, outputs, inputs), layout, &placed.transpose(0, 1)?)?;
        Ok((y, (tokens, outputs).into()))
    }
}

impl CustomOp1 for FrozenProduct {
    fn name(&self) -> &'static str {
        "frozen-product"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (weight, placed) = self.weight.storage_and_layout();
        match &*weight {
            Storage::Cpu(weight) => self.product(x, layout, weight, placed),
            _ => bail!("a matrix that is not on the CPU cannot multiply an input there"),
        }
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (weight, placed) = self.weight.storage_and_layout();
        match &*weight {
            Storage::Cuda(weight) => self.product(x, layout, weight, placed),
            _ => bail!("a matrix that is not on the CUDA device cannot multiply an input there"),
        }
    }

    fn metal_fwd(&self, x: &MetalStorage, layout: &Layout) -> Result<(MetalStorage, Shape)> {
        let (weight, placed) = self.weight.storage_and_layout();
        match &*weight {
            Storage::Metal(weight) => self.product(x, layout, weight, placed),
            _ => bail!("a matrix that is not on the Metal device cannot multiply an input there"),
        }
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        dy.contiguous()?.matmul(&self.weight).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Var};

    use super::*;
    use crate::ops::check::{assert_close, assert_gradient, random};

    #[test]
    fn it_equals_candles_product_in_value_and_gradient() -> Result<()> {
        let (x, weight) = (random((5, 7), 1), random((3, 7), 2));
        let theirs = |x: &Tensor| x.matmul(&weight.t()?);
        assert_close(&frozen_product(&x, &weight)?, &theirs(&x)?, 1e-6);
        assert_gradient(&x, |x| frozen_product(x, &weight), theirs)
    }

    #[test]
    fn the_matrix_gets_no_gradient() -> Result<()> {
        for dtype in [DType::F64, DType::BF16] {
            let (x, weight) =
                (Var::from_tensor(&random((5, 7), 1).to_dtype(dtype)?)?, random((3, 7), 2).to_dtype(dtype)?);
            let grads = frozen_product(&x, &weight)?.sum_all()?.backward()?;
            assert!(grads.get(&weight).is_none() && grads.get(&x).is_some(), "{dtype:?}");
        }
        Ok(())
    }

    #[test]
    fn an_input_of_another_type_or_width_is_refused() -> Result<()> {
        let weight = random((3, 7), 2);
        assert!(frozen_product(&random((5, 6), 1), &weight).is_err());
        assert!(frozen_product(&random((5, 7), 1).to_dtype(DType::BF16)?, &weight).is_err());
        Ok(())
    }
}
