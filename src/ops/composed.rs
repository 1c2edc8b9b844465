//! The same operations made of candle's own, for devices without a hand-written path and as what the tests compare with.
//! They read like the equations, and keep every intermediate.

use std::sync::{Arc, PoisonError};

use candle_core::{D, DType, Result, Tensor};

use super::adapted::{Adapted, GateRule};
use super::attention::{AttentionShape, Segment};
use super::rope::RopeTable;

/// Softmax over the last dimension, with its maximum subtracted.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    let top = x.max_keepdim(D::Minus1)?.detach();
    let e = x.broadcast_sub(&top)?.exp()?;
    e.broadcast_div(&e.sum_keepdim(D::Minus1)?)
}

/// See [`super::rms_norm`].
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let dtype = x.dtype();
    let x = x.to_dtype(DType::F32)?;
    let mean = x.sqr()?.mean_keepdim(D::Minus1)?;
    x.broadcast_div(&(mean + eps)?.sqrt()?)?.to_dtype(dtype)?.broadcast_mul(weight)
}

/// See [`super::swiglu`].
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.silu()? * up
}

/// See [`super::rope`].
pub fn rope(x: &Tensor, table: &Arc<RopeTable>, positions: &Arc<Vec<u32>>) -> Result<Tensor> {
    let (tokens, width) = x.dims2()?;
    let half = table.half();
    let (mut cos, mut sin) = (Vec::with_capacity(tokens * half), Vec::with_capacity(tokens * half));
    let rows = table.rows(positions)?;
    for (c, s) in positions.iter().filter_map(|position| rows.at(*position)) {
        cos.extend_from_slice(c);
        sin.extend_from_slice(s);
    }
    let table = |data: Vec<f32>| Tensor::from_vec(data, (tokens, 1, half), x.device())?.to_dtype(x.dtype());
    let (cos, sin) = (table(cos)?, table(sin)?);
    let heads = x.reshape((tokens, width / (2 * half), 2 * half))?;
    let (x1, x2) = (heads.narrow(2, 0, half)?, heads.narrow(2, half, half)?);
    let y1 = (x1.broadcast_mul(&cos)? - x2.broadcast_mul(&sin)?)?;
    let y2 = (x2.broadcast_mul(&cos)? + x1.broadcast_mul(&sin)?)?;
    Tensor::cat(&[y1, y2], 2)?.reshape((tokens, width))
}

/// See [`super::causal_attention`].
pub fn causal_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    segments: &[Segment],
    shape: &AttentionShape,
) -> Result<Tensor> {
    let group = shape.heads / shape.kv_heads;
    let split = |x: &Tensor, start: usize, len: usize, heads: usize| {
        x.narrow(0, start, len)?.reshape((len, heads, shape.head_dim))?.transpose(0, 1)?.contiguous()
    };
    let repeat = |x: Tensor| -> Result<Tensor> {
        let (heads, len, dim) = x.dims3()?;
        x.unsqueeze(1)?.broadcast_as((heads, group, len, dim))?.reshape((heads * group, len, dim))
    };
    // Rows between the segments, and behind the last, are padding.
    let zeros = |len: usize| Tensor::zeros((len, shape.heads * shape.head_dim), q.dtype(), q.device());
    let mut outputs = Vec::with_capacity(2 * segments.len() + 1);
    let mut done = 0;
    for s in segments.iter().filter(|s| s.q_len > 0) {
        if s.q_start > done {
            outputs.push(zeros(s.q_start - done)?);
        }
        done = s.q_start + s.q_len;
        let q = split(q, s.q_start, s.q_len, shape.heads)?;
        let k = repeat(split(k, s.k_start, s.k_len, shape.kv_heads)?)?;
        let v = repeat(split(v, s.k_start, s.k_len, shape.kv_heads)?)?;
        let mask: Vec<f32> = (0..s.q_len)
            .flat_map(|i| {
                let keys = s.keys_of(i, shape.window);
                (0..s.k_len).map(move |j| if keys.contains(&j) { 0.0 } else { f32::NEG_INFINITY })
            })
            .collect();
        let mask = Tensor::from_vec(mask, (1, s.q_len, s.k_len), q.device())?.to_dtype(q.dtype())?;
        let scores = (q.matmul(&k.t()?)? * (1.0 / (shape.head_dim as f64).sqrt()))?.broadcast_add(&mask)?;
        let o = softmax(&scores)?.matmul(&v)?;
        outputs.push(o.transpose(0, 1)?.reshape((s.q_len, shape.heads * shape.head_dim))?);
    }
    let queries = q.dim(0)?;
    if queries > done || outputs.is_empty() {
        outputs.push(zeros(queries - done)?);
    }
    Tensor::cat(&outputs, 0)
}

/// Mean cross-entropy of logits `[tokens, vocab]`, times tokens over `count`.
pub fn cross_entropy(logits: &Tensor, targets: &[u32], count: usize) -> Result<Tensor> {
    let logits = logits.to_dtype(DType::F32)?;
    let top = logits.max_keepdim(D::Minus1)?.detach();
    let logits = logits.broadcast_sub(&top)?;
    let total = logits.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let targets = Tensor::from_slice(targets, (targets.len(), 1), logits.device())?;
    let losses = (total - logits.gather(&targets, 1)?)?;
    losses.sum_all()? / count.max(1) as f64
}

/// See [`super::head_loss`].
pub fn head_loss(hidden: &Tensor, head: &Tensor, targets: &[u32], count: usize) -> Result<Tensor> {
    cross_entropy(&hidden.matmul(&head.t()?)?, targets, count)
}

/// See [`super::adapted_linear`]; without the bias, which that adds for both paths.
pub fn adapted_linear(x: &Tensor, down: &Tensor, up: &Tensor, adapted: &Adapted<'_>) -> Result<Tensor> {
    let shape = adapted.shape;
    let tokens = x.dim(0)?;
    let base = x.matmul(&adapted.weight.t()?)?;
    // The adapter is in f32 whatever the base is.
    let x = x.to_dtype(DType::F32)?;
    let dropped = match adapted.dropout.filter(|d| d.share > 0.0) {
        None => x.clone(),
        Some(dropout) => {
            let mask = dropout.apply(&vec![1f32; x.elem_count()]);
            x.mul(&Tensor::from_vec(mask, x.shape(), x.device())?)?
        }
    };
    let h = dropped.matmul(&down.narrow(0, 0, shape.a_rows())?.t()?)?;
    let gates = match &adapted.gates {
        GateRule::Fixed(gates) => {
            Tensor::from_slice(gates, (1, shape.heads), x.device())?.broadcast_as((tokens, shape.heads))?
        }
        GateRule::Router | GateRule::ScaledRouter(_) => {
            softmax(&x.matmul(&down.narrow(0, shape.a_rows(), shape.heads)?.t()?)?)?
        }
    };
    let gates = match &adapted.gates {
        GateRule::ScaledRouter(f) => gates.broadcast_mul(&Tensor::from_slice(f, (1, shape.heads), x.device())?)?,
        _ => gates,
    };
    if let Some(sink) = &adapted.sink {
        let gates = gates.contiguous()?.flatten_all()?.to_vec1::<f32>()?;
        sink.lock().unwrap_or_else(PoisonError::into_inner).extend(gates);
    }
    let h = if shape.shares_a { h.unsqueeze(1)? } else { h.reshape((tokens, shape.heads, shape.rank))? };
    let z = gates.unsqueeze(2)?.broadcast_mul(&h)?.reshape((tokens, shape.heads * shape.rank))?;
    let delta = (z.matmul(&up.t()?)? * f64::from(shape.scale))?;
    base + delta.to_dtype(adapted.weight.dtype())?
}
