//! Stored weights to f32.

#[cfg(target_arch = "x86_64")]
use super::lanes::Avx2;
use super::lanes::{Lanes, Machine, Plain};
use super::{BlockType, floats, k_quants, packed, simple};

/// Expands whole blocks, `[n / block_len]` of them, to f32: `out` `[n]`. The values are those that candle's own
/// conversion gives, bit for bit. Panics when `out` is not exactly as long as the weights in `bytes`.
pub fn expand(kind: BlockType, bytes: &[u8], out: &mut [f32]) {
    expand_on(Machine::detect(), kind, bytes, out);
}

pub(super) fn expand_on(machine: Machine, kind: BlockType, bytes: &[u8], out: &mut [f32]) {
    assert_eq!(kind.row_bytes(out.len()), Some(bytes.len()), "bytes of {} weights of type {}", out.len(), kind.name());
    match machine {
        Machine::Plain => blocks(Plain, kind, bytes, out),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the instructions exist, because a value of `Avx2` does.
        Machine::Avx2(avx2) => unsafe { with_avx2(avx2, kind, bytes, out) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn with_avx2(s: Avx2, kind: BlockType, bytes: &[u8], out: &mut [f32]) {
    blocks(s, kind, bytes, out);
}

#[inline(always)]
fn blocks<S: Lanes>(s: S, kind: BlockType, bytes: &[u8], out: &mut [f32]) {
    match kind {
        BlockType::F16 => floats::expand::<S, floats::F16>(s, bytes.as_chunks().0, out),
        BlockType::BF16 => floats::expand::<S, floats::BF16>(s, bytes.as_chunks().0, out),
        BlockType::Q4_0 => packed::expand::<S, simple::Q4_0>(s, bytes, out),
        BlockType::Q4_1 => packed::expand::<S, simple::Q4_1>(s, bytes, out),
        BlockType::Q5_0 => packed::expand::<S, simple::Q5_0>(s, bytes, out),
        BlockType::Q5_1 => packed::expand::<S, simple::Q5_1>(s, bytes, out),
        BlockType::Q8_0 => packed::expand::<S, simple::Q8_0>(s, bytes, out),
        BlockType::Q2K => packed::expand::<S, k_quants::Q2K>(s, bytes, out),
        BlockType::Q3K => packed::expand::<S, k_quants::Q3K>(s, bytes, out),
        BlockType::Q4K => packed::expand::<S, k_quants::Q4K>(s, bytes, out),
        BlockType::Q5K => packed::expand::<S, k_quants::Q5K>(s, bytes, out),
        BlockType::Q6K => packed::expand::<S, k_quants::Q6K>(s, bytes, out),
    }
}
