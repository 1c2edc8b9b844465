//! Rows whose weights each stand for themselves: f32, f16, bf16.

use super::lanes::{LANES, Lanes};

/// Vectors whose products are summed before they join the total.
const RUN: usize = 4;

/// One type of weight.
pub(super) trait Float {
    type Stored: Copy + Sync;

    fn vector<S: Lanes>(s: S, stored: &[Self::Stored; LANES]) -> S::Vector;
    /// A number that [`Float::vector`] makes 0.
    const ZERO: Self::Stored;
}

pub(super) struct F32;

impl Float for F32 {
    type Stored = f32;
    const ZERO: f32 = 0.0;

    #[inline(always)]
    fn vector<S: Lanes>(s: S, stored: &[f32; LANES]) -> S::Vector {
        s.load(stored)
    }
}

pub(super) struct F16;

impl Float for F16 {
    type Stored = [u8; 2];
    const ZERO: [u8; 2] = [0; 2];

    #[inline(always)]
    fn vector<S: Lanes>(s: S, stored: &[[u8; 2]; LANES]) -> S::Vector {
        s.f16s(stored)
    }
}

pub(super) struct BF16;

impl Float for BF16 {
    type Stored = [u8; 2];
    const ZERO: [u8; 2] = [0; 2];

    #[inline(always)]
    fn vector<S: Lanes>(s: S, stored: &[[u8; 2]; LANES]) -> S::Vector {
        s.bf16s(stored)
    }
}

/// Weights as f32.
#[inline(always)]
pub(super) fn expand<S: Lanes, F: Float>(s: S, stored: &[F::Stored], out: &mut [f32]) {
    let (vectors, rest) = stored.as_chunks::<LANES>();
    let (out, out_rest) = out.as_chunks_mut::<LANES>();
    for (stored, out) in vectors.iter().zip(out) {
        s.store(F::vector(s, stored), out);
    }
    let mut last = [0f32; LANES];
    s.store(F::vector(s, &padded(rest, F::ZERO)), &mut last);
    out_rest.copy_from_slice(&last[..rest.len()]);
}

/// The product of one row with the activations of `T` tokens. A token's result does not depend on the others.
#[inline(always)]
pub(super) fn dot<S: Lanes, F: Float, const T: usize>(s: S, row: &[F::Stored], x: [&[f32]; T]) -> [f32; T] {
    let (runs, rest) = row.as_chunks::<{ RUN * LANES }>();
    let mut total = [s.splat(0.0); T];
    for (i, run) in runs.iter().enumerate() {
        let run = run.as_chunks::<LANES>().0;
        for t in 0..T {
            let x = x[t][i * RUN * LANES..(i + 1) * RUN * LANES].as_chunks::<LANES>().0;
            let even = s.mul(F::vector(s, &run[0]), s.load(&x[0]));
            let odd = s.mul(F::vector(s, &run[1]), s.load(&x[1]));
            let even = s.mul_add(F::vector(s, &run[2]), s.load(&x[2]), even);
            let odd = s.mul_add(F::vector(s, &run[3]), s.load(&x[3]), odd);
            total[t] = s.add(total[t], s.add(even, odd));
        }
    }
    let start = row.len() - rest.len();
    for (i, rest) in rest.chunks(LANES).enumerate() {
        let weights = F::vector(s, &padded(rest, F::ZERO));
        for t in 0..T {
            let at = start + i * LANES;
            let x = padded(&x[t][at..at + rest.len()], 0.0);
            total[t] = s.mul_add(weights, s.load(&x), total[t]);
        }
    }
    let mut y = [0f32; T];
    for t in 0..T {
        y[t] = s.sum(total[t]);
    }
    y
}

/// The elements, at most a vector of them, and zeros after them.
#[inline(always)]
fn padded<E: Copy>(elements: &[E], zero: E) -> [E; LANES] {
    let mut vector = [zero; LANES];
    vector[..elements.len()].copy_from_slice(elements);
    vector
}
