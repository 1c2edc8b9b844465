//! Softmax attention of one head over one sequence, a block of queries at a time: forward keeps one number a query, and
//! backward computes the probabilities again from it (Dao et al. 2022).

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::{AttentionShape, Segment};
use crate::ops::exp::exp;
use crate::ops::mat::{Into, Mat, Threads, product};
use crate::ops::vector::{dot, max, sum, vectorised};

/// Queries taken at a time.
const BLOCK: usize = 64;

/// Some columns of a matrix whose rows are `stride` apart.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    data: &'a [f32],
    stride: usize,
    start: usize,
}

impl<'a> Columns<'a> {
    pub fn new(data: &'a [f32], stride: usize, start: usize) -> Self {
        Self { data, stride, start }
    }

    /// Rows `from..from + len` of `width` columns, the first of which is number `column` of these.
    fn mat(self, from: usize, len: usize, column: usize, width: usize) -> Mat<'a> {
        let at = from * self.stride + self.start + column;
        Mat::strided(self.data.get(at..).unwrap_or_default(), len, width, self.stride)
    }

    /// `width` elements of one row.
    fn row(self, row: usize, column: usize, width: usize) -> &'a [f32] {
        let at = row * self.stride + self.start + column;
        &self.data[at..at + width]
    }
}

/// Attention's rows, by role: q `[queries, heads · head_dim]`, k and v `[keys, kv_heads · head_dim]`.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub q: Columns<'a>,
    pub k: Columns<'a>,
    pub v: Columns<'a>,
}

/// One segment's share of one key/value head: what a thread does at a time.
struct Task {
    segment: Segment,
    kv_head: usize,
}

/// What backward finds for one task.
struct TaskGradient {
    /// `[q_len, group · head_dim]`.
    dq: Vec<f32>,
    /// `[k_len, head_dim]` each.
    dk: Vec<f32>,
    dv: Vec<f32>,
}

/// For every task, query head and query: the logarithm of the softmax's denominator.
pub type LogSums = Vec<Vec<f32>>;

/// Which rows attend to each other, and how many heads they have.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub segments: Arc<Vec<Segment>>,
    pub shape: AttentionShape,
}

impl Kernel {
    /// Output `[queries, heads · head_dim]`, zero in rows that no segment names.
    pub fn forward(&self, rows: &Rows<'_>, queries: usize) -> (Vec<f32>, LogSums) {
        let tasks = self.tasks();
        let done: Vec<_> = tasks.par_iter().with_max_len(1).map(|task| self.forward_task(rows, task)).collect();
        let (width, part) = (self.shape.q_width(), self.group() * self.shape.head_dim);
        let mut out = vec![0f32; queries * width];
        let mut log_sums = Vec::with_capacity(tasks.len());
        for (task, (block, sums)) in tasks.iter().zip(done) {
            scatter(&mut out, &block, task.segment.q_start, part, width, task.kv_head * part);
            log_sums.push(sums);
        }
        (out, log_sums)
    }

    /// The gradients of q, k and v side by side, `[tokens, q_width + 2 · kv_width]`, where every token has all three.
    pub fn backward(&self, rows: &Rows<'_>, o: &[f32], d_o: &[f32], log_sums: &LogSums, tokens: usize) -> Vec<f32> {
        let tasks = self.tasks();
        let (q_width, kv_width, d) = (self.shape.q_width(), self.shape.kv_width(), self.shape.head_dim);
        let (o, d_o) = (Columns::new(o, q_width, 0), Columns::new(d_o, q_width, 0));
        let pairs = tasks.par_iter().with_max_len(1).zip(log_sums.par_iter());
        let gradients: Vec<TaskGradient> =
            pairs.map(|(task, sums)| self.backward_task(rows, o, d_o, sums, task)).collect();
        let (width, part) = (q_width + 2 * kv_width, self.group() * d);
        let mut dqkv = vec![0f32; tokens * width];
        for (task, g) in tasks.iter().zip(gradients) {
            let Segment { q_start, k_start, .. } = task.segment;
            scatter(&mut dqkv, &g.dq, q_start, part, width, task.kv_head * part);
            scatter(&mut dqkv, &g.dk, k_start, d, width, q_width + task.kv_head * d);
            scatter(&mut dqkv, &g.dv, k_start, d, width, q_width + kv_width + task.kv_head * d);
        }
        dqkv
    }

    fn tasks(&self) -> Vec<Task> {
        let of = |segment: &Segment| {
            let segment = *segment;
            (0..self.shape.kv_heads).map(move |kv_head| Task { segment, kv_head })
        };
        self.segments.iter().flat_map(of).collect()
    }

    /// Query heads of one key/value head.
    fn group(&self) -> usize {
        self.shape.heads / self.shape.kv_heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.shape.head_dim as f32).sqrt()
    }

    /// The rows of a query block of one head, `[queries, head_dim]`.
    fn queries<'a>(&self, q: Columns<'a>, task: &Task, head: usize, block: &Range<usize>) -> Mat<'a> {
        let d = self.shape.head_dim;
        q.mat(task.segment.q_start + block.start, block.len(), (task.kv_head * self.group() + head) * d, d)
    }

    /// Some keys or values of the task's head, `[keys, head_dim]`.
    fn keys<'a>(&self, k: Columns<'a>, task: &Task, keys: &Range<usize>) -> Mat<'a> {
        let d = self.shape.head_dim;
        k.mat(task.segment.k_start + keys.start, keys.len(), task.kv_head * d, d)
    }

    /// Query blocks of a segment, each with the keys that any of its queries sees.
    fn blocks(&self, segment: Segment) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let window = self.shape.window;
        (0..segment.q_len).step_by(BLOCK).map(move |from| {
            let to = (from + BLOCK).min(segment.q_len);
            (from..to, segment.keys_of(from, window).start..segment.keys_of(to - 1, window).end)
        })
    }

    /// The keys that query `i` sees, counted from the first of its block's.
    fn seen(&self, segment: Segment, i: usize, keys: &Range<usize>) -> Range<usize> {
        let seen = segment.keys_of(i, self.shape.window);
        seen.start - keys.start..seen.end - keys.start
    }

    /// Output `[q_len, group · head_dim]` and log-sums `[group, q_len]` of one task.
    fn forward_task(&self, rows: &Rows<'_>, task: &Task) -> (Vec<f32>, Vec<f32>) {
        let (d, group, segment) = (self.shape.head_dim, self.group(), task.segment);
        let mut out = vec![0f32; segment.q_len * group * d];
        let mut log_sums = vec![0f32; group * segment.q_len];
        let mut scores = Vec::new();
        for head in 0..group {
            for (queries, keys) in self.blocks(segment) {
                let n = keys.len();
                scores.resize(queries.len() * n, 0.0);
                let (q, k) = (self.queries(rows.q, task, head, &queries), self.keys(rows.k, task, &keys));
                product(&mut scores, n, Into::Overwrite, self.scale(), q, k.t(), Threads::One);
                vectorised(|| {
                    for (row, i) in scores.chunks_mut(n).zip(queries.clone()) {
                        log_sums[head * segment.q_len + i] = softmax_row(row, self.seen(segment, i, &keys));
                    }
                });
                let (p, v) = (Mat::new(&scores, queries.len(), n), self.keys(rows.v, task, &keys));
                let out = &mut out[queries.start * group * d + head * d..];
                product(out, group * d, Into::Overwrite, 1.0, p, v, Threads::One);
            }
        }
        (out, log_sums)
    }

    /// `dv = Pᵀ·do`, `ds = P ⊙ (do·vᵀ − Σ do⊙o)`, `dq = s·ds·k`, `dk = s·dsᵀ·q` (Dao et al. 2022, appendix B).
    fn backward_task(
        &self,
        rows: &Rows<'_>,
        o: Columns<'_>,
        d_o: Columns<'_>,
        log_sums: &[f32],
        task: &Task,
    ) -> TaskGradient {
        let (d, group, scale, segment) = (self.shape.head_dim, self.group(), self.scale(), task.segment);
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
                p.resize(queries.len() * n, 0.0);
                ds.resize(queries.len() * n, 0.0);
                let (q, d_out) = (self.queries(rows.q, task, head, &queries), self.queries(d_o, task, head, &queries));
                let (k, v) = (self.keys(rows.k, task, &keys), self.keys(rows.v, task, &keys));
                product(&mut p, n, Into::Overwrite, scale, q, k.t(), Threads::One);
                product(&mut ds, n, Into::Overwrite, 1.0, d_out, v.t(), Threads::One);
                vectorised(|| {
                    for ((p, ds), i) in p.chunks_mut(n).zip(ds.chunks_mut(n)).zip(queries.clone()) {
                        let row = segment.q_start + i;
                        let along = dot(o.row(row, column, d), d_o.row(row, column, d));
                        let log_sum = log_sums[head * segment.q_len + i];
                        score_gradient_row(p, ds, self.seen(segment, i, &keys), log_sum, along, scale);
                    }
                });
                let (p, ds) = (Mat::new(&p, queries.len(), n), Mat::new(&ds, queries.len(), n));
                let dq = &mut g.dq[queries.start * group * d + head * d..];
                product(dq, group * d, Into::Overwrite, 1.0, ds, k, Threads::One);
                product(&mut g.dk[keys.start * d..], d, Into::Add, 1.0, ds.t(), q, Threads::One);
                product(&mut g.dv[keys.start * d..], d, Into::Add, 1.0, p.t(), d_out, Threads::One);
            }
        }
        g
    }
}

/// Copies a block of `width` columns into the rows of `out` from `first` on, which are `stride` long, at `column`.
fn scatter(out: &mut [f32], block: &[f32], first: usize, width: usize, stride: usize, column: usize) {
    for (i, block) in block.chunks(width).enumerate() {
        let at = (first + i) * stride + column;
        out[at..at + width].copy_from_slice(block);
    }
}

/// Softmax over the seen part of a row, zero elsewhere; gives the logarithm of the denominator.
#[inline(always)]
fn softmax_row(row: &mut [f32], seen: Range<usize>) -> f32 {
    row[..seen.start].fill(0.0);
    row[seen.end..].fill(0.0);
    let row = &mut row[seen];
    let top = max(row);
    row.iter_mut().for_each(|s| *s = exp(*s - top));
    let sum = sum(row);
    row.iter_mut().for_each(|s| *s /= sum);
    top + sum.ln()
}

/// From scores and `do·vᵀ` of one query to probabilities and the gradient of the unscaled scores.
#[inline(always)]
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
