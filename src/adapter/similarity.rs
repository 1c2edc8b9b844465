//! How alike the heads of an adapter are.

use candle_core::{Result, Tensor};

use super::AdapterTensors;

/// Cosine of the flattened `B_i` and `B_j`, the mean over all modules, `[heads][heads]`. Modules where either is all zero,
/// as at the start, do not count; empty where none counts, and with a single head. Heads that deserve their place differ
/// (the paper's Figure 3); near 1 they say the same.
///
/// # Errors
/// When a tensor cannot be read as f32.
pub fn head_similarity(tensors: &AdapterTensors) -> Result<Vec<Vec<f32>>> {
    let heads = tensors.spec.heads;
    let mut sums = vec![vec![0.0; heads]; heads];
    let mut counted = 0;
    for module in tensors.modules.values() {
        let flat = module.b.iter().map(flat).collect::<Result<Vec<_>>>()?;
        let norms: Vec<f64> = flat.iter().map(|b| dot(b, b).sqrt()).collect();
        if norms.contains(&0.0) {
            continue;
        }
        counted += 1;
        for ((row, a), a_norm) in sums.iter_mut().zip(&flat).zip(&norms) {
            for ((sum, b), b_norm) in row.iter_mut().zip(&flat).zip(&norms) {
                *sum += dot(a, b) / (a_norm * b_norm);
            }
        }
    }
    if counted == 0 || heads < 2 {
        return Ok(Vec::new());
    }
    let mean = |sum: f64| (sum / f64::from(counted)) as f32;
    Ok(sums.into_iter().map(|row| row.into_iter().map(mean).collect()).collect())
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use candle_core::Device;

    use super::*;
    use crate::adapter::{AdapterSpec, Module, ModuleTensors, Target};

    fn module(b: &[[f32; 2]]) -> ModuleTensors {
        let b = b.iter().map(|b| Tensor::new(b, &Device::Cpu).unwrap().reshape((2, 1)).unwrap()).collect();
        ModuleTensors { a: Vec::new(), b, router: None }
    }

    fn adapter(modules: &[&[[f32; 2]]]) -> AdapterTensors {
        let spec = AdapterSpec { heads: 2, ..AdapterSpec::default() };
        let named = modules.iter().enumerate();
        let named = named.map(|(layer, b)| (Module { layer, target: Target::Q }, module(b)));
        AdapterTensors { spec, modules: named.collect::<BTreeMap<_, _>>() }
    }

    #[test]
    fn the_cosine_is_the_mean_over_modules_that_have_learnt() {
        let tensors = adapter(&[&[[1.0, 0.0], [2.0, 0.0]], &[[1.0, 0.0], [0.0, 3.0]], &[[0.0, 0.0], [1.0, 1.0]]]);
        let similarity = head_similarity(&tensors).unwrap();
        assert_eq!(similarity, [[1.0, 0.5], [0.5, 1.0]]);
    }

    #[test]
    fn an_untrained_adapter_and_a_single_head_have_none() {
        assert!(head_similarity(&adapter(&[&[[0.0, 0.0], [0.0, 0.0]]])).unwrap().is_empty());
        let single = AdapterTensors {
            spec: AdapterSpec { heads: 1, ..AdapterSpec::default() },
            modules: BTreeMap::from([(Module { layer: 0, target: Target::Q }, module(&[[1.0, 1.0]]))]),
        };
        assert!(head_similarity(&single).unwrap().is_empty());
    }
}
