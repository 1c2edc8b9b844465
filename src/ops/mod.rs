//! Differentiable operations with hand-written backward: what one decoder layer is made of.
//!
//! candle differentiates most of its operations, but computes the gradient of frozen weights too, keeps every
//! intermediate, and cuts the graph without a word at its fused norm, rotary and softmax kernels. So each step of a layer is
//! one operation here, with a forward and a backward that say what they keep. All are in f32 on the CPU; on any other
//! device the same function is made of candle's own operations ([`composed`]), which the tests compare it with.
//!
//! | function | computes | keeps for backward |
//! | --- | --- | --- |
//! | [`linear`] | `x·Wᵀ (+ b)`; no gradient for a frozen `W` | nothing |
//! | [`adapted_linear`] | `x·Wᵀ + s·Σ g_i ⊙ (h·B_iᵀ)`, the whole adapted projection | `h` and the gates |
//! | [`rms_norm`] | root-mean-square norm | one number a row |
//! | [`rope`] | rotary position, half-split | nothing |
//! | [`causal_attention`] | softmax attention over packed sequences, grouped heads | one number a row and head |
//! | [`swiglu`] | `silu(gate) ⊙ up` | nothing |
//! | [`head_loss`] | vocabulary projection and cross-entropy, in chunks | the gradient of its input |
//! | [`cross_entropy`] | the same from logits, for training a head | the log of each row's sum |
//!
//! Kernels index slices without a check of their own: every operation holds the sizes of its tensors against each other
//! before it starts, and in their inner loops a check that cannot fail would cost a good part of the time.
//!
//! Start reading at [`adapted_linear`]: it is the equation of the design, forward and backward.

pub mod composed;

mod adapted;
mod attention;
mod blocks;
mod dropout;
mod exp;
mod frozen;
mod linear;
mod loss;
mod mat;
mod norm;
mod profile;
mod rate;
mod rope;
mod storage;
mod swiglu;
mod threads;
mod vector;
mod weight;

#[cfg(test)]
mod check;

pub use adapted::{Adapted, AdaptedShape, GateRule, GateSink, Member, adapted_linear};
pub use attention::{AttentionShape, Segment, cached_attention, self_attention};
pub use blocks::BlockType;
pub use dropout::Dropout;
pub use linear::{Projection, linear};
pub use loss::{cross_entropy, head_loss};
pub use norm::{head_norm, rms_norm};
pub use profile::{OpKind, profiled, set_profiling};
pub use rate::gemm_rate;
pub use rope::{RopeTable, rope};
pub use swiglu::swiglu;
pub use threads::{ComputeThreads, among_threads, give_way};
pub use weight::Weight;
