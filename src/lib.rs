//! Hydra Studio: fine-tune a language model with HydraLoRA, watch each head learn, see where every token is routed.
//!
//! HydraLoRA (Tian et al., NeurIPS 2024) gives every adapted projection one shared matrix `A`, several heads `B_i`, and a
//! router that mixes the heads for every token. This crate is the engine, the window and the command line around it.
//!
//! Data flows down this table. A room may use the rooms above it, never those below; a test keeps that rule.
//!
//! | room | what it does |
//! | --- | --- |
//! | [`figures`] | whole numbers as people read them |
//! | [`job`] | progress and cancelling, for whatever takes longer than a second |
//! | [`disk`] | writes that are whole or absent: files and folders by temporary name, flush and rename |
//! | [`ops`] | differentiable operations with hand-written backward: linear, norm, attention, loss |
//! | [`data`] | rows in: read, detect, map, audit, split. Knows files and columns, not tokens or tensors |
//! | [`text`] | tokenizer, chat template, an example rendered to tokens and loss mask, batches |
//! | [`cluster`] | topics of texts: features, k-means, density, how many heads, topic words |
//! | [`adapter`] | the adapter's spec, the adapted linear layer, router, adapter folders in and out |
//! | [`model`] | base models: config, weights from safetensors and GGUF, decoder, generation |
//! | [`train`] | settings, schedule, optimizer, trainer, checkpoints, metrics |
//! | [`inspect`] | gates captured and summarised |
//! | [`evaluate`] | held-out loss, exact answers, the verdict on a run |
//! | [`export`] | every form in which an adapter leaves the app, each re-read and verified |
//! | [`project`] | the bundled demo and where it is unpacked, presets of settings, the runs on disk with their notes, those that wait, sweeps |
//! | [`worker`] | the background thread that owns device and model; `protocol.rs`: `Request` in, `Event` out |
//! | [`cli`] | headless commands, one file each |
//! | [`app`] | the window: pages, widgets, theme, commands, state |

pub mod adapter;
pub mod app;
pub mod cli;
pub mod cluster;
pub mod data;
pub mod disk;
pub mod evaluate;
pub mod export;
pub mod figures;
pub mod inspect;
pub mod job;
pub mod model;
pub mod ops;
pub mod project;
pub mod text;
pub mod train;
pub mod worker;
