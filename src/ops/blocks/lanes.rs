//! Eight f32 at once, on two machines: plain Rust, and AVX2 with FMA and F16C.
//!
//! Kernels are written once, over [`Lanes`], as functions that are always inlined. Each is compiled for both machines,
//! inside a function that enables the instructions of the second, and detection at run time chooses. They pass no
//! vector through a closure, say of `map`: the function that calls it is compiled without those instructions.

use half::slice::HalfFloatSliceExt;

/// Lanes of a vector.
pub(super) const LANES: usize = 8;

/// The operations that kernels are made of. Only [`Lanes::mul_add`] may round differently from machine to machine.
pub(super) trait Lanes: Copy + Send + Sync {
    type Vector: Copy;

    fn splat(self, x: f32) -> Self::Vector;
    fn load(self, x: &[f32; LANES]) -> Self::Vector;
    fn store(self, x: Self::Vector, to: &mut [f32; LANES]);
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a · b + c`, rounded once or twice.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Integers as f32.
    fn integers(self, x: &[i8; LANES]) -> Self::Vector;
    /// One f16, little endian.
    fn f16(self, x: [u8; 2]) -> f32;
    /// Two f16 side by side, little endian, in one conversion.
    fn f16_pair(self, x: [u8; 4]) -> [f32; 2];
    /// f16 as f32, little endian.
    fn f16s(self, x: &[[u8; 2]; LANES]) -> Self::Vector;
    /// bf16 as f32, little endian.
    fn bf16s(self, x: &[[u8; 2]; LANES]) -> Self::Vector;

    /// The sum of all lanes, in an order of its own that is the same on every machine.
    #[inline(always)]
    fn sum(self, x: Self::Vector) -> f32 {
        let mut a = [0f32; LANES];
        self.store(x, &mut a);
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }
}

/// What a kernel runs on.
#[derive(Clone, Copy)]
pub(super) enum Machine {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

impl Machine {
    /// The best that this processor is. It is looked at once; later calls read what was found.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = Avx2::detect() {
            return Self::Avx2(avx2);
        }
        Self::Plain
    }
}

/// Any processor.
#[derive(Clone, Copy)]
pub(super) struct Plain;

/// One f32 for each lane.
#[inline(always)]
fn lanes(f: impl Fn(usize) -> f32) -> [f32; LANES] {
    let mut out = [0f32; LANES];
    for (lane, out) in out.iter_mut().enumerate() {
        *out = f(lane);
    }
    out
}

impl Lanes for Plain {
    type Vector = [f32; LANES];

    #[inline(always)]
    fn splat(self, x: f32) -> [f32; LANES] {
        [x; LANES]
    }

    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> [f32; LANES] {
        *x
    }

    #[inline(always)]
    fn store(self, x: [f32; LANES], to: &mut [f32; LANES]) {
        *to = x;
    }

    #[inline(always)]
    fn add(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        lanes(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn mul(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        lanes(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        lanes(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    fn integers(self, x: &[i8; LANES]) -> [f32; LANES] {
        lanes(|i| f32::from(x[i]))
    }

    #[inline(always)]
    fn f16(self, x: [u8; 2]) -> f32 {
        half::f16::from_le_bytes(x).to_f32()
    }

    #[inline(always)]
    fn f16_pair(self, [a, b, c, d]: [u8; 4]) -> [f32; 2] {
        [self.f16([a, b]), self.f16([c, d])]
    }

    #[inline(always)]
    fn f16s(self, x: &[[u8; 2]; LANES]) -> [f32; LANES] {
        let mut out = [0f32; LANES];
        x.map(half::f16::from_le_bytes).convert_to_f32_slice(&mut out);
        out
    }

    #[inline(always)]
    fn bf16s(self, x: &[[u8; 2]; LANES]) -> [f32; LANES] {
        lanes(|i| f32::from_bits(u32::from(u16::from_le_bytes(x[i])) << 16))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{LANES, Lanes};
    use std::arch::x86_64::*;

    /// A processor with AVX2, FMA and F16C; a value of this type exists only where they were detected.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2(());

    impl Avx2 {
        pub fn detect() -> Option<Self> {
            let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            (has && is_x86_feature_detected!("f16c")).then_some(Self(()))
        }
    }

    // SAFETY of every block below: the instructions exist, because a value of `Avx2` does; and each pointer comes from
    // a reference to an array of exactly the bytes that are read or written, with instructions that need no alignment.
    impl Lanes for Avx2 {
        type Vector = __m256;

        #[inline(always)]
        fn splat(self, x: f32) -> __m256 {
            // SAFETY: see above.
            unsafe { _mm256_set1_ps(x) }
        }

        #[inline(always)]
        fn load(self, x: &[f32; LANES]) -> __m256 {
            // SAFETY: see above, 32 bytes.
            unsafe { _mm256_loadu_ps(x.as_ptr()) }
        }

        #[inline(always)]
        fn store(self, x: __m256, to: &mut [f32; LANES]) {
            // SAFETY: see above, 32 bytes.
            unsafe { _mm256_storeu_ps(to.as_mut_ptr(), x) }
        }

        #[inline(always)]
        fn add(self, a: __m256, b: __m256) -> __m256 {
            // SAFETY: see above.
            unsafe { _mm256_add_ps(a, b) }
        }

        #[inline(always)]
        fn mul(self, a: __m256, b: __m256) -> __m256 {
            // SAFETY: see above.
            unsafe { _mm256_mul_ps(a, b) }
        }

        #[inline(always)]
        fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
            // SAFETY: see above.
            unsafe { _mm256_fmadd_ps(a, b, c) }
        }

        #[inline(always)]
        fn integers(self, x: &[i8; LANES]) -> __m256 {
            // SAFETY: see above, 8 bytes.
            unsafe { _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(x.as_ptr().cast()))) }
        }

        #[inline(always)]
        fn f16(self, x: [u8; 2]) -> f32 {
            // SAFETY: see above.
            unsafe { _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(u16::from_le_bytes(x))))) }
        }

        #[inline(always)]
        fn f16_pair(self, x: [u8; 4]) -> [f32; 2] {
            // SAFETY: see above.
            unsafe {
                let four = _mm_cvtph_ps(_mm_cvtsi32_si128(i32::from_le_bytes(x)));
                [_mm_cvtss_f32(four), _mm_cvtss_f32(_mm_movehdup_ps(four))]
            }
        }

        #[inline(always)]
        fn f16s(self, x: &[[u8; 2]; LANES]) -> __m256 {
            // SAFETY: see above, 16 bytes.
            unsafe { _mm256_cvtph_ps(_mm_loadu_si128(x.as_ptr().cast())) }
        }

        #[inline(always)]
        fn bf16s(self, x: &[[u8; 2]; LANES]) -> __m256 {
            // SAFETY: see above, 16 bytes.
            unsafe {
                let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(x.as_ptr().cast()));
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
            }
        }
    }
}
