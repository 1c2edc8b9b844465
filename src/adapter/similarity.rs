//! How alike the heads of an adapter are.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};

use super::{AdapterTensors, Module, ModuleTensors};

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
        let Some(cosines) = cosines(module)? else { continue };
        counted += 1;
        sums.iter_mut().flatten().zip(cosines.iter().flatten()).for_each(|(sum, cosine)| *sum += cosine);
    }
    if counted == 0 || heads < 2 {
        return Ok(Vec::new());
    }
    let mean = |sum: f64| (sum / f64::from(counted)) as f32;
    Ok(sums.into_iter().map(|row| row.into_iter().map(mean).collect()).collect())
}

/// The mean cosine of every two different heads' flattened `B`, per module. A module with a `B` that is all zero is left
/// out, and so is one with a single head.
///
/// # Errors
/// When a tensor cannot be read as f32.
pub fn module_similarity(tensors: &AdapterTensors) -> Result<BTreeMap<Module, f32>> {
    let mut means = BTreeMap::new();
    for (name, module) in &tensors.modules {
        let Some(cosines) = cosines(module)?.filter(|rows| rows.len() > 1) else { continue };
        let heads = cosines.len();
        let of_pairs: f64 = cosines.iter().flatten().sum::<f64>() - heads as f64;
        means.insert(*name, (of_pairs / (heads * (heads - 1)) as f64) as f32);
    }
    Ok(means)
}

/// Cosine of every two `B` of a module, `[heads][heads]`; `None` where one is all zero.
fn cosines(module: &ModuleTensors) -> Result<Option<Vec<Vec<f64>>>> {
    let flat = module.b.iter().map(flat).collect::<Result<Vec<_>>>()?;
    let norms: Vec<f64> = flat.iter().map(|b| dot(b, b).sqrt()).collect();
    if norms.contains(&0.0) {
        return Ok(None);
    }
    let row = |(a, a_norm): (&Vec<f32>, &f64)| {
        flat.iter().zip(&norms).map(|(b, b_norm)| dot(a, b) / (a_norm * b_norm)).collect()
    };
    Ok(Some(flat.iter().zip(&norms).map(row).collect()))
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::adapter::{AdapterSpec, Target};

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
        let by_module = module_similarity(&tensors).unwrap();
        let of: Vec<(usize, f32)> = by_module.into_iter().map(|(module, mean)| (module.layer, mean)).collect();
        assert_eq!(of, [(0, 1.0), (1, 0.0)], "the third has not learnt yet");
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
