//! Rows of stored weights times the activations of a few tokens, split over the threads.

use std::marker::PhantomData;

use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use super::lanes::Avx2;
use super::lanes::{Lanes, Machine, Plain};
use super::{BlockType, floats, k_quants, packed, simple};

/// Products of a weight and an activation that are worth a task of their own: some 30 µs.
const TASK: usize = 1 << 18;
/// Tasks for each thread, so that threads that are held up leave their share to others.
const TASKS_PER_THREAD: usize = 4;

/// Rows of weights, one after the other.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    F32(&'a [f32]),
    Blocks(BlockType, &'a [u8]),
}

impl Rows<'_> {
    /// How many rows of `cols` weights there are; `None` when they are not whole.
    fn count(self, cols: usize) -> Option<usize> {
        let (len, row) = match self {
            Self::F32(weights) => (weights.len(), cols),
            Self::Blocks(kind, bytes) => (bytes.len(), kind.row_bytes(cols)?),
        };
        (row > 0 && len.is_multiple_of(row)).then(|| len / row)
    }
}

/// `y[t, row] = Σ_k W[row, k] · x[t, k]` for a few tokens: W `[rows, cols]`, x `[tokens, cols]`, `y` `[tokens, rows]`,
/// whose rows start `y_stride` elements apart. Panics when a slice does not have the length that its shape needs.
///
/// Activations stay in f32, and sums are of f32 in a fixed order: a token's result is the same bit for bit on any
/// number of threads and whatever tokens come with it. It is meant for up to eight: for many tokens, a matrix product
/// with weights that were expanded once is faster.
pub fn dot_rows(rows: Rows<'_>, cols: usize, x: &[f32], tokens: usize, y: &mut [f32], y_stride: usize) {
    dot_rows_on(Machine::detect(), rows, cols, x, tokens, y, y_stride);
}

pub(super) fn dot_rows_on(
    machine: Machine,
    rows: Rows<'_>,
    cols: usize,
    x: &[f32],
    tokens: usize,
    y: &mut [f32],
    y_stride: usize,
) {
    let count = rows.count(cols);
    assert!(count.is_some(), "the weights are not whole rows of {cols}");
    let count = count.unwrap_or_default();
    assert_eq!(Some(x.len()), tokens.checked_mul(cols), "activations of {tokens} tokens of {cols}");
    let last = tokens.checked_sub(1).map(|last| last * y_stride + count);
    assert!(count <= y_stride && last.is_none_or(|end| end <= y.len()), "the output is shorter than its shape");
    let call = Call { machine, cols, x, tokens, sums: Vec::new() };
    match rows {
        Rows::F32(weights) => call.run::<Floats<floats::F32>>(weights, y, y_stride),
        Rows::Blocks(kind, bytes) => call.run_blocks(kind, bytes, y, y_stride),
    }
}

/// One type of row.
trait Row {
    type Stored: Sync;
    /// Activations in a group whose sum [`Row::dot`] needs.
    const SUMMED: Option<usize>;

    /// Elements stored for `cols` weights.
    fn stored(cols: usize) -> usize;
    /// The products of one row with the activations of `T` tokens, and with the sums of their groups.
    fn dot<S: Lanes, const T: usize>(s: S, row: &[Self::Stored], x: [&[f32]; T], sums: [&[f32]; T]) -> [f32; T];
}

struct Floats<F>(PhantomData<F>);

impl<F: floats::Float> Row for Floats<F> {
    type Stored = F::Stored;
    const SUMMED: Option<usize> = None;

    fn stored(cols: usize) -> usize {
        cols
    }

    #[inline(always)]
    fn dot<S: Lanes, const T: usize>(s: S, row: &[F::Stored], x: [&[f32]; T], _: [&[f32]; T]) -> [f32; T] {
        floats::dot::<S, F, T>(s, row, x)
    }
}

struct Blocks<P>(PhantomData<P>);

impl<P: packed::Packed> Row for Blocks<P> {
    type Stored = u8;
    const SUMMED: Option<usize> = if P::HAS_LOWS { Some(P::GROUP) } else { None };

    fn stored(cols: usize) -> usize {
        cols / P::LEN * P::BYTES
    }

    #[inline(always)]
    fn dot<S: Lanes, const T: usize>(s: S, row: &[u8], x: [&[f32]; T], sums: [&[f32]; T]) -> [f32; T] {
        packed::dot::<S, P, T>(s, row, x, sums)
    }
}

/// What all rows are multiplied with.
struct Call<'a> {
    machine: Machine,
    cols: usize,
    /// `[tokens, cols]`.
    x: &'a [f32],
    tokens: usize,
    /// `[tokens, groups]`, empty where the type of the rows has no use for them.
    sums: Vec<f32>,
}

impl Call<'_> {
    fn run_blocks(self, kind: BlockType, bytes: &[u8], y: &mut [f32], y_stride: usize) {
        match kind {
            BlockType::F16 => self.run::<Floats<floats::F16>>(bytes.as_chunks().0, y, y_stride),
            BlockType::BF16 => self.run::<Floats<floats::BF16>>(bytes.as_chunks().0, y, y_stride),
            BlockType::Q4_0 => self.run::<Blocks<simple::Q4_0>>(bytes, y, y_stride),
            BlockType::Q4_1 => self.run::<Blocks<simple::Q4_1>>(bytes, y, y_stride),
            BlockType::Q5_0 => self.run::<Blocks<simple::Q5_0>>(bytes, y, y_stride),
            BlockType::Q5_1 => self.run::<Blocks<simple::Q5_1>>(bytes, y, y_stride),
            BlockType::Q8_0 => self.run::<Blocks<simple::Q8_0>>(bytes, y, y_stride),
            BlockType::Q2K => self.run::<Blocks<k_quants::Q2K>>(bytes, y, y_stride),
            BlockType::Q3K => self.run::<Blocks<k_quants::Q3K>>(bytes, y, y_stride),
            BlockType::Q4K => self.run::<Blocks<k_quants::Q4K>>(bytes, y, y_stride),
            BlockType::Q5K => self.run::<Blocks<k_quants::Q5K>>(bytes, y, y_stride),
            BlockType::Q6K => self.run::<Blocks<k_quants::Q6K>>(bytes, y, y_stride),
        }
    }

    /// Splits the rows into tasks; how does not change a result, because each row is summed on its own.
    fn run<R: Row>(mut self, weights: &[R::Stored], y: &mut [f32], y_stride: usize) {
        if let Some(group) = R::SUMMED {
            self.sums = self.x.chunks_exact(group).map(|x| x.iter().sum()).collect();
        }
        let row = R::stored(self.cols);
        let rows = weights.len() / row;
        if rows == 0 {
            return;
        }
        let most = TASKS_PER_THREAD * rayon::current_num_threads();
        let tasks = (rows * self.cols * self.tokens / TASK).clamp(1, most);
        let per_task = rows.div_ceil(tasks);
        let mut parts: Vec<Vec<&mut [f32]>> = (0..rows.div_ceil(per_task)).map(|_| Vec::new()).collect();
        for y in y.chunks_mut(y_stride).take(self.tokens) {
            for (part, y) in parts.iter_mut().zip(y[..rows].chunks_mut(per_task)) {
                part.push(y);
            }
        }
        if let [y] = &mut parts[..] {
            return self.task::<R>(weights, y);
        }
        let tasks = parts.into_par_iter().zip(weights.par_chunks(per_task * row));
        tasks.for_each(|(mut y, weights)| self.task::<R>(weights, &mut y));
    }

    /// Some rows on this thread; `y` has their results, one slice for each token.
    fn task<R: Row>(&self, weights: &[R::Stored], y: &mut [&mut [f32]]) {
        match self.machine {
            Machine::Plain => self.task_on::<Plain, R>(Plain, weights, y),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the instructions exist, because a value of `Avx2` does.
            Machine::Avx2(avx2) => unsafe { self.task_with_avx2::<R>(avx2, weights, y) },
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,f16c")]
    fn task_with_avx2<R: Row>(&self, s: Avx2, weights: &[R::Stored], y: &mut [&mut [f32]]) {
        self.task_on::<Avx2, R>(s, weights, y);
    }

    #[inline(always)]
    fn task_on<S: Lanes, R: Row>(&self, s: S, weights: &[R::Stored], y: &mut [&mut [f32]]) {
        for (at, row) in weights.chunks_exact(R::stored(self.cols)).enumerate() {
            let mut first = 0;
            while first + 4 <= self.tokens {
                self.tokens_on::<S, R, 4>(s, row, first, at, y);
                first += 4;
            }
            if first + 2 <= self.tokens {
                self.tokens_on::<S, R, 2>(s, row, first, at, y);
                first += 2;
            }
            if first < self.tokens {
                self.tokens_on::<S, R, 1>(s, row, first, at, y);
            }
        }
    }

    /// The row at `at` for `T` tokens from `first` on.
    #[inline(always)]
    fn tokens_on<S: Lanes, R: Row, const T: usize>(
        &self,
        s: S,
        row: &[R::Stored],
        first: usize,
        at: usize,
        y: &mut [&mut [f32]],
    ) {
        let groups = R::SUMMED.map_or(0, |group| self.cols / group);
        let (mut x, mut sums) = ([&[][..]; T], [&[][..]; T]);
        for t in 0..T {
            x[t] = &self.x[(first + t) * self.cols..(first + t + 1) * self.cols];
            sums[t] = &self.sums[(first + t) * groups..(first + t + 1) * groups];
        }
        let results = R::dot::<S, T>(s, row, x, sums);
        for t in 0..T {
            y[first + t][at] = results[t];
        }
    }
}
