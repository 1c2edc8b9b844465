//! Frozen weights in the type they are stored in: half precision, or the blocks of GGML's quantised formats.
//!
//! A block holds 32 or 256 weights as small integers, and one scale, in some types also a lowest value, for each 16 or
//! 32 of them. [`expand`] gives back the weights as f32, bit for bit as candle's own conversion does; [`dot_rows`]
//! multiplies rows of blocks with the activations of a few tokens, as decoding does, without storing an expanded row.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `kind` | the types, and the sizes of their blocks |
//! | `lanes` | eight f32 at once: AVX2 with FMA where the processor has them, and plain Rust |
//! | `floats` | rows of f32, f16 and bf16 |
//! | `packed` | what all blocks of integers share: expansion and product from codes, scales and minima |
//! | `simple`, `k_quants` | the layouts: blocks of 32 and blocks of 256 |
//! | `dot` | rows split over the threads |
//!
//! Start reading at `packed`.

mod dot;
mod expand;
mod floats;
mod k_quants;
mod kind;
mod lanes;
mod packed;
mod simple;

#[cfg(test)]
mod tests;

pub use dot::{Rows, dot_rows};
pub use expand::expand;
pub use kind::BlockType;
