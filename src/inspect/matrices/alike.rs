//! Dot products of all matrices of one kind, and the cosines and maps that follow from them.

use candle_core::{Result as TensorResult, Tensor};

use super::gather::Gathered;
use super::{Alike, LayerCosines, MOST_POINTS, MapPoint, MatrixKind, MatrixMap, MatrixUnit, UnitCosines, pca};
use crate::adapter::{Module, Target};
use crate::cluster::tsne;
use crate::job::Job;
use crate::train::TrainError;

/// The matrices of one kind in one kind of module: those of all units in all layers.
pub(super) struct Dots {
    kind: MatrixKind,
    target: Target,
    units: Vec<MatrixUnit>,
    layers: Vec<usize>,
    /// `[points, points]`, point `unit · layers + layer`.
    dots: Vec<f32>,
}

/// A mean that may be of nothing.
#[derive(Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn of(values: impl Iterator<Item = f64>) -> Option<f32> {
        let mut mean = Self::default();
        values.for_each(|value| {
            mean.sum += value;
            mean.count += 1;
        });
        (mean.count > 0).then(|| (mean.sum / mean.count as f64) as f32)
    }
}

impl Dots {
    pub fn of(gathered: &Gathered, kind: MatrixKind, target: Target) -> TensorResult<Self> {
        let units = gathered.units(kind);
        let most = (MOST_POINTS / units.len().max(1)).clamp(1, gathered.layers.max(1));
        let layers: Vec<usize> = (0..most).map(|i| i * gathered.layers / most).collect();
        let mut rows = Vec::with_capacity(units.len() * layers.len());
        for unit in &units {
            for &layer in &layers {
                rows.extend(gathered.matrix(kind, *unit, Module { layer, target })?);
            }
        }
        let all = Tensor::stack(&rows, 0)?;
        let dots = all.matmul(&all.t()?)?.flatten_all()?.to_vec1()?;
        Ok(Self { kind, target, units, layers, dots })
    }

    fn points(&self) -> usize {
        self.units.len() * self.layers.len()
    }

    fn dot(&self, i: usize, j: usize) -> f64 {
        self.dots.get(i * self.points() + j).copied().map_or(0.0, f64::from)
    }

    /// `None` where either matrix is zero.
    fn cosine(&self, i: usize, j: usize) -> Option<f64> {
        let norms = (self.dot(i, i) * self.dot(j, j)).sqrt();
        (norms > 0.0).then(|| if i == j { 1.0 } else { (self.dot(i, j) / norms).clamp(-1.0, 1.0) })
    }

    fn point(&self, unit: usize, layer: usize) -> usize {
        unit * self.layers.len() + layer
    }

    pub fn unit_cosines(&self) -> UnitCosines {
        let (count, layers) = (self.units.len(), self.layers.len());
        let of = |u: usize, v: usize| {
            Mean::of((0..layers).filter_map(|layer| self.cosine(self.point(u, layer), self.point(v, layer))))
        };
        let cosines = (0..count * count).map(|at| of(at / count, at % count)).collect();
        UnitCosines { kind: self.kind, target: Some(self.target), units: self.units.clone(), cosines }
    }

    pub fn layer_cosines(&self) -> LayerCosines {
        let (units, count) = (self.units.len(), self.layers.len());
        let of =
            |k: usize, l: usize| Mean::of((0..units).filter_map(|u| self.cosine(self.point(u, k), self.point(u, l))));
        let cosines = (0..count * count).map(|at| of(at / count, at % count)).collect();
        LayerCosines { kind: self.kind, target: self.target, layers: self.layers.clone(), cosines }
    }

    /// The map of all points; `None` where there are too few, or all are alike.
    ///
    /// # Errors
    /// When the job is cancelled.
    pub fn map(&self, job: &Job) -> Result<Option<MatrixMap>, TrainError> {
        let count = self.points();
        let is_zero = |i: usize| self.dot(i, i) == 0.0;
        if count < tsne::LEAST || (0..count).all(is_zero) {
            return Ok(None);
        }
        let components = pca::components(&self.dots, count);
        let squared: Vec<f64> = (0..count * count)
            .map(|at| {
                let (i, j) = (at / count, at % count);
                (self.dot(i, i) + self.dot(j, j) - 2.0 * self.dot(i, j)).max(0.0)
            })
            .collect();
        let perplexity = tsne::perplexity(count);
        let laid_out = tsne::lay_out(&squared, &components.points, perplexity, job)?;
        let point = |(i, (pca, tsne)): (usize, (&[f64; 2], &[f64; 2]))| MapPoint {
            unit: i / self.layers.len().max(1),
            layer: self.layers.get(i % self.layers.len().max(1)).copied().unwrap_or_default(),
            pca: pca.map(|value| value as f32),
            tsne: tsne.map(|value| value as f32),
        };
        let points = components.points.iter().zip(&laid_out).enumerate().map(point).collect();
        Ok(Some(MatrixMap {
            kind: self.kind,
            target: self.target,
            units: self.units.clone(),
            points,
            explained: components.explained.map(|share| share as f32),
            perplexity: perplexity as f32,
        }))
    }
}

/// The mean of the cosines of one matrix over all kinds of modules.
pub(super) fn mean_of(kind: MatrixKind, all: &[UnitCosines]) -> Option<UnitCosines> {
    let of_kind: Vec<&UnitCosines> = all.iter().filter(|cosines| cosines.kind == kind).collect();
    let units = of_kind.first()?.units.clone();
    let cell = |at: usize| Mean::of(of_kind.iter().filter_map(|c| c.cosines.get(at).copied().flatten()).map(f64::from));
    let cosines = (0..units.len() * units.len()).map(cell).collect();
    Some(UnitCosines { kind, target: None, units, cosines })
}

/// What the overall cosines come to.
pub(super) fn summed(overall: &[UnitCosines]) -> Alike {
    let mean = |kind: MatrixKind, is_pair: &dyn Fn(MatrixUnit, MatrixUnit) -> bool| {
        let cosines = overall.iter().find(|cosines| cosines.kind == kind)?;
        let count = cosines.units.len();
        let value = |at: usize| {
            let (i, j) = (at / count, at % count);
            let (one, other) = (cosines.units.get(i)?, cosines.units.get(j)?);
            cosines.cosines.get(at).copied().flatten().filter(|_| i < j && is_pair(*one, *other))
        };
        Mean::of((0..count * count).filter_map(value).map(f64::from))
    };
    let across = |one: MatrixUnit, other: MatrixUnit| one.adapter != other.adapter;
    let within = |one: MatrixUnit, other: MatrixUnit| one.adapter == other.adapter;
    Alike {
        a_across: mean(MatrixKind::A, &across),
        b_across: mean(MatrixKind::B, &across),
        b_heads: mean(MatrixKind::B, &within),
        ..Alike::default()
    }
}
