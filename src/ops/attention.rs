//! Causal attention over packed sequences, block by block, with grouped heads and no `[tokens, tokens]` matrix.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::composed;
use super::exp::exp;
use super::mat::{Into, Mat, Threads, product};
use super::storage::{is_native, output, slice, tensor, with_slice};

/// Queries taken at a time.
const BLOCK: usize = 64;

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

/// Softmax attention: q `[queries, heads · head_dim]`, k and v `[keys, kv_heads · head_dim]` → `[queries, heads · head_dim]`.
/// Rows that no segment names, the padding of a batch, are zero.
///
/// Errs when a segment lies outside the rows, has more queries than keys, or begins before the one before it ends.
pub fn causal_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    segments: &Arc<Vec<Segment>>,
    shape: AttentionShape,
) -> Result<Tensor> {
    let (queries, keys) = (q.dim(0)?, k.dim(0)?);
    let fits = |s: &Segment| s.q_len <= s.k_len && s.q_start + s.q_len <= queries && s.k_start + s.k_len <= keys;
    if let Some(s) = segments.iter().find(|s| !fits(s)) {
        bail!("{s:?} does not fit {queries} queries and {keys} keys");
    }
    // Gradients of keys that two segments share would have to be added up; no caller has such.
    let follows = |a: &Segment, b: &Segment| a.q_start + a.q_len <= b.q_start && a.k_start + a.k_len <= b.k_start;
    if let Some([a, b]) = segments.array_windows().find(|[a, b]| !follows(a, b)) {
        bail!("{b:?} begins before {a:?} ends");
    }
    let (q_width, kv_width) = (shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim);
    if (q.dim(1)?, k.dim(1)?, v.dims()) != (q_width, kv_width, k.dims())
        || !shape.heads.is_multiple_of(shape.kv_heads.max(1))
    {
        bail!("{shape:?} does not fit q {:?}, k {:?} and v {:?}", q.shape(), k.shape(), v.shape());
    }
    if is_native(q) && is_native(k) && is_native(v) {
        let op = CausalAttention { segments: segments.clone(), shape, log_sums: Mutex::default() };
        q.contiguous()?.apply_op3(&k.contiguous()?, &v.contiguous()?, op)
    } else {
        composed::causal_attention(q, k, v, segments, &shape)
    }
}

struct CausalAttention {
    segments: Arc<Vec<Segment>>,
    shape: AttentionShape,
    /// For every task, query head and query: the logarithm of the softmax's denominator.
    log_sums: Mutex<Vec<Vec<f32>>>,
}

/// One segment's share of one key/value head: what a thread does at a time.
struct Task {
    segment: Segment,
    kv_head: usize,
}

/// Attention's rows, by role.
struct Rows<'a> {
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
}

/// What backward finds for one task.
struct TaskGradient {
    /// `[q_len, group · head_dim]`.
    dq: Vec<f32>,
    /// `[k_len, head_dim]` each.
    dk: Vec<f32>,
    dv: Vec<f32>,
}

impl CausalAttention {
    fn tasks(&self) -> Vec<Task> {
        let heads = 0..self.shape.kv_heads;
        let of =
            |segment: &Segment| heads.clone().map(|kv_head| Task { segment: *segment, kv_head }).collect::<Vec<_>>();
        self.segments.iter().flat_map(of).collect()
    }

    fn group(&self) -> usize {
        self.shape.heads / self.shape.kv_heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.shape.head_dim as f32).sqrt()
    }

    /// The rows of query block `from..to` of one head, as a matrix `[to − from, head_dim]`.
    fn queries<'a>(&self, q: &'a [f32], task: &Task, head: usize, from: usize, to: usize) -> Mat<'a> {
        let (d, width) = (self.shape.head_dim, self.shape.heads * self.shape.head_dim);
        let column = (task.kv_head * self.group() + head) * d;
        Mat::strided(&q[(task.segment.q_start + from) * width + column..], to - from, d, width)
    }

    /// Keys or values `from..to` of the task's head, `[to − from, head_dim]`.
    fn keys<'a>(&self, k: &'a [f32], task: &Task, from: usize, to: usize) -> Mat<'a> {
        let (d, width) = (self.shape.head_dim, self.shape.kv_heads * self.shape.head_dim);
        Mat::strided(&k[(task.segment.k_start + from) * width + task.kv_head * d..], to - from, d, width)
    }

    /// Query blocks of a segment, each with the keys that any of its queries sees.
    fn blocks(&self, segment: Segment) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let window = self.shape.window;
        (0..segment.q_len).step_by(BLOCK).map(move |from| {
            let to = (from + BLOCK).min(segment.q_len);
            (from..to, segment.keys_of(from, window).start..segment.keys_of(to - 1, window).end)
        })
    }

    /// Output `[q_len, group · head_dim]` and log-sums `[group, q_len]` of one task.
    fn forward_task(&self, rows: &Rows<'_>, task: &Task) -> (Vec<f32>, Vec<f32>) {
        let (d, group, scale, segment) = (self.shape.head_dim, self.group(), self.scale(), task.segment);
        let mut out = vec![0f32; segment.q_len * group * d];
        let mut log_sums = vec![0f32; group * segment.q_len];
        let mut scores = Vec::new();
        for head in 0..group {
            for (queries, keys) in self.blocks(segment) {
                let n = keys.len();
                scores.clear();
                scores.resize(queries.len() * n, 0.0);
                let q = self.queries(rows.q, task, head, queries.start, queries.end);
                let k = self.keys(rows.k, task, keys.start, keys.end);
                product(&mut scores, n, Into::Overwrite, scale, q, k.t(), Threads::One);
                for (row, i) in scores.chunks_mut(n).zip(queries.clone()) {
                    let seen = segment.keys_of(i, self.shape.window);
                    log_sums[head * segment.q_len + i] =
                        softmax_row(row, seen.start - keys.start..seen.end - keys.start);
                }
                let v = self.keys(rows.v, task, keys.start, keys.end);
                let p = Mat::new(&scores, queries.len(), n);
                product(
                    &mut out[queries.start * group * d + head * d..],
                    group * d,
                    Into::Overwrite,
                    1.0,
                    p,
                    v,
                    Threads::One,
                );
            }
        }
        (out, log_sums)
    }

    /// `dv = Pᵀ·do`, `ds = P ⊙ (do·vᵀ − Σ do⊙o)`, `dq = s·ds·k`, `dk = s·dsᵀ·q` (Dao et al. 2022, appendix B).
    fn backward_task(&self, rows: &Rows<'_>, o: &[f32], d_o: &[f32], log_sums: &[f32], task: &Task) -> TaskGradient {
        let (d, group, scale, segment) = (self.shape.head_dim, self.group(), self.scale(), task.segment);
        let width = self.shape.heads * d;
        let mut g = TaskGradient {
            dq: vec![0f32; segment.q_len * group * d],
            dk: vec![0f32; segment.k_len * d],
            dv: vec![0f32; segment.k_len * d],
        };
        let (mut p, mut ds) = (Vec::new(), Vec::new());
        for head in 0..group {
            let column = (task.kv_head * group + head) * d;
            for (queries, keys) in self.blocks(segment) {
                let n = keys.len();
                for buffer in [&mut p, &mut ds] {
                    buffer.clear();
                    buffer.resize(queries.len() * n, 0.0);
                }
                let q = self.queries(rows.q, task, head, queries.start, queries.end);
                let k = self.keys(rows.k, task, keys.start, keys.end);
                let v = self.keys(rows.v, task, keys.start, keys.end);
                let d_out = self.queries(d_o, task, head, queries.start, queries.end);
                product(&mut p, n, Into::Overwrite, scale, q, k.t(), Threads::One);
                product(&mut ds, n, Into::Overwrite, 1.0, d_out, v.t(), Threads::One);
                for ((p, ds), i) in p.chunks_mut(n).zip(ds.chunks_mut(n)).zip(queries.clone()) {
                    let seen = segment.keys_of(i, self.shape.window);
                    let at = (segment.q_start + i) * width + column;
                    let along: f32 = o[at..at + d].iter().zip(&d_o[at..at + d]).map(|(a, b)| a * b).sum();
                    let log_sum = log_sums[head * segment.q_len + i];
                    score_gradient_row(p, ds, seen.start - keys.start..seen.end - keys.start, log_sum, along, scale);
                }
                let (p, ds) = (Mat::new(&p, queries.len(), n), Mat::new(&ds, queries.len(), n));
                let dq = &mut g.dq[queries.start * group * d + head * d..];
                product(dq, group * d, Into::Overwrite, 1.0, ds, k, Threads::One);
                product(&mut g.dk[keys.start * d..], d, Into::Add, 1.0, ds.t(), q, Threads::One);
                product(&mut g.dv[keys.start * d..], d, Into::Add, 1.0, p.t(), d_out, Threads::One);
            }
        }
        g
    }

    /// Copies a task's `[rows, width]` block into its columns of all rows.
    fn scatter(&self, out: &mut [f32], block: &[f32], start: usize, width: usize, row: usize, column: usize) {
        for (i, block) in block.chunks(width).enumerate() {
            let at = (start + i) * row + column;
            out[at..at + width].copy_from_slice(block);
        }
    }
}

/// Softmax over the seen part of a row, zero elsewhere; gives the logarithm of the denominator.
fn softmax_row(row: &mut [f32], seen: Range<usize>) -> f32 {
    row[..seen.start].fill(0.0);
    row[seen.end..].fill(0.0);
    let row = &mut row[seen];
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|s| *s = exp(*s - top));
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|s| *s /= sum);
    top + sum.ln()
}

/// From scores and `do·vᵀ` of one query to probabilities and the gradient of the unscaled scores.
fn score_gradient_row(p: &mut [f32], ds: &mut [f32], seen: Range<usize>, log_sum: f32, along: f32, scale: f32) {
    for row in [&mut *p, &mut *ds] {
        row[..seen.start].fill(0.0);
        row[seen.end..].fill(0.0);
    }
    for (p, ds) in p[seen.clone()].iter_mut().zip(&mut ds[seen]) {
        *p = exp(*p - log_sum);
        *ds = *p * (*ds - along) * scale;
    }
}

impl CustomOp3 for CausalAttention {
    fn name(&self) -> &'static str {
        "causal-attention"
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
        let rows = Rows { q: slice(qs, ql)?, k: slice(ks, kl)?, v: slice(vs, vl)? };
        let tasks = self.tasks();
        let done: Vec<_> = tasks.par_iter().with_max_len(1).map(|task| self.forward_task(&rows, task)).collect();
        let (width, part) = (self.shape.heads * self.shape.head_dim, self.group() * self.shape.head_dim);
        let mut out = vec![0f32; rows.q.len()];
        let mut log_sums = Vec::with_capacity(tasks.len());
        for (task, (block, sums)) in tasks.iter().zip(done) {
            self.scatter(&mut out, &block, task.segment.q_start, part, width, task.kv_head * part);
            log_sums.push(sums);
        }
        *self.log_sums.lock().unwrap_or_else(PoisonError::into_inner) = log_sums;
        Ok(output(out, ql.shape()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        o: &Tensor,
        d_o: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let log_sums = self.log_sums.lock().unwrap_or_else(PoisonError::into_inner);
        let tasks = self.tasks();
        let gradients: Vec<TaskGradient> = with_slice(q, |q| {
            with_slice(k, |k| {
                with_slice(v, |v| {
                    with_slice(o, |o| {
                        with_slice(d_o, |d_o| {
                            let rows = Rows { q, k, v };
                            let pairs = tasks.par_iter().with_max_len(1).zip(log_sums.par_iter());
                            Ok(pairs.map(|(task, sums)| self.backward_task(&rows, o, d_o, sums, task)).collect())
                        })
                    })
                })
            })
        })?;
        let d = self.shape.head_dim;
        let (width, part, kv_width) = (self.shape.heads * d, self.group() * d, self.shape.kv_heads * d);
        let mut dq = vec![0f32; q.elem_count()];
        let (mut dk, mut dv) = (vec![0f32; k.elem_count()], vec![0f32; v.elem_count()]);
        for (task, g) in tasks.iter().zip(gradients) {
            self.scatter(&mut dq, &g.dq, task.segment.q_start, part, width, task.kv_head * part);
            self.scatter(&mut dk, &g.dk, task.segment.k_start, d, kv_width, task.kv_head * d);
            self.scatter(&mut dv, &g.dv, task.segment.k_start, d, kv_width, task.kv_head * d);
        }
        Ok((Some(tensor(dq, q.shape())?), Some(tensor(dk, k.shape())?), Some(tensor(dv, v.shape())?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{assert_close, assert_gradient, random};

    fn shape(window: Option<usize>) -> AttentionShape {
        AttentionShape { heads: 4, kv_heads: 2, head_dim: 6, window }
    }

    fn check(segments: Vec<Segment>, queries: usize, keys: usize, window: Option<usize>) -> Result<()> {
        let (q, k, v) = (random((queries, 24), 1), random((keys, 12), 2), random((keys, 12), 3));
        let (shape, segments) = (shape(window), Arc::new(segments));
        let ours = |q: &Tensor, k: &Tensor, v: &Tensor| causal_attention(q, k, v, &segments, shape);
        let theirs = |q: &Tensor, k: &Tensor, v: &Tensor| composed::causal_attention(q, k, v, &segments, &shape);
        assert_close(&ours(&q, &k, &v)?, &theirs(&q, &k, &v)?, 1e-5);
        assert_gradient(&q, |q| ours(q, &k, &v), |q| theirs(q, &k, &v))?;
        assert_gradient(&k, |k| ours(&q, k, &v), |k| theirs(&q, k, &v))?;
        assert_gradient(&v, |v| ours(&q, &k, v), |v| theirs(&q, &k, v))
    }

    #[test]
    fn packed_sequences_equal_the_composed_form_in_value_and_all_gradients() -> Result<()> {
        check(vec![Segment::whole(0, 5), Segment::whole(5, 70), Segment::whole(75, 1)], 76, 76, None)
    }

    #[test]
    fn a_sliding_window_equals_the_composed_form() -> Result<()> {
        check(vec![Segment::whole(0, 70)], 70, 70, Some(3))?;
        check(vec![Segment::whole(0, 7)], 7, 7, Some(100))
    }

    #[test]
    fn queries_at_the_end_of_cached_keys_equal_the_composed_form() -> Result<()> {
        check(vec![Segment { q_start: 0, q_len: 3, k_start: 0, k_len: 9 }], 3, 9, None)?;
        check(vec![Segment { q_start: 0, q_len: 3, k_start: 0, k_len: 9 }], 3, 9, Some(4))
    }

    #[test]
    fn rows_that_no_segment_names_are_zero_in_both_forms_and_get_no_gradient() -> Result<()> {
        // Padding before, between and behind the sequences, and rows that are padding altogether.
        check(vec![Segment::whole(2, 5), Segment::whole(7, 0), Segment::whole(10, 66)], 80, 80, None)?;
        check(vec![Segment::whole(0, 3), Segment::whole(6, 4)], 12, 12, Some(2))?;
        let (q, k) = (random((6, 24), 1), random((6, 12), 2));
        for segments in [vec![], vec![Segment::whole(3, 0)], vec![Segment::whole(1, 2)]] {
            let named: Vec<usize> = segments.iter().flat_map(|s| s.q_start..s.q_start + s.q_len).collect();
            let segments = Arc::new(segments);
            let ours = causal_attention(&q, &k, &k, &segments, shape(None))?;
            let theirs = composed::causal_attention(&q, &k, &k, &segments, &shape(None))?;
            for (i, (ours, theirs)) in ours.to_vec2::<f32>()?.iter().zip(theirs.to_vec2::<f32>()?).enumerate() {
                let is_zero = |row: &[f32]| row.iter().all(|x| *x == 0.0);
                assert_eq!((is_zero(ours), is_zero(&theirs)), (!named.contains(&i), !named.contains(&i)), "row {i}");
            }
        }
        Ok(())
    }

    #[test]
    fn segments_that_share_rows_are_refused() {
        let (q, k) = (random((6, 24), 1), random((6, 12), 2));
        let shared = Arc::new(vec![Segment::whole(0, 4), Segment::whole(3, 2)]);
        assert!(causal_attention(&q, &k, &k, &shared, shape(None)).is_err());
    }

    #[test]
    fn a_later_token_never_changes_an_earlier_one() -> Result<()> {
        let (q, k, v) = (random((6, 24), 1), random((6, 12), 2), random((6, 12), 3));
        let all = causal_attention(&q, &k, &v, &Arc::new(vec![Segment::whole(0, 6)]), shape(None))?;
        let four = Arc::new(vec![Segment::whole(0, 4)]);
        let first =
            causal_attention(&q.narrow(0, 0, 4)?, &k.narrow(0, 0, 4)?, &v.narrow(0, 0, 4)?, &four, shape(None))?;
        assert_close(&all.narrow(0, 0, 4)?, &first, 1e-6);
        Ok(())
    }

    #[test]
    fn a_segment_outside_the_rows_is_refused() {
        let (q, k) = (random((6, 24), 1), random((6, 12), 2));
        assert!(causal_attention(&q, &k, &k, &Arc::new(vec![Segment::whole(2, 5)]), shape(None)).is_err());
    }
}
