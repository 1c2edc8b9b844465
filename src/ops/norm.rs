//! Root-mean-square norm, of whole rows or of every head in some columns.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::composed;
use super::profile::{OpKind, timed};
use super::storage::{is_native, output, slice, tensor, with_slice};
use super::vector::{dot, vectorised};

/// Rows one thread takes at least.
const MIN_ROWS: usize = 16;

/// `x / sqrt(mean(x²) + eps) ⊙ weight` over the last dimension: x `[rows, size]`, weight `[size]` → `[rows, size]`
/// (Zhang & Sennrich 2019). The weight gets a gradient only where it is a variable.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let size = x.dim(1)?;
    if weight.dims() != [size] {
        bail!("a norm of {:?} was given {:?}", weight.shape(), x.shape());
    }
    head_norm(x, weight, 0..size, eps)
}

/// The same norm of every head on its own, in some columns; the others pass as they are: x `[tokens, width]`, weight
/// `[head_dim]`, which divides the columns → `[tokens, width]`.
pub fn head_norm(x: &Tensor, weight: &Tensor, columns: Range<usize>, eps: f64) -> Result<Tensor> {
    let (width, size) = (x.dim(1)?, weight.dim(0)?);
    if columns.end > width || size == 0 || !columns.len().is_multiple_of(size) {
        bail!("norms of {size} do not fit columns {columns:?} of {:?}", x.shape());
    }
    if is_native(x) && is_native(weight) {
        x.contiguous()?.apply_op2(&weight.contiguous()?, RmsNorm { eps: eps as f32, columns })
    } else {
        composed::head_norm(x, weight, columns, eps)
    }
}

struct RmsNorm {
    eps: f32,
    columns: Range<usize>,
}

impl RmsNorm {
    #[inline(always)]
    fn inverse_rms(&self, x: &[f32]) -> f32 {
        1.0 / (dot(x, x) / x.len() as f32 + self.eps).sqrt()
    }

    fn forward(&self, x: &[f32], w: &[f32], width: usize) -> Vec<f32> {
        let mut y = x.to_vec();
        y.par_chunks_mut(width).with_min_len(MIN_ROWS).for_each(|row| {
            vectorised(|| {
                for head in row[self.columns.clone()].chunks_mut(w.len()) {
                    let inverse = self.inverse_rms(head);
                    head.iter_mut().zip(w).for_each(|(x, w)| *x *= inverse * w);
                }
            });
        });
        y
    }

    /// `dx = r·w⊙dy − x · r³/n · Σ x⊙w⊙dy`, with `r` the inverse root mean square.
    fn input_gradient(&self, x: &[f32], w: &[f32], dy: &[f32], width: usize) -> Vec<f32> {
        let mut dx = dy.to_vec();
        dx.par_chunks_mut(width).zip(x.par_chunks(width)).with_min_len(MIN_ROWS).for_each(|(dx, x)| {
            let heads = dx[self.columns.clone()].chunks_mut(w.len()).zip(x[self.columns.clone()].chunks(w.len()));
            vectorised(|| {
                for (dx, x) in heads {
                    let inverse = self.inverse_rms(x);
                    dx.iter_mut().zip(w).for_each(|(d, w)| *d *= w);
                    let back = dot(x, dx) * inverse * inverse * inverse / w.len() as f32;
                    dx.iter_mut().zip(x).for_each(|(d, x)| *d = inverse * *d - back * x);
                }
            });
        });
        dx
    }

    fn weight_gradient(&self, x: &[f32], size: usize, dy: &[f32], width: usize) -> Vec<f32> {
        let mut dw = vec![0f32; size];
        for (x, dy) in x.chunks(width).zip(dy.chunks(width)) {
            let heads = x[self.columns.clone()].chunks(size).zip(dy[self.columns.clone()].chunks(size));
            for (x, dy) in heads {
                let inverse = self.inverse_rms(x);
                for ((dw, x), dy) in dw.iter_mut().zip(x).zip(dy) {
                    *dw += x * inverse * dy;
                }
            }
        }
        dw
    }
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(&self, xs: &CpuStorage, xl: &Layout, ws: &CpuStorage, wl: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (slice(xs, xl)?, slice(ws, wl)?);
        let (_, width) = xl.shape().dims2()?;
        Ok(output(timed(OpKind::Norm, || self.forward(x, w, width)), xl.shape()))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (_, width) = x.dims2()?;
        let back = |xs: &[f32], weight: &[f32], dy: &[f32]| {
            let dx = x.track_op().then(|| self.input_gradient(xs, weight, dy, width));
            let dw = w.track_op().then(|| self.weight_gradient(xs, weight.len(), dy, width));
            (dx, dw)
        };
        let (dx, dw) = with_slice(x, |xs| {
            with_slice(w, |weight| with_slice(dy, |dy| Ok(timed(OpKind::Norm, || back(xs, weight, dy)))))
        })?;
        let dx = dx.map(|dx| tensor(dx, x.shape())).transpose()?;
        Ok((dx, dw.map(|dw| tensor(dw, w.shape())).transpose()?))
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
    fn norms_of_heads_equal_the_composed_form_and_leave_the_other_columns() -> Result<()> {
        let (x, w) = (random((4, 30), 1), random(6, 2));
        let ours = |x: &Tensor| head_norm(x, &w, 6..24, 1e-5);
        let theirs = |x: &Tensor| composed::head_norm(x, &w, 6..24, 1e-5);
        assert_close(&ours(&x)?, &theirs(&x)?, 1e-6);
        assert_close(&ours(&x)?.narrow(1, 0, 6)?, &x.narrow(1, 0, 6)?, 0.0);
        assert_gradient(&x, ours, theirs)?;
        assert_gradient(&w, |w| head_norm(&x, w, 6..24, 1e-5), |w| composed::head_norm(&x, w, 6..24, 1e-5))?;
        assert!(head_norm(&x, &w, 6..25, 1e-5).is_err() && head_norm(&x, &w, 24..36, 1e-5).is_err());
        Ok(())
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
