//! The tensors of an adapter, module by module.

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::names::{Spelling, module_parts};
use super::{AdapterSpec, Module};

/// The tensors of one adapted projection, f32 on the CPU where they come from a file.
#[derive(Clone, Debug)]
pub struct ModuleTensors {
    /// One shared `A` [rank, in], or one for each head.
    pub a: Vec<Tensor>,
    /// `B_i` [out, rank], one for each head.
    pub b: Vec<Tensor>,
    /// `W_r` [heads, in] where the method has a router.
    pub router: Option<Tensor>,
}

impl ModuleTensors {
    /// Every tensor, in the order of the names: each `A`, each `B`, the router.
    pub fn all(&self) -> impl Iterator<Item = &Tensor> {
        self.a.iter().chain(&self.b).chain(&self.router)
    }
}

/// A whole adapter: what it is, and its tensors.
#[derive(Clone, Debug)]
pub struct AdapterTensors {
    pub spec: AdapterSpec,
    pub modules: BTreeMap<Module, ModuleTensors>,
}

impl AdapterTensors {
    /// Every tensor with its name in the file, in forward order. A fixed order, so that other state, such as an
    /// optimizer's, can go by it.
    pub fn named(&self) -> Vec<(String, &Tensor)> {
        let spelling = Spelling::of(self.spec.method);
        self.modules
            .iter()
            .flat_map(|(&module, tensors)| {
                let parts = module_parts(&self.spec);
                parts.map(move |part| spelling.name(module, part)).zip(tensors.all())
            })
            .collect()
    }

    /// Number of decoder layers that are adapted.
    pub fn layers(&self) -> usize {
        self.modules.keys().next_back().map_or(0, |module| module.layer + 1)
    }

    /// Trainable parameters of `A` and `B`.
    pub fn parameters(&self) -> usize {
        self.modules.values().flat_map(|m| m.a.iter().chain(&m.b)).map(Tensor::elem_count).sum()
    }

    /// Trainable parameters of the routers.
    pub fn router_parameters(&self) -> usize {
        self.modules.values().filter_map(|m| m.router.as_ref()).map(Tensor::elem_count).sum()
    }
}
