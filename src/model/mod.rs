//! Base models: what they are made of, where their weights come from, and how they compute.
//!
//! [`OpenedModel::open`] takes a Hugging Face folder or a GGUF file, reads its [`ModelConfig`], checks that every tensor
//! the config asks for is there in its shape, and hands out [`Weights`] that are read tensor by tensor. Whatever cannot be
//! used is refused before memory is taken for it, with a [`ModelError`] that names the file and the mend.
//!
//! [`Decoder`] is the Llama family from the embedding to the logits, built from any [`TensorSource`]; [`BaseModel`] is a
//! decoder with its tokenizer, and [`Generator`] answers with it, a token at a time. [`ModelShape`] makes one of random
//! weights, to measure speed where there is no model at hand.
//!
//! Start reading in `config/mod.rs`, then `weights/mod.rs`, then `decoder.rs`.

mod base;
mod cache;
mod config;
mod decoder;
mod error;
mod generate;
mod pooled;
mod random;
mod recompute;
mod rope;
mod sampler;
mod score;
mod sequences;
mod shape;
mod weights;

pub use base::BaseModel;
pub use cache::KvCache;
pub use config::{Architecture, ConfigError, ModelConfig, RopeScaling, SlidingWindow, TensorSpec};
pub use decoder::{Decoder, TensorSource};
pub use error::ModelError;
pub use generate::{Generator, Piece, StopReason, generate};
pub use pooled::pooled_prompts;
pub use random::{ModelShape, RandomWeights};
pub use rope::inverse_frequencies;
pub use sampler::{Sampler, SamplerSettings};
pub use score::log_probs;
pub use sequences::Sequences;
pub use weights::{BaseType, GenerationDefaults, OpenedModel, Weights};
