//! Root-mean-square norm.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::composed;
use super::storage::{is_native, output, slice, tensor, with_slice};

/// `x / sqrt(mean(x²) + eps) ⊙ weight` over the last dimension: x `[rows, size]`, weight `[size]` → `[rows, size]`
/// (Zhang & Sennrich 2019). The weight gets a gradient only where it is a variable.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    if is_native(x) && is_native(weight) {
        x.contiguous()?.apply_op2(&weight.contiguous()?, RmsNorm { eps: eps as f32 })
    } else {
        composed::rms_norm(x, weight, eps)
    }
}

struct RmsNorm {
    eps: f32,
}

impl RmsNorm {
    fn inverse_rms(&self, x: &[f32]) -> f32 {
        let squares: f32 = x.iter().map(|v| v * v).sum();
        1.0 / (squares / x.len() as f32 + self.eps).sqrt()
    }
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(&self, xs: &CpuStorage, xl: &Layout, ws: &CpuStorage, wl: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (slice(xs, xl)?, slice(ws, wl)?);
        let size = w.len();
        if size == 0 || xl.shape().dims().last() != Some(&size) {
            bail!("a norm of size {size} was given {:?}", xl.shape());
        }
        let mut y = vec![0f32; x.len()];
        y.par_chunks_mut(size).zip(x.par_chunks(size)).with_min_len(16).for_each(|(y, x)| {
            let inverse = self.inverse_rms(x);
            for ((y, x), w) in y.iter_mut().zip(x).zip(w) {
                *y = x * inverse * w;
            }
        });
        Ok(output(y, xl.shape()))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let shape = x.shape();
        let (dx, dw) = with_slice(x, |x| {
            with_slice(w, |weight| {
                with_slice(dy, |dy| {
                    let dx = if shape.elem_count() > 0 { self.input_gradient(x, weight, dy) } else { Vec::new() };
                    let dw = w.track_op().then(|| self.weight_gradient(x, weight.len(), dy));
                    Ok((dx, dw))
                })
            })
        })?;
        let dw = dw.map(|dw| tensor(dw, w.shape())).transpose()?;
        Ok((Some(tensor(dx, shape)?), dw))
    }
}

impl RmsNorm {
    /// `dx = r·w⊙dy − x · r³/n · Σ x⊙w⊙dy`, with `r` the inverse root mean square.
    fn input_gradient(&self, x: &[f32], w: &[f32], dy: &[f32]) -> Vec<f32> {
        let size = w.len();
        let mut dx = vec![0f32; x.len()];
        dx.par_chunks_mut(size).zip(x.par_chunks(size)).zip(dy.par_chunks(size)).with_min_len(16).for_each(
            |((dx, x), dy)| {
                let inverse = self.inverse_rms(x);
                let along: f32 = x.iter().zip(w).zip(dy).map(|((x, w), dy)| x * w * dy).sum();
                let back = along * inverse * inverse * inverse / size as f32;
                for (((dx, x), w), dy) in dx.iter_mut().zip(x).zip(w).zip(dy) {
                    *dx = inverse * w * dy - back * x;
                }
            },
        );
        dx
    }

    fn weight_gradient(&self, x: &[f32], size: usize, dy: &[f32]) -> Vec<f32> {
        let mut dw = vec![0f32; size];
        for (x, dy) in x.chunks(size).zip(dy.chunks(size)) {
            let inverse = self.inverse_rms(x);
            for ((dw, x), dy) in dw.iter_mut().zip(x).zip(dy) {
                *dw += x * inverse * dy;
            }
        }
        dw
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::ops::check::{assert_close, assert_gradient, random};

    #[test]
    fn it_equals_the_composed_norm_in_value_and_gradient() -> Result<()> {
        let (x, w) = (random((4, 24), 1), random(24, 2));
        let ours = |x: &Tensor| rms_norm(x, &w, 1e-5);
        let theirs = |x: &Tensor| candle_nn::ops::rms_norm_slow(x, &w, 1e-5);
        assert_close(&ours(&x)?, &theirs(&x)?, 1e-6);
        assert_gradient(&x, ours, |x| composed::rms_norm(x, &w, 1e-5))
    }

    #[test]
    fn the_weight_gradient_equals_the_composed_one() -> Result<()> {
        let x = random((4, 24), 1);
        assert_gradient(&random(24, 2), |w| rms_norm(&x, w, 1e-5), |w| composed::rms_norm(&x, w, 1e-5))?;
        let (x, frozen) = (Var::from_tensor(&x)?, random(24, 2));
        assert!(rms_norm(&x, &frozen, 1e-5)?.sum_all()?.backward()?.get(&frozen).is_none());
        Ok(())
    }
}
