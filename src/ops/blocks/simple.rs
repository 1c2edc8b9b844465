//! Blocks of 32 weights with one scale, in some types also a lowest value (ggml's `block_q4_0` … `block_q8_0`).

use super::lanes::Lanes;
use super::packed::{Packed, Unpacked};

/// f16 scale, 16 bytes of two codes each; codes from −8 to 7.
pub(super) struct Q4_0;

impl Packed for Q4_0 {
    const LEN: usize = 32;
    const BYTES: usize = 18;
    const GROUP: usize = 32;
    const HAS_LOWS: bool = false;

    #[inline(always)]
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked) {
        out.scales[0] = s.f16([block[0], block[1]]);
        nibbles(&block[2..18], &mut out.codes[..32], 8);
    }
}

/// f16 scale, f16 lowest value, 16 bytes of two codes each; codes from 0 to 15.
pub(super) struct Q4_1;

impl Packed for Q4_1 {
    const LEN: usize = 32;
    const BYTES: usize = 20;
    const GROUP: usize = 32;
    const HAS_LOWS: bool = true;

    #[inline(always)]
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked) {
        [out.scales[0], out.lows[0]] = s.f16_pair([block[0], block[1], block[2], block[3]]);
        nibbles(&block[4..20], &mut out.codes[..32], 0);
    }
}

/// f16 scale, 32 highest bits, 16 bytes of two times four lower bits; codes from −16 to 15.
pub(super) struct Q5_0;

impl Packed for Q5_0 {
    const LEN: usize = 32;
    const BYTES: usize = 22;
    const GROUP: usize = 32;
    const HAS_LOWS: bool = false;

    #[inline(always)]
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked) {
        out.scales[0] = s.f16([block[0], block[1]]);
        nibbles(&block[6..22], &mut out.codes[..32], 16);
        add_fifth_bits(&block[2..6], &mut out.codes[..32]);
    }
}

/// f16 scale, f16 lowest value, 32 highest bits, 16 bytes of two times four lower bits; codes from 0 to 31.
pub(super) struct Q5_1;

impl Packed for Q5_1 {
    const LEN: usize = 32;
    const BYTES: usize = 24;
    const GROUP: usize = 32;
    const HAS_LOWS: bool = true;

    #[inline(always)]
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked) {
        [out.scales[0], out.lows[0]] = s.f16_pair([block[0], block[1], block[2], block[3]]);
        nibbles(&block[8..24], &mut out.codes[..32], 0);
        add_fifth_bits(&block[4..8], &mut out.codes[..32]);
    }
}

/// f16 scale, 32 signed bytes.
pub(super) struct Q8_0;

impl Packed for Q8_0 {
    const LEN: usize = 32;
    const BYTES: usize = 34;
    const GROUP: usize = 32;
    const HAS_LOWS: bool = false;

    #[inline(always)]
    fn unpack<S: Lanes>(s: S, block: &[u8], out: &mut Unpacked) {
        out.scales[0] = s.f16([block[0], block[1]]);
        for (code, byte) in out.codes[..32].iter_mut().zip(&block[2..34]) {
            *code = *byte as i8;
        }
    }
}

/// The lower halves of all bytes, then their upper halves, less `zero`.
#[inline(always)]
pub(super) fn nibbles(bytes: &[u8], codes: &mut [i8], zero: i8) {
    let (lower, upper) = codes.split_at_mut(bytes.len());
    for ((lower, upper), byte) in lower.iter_mut().zip(upper).zip(bytes) {
        *lower = (byte & 15) as i8 - zero;
        *upper = (byte >> 4) as i8 - zero;
    }
}

/// Adds 16 to each code whose bit is set, in the order of the bits.
#[inline(always)]
fn add_fifth_bits(bits: &[u8], codes: &mut [i8]) {
    for (byte, codes) in bits.iter().zip(codes.as_chunks_mut::<8>().0) {
        // Copies of the byte, the i-th of which keeps bit i; adding 127 carries it to the top of its copy.
        let one_each = (u64::from(*byte) * 0x0101_0101_0101_0101) & 0x8040_2010_0804_0201;
        let at_top = (one_each + 0x7f7f_7f7f_7f7f_7f7f) & 0x8080_8080_8080_8080;
        for (code, sixteen) in codes.iter_mut().zip((at_top >> 3).to_le_bytes()) {
            *code += sixteen as i8;
        }
    }
}
