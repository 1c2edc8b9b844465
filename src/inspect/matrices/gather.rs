//! Adapters read from disk, as far as they can be compared.

use std::path::PathBuf;

use candle_core::{Device, Result as TensorResult, Tensor};

use super::{ComparedAdapter, MatrixKind, MatrixUnit, last_name};
use crate::adapter::{Adapter, AdapterTensors, Module, ModuleTensors, Target, folder};
use crate::job::Job;
use crate::train::{AdapterPlace, RunFile, TrainError};

/// Adapters of one shape.
pub(super) struct Gathered {
    pub adapters: Vec<ComparedAdapter>,
    pub left_out: Vec<String>,
    /// Kinds of modules that all of them adapt.
    pub targets: Vec<Target>,
    pub layers: usize,
    tensors: Vec<AdapterTensors>,
}

impl Gathered {
    /// # Errors
    /// When an adapter cannot be read, none is left, or the job is cancelled.
    pub fn read(paths: &[PathBuf], job: &Job) -> Result<Self, TrainError> {
        let mut gathered =
            Self { adapters: Vec::new(), left_out: Vec::new(), targets: Vec::new(), layers: 0, tensors: Vec::new() };
        for (done, path) in paths.iter().enumerate() {
            job.check()?;
            job.progress(done as f32 / paths.len() as f32, format!("Reading {}", last_name(path)));
            let place = AdapterPlace::find(path)?;
            let tensors = folder::read(&place.folder, None, None)?.tensors;
            let adapter = described(path, place.run.as_ref(), &tensors);
            match gathered.tensors.first().and_then(|first| difference(first, &tensors)) {
                Some(reason) => gathered.left_out.push(format!("{}: {reason}", adapter.name)),
                None => {
                    gathered.tensors.push(tensors);
                    gathered.adapters.push(adapter);
                }
            }
        }
        let Some(first) = gathered.tensors.first() else {
            return Err(TrainError::Settings("there is no adapter to compare: choose at least one".into()));
        };
        gathered.layers = first.layers();
        gathered.targets = first.spec.targets.clone();
        name_apart(&mut gathered.adapters);
        Ok(gathered)
    }

    /// Everything that has one matrix of `kind` in every module.
    pub fn units(&self, kind: MatrixKind) -> Vec<MatrixUnit> {
        let of = |(adapter, tensors): (usize, &AdapterTensors)| {
            let count = match kind {
                MatrixKind::A => tensors.spec.a_count(),
                MatrixKind::B => tensors.spec.heads,
            };
            (0..count).map(move |i| MatrixUnit { adapter, head: (count > 1).then_some(i) })
        };
        self.tensors.iter().enumerate().flat_map(of).collect()
    }

    /// A unit's matrix in a module, flattened; `None` where there is none.
    pub fn matrix(&self, kind: MatrixKind, unit: MatrixUnit, module: Module) -> TensorResult<Option<Tensor>> {
        let tensors = self.tensors.get(unit.adapter).and_then(|tensors| tensors.modules.get(&module));
        let of = |parts: &'_ ModuleTensors| {
            let all = if kind == MatrixKind::A { &parts.a } else { &parts.b };
            all.get(unit.head.unwrap_or(0)).cloned()
        };
        tensors.and_then(of).map(|matrix| matrix.flatten_all()).transpose()
    }

    /// The seed, where every adapter's start was drawn from the same, and there are several.
    pub fn one_seed(&self) -> Option<u64> {
        let first = self.adapters.first()?.seed?;
        (self.adapters.len() > 1 && self.adapters.iter().all(|adapter| adapter.seed == Some(first))).then_some(first)
    }

    /// Mean cosine of what training added to the `A`s of different adapters in the same module; `None` where not every
    /// start is known, or nothing was added.
    pub fn a_moved(&self) -> TensorResult<Option<f32>> {
        let mut moved = Vec::new();
        for (adapter, tensors) in self.adapters.iter().zip(&self.tensors) {
            let Some(seed) = adapter.seed else { return Ok(None) };
            moved.push(added(tensors, seed)?);
        }
        let (mut sum, mut count) = (0.0f64, 0usize);
        for (i, one) in moved.iter().enumerate() {
            for other in moved.iter().skip(i + 1) {
                for cosine in one.iter().zip(other).filter_map(|(a, b)| cosine(a, b)) {
                    sum += cosine;
                    count += 1;
                }
            }
        }
        Ok((count > 0).then(|| (sum / count as f64) as f32))
    }
}

/// Of every module the first `A`, less the one it began with.
fn added(tensors: &AdapterTensors, seed: u64) -> TensorResult<Vec<Vec<f32>>> {
    let dims = |module: Module| {
        let parts = tensors.modules.get(&module);
        let side = |tensor: Option<&Tensor>, dim: usize| tensor.and_then(|t| t.dims().get(dim)).copied().unwrap_or(0);
        (side(parts.and_then(|p| p.a.first()), 1), side(parts.and_then(|p| p.b.first()), 0))
    };
    let start = Adapter::new(&tensors.spec, tensors.layers(), dims, seed, &Device::Cpu)?.to_tensors()?;
    let of = |(now, start): (&ModuleTensors, &ModuleTensors)| {
        let (Some(now), Some(start)) = (now.a.first(), start.a.first()) else { return Ok(Vec::new()) };
        (now - start)?.flatten_all()?.to_vec1::<f32>()
    };
    tensors.modules.values().zip(start.modules.values()).map(of).collect()
}

/// `None` where either is zero.
fn cosine(a: &[f32], b: &[f32]) -> Option<f64> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    (norms > 0.0).then(|| dot(a, b) / norms)
}

fn described(path: &std::path::Path, run: Option<&RunFile>, tensors: &AdapterTensors) -> ComparedAdapter {
    let settings = run.map(|run| &run.settings);
    ComparedAdapter {
        name: settings.and_then(|settings| settings.only_topic.clone()).unwrap_or_else(|| last_name(path)),
        path: path.to_path_buf(),
        method: tensors.spec.method,
        rank: tensors.spec.rank,
        heads: tensors.spec.heads,
        layers: tensors.layers(),
        seed: settings.filter(|settings| settings.init_adapter.is_none()).map(|settings| settings.seed),
    }
}

/// Names that several have get a number.
fn name_apart(adapters: &mut [ComparedAdapter]) {
    for i in 0..adapters.len() {
        let Some((done, [adapter, ..])) = adapters.split_at_mut_checked(i) else { continue };
        let is_taken = |name: &str| done.iter().any(|other| other.name == name);
        if is_taken(&adapter.name) {
            let numbered = (2..).map(|number| format!("{} ({number})", adapter.name)).find(|name| !is_taken(name));
            adapter.name = numbered.unwrap_or_default();
        }
    }
}

/// Why two adapters cannot be compared.
fn difference(first: &AdapterTensors, other: &AdapterTensors) -> Option<String> {
    let of = |tensors: &AdapterTensors| (tensors.spec.rank, tensors.layers(), tensors.spec.targets.clone());
    let (ours, theirs) = (of(first), of(other));
    if ours.0 != theirs.0 {
        return Some(format!("its rank is {}, the first one's {}", theirs.0, ours.0));
    }
    if ours.1 != theirs.1 {
        return Some(format!("it adapts {} layers, the first one {}", theirs.1, ours.1));
    }
    if ours.2 != theirs.2 {
        return Some("it adapts other modules than the first one".into());
    }
    let sizes = |tensors: &AdapterTensors| -> Vec<Vec<usize>> {
        let firsts = tensors.modules.values().flat_map(|parts| parts.a.first().into_iter().chain(parts.b.first()));
        firsts.map(|tensor| tensor.dims().to_vec()).collect()
    };
    (sizes(first) != sizes(other)).then(|| "its base model has other sizes than the first one's".into())
}
