//! The decoder of the Llama family, bottom up: block, stack, logits. The base model's tensors are here; an adapter comes
//! with the [`Pass`], so that base and adapter answer from one set of weights.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use super::ModelConfig;
use super::cache::{KvCache, LayerCache};
use super::rope::inverse_frequencies;
use super::sequences::Sequences;
use crate::adapter::{Module, Pass, Target, project};
use crate::ops::{self, AttentionShape, Projection, RopeTable, Weight};

/// Gives a decoder its tensors: Hugging Face name and shape in, tensor out.
pub trait TensorSource {
    type Error: From<candle_core::Error>;

    /// The vector of that name and length, in f32.
    fn vector(&mut self, name: &str, len: usize) -> std::result::Result<Tensor, Self::Error>;

    /// The matrix of that name and shape, in whatever type it is to be kept.
    fn matrix(&mut self, name: &str, shape: [usize; 2]) -> std::result::Result<Weight, Self::Error>;

    /// Told after every layer, for progress; an error ends the load.
    fn layer_done(&mut self, _layer: usize, _layers: usize) -> std::result::Result<(), Self::Error> {
        Ok(())
    }
}

/// The projections of a layer that read one input.
#[derive(Debug)]
struct Projections {
    modules: Vec<Module>,
    projections: Vec<Projection>,
}

impl Projections {
    /// All that read what `first` reads.
    fn load<S: TensorSource>(
        source: &mut S,
        config: &ModelConfig,
        layer: usize,
        first: Target,
    ) -> std::result::Result<Self, S::Error> {
        let modules: Vec<Module> = first.group().iter().map(|&target| Module { layer, target }).collect();
        let mut projections = Vec::with_capacity(modules.len());
        for module in &modules {
            let (inputs, outputs) = config.dims(module.target);
            let weight = source.matrix(&format!("{module}.weight"), [outputs, inputs])?;
            let has_bias = config.has_bias(module.target);
            let bias = if has_bias { Some(source.vector(&format!("{module}.bias"), outputs)?) } else { None };
            projections.push(Projection { weight, bias });
        }
        Ok(Self { modules, projections })
    }

    /// `[tokens, Σ out]`.
    fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Result<Tensor> {
        project(x, &self.modules, &self.projections, pass)
    }
}

/// One decoder layer.
#[derive(Debug)]
pub(super) struct Block {
    input_norm: Tensor,
    qkv: Projections,
    /// Norms of every head of q and k (Qwen3), `[head_dim]` each.
    qk_norms: Option<(Tensor, Tensor)>,
    o: Projections,
    post_norm: Tensor,
    gate_up: Projections,
    down: Projections,
    attention: AttentionShape,
    eps: f64,
}

/// What every block of one pass shares.
pub(super) struct Step<'a> {
    sequences: &'a Sequences,
    rope: &'a Arc<RopeTable>,
    pass: &'a Pass<'a>,
}

impl Block {
    fn load<S: TensorSource>(
        source: &mut S,
        config: &ModelConfig,
        layer: usize,
    ) -> std::result::Result<Self, S::Error> {
        let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
        let norm = |source: &mut S, part: &str, len: usize| source.vector(&name(part), len);
        let linear = |source: &mut S, first| Projections::load(source, config, layer, first);
        let qk_norms = if config.qk_norm {
            let size = config.head_dim;
            Some((norm(source, "self_attn.q_norm", size)?, norm(source, "self_attn.k_norm", size)?))
        } else {
            None
        };
        Ok(Self {
            input_norm: norm(source, "input_layernorm", config.hidden)?,
            qkv: linear(source, Target::Q)?,
            qk_norms,
            o: linear(source, Target::O)?,
            post_norm: norm(source, "post_attention_layernorm", config.hidden)?,
            gate_up: linear(source, Target::Gate)?,
            down: linear(source, Target::Down)?,
            attention: AttentionShape {
                heads: config.heads,
                kv_heads: config.kv_heads,
                head_dim: config.head_dim,
                window: config.window(layer),
            },
            eps: config.norm_eps,
        })
    }

    pub(super) fn forward(&self, x: &Tensor, step: &Step<'_>, cache: Option<&mut LayerCache>) -> Result<Tensor> {
        let attended = self.attend(&ops::rms_norm(x, &self.input_norm, self.eps)?, step, cache)?;
        let x = (x + self.o.forward(&attended, step.pass)?)?;
        let normed = ops::rms_norm(&x, &self.post_norm, self.eps)?;
        let inner = ops::swiglu(&self.gate_up.forward(&normed, step.pass)?)?;
        x + self.down.forward(&inner, step.pass)?
    }

    fn attend(&self, x: &Tensor, step: &Step<'_>, cache: Option<&mut LayerCache>) -> Result<Tensor> {
        let (positions, segments) = (step.sequences.positions(), step.sequences.segments());
        let shape = self.attention;
        let (q_width, kv_width) = (shape.q_width(), shape.kv_width());
        let mut qkv = self.qkv.forward(x, step.pass)?;
        if let Some((q_norm, k_norm)) = &self.qk_norms {
            qkv = ops::head_norm(&qkv, q_norm, 0..q_width, self.eps)?;
            qkv = ops::head_norm(&qkv, k_norm, q_width..q_width + kv_width, self.eps)?;
        }
        let Some(cache) = cache else { return ops::self_attention(&qkv, step.rope, positions, segments, shape) };
        let turned = |start, width| ops::rope(&qkv.narrow(1, start, width)?, step.rope, positions);
        let (q, k) = (turned(0, q_width)?, turned(q_width, kv_width)?);
        let (k, v) = cache.append(&k, &qkv.narrow(1, q_width + kv_width, kv_width)?)?;
        ops::cached_attention(&q, &k, &v, segments, shape)
    }
}

/// A base model in memory.
#[derive(Debug)]
pub struct Decoder {
    config: ModelConfig,
    /// `[vocab, hidden]`.
    embedding: Weight,
    blocks: Vec<Block>,
    norm: Tensor,
    /// `[vocab, hidden]`; the embedding itself where the two are tied.
    head: Weight,
    rope: Arc<RopeTable>,
    device: Device,
}

impl Decoder {
    /// Takes every tensor that `config` asks for out of `source`.
    pub fn load<S: TensorSource>(config: &ModelConfig, source: &mut S) -> std::result::Result<Self, S::Error> {
        let shape = [config.vocab, config.hidden];
        let embedding = source.matrix("model.embed_tokens.weight", shape)?;
        let mut blocks = Vec::with_capacity(config.layers);
        for layer in 0..config.layers {
            blocks.push(Block::load(source, config, layer)?);
            source.layer_done(layer, config.layers)?;
        }
        let norm = source.vector("model.norm.weight", config.hidden)?;
        let head = if config.tied_embeddings { embedding.clone() } else { source.matrix("lm_head.weight", shape)? };
        let rope = Arc::new(RopeTable::new(&inverse_frequencies(config), config.max_position));
        let device = embedding.device().clone();
        Ok(Self { config: config.clone(), embedding, blocks, norm, head, rope, device })
    }

    /// The sizes this decoder was made with.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Where the tensors are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Hidden states after the last norm, `[tokens, hidden]`. With a cache the tokens follow those it holds.
    pub fn hidden(
        &self,
        ids: &[u32],
        sequences: &Sequences,
        pass: &Pass<'_>,
        mut cache: Option<&mut KvCache>,
    ) -> Result<Tensor> {
        let mut x = self.embed(ids)?;
        let step = self.step(sequences, pass);
        for (layer, block) in self.blocks.iter().enumerate() {
            let cache = cache.as_deref_mut().and_then(|cache| cache.layer(layer));
            x = block.forward(&x, &step, cache)?;
        }
        self.last_norm(&x)
    }

    /// What enters the first layer, `[tokens, hidden]`.
    pub fn embedded(&self, ids: &[u32]) -> Result<Tensor> {
        self.embed(ids)
    }

    /// What leaves layer `layer`, counted from 0, where `x` `[tokens, hidden]` enters it; `x` itself where there is no such
    /// layer.
    pub fn through_layer(&self, layer: usize, x: &Tensor, sequences: &Sequences, pass: &Pass<'_>) -> Result<Tensor> {
        match self.blocks.get(layer) {
            Some(block) => block.forward(x, &self.step(sequences, pass), None),
            None => Ok(x.clone()),
        }
    }

    pub(super) fn step<'a>(&'a self, sequences: &'a Sequences, pass: &'a Pass<'a>) -> Step<'a> {
        Step { sequences, rope: &self.rope, pass }
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(super) fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        self.embedding.lookup(ids)
    }

    pub(super) fn last_norm(&self, x: &Tensor) -> Result<Tensor> {
        ops::rms_norm(x, &self.norm, self.config.norm_eps)
    }

    /// Logits after the last of `ids`, `[vocab]`, which follow the tokens that the cache holds.
    pub fn next_logits(&self, ids: &[u32], pass: &Pass<'_>, cache: &mut KvCache) -> Result<Tensor> {
        let sequences = Sequences::following(cache.len(), ids.len());
        let hidden = self.hidden(ids, &sequences, pass, Some(cache))?;
        self.logits(&hidden.narrow(0, ids.len().saturating_sub(1), 1)?)?.squeeze(0)
    }

    /// Logits of hidden states: `[tokens, hidden]` → `[tokens, vocab]`, in f32.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        ops::linear(hidden, &[Projection { weight: self.head.clone(), bias: None }])?.to_dtype(DType::F32)
    }

    /// `Σ cross-entropy / count` over the positions whose label is not −100, aligned as in Hugging Face: the label of a
    /// position is predicted from the one before it. `labels` has one entry a token of `sequences`.
    ///
    /// Gives `None` where no position is supervised.
    pub fn loss(
        &self,
        ids: &[u32],
        labels: &[i64],
        sequences: &Sequences,
        count: usize,
        pass: &Pass<'_>,
    ) -> Result<Option<Tensor>> {
        let (rows, targets) = sequences.supervised(labels);
        if rows.is_empty() {
            return Ok(None);
        }
        self.loss_at(&self.hidden(ids, sequences, pass, None)?, rows, &targets, count).map(Some)
    }

    /// The loss of predicting `targets` from these rows of the hidden states.
    pub(super) fn loss_at(&self, hidden: &Tensor, rows: Vec<u32>, targets: &[u32], count: usize) -> Result<Tensor> {
        let rows = Tensor::from_vec(rows, targets.len(), &self.device)?;
        ops::head_loss(&hidden.index_select(&rows, 0)?, &self.head, targets, count)
    }

    /// Every tensor of the base model with its Hugging Face name, matrices in f32 where they are kept in blocks.
    pub fn named_tensors(&self) -> Result<Vec<(String, Tensor)>> {
        let mut named = vec![("model.embed_tokens.weight".to_owned(), self.embedding.to_tensor()?)];
        for (layer, block) in self.blocks.iter().enumerate() {
            let mut norm = |part: &str, t: &Tensor| {
                named.push((format!("model.layers.{layer}.{part}.weight"), t.clone()));
            };
            norm("input_layernorm", &block.input_norm);
            norm("post_attention_layernorm", &block.post_norm);
            if let Some((q, k)) = &block.qk_norms {
                norm("self_attn.q_norm", q);
                norm("self_attn.k_norm", k);
            }
            for group in [&block.qkv, &block.o, &block.gate_up, &block.down] {
                for (module, Projection { weight, bias }) in group.modules.iter().zip(&group.projections) {
                    named.push((format!("{module}.weight"), weight.to_tensor()?));
                    named.extend(bias.clone().map(|bias| (format!("{module}.bias"), bias)));
                }
            }
        }
        named.push(("model.norm.weight".to_owned(), self.norm.clone()));
        if !self.config.tied_embeddings {
            named.push(("lm_head.weight".to_owned(), self.head.to_tensor()?));
        }
        Ok(named)
    }

    /// Memory that the matrices take, tied ones counted once, in bytes.
    pub fn weight_bytes(&self) -> usize {
        let groups = self.blocks.iter().flat_map(|block| [&block.qkv, &block.o, &block.gate_up, &block.down]);
        let blocks: usize = groups.flat_map(|group| &group.projections).map(|p| p.weight.bytes()).sum();
        let head = if self.config.tied_embeddings { 0 } else { self.head.bytes() };
        self.embedding.bytes() + blocks + head
    }
}
