//! Loss and gradients of a batch without keeping its activations: forward keeps what enters each block, and backward
//! computes one block after the other again (Chen et al. 2016, with every block a segment).

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use super::{Decoder, Sequences};
use crate::adapter::Pass;

impl Decoder {
    /// As [`Decoder::loss`] and its backward, with the memory of one block's activations instead of all. `gather` hears of
    /// the gradients of one block at a time, unless the loss is not a finite number; the loss is given back.
    ///
    /// A pass that captures gates captures them once. Tensors of the base model get no gradient.
    pub fn loss_with_recomputation(
        &self,
        ids: &[u32],
        labels: &[i64],
        sequences: &Sequences,
        count: usize,
        pass: &Pass<'_>,
        mut gather: impl FnMut(&GradStore) -> Result<()>,
    ) -> Result<Option<f32>> {
        let (rows, targets) = sequences.supervised(labels);
        if rows.is_empty() {
            return Ok(None);
        }
        let mut entering = vec![self.embed(ids)?];
        let step = self.step(sequences, pass);
        for block in self.blocks() {
            let Some(x) = entering.last() else { break };
            // Detached, so that what the block keeps for a backward goes at once.
            entering.push(block.forward(x, &step, None)?.detach());
        }
        let Some(last) = entering.pop() else { return Ok(None) };
        let last = Var::from_tensor(&last)?;
        let loss = self.loss_at(&self.last_norm(&last)?, rows, &targets, count)?;
        let value = loss.to_scalar::<f32>()?;
        if value.is_finite() {
            let gradient = loss.backward()?.remove(&last);
            drop((loss, last));
            self.backward_through_blocks(entering, gradient, sequences, pass, &mut gather)?;
        }
        Ok(Some(value))
    }

    fn backward_through_blocks(
        &self,
        mut entering: Vec<Tensor>,
        mut gradient: Option<Tensor>,
        sequences: &Sequences,
        pass: &Pass<'_>,
        gather: &mut impl FnMut(&GradStore) -> Result<()>,
    ) -> Result<()> {
        let pass = Pass { capture: None, ..*pass };
        let step = self.step(sequences, &pass);
        let lowest = pass.adapter.and_then(|adapter| adapter.modules().map(|module| module.layer).min());
        for (layer, block) in self.blocks().iter().enumerate().rev() {
            let (Some(x), Some(dy)) = (entering.pop(), gradient.take()) else { break };
            if lowest.is_none_or(|lowest| layer < lowest) {
                break;
            }
            // Nothing below the lowest adapted block is asked for its gradient.
            let var = if Some(layer) == lowest { None } else { Some(Var::from_tensor(&x)?) };
            let y = block.forward(var.as_ref().map_or(&x, |var| var.as_tensor()), &step, None)?;
            // The gradient of this sum by y is dy.
            let mut grads = (y * dy.detach())?.sum_all()?.backward()?;
            gather(&grads)?;
            gradient = var.and_then(|var| grads.remove(&var));
        }
        Ok(())
    }
}
