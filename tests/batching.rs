//! How examples are laid together changes nothing of what is learnt.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor};
use hydra_studio::adapter::{Adapter, AdapterSpec, Method, Pass, Target};
use hydra_studio::data::Source;
use hydra_studio::job::Job;
use hydra_studio::model::{BaseModel, Sequences};
use hydra_studio::text::{Batch, TokenizedExample};
use hydra_studio::train::{Batcher, Dataset, Row, Schedule, TrainSettings, Trainer, loss_of};

/// Lengths of the examples; all their tokens but the first third are supervised.
const LENGTHS: [usize; 6] = [5, 17, 3, 11, 8, 2];

fn model() -> BaseModel {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiny/base");
    BaseModel::load(&path, &Device::Cpu, &Job::silent()).unwrap()
}

/// An adapter of which no tensor is zero, so that every one has a gradient.
fn adapter(model: &BaseModel) -> Adapter {
    adapter_on(model, Target::ALL.to_vec(), 0.0)
}

fn adapter_on(model: &BaseModel, targets: Vec<Target>, dropout: f64) -> Adapter {
    let spec = AdapterSpec {
        method: Method::HydraLora,
        rank: 4,
        heads: 3,
        alpha: 8.0,
        dropout,
        rslora: false,
        targets,
        ..AdapterSpec::default()
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

#[test]
fn recomputation_gives_the_loss_and_the_gradients_of_keeping_everything() {
    let (model, examples) = (model(), examples());
    let batch = Batch::packed(&examples.iter().collect::<Vec<_>>());
    for (targets, dropout) in [(Target::ALL.to_vec(), 0.0), (Target::ALL.to_vec(), 0.2), (vec![Target::V], 0.0)] {
        let adapter = adapter_on(&model, targets, dropout);
        let pass = Pass { training_seed: Some(5), ..Pass::with(&adapter) };
        let kept = loss_of(&model.decoder, &batch, batch.supervised(), &pass).unwrap().unwrap();
        let grads = kept.backward().unwrap();
        let mut again = HashMap::new();
        let sequences = Sequences::at(&batch.spans, batch.ids.len());
        let gather = |grads: &GradStore| {
            for (i, var) in adapter.vars().iter().enumerate() {
                if let Some(gradient) = grads.get(var) {
                    assert!(again.insert(i, values(gradient)).is_none(), "tensor {i} had two gradients");
                }
            }
            Ok(())
        };
        let (ids, labels) = (&batch.ids, &batch.labels);
        let supervised = batch.supervised();
        let loss = model.decoder.loss_with_recomputation(ids, labels, &sequences, supervised, &pass, gather);
        assert_eq!(loss.unwrap().unwrap(), kept.to_scalar::<f32>().unwrap());
        for (i, var) in adapter.vars().iter().enumerate() {
            let off = distance(&again[&i], &values(grads.get(var).unwrap()));
            assert!(off < 1e-6, "tensor {i}: {off}");
        }
    }
}

#[test]
fn a_run_with_recomputation_and_a_thread_of_its_own_learns_what_one_without_learns() {
    let plain = trained_with(settings(6, 1, true));
    let other = trained_with(TrainSettings { recompute: true, threads: Some(1), ..settings(6, 1, true) });
    for (ours, theirs) in plain.iter().zip(&other) {
        assert!(distance(ours, theirs) < 1e-6, "{}", distance(ours, theirs));
    }
}

/// The adapter's tensors after four steps.
fn trained_with(settings: TrainSettings) -> Vec<Vec<f64>> {
    let model = model();
    let adapter = adapter(&model);
    let vars = adapter.vars();
    let data = Arc::new(dataset());
    let mut trainer = Trainer::new(model.decoder.clone(), Some(adapter), vars.clone(), data, settings, 4);
    while trainer.step() < 4 {
        trainer.micro_step().unwrap();
    }
    vars.iter().map(|var| values(var.as_tensor())).collect()
}

/// The examples, and settings under which a step takes all six of them.
fn dataset() -> Dataset {
    let row = |(i, tokens): (usize, TokenizedExample)| Row {
        tokens,
        source: Source { file: "rows".into(), line: i + 1 },
        topic: None,
    };
    let mut data = Dataset::default();
    data.train = examples().into_iter().enumerate().map(row).collect();
    data
}

fn settings(batch: usize, accumulate: usize, packing: bool) -> TrainSettings {
    TrainSettings {
        batch,
        accumulate,
        packing,
        context: 20,
        lr: 1e-3,
        schedule: Schedule::Constant,
        warmup: 0.0,
        ..TrainSettings::default()
    }
}

#[test]
fn a_step_in_packed_rows_gives_the_loss_and_the_gradients_of_every_example_alone() {
    let model = model();
    let adapter = adapter(&model);
    let of = |batch, accumulate, packing| {
        let step = Batcher::new(Arc::new(dataset()), settings(batch, accumulate, packing)).step(0);
        let (mut sum, mut gradients) = (0.0, vec![Vec::new(); adapter.vars().len()]);
        for micro in &step.micro_batches {
            let pass = Pass { training_seed: Some(0), ..Pass::with(&adapter) };
            let loss = loss_of(&model.decoder, &micro.batch, step.supervised, &pass).unwrap().unwrap();
            sum += f64::from(loss.to_scalar::<f32>().unwrap());
            let grads = loss.backward().unwrap();
            for (gradient, var) in gradients.iter_mut().zip(adapter.vars()) {
                let more = values(grads.get(&var).unwrap());
                gradient.resize(more.len(), 0.0);
                gradient.iter_mut().zip(more).for_each(|(sum, g)| *sum += g);
            }
        }
        (step.micro_batches.len(), sum, gradients)
    };
    let (alone, theirs, their_gradients) = of(1, 6, false);
    assert_eq!(alone, 6);
    for (batch, accumulate, packing, micro_batches) in
        [(6, 1, true, 1), (2, 3, true, 2), (1, 6, true, 3), (2, 3, false, 3), (6, 1, false, 1)]
    {
        let (count, ours, our_gradients) = of(batch, accumulate, packing);
        assert_eq!(count, micro_batches, "{batch} × {accumulate}, packing {packing}");
        assert!((ours - theirs).abs() < 1e-5, "{ours} {theirs}");
        for (ours, theirs) in our_gradients.iter().zip(&their_gradients) {
            assert!(distance(ours, theirs) < 1e-5, "{}", distance(ours, theirs));
        }
    }
}

/// What four steps of a trainer came to.
struct Trained {
    losses: Vec<f64>,
    tensors: Vec<Vec<f64>>,
    micro_steps: usize,
}

fn trained(batch: usize, accumulate: usize, packing: bool) -> Trained {
    let (model, data, settings) = (model(), Arc::new(dataset()), settings(batch, accumulate, packing));
    let adapter = adapter(&model);
    let vars = adapter.vars();
    let mut trainer = Trainer::new(model.decoder.clone(), Some(adapter), vars.clone(), data, settings, 4);
    let (mut losses, mut micro_steps) = (Vec::new(), 0);
    while losses.len() < 4 {
        losses.extend(trainer.micro_step().unwrap().map(|record| record.loss));
        micro_steps += 1;
    }
    Trained { losses, tensors: vars.iter().map(|var| values(var.as_tensor())).collect(), micro_steps }
}

#[test]
fn a_step_is_the_same_however_its_examples_fall_into_micro_batches() {
    let whole = trained(6, 1, true);
    for (batch, accumulate, packing) in [(1, 6, true), (2, 3, true), (3, 2, false), (1, 6, false)] {
        let parts = trained(batch, accumulate, packing);
        for (ours, theirs) in whole.losses.iter().zip(&parts.losses) {
            assert!((ours - theirs).abs() < 1e-5, "{batch} × {accumulate}: {:?} {:?}", whole.losses, parts.losses);
        }
        for (ours, theirs) in whole.tensors.iter().zip(&parts.tensors) {
            assert!(distance(ours, theirs) < 1e-4, "{batch} × {accumulate}: {}", distance(ours, theirs));
        }
    }
}

#[test]
fn a_run_of_short_examples_takes_fewer_micro_batches_than_it_may() {
    let of = |packing| trained(1, 6, packing).micro_steps;
    assert_eq!((of(true), of(false)), (4 * 3, 4 * 6), "46 tokens are three rows of twenty");
}

#[test]
fn a_loss_that_is_no_number_names_the_examples_that_were_computed_together() {
    let (model, settings) = (model(), settings(1, 6, true));
    let adapter = adapter(&model);
    let vars = adapter.vars();
    vars[0].set(&vars[0].affine(f64::INFINITY, 0.0).unwrap()).unwrap();
    let mut trainer = Trainer::new(model.decoder.clone(), Some(adapter), vars, Arc::new(dataset()), settings, 4);
    let message = trainer.micro_step().unwrap_err().to_string();
    assert!(message.contains("loss of step 1") && message.contains("rows:2, rows:3. "), "{message}");
}

#[test]
fn a_trainer_can_be_sent_to_another_thread() {
    fn sent<T: Send>() {}
    sent::<Trainer>();
}
