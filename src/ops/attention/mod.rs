//! Causal attention over packed sequences, with grouped heads and no `[tokens, tokens]` matrix: [`self_attention`] turns,
//! attends and has a backward; [`cached_attention`] answers from keys that were turned before.

mod kernel;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::composed;
use super::profile::{OpKind, timed};
use super::rope::{RopeTable, Rotation};
use super::storage::{is_native, output, slice, tensor, with_slice};
use kernel::{Columns, Kernel, LogSums, Rows};

/// Sizes of the heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    pub heads: usize,
    /// Divides `heads`: each key/value head serves `heads / kv_heads` query heads (Ainslie et al. 2023).
    pub kv_heads: usize,
    pub head_dim: usize,
    /// A query sees only this many positions back, itself included; `None`: all.
    pub window: Option<usize>,
}

impl AttentionShape {
    /// Columns of q: all query heads.
    pub fn q_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Columns of k, and of v.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Columns of q, k and v side by side.
    pub fn qkv_width(&self) -> usize {
        self.q_width() + 2 * self.kv_width()
    }

    fn is_whole(&self) -> bool {
        self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads)
    }
}

/// One sequence: which rows of q, and which of k and v, belong to it. Its queries are the last `q_len` of its `k_len`
/// positions: equal in training, fewer where keys come from a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub q_start: usize,
    pub q_len: usize,
    pub k_start: usize,
    pub k_len: usize,
}

impl Segment {
    /// A sequence that attends to itself only, at rows `start..start + len`.
    pub fn whole(start: usize, len: usize) -> Self {
        Self { q_start: start, q_len: len, k_start: start, k_len: len }
    }

    /// The keys that query `i` of the segment sees.
    pub(super) fn keys_of(&self, i: usize, window: Option<usize>) -> Range<usize> {
        let end = i + 1 + self.k_len - self.q_len;
        window.map_or(0, |w| end.saturating_sub(w))..end
    }
}

fn check_segments(segments: &[Segment], queries: usize, keys: usize) -> Result<()> {
    let fits = |s: &Segment| s.q_len <= s.k_len && s.q_start + s.q_len <= queries && s.k_start + s.k_len <= keys;
    if let Some(s) = segments.iter().find(|s| !fits(s)) {
        bail!("{s:?} does not fit {queries} queries and {keys} keys");
    }
    // Gradients of keys that two segments share would have to be added up; no caller has such.
    let follows = |a: &Segment, b: &Segment| a.q_start + a.q_len <= b.q_start && a.k_start + a.k_len <= b.k_start;
    if let Some([a, b]) = segments.array_windows().find(|[a, b]| !follows(a, b)) {
        bail!("{b:?} begins before {a:?} ends");
    }
    Ok(())
}

/// Rotary position and softmax attention within each segment, in one: qkv `[tokens, qkv_width]` (q, k and v side by side)
/// with `positions[t]` that of token `t` → `[tokens, q_width]`. Rows that no segment names, the padding of a batch, are
/// zero. What is turned is turned again in backward instead of being kept.
///
/// Errs when a segment lies outside the rows, has other queries than keys, or begins before the one before it ends, or when
/// a position lies beyond the longest context.
pub fn self_attention(
    qkv: &Tensor,
    table: &Arc<RopeTable>,
    positions: &Arc<Vec<u32>>,
    segments: &Arc<Vec<Segment>>,
    shape: AttentionShape,
) -> Result<Tensor> {
    let (tokens, width) = qkv.dims2()?;
    check_segments(segments, tokens, tokens)?;
    if let Some(s) = segments.iter().find(|s| (s.q_start, s.q_len) != (s.k_start, s.k_len)) {
        bail!("{s:?} has other queries than keys");
    }
    if width != shape.qkv_width() || !shape.is_whole() {
        bail!("{shape:?} does not fit qkv {:?}", qkv.shape());
    }
    if is_native(qkv) {
        let rotation = Rotation { table: table.clone(), positions: positions.clone() };
        let kernel = Kernel { segments: segments.clone(), shape };
        qkv.contiguous()?.apply_op1(SelfAttention { rotation, kernel, log_sums: Mutex::default() })
    } else {
        composed::self_attention(qkv, table, positions, segments, &shape)
    }
}

/// Softmax attention to keys and values that a cache holds: q `[queries, q_width]` and k `[keys, kv_width]`, both turned
/// already, and v `[keys, kv_width]` → `[queries, q_width]`. It has no backward.
///
/// Errs when a segment lies outside the rows, has more queries than keys, or begins before the one before it ends.
pub fn cached_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    segments: &Arc<Vec<Segment>>,
    shape: AttentionShape,
) -> Result<Tensor> {
    check_segments(segments, q.dim(0)?, k.dim(0)?)?;
    if (q.dim(1)?, k.dim(1)?, v.dims()) != (shape.q_width(), shape.kv_width(), k.dims()) || !shape.is_whole() {
        bail!("{shape:?} does not fit q {:?}, k {:?} and v {:?}", q.shape(), k.shape(), v.shape());
    }
    if is_native(q) && is_native(k) && is_native(v) {
        let kernel = Kernel { segments: segments.clone(), shape };
        q.contiguous()?.apply_op3_no_bwd(&k.contiguous()?, &v.contiguous()?, &CachedAttention { kernel })
    } else {
        composed::attention(q, k, v, segments, &shape)
    }
}

struct SelfAttention {
    rotation: Rotation,
    kernel: Kernel,
    log_sums: Mutex<LogSums>,
}

impl SelfAttention {
    /// q and k of every token, turned: `[tokens, q_width + kv_width]`.
    fn turned(&self, qkv: &[f32]) -> Result<Vec<f32>> {
        let shape = self.kernel.shape;
        let width = shape.q_width() + shape.kv_width();
        let mut turned = Vec::with_capacity(qkv.len() / shape.qkv_width() * width);
        qkv.chunks(shape.qkv_width()).for_each(|row| turned.extend_from_slice(&row[..width]));
        self.rotation.turn(&mut turned, width, width, 1.0)?;
        Ok(turned)
    }

    fn rows<'a>(&self, turned: &'a [f32], qkv: &'a [f32]) -> Rows<'a> {
        let (q_width, kv_width) = (self.kernel.shape.q_width(), self.kernel.shape.kv_width());
        let width = q_width + kv_width;
        Rows {
            q: Columns::new(turned, width, 0),
            k: Columns::new(turned, width, q_width),
            v: Columns::new(qkv, width + kv_width, width),
        }
    }

    fn backward(&self, qkv: &[f32], o: &[f32], d_o: &[f32]) -> Result<Vec<f32>> {
        let shape = self.kernel.shape;
        let turned = self.turned(qkv)?;
        let log_sums = self.log_sums.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = qkv.len() / shape.qkv_width();
        let mut dqkv = self.kernel.backward(&self.rows(&turned, qkv), o, d_o, &log_sums, tokens);
        self.rotation.turn(&mut dqkv, shape.qkv_width(), shape.q_width() + shape.kv_width(), -1.0)?;
        Ok(dqkv)
    }
}

impl CustomOp1 for SelfAttention {
    fn name(&self) -> &'static str {
        "self-attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (tokens, _) = layout.shape().dims2()?;
        let qkv = slice(storage, layout)?;
        timed(OpKind::Attention, || {
            let turned = self.turned(qkv)?;
            let (out, log_sums) = self.kernel.forward(&self.rows(&turned, qkv), tokens);
            *self.log_sums.lock().unwrap_or_else(PoisonError::into_inner) = log_sums;
            Ok(output(out, (tokens, self.kernel.shape.q_width())))
        })
    }

    fn bwd(&self, qkv: &Tensor, o: &Tensor, d_o: &Tensor) -> Result<Option<Tensor>> {
        let back = |qkv: &[f32], o: &[f32], d_o: &[f32]| timed(OpKind::Attention, || self.backward(qkv, o, d_o));
        let dqkv = with_slice(qkv, |qkv| with_slice(o, |o| with_slice(d_o, |d_o| back(qkv, o, d_o))))?;
        tensor(dqkv, qkv.shape()).map(Some)
    }
}

struct CachedAttention {
    kernel: Kernel,
}

impl CustomOp3 for CachedAttention {
    fn name(&self) -> &'static str {
        "cached-attention"
    }

    fn cpu_fwd(
        &self,
        qs: &CpuStorage,
        ql: &Layout,
        ks: &CpuStorage,
        kl: &Layout,
        vs: &CpuStorage,
        vl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (queries, q_width) = ql.shape().dims2()?;
        let kv_width = self.kernel.shape.kv_width();
        let rows = Rows {
            q: Columns::new(slice(qs, ql)?, q_width, 0),
            k: Columns::new(slice(ks, kl)?, kv_width, 0),
            v: Columns::new(slice(vs, vl)?, kv_width, 0),
        };
        let (out, _) = timed(OpKind::Attention, || self.kernel.forward(&rows, queries));
        Ok(output(out, (queries, q_width)))
    }
}
