//! What all blocks of integers share: weights are `scale · code`, or `scale · code + low`, in groups of 16 or 32.

use super::lanes::{LANES, Lanes};

/// Weights in the longest block.
const LONGEST: usize = 256;
/// Groups in the longest block.
const GROUPS: usize = 16;

/// One block taken apart. Shorter blocks use the first elements of each array.
pub(super) struct Unpacked {
    /// One integer for each weight, in the order of the weights.
    pub codes: [i8; LONGEST],
    /// One scale for each group.
    pub scales: [f32; GROUPS],
    /// What a code of zero stands for, one for each group, where the type has it.
    pub lows: [f32; GROUPS],
}

impl Unpacked {
    #[inline(always)]
    fn new() -> Self {
        Self { codes: [0; LONGEST], scales: [0.0; GROUPS], lows: [0.0; GROUPS] }
    }
}

/// The layout of one type of block.
pub(super) trait Packed {
    /// Weights in a block.
    const LEN: usize;
    /// Bytes of a block.
    const BYTES: usize;
    /// Weights that share a scale: 16 or 32.
    const GROUP: usize;
    /// Whether weights have a lowest value besides their scale.
    const HAS_LOWS: bool;

    /// Takes one block of `BYTES` bytes apart.
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked);
}

/// The weights of whole blocks as f32. Multiplication and addition are rounded apart, as in candle.
#[inline(always)]
pub(super) fn expand<S: Lanes, P: Packed>(s: S, blocks: &[u8], out: &mut [f32]) {
    let mut unpacked = Unpacked::new();
    for (block, out) in blocks.chunks_exact(P::BYTES).zip(out.chunks_exact_mut(P::LEN)) {
        P::unpack(s, block, &mut unpacked);
        let codes = unpacked.codes.chunks_exact(P::GROUP);
        for (group, (out, codes)) in out.chunks_exact_mut(P::GROUP).zip(codes).enumerate() {
            let (scale, low) = (s.splat(unpacked.scales[group]), s.splat(unpacked.lows[group]));
            for (out, codes) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(codes.as_chunks::<LANES>().0) {
                let scaled = s.mul(s.integers(codes), scale);
                s.store(if P::HAS_LOWS { s.add(scaled, low) } else { scaled }, out);
            }
        }
    }
}

/// The product of one row with the activations of `T` tokens.
///
/// `Σ_k w_k x_k = Σ_groups scale · Σ code_k x_k + low · Σ x_k`, where `sums` holds `Σ x_k` of every group of each
/// token. A token's result does not depend on the others.
#[inline(always)]
pub(super) fn dot<S: Lanes, P: Packed, const T: usize>(
    s: S,
    row: &[u8],
    x: [&[f32]; T],
    sums: [&[f32]; T],
) -> [f32; T] {
    let mut unpacked = Unpacked::new();
    let mut total = [s.splat(0.0); T];
    let mut low = [[0f32; GROUPS]; T];
    let groups = P::LEN / P::GROUP;
    for (i, block) in row.chunks_exact(P::BYTES).enumerate() {
        P::unpack(s, block, &mut unpacked);
        for group in 0..groups {
            let scale = s.splat(unpacked.scales[group]);
            let at = group * P::GROUP;
            let codes = unpacked.codes[at..at + P::GROUP].as_chunks::<LANES>().0;
            for t in 0..T {
                let x = &x[t][i * P::LEN..(i + 1) * P::LEN][at..at + P::GROUP];
                let part = group_dot(s, codes, x.as_chunks::<LANES>().0);
                total[t] = s.mul_add(part, scale, total[t]);
            }
        }
        if P::HAS_LOWS {
            for t in 0..T {
                let sums = &sums[t][i * groups..(i + 1) * groups];
                for group in 0..groups {
                    low[t][group] += unpacked.lows[group] * sums[group];
                }
            }
        }
    }
    let mut y = [0f32; T];
    for t in 0..T {
        y[t] = s.sum(total[t]) + low[t][..groups].iter().sum::<f32>();
    }
    y
}

/// `Σ code_k x_k` of one group, spread over the lanes: two or four vectors, even ones and odd ones summed apart.
#[inline(always)]
fn group_dot<S: Lanes>(s: S, codes: &[[i8; LANES]], x: &[[f32; LANES]]) -> S::Vector {
    let mut even = s.mul(s.integers(&codes[0]), s.load(&x[0]));
    let mut odd = s.mul(s.integers(&codes[1]), s.load(&x[1]));
    if codes.len() == 4 {
        even = s.mul_add(s.integers(&codes[2]), s.load(&x[2]), even);
        odd = s.mul_add(s.integers(&codes[3]), s.load(&x[3]), odd);
    }
    s.add(even, odd)
}
