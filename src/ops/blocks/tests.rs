use candle_core::quantized::{GgmlDType, QTensor, ggml_file};
use candle_core::{Device, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::dot::dot_rows_on;
use super::expand::expand_on;
use super::lanes::Machine;
use super::*;
use crate::ops::check::random;

const DTYPES: [GgmlDType; 12] = [
    GgmlDType::F16,
    GgmlDType::BF16,
    GgmlDType::Q4_0,
    GgmlDType::Q4_1,
    GgmlDType::Q5_0,
    GgmlDType::Q5_1,
    GgmlDType::Q8_0,
    GgmlDType::Q2K,
    GgmlDType::Q3K,
    GgmlDType::Q4K,
    GgmlDType::Q5K,
    GgmlDType::Q6K,
];

fn kinds() -> impl Iterator<Item = (BlockType, GgmlDType)> {
    DTYPES.into_iter().map(|dtype| (BlockType::try_from(dtype).unwrap(), dtype))
}

/// Rows of random weights, as candle stores them.
fn quantised(dtype: GgmlDType, rows: usize, cols: usize) -> Result<Vec<u8>> {
    Ok(QTensor::quantize(&random((rows, cols), 3), dtype)?.data()?.into_owned())
}

/// Where the f16 numbers of a block lie.
fn f16_offsets(kind: BlockType) -> &'static [usize] {
    match kind {
        BlockType::F16 | BlockType::BF16 => &[],
        BlockType::Q4_0 | BlockType::Q5_0 | BlockType::Q8_0 => &[0],
        BlockType::Q4_1 | BlockType::Q5_1 | BlockType::Q4K | BlockType::Q5K => &[0, 2],
        BlockType::Q2K => &[80, 82],
        BlockType::Q3K => &[108],
        BlockType::Q6K => &[208],
    }
}

/// Blocks of random bits whose scales are finite, of either sign.
fn random_blocks(kind: BlockType, blocks: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut bytes: Vec<u8> = (0..blocks * kind.block_bytes()).map(|_| rng.random()).collect();
    for block in bytes.chunks_exact_mut(kind.block_bytes()) {
        for at in f16_offsets(kind) {
            let scale = half::f16::from_f32(rng.random_range(-2.0..2.0));
            block[*at..at + 2].copy_from_slice(&scale.to_le_bytes());
        }
    }
    bytes
}

fn by_candle(dtype: GgmlDType, bytes: &[u8], len: usize) -> Result<Vec<f32>> {
    let device = Device::Cpu;
    ggml_file::qtensor_from_ggml(dtype, bytes, vec![len], &device)?.dequantize(&device)?.to_vec1()
}

fn assert_same_bits(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len());
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()), "{what}, weight {i}: {a} and {b}");
    }
}

fn expanded(machine: Machine, kind: BlockType, bytes: &[u8]) -> Vec<f32> {
    let mut out = vec![f32::NAN; bytes.len() / kind.block_bytes() * kind.block_len()];
    expand_on(machine, kind, bytes, &mut out);
    out
}

/// One token's or several tokens' products, `[tokens, rows]`.
fn dots(machine: Machine, rows: Rows<'_>, count: usize, x: &[f32], tokens: usize) -> Vec<f32> {
    let mut y = vec![f32::NAN; tokens * count];
    dot_rows_on(machine, rows, x.len() / tokens, x, tokens, &mut y, count);
    y
}

fn activations(tokens: usize, cols: usize) -> Vec<f32> {
    random(tokens * cols, 5).to_vec1().unwrap()
}

#[test]
fn blocks_have_the_sizes_that_candle_gives_them() {
    for ((kind, dtype), listed) in kinds().zip(BlockType::ALL) {
        assert_eq!(kind, listed);
        assert_eq!((kind.block_len(), kind.block_bytes()), (dtype.block_size(), dtype.type_size()), "{}", kind.name());
    }
    assert_eq!(BlockType::Q4K.row_bytes(512), Some(288));
    assert_eq!(BlockType::Q4K.row_bytes(576), None);
    assert_eq!(BlockType::F16.row_bytes(usize::MAX), None);
    let error = BlockType::try_from(GgmlDType::Q8K).unwrap_err();
    assert!(error.to_string().contains("Q8K"));
}

#[test]
fn every_type_expands_to_the_numbers_that_candle_gives_bit_for_bit() -> Result<()> {
    for (kind, dtype) in kinds() {
        let stored = quantised(dtype, 3, 512)?;
        for bytes in [stored, random_blocks(kind, 40)] {
            let theirs = by_candle(dtype, &bytes, bytes.len() / kind.block_bytes() * kind.block_len())?;
            for machine in [Machine::Plain, Machine::detect()] {
                assert_same_bits(&expanded(machine, kind, &bytes), &theirs, kind.name());
            }
        }
    }
    Ok(())
}

#[test]
fn half_precision_rows_of_any_length_expand() {
    for len in [0, 1, 7, 8, 9, 37] {
        let halves: Vec<half::f16> = (0..len).map(|i| half::f16::from_f32(i as f32 - 3.5)).collect();
        let bytes: Vec<u8> = halves.iter().flat_map(|x| x.to_le_bytes()).collect();
        let wanted: Vec<f32> = (0..len).map(|i| i as f32 - 3.5).collect();
        assert_eq!(expanded(Machine::detect(), BlockType::F16, &bytes), wanted);
    }
}

/// Each product lies within 1e-5 of the exact one, relative to the sum of the magnitudes of its terms.
fn assert_dots(rows: Rows<'_>, weights: &[f32], cols: usize, name: &str) {
    let count = weights.len() / cols;
    for tokens in [1, 3, 8] {
        let x = activations(tokens, cols);
        for machine in [Machine::Plain, Machine::detect()] {
            let y = dots(machine, rows, count, &x, tokens);
            for (i, y) in y.iter().enumerate() {
                let (w, x) = (&weights[i % count * cols..][..cols], &x[i / count * cols..][..cols]);
                let terms = || w.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x));
                let (exact, size): (f64, f64) = (terms().sum(), terms().map(f64::abs).sum());
                assert!((f64::from(*y) - exact).abs() <= 1e-5 * size, "{name}, {tokens} tokens, {i}: {y} and {exact}");
            }
        }
    }
}

#[test]
fn every_type_of_row_multiplies_as_its_expanded_weights_do() -> Result<()> {
    for (kind, dtype) in kinds() {
        let bytes = quantised(dtype, 7, 768)?;
        assert_dots(Rows::Blocks(kind, &bytes), &by_candle(dtype, &bytes, 7 * 768)?, 768, kind.name());
    }
    for cols in [1, 9, 77] {
        let weights = random((5, cols), 3).flatten_all()?;
        assert_dots(Rows::F32(&weights.to_vec1()?), &weights.to_vec1()?, cols, "F32");
        let bytes = quantised(GgmlDType::BF16, 5, cols)?;
        assert_dots(
            Rows::Blocks(BlockType::BF16, &bytes),
            &by_candle(GgmlDType::BF16, &bytes, 5 * cols)?,
            cols,
            "BF16",
        );
    }
    Ok(())
}

#[test]
fn a_tokens_result_depends_neither_on_the_threads_nor_on_the_other_tokens() -> Result<()> {
    let (rows, cols, tokens) = (1031, 256, 7);
    let x = activations(tokens, cols);
    for dtype in [GgmlDType::Q4_1, GgmlDType::Q6K, GgmlDType::BF16] {
        let (kind, bytes) = (BlockType::try_from(dtype)?, quantised(dtype, rows, cols)?);
        let weights = Rows::Blocks(kind, &bytes);
        let alone = |t: usize| dots(Machine::detect(), weights, rows, &x[t * cols..(t + 1) * cols], 1);
        let one_by_one: Vec<f32> = (0..tokens).flat_map(alone).collect();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let together = pool.install(|| dots(Machine::detect(), weights, rows, &x, tokens));
            assert_same_bits(&together, &one_by_one, kind.name());
        }
    }
    Ok(())
}

#[test]
fn results_land_in_a_wider_matrix_and_leave_the_rest_of_it_alone() -> Result<()> {
    let weights = random((3, 40), 3).flatten_all()?.to_vec1()?;
    let x = activations(2, 40);
    let mut y = vec![7.0; 5 + 3];
    dot_rows(Rows::F32(&weights), 40, &x, 2, &mut y, 5);
    let packed = dots(Machine::detect(), Rows::F32(&weights), 3, &x, 2);
    assert_eq!((&y[..3], &y[3..5], &y[5..]), (&packed[..3], &[7.0, 7.0][..], &packed[3..]));
    dot_rows(Rows::F32(&[]), 40, &x, 2, &mut y, 5);
    dot_rows(Rows::F32(&weights), 40, &[], 0, &mut [], 5);
    Ok(())
}

#[test]
#[should_panic(expected = "bytes of 64 weights of type Q8_0")]
fn too_few_bytes_to_expand_are_refused() {
    expand(BlockType::Q8_0, &[0; 67], &mut [0.0; 64]);
}

#[test]
#[should_panic(expected = "not whole rows of 48")]
fn a_row_that_blocks_do_not_fill_is_refused() {
    dot_rows(Rows::Blocks(BlockType::Q8_0, &[0; 68]), 48, &[0.0; 48], 1, &mut [0.0; 2], 2);
}

#[test]
#[should_panic(expected = "activations of 2 tokens of 32")]
fn too_few_activations_are_refused() {
    dot_rows(Rows::Blocks(BlockType::Q8_0, &[0; 34]), 32, &[0.0; 63], 2, &mut [0.0; 2], 1);
}

#[test]
#[should_panic(expected = "the output is shorter")]
fn too_short_an_output_is_refused() {
    dot_rows(Rows::Blocks(BlockType::Q8_0, &[0; 68]), 32, &[0.0; 64], 2, &mut [0.0; 3], 2);
}
