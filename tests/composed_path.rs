//! The path that a GPU takes, compared on the CPU with the hand-written one: weights in types that the hand-written path
//! does not take send every operation through candle's own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var};
use hydra_studio::adapter::{Adapter, AdapterSpec, GateCapture, Pass, folder};
use hydra_studio::model::{Decoder, KvCache, OpenedModel, Sequences, TensorSource};
use hydra_studio::ops::Weight;
use hydra_studio::text::{Batch, TokenizedExample};
use hydra_studio::train::{Dataset, Schedule, TrainSettings, Trainer, loss_of};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The types of a model's matrices, all of them dense.
#[derive(Clone, Copy, Debug)]
struct Types {
    /// What they are rounded to at first.
    rounded: DType,
    /// What they are then kept in.
    embedding: DType,
    others: DType,
}

/// What the hand-written path takes.
const F32: Types = Types { rounded: DType::F32, embedding: DType::F32, others: DType::F32 };
const F64: Types = Types { embedding: DType::F64, others: DType::F64, ..F32 };
const BF16: Types = Types { rounded: DType::BF16, embedding: DType::BF16, others: DType::BF16 };
/// The numbers of [`BF16`] on the hand-written path: what is left is how activations are rounded.
const BF16_IN_F32: Types = Types { rounded: DType::BF16, ..F32 };
/// As a GGUF file has them that keeps its embedding in f32.
const MIXED: Types = Types { embedding: DType::F32, ..BF16 };

struct Recast<'a> {
    opened: &'a OpenedModel,
    types: Types,
}

impl Recast<'_> {
    fn read(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.opened.weights.tensor(name, shape, &Device::Cpu).map_err(candle_core::Error::wrap)
    }
}

impl TensorSource for Recast<'_> {
    type Error = candle_core::Error;

    fn vector(&mut self, name: &str, len: usize) -> Result<Tensor> {
        self.read(name, &[len])
    }

    fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Weight> {
        let Types { rounded, embedding, others } = self.types;
        let kept = if name.contains("embed") { embedding } else { others };
        Weight::dense(self.read(name, &shape)?.to_dtype(rounded)?.to_dtype(kept)?)
    }
}

fn decoder_of(folder: &str, types: Types) -> Arc<Decoder> {
    let opened = OpenedModel::open(&golden(folder)).unwrap();
    Arc::new(Decoder::load(&opened.config, &mut Recast { opened: &opened, types }).unwrap())
}

fn decoder(types: Types) -> Arc<Decoder> {
    decoder_of("tiny/base", types)
}

fn adapter(name: &str, dropout: f64) -> Adapter {
    let spec = AdapterSpec { rank: 4, heads: 3, alpha: 8.0, dropout, ..AdapterSpec::default() };
    let read = folder::read_tensors(&golden("tiny").join(name), &spec, None, Some(2)).unwrap();
    Adapter::from_tensors(&read, &Device::Cpu).unwrap()
}

/// Examples of these lengths; all tokens but the first third are supervised.
fn batch(packed: bool) -> Batch {
    let example = |(i, len): (usize, usize)| TokenizedExample {
        ids: (0..len).map(|t| ((i * 31 + t * 7) % 128) as u32).collect(),
        supervised: (0..len).map(|t| t >= len / 3).collect(),
        ..TokenizedExample::default()
    };
    let examples: Vec<_> = [5, 17, 3, 11, 8, 2].into_iter().enumerate().map(example).collect();
    let rows: Vec<_> = examples.iter().collect();
    if packed { Batch::packed(&rows) } else { Batch::padded(&rows, 0) }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// The norm of the difference over the norm of `theirs`.
fn distance(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut ours.iter().zip(theirs).map(|(a, b)| a - b)) / norm(&mut theirs.iter().copied()).max(1e-12)
}

/// Loss, and gradients of every adapter tensor by its name in files.
#[derive(Debug)]
struct Learnt {
    loss: f64,
    gradients: Vec<(String, Vec<f64>)>,
}

impl Learnt {
    fn new(loss: f64, adapter: &Adapter, gradient: impl Fn(&Var) -> Tensor) -> Self {
        let tensors = adapter.tensors_of(|var| Ok(gradient(var))).unwrap();
        let named = tensors.named().into_iter().map(|(name, tensor)| (name.to_string(), values(tensor)));
        Self { loss, gradients: named.collect() }
    }

    fn of(types: Types, adapter: &Adapter, batch: &Batch) -> Self {
        let pass = Pass { training_seed: Some(3), ..Pass::with(adapter) };
        let loss = loss_of(&decoder(types), batch, batch.supervised(), &pass).unwrap().unwrap();
        let grads = loss.backward().unwrap();
        Self::new(f64::from(loss.to_scalar::<f32>().unwrap()), adapter, |var| grads.get(var).unwrap().clone())
    }

    fn with_recomputation(types: Types, adapter: &Adapter, batch: &Batch) -> Self {
        let pass = Pass { training_seed: Some(3), ..Pass::with(adapter) };
        let sequences = Sequences::at(&batch.spans, batch.ids.len());
        let mut gathered = HashMap::new();
        let gather = |grads: &GradStore| {
            let found = adapter.vars().into_iter().filter_map(|var| Some((var.id(), grads.get(&var)?.clone())));
            gathered.extend(found);
            Ok(())
        };
        let (ids, labels, supervised) = (&batch.ids, &batch.labels, batch.supervised());
        let loss = decoder(types).loss_with_recomputation(ids, labels, &sequences, supervised, &pass, gather);
        Self::new(f64::from(loss.unwrap().unwrap()), adapter, |var| gathered[&var.id()].clone())
    }

    /// Of every tensor, how far its gradient is from that of `other`; the largest with its name, and the middle one.
    fn distances(&self, other: &Self) -> (f64, String, f64) {
        let pairs = self.gradients.iter().zip(&other.gradients);
        let mut all: Vec<_> = pairs.map(|((name, ours), (_, theirs))| (distance(ours, theirs), name)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (worst, name) = all.last().unwrap();
        (*worst, (*name).clone(), all[all.len() / 2].0)
    }
}

const ADAPTERS: [&str; 2] = ["adapter_init.safetensors", "adapter_final.safetensors"];

#[test]
fn loss_and_every_gradient_equal_those_of_the_hand_written_path() {
    for (name, packed, dropout) in [(ADAPTERS[0], true, 0.0), (ADAPTERS[1], false, 0.0), (ADAPTERS[1], true, 0.2)] {
        let (adapter, batch) = (adapter(name, dropout), batch(packed));
        let (ours, theirs) = (Learnt::of(F64, &adapter, &batch), Learnt::of(F32, &adapter, &batch));
        assert_eq!(ours.gradients.len(), 14 * 5);
        assert!((ours.loss - theirs.loss).abs() < 1e-5 * theirs.loss, "{name}: {} {}", ours.loss, theirs.loss);
        let (worst, tensor, _) = ours.distances(&theirs);
        assert!(worst < 1e-5, "{name}, {tensor}: {worst}");
    }
}

/// A gradient is off by 1.9 % in the middle and by 4.1 % at most where activations are bf16. That is rounding and nothing
/// else: bf16 weights alone, computed with exactly, move the same gradients by 1.3 % and 2.8 %.
#[test]
fn gradients_in_bf16_are_off_by_little_more_than_the_rounding_of_the_weights() {
    for name in ADAPTERS {
        let (adapter, batch) = (adapter(name, 0.0), batch(true));
        let of = |types| Learnt::of(types, &adapter, &batch);
        let truth = of(BF16_IN_F32);
        let (worst_of_weights, _, middle_of_weights) = truth.distances(&of(F32));
        for types in [BF16, MIXED] {
            let ours = of(types);
            assert!((ours.loss - truth.loss).abs() < 2e-3 * truth.loss, "{types:?}: {} {}", ours.loss, truth.loss);
            let (worst, tensor, middle) = ours.distances(&truth);
            assert!(worst < 2.0 * worst_of_weights, "{types:?}, {tensor}: {worst} and {worst_of_weights}");
            assert!(middle < 2.0 * middle_of_weights, "{types:?}: {middle} and {middle_of_weights}");
        }
    }
}

/// Gates of every module, one after the other.
fn gates(types: Types, adapter: &Adapter) -> Vec<f64> {
    let (decoder, batch, capture) = (decoder(types), batch(true), GateCapture::default());
    let pass = Pass { capture: Some(&capture), ..Pass::with(adapter) };
    decoder.hidden(&batch.ids, &Sequences::at(&batch.spans, batch.ids.len()), &pass, None).unwrap();
    capture.take().into_values().flatten().map(f64::from).collect()
}

#[test]
fn every_gate_equals_that_of_the_hand_written_path() {
    let adapter = adapter(ADAPTERS[1], 0.0);
    for (types, truth, tolerance) in [(F64, F32, 1e-5), (BF16, BF16_IN_F32, 0.02)] {
        let (ours, theirs) = (gates(types, &adapter), gates(truth, &adapter));
        assert_eq!(ours.len(), 14 * 46 * 3);
        let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < tolerance, "{types:?}: {worst}");
    }
}

#[test]
fn recomputation_gives_the_loss_and_the_gradients_of_keeping_everything() {
    let (adapter, batch) = (adapter(ADAPTERS[1], 0.2), batch(true));
    for types in [F64, BF16, MIXED] {
        let ours = Learnt::with_recomputation(types, &adapter, &batch);
        let theirs = Learnt::of(types, &adapter, &batch);
        assert_eq!(ours.loss, theirs.loss, "{types:?}");
        let (worst, tensor, _) = ours.distances(&theirs);
        assert!(worst < 1e-6, "{types:?}, {tensor}: {worst}");
    }
}

/// Logits of all tokens, `chunk` of them at a time from a cache.
fn logits(decoder: &Decoder, ids: &[u32], chunk: usize) -> Vec<f64> {
    let mut cache = KvCache::new(decoder.config());
    let of = |ids: &[u32]| {
        let sequences = Sequences::following(cache.len(), ids.len());
        let hidden = decoder.hidden(ids, &sequences, &Pass::default(), Some(&mut cache)).unwrap();
        values(&decoder.logits(&hidden).unwrap())
    };
    ids.chunks(chunk).flat_map(of).collect()
}

#[test]
fn every_family_gives_its_logits_from_a_cache_too() {
    let ids: Vec<u32> = (0..40).map(|i| (i * 17 + 5) % 64).collect();
    for family in ["llama3-rope", "llama-linear-rope", "mistral", "qwen2", "qwen3"] {
        let of = |types| decoder_of(&format!("families/{family}"), types);
        let theirs = logits(&of(F32), &ids, ids.len());
        for chunk in [1, 7, 40] {
            let exact = distance(&logits(&of(F64), &ids, chunk), &theirs);
            let halved = distance(&logits(&of(BF16), &ids, chunk), &theirs);
            assert!(exact < 1e-5 && halved < 0.05, "{family}, {chunk} at a time: {exact} and {halved}");
        }
    }
}

/// The most likely tokens after a prompt, with an adapter and a cache.
fn answer(types: Types) -> Vec<u32> {
    let (decoder, adapter) = (decoder(types), adapter(ADAPTERS[1], 0.0));
    let (mut cache, mut ids, prompt) = (KvCache::new(decoder.config()), vec![3u32, 77, 12, 9], 4);
    while ids.len() < prompt + 32 {
        let new = &ids[cache.len()..];
        let sequences = Sequences::following(cache.len(), new.len());
        let hidden = decoder.hidden(new, &sequences, &Pass::with(&adapter), Some(&mut cache)).unwrap();
        let last = decoder.logits(&hidden.narrow(0, new.len() - 1, 1).unwrap()).unwrap();
        ids.push(last.squeeze(0).unwrap().argmax(0).unwrap().to_scalar().unwrap());
    }
    ids.split_off(prompt)
}

#[test]
fn answers_are_the_tokens_of_the_hand_written_path() {
    let (exact, halved) = (answer(F32), answer(BF16));
    assert_eq!(answer(F64), exact);
    assert!(halved.len() == 32 && halved[..4] == exact[..4], "{halved:?} and {exact:?}");
}

/// Losses of ten steps.
fn trained(types: Types, recompute: bool) -> Vec<f64> {
    let data = Arc::new(Dataset::from_token_file(&golden("tiny/batch.safetensors"), 128).unwrap());
    let settings = TrainSettings {
        batch: 3,
        accumulate: 1,
        lr: 1e-3,
        schedule: Schedule::Constant,
        warmup: 0.0,
        max_grad_norm: 0.0,
        recompute,
        ..TrainSettings::default()
    };
    let adapter = adapter(ADAPTERS[0], 0.0);
    let vars = adapter.vars();
    let mut trainer = Trainer::new(decoder(types), Some(adapter), vars, data, settings, 10);
    (0..10).map(|_| trainer.micro_step().unwrap().unwrap().loss).collect()
}

#[test]
fn ten_steps_of_training_follow_the_hand_written_path() {
    let theirs = trained(F32, false);
    assert!(theirs[9] < theirs[0] - 1.0, "{theirs:?}");
    for (types, recompute, tolerance) in
        [(F64, false, 5e-5), (F64, true, 5e-5), (BF16, false, 0.03), (MIXED, true, 0.03)]
    {
        let ours = trained(types, recompute);
        for (step, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert!((ours - theirs).abs() < tolerance, "{types:?}, step {step}: {ours} and {theirs}");
        }
    }
}
