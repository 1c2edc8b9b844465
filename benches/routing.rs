//! What looking at gates costs, as ratios taken in turn in one run: `cargo bench --bench routing`, or `-- MODEL` for a
//! model of your own in place of random weights in the shape of SmolLM2-135M.
//!
//! A prompt of 512 tokens: its full routing, summed up, beside a plain forward pass. A training step of 4 × 256 tokens:
//! one that is watched beside one that is not.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use candle_core::{Device, Result};
use hydra_studio::adapter::{Adapter, AdapterSpec, GateCapture, GateLoad, ModuleHealth, Pass, health};
use hydra_studio::inspect::routing_of;
use hydra_studio::job::Job;
use hydra_studio::model::{BaseModel, BaseType, Decoder, ModelShape, RandomWeights, Sequences};
use hydra_studio::text::{Batch, TokenizedExample};
use hydra_studio::train::{RoutingRecord, loss_of};

const PROMPT: usize = 512;
const ROWS: usize = 4;
const ROW: usize = 256;
/// How often each is measured, in turn.
const TIMES: usize = 7;

/// Seconds of each of `ways`, the median of measures taken in turn, so that all see the same machine.
fn medians(ways: &mut [&mut dyn FnMut() -> Result<()>]) -> Result<Vec<f64>> {
    let mut seconds = vec![Vec::new(); ways.len()];
    for round in 0..=TIMES {
        for (way, seconds) in ways.iter_mut().zip(&mut seconds) {
            let started = Instant::now();
            way()?;
            // The first round warms up.
            if round > 0 {
                seconds.push(started.elapsed().as_secs_f64());
            }
        }
    }
    Ok(seconds
        .into_iter()
        .map(|mut seconds| {
            seconds.sort_by(f64::total_cmp);
            seconds[TIMES / 2]
        })
        .collect())
}

fn prompt(decoder: &Decoder, adapter: &Adapter, ids: &[u32]) -> Result<()> {
    let sequences = Sequences::single(ids.len());
    let forward = |pass: &Pass<'_>| decoder.hidden(ids, &sequences, pass, None).map(|hidden| drop(black_box(hidden)));
    let found = medians(&mut [&mut || forward(&Pass::default()), &mut || forward(&Pass::with(adapter)), &mut || {
        let routing = routing_of(decoder, adapter, ids)?;
        black_box((routing.load().overall(), routing.leaders(), routing.modules.len()));
        Ok(())
    }])?;
    let [base, adapted, routed] = found[..] else { return Ok(()) };
    println!(
        "{PROMPT} tokens: base {base:.3} s, with adapter {adapted:.3} s, with its full routing {routed:.3} s: {:.3} of the \
         adapted pass, {:.3} of the base",
        routed / adapted,
        routed / base
    );
    Ok(())
}

fn training(decoder: &Decoder, adapter: &Adapter, ids: &[u32]) -> Result<()> {
    let row = |ids: &[u32]| TokenizedExample {
        ids: ids.to_vec(),
        supervised: vec![true; ids.len()],
        ..TokenizedExample::default()
    };
    let rows: Vec<TokenizedExample> = ids.chunks(ROW).map(row).collect();
    let batch = Batch::packed(&rows.iter().collect::<Vec<_>>());
    let step = |capture: Option<&GateCapture>| -> Result<()> {
        let pass = Pass { training_seed: Some(1), capture, ..Pass::with(adapter) };
        if let Some(loss) = loss_of(decoder, &batch, batch.supervised(), &pass)? {
            black_box(loss.backward()?);
        }
        Ok(())
    };
    let found = medians(&mut [&mut || step(None), &mut || {
        let capture = GateCapture::default();
        step(Some(&capture))?;
        let mut load = GateLoad::new(adapter.spec().heads);
        load.add(&capture.take(), &batch.spans);
        let modules: Vec<_> = load.modules().collect();
        let of = |(module, gates)| ModuleHealth { module, gates, similarity: None };
        let modules: Vec<ModuleHealth<'_>> = modules.iter().map(|(module, gates)| of((*module, gates))).collect();
        black_box((RoutingRecord::of(1, &load), health(&load.overall(), &modules)));
        Ok(())
    }])?;
    let [plain, watched] = found[..] else { return Ok(()) };
    println!(
        "training on {ROWS} × {ROW} tokens: {plain:.3} s, watched {watched:.3} s: {:+.2} %",
        100.0 * (watched / plain - 1.0)
    );
    Ok(())
}

fn main() -> Result<()> {
    let model = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let (device, job) = (Device::Cpu, Job::silent());
    let loaded;
    let random;
    let decoder = match &model {
        Some(path) => {
            loaded = BaseModel::load(Path::new(path), &device, &job).map_err(candle_core::Error::wrap)?;
            &loaded.decoder
        }
        None => {
            let config = ModelShape::SmolLm2_135m.config();
            random = Decoder::load(&config, &mut RandomWeights::new(BaseType::Q8_0, 1, &device, &job))
                .map_err(candle_core::Error::wrap)?;
            &random
        }
    };
    let config = decoder.config();
    let adapter =
        Adapter::new(&AdapterSpec::default(), config.layers, |module| config.dims(module.target), 1, &device)?;
    let ids: Vec<u32> = (0..ROWS * ROW).map(|i| ((i * 7919 + 13) % config.vocab.min(30_000)) as u32).collect();
    prompt(decoder, &adapter, &ids[..PROMPT])?;
    training(decoder, &adapter, &ids)
}
