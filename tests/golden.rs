//! The engine against reference traces of an independent PyTorch implementation; `golden/tiny` says how they were made.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use hydra_studio::adapter::{
    Adapter, AdapterSpec, AdapterTensors, GateCapture, HeadMix, Method, ModuleTensors, Pass, folder,
};
use hydra_studio::job::Job;
use hydra_studio::model::{BaseModel, Sequences};
use hydra_studio::text::{Batch, TokenizedExample};
use hydra_studio::train::{Dataset, Schedule, TrainSettings, Trainer, loss_of};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiny").join(name)
}

fn tensors(name: &str) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(golden(name), &Device::Cpu).unwrap()
}

fn model() -> Arc<BaseModel> {
    Arc::new(BaseModel::load(&golden("base"), &Device::Cpu, &Job::silent()).unwrap())
}

fn spec() -> AdapterSpec {
    AdapterSpec { rank: 4, heads: 3, alpha: 8.0, ..AdapterSpec::default() }
}

fn adapter(name: &str) -> Adapter {
    let read = folder::read_tensors(&golden(name), &spec(), None, Some(2)).unwrap();
    Adapter::from_tensors(&read, &Device::Cpu).unwrap()
}

/// The reference batch. Padding is at the end of row 1, where the attention mask is 0.
fn batch() -> Batch {
    let file = tensors("batch.safetensors");
    let rows = |name: &str| file[name].to_vec2::<i64>().unwrap();
    let (ids, labels, mask) = (rows("input_ids"), rows("labels"), rows("attention_mask"));
    let row = |((ids, labels), mask): ((&Vec<i64>, &Vec<i64>), &Vec<i64>)| {
        let len = mask.iter().sum::<i64>() as usize;
        TokenizedExample {
            ids: ids[..len].iter().map(|id| *id as u32).collect(),
            supervised: labels[..len].iter().map(|label| *label != -100).collect(),
            ..Default::default()
        }
    };
    let examples: Vec<TokenizedExample> = ids.iter().zip(&labels).zip(&mask).map(row).collect();
    Batch::padded(&examples.iter().collect::<Vec<_>>(), 0)
}

fn values(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// The largest difference over the tokens that are not padding; both are `[rows · width, n]` in effect.
fn difference(ours: &[f64], theirs: &[f64], batch: &Batch) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let per_token = ours.len() / batch.ids.len();
    let counts = |token: usize| batch.spans.iter().any(|span| span.contains(&token));
    let pairs = ours.iter().zip(theirs).enumerate().filter(|(i, _)| counts(i / per_token));
    pairs.map(|(_, (a, b))| (a - b).abs()).fold(0.0, f64::max)
}

fn logits(model: &BaseModel, batch: &Batch, pass: &Pass<'_>) -> Vec<f64> {
    let sequences = Sequences::at(&batch.spans, batch.ids.len());
    let hidden = model.decoder.hidden(&batch.ids, &sequences, pass, None).unwrap();
    values(&model.decoder.logits(&hidden).unwrap())
}

#[test]
fn base_logits_equal_the_reference() {
    let (model, batch) = (model(), batch());
    let theirs = values(&tensors("activations.safetensors")["logits_base"]);
    let worst = difference(&logits(&model, &batch, &Pass::default()), &theirs, &batch);
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn adapted_logits_and_every_gate_equal_the_reference() {
    let (model, batch, adapter) = (model(), batch(), adapter("adapter_init.safetensors"));
    let file = tensors("activations.safetensors");
    let capture = GateCapture::default();
    let ours = logits(&model, &batch, &Pass { capture: Some(&capture), ..Pass::with(&adapter) });
    let worst = difference(&ours, &values(&file["logits_step0"]), &batch);
    assert!(worst < 1e-4, "{worst}");
    let gates = capture.take();
    assert_eq!(gates.len(), 14);
    for (module, ours) in gates {
        let ours: Vec<f64> = ours.into_iter().map(f64::from).collect();
        let heads = adapter.spec().heads;
        assert!(ours.chunks(heads).all(|token| (token.iter().sum::<f64>() - 1.0).abs() < 1e-5), "{module}");
        let worst = difference(&ours, &values(&file[&format!("step0.{module}")]), &batch);
        assert!(worst < 1e-5, "{module}: {worst}");
    }
}

/// Gradients of every adapter tensor on the reference batch, by their names in files.
fn gradients(adapter: &Adapter) -> AdapterTensors {
    let (model, batch) = (model(), batch());
    let pass = Pass { training_seed: Some(0), ..Pass::with(adapter) };
    let loss = loss_of(&model.decoder, &batch, batch.supervised(), &pass).unwrap().unwrap();
    let grads = loss.backward().unwrap();
    adapter.tensors_of(|var| Ok(grads.get(var).unwrap().clone())).unwrap()
}

/// Fails where a gradient is further from the reference than `tolerance` of its norm. Reference names may have a prefix.
fn assert_gradients(ours: &AdapterTensors, reference: &HashMap<String, Tensor>, prefix: &str, tolerance: f64) {
    let named = ours.named();
    for (name, ours) in &named {
        let theirs = &reference.get(&format!("{prefix}{name}")).unwrap_or_else(|| panic!("{name}"));
        let (ours, theirs) = (values(ours), values(theirs));
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let off: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
        assert!(norm(&off) <= tolerance * norm(&theirs), "{name}: {}", norm(&off) / norm(&theirs));
    }
    assert_eq!(named.len(), reference.keys().filter(|key| key.contains(".lora_")).count());
}

#[test]
fn every_step_0_gradient_equals_the_truth_in_f64() {
    let (model, batch, adapter) = (model(), batch(), adapter("adapter_init.safetensors"));
    let loss = loss_of(&model.decoder, &batch, batch.supervised(), &Pass::with(&adapter)).unwrap().unwrap();
    assert!((f64::from(loss.to_scalar::<f32>().unwrap()) - 5.834_283_260_102_865).abs() < 1e-5);
    let ours = gradients(&adapter);
    assert_eq!(ours.named().len(), 14 * 5);
    assert_gradients(&ours, &tensors("f64_grads_step0.safetensors"), "grad0.", 1e-5);
    assert_gradients(&ours, &tensors("grads_step0.safetensors"), "", 1e-5);
}

#[test]
fn every_gradient_after_ten_steps_equals_the_reference() {
    let ours = gradients(&adapter("adapter_final.safetensors"));
    assert_gradients(&ours, &tensors("grads_step10.safetensors"), "", 1e-5);
}

#[test]
fn every_gradient_of_plain_lora_equals_that_of_peft() {
    let lora = AdapterSpec { method: Method::Lora, heads: 1, ..spec() };
    let start = folder::read_tensors(&golden("lora/adapter_init.safetensors"), &lora, None, Some(2)).unwrap();
    let ours = gradients(&Adapter::from_tensors(&start, &Device::Cpu).unwrap());
    assert_eq!(ours.named().len(), 14 * 2);
    assert_gradients(&ours, &tensors("lora/grads_step0.safetensors"), "", 1e-5);
}

#[test]
fn a_base_stored_in_half_precision_is_computed_and_adapted_in_f32() {
    for (dtype, tolerance) in [(DType::BF16, 0.2), (DType::F16, 0.02)] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(golden("base/config.json"), dir.path().join("config.json")).unwrap();
        let halved: HashMap<String, Tensor> =
            tensors("base/model.safetensors").into_iter().map(|(n, t)| (n, t.to_dtype(dtype).unwrap())).collect();
        candle_core::safetensors::save(&halved, dir.path().join("model.safetensors")).unwrap();
        let model = BaseModel::load(dir.path(), &Device::Cpu, &Job::silent()).unwrap();
        assert!(model.decoder.weight_bytes() < 2 * model.parameters() + 1, "kept in half precision");
        assert!(model.decoder.named_tensors().unwrap().iter().all(|(_, t)| t.dtype() == DType::F32));
        let (batch, adapter) = (batch(), adapter("adapter_init.safetensors"));
        assert!(adapter.vars().iter().all(|var| var.dtype() == DType::F32));
        let theirs = values(&tensors("activations.safetensors")["logits_step0"]);
        let worst = difference(&logits(&model, &batch, &Pass::with(&adapter)), &theirs, &batch);
        assert!(worst > 0.0 && worst < tolerance, "{dtype:?}: {worst}");
    }
}

fn reference_losses(file: &str) -> Vec<f64> {
    let meta: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(golden(file)).unwrap()).unwrap();
    meta["losses_f32"].as_array().unwrap().iter().map(|l| l.as_f64().unwrap()).collect()
}

fn trained_losses(adapter: Adapter) -> (Vec<f64>, Adapter) {
    let file = golden("batch.safetensors");
    let model = model();
    let data = Arc::new(Dataset::from_token_file(&file, 128).unwrap());
    let settings = TrainSettings {
        batch: 3,
        accumulate: 1,
        lr: 1e-3,
        schedule: Schedule::Constant,
        warmup: 0.0,
        max_grad_norm: 0.0,
        ..TrainSettings::default()
    };
    let vars = adapter.vars();
    let mut trainer = Trainer::new(model.decoder.clone(), Some(adapter.clone()), vars, data, settings, 10);
    let losses = (0..10).map(|_| trainer.micro_step().unwrap().unwrap().loss).collect();
    (losses, adapter)
}

#[test]
fn ten_steps_of_training_follow_the_reference() {
    let (losses, trained) = trained_losses(adapter("adapter_init.safetensors"));
    for (step, (ours, theirs)) in losses.iter().zip(reference_losses("meta.json")).enumerate() {
        assert!((ours - theirs).abs() < 5e-5, "step {step}: {ours} and {theirs}");
    }
    let final_loss = loss_of(&model().decoder, &batch(), batch().supervised(), &Pass::with(&trained)).unwrap().unwrap();
    assert!((f64::from(final_loss.to_scalar::<f32>().unwrap()) - 3.720_442_2).abs() < 5e-5);
}

#[test]
fn plain_lora_trains_as_peft_does_and_a_folder_that_peft_wrote_gives_its_logits() {
    let lora = AdapterSpec { method: Method::Lora, heads: 1, ..spec() };
    let start = folder::read_tensors(&golden("lora/adapter_init.safetensors"), &lora, None, Some(2)).unwrap();
    let (losses, _) = trained_losses(Adapter::from_tensors(&start, &Device::Cpu).unwrap());
    for (step, (ours, theirs)) in losses.iter().zip(reference_losses("lora/meta.json")).enumerate() {
        assert!((ours - theirs).abs() < 5e-5, "step {step}: {ours} and {theirs}");
    }
    let read = folder::read(&golden("lora"), None, Some(2)).unwrap();
    let adapter = Adapter::from_tensors(&read.tensors, &Device::Cpu).unwrap();
    let merged = tensors("lora/merged_logits.safetensors");
    let theirs = values(merged.values().next().unwrap());
    let worst = difference(&logits(&model(), &batch(), &Pass::with(&adapter)), &theirs, &batch());
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn all_heads_muted_equal_the_base_model_bit_for_bit() {
    let (model, batch, adapter) = (model(), batch(), adapter("adapter_final.safetensors"));
    let base = logits(&model, &batch, &Pass::default());
    let mute = HeadMix::mute(&[0, 1, 2], 3);
    assert_eq!(logits(&model, &batch, &Pass { mix: Some(&mute), ..Pass::with(&adapter) }), base);
    assert_ne!(logits(&model, &batch, &Pass::with(&adapter)), base);
}

#[test]
fn an_untrained_adapter_of_any_method_changes_no_logit() {
    let (model, batch) = (model(), batch());
    let base = logits(&model, &batch, &Pass::default());
    for method in Method::ALL {
        let heads = if method.is_single_head() { 1 } else { 3 };
        let spec = AdapterSpec { method, heads, ..spec() };
        let adapter = Adapter::new(&spec, 2, |m| model.dims(m).unwrap(), 7, &Device::Cpu).unwrap();
        assert_eq!(logits(&model, &batch, &Pass::with(&adapter)), base, "{method}");
    }
}

#[test]
fn a_solo_head_equals_plain_lora_of_a_and_that_head() {
    let (model, batch, adapter) = (model(), batch(), adapter("adapter_final.safetensors"));
    let tensors = adapter.to_tensors().unwrap();
    for head in 0..3 {
        let lora = AdapterSpec { method: Method::Lora, heads: 1, ..spec() };
        let one = |m: &ModuleTensors| ModuleTensors { a: m.a.clone(), b: vec![m.b[head].clone()], router: None };
        let modules = tensors.modules.iter().map(|(module, m)| (*module, one(m))).collect();
        let plain = Adapter::from_tensors(&AdapterTensors { spec: lora, modules }, &Device::Cpu).unwrap();
        let solo = HeadMix::solo(head, 3);
        let ours = logits(&model, &batch, &Pass { mix: Some(&solo), ..Pass::with(&adapter) });
        let worst = difference(&ours, &logits(&model, &batch, &Pass::with(&plain)), &batch);
        assert!(worst < 1e-4, "head {head}: {worst}");
    }
}

#[test]
fn every_method_learns_and_every_tensor_gets_a_gradient() {
    let model = model();
    for method in Method::ALL {
        let heads = if method.is_single_head() { 1 } else { 2 };
        let spec = AdapterSpec { method, heads, dropout: 0.1, ..spec() };
        let adapter = Adapter::new(&spec, 2, |m| model.dims(m).unwrap(), 7, &Device::Cpu).unwrap();
        let before = adapter.to_tensors().unwrap();
        let (losses, trained) = trained_losses(adapter);
        assert!(losses[9] < losses[0] - 0.05, "{method}: {losses:?}");
        let after = trained.to_tensors().unwrap();
        for ((name, before), (_, after)) in before.named().into_iter().zip(after.named()) {
            assert_ne!(values(before), values(after), "{method}: {name} did not move");
        }
    }
}
