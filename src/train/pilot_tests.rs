//! The dry pass and the division of micro-batches, on a small model of random weights and on the reference model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;

use super::estimate::{PassMemory, PassSize};
use super::usage::MemoryPeak;
use super::{
    DataRef, Dataset, FileRef, Length, MicroBatching, Row, Run, RunEvent, RunFolder, StepRecord, TrainSettings,
    Trainer, WarningKind,
};
use crate::adapter::{Adapter, Module};
use crate::data::Source;
use crate::job::Job;
use crate::model::{BaseModel, BaseType, Decoder, ModelConfig, ModelShape, RandomWeights};
use crate::text::TokenizedExample;

fn decoder() -> Arc<Decoder> {
    let config = ModelConfig {
        hidden: 64,
        intermediate: 160,
        layers: 3,
        heads: 4,
        kv_heads: 2,
        head_dim: 16,
        vocab: 256,
        ..ModelShape::SmolLm2_135m.config()
    };
    let (device, job) = (Device::Cpu, Job::silent());
    Arc::new(Decoder::load(&config, &mut RandomWeights::new(BaseType::F32, 1, &device, &job)).unwrap())
}

/// Examples of 12 to 30 tokens, and one of 40.
fn data() -> Arc<Dataset> {
    let row = |i: usize| {
        let length = if i == 13 { 40 } else { 12 + i * 5 % 19 };
        let ids: Vec<u32> = (0..length).map(|t| ((i * 37 + t * 11) % 256) as u32).collect();
        let tokens = TokenizedExample { supervised: vec![true; length], ids, ..TokenizedExample::default() };
        Row { tokens, source: Source { file: "rows".into(), line: i + 1 }, topic: None }
    };
    Arc::new(Dataset { train: (0..24).map(row).collect(), ..Dataset::default() })
}

fn settings() -> TrainSettings {
    TrainSettings { batch: 4, accumulate: 2, context: 40, packing: false, lr: 1e-3, ..TrainSettings::default() }
}

fn trainer(settings: &TrainSettings) -> Trainer {
    let decoder = decoder();
    let dims = |module: Module| decoder.config().dims(module.target);
    let adapter = Adapter::new(&settings.adapter_spec(), decoder.config().layers, dims, 1, &Device::Cpu).unwrap();
    let vars = adapter.vars();
    Trainer::new(decoder, Some(adapter), vars, data(), settings.clone(), 9)
}

/// One whole step.
fn step(trainer: &mut Trainer) -> StepRecord {
    loop {
        if let Some(record) = trainer.micro_step().unwrap() {
            return StepRecord { tokens_per_s: 0.0, elapsed_s: 0.0, ..record };
        }
    }
}

fn numbers(adapter: &Adapter) -> Vec<u32> {
    let all = |var: candle_core::Var| var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    adapter.vars().into_iter().flat_map(all).map(f32::to_bits).collect()
}

#[test]
fn a_dry_pass_leaves_the_run_as_it_is_bit_for_bit() {
    for recompute in [false, true] {
        let settings = TrainSettings { dropout: 0.2, recompute, ..settings() };
        let (mut piloted, mut plain) = (trainer(&settings), trainer(&settings));
        let dry = piloted.dry_pass().unwrap().unwrap();
        assert_eq!(dry.size.tokens, 4 * 40, "the longest example is in the heaviest micro-batch");
        for _ in 0..4 {
            let (piloted, plain) = (step(&mut piloted), step(&mut plain));
            assert_eq!((piloted.loss.to_bits(), &piloted), (plain.loss.to_bits(), &plain));
        }
        assert!(piloted.dry_pass().unwrap().is_some(), "between two steps it may be passed too");
        assert_eq!(step(&mut piloted), step(&mut plain));
        let numbers = |trainer: &Trainer| numbers(trainer.adapter().unwrap());
        assert_eq!(numbers(&piloted), numbers(&plain));
        assert!(piloted.take_warnings().is_empty());
    }
}

#[test]
fn a_dry_pass_is_over_the_heaviest_micro_batch_of_all() {
    for packing in [true, false] {
        let settings = TrainSettings { packing, context: 64, batch: 2, ..settings() };
        let mut trainer = trainer(&settings);
        let spec = trainer.adapter().unwrap().spec().clone();
        let config = trainer.decoder().config().clone();
        let pass = PassMemory { config: &config, spec, recompute: false };
        let mut batcher = super::Batcher::new(data(), settings);
        let all = (0..6).flat_map(|step| batcher.step(step).micro_batches);
        let sizes = all.map(|micro| PassSize { tokens: micro.batch.ids.len(), supervised: micro.batch.supervised() });
        let most = sizes.map(|size| pass.bytes(size)).max().unwrap();
        assert_eq!(pass.bytes(trainer.dry_pass().unwrap().unwrap().size), most);
    }
}

fn assert_alike(ours: &StepRecord, theirs: &StepRecord) {
    let close = |a: f64, b: f64| (a - b).abs() < 1e-5 * b.abs();
    assert!(close(ours.loss, theirs.loss) && close(ours.grad_norm, theirs.grad_norm), "{ours:?} {theirs:?}");
    assert_eq!((ours.step, ours.tokens, ours.supervised), (theirs.step, theirs.tokens, theirs.supervised));
}

#[test]
fn short_memory_halves_the_micro_batch_until_there_is_nothing_to_halve_and_the_step_is_the_same() {
    for recompute in [false, true] {
        let settings = TrainSettings { recompute, ..settings() };
        let (mut short, mut plain) = (trainer(&settings), trainer(&settings));
        assert_alike(&step(&mut short), &step(&mut plain));
        // The next step has a micro-batch behind it when memory runs short.
        assert!(short.micro_step().unwrap().is_none());
        short.limit_memory(0);
        for _ in 0..3 {
            assert_alike(&step(&mut short), &step(&mut plain));
        }
        assert_eq!(short.micro_batching(), MicroBatching { batch: 1, accumulate: 8 });
        let warnings = short.take_warnings();
        assert!(warnings.iter().all(|warning| (warning.step, warning.kind) == (1, WarningKind::Memory)));
        let told: Vec<&str> = warnings.iter().map(|warning| warning.message.as_str()).collect();
        assert!(told[0].contains("2 rows at a time instead of 4") && told[0].contains("effective batch stays 8"));
        assert!(told[1].contains("1 row at a time instead of 2") && told[2].contains("cannot be made smaller"));
        assert_eq!(told.len(), 3, "that there is nothing to halve is said once: {told:#?}");
    }
}

#[test]
fn no_more_rows_are_given_up_than_the_memory_asks_for() {
    let Some(held) = super::estimate::MemoryNow::read() else { return };
    let (mut short, mut plain) = (trainer(&settings()), trainer(&settings()));
    let config = short.decoder().config().clone();
    let pass = PassMemory { config: &config, spec: settings().adapter_spec(), recompute: false };
    let bytes = |rows: usize| pass.bytes(PassSize { tokens: rows * 40, supervised: rows * 40 });
    // Other tests hold memory beside this one, so that what is held is set and not read.
    short.headroom.hold_still(held, held.held + (bytes(2) + bytes(4)) / 2);
    for _ in 0..3 {
        assert_alike(&step(&mut short), &step(&mut plain));
    }
    assert_eq!(short.micro_batching(), MicroBatching { batch: 2, accumulate: 4 });
    assert_eq!(short.take_warnings().len(), 1);
}

#[test]
fn a_dry_pass_that_has_no_room_makes_micro_batches_smaller() {
    let mut trainer = trainer(&settings());
    trainer.limit_memory(0);
    let dry = trainer.dry_pass().unwrap().unwrap();
    assert_eq!((dry.size.tokens, trainer.micro_batching().batch), (40, 1));
    assert_eq!(trainer.take_warnings().len(), 3);
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiny").join(name)
}

fn reference() -> (Arc<BaseModel>, Arc<Dataset>) {
    let model = BaseModel::load(&golden("base"), &Device::Cpu, &Job::silent()).unwrap();
    let data = Dataset::from_token_file(&golden("batch.safetensors"), model.decoder.config().vocab).unwrap();
    (Arc::new(model), Arc::new(data))
}

fn reference_run(out: &Path) -> Run {
    let (model, data) = reference();
    let settings = TrainSettings {
        batch: 2,
        accumulate: 1,
        dropout: 0.1,
        length: Length::Steps(6),
        checkpoint_every: Some(2),
        ..TrainSettings::default()
    };
    let data_ref = DataRef::Tokens { file: FileRef::of(&golden("batch.safetensors")).unwrap() };
    Run::start(model, data, settings, data_ref, out).unwrap()
}

/// Goes on until `step` steps are done and told, and gives what was told.
fn advance_to(run: &mut Run, step: usize) -> Vec<RunEvent> {
    let mut told = Vec::new();
    while run.trainer().step() < step || (step == 6 && !run.is_done()) {
        told.extend(run.advance().unwrap());
    }
    told
}

#[test]
fn a_run_begins_with_its_estimate_and_what_a_dry_pass_took() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = reference_run(&folder.path().join("run"));
    let told = run.advance().unwrap();
    let [RunEvent::Estimate(record)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((record.step, record.total), (0, record.estimate.total_bytes()));
    assert!(record.estimate.step_s.is_some_and(|seconds| seconds > 0.0) && record.estimate.steps == Some(6));
    assert_eq!(record.measured.is_some(), MemoryPeak::start().bytes().is_some());
    run.skip_memory_check();
    assert!(advance_to(&mut run, 6).iter().all(|event| !matches!(event, RunEvent::Estimate(_))));
}

#[test]
fn a_run_that_fell_back_resumes_as_it_would_have_gone_on() {
    let folder = tempfile::tempdir().unwrap();
    let fallen = |name: &str| {
        let mut run = reference_run(&folder.path().join(name));
        advance_to(&mut run, 1);
        run.trainer_mut().limit_memory(0);
        let told = advance_to(&mut run, 3);
        let warned = told.iter().filter(|event| matches!(event, RunEvent::Warning(_))).count();
        assert_eq!((warned, run.trainer().micro_batching().batch), (2, 1));
        run
    };
    let mut unbroken = fallen("unbroken");
    advance_to(&mut unbroken, 6);
    drop(fallen("broken"));
    let (model, data) = reference();
    let (run_folder, file) = RunFolder::open(&folder.path().join("broken")).unwrap();
    let (mut resumed, how) = Run::resume(model, data, &file, run_folder).unwrap();
    assert_eq!((how.from_step, resumed.trainer().micro_batching().batch), (2, 1));
    advance_to(&mut resumed, 6);
    assert_eq!(numbers(resumed.adapter().unwrap()), numbers(unbroken.adapter().unwrap()));
}
