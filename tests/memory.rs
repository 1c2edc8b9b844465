//! Training holds on to no memory from step to step, and recomputation needs much less of it. One test, alone in its
//! process: it reads how much memory the process has had.
#![cfg(target_os = "linux")]

use std::sync::Arc;

use candle_core::Device;
use hydra_studio::adapter::{Adapter, AdapterSpec};
use hydra_studio::data::Source;
use hydra_studio::job::Job;
use hydra_studio::model::{BaseType, Decoder, ModelConfig, ModelShape, RandomWeights};
use hydra_studio::text::TokenizedExample;
use hydra_studio::train::{Dataset, Row, TrainSettings, Trainer};

/// Tokens of a row; rows of a step are of several lengths, so that no two allocations need be alike.
const LENGTHS: [usize; 7] = [48, 31, 64, 60, 17, 40, 55];

/// The most memory that the process has had so far, in KiB.
fn high_water() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn decoder() -> Arc<Decoder> {
    let config = ModelConfig {
        hidden: 64,
        intermediate: 192,
        layers: 10,
        heads: 4,
        kv_heads: 2,
        head_dim: 16,
        vocab: 512,
        ..ModelShape::SmolLm2_135m.config()
    };
    let (device, job) = (Device::Cpu, Job::silent());
    Arc::new(Decoder::load(&config, &mut RandomWeights::new(BaseType::Q8_0, 1, &device, &job)).unwrap())
}

fn trainer(decoder: &Arc<Decoder>, recompute: bool, steps: usize) -> Trainer {
    let row = |i: usize| Row {
        tokens: TokenizedExample {
            ids: (0..LENGTHS[i % 7]).map(|t| ((i * 37 + t * 11) % 512) as u32).collect(),
            supervised: vec![true; LENGTHS[i % 7]],
            ..TokenizedExample::default()
        },
        source: Source { file: "rows".into(), line: i + 1 },
        topic: None,
    };
    let mut data = Dataset::default();
    data.train = (0..35).map(row).collect();
    let spec = AdapterSpec::default();
    let dims = |module: hydra_studio::adapter::Module| decoder.config().dims(module.target);
    let adapter = Adapter::new(&spec, decoder.config().layers, dims, 1, &Device::Cpu).unwrap();
    let settings = TrainSettings { batch: 4, accumulate: 1, context: 64, recompute, ..TrainSettings::default() };
    Trainer::new(decoder.clone(), Some(adapter.clone()), adapter.vars(), Arc::new(data), settings, steps)
}

/// The high-water mark half way, when the largest step has most likely been, and after `steps`.
fn high_waters(mut trainer: Trainer, steps: usize) -> (i64, i64) {
    let mut early = 0;
    while trainer.step() < steps {
        trainer.micro_step().unwrap();
        if 2 * trainer.step() == steps {
            early = high_water();
        }
    }
    (early, high_water())
}

#[test]
fn memory_stays_level_over_200_steps_and_recomputation_needs_much_less_of_it() {
    let decoder = decoder();
    let before = high_water();
    let (_, recomputing) = high_waters(trainer(&decoder, true, 20), 20);
    let (early, late) = high_waters(trainer(&decoder, false, 200), 200);
    // A step that held on to a hundredth of its memory would double it in the second half.
    assert!(late - early <= early / 16, "{early} KiB after 100 steps, {late} KiB after 200");
    let (without, with) = (recomputing - before, late - before);
    assert!(3 * without < 2 * with, "recomputation took {without} KiB more, keeping everything {with} KiB");
    eprintln!("{before} KiB before, {recomputing} recomputing, {early} after 100 steps, {late} after 200");
}
