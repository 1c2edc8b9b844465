//! The same operations made of candle's own, for devices without a hand-written path and as what the tests compare with.
//! They read like the equations, and keep every intermediate.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use candle_core::{D, DType, Result, Tensor};

use super::adapted::{Adapted, AdaptedShape, GateRule, Member};
use super::attention::{AttentionShape, Segment};
use super::linear::{Group, Projection};
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
    x.broadcast_div(&(mean + eps)?.sqrt()?)?.broadcast_mul(&weight.to_dtype(DType::F32)?)?.to_dtype(dtype)
}

/// See [`super::head_norm`].
pub fn head_norm(x: &Tensor, weight: &Tensor, columns: Range<usize>, eps: f64) -> Result<Tensor> {
    let (tokens, width) = x.dims2()?;
    let heads = x.narrow(1, columns.start, columns.len())?.contiguous()?.reshape(((), weight.dim(0)?))?;
    let normed = rms_norm(&heads, weight, eps)?.reshape((tokens, columns.len()))?;
    let before = x.narrow(1, 0, columns.start)?;
    Tensor::cat(&[before, normed, x.narrow(1, columns.end, width - columns.end)?], 1)
}

/// See [`super::swiglu`].
pub fn swiglu(gate_up: &Tensor) -> Result<Tensor> {
    let inner = gate_up.dim(1)? / 2;
    gate_up.narrow(1, 0, inner)?.contiguous()?.silu()? * gate_up.narrow(1, inner, inner)?
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

/// See [`super::self_attention`].
pub fn self_attention(
    qkv: &Tensor,
    table: &Arc<RopeTable>,
    positions: &Arc<Vec<u32>>,
    segments: &[Segment],
    shape: &AttentionShape,
) -> Result<Tensor> {
    let (q_width, kv_width) = (shape.q_width(), shape.kv_width());
    let part = |start: usize, width: usize| qkv.narrow(1, start, width)?.contiguous();
    let q = rope(&part(0, q_width)?, table, positions)?;
    let k = rope(&part(q_width, kv_width)?, table, positions)?;
    attention(&q, &k, &part(q_width + kv_width, kv_width)?, segments, shape)
}

/// Attention of q to k and v that were turned already; see [`super::cached_attention`].
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, segments: &[Segment], shape: &AttentionShape) -> Result<Tensor> {
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

/// See [`super::linear`].
pub(super) fn linear(x: &Tensor, group: &Group) -> Result<Tensor> {
    side_by_side(group.projections.iter().map(|projection| frozen(x, projection)))
}

/// See [`super::adapted_linear`].
pub(super) fn adapted_linear(
    x: &Tensor,
    down: &Tensor,
    up: &Tensor,
    group: &Group,
    adapted: &Adapted,
) -> Result<Tensor> {
    let (rows, mut down_row, mut up_row) = (adapted.shape.down_rows(), 0, 0);
    side_by_side(group.projections.iter().enumerate().map(|(i, projection)| {
        let base = frozen(x, projection)?;
        let Some(member) = adapted.members.iter().find(|member| member.projection == i) else { return Ok(base) };
        let outputs = projection.weight.rows();
        let (down, up) = (down.narrow(0, down_row, rows)?, up.narrow(0, up_row, outputs)?);
        (down_row, up_row) = (down_row + rows, up_row + outputs);
        let delta = delta(x, &down, &up, adapted, member)?.to_dtype(base.dtype())?;
        base + delta
    }))
}

/// The outputs of several projections in one row each.
fn side_by_side(parts: impl Iterator<Item = Result<Tensor>>) -> Result<Tensor> {
    let parts: Vec<Tensor> = parts.collect::<Result<_>>()?;
    match parts.as_slice() {
        [only] => Ok(only.clone()),
        several => Tensor::cat(several, 1),
    }
}

/// `x·W0ᵀ (+ bias)`, in the type of the weight.
fn frozen(x: &Tensor, projection: &Projection) -> Result<Tensor> {
    let weight = projection.weight.to_tensor()?;
    let y = x.to_dtype(weight.dtype())?.matmul(&weight.t()?)?;
    match &projection.bias {
        Some(bias) => y.broadcast_add(&bias.to_dtype(y.dtype())?),
        None => Ok(y),
    }
}

/// What one adapted projection adds, in f32 whatever the base is.
fn delta(x: &Tensor, down: &Tensor, up: &Tensor, adapted: &Adapted, member: &Member) -> Result<Tensor> {
    let AdaptedShape { rank, heads, shares_a, scale, .. } = adapted.shape;
    let a_rows = adapted.shape.a_rows();
    let tokens = x.dim(0)?;
    let x = x.to_dtype(DType::F32)?;
    let dropped = match member.dropout.filter(|d| d.share > 0.0) {
        None => x.clone(),
        Some(dropout) => {
            let mask = dropout.apply(&vec![1f32; x.elem_count()]);
            x.mul(&Tensor::from_vec(mask, x.shape(), x.device())?)?
        }
    };
    let h = dropped.matmul(&down.narrow(0, 0, a_rows)?.t()?)?;
    let row = |values: &[f32]| Tensor::from_slice(values, (1, heads), x.device());
    let softmax = || softmax(&x.matmul(&down.narrow(0, a_rows, heads)?.t()?)?);
    let gates = match &adapted.gates {
        GateRule::Fixed(gates) => row(gates)?.broadcast_as((tokens, heads))?,
        GateRule::Router => softmax()?,
        GateRule::ScaledRouter(factors) => softmax()?.broadcast_mul(&row(factors)?)?,
    };
    if let Some(sink) = &member.sink {
        let gates = gates.contiguous()?.flatten_all()?.to_vec1::<f32>()?;
        sink.lock().unwrap_or_else(PoisonError::into_inner).extend(gates);
    }
    let h = if shares_a { h.unsqueeze(1)? } else { h.reshape((tokens, heads, rank))? };
    let z = gates.unsqueeze(2)?.broadcast_mul(&h)?.reshape((tokens, heads * rank))?;
    z.matmul(&up.t()?)? * f64::from(scale)
}
