//! The same operations made of candle's own, for devices without a hand-written path and as what the tests compare with.
//! They read like the equations, and keep every intermediate.
//!
//! Activations are in the type of their input, bf16 say. Norms, turns, softmax, gates, what the adapter adds, and the loss
//! are computed wider and rounded once; products with frozen weights are in the type of the weight. No tensor
//! here is without elements: a GPU refuses to work on nothing.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use candle_core::{D, DType, Result, Tensor};

use super::adapted::{Adapted, AdaptedShape, Balance, GateRule, Gating, Member, keep_largest};
use super::attention::{AttentionShape, Segment};
use super::frozen::frozen_product;
use super::linear::{Group, Projection};
use super::nudge::nudge;
use super::rope::RopeTable;

/// The type to compute in where an activation's own is too coarse: f32, or f64 where that is what comes in.
fn wide(x: &Tensor) -> DType {
    if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 }
}

/// Softmax over the last dimension, with its maximum subtracted.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    let top = x.max_keepdim(D::Minus1)?.detach();
    let e = x.broadcast_sub(&top)?.exp()?;
    e.broadcast_div(&e.sum_keepdim(D::Minus1)?)
}

/// See [`super::rms_norm`].
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let (dtype, wide) = (x.dtype(), wide(x));
    let x = x.to_dtype(wide)?;
    let mean = x.sqr()?.mean_keepdim(D::Minus1)?;
    x.broadcast_div(&(mean + eps)?.sqrt()?)?.broadcast_mul(&weight.to_dtype(wide)?)?.to_dtype(dtype)
}

/// See [`super::head_norm`].
pub fn head_norm(x: &Tensor, weight: &Tensor, columns: Range<usize>, eps: f64) -> Result<Tensor> {
    let (tokens, width) = x.dims2()?;
    let heads = x.narrow(1, columns.start, columns.len())?.contiguous()?.reshape(((), weight.dim(0)?))?;
    let normed = rms_norm(&heads, weight, eps)?.reshape((tokens, columns.len()))?;
    let beside = |columns: Range<usize>| x.narrow(1, columns.start, columns.len());
    let before = (columns.start > 0).then(|| beside(0..columns.start));
    let behind = (columns.end < width).then(|| beside(columns.end..width));
    side_by_side(before.into_iter().chain([Ok(normed)]).chain(behind))
}

/// See [`super::swiglu`].
pub fn swiglu(gate_up: &Tensor) -> Result<Tensor> {
    let (inner, wide) = (gate_up.dim(1)? / 2, wide(gate_up));
    let half = |start: usize| gate_up.narrow(1, start, inner)?.contiguous()?.to_dtype(wide);
    (half(0)?.silu()? * half(inner)?)?.to_dtype(gate_up.dtype())
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
    let wide = wide(x);
    let table = |data: Vec<f32>| Tensor::from_vec(data, (tokens, 1, half), x.device())?.to_dtype(wide);
    let (cos, sin) = (table(cos)?, table(sin)?);
    let heads = x.reshape((tokens, width / (2 * half), 2 * half))?.to_dtype(wide)?;
    let (x1, x2) = (heads.narrow(2, 0, half)?, heads.narrow(2, half, half)?);
    let y1 = (x1.broadcast_mul(&cos)? - x2.broadcast_mul(&sin)?)?;
    let y2 = (x2.broadcast_mul(&cos)? + x1.broadcast_mul(&sin)?)?;
    Tensor::cat(&[y1, y2], 2)?.reshape((tokens, width))?.to_dtype(x.dtype())
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
        let scores = (q.matmul(&k.t()?)?.to_dtype(wide(&q))? * (1.0 / (shape.head_dim as f64).sqrt()))?;
        let scores = match mask(s, shape.window, &scores)? {
            Some(mask) => scores.broadcast_add(&mask)?,
            None => scores,
        };
        let o = softmax(&scores)?.to_dtype(v.dtype())?.matmul(&v)?;
        outputs.push(o.transpose(0, 1)?.reshape((s.q_len, shape.heads * shape.head_dim))?);
    }
    let queries = q.dim(0)?;
    if queries > done || outputs.is_empty() {
        outputs.push(zeros(queries - done)?);
    }
    Tensor::cat(&outputs, 0)
}

/// What hides from each query the keys it does not see, `[1, q_len, k_len]`: 0 or −∞, in the type of the scores; `None`
/// where every query sees all keys. Made on the device, where it is as large as the scores of one head.
fn mask(segment: &Segment, window: Option<usize>, scores: &Tensor) -> Result<Option<Tensor>> {
    let Segment { q_len, k_len, .. } = *segment;
    if (0..q_len).all(|i| segment.keys_of(i, window) == (0..k_len)) {
        return Ok(None);
    }
    let device = scores.device();
    let bound = |of: fn(&Range<usize>) -> usize| {
        let bounds: Vec<u32> = (0..q_len).map(|i| of(&segment.keys_of(i, window)) as u32).collect();
        Tensor::from_vec(bounds, (q_len, 1), device)
    };
    let (first, end) = (bound(|keys| keys.start)?, bound(|keys| keys.end)?);
    let keys = Tensor::arange(0u32, k_len as u32, device)?.unsqueeze(0)?;
    let seen = (keys.broadcast_ge(&first)? * keys.broadcast_lt(&end)?)?;
    let all = |value: f32| Tensor::full(value, (q_len, k_len), device);
    let mask = seen.where_cond(&all(0.0)?, &all(f32::NEG_INFINITY)?)?;
    mask.unsqueeze(0)?.to_dtype(scores.dtype()).map(Some)
}

/// Mean cross-entropy of logits `[tokens, vocab]`, times tokens over `count`; in f32.
pub fn cross_entropy(logits: &Tensor, targets: &[u32], count: usize) -> Result<Tensor> {
    let logits = logits.to_dtype(wide(logits))?;
    let top = logits.max_keepdim(D::Minus1)?.detach();
    let logits = logits.broadcast_sub(&top)?;
    let total = logits.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let targets = Tensor::from_slice(targets, (targets.len(), 1), logits.device())?;
    let losses = (total - logits.gather(&targets, 1)?)?;
    (losses.sum_all()? / count.max(1) as f64)?.to_dtype(DType::F32)
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
    let wide = wide(x);
    let (input, down, up) = (x.to_dtype(wide)?, down.to_dtype(wide)?, up.to_dtype(wide)?);
    side_by_side(group.projections.iter().enumerate().map(|(i, projection)| {
        let base = frozen(x, projection)?;
        let Some(member) = adapted.members.iter().find(|member| member.projection == i) else { return Ok(base) };
        let outputs = projection.weight.rows();
        let (down, up) = (down.narrow(0, down_row, rows)?, up.narrow(0, up_row, outputs)?);
        (down_row, up_row) = (down_row + rows, up_row + outputs);
        base + delta(&input, &down, &up, adapted, member)?.to_dtype(x.dtype())?
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

/// `x·W0ᵀ (+ bias)`: computed in the type of the weight, and given in that of `x`.
fn frozen(x: &Tensor, projection: &Projection) -> Result<Tensor> {
    let weight = projection.weight.to_tensor()?;
    let input = x.to_dtype(weight.dtype())?;
    let y = if weight.track_op() { input.matmul(&weight.t()?)? } else { frozen_product(&input, &weight)? };
    let y = y.to_dtype(x.dtype())?;
    match &projection.bias {
        Some(bias) => y.broadcast_add(&bias.to_dtype(y.dtype())?),
        None => Ok(y),
    }
}

/// Of gates `[tokens, heads]` each token's `count` largest, divided by their sum. Which they are is told on the CPU.
fn largest(gates: &Tensor, count: usize) -> Result<Tensor> {
    let heads = gates.dim(1)?;
    if count >= heads {
        return Ok(gates.clone());
    }
    let mut mask = gates.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    mask.chunks_mut(heads).for_each(|token| keep_largest(token, count));
    mask.iter_mut().for_each(|gate| *gate = if *gate > 0.0 { 1.0 } else { 0.0 });
    let kept = (gates * Tensor::from_vec(mask, gates.shape(), gates.device())?.to_dtype(gates.dtype())?)?;
    kept.broadcast_div(&kept.sum_keepdim(D::Minus1)?)
}

/// What one adapted projection adds, in the type of its three tensors: f32 whatever the base is.
fn delta(x: &Tensor, down: &Tensor, up: &Tensor, adapted: &Adapted, member: &Member) -> Result<Tensor> {
    let AdaptedShape { rank, heads, shares_a, scale, gating, .. } = adapted.shape;
    let a_rows = adapted.shape.a_rows();
    let tokens = x.dim(0)?;
    let dropped = match member.dropout.filter(|d| d.share > 0.0) {
        None => x.clone(),
        Some(dropout) => {
            let mask = dropout.apply(&vec![1f32; x.elem_count()]);
            x.mul(&Tensor::from_vec(mask, x.shape(), x.device())?.to_dtype(x.dtype())?)?
        }
    };
    let h = dropped.matmul(&down.narrow(0, 0, a_rows)?.t()?)?;
    let row = |values: &[f32]| Tensor::from_slice(values, (1, heads), x.device())?.to_dtype(x.dtype());
    let routed = || router_gates(&x.matmul(&down.narrow(0, a_rows, heads)?.t()?)?, &gating, adapted.balance.as_ref());
    let gates = match &adapted.gates {
        GateRule::Fixed(gates) => row(gates)?.broadcast_as((tokens, heads))?,
        GateRule::Router => routed()?,
        GateRule::ScaledRouter(factors) => routed()?.broadcast_mul(&row(factors)?)?,
        GateRule::TopRouter(count) => largest(&routed()?, *count)?,
    };
    if let Some(sink) = &member.sink {
        let gates = gates.to_dtype(DType::F32)?.contiguous()?.flatten_all()?.to_vec1::<f32>()?;
        sink.lock().unwrap_or_else(PoisonError::into_inner).extend(gates);
    }
    let h = if shares_a { h.unsqueeze(1)? } else { h.reshape((tokens, heads, rank))? };
    let z = gates.unsqueeze(2)?.broadcast_mul(&h)?.reshape((tokens, heads * rank))?;
    z.matmul(&up.t()?)? * f64::from(scale)
}

/// From a router's logits `[tokens, heads]` to gates. A balance loss pushes the gradient of the logits.
fn router_gates(logits: &Tensor, gating: &Gating, balance: Option<&Balance>) -> Result<Tensor> {
    let logits = match balance {
        Some(balance) => nudge(logits, &balance_gradient(&logits.detach(), gating, balance)?)?,
        None => logits.clone(),
    };
    let hidden = hidden_heads(&logits.detach(), gating)?;
    let sharpened = (logits / f64::from(gating.temperature))?;
    softmax(&hidden.map_or(Ok(sharpened.clone()), |hidden| sharpened + hidden)?)
}

/// What leaves out the heads that top-k does not choose, `[tokens, heads]`: 0 or −∞; `None` where all are chosen.
fn hidden_heads(logits: &Tensor, gating: &Gating) -> Result<Option<Tensor>> {
    let Some(k) = gating.cut(logits.dim(1)?) else { return Ok(None) };
    let (chosen, zeros) = (leading(logits, k)?, logits.zeros_like()?);
    chosen.where_cond(&zeros, &(zeros.ones_like()? * f64::NEG_INFINITY)?).map(Some)
}

/// 1 for the `k` heads with the largest logits of each token, else 0; u8 `[tokens, heads]`.
fn leading(logits: &Tensor, k: usize) -> Result<Tensor> {
    let order = logits.contiguous()?.arg_sort_last_dim(false)?;
    order.arg_sort_last_dim(true)?.lt(k as u32)
}

/// The gradient of the balance loss by the logits; see [`Balance`].
fn balance_gradient(logits: &Tensor, gating: &Gating, balance: &Balance) -> Result<Tensor> {
    let (tokens, heads) = logits.dims2()?;
    let mut counts = vec![0f32; tokens];
    balance.spans.iter().for_each(|span| counts.get_mut(span.clone()).unwrap_or_default().fill(1.0));
    let counted = counts.iter().sum::<f32>().max(1.0);
    let counts = Tensor::from_vec(counts, (tokens, 1), logits.device())?.to_dtype(logits.dtype())?;
    let k = gating.cut(heads).unwrap_or(1);
    let chosen = leading(logits, k)?.to_dtype(logits.dtype())?.broadcast_mul(&counts)?;
    let shares = (chosen.sum_keepdim(0)? / f64::from(counted * k as f32))?;
    let softmax = softmax(&(logits / f64::from(gating.temperature))?)?;
    let mean = softmax.broadcast_mul(&shares)?.sum_keepdim(1)?;
    let by_token = softmax.mul(&shares.broadcast_sub(&mean)?)?.broadcast_mul(&counts)?;
    by_token * f64::from(balance.weight * heads as f32 / counted / gating.temperature)
}
