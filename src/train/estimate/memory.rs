//! What a training pass holds in memory, counted as `ops/mod.rs` tells it: every number that forward keeps, what backward
//! works with beside it, and what is there the whole time.

use super::facts::{DataFacts, F32, MachineFacts, ModelFacts};
use super::micro_batches::PassSize;
use super::{Estimate, TrainSettings};
use crate::adapter::{AdapterSpec, Target};
use crate::model::ModelConfig;
use crate::ops::{LOGITS_AT_ONCE, PANEL_BYTES};

/// Room that a matrix product packs its factors into, for each thread, and what the allocator holds unused, as measured.
const WORKING_BYTES: u64 = 20 << 20;

/// The first projection of each group that reads one input, in forward order.
const GROUPS: [Target; 4] = [Target::Q, Target::O, Target::Gate, Target::Down];

/// What a run holds, by what it depends on.
pub(super) struct Memory<'a> {
    model: &'a ModelFacts,
    settings: &'a TrainSettings,
    pass: PassMemory<'a>,
    /// All that is there from the start, but what is trained and the weights.
    standing: u64,
}

/// What training passes of one adapter hold while they go on.
#[derive(Debug)]
pub(in crate::train) struct PassMemory<'a> {
    pub config: &'a ModelConfig,
    pub spec: AdapterSpec,
    pub recompute: bool,
}

/// Numbers that one layer keeps for each token, stage by stage.
struct Layer {
    hidden: u64,
    /// q, k and v, with their copies where heads are normed.
    qkv: u64,
    /// What attention works on beside that in backward.
    turned: u64,
    attended: u64,
    inner: u64,
    /// Log-sums of attention, and what the adapter keeps.
    small: u64,
}

impl<'a> Memory<'a> {
    pub fn new(model: &'a ModelFacts, data: &DataFacts, machine: &MachineFacts, settings: &'a TrainSettings) -> Self {
        let program = machine.memory_held.saturating_sub(machine.memory_of_run);
        let panel = if model.is_expanded(settings.base) { PANEL_BYTES as u64 } else { 0 };
        let standing = program + data.token_bytes(settings.context) + WORKING_BYTES + panel;
        let (spec, recompute) = (settings.adapter_spec(), settings.recompute);
        Self { model, settings, pass: PassMemory { config: &model.config, spec, recompute }, standing }
    }

    /// Everything, where the largest micro-batch is `size`.
    pub fn at(&self, size: PassSize) -> Estimate {
        let pass = &self.pass;
        let trained = F32 * pass.trained();
        let (activations, logits, gradients) = (pass.activations(size), pass.logits(size), pass.gradients());
        // A checkpoint copies adapter and moments, once as tensors and once as a file, when the pass is over.
        let saving = (4 * trained).saturating_sub(activations + logits + gradients);
        Estimate {
            weights: self.model.weight_bytes(self.settings.base),
            adapter: trained,
            optimizer: 3 * trained + gradients,
            activations,
            logits,
            rest: self.standing + saving,
            largest: size,
            ..Estimate::default()
        }
    }
}

impl PassMemory<'_> {
    /// Bytes that a pass of this size takes, beside what is there before and after it.
    pub fn bytes(&self, size: PassSize) -> u64 {
        self.activations(size) + self.logits(size) + self.gradients()
    }

    /// Bytes of what forward keeps, and of what backward works with where that is more than the logits, which are gone
    /// by then.
    fn activations(&self, size: PassSize) -> u64 {
        F32 * self.kept(size) + (F32 * self.backward(size)).saturating_sub(self.logits(size))
    }

    /// Numbers in all trained tensors.
    pub fn trained(&self) -> u64 {
        let of = |target: &Target| {
            let (inputs, outputs) = self.config.dims(*target);
            (inputs * self.down_rows() + outputs * self.spec.heads * self.spec.rank) as u64
        };
        self.config.layers as u64 * self.spec.targets.iter().map(of).sum::<u64>()
    }

    /// Rows of one module's down-projection: every `A`, then the router.
    fn down_rows(&self) -> usize {
        self.spec.a_count() * self.spec.rank + self.router_rows()
    }

    fn router_rows(&self) -> usize {
        if self.spec.method.has_router() { self.spec.heads } else { 0 }
    }

    /// Bytes of the gradients that a pass gives before they are gathered.
    fn gradients(&self) -> u64 {
        F32 * if self.recompute { self.trained() / self.config.layers.max(1) as u64 } else { self.trained() }
    }

    fn layer(&self) -> Layer {
        let config = self.config;
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let qkv = q + 2 * kv;
        let adapted = self.spec.targets.len() * (self.down_rows() + self.router_rows());
        Layer {
            hidden: config.hidden as u64,
            qkv: (if config.qk_norm { 3 * qkv } else { qkv }) as u64,
            turned: (q + kv) as u64,
            attended: q as u64,
            inner: config.intermediate as u64,
            small: (config.heads + adapted) as u64,
        }
    }

    /// Numbers that forward keeps until backward is done.
    fn kept(&self, size: PassSize) -> u64 {
        let (layers, layer) = (self.config.layers as u64, self.layer());
        let per_token = if self.recompute {
            (layers + 1) * layer.hidden + layer.kept()
        } else {
            // The embedding and the last norm.
            layers * layer.kept() - layer.not_kept_below(self.lowest()) + 2 * layer.hidden
        };
        size.tokens as u64 * per_token
    }

    /// The first group of a layer that is adapted: what comes before it in the first layer is not kept.
    fn lowest(&self) -> Target {
        let is_adapted = |first: &Target| first.group().iter().any(|target| self.spec.targets.contains(target));
        GROUPS.into_iter().find(is_adapted).unwrap_or(Target::Down)
    }

    /// Numbers that backward holds beside what is kept, at its widest step.
    fn backward(&self, size: PassSize) -> u64 {
        let layer = self.layer();
        let recomputed = if self.recompute { 5 * layer.hidden } else { 0 };
        size.tokens as u64 * (layer.backward() + recomputed)
    }

    /// Bytes of the logits that are held at a time, and of the supervised rows of the last hidden states with their
    /// gradients.
    fn logits(&self, size: PassSize) -> u64 {
        let (vocab, supervised) = (self.config.vocab.max(1), size.supervised);
        let at_once = (LOGITS_AT_ONCE / vocab).clamp(1, supervised.max(1));
        F32 * (at_once * vocab + 2 * supervised * self.config.hidden) as u64
    }
}

impl Layer {
    /// Two norms, attention's and the feed-forward block's outputs, and the residual stream twice; q, k and v, what is
    /// attended, gate and up side by side and their product.
    fn kept(&self) -> u64 {
        6 * self.hidden + self.qkv + self.attended + 3 * self.inner + self.small
    }

    /// What a layer whose first adapted projection is of the group of `lowest` need not keep.
    fn not_kept_below(&self, lowest: Target) -> u64 {
        match lowest {
            Target::Q | Target::K | Target::V => 0,
            Target::O => self.hidden + self.qkv,
            Target::Gate | Target::Up => 3 * self.hidden + self.qkv + self.attended,
            Target::Down => 4 * self.hidden + self.qkv + self.attended + 2 * self.inner,
        }
    }

    /// The gradients of an operation's input and output with the sum that they go into, at the activation of the
    /// feed-forward block or at attention.
    fn backward(&self) -> u64 {
        let activation = 7 * self.inner + self.hidden;
        let attention = self.attended + self.turned + 3 * self.qkv + self.hidden;
        activation.max(attention)
    }
}
