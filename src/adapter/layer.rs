//! The adapter in memory: trainable tensors for every adapted module, and the pass they take part in.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Result, Tensor, Var, bail};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{AdapterSpec, AdapterTensors, GateMix, HeadMix, Method, Module, ModuleTensors};
use crate::ops::{self, Adapted, AdaptedShape, Balance, Dropout, GateRule, GateSink, Gating, Member, Projection};

/// Trainable tensors of the adapted projections that read one input, one under the other as [`ops::adapted_linear`] takes
/// them.
#[derive(Clone, Debug)]
struct AdaptedGroup {
    /// In forward order.
    modules: Vec<Module>,
    /// The rows of `up` that each module has: its outputs.
    up_rows: Vec<Range<usize>>,
    /// Of every module each `A`, then the router: `[modules · (a_rows (+ heads)), in]`.
    down: Var,
    /// Of every module `B_0 … B_{N-1}` side by side: `[Σ out, heads · rank]`.
    up: Var,
}

/// The stream of random numbers that heads begin with, so that `A` and router draw the same with it and without.
const HEADS_STREAM: u64 = 1;

/// An adapter that can be trained and can answer. Clones share their tensors.
#[derive(Clone, Debug)]
pub struct Adapter {
    spec: AdapterSpec,
    shape: AdaptedShape,
    /// By the first module that could be in the group.
    groups: BTreeMap<Module, AdaptedGroup>,
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
        self.drain()
    }

    /// The gates since it was last asked; what comes after is gathered anew.
    pub fn drain(&self) -> BTreeMap<Module, Vec<f32>> {
        let sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        let drained = |sink: &GateSink| std::mem::take(&mut *sink.lock().unwrap_or_else(PoisonError::into_inner));
        sinks.iter().map(|(module, sink)| (*module, drained(sink))).collect()
    }

    /// Notes gates of 0 for every one of `tokens` tokens.
    fn note_silence(&self, module: Module, tokens: usize, heads: usize) {
        let sink = self.sink(module);
        let mut gates = sink.lock().unwrap_or_else(PoisonError::into_inner);
        let len = gates.len() + tokens * heads;
        gates.resize(len, 0.0);
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
    /// What backward adds to the routers' gradients so that they favour no head.
    pub balance: Option<&'a Balance>,
    /// Who sees what every adapted projection reads, with or without an adapter.
    pub watcher: Option<&'a dyn InputWatcher>,
}

/// Sees the input of every group of projections that read one, `[tokens, in]`, before the projections are computed.
pub trait InputWatcher: std::fmt::Debug + Sync {
    /// # Errors
    /// What the watcher cannot compute ends the pass.
    fn see(&self, modules: &[Module], x: &Tensor) -> Result<()>;
}

impl<'a> Pass<'a> {
    /// The adapter as trained.
    pub fn with(adapter: &'a Adapter) -> Self {
        Self { adapter: Some(adapter), ..Self::default() }
    }
}

/// Projections of the base model that read one input, side by side, with whatever the pass puts on them: x `[tokens, in]` →
/// `[tokens, Σ out]`. `modules` names them, in forward order.
pub fn project(x: &Tensor, modules: &[Module], projections: &[Projection], pass: &Pass<'_>) -> Result<Tensor> {
    if let Some(watcher) = pass.watcher {
        watcher.see(modules, x)?;
    }
    let adapted = pass.adapter.and_then(|adapter| Some((adapter, adapter.group(*modules.first()?)?)));
    let Some((adapter, group)) = adapted else { return ops::linear(x, projections) };
    let layer = modules.first().map_or(0, |module| module.layer);
    let gates = adapter.gate_rule(pass.mix.map_or(&GateMix::Trained, |mix| mix.of(layer)));
    // With every head silent the adapter is not asked at all: the base model answers, bit for bit.
    if let GateRule::Fixed(gates) | GateRule::ScaledRouter(gates) = &gates
        && gates.iter().all(|g| *g == 0.0)
    {
        if let Some(capture) = pass.capture {
            let tokens = x.dim(0)?;
            group.modules.iter().for_each(|module| capture.note_silence(*module, tokens, gates.len()));
        }
        return ops::linear(x, projections);
    }
    let member = |(projection, module): (usize, &Module)| {
        let dropout = |seed| Dropout { share: adapter.spec.dropout, seed: module_seed(seed, *module) };
        // Nothing is captured of a projection that is not adapted, not even that there is nothing.
        group.modules.contains(module).then(|| Member {
            projection,
            dropout: pass.training_seed.map(dropout),
            sink: pass.capture.map(|capture| capture.sink(*module)),
        })
    };
    let members = modules.iter().enumerate().filter_map(member).collect();
    let balance = pass.balance.cloned().filter(|_| adapter.spec.method.has_router());
    let adapted = Adapted { shape: adapter.shape.clone(), gates, members, balance };
    match pass.training_seed {
        Some(_) => ops::adapted_linear(x, &group.down, &group.up, projections, adapted),
        None => {
            let (down, up) = (group.down.as_detached_tensor(), group.up.as_detached_tensor());
            ops::adapted_linear(x, &down, &up, projections, adapted)
        }
    }
}

/// A normal number of mean 0 and deviation 1 (Box and Muller 1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    // In (0, 1], whose logarithm is finite.
    let (radius, angle) = (1.0 - rng.random_range(0.0..1.0f64), rng.random_range(0.0..std::f64::consts::TAU));
    (-2.0 * radius.ln()).sqrt() * angle.cos()
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
        Self::with_heads_at(0.0, spec, layers, dims, seed, device)
    }

    /// As [`Adapter::new`], but every element of every `B` is normal with deviation `b_std`. The heads then differ from the
    /// first step on, and the adapter changes the model's answers before it has learnt anything; `A` and router are those
    /// of the same seed without.
    pub fn with_heads_at(
        b_std: f64,
        spec: &AdapterSpec,
        layers: usize,
        dims: impl Fn(Module) -> (usize, usize),
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let shape = shape_of(spec);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut of_heads = ChaCha8Rng::seed_from_u64(seed);
        of_heads.set_stream(HEADS_STREAM);
        let groups = groups(spec.modules(layers), |modules| {
            let inputs = modules.first().map_or(0, |module| dims(*module).0);
            let bound = 1.0 / (inputs as f32).sqrt();
            let rows = modules.len() * shape.down_rows();
            let start: Vec<f32> = (0..rows * inputs).map(|_| rng.random_range(-bound..bound)).collect();
            let outputs: Vec<usize> = modules.iter().map(|module| dims(*module).1).collect();
            let down = Var::from_vec(start, (rows, inputs), device)?;
            let up = (outputs.iter().sum(), shape.up_cols());
            let up = if b_std == 0.0 {
                Var::zeros(up, DType::F32, device)?
            } else {
                let start: Vec<f32> = (0..up.0 * up.1).map(|_| (b_std * normal(&mut of_heads)) as f32).collect();
                Var::from_vec(start, up, device)?
            };
            Ok(AdaptedGroup { up_rows: stacked(&outputs), modules, down, up })
        })?;
        Ok(Self { spec: spec.clone(), shape, groups })
    }

    /// An adapter from the tensors of its files.
    pub fn from_tensors(tensors: &AdapterTensors, device: &Device) -> Result<Self> {
        let shape = shape_of(&tensors.spec);
        let groups = groups(tensors.modules.keys().copied(), |modules| {
            let (mut down, mut up, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
            for parts in modules.iter().filter_map(|module| tensors.modules.get(module)) {
                down.extend(parts.a.iter().chain(&parts.router));
                let heads: Vec<&Tensor> = parts.b.iter().collect();
                up.push(Tensor::cat(&heads, 1)?);
                outputs.extend(up.last().map(|up| up.dim(0)).transpose()?);
            }
            let down = Var::from_tensor(&Tensor::cat(&down, 0)?.to_device(device)?)?;
            let up = Var::from_tensor(&Tensor::cat(&up, 0)?.to_device(device)?)?;
            if down.dim(0)? != modules.len() * shape.down_rows() || up.dim(1)? != shape.up_cols() {
                bail!("{modules:?}: tensors of {:?} and {:?} do not make {shape:?}", down.shape(), up.shape());
            }
            Ok(AdaptedGroup { up_rows: stacked(&outputs), modules, down, up })
        })?;
        Ok(Self { spec: tensors.spec.clone(), shape, groups })
    }

    /// Copies of the tensors as files hold them, on the CPU.
    pub fn to_tensors(&self) -> Result<AdapterTensors> {
        self.tensors_of(|var| Ok(var.as_tensor().clone()))
    }

    /// What `of` gives for every trained tensor, a gradient say, cut into the tensors that files name, on the CPU.
    pub fn tensors_of(&self, of: impl Fn(&Var) -> Result<Tensor>) -> Result<AdapterTensors> {
        let mut modules = BTreeMap::new();
        for group in self.groups.values() {
            // Fetched whole from a device, and cut here.
            let (down, up) = (of(&group.down)?.to_device(&Device::Cpu)?, of(&group.up)?.to_device(&Device::Cpu)?);
            for (i, (module, up_rows)) in group.modules.iter().zip(&group.up_rows).enumerate() {
                let rows = self.shape.down_rows();
                let (down, up) = (down.narrow(0, i * rows, rows)?, up.narrow(0, up_rows.start, up_rows.len())?);
                modules.insert(*module, self.split(&down, &up)?);
            }
        }
        Ok(AdapterTensors { spec: self.spec.clone(), modules })
    }

    /// Cuts one module's `down` and `up`, which are on the CPU, into the tensors that files name.
    fn split(&self, down: &Tensor, up: &Tensor) -> Result<ModuleTensors> {
        let shape = &self.shape;
        // `force_contiguous` copies, so that later training steps do not reach into what was handed out.
        let cut = |t: &Tensor, dim, start| t.narrow(dim, start, shape.rank)?.force_contiguous();
        let a = (0..shape.a_rows()).step_by(shape.rank).map(|start| cut(down, 0, start)).collect::<Result<_>>()?;
        let b = (0..shape.heads).map(|i| cut(up, 1, i * shape.rank)).collect::<Result<_>>()?;
        let router =
            shape.has_router.then(|| down.narrow(0, shape.a_rows(), shape.heads)?.force_contiguous()).transpose()?;
        Ok(ModuleTensors { a, b, router })
    }

    /// The router of a module, `[heads, in]`; `None` where the method has none, or the module is not adapted.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn router(&self, module: Module) -> Result<Option<Tensor>> {
        let Some((group, at)) = self.router_place(module) else { return Ok(None) };
        group.down.as_tensor().narrow(0, at, self.shape.heads)?.force_contiguous().map(Some)
    }

    /// Puts `router` `[heads, in]` in the place of a module's. A module without router stays as it is.
    ///
    /// # Errors
    /// When the shape does not fit, or the device refuses.
    pub fn set_router(&self, module: Module, router: &Tensor) -> Result<()> {
        let Some((group, at)) = self.router_place(module) else { return Ok(()) };
        let down = group.down.as_tensor();
        let (rows, inputs) = down.dims2()?;
        if router.dims2()? != (self.shape.heads, inputs) {
            bail!(
                "{module}: a router of {:?} does not fit {} heads of {inputs} inputs",
                router.shape(),
                self.shape.heads
            );
        }
        let end = at + self.shape.heads;
        let (above, below) = (down.narrow(0, 0, at)?, down.narrow(0, end, rows - end)?);
        let router = router.to_dtype(down.dtype())?.to_device(down.device())?;
        group.down.set(&Tensor::cat(&[&above, &router, &below], 0)?)
    }

    /// The group of a module and where its router begins in the rows of `down`.
    fn router_place(&self, module: Module) -> Option<(&AdaptedGroup, usize)> {
        let group = self.group(module).filter(|_| self.shape.has_router)?;
        let member = group.modules.iter().position(|other| *other == module)?;
        Some((group, member * self.shape.down_rows() + self.shape.a_rows()))
    }

    /// What the adapter is made of.
    pub fn spec(&self) -> &AdapterSpec {
        &self.spec
    }

    /// The adapted modules, in forward order.
    pub fn modules(&self) -> impl Iterator<Item = Module> {
        self.groups.values().flat_map(|group| group.modules.iter().copied())
    }

    /// The group that a module would be in.
    fn group(&self, module: Module) -> Option<&AdaptedGroup> {
        self.groups.get(&leader(module))
    }

    /// Every trainable tensor, in an order that does not change.
    pub fn vars(&self) -> Vec<Var> {
        self.groups.values().flat_map(|group| [group.down.clone(), group.up.clone()]).collect()
    }

    /// What the rows of every tensor of [`Adapter::vars`] belong to: `model.layers.3.mlp.up_proj.down`, and so on.
    pub fn row_names(&self) -> Vec<Vec<(String, Range<usize>)>> {
        let of = |group: &AdaptedGroup| {
            let rows = self.shape.down_rows();
            let modules = group.modules.iter().enumerate();
            let down = modules.map(|(i, module)| (format!("{module}.down"), i * rows..(i + 1) * rows)).collect();
            let modules = group.modules.iter().zip(&group.up_rows);
            let up = modules.map(|(module, rows)| (format!("{module}.up"), rows.clone())).collect();
            [down, up]
        };
        self.groups.values().flat_map(of).collect()
    }

    /// Trainable parameters of `A` and `B`.
    pub fn parameters(&self) -> usize {
        let all: usize = self.groups.values().map(|group| group.down.elem_count() + group.up.elem_count()).sum();
        all - self.router_parameters()
    }

    /// Trainable parameters of the routers.
    pub fn router_parameters(&self) -> usize {
        let rows = if self.shape.has_router { self.shape.heads } else { 0 };
        let inputs = |group: &AdaptedGroup| group.down.dims().last().copied().unwrap_or(0);
        self.groups.values().map(|group| group.modules.len() * rows * inputs(group)).sum()
    }

    /// Where the gates come from, after what the user does to the heads. Without a router, factors weigh the fixed gates.
    fn gate_rule(&self, mix: &GateMix) -> GateRule {
        let resting = match self.spec.method {
            Method::HydraLora | Method::LoraMoe => None,
            Method::Lora | Method::LoraSplit => Some(1.0),
            Method::HydraLoraUniform => Some(1.0 / self.shape.heads as f32),
        };
        match (mix, resting) {
            (GateMix::Fixed(gates), _) => GateRule::Fixed(gates.clone()),
            (GateMix::Trained, None) => GateRule::Router,
            (GateMix::Top(count), None) => GateRule::TopRouter(*count),
            (GateMix::Trained | GateMix::Top(_), Some(gate)) => GateRule::Fixed(vec![gate; self.shape.heads]),
            (GateMix::Scaled(factors), None) => GateRule::ScaledRouter(factors.clone()),
            (GateMix::Scaled(factors), Some(gate)) => GateRule::Fixed(factors.iter().map(|f| f * gate).collect()),
        }
    }
}

/// The first module that could be in a module's group: what the group goes by.
fn leader(module: Module) -> Module {
    Module { target: module.target.group().first().copied().unwrap_or(module.target), ..module }
}

/// Groups of modules that read one input, each made by `make`, in forward order.
fn groups(
    modules: impl Iterator<Item = Module>,
    mut make: impl FnMut(Vec<Module>) -> Result<AdaptedGroup>,
) -> Result<BTreeMap<Module, AdaptedGroup>> {
    let mut members: BTreeMap<Module, Vec<Module>> = BTreeMap::new();
    modules.for_each(|module| members.entry(leader(module)).or_default().push(module));
    members.into_iter().map(|(leader, modules)| Ok((leader, make(modules)?))).collect()
}

/// The rows that parts of these lengths have when they lie one under the other.
fn stacked(lengths: &[usize]) -> Vec<Range<usize>> {
    let place = |next: &mut usize, len: &usize| {
        let start = *next;
        *next += len;
        Some(start..*next)
    };
    lengths.iter().scan(0, place).collect()
}

fn shape_of(spec: &AdapterSpec) -> AdaptedShape {
    AdaptedShape {
        rank: spec.rank,
        heads: spec.heads,
        shares_a: spec.method.shares_a(),
        has_router: spec.method.has_router(),
        scale: spec.scale() as f32,
        gating: Gating { temperature: spec.gate_temperature as f32, top_k: spec.top_k_heads },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Target;
    use crate::ops::Weight;

    const MODULE: Module = Module { layer: 0, target: Target::Q };

    fn numbers(rows: usize, width: usize, factor: f32) -> Tensor {
        let data = (0..rows * width).map(|i| factor * ((i as f32 * 0.7).sin() + 0.1)).collect();
        Tensor::from_vec(data, (rows, width), &Device::Cpu).unwrap()
    }

    fn adapter(rslora: bool) -> Adapter {
        let spec = AdapterSpec { rank: 4, heads: 2, rslora, targets: vec![Target::Q], ..AdapterSpec::default() };
        let adapter = Adapter::new(&spec, 1, |_| (6, 5), 1, &Device::Cpu).unwrap();
        adapter.groups[&MODULE].up.set(&numbers(5, 8, 0.5)).unwrap();
        adapter
    }

    fn fresh(b_std: f64) -> Adapter {
        let spec = AdapterSpec { rank: 4, heads: 2, targets: vec![Target::Q, Target::V], ..AdapterSpec::default() };
        Adapter::with_heads_at(b_std, &spec, 1, |_| (60, 50), 1, &Device::Cpu).unwrap()
    }

    #[test]
    fn heads_that_begin_at_random_leave_a_and_router_as_they_are_without() {
        let (zero, random) = (fresh(0.0).to_tensors().unwrap(), fresh(0.02).to_tensors().unwrap());
        for (zero, random) in zero.modules.values().zip(random.modules.values()) {
            assert_eq!(values(&zero.a[0]), values(&random.a[0]));
            assert_eq!(zero.router.as_ref().map(values), random.router.as_ref().map(values));
            assert!(zero.b.iter().all(|b| values(b).iter().all(|v| *v == 0.0)));
            let all: Vec<f32> = random.b.iter().flat_map(values).collect();
            let std = (all.iter().map(|v| v * v).sum::<f32>() / all.len() as f32).sqrt();
            assert!((0.017..0.023).contains(&std) && values(&random.b[0]) != values(&random.b[1]), "{std}");
        }
    }

    #[test]
    fn a_router_is_replaced_and_nothing_else() {
        let adapter = fresh(0.0);
        let before = adapter.to_tensors().unwrap();
        let module = Module { layer: 0, target: Target::V };
        let router = numbers(2, 60, 3.0);
        adapter.set_router(module, &router).unwrap();
        assert_eq!(values(&adapter.router(module).unwrap().unwrap()), values(&router));
        let after = adapter.to_tensors().unwrap();
        for ((name, before), (_, after)) in before.named().into_iter().zip(after.named()) {
            let is_replaced = name.contains("v_proj.lora_route");
            assert_eq!(values(before) != values(after), is_replaced, "{name}");
        }
        assert!(adapter.set_router(module, &numbers(3, 60, 1.0)).is_err());
        let missing = Module { layer: 0, target: Target::Up };
        adapter.set_router(missing, &router).unwrap();
        assert!(adapter.router(missing).unwrap().is_none());
    }

    fn values(t: &Tensor) -> Vec<f32> {
        t.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    fn projected(x: &Tensor, weight: &Tensor, pass: &Pass<'_>) -> Tensor {
        let projection = Projection { weight: Weight::dense(weight.clone()).unwrap(), bias: None };
        project(x, &[MODULE], &[projection], pass).unwrap()
    }

    #[test]
    fn rslora_scales_what_is_added_by_the_root_of_the_rank() {
        let (x, weight) = (numbers(3, 6, 1.0), Tensor::zeros((5, 6), DType::F32, &Device::Cpu).unwrap());
        let y = |rslora| values(&projected(&x, &weight, &Pass::with(&adapter(rslora))));
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
            let exact = projected(&x, &weight, &Pass::with(&adapter));
            let (x, weight) = (x.to_dtype(dtype).unwrap(), weight.to_dtype(dtype).unwrap());
            let y = projected(&x, &weight, &pass);
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
