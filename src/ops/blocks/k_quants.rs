//! Blocks of 256 weights with a scale of their own for each 16 or 32 (ggml's `block_q2_K` … `block_q6_K`).
//!
//! The scales of the groups are small integers too, times the block's own f16.

use super::lanes::{LANES, Lanes};
use super::packed::{Packed, Unpacked};
use super::simple::nibbles;

/// 16 bytes of scale and minimum in four bits each, 64 bytes of four codes each, f16 of the scales and of the minima.
pub(super) struct Q2K;

impl Packed for Q2K {
    const LEN: usize = 256;
    const BYTES: usize = 84;
    const GROUP: usize = 16;
    const HAS_LOWS: bool = true;

    #[inline(always)]
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked) {
        let mut factors = [0i8; 32];
        nibbles(&block[..16], &mut factors, 0);
        let [scale, minimum] = s.f16_pair([block[80], block[81], block[82], block[83]]);
        scaled(s, &factors[..16], scale, &mut out.scales);
        scaled(s, &factors[16..], -minimum, &mut out.lows);
        for (bytes, codes) in block[16..80].chunks_exact(32).zip(out.codes.chunks_exact_mut(128)) {
            two_bits::<0>(bytes, &mut codes[..32]);
            two_bits::<2>(bytes, &mut codes[32..64]);
            two_bits::<4>(bytes, &mut codes[64..96]);
            two_bits::<6>(bytes, &mut codes[96..]);
        }
    }
}

/// 32 bytes of highest bits, 64 bytes of four times two lower bits, 12 bytes of scales, f16 of the scales; codes −4
/// to 3.
pub(super) struct Q3K;

impl Packed for Q3K {
    const LEN: usize = 256;
    const BYTES: usize = 110;
    const GROUP: usize = 16;
    const HAS_LOWS: bool = false;

    #[inline(always)]
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked) {
        scaled(s, &six_bit_scales(&block[96..108]), s.f16([block[108], block[109]]), &mut out.scales);
        let (high, low) = (&block[..32], &block[32..96]);
        let (first, second) = out.codes.split_at_mut(128);
        three_bits::<0, 0>(&low[..32], high, &mut first[..32]);
        three_bits::<2, 1>(&low[..32], high, &mut first[32..64]);
        three_bits::<4, 2>(&low[..32], high, &mut first[64..96]);
        three_bits::<6, 3>(&low[..32], high, &mut first[96..]);
        three_bits::<0, 4>(&low[32..], high, &mut second[..32]);
        three_bits::<2, 5>(&low[32..], high, &mut second[32..64]);
        three_bits::<4, 6>(&low[32..], high, &mut second[64..96]);
        three_bits::<6, 7>(&low[32..], high, &mut second[96..]);
    }
}

/// f16 of the scales and of the minima, 12 bytes of both, 128 bytes of two codes each.
pub(super) struct Q4K;

impl Packed for Q4K {
    const LEN: usize = 256;
    const BYTES: usize = 144;
    const GROUP: usize = 32;
    const HAS_LOWS: bool = true;

    #[inline(always)]
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked) {
        scales_and_lows(s, &block[..16], out);
        for (bytes, codes) in block[16..144].chunks_exact(32).zip(out.codes.chunks_exact_mut(64)) {
            nibbles(bytes, codes, 0);
        }
    }
}

/// f16 of the scales and of the minima, 12 bytes of both, 32 bytes of highest bits, 128 bytes of two times four lower.
pub(super) struct Q5K;

impl Packed for Q5K {
    const LEN: usize = 256;
    const BYTES: usize = 176;
    const GROUP: usize = 32;
    const HAS_LOWS: bool = true;

    #[inline(always)]
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked) {
        scales_and_lows(s, &block[..16], out);
        let (high, low) = (&block[16..48], &block[48..176]);
        five_bits::<0, 1>(&low[..32], high, &mut out.codes[..64]);
        five_bits::<2, 3>(&low[32..64], high, &mut out.codes[64..128]);
        five_bits::<4, 5>(&low[64..96], high, &mut out.codes[128..192]);
        five_bits::<6, 7>(&low[96..], high, &mut out.codes[192..]);
    }
}

/// 128 bytes of two times four lower bits, 64 bytes of four times two higher, 16 signed scales, f16 of the scales;
/// codes −32 to 31.
pub(super) struct Q6K;

impl Packed for Q6K {
    const LEN: usize = 256;
    const BYTES: usize = 210;
    const GROUP: usize = 16;
    const HAS_LOWS: bool = false;

    #[inline(always)]
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked) {
        let mut factors = [0i8; 16];
        for (factor, byte) in factors.iter_mut().zip(&block[192..208]) {
            *factor = *byte as i8;
        }
        scaled(s, &factors, s.f16([block[208], block[209]]), &mut out.scales);
        let halves = block[..128].chunks_exact(64).zip(block[128..192].chunks_exact(32));
        for ((low, high), codes) in halves.zip(out.codes.chunks_exact_mut(128)) {
            let (first, second) = codes.split_at_mut(64);
            for l in 0..32 {
                first[l] = ((low[l] & 15) | ((high[l] & 3) << 4)) as i8 - 32;
                first[l + 32] = ((low[l + 32] & 15) | ((high[l] & 0x0c) << 2)) as i8 - 32;
                second[l] = ((low[l] >> 4) | (high[l] & 0x30)) as i8 - 32;
                second[l + 32] = ((low[l + 32] >> 4) | ((high[l] & 0xc0) >> 2)) as i8 - 32;
            }
        }
    }
}

/// `unit` times each factor.
#[inline(always)]
fn scaled<S: Lanes>(s: S, factors: &[i8], unit: f32, out: &mut [f32]) {
    for (out, factors) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(factors.as_chunks::<LANES>().0) {
        s.store(s.mul(s.splat(unit), s.integers(factors)), out);
    }
}

/// The scales and minima of `Q4K` and `Q5K`, from two f16 and 12 bytes: eight scales and eight minima of six bits. The
/// first four of each lie in the lower six bits of their bytes; the others have four bits in the last bytes, and their
/// upper two above the first four.
#[inline(always)]
fn scales_and_lows<S: Lanes>(s: S, head: &[u8], out: &mut Unpacked) {
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (scales, mins, rest) = (word(4), word(8), word(12));
    let upper = |word: u32| (word >> 2) & 0x3030_3030;
    let scales = [scales & 0x3f3f_3f3f, (rest & 0x0f0f_0f0f) | upper(scales)];
    let mins = [mins & 0x3f3f_3f3f, ((rest >> 4) & 0x0f0f_0f0f) | upper(mins)];
    let [scale, minimum] = s.f16_pair([head[0], head[1], head[2], head[3]]);
    scaled(s, &bytes(scales), scale, &mut out.scales[..LANES]);
    scaled(s, &bytes(mins), -minimum, &mut out.lows[..LANES]);
}

/// Two words as eight factors.
#[inline(always)]
fn bytes([first, second]: [u32; 2]) -> [i8; LANES] {
    (u64::from(first) | (u64::from(second) << 32)).to_le_bytes().map(|byte| byte as i8)
}

/// The 16 scales of `Q3K`: four lower bits in 8 bytes, upper two in 4 bytes; less 32.
#[inline(always)]
fn six_bit_scales(bytes: &[u8]) -> [i8; 16] {
    let mut scales = [0i8; 16];
    for i in 0..4 {
        let upper = bytes[8 + i];
        scales[i] = ((bytes[i] & 15) | ((upper & 0x03) << 4)) as i8 - 32;
        scales[i + 4] = ((bytes[i + 4] & 15) | ((upper & 0x0c) << 2)) as i8 - 32;
        scales[i + 8] = ((bytes[i] >> 4) | (upper & 0x30)) as i8 - 32;
        scales[i + 12] = ((bytes[i + 4] >> 4) | ((upper & 0xc0) >> 2)) as i8 - 32;
    }
    scales
}

#[inline(always)]
fn two_bits<const SHIFT: u32>(bytes: &[u8], codes: &mut [i8]) {
    for (code, byte) in codes.iter_mut().zip(bytes) {
        *code = ((byte >> SHIFT) & 3) as i8;
    }
}

/// Two bits from `low`, and 4 less where the bit of `high` is not set.
#[inline(always)]
fn three_bits<const SHIFT: u32, const BIT: u32>(low: &[u8], high: &[u8], codes: &mut [i8]) {
    for ((code, low), high) in codes.iter_mut().zip(low).zip(high) {
        *code = (((low >> SHIFT) & 3) | (((high >> BIT) & 1) << 2)) as i8 - 4;
    }
}

/// The lower halves of all bytes with their fifth bit, then the upper halves with theirs.
#[inline(always)]
fn five_bits<const LOWER: u32, const UPPER: u32>(low: &[u8], high: &[u8], codes: &mut [i8]) {
    let (lower, upper) = codes.split_at_mut(32);
    for i in 0..32 {
        lower[i] = ((low[i] & 15) | (((high[i] >> LOWER) & 1) << 4)) as i8;
        upper[i] = ((low[i] >> 4) | (((high[i] >> UPPER) & 1) << 4)) as i8;
    }
}
