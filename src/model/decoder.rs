//! The decoder of the Llama family, bottom up: block, stack, logits. The base model's tensors are here; an adapter comes
//! with the [`Pass`], so that base and adapter answer from one set of weights.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use super::ModelConfig;
use super::cache::{KvCache, LayerCache};
use super::rope::inverse_frequencies;
use super::sequences::Sequences;
use crate::adapter::{Module, Pass, Target, project};
use crate::ops::{self, AttentionShape, RopeTable};

/// Gives a decoder its tensors: Hugging Face name and shape in, tensor out.
pub trait TensorSource {
    type Error: From<candle_core::Error>;

    /// The tensor of that name and shape, in f32.
    fn tensor(&mut self, name: &str, shape: &[usize]) -> std::result::Result<Tensor, Self::Error>;

    /// Told after every layer, for progress; an error ends the load.
    fn layer_done(&mut self, _layer: usize, _layers: usize) -> std::result::Result<(), Self::Error> {
        Ok(())
    }
}

/// A projection of the base model.
#[derive(Debug)]
struct Linear {
    module: Module,
    /// `[out, in]`.
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    fn load<S: TensorSource>(
        source: &mut S,
        config: &ModelConfig,
        module: Module,
    ) -> std::result::Result<Self, S::Error> {
        let (inputs, outputs) = config.dims(module.target);
        let weight = source.tensor(&format!("{module}.weight"), &[outputs, inputs])?;
        let has_bias = config.has_bias(module.target);
        let bias = if has_bias { Some(source.tensor(&format!("{module}.bias"), &[outputs])?) } else { None };
        Ok(Self { module, weight, bias })
    }

    fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Result<Tensor> {
        project(x, &self.weight, self.bias.as_ref(), self.module, pass)
    }
}

/// One decoder layer.
#[derive(Debug)]
struct Block {
    input_norm: Tensor,
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    /// Norms of every head of q and k (Qwen3), `[head_dim]` each.
    qk_norms: Option<(Tensor, Tensor)>,
    post_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
    attention: AttentionShape,
    eps: f64,
}

/// What every block of one pass shares.
struct Step<'a> {
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
        let hidden = [config.hidden];
        let norm = |source: &mut S, part: &str, shape: &[usize]| source.tensor(&name(part), shape);
        let linear = |source: &mut S, target| Linear::load(source, config, Module { layer, target });
        let qk_norms = if config.qk_norm {
            let size = [config.head_dim];
            Some((norm(source, "self_attn.q_norm", &size)?, norm(source, "self_attn.k_norm", &size)?))
        } else {
            None
        };
        Ok(Self {
            input_norm: norm(source, "input_layernorm", &hidden)?,
            q: linear(source, Target::Q)?,
            k: linear(source, Target::K)?,
            v: linear(source, Target::V)?,
            o: linear(source, Target::O)?,
            qk_norms,
            post_norm: norm(source, "post_attention_layernorm", &hidden)?,
            gate: linear(source, Target::Gate)?,
            up: linear(source, Target::Up)?,
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

    fn forward(&self, x: &Tensor, step: &Step<'_>, cache: Option<&mut LayerCache>) -> Result<Tensor> {
        let x = (x + self.attend(&ops::rms_norm(x, &self.input_norm, self.eps)?, step, cache)?)?;
        let n = ops::rms_norm(&x, &self.post_norm, self.eps)?;
        let inner = ops::swiglu(&self.gate.forward(&n, step.pass)?, &self.up.forward(&n, step.pass)?)?;
        x + self.down.forward(&inner, step.pass)?
    }

    fn attend(&self, x: &Tensor, step: &Step<'_>, cache: Option<&mut LayerCache>) -> Result<Tensor> {
        let (mut q, mut k) = (self.q.forward(x, step.pass)?, self.k.forward(x, step.pass)?);
        let v = self.v.forward(x, step.pass)?;
        if let Some((q_norm, k_norm)) = &self.qk_norms {
            (q, k) = (self.head_norm(&q, q_norm)?, self.head_norm(&k, k_norm)?);
        }
        let turn = |x: &Tensor| ops::rope(x, step.rope, step.sequences.positions());
        let (q, k) = (turn(&q)?, turn(&k)?);
        let (k, v) = match cache {
            Some(cache) => cache.append(&k, &v)?,
            None => (k, v),
        };
        let o = ops::causal_attention(&q, &k, &v, step.sequences.segments(), self.attention)?;
        self.o.forward(&o, step.pass)
    }

    /// The norm of every head on its own: x `[tokens, heads · head_dim]`.
    fn head_norm(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let heads = x.reshape(((), self.attention.head_dim))?;
        ops::rms_norm(&heads, weight, self.eps)?.reshape(x.shape())
    }
}

/// A base model in memory, in f32.
#[derive(Debug)]
pub struct Decoder {
    config: ModelConfig,
    /// `[vocab, hidden]`.
    embedding: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
    /// `[vocab, hidden]`; the embedding itself where the two are tied.
    head: Tensor,
    rope: Arc<RopeTable>,
    device: Device,
}

impl Decoder {
    /// Takes every tensor that `config` asks for out of `source`.
    pub fn load<S: TensorSource>(config: &ModelConfig, source: &mut S) -> std::result::Result<Self, S::Error> {
        let shape = [config.vocab, config.hidden];
        let embedding = source.tensor("model.embed_tokens.weight", &shape)?;
        let mut blocks = Vec::with_capacity(config.layers);
        for layer in 0..config.layers {
            blocks.push(Block::load(source, config, layer)?);
            source.layer_done(layer, config.layers)?;
        }
        let norm = source.tensor("model.norm.weight", &[config.hidden])?;
        let head = if config.tied_embeddings { embedding.clone() } else { source.tensor("lm_head.weight", &shape)? };
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
        let ids = Tensor::from_slice(ids, ids.len(), &self.device)?;
        let mut x = self.embedding.index_select(&ids, 0)?;
        let step = Step { sequences, rope: &self.rope, pass };
        for (layer, block) in self.blocks.iter().enumerate() {
            let cache = cache.as_deref_mut().and_then(|cache| cache.layer(layer));
            x = block.forward(&x, &step, cache)?;
        }
        ops::rms_norm(&x, &self.norm, self.config.norm_eps)
    }

    /// Logits of hidden states: `[tokens, hidden]` → `[tokens, vocab]`, in f32.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        ops::linear(hidden, &self.head, None)?.to_dtype(DType::F32)
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
        let hidden = self.hidden(ids, sequences, pass, None)?;
        let rows = Tensor::from_vec(rows, targets.len(), &self.device)?;
        let hidden = hidden.index_select(&rows, 0)?;
        ops::head_loss(&hidden, &self.head, &targets, count).map(Some)
    }

    /// Every tensor of the base model with its Hugging Face name, for writing it to a file.
    pub fn named_tensors(&self) -> Vec<(String, Tensor)> {
        let mut named = vec![("model.embed_tokens.weight".to_owned(), self.embedding.clone())];
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
            for linear in [&block.q, &block.k, &block.v, &block.o, &block.gate, &block.up, &block.down] {
                named.push((format!("{}.weight", linear.module), linear.weight.clone()));
                named.extend(linear.bias.clone().map(|b| (format!("{}.bias", linear.module), b)));
            }
        }
        named.push(("model.norm.weight".to_owned(), self.norm.clone()));
        if !self.config.tied_embeddings {
            named.push(("lm_head.weight".to_owned(), self.head.clone()));
        }
        named
    }
}
