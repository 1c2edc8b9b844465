//! The adapter in memory: trainable tensors for every adapted module, and the pass they take part in.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use candle_core::{Device, Result, Tensor, Var, bail};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{AdapterSpec, AdapterTensors, Method, Module, ModuleTensors};
use crate::ops::{self, Adapted, AdaptedShape, Dropout, GateRule, GateSink};

/// Trainable tensors of one adapted projection, laid out for [`ops::adapted_linear`].
#[derive(Clone, Debug)]
pub struct AdaptedModule {
    /// Every `A`, then the router, one under the other: `[a_rows (+ heads), in]`.
    pub down: Var,
    /// `B_0 … B_{N-1}` side by side: `[out, heads · rank]`.
    pub up: Var,
}

/// An adapter that can be trained and can answer. Clones share their tensors.
#[derive(Clone, Debug)]
pub struct Adapter {
    spec: AdapterSpec,
    shape: AdaptedShape,
    modules: BTreeMap<Module, AdaptedModule>,
}

/// What the user does to the heads: nothing, mute or weigh some, or put fixed weights in the router's place.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum HeadMix {
    /// As trained.
    #[default]
    Trained,
    /// Each head's gate times a factor; 0 mutes it, and the others keep theirs.
    Scaled(Vec<f32>),
    /// The same gates for every token: one 1 among zeros is a solo.
    Fixed(Vec<f32>),
}

impl HeadMix {
    /// One head alone, as plain LoRA.
    pub fn solo(head: usize, heads: usize) -> Self {
        Self::Fixed((0..heads).map(|i| if i == head { 1.0 } else { 0.0 }).collect())
    }

    /// All heads but these.
    pub fn mute(muted: &[usize], heads: usize) -> Self {
        Self::Scaled((0..heads).map(|i| if muted.contains(&i) { 0.0 } else { 1.0 }).collect())
    }
}

/// Gates of every adapted module, gathered over the passes it takes part in.
#[derive(Debug, Default)]
pub struct GateCapture {
    sinks: Mutex<BTreeMap<Module, GateSink>>,
}

impl GateCapture {
    fn sink(&self, module: Module) -> GateSink {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).entry(module).or_default().clone()
    }

    /// The gates so far: per module `[tokens, heads]`, row after row.
    pub fn take(self) -> BTreeMap<Module, Vec<f32>> {
        let sinks = self.sinks.into_inner().unwrap_or_else(PoisonError::into_inner);
        let drain = |sink: GateSink| std::mem::take(&mut *sink.lock().unwrap_or_else(PoisonError::into_inner));
        sinks.into_iter().map(|(module, sink)| (module, drain(sink))).collect()
    }
}

/// How one forward pass uses the adapter. The default is the base model alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pass<'a> {
    pub adapter: Option<&'a Adapter>,
    /// `None`: as trained.
    pub mix: Option<&'a HeadMix>,
    /// Set while training: gradients reach the adapter, and dropout is drawn from this seed. `None` keeps no graph.
    pub training_seed: Option<u64>,
    pub capture: Option<&'a GateCapture>,
}

impl<'a> Pass<'a> {
    /// The adapter as trained.
    pub fn with(adapter: &'a Adapter) -> Self {
        Self { adapter: Some(adapter), ..Self::default() }
    }
}

/// One projection of the base model with whatever the pass puts on it: x `[tokens, in]`, weight `[out, in]`, bias `[out]`
/// → `[tokens, out]`.
pub fn project(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, module: Module, pass: &Pass<'_>) -> Result<Tensor> {
    let adapted = pass.adapter.and_then(|adapter| Some((adapter, adapter.modules.get(&module)?)));
    let Some((adapter, tensors)) = adapted else { return ops::linear(x, weight, bias) };
    let gates = adapter.gate_rule(pass.mix);
    // With every head silent the adapter is not asked at all: the base model answers, bit for bit.
    if let GateRule::Fixed(gates) | GateRule::ScaledRouter(gates) = &gates
        && gates.iter().all(|g| *g == 0.0)
        && pass.capture.is_none()
    {
        return ops::linear(x, weight, bias);
    }
    let dropout =
        pass.training_seed.map(|seed| Dropout { share: adapter.spec.dropout, seed: module_seed(seed, module) });
    let sink = pass.capture.map(|capture| capture.sink(module));
    let adapted = Adapted { weight, bias, shape: &adapter.shape, gates, dropout, sink };
    match pass.training_seed {
        Some(_) => ops::adapted_linear(x, &tensors.down, &tensors.up, adapted),
        None => ops::adapted_linear(x, &tensors.down.as_detached_tensor(), &tensors.up.as_detached_tensor(), adapted),
    }
}

fn module_seed(seed: u64, module: Module) -> u64 {
    let place = module.layer as u64 * 16 + module.target as u64 + 1;
    seed ^ place.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Adapter {
    /// An untrained adapter: `A` and router uniform in ±1/√in (Kaiming with a = √5), every `B` zero, so that it changes
    /// nothing yet. `dims` gives a module's inputs and outputs.
    pub fn new(
        spec: &AdapterSpec,
        layers: usize,
        dims: impl Fn(Module) -> (usize, usize),
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let shape = shape_of(spec);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut modules = BTreeMap::new();
        for module in spec.modules(layers) {
            let (inputs, outputs) = dims(module);
            let bound = 1.0 / (inputs as f32).sqrt();
            let rows = shape.down_rows();
            let start: Vec<f32> = (0..rows * inputs).map(|_| rng.random_range(-bound..bound)).collect();
            let down = Var::from_vec(start, (rows, inputs), device)?;
            let up = Var::zeros((outputs, shape.heads * shape.rank), candle_core::DType::F32, device)?;
            modules.insert(module, AdaptedModule { down, up });
        }
        Ok(Self { spec: spec.clone(), shape, modules })
    }

    /// An adapter from the tensors of its files.
    pub fn from_tensors(tensors: &AdapterTensors, device: &Device) -> Result<Self> {
        let shape = shape_of(&tensors.spec);
        let mut modules = BTreeMap::new();
        for (module, parts) in &tensors.modules {
            let down: Vec<&Tensor> = parts.a.iter().chain(&parts.router).collect();
            let up: Vec<&Tensor> = parts.b.iter().collect();
            let down = Var::from_tensor(&Tensor::cat(&down, 0)?.to_device(device)?)?;
            let up = Var::from_tensor(&Tensor::cat(&up, 1)?.to_device(device)?)?;
            if down.dim(0)? != shape.down_rows() || up.dim(1)? != shape.heads * shape.rank {
                bail!("{module}: tensors of {:?} and {:?} do not make {shape:?}", down.shape(), up.shape());
            }
            modules.insert(*module, AdaptedModule { down, up });
        }
        Ok(Self { spec: tensors.spec.clone(), shape, modules })
    }

    /// Copies of the tensors as files hold them, on the CPU.
    pub fn to_tensors(&self) -> Result<AdapterTensors> {
        let parts = |m: &AdaptedModule| self.split(m.down.as_tensor(), m.up.as_tensor());
        let modules = self.modules.iter().map(|(module, m)| Ok((*module, parts(m)?))).collect::<Result<_>>()?;
        Ok(AdapterTensors { spec: self.spec.clone(), modules })
    }

    /// Cuts `down` and `up`, or their gradients, into the tensors that files name.
    pub fn split(&self, down: &Tensor, up: &Tensor) -> Result<ModuleTensors> {
        let (shape, cpu) = (&self.shape, Device::Cpu);
        // `force_contiguous` copies, so that later training steps do not reach into what was handed out.
        let cut = |t: &Tensor, dim, start| t.narrow(dim, start, shape.rank)?.to_device(&cpu)?.force_contiguous();
        let a = (0..shape.a_rows()).step_by(shape.rank).map(|start| cut(down, 0, start)).collect::<Result<_>>()?;
        let b = (0..shape.heads).map(|i| cut(up, 1, i * shape.rank)).collect::<Result<_>>()?;
        let router = shape
            .has_router
            .then(|| down.narrow(0, shape.a_rows(), shape.heads)?.to_device(&cpu)?.force_contiguous())
            .transpose()?;
        Ok(ModuleTensors { a, b, router })
    }

    /// What the adapter is made of.
    pub fn spec(&self) -> &AdapterSpec {
        &self.spec
    }

    /// The adapted modules, in forward order, with their tensors.
    pub fn modules(&self) -> impl Iterator<Item = (Module, &AdaptedModule)> {
        self.modules.iter().map(|(module, tensors)| (*module, tensors))
    }

    /// Every trainable tensor, in an order that does not change.
    pub fn vars(&self) -> Vec<Var> {
        self.modules.values().flat_map(|m| [m.down.clone(), m.up.clone()]).collect()
    }

    /// Trainable parameters of `A` and `B`.
    pub fn parameters(&self) -> usize {
        let all: usize = self.modules.values().map(|m| m.down.elem_count() + m.up.elem_count()).sum();
        all - self.router_parameters()
    }

    /// Trainable parameters of the routers.
    pub fn router_parameters(&self) -> usize {
        let rows = if self.shape.has_router { self.shape.heads } else { 0 };
        self.modules.values().map(|m| rows * m.down.dims().last().copied().unwrap_or(0)).sum()
    }

    /// Where the gates come from, after what the user does to the heads. Without a router, factors weigh the fixed gates.
    fn gate_rule(&self, mix: Option<&HeadMix>) -> GateRule {
        let resting = match self.spec.method {
            Method::HydraLora | Method::LoraMoe => None,
            Method::Lora | Method::LoraSplit => Some(1.0),
            Method::HydraLoraUniform => Some(1.0 / self.shape.heads as f32),
        };
        match (mix.unwrap_or(&HeadMix::Trained), resting) {
            (HeadMix::Fixed(gates), _) => GateRule::Fixed(gates.clone()),
            (HeadMix::Trained, None) => GateRule::Router,
            (HeadMix::Trained, Some(gate)) => GateRule::Fixed(vec![gate; self.shape.heads]),
            (HeadMix::Scaled(factors), None) => GateRule::ScaledRouter(factors.clone()),
            (HeadMix::Scaled(factors), Some(gate)) => GateRule::Fixed(factors.iter().map(|f| f * gate).collect()),
        }
    }
}

fn shape_of(spec: &AdapterSpec) -> AdaptedShape {
    AdaptedShape {
        rank: spec.rank,
        heads: spec.heads,
        shares_a: spec.method.shares_a(),
        has_router: spec.method.has_router(),
        scale: spec.scale() as f32,
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::adapter::Target;

    const MODULE: Module = Module { layer: 0, target: Target::Q };

    fn numbers(rows: usize, width: usize, factor: f32) -> Tensor {
        let data = (0..rows * width).map(|i| factor * ((i as f32 * 0.7).sin() + 0.1)).collect();
        Tensor::from_vec(data, (rows, width), &Device::Cpu).unwrap()
    }

    fn adapter(rslora: bool) -> Adapter {
        let spec = AdapterSpec { rank: 4, heads: 2, rslora, targets: vec![Target::Q], ..AdapterSpec::default() };
        let adapter = Adapter::new(&spec, 1, |_| (6, 5), 1, &Device::Cpu).unwrap();
        adapter.modules[&MODULE].up.set(&numbers(5, 8, 0.5)).unwrap();
        adapter
    }

    fn values(t: &Tensor) -> Vec<f32> {
        t.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn rslora_scales_what_is_added_by_the_root_of_the_rank() {
        let (x, weight) = (numbers(3, 6, 1.0), Tensor::zeros((5, 6), DType::F32, &Device::Cpu).unwrap());
        let y = |rslora| values(&project(&x, &weight, None, MODULE, &Pass::with(&adapter(rslora))).unwrap());
        for (with, without) in y(true).into_iter().zip(y(false)) {
            assert!((with - 2.0 * without).abs() < 1e-6 && with != 0.0, "{with} and {without}");
        }
    }

    #[test]
    fn the_adapter_stays_in_f32_on_a_base_in_half_precision() {
        for (dtype, tolerance) in [(DType::F32, 0.0), (DType::BF16, 0.03), (DType::F16, 0.004)] {
            let (x, weight) = (numbers(3, 6, 1.0), numbers(5, 6, 0.3));
            let adapter = adapter(false);
            let pass = Pass { training_seed: Some(0), ..Pass::with(&adapter) };
            let exact = project(&x, &weight, None, MODULE, &Pass::with(&adapter)).unwrap();
            let (x, weight) = (x.to_dtype(dtype).unwrap(), weight.to_dtype(dtype).unwrap());
            let y = project(&x, &weight, None, MODULE, &pass).unwrap();
            assert_eq!(y.dtype(), dtype);
            for (y, exact) in values(&y).into_iter().zip(values(&exact)) {
                assert!((y - exact).abs() <= tolerance, "{dtype:?}: {y} and {exact}");
            }
            let grads = y.to_dtype(DType::F32).unwrap().sum_all().unwrap().backward().unwrap();
            for var in adapter.vars() {
                let gradient = grads.get(&var).unwrap();
                assert_eq!((var.dtype(), gradient.dtype()), (DType::F32, DType::F32), "{dtype:?}");
                assert!(values(gradient).iter().any(|g| *g != 0.0));
            }
        }
    }
}
