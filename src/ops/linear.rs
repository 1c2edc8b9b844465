//! Frozen projections that never get a gradient for their weights.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::composed;
use super::mat::Into;
use super::profile::{OpKind, timed};
use super::storage::{is_native, output, slice, tensor, with_slice};
use super::weight::Weight;

/// One frozen projection of a group that reads one input.
#[derive(Clone, Debug)]
pub struct Projection {
    /// `[out, in]`.
    pub weight: Weight,
    /// `[out]`, in f32.
    pub bias: Option<Tensor>,
}

/// `x·Wᵀ (+ bias)` of every projection of a group, side by side: x `[tokens, in]` → `[tokens, Σ out]`.
///
/// A weight that is a variable gets its gradient; a frozen one costs nothing in backward but the product for `x`.
/// Errs when the sizes do not fit together.
pub fn linear(x: &Tensor, group: &[Projection]) -> Result<Tensor> {
    let group = Group::new(x, group)?;
    if group.is_native(x) { x.contiguous()?.apply_op1(FrozenLinear { group }) } else { composed::linear(x, &group) }
}

/// The projections of one operation, their sizes held against the input's.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub projections: Vec<Projection>,
    pub inputs: usize,
    /// Outputs of all projections together.
    pub outputs: usize,
}

impl Group {
    pub fn new(x: &Tensor, projections: &[Projection]) -> Result<Self> {
        let (_, inputs) = x.dims2()?;
        for Projection { weight, bias } in projections {
            if weight.cols() != inputs {
                bail!("a linear layer for {} inputs was given {inputs}", weight.cols());
            }
            if let Some(bias) = bias.as_ref().filter(|bias| bias.dims() != [weight.rows()]) {
                bail!("a bias of {:?} does not fit {} outputs", bias.shape(), weight.rows());
            }
        }
        let outputs = projections.iter().map(|p| p.weight.rows()).sum();
        Ok(Self { projections: projections.to_vec(), inputs, outputs })
    }

    /// Whether the hand-written path can take it.
    pub fn is_native(&self, x: &Tensor) -> bool {
        let is_frozen = |bias: &Tensor| is_native(bias) && !bias.track_op();
        is_native(x) && self.projections.iter().all(|p| p.weight.is_native() && p.bias.as_ref().is_none_or(is_frozen))
    }

    /// Each projection with the column at which its outputs begin.
    pub fn columns(&self) -> impl Iterator<Item = (usize, &Projection)> {
        self.projections.iter().scan(0, |next, projection| {
            let start = *next;
            *next += projection.weight.rows();
            Some((start, projection))
        })
    }

    /// `x·Wᵀ + bias`, `[tokens, outputs]`.
    pub fn forward(&self, x: &[f32], tokens: usize) -> Result<Vec<f32>> {
        let mut y = vec![0f32; tokens * self.outputs];
        if tokens == 1 {
            self.forward_single(x, &mut y)?;
        } else {
            for (column, Projection { weight, .. }) in self.columns() {
                weight.multiply(y.get_mut(column..).unwrap_or_default(), self.outputs, x, tokens)?;
            }
        }
        for (column, Projection { bias, .. }) in self.columns() {
            let Some(bias) = bias else { continue };
            with_slice(bias, |bias| {
                let rows = y.get_mut(column..).unwrap_or_default().chunks_mut(self.outputs);
                rows.for_each(|row| row.iter_mut().zip(bias).for_each(|(y, b)| *y += b));
                Ok(())
            })?;
        }
        Ok(y)
    }

    /// The products of one token, whose outputs lie apart: the projections are computed side by side, since each alone may
    /// be too small for all threads.
    fn forward_single(&self, x: &[f32], y: &mut [f32]) -> Result<()> {
        let mut rest = y;
        let mut parts = Vec::with_capacity(self.projections.len());
        for Projection { weight, .. } in &self.projections {
            let (part, after) = rest.split_at_mut(weight.rows());
            parts.push((weight, part));
            rest = after;
        }
        parts.into_par_iter().try_for_each(|(weight, y)| weight.multiply(y, weight.rows(), x, 1))
    }

    /// `dx = Σ dy·W`, `[tokens, inputs]`, from dy `[tokens, outputs]`.
    pub fn input_gradient(&self, dy: &[f32], tokens: usize) -> Result<Vec<f32>> {
        let mut dx = vec![0f32; tokens * self.inputs];
        for (column, projection) in self.columns() {
            let mode = if column == 0 { Into::Overwrite } else { Into::Add };
            projection.weight.multiply_back(
                &mut dx,
                mode,
                dy.get(column..).unwrap_or_default(),
                self.outputs,
                tokens,
            )?;
        }
        Ok(dx)
    }
}

struct FrozenLinear {
    group: Group,
}

impl CustomOp1 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (tokens, _) = layout.shape().dims2()?;
        let x = slice(storage, layout)?;
        let y = timed(OpKind::BaseProduct, || self.group.forward(x, tokens))?;
        Ok(output(y, (tokens, self.group.outputs)))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let tokens = x.dim(0)?;
        let dx = with_slice(dy, |dy| timed(OpKind::BaseProduct, || self.group.input_gradient(dy, tokens)))?;
        tensor(dx, x.shape()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::ops::check::{assert_close, assert_gradient, random};

    fn group() -> Vec<Projection> {
        let projection = |out, seed, bias| Projection { weight: Weight::dense(random((out, 7), seed)).unwrap(), bias };
        vec![projection(3, 2, Some(random(3, 3))), projection(5, 4, None)]
    }

    #[test]
    fn a_group_equals_matrix_products_side_by_side_and_their_gradient() -> Result<()> {
        let (x, group) = (random((5, 7), 1), group());
        let composed = |x: &Tensor| {
            let (a, b) = (random((3, 7), 2), random((5, 7), 4));
            Tensor::cat(&[x.matmul(&a.t()?)?.broadcast_add(&random(3, 3))?, x.matmul(&b.t()?)?], 1)
        };
        let ours = |x: &Tensor| linear(x, &group);
        assert_close(&ours(&x)?, &composed(&x)?, 1e-6);
        for tokens in [1, 2] {
            let x = x.narrow(0, 0, tokens)?;
            assert_close(&ours(&x)?, &composed(&x)?, 1e-6);
        }
        assert_gradient(&x, ours, composed)
    }

    #[test]
    fn a_frozen_weight_gets_no_gradient_and_a_variable_does() -> Result<()> {
        let x = Var::from_tensor(&random((4, 6), 1))?;
        let frozen = random((2, 6), 2);
        let of = |weight: &Tensor| linear(&x, &[Projection { weight: Weight::dense(weight.clone())?, bias: None }]);
        let grads = of(&frozen)?.sum_all()?.backward()?;
        assert!(grads.get(&frozen).is_none() && grads.get(&x).is_some());
        let trained = Var::from_tensor(&frozen)?;
        let grads = of(&trained)?.sum_all()?.backward()?;
        assert!(grads.get(&trained).is_some());
        Ok(())
    }

    #[test]
    fn projections_that_do_not_fit_are_refused() {
        let narrow = Projection { weight: Weight::dense(random((2, 6), 1)).unwrap(), bias: None };
        assert!(linear(&random((4, 7), 1), &[narrow]).is_err());
        let bias = Projection { bias: Some(random(4, 1)), ..group().remove(1) };
        assert!(linear(&random((4, 7), 1), &[bias]).is_err());
    }
}
