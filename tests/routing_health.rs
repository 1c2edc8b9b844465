//! Health of the heads while a run trains: a forced collapse is warned of within 50 steps, and a healthy run is silent.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use hydra_studio::adapter::{
    Adapter, AdapterSpec, AdapterTensors, CardInfo, GateCapture, Method, Module, ModuleTensors, Pass, Target,
};
use hydra_studio::data::{ColumnMap, import};
use hydra_studio::evaluate::verdict::{FindingKind, RunFacts, judge};
use hydra_studio::export::{ExportSource, export_hydralora};
use hydra_studio::job::Job;
use hydra_studio::model::{BaseModel, Sequences};
use hydra_studio::train::{
    DataRef, Dataset, FileRef, Length, Run, RunEvent, RunFile, RunFolder, RunHistory, TrainSettings, WarningKind,
    WarningRecord,
};

const HEADS: usize = 3;

/// Warnings of the routing's health.
fn of_health(warning: &WarningRecord) -> bool {
    use WarningKind::{Collapse, DeadHead, Deadlock, Saturated};
    matches!(warning.kind, Collapse | DeadHead | Deadlock | Saturated)
}

/// Trains until `step` steps are done, or to the end; gives the warnings of health.
fn advance(run: &mut Run, step: usize) -> Vec<WarningRecord> {
    let mut warnings = Vec::new();
    while !run.is_done() && run.trainer().step() < step {
        for event in run.advance().unwrap() {
            if let RunEvent::Warning(warning) = event {
                warnings.extend(Some(warning).filter(of_health));
            }
        }
    }
    warnings
}

struct Bench {
    folder: tempfile::TempDir,
    model: Arc<BaseModel>,
    data: std::path::PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = support::tiny_model_of(folder.path(), 64);
        let data = support::corpus(folder.path(), 200);
        let model = Arc::new(BaseModel::load(&model, &Device::Cpu, &Job::silent()).unwrap());
        Self { folder, model, data }
    }

    /// Runs `settings` until `step` steps are done, or to their end; gives the warnings of health, and the run folder.
    fn run_to(&self, step: usize, settings: TrainSettings) -> (Vec<WarningRecord>, std::path::PathBuf) {
        let job = Job::silent();
        let examples = import(std::slice::from_ref(&self.data), &ColumnMap::default(), &job).unwrap().examples;
        let data = Dataset::from_examples(&examples, self.model.tokenizer().unwrap(), &settings, &job).unwrap();
        let files = vec![FileRef::of(&self.data).unwrap()];
        let data_ref = DataRef::Rows { files, columns: BTreeMap::new() };
        let out = self.folder.path().join("run");
        let mut run = Run::start(self.model.clone(), Arc::new(data), settings, data_ref, &out).unwrap();
        (advance(&mut run, step), out)
    }

    /// Runs `settings` to their end.
    fn run(&self, settings: TrainSettings) -> (Vec<WarningRecord>, std::path::PathBuf) {
        self.run_to(usize::MAX, settings)
    }

    /// Goes on with the run at `out` to its end; gives the warnings of health, and the step that it went on from.
    fn resume(&self, out: &Path) -> (Vec<WarningRecord>, usize) {
        let job = Job::silent();
        let (folder, file) = RunFolder::open(out).unwrap();
        let examples = import(std::slice::from_ref(&self.data), &ColumnMap::default(), &job).unwrap().examples;
        let tokenizer = self.model.tokenizer().unwrap();
        let data = Dataset::from_examples(&examples, tokenizer, &file.settings, &job).unwrap();
        let (mut run, resumed) = Run::resume(self.model.clone(), Arc::new(data), &file, folder).unwrap();
        (advance(&mut run, usize::MAX), resumed.from_step)
    }

    /// What the modules of `targets` read, `[tokens, inputs]` for each. A router of one head more than there are inputs,
    /// each but the last looking at one input, tells them by its gates.
    fn inputs(&self, targets: &[Target]) -> BTreeMap<Module, Vec<Vec<f32>>> {
        const SMALL: f32 = 0.01;
        let width = self.model.decoder.config().hidden;
        let spec = AdapterSpec { rank: 1, heads: width + 1, targets: targets.to_vec(), ..AdapterSpec::default() };
        let probe = self.adapter(&spec, |_| {
            let mut rows = vec![vec![0f32; width]; width + 1];
            (0..width).for_each(|i| rows[i][i] = SMALL);
            rows
        });
        let probe = Adapter::from_tensors(&probe, &Device::Cpu).unwrap();
        let examples =
            import(std::slice::from_ref(&self.data), &ColumnMap::default(), &Job::silent()).unwrap().examples;
        let tokenizer = self.model.tokenizer().unwrap();
        let mut inputs: BTreeMap<Module, Vec<Vec<f32>>> = BTreeMap::new();
        for example in examples.iter_of((0..examples.len()).step_by(4)).map(Result::unwrap) {
            let ids = tokenizer.encode_example(&example.messages, 48).unwrap().ids;
            let capture = GateCapture::default();
            let pass = Pass { capture: Some(&capture), ..Pass::with(&probe) };
            self.model.decoder.hidden(&ids, &Sequences::single(ids.len()), &pass, None).unwrap();
            let input = |gates: &[f32]| gates[..width].iter().map(|gate| (gate / gates[width]).ln() / SMALL).collect();
            for (module, gates) in capture.take() {
                inputs.entry(module).or_default().extend(gates.chunks(width + 1).map(input));
            }
        }
        assert_eq!(inputs.len(), 4, "what is not adapted is not captured");
        inputs
    }

    /// An adapter that has learnt nothing, with these routers.
    fn adapter(&self, spec: &AdapterSpec, router: impl Fn(Module) -> Vec<Vec<f32>>) -> AdapterTensors {
        let layers = self.model.decoder.config().layers;
        let device = &Device::Cpu;
        let of = |module: Module| {
            let (inputs, outputs) = self.model.dims(module).unwrap();
            let zeros = |rows, columns| Tensor::zeros((rows, columns), candle_core::DType::F32, device).unwrap();
            let a = Tensor::randn(0f32, 0.05, (spec.rank, inputs), device).unwrap();
            let b = (0..spec.heads).map(|_| zeros(outputs, spec.rank)).collect();
            (module, ModuleTensors { a: vec![a], b, router: Some(Tensor::new(router(module), device).unwrap()) })
        };
        AdapterTensors { spec: spec.clone(), modules: spec.modules(layers).map(of).collect() }
    }
}

fn settings(steps: usize) -> TrainSettings {
    TrainSettings {
        length: Length::Steps(steps),
        method: Method::HydraLora,
        heads: HEADS,
        batch: 4,
        context: 48,
        held_out: 0.1,
        ..TrainSettings::default()
    }
}

/// Writes an adapter whose router sends everything that a module reads to the head of its layer.
fn collapsed(bench: &Bench, folder: &Path) {
    let targets = [Target::Q, Target::Up];
    let inputs = bench.inputs(&targets);
    let spec = AdapterSpec { heads: HEADS, targets: targets.to_vec(), ..AdapterSpec::default() };
    let tensors = bench.adapter(&spec, |module| {
        let rows = &inputs[&module];
        let width = rows[0].len();
        let mut towards = vec![0f32; width];
        // Until every token is on one side of it, as a perceptron learns.
        for _ in 0..500 {
            for row in rows {
                if row.iter().zip(&towards).map(|(x, w)| x * w).sum::<f32>() < 1.0 {
                    towards.iter_mut().zip(row).for_each(|(w, x)| *w += 0.1 * x);
                }
            }
        }
        let mut router = vec![vec![0f32; width]; HEADS];
        router[module.layer % HEADS] = towards.iter().map(|w| w * 20.0).collect();
        router
    });
    let card = CardInfo::default();
    let source = ExportSource { tensors: &tensors, base_model: "tiny", card: &card };
    export_hydralora(folder, source, |_| Ok(()), &Job::silent()).unwrap();
}

#[test]
fn a_forced_collapse_is_warned_of_within_50_steps_and_in_the_verdict() {
    let bench = Bench::new();
    let start = bench.folder.path().join("collapsed");
    collapsed(&bench, &start);
    let (warnings, run) = bench.run(TrainSettings { init_adapter: Some(start), lr: 1e-4, ..settings(50) });
    let first = warnings.first().expect("a warning");
    assert!(first.kind == WarningKind::Collapse && first.step <= 50, "{warnings:?}");
    // One layer's modules collapsed towards one head, the other's towards another.
    assert!(first.message.contains("in 4 of 4 modules") && first.message.contains("hardly take part"), "{first:?}");
    assert_eq!(warnings.iter().filter(|warning| warning.kind == WarningKind::Collapse).count(), 1, "said once");
    let (file, history) = (RunFile::read(&run).unwrap(), RunHistory::read(&run).unwrap());
    assert!(history.warnings.iter().any(|warning| warning.kind == WarningKind::Collapse), "the log keeps it");
    let verdict = judge(&RunFacts::of(&file, &history));
    let told = verdict.finding(FindingKind::Collapsed).expect("the verdict sees it though the mean of all is even");
    assert!(told.text.contains("100 % of the modules"), "{told:?}");
}

#[test]
fn a_collapse_is_told_once_a_run_however_often_it_is_resumed() {
    let bench = Bench::new();
    let start = bench.folder.path().join("collapsed");
    collapsed(&bench, &start);
    let settings = TrainSettings { init_adapter: Some(start), lr: 1e-4, checkpoint_every: Some(10), ..settings(40) };
    let (warnings, run) = bench.run_to(25, settings);
    assert_eq!(warnings.iter().filter(|warning| warning.kind == WarningKind::Collapse).count(), 1);
    let (again, from) = bench.resume(&run);
    assert!(from >= 10, "it went on from step {from}");
    assert!(again.iter().all(|warning| warning.kind != WarningKind::Collapse), "{again:?}");
    let told = RunHistory::read(&run).unwrap().warnings;
    assert_eq!(told.iter().filter(|warning| warning.kind == WarningKind::Collapse).count(), 1, "{told:?}");
}

#[test]
fn a_healthy_run_is_silent() {
    let bench = Bench::new();
    let (warnings, run) = bench.run(TrainSettings { lr: 2e-3, ..settings(120) });
    assert!(warnings.is_empty(), "{warnings:?}");
    let looks = std::fs::read_to_string(run.join("gates.jsonl")).unwrap();
    assert_eq!(looks.lines().count(), 120, "a short run keeps what it saw at every step");
}
