//! Differentiable operations with hand-written backward: what one decoder layer is made of.
//!
//! candle differentiates most of its operations, but computes the gradient of frozen weights too, keeps every
//! intermediate, and cuts the graph without a word at its fused norm, rotary and softmax kernels. So each step of a layer is
//! one operation here, with a forward and a backward that say what they keep. All are computed in f32 on the CPU; on any
//! other device the same function is made of candle's own operations ([`composed`]), which the tests compare it with.
//!
//! | function | computes | keeps for backward |
//! | --- | --- | --- |
//! | [`linear`] | `x·Wᵀ (+ b)` of projections that read one input; no gradient for a frozen `W` | nothing |
//! | [`adapted_linear`] | the same with `+ s·Σ g_i ⊙ (h·B_iᵀ)` on those that are adapted | `x·[A; W_r]ᵀ` and the gates |
//! | [`rms_norm`], [`head_norm`] | root-mean-square norm of rows, or of heads | nothing |
//! | [`self_attention`] | rotary position and softmax attention over packed sequences, grouped heads | one number a row and head |
//! | [`swiglu`] | `silu(gate) ⊙ up` | nothing |
//! | [`head_loss`] | vocabulary projection and cross-entropy of supervised positions, in chunks | the gradient of its input |
//! | [`cross_entropy`] | the same from logits, for training a head | nothing |
//! | [`rope`], [`cached_attention`] | the two halves of attention for answering, keys from a cache | |
//!
//! A [`Weight`] is a frozen matrix in the type it is stored in. A product of many tokens expands it to f32 a panel at a time;
//! one of few tokens multiplies each row as it is read, so that answering reads no more than the file holds.
//!
//! # What a step costs
//!
//! SmolLM2-135M (30 layers, 576 wide, 1536 inside, 49,152 tokens of vocabulary), HydraLoRA of rank 8 with 3 heads on all
//! seven projections, 4 rows of 256 tokens. Floating-point operations for each token, in millions:
//!
//! | | forward | backward | |
//! | --- | --- | --- | --- |
//! | frozen projections, 106 million weights | 212 | 212 | two for a weight; backward is the input's gradient alone |
//! | vocabulary, 28 million weights | 57 | 57 | supervised positions only; here all of them |
//! | adapter, 5.4 million weights | 11 | 22 | the input's gradient and the adapter's own |
//! | attention, 128 keys a token on average | 9 | 22 | scores are computed again |
//!
//! About 600 in all, and none of it is avoidable but by supervising or by adapting less: nothing is computed below the lowest
//! adapted module, `A` and the router are one product for all modules that read one input, the heads are one product for
//! each module. Where the time goes, measured by `hydra-studio bench`: frozen projections 55 %, vocabulary and loss 18 %,
//! adapter 10 %, attention 10 %, norms and SwiGLU 3 %, all else 4 %; 68 to 73 % of what the machine's f32 product reaches.
//!
//! Memory, in MB:
//!
//! | | |
//! | --- | --- |
//! | weights, 134 million | 538 in f32, 269 in half precision, 143 in 8 bits, 96 as Q4_1 |
//! | activations, 9,600 floats a token and layer | 1,180; with recomputation 71 and one layer's 39 |
//! | adapter, its gradient and two moments | 86 |
//! | logits and their gradient, one chunk | 34 |
//!
//! The 9,600 are two norms of 576, qkv of 960, attention of 576, its projection of 576, gate and up of 3,072, their product of
//! 1,536, its projection of 576, and the residual stream twice. Measured peaks: 1,970 MB in f32, 1,540 with Q4_1 kept, 464
//! with 8 bits and recomputation, which takes 30 % more time.
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
mod nudge;
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

pub use adapted::{Adapted, AdaptedShape, Balance, GateRule, GateSink, Gating, Member, adapted_linear};
pub use attention::{AttentionShape, Segment, cached_attention, self_attention};
pub use blocks::BlockType;
pub use dropout::Dropout;
pub use linear::{Projection, linear};
pub use loss::{LOGITS_AT_ONCE, cross_entropy, head_loss};
pub use mat::products;
pub use norm::{head_norm, rms_norm};
pub use profile::{OpKind, profiled, set_profiling};
pub use rate::gemm_rate;
pub use rope::{RopeTable, rope};
pub use swiglu::swiglu;
pub use threads::{ComputeThreads, among_threads, give_way};
pub use weight::{PANEL_BYTES, Weight};
