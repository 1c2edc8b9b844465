//! How examples are laid together changes nothing of what is learnt.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use hydra_studio::adapter::{Adapter, AdapterSpec, Method, Pass, Target};
use hydra_studio::job::Job;
use hydra_studio::model::BaseModel;
use hydra_studio::text::{Batch, TokenizedExample};
use hydra_studio::train::{Dataset, Row, Schedule, TrainSettings, Trainer, loss_of};

/// Lengths of the examples; all their tokens but the first third are supervised.
const LENGTHS: [usize; 6] = [5, 17, 3, 11, 8, 2];

fn model() -> BaseModel {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiny/base");
    BaseModel::load(&path, &Device::Cpu, &Job::silent()).unwrap()
}

/// An adapter of which no tensor is zero, so that every one has a gradient.
fn adapter(model: &BaseModel) -> Adapter {
    let spec = AdapterSpec {
        method: Method::HydraLora,
        rank: 4,
        heads: 3,
        alpha: 8.0,
        dropout: 0.0,
        rslora: false,
        targets: Target::ALL.to_vec(),
    };
    let adapter = Adapter::new(&spec, 2, |m| model.dims(m).unwrap(), 7, &Device::Cpu).unwrap();
    for var in adapter.vars() {
        let ramp = Tensor::arange(0f32, var.elem_count() as f32, &Device::Cpu).unwrap();
        let start = ramp.affine(0.37, 0.1).unwrap().sin().unwrap().affine(0.1, 0.0).unwrap();
        var.set(&start.reshape(var.shape()).unwrap()).unwrap();
    }
    adapter
}

fn examples() -> Vec<TokenizedExample> {
    let example = |(i, len): (usize, &usize)| TokenizedExample {
        ids: (0..*len).map(|t| ((i * 31 + t * 7) % 128) as u32).collect(),
        supervised: (0..*len).map(|t| t >= len / 3).collect(),
        ..TokenizedExample::default()
    };
    LENGTHS.iter().enumerate().map(example).collect()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

fn distance(ours: &[f64], theirs: &[f64]) -> f64 {
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut ours.iter().zip(theirs).map(|(a, b)| a - b)) / norm(&mut theirs.iter().copied()).max(1e-12)
}

#[test]
fn packed_examples_give_the_loss_and_the_gradients_of_padded_ones() {
    let (model, examples) = (model(), examples());
    let adapter = adapter(&model);
    let rows: Vec<&TokenizedExample> = examples.iter().collect();
    let (packed, padded) = (Batch::packed(&rows), Batch::padded(&rows, 0));
    assert_eq!((packed.ids.len(), padded.ids.len()), (LENGTHS.iter().sum(), 6 * 17));
    let of = |batch: &Batch| {
        let pass = Pass { training_seed: Some(0), ..Pass::with(&adapter) };
        let loss = loss_of(&model.decoder, batch, batch.supervised(), &pass).unwrap().unwrap();
        let grads = loss.backward().unwrap();
        let gradients = adapter.vars().iter().map(|var| values(grads.get(var).unwrap())).collect::<Vec<_>>();
        (f64::from(loss.to_scalar::<f32>().unwrap()), gradients)
    };
    let ((ours, our_gradients), (theirs, their_gradients)) = (of(&packed), of(&padded));
    assert!((ours - theirs).abs() < 1e-5, "{ours} {theirs}");
    for (ours, theirs) in our_gradients.iter().zip(&their_gradients) {
        assert!(distance(ours, theirs) < 1e-5, "{}", distance(ours, theirs));
    }
}

/// Losses of four steps and the tensors after them, with micro-batches of `batch`.
fn trained(batch: usize, accumulate: usize, packing: bool) -> (Vec<f64>, Vec<Vec<f64>>) {
    let model = model();
    let adapter = adapter(&model);
    let row = |(i, tokens): (usize, TokenizedExample)| Row {
        tokens,
        source: hydra_studio::data::Source { file: PathBuf::from("rows").display().to_string(), line: i + 1 },
        topic: None,
    };
    let mut data = Dataset::default();
    data.train = examples().into_iter().enumerate().map(row).collect();
    let settings = TrainSettings {
        batch,
        accumulate,
        packing,
        lr: 1e-3,
        schedule: Schedule::Constant,
        warmup: 0.0,
        ..TrainSettings::default()
    };
    let vars = adapter.vars();
    let mut trainer = Trainer::new(model.decoder.clone(), Some(adapter), vars.clone(), Arc::new(data), settings, 4);
    let mut losses = Vec::new();
    while losses.len() < 4 {
        losses.extend(trainer.micro_step().unwrap().map(|record| record.loss));
    }
    (losses, vars.iter().map(|var| values(var.as_tensor())).collect())
}

#[test]
fn a_step_is_the_same_however_its_examples_fall_into_micro_batches() {
    let (losses, tensors) = trained(6, 1, true);
    for (batch, accumulate, packing) in [(1, 6, true), (2, 3, true), (3, 2, false)] {
        let (other_losses, other_tensors) = trained(batch, accumulate, packing);
        for (ours, theirs) in losses.iter().zip(&other_losses) {
            assert!((ours - theirs).abs() < 1e-5, "{batch} × {accumulate}: {losses:?} {other_losses:?}");
        }
        for (ours, theirs) in tensors.iter().zip(&other_tensors) {
            assert!(distance(ours, theirs) < 1e-4, "{batch} × {accumulate}: {}", distance(ours, theirs));
        }
    }
}
