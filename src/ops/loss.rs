//! Cross-entropy of the supervised positions, with the vocabulary projection or from logits.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::composed;
use super::exp::exp;
use super::linear::Projection;
use super::mat::Into;
use super::profile::{OpKind, timed};
use super::storage::{is_native, output, slice, tensor, with_slice};
use super::vector::{max, vectorised};
use super::weight::Weight;

/// Logits that [`head_loss`] holds at a time, in elements: 32 MiB. A single row may have more.
pub const LOGITS_AT_ONCE: usize = 8 << 20;

/// `Σ cross-entropy(hidden·headᵀ, targets) / count`: hidden `[supervised, size]`, frozen head `[vocab, size]`, one target a
/// row → a scalar. On the CPU the gradient of `hidden` is found in the same pass, so that logits of the whole batch are never
/// held; another device holds those of the supervised positions.
///
/// `count` is the number of supervised tokens that the mean is taken over, which may span several micro-batches.
/// Errs when a target lies outside the vocabulary.
pub fn head_loss(hidden: &Tensor, head: &Weight, targets: &[u32], count: usize) -> Result<Tensor> {
    check_targets(targets, hidden.dim(0)?, head.rows())?;
    if head.cols() != hidden.dim(1)? {
        bail!("a vocabulary projection of {} inputs was given {:?}", head.cols(), hidden.shape());
    }
    if !is_native(hidden) || !head.is_native() {
        let head = [Projection { weight: head.clone(), bias: None }];
        return cross_entropy(&super::linear(hidden, &head)?, targets, count);
    }
    let op = HeadLoss { head: head.clone(), targets: targets.to_vec(), count, gradient: Mutex::default() };
    hidden.contiguous()?.apply_op1(op)
}

/// `Σ cross-entropy(logits, targets) / count`: logits `[supervised, vocab]`, one target a row → a scalar.
///
/// Errs when a target lies outside the vocabulary.
pub fn cross_entropy(logits: &Tensor, targets: &[u32], count: usize) -> Result<Tensor> {
    check_targets(targets, logits.dim(0)?, logits.dim(1)?)?;
    if is_native(logits) {
        let op = CrossEntropy { targets: targets.to_vec(), count };
        logits.contiguous()?.apply_op1(op)
    } else {
        composed::cross_entropy(logits, targets, count)
    }
}

fn check_targets(targets: &[u32], rows: usize, vocab: usize) -> Result<()> {
    if targets.len() != rows {
        bail!("{} targets for {rows} rows", targets.len());
    }
    match targets.iter().find(|t| **t as usize >= vocab) {
        Some(t) => bail!("token {t} lies outside the vocabulary of {vocab}"),
        None => Ok(()),
    }
}

/// The loss of one row; the row becomes the gradient of its logits, times `weight`.
#[inline(always)]
fn row_loss(row: &mut [f32], target: u32, weight: f32) -> f64 {
    let top = max(row);
    let wanted = row[target as usize];
    row.iter_mut().for_each(|l| *l = exp(*l - top));
    let sum = wide_sum(row);
    let scale = (f64::from(weight) / sum) as f32;
    row.iter_mut().for_each(|l| *l *= scale);
    row[target as usize] -= weight;
    negative_log_likelihood(top - wanted, sum)
}

/// The loss of a row whose largest logit exceeds the wanted one by `lead`, with `sum` of all `e^(logit − largest)`.
fn negative_log_likelihood(lead: f32, sum: f64) -> f64 {
    // A NaN or infinity anywhere in the row must reach the loss.
    f64::from(lead) + sum.ln() + 0.0 * sum
}

/// The sum in double precision, in eight lanes that the compiler adds side by side. In single precision the many small
/// terms of a large vocabulary would vanish beside the few large ones.
#[inline(always)]
fn wide_sum(values: &[f32]) -> f64 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut lanes = [0f64; 8];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane += f64::from(*value));
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|value| f64::from(*value)).sum::<f64>()
}

/// Sums in row order, whatever order the rows were computed in, so that a run repeats bit for bit.
fn rows_loss(logits: &mut [f32], vocab: usize, targets: &[u32], weight: f32) -> f64 {
    let rows = logits.par_chunks_mut(vocab).zip(targets.par_iter());
    rows.map(|(row, target)| vectorised(|| row_loss(row, *target, weight))).collect::<Vec<f64>>().iter().sum()
}

struct HeadLoss {
    head: Weight,
    targets: Vec<u32>,
    count: usize,
    /// Of `hidden`, `[supervised, size]`.
    gradient: Mutex<Vec<f32>>,
}

impl HeadLoss {
    /// The loss, and the gradient of `hidden`, some rows at a time.
    fn loss_and_gradient(&self, hidden: &[f32]) -> Result<(f32, Vec<f32>)> {
        let (rows, size, vocab) = (self.targets.len(), self.head.cols(), self.head.rows());
        let mut gradient = vec![0f32; hidden.len()];
        let weight = 1.0 / self.count.max(1) as f32;
        let chunk = (LOGITS_AT_ONCE / vocab.max(1)).clamp(1, rows.max(1));
        let mut logits = vec![0f32; chunk * vocab];
        let mut loss = 0f64;
        let parts = hidden.chunks(chunk * size).zip(gradient.chunks_mut(chunk * size)).zip(self.targets.chunks(chunk));
        for ((hidden, gradient), targets) in parts {
            let n = targets.len();
            let logits = &mut logits[..n * vocab];
            self.head.multiply(logits, vocab, hidden, n)?;
            loss += rows_loss(logits, vocab, targets, weight);
            self.head.multiply_back(gradient, Into::Overwrite, logits, vocab, n)?;
        }
        Ok(((loss / self.count.max(1) as f64) as f32, gradient))
    }
}

impl CustomOp1 for HeadLoss {
    fn name(&self) -> &'static str {
        "head-loss"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let hidden = slice(storage, layout)?;
        let (loss, gradient) = timed(OpKind::Loss, || self.loss_and_gradient(hidden))?;
        *self.gradient.lock().unwrap_or_else(PoisonError::into_inner) = gradient;
        Ok(output(vec![loss], ()))
    }

    fn bwd(&self, hidden: &Tensor, _loss: &Tensor, dloss: &Tensor) -> Result<Option<Tensor>> {
        let gradient = self.gradient.lock().unwrap_or_else(PoisonError::into_inner).clone();
        scaled(gradient, dloss, hidden.shape())
    }
}

fn scaled(mut gradient: Vec<f32>, dloss: &Tensor, shape: &Shape) -> Result<Option<Tensor>> {
    let factor = dloss.to_scalar::<f32>()?;
    if factor != 1.0 {
        gradient.iter_mut().for_each(|g| *g *= factor);
    }
    tensor(gradient, shape).map(Some)
}

struct CrossEntropy {
    targets: Vec<u32>,
    count: usize,
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, vocab) = layout.shape().dims2()?;
        let logits = slice(storage, layout)?;
        let losses = logits.par_chunks(vocab).zip(self.targets.par_iter()).map(|(row, target)| {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let terms: Vec<f32> = row.iter().map(|l| exp(*l - top)).collect();
            negative_log_likelihood(top - row[*target as usize], wide_sum(&terms))
        });
        let loss: f64 = losses.collect::<Vec<f64>>().iter().sum();
        Ok(output(vec![(loss / self.count.max(1) as f64) as f32], ()))
    }

    fn bwd(&self, logits: &Tensor, _loss: &Tensor, dloss: &Tensor) -> Result<Option<Tensor>> {
        let (_, vocab) = logits.dims2()?;
        let weight = 1.0 / self.count.max(1) as f32;
        let gradient = with_slice(logits, |logits| {
            let mut gradient = logits.to_vec();
            rows_loss(&mut gradient, vocab, &self.targets, weight);
            Ok(gradient)
        })?;
        scaled(gradient, dloss, logits.shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{assert_close, assert_gradient, random};

    const TARGETS: [u32; 4] = [3, 0, 10, 3];

    fn composed_head_loss(hidden: &Tensor, head: &Tensor, count: usize) -> Result<Tensor> {
        composed::cross_entropy(&hidden.matmul(&head.t()?)?, &TARGETS, count)
    }

    #[test]
    fn the_head_loss_equals_the_composed_one_and_its_gradient() -> Result<()> {
        let (hidden, head) = (random((4, 8), 1), random((11, 8), 2));
        let weight = Weight::dense(head.clone())?;
        let ours = |h: &Tensor| head_loss(h, &weight, &TARGETS, 6);
        let theirs = |h: &Tensor| composed_head_loss(h, &head, 6);
        assert_close(&ours(&hidden)?, &theirs(&hidden)?, 1e-6);
        assert_gradient(&hidden, ours, theirs)
    }

    #[test]
    fn the_loss_from_logits_equals_candles() -> Result<()> {
        let logits = random((4, 11), 1);
        let targets = Tensor::from_slice(&TARGETS, 4, logits.device())?;
        let theirs = |l: &Tensor| candle_nn::loss::cross_entropy(l, &targets);
        assert_close(&cross_entropy(&logits, &TARGETS, 4)?, &theirs(&logits)?, 1e-6);
        assert_gradient(&logits, |l| cross_entropy(l, &TARGETS, 4), theirs)
    }

    #[test]
    fn a_trained_head_gets_its_gradient() -> Result<()> {
        let hidden = random((4, 8), 1);
        let ours = |head: &Tensor| head_loss(&hidden, &Weight::dense(head.clone())?, &TARGETS, 4);
        assert_gradient(&random((11, 8), 2), ours, |head| composed_head_loss(&hidden, head, 4))
    }

    #[test]
    fn the_tail_of_a_large_vocabulary_counts_in_full() -> Result<()> {
        let mut logits = vec![-17.5f32; 150_000];
        logits[5] = 0.0;
        let tail = 149_999.0 * f64::from(-17.5f32).exp();
        let loss = cross_entropy(&Tensor::from_vec(logits, (1, 150_000), &candle_core::Device::Cpu)?, &[5], 1)?;
        assert!((f64::from(loss.to_scalar::<f32>()?) - (1.0 + tail).ln()).abs() < 1e-7, "{loss}");
        Ok(())
    }

    #[test]
    fn not_a_number_reaches_the_loss() -> Result<()> {
        let mut data = vec![0f32; 22];
        data[5] = f32::NAN;
        let logits = Tensor::from_vec(data, (2, 11), &candle_core::Device::Cpu)?;
        assert!(cross_entropy(&logits, &[0, 1], 2)?.to_scalar::<f32>()?.is_nan());
        Ok(())
    }

    #[test]
    fn a_target_outside_the_vocabulary_is_refused() {
        let head = Weight::dense(random((11, 8), 2)).unwrap();
        let error = head_loss(&random((1, 8), 1), &head, &[11], 1).map(|_| ());
        assert!(error.is_err_and(|e| e.to_string().contains("token 11")));
    }
}
