//! Loops over rows, compiled for the vectors that the processor has.

/// Elements taken side by side.
const LANES: usize = 16;

/// Runs `work` as it was compiled for the widest vectors of this processor. Results are the same bit for bit: only how many
/// elements are taken at once differs, since no sum or product is ever reordered or fused by the compiler.
#[inline(always)]
pub(super) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// The largest element; NaN is passed over. Minus infinity for none.
#[inline(always)]
pub(super) fn max(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane = larger(*lane, *value));
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger)
}

/// The sum, in lanes that are added up at the end.
#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0f32; LANES];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane += value);
    }
    lanes.iter().chain(rest).sum()
}

/// The sum of products, in lanes that are added up at the end.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(lane, (a, b))| *lane += a * b);
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
    lanes.iter().sum::<f32>() + rest.sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 37 % 101) as f32 - 50.0) * 0.25).collect()
    }

    #[test]
    fn lanes_give_what_one_element_after_the_other_gives() {
        for len in [0, 1, 15, 16, 17, 100] {
            let (a, b) = (row(len), row(len + 3).split_off(3));
            // Quarters of small whole numbers add up without rounding.
            assert_eq!(sum(&a), a.iter().sum::<f32>());
            assert_eq!(dot(&a, &b), a.iter().zip(&b).map(|(a, b)| a * b).sum::<f32>());
            assert_eq!(max(&a), a.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
        assert_eq!(max(&[1.0, f32::NAN, 3.0]), 3.0);
        assert!(sum(&[1.0, f32::NAN]).is_nan());
    }

    #[test]
    fn vectors_change_no_bit() {
        let double = |x: &mut Vec<f32>| x.iter_mut().for_each(|x| *x = *x * 1.1 + 0.3);
        let (mut wide, mut plain) = (row(1000), row(1000));
        vectorised(|| double(&mut wide));
        double(&mut plain);
        assert_eq!(wide, plain);
    }
}
