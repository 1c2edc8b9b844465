//! `A` and `B` of several adapters held against each other, as in the paper's Figures 2, 3 and 9: how alike the matrices
//! are across adapters, heads and layers, and maps of the flattened matrices, by principal components and by t-SNE.
//!
//! Only matrices of one shape can be compared, so every kind of module has pictures of its own; the mean over the kinds is
//! that of their cosines. [`compare`] reads the adapters (`gather.rs`), makes one table of dot products for every kind
//! (`alike.rs`), and lays its points out (`pca.rs`, and t-SNE as topics have it).
//!
//! That the `A`s of several runs are alike says little where they began with the same random numbers, as runs of one seed do:
//! [`Alike::a_moved`] holds what training added to each of them against each other instead.

mod alike;
mod gather;
mod pca;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::adapter::{Method, Target};
use crate::job::Job;
use crate::train::TrainError;

use alike::Dots;
use gather::Gathered;

/// Which of an adapter's matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatrixKind {
    #[default]
    A,
    B,
}

impl MatrixKind {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// One of the adapters that are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedAdapter {
    /// Its topic where it was trained on one alone, or else its folder's last name.
    pub name: String,
    pub path: PathBuf,
    pub method: Method,
    pub rank: usize,
    pub heads: usize,
    pub layers: usize,
    /// What its run drew its start from, where that is known and the start was a new one.
    pub seed: Option<u64>,
}

/// What has one matrix in every module: an adapter's `A`, or one of its heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixUnit {
    /// Into [`MatrixReport::adapters`].
    pub adapter: usize,
    /// Counted from 0; `None` for an `A` that all heads share, and for the one head of plain LoRA.
    pub head: Option<usize>,
}

/// Cosines of the matrices of every two units, the mean over layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitCosines {
    pub kind: MatrixKind,
    /// `None`: the mean over all kinds of modules.
    pub target: Option<Target>,
    pub units: Vec<MatrixUnit>,
    /// `[units, units]`; NaN is told as `None`, where a matrix is zero in every layer.
    pub cosines: Vec<Option<f32>>,
}

/// Cosines of the matrices of every two layers within one unit, the mean over units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerCosines {
    pub kind: MatrixKind,
    pub target: Target,
    pub layers: Vec<usize>,
    /// `[layers, layers]`.
    pub cosines: Vec<Option<f32>>,
}

/// One matrix on a map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapPoint {
    /// Into [`MatrixMap::units`].
    pub unit: usize,
    /// Counted from 0.
    pub layer: usize,
    pub pca: [f32; 2],
    pub tsne: [f32; 2],
}

/// The flattened matrices of one kind, laid out in two dimensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixMap {
    pub kind: MatrixKind,
    pub target: Target,
    pub units: Vec<MatrixUnit>,
    pub points: Vec<MapPoint>,
    /// The share of the variance that each of the two principal components has.
    pub explained: [f32; 2],
    /// Neighbours that t-SNE keeps near, about.
    pub perplexity: f32,
}

/// How alike all is, in one number each; `None` where there is nothing to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alike {
    /// Mean cosine of the `A`s of different adapters in the same module.
    pub a_across: Option<f32>,
    /// The same of what training added to them, for adapters whose start is known.
    pub a_moved: Option<f32>,
    /// Mean cosine of the `B`s of different adapters in the same module.
    pub b_across: Option<f32>,
    /// Mean cosine of the `B`s of different heads of one adapter in the same module.
    pub b_heads: Option<f32>,
    /// The seed, where all adapters began with the same random numbers.
    pub one_seed: Option<u64>,
}

/// Several adapters held against each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixReport {
    pub adapters: Vec<ComparedAdapter>,
    /// What could not be compared with the first, and why.
    pub left_out: Vec<String>,
    pub alike: Alike,
    /// By matrix and kind of module, the mean over all kinds first.
    pub units: Vec<UnitCosines>,
    pub layers: Vec<LayerCosines>,
    pub maps: Vec<MatrixMap>,
}

/// The most points of one map; beyond, layers are left out evenly.
const MOST_POINTS: usize = 600;

/// Holds the adapters at `paths`, which are adapter folders, checkpoints or runs, against each other.
///
/// # Errors
/// When an adapter cannot be read, none is left to compare, or the job is cancelled.
pub fn compare(paths: &[PathBuf], job: &Job) -> Result<MatrixReport, TrainError> {
    let gathered = Gathered::read(paths, job)?;
    let targets = gathered.targets.clone();
    let steps = (targets.len() * MatrixKind::ALL.len()).max(1);
    let (mut units, mut layers, mut maps) = (Vec::new(), Vec::new(), Vec::new());
    let all = MatrixKind::ALL.into_iter().flat_map(|kind| targets.iter().map(move |target| (kind, *target)));
    for (done, (kind, target)) in all.enumerate() {
        job.check()?;
        let note = format!("Comparing {} of {target}", kind.title());
        job.progress(done as f32 / steps as f32, note);
        let dots = Dots::of(&gathered, kind, target)?;
        units.push(dots.unit_cosines());
        layers.push(dots.layer_cosines());
        maps.extend(dots.map(job)?);
    }
    let overall: Vec<UnitCosines> =
        MatrixKind::ALL.into_iter().filter_map(|kind| alike::mean_of(kind, &units)).collect();
    let alike = Alike { a_moved: gathered.a_moved()?, one_seed: gathered.one_seed(), ..alike::summed(&overall) };
    units.splice(0..0, overall);
    let Gathered { adapters, left_out, .. } = gathered;
    Ok(MatrixReport { adapters, left_out, alike, units, layers, maps })
}

/// The last name of a path.
fn last_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
