//! Single operations at the sizes of SmolLM2-135M: `cargo bench --bench ops`, or `-- linear` for some of them.
//! Throughput is in tokens, and of single tokens in bytes of weights. `hydra-studio bench` measures whole steps.

use std::hint::black_box;
use std::sync::Arc;

use candle_core::{Device, Result, Tensor, Var};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hydra_studio::model::{ModelConfig, ModelShape, inverse_frequencies};
use hydra_studio::ops::{
    self, Adapted, AdaptedShape, AttentionShape, BlockType, GateRule, Gating, Member, Projection, RopeTable, Segment,
    Weight,
};

/// Tokens of a micro-batch of 4 × 256.
const TOKENS: usize = 1024;
const ROW: usize = 256;

fn config() -> ModelConfig {
    ModelShape::SmolLm2_135m.config()
}

fn random(rows: usize, cols: usize) -> Result<Tensor> {
    Tensor::randn(0f32, 0.02, (rows, cols), &Device::Cpu)
}

fn projection(outputs: usize, inputs: usize) -> Result<Projection> {
    Ok(Projection { weight: Weight::dense(random(outputs, inputs)?)?, bias: None })
}

/// Projections that read one input of the hidden size.
fn group(outputs: &[usize]) -> Result<Vec<Projection>> {
    outputs.iter().map(|outputs| projection(*outputs, config().hidden)).collect()
}

fn attention_shape() -> AttentionShape {
    let ModelConfig { heads, kv_heads, head_dim, .. } = config();
    AttentionShape { heads, kv_heads, head_dim, window: None }
}

/// Measures an operation of `x` forward, and forward and backward.
fn both_ways(criterion: &mut Criterion, name: &str, x: Tensor, op: impl Fn(&Tensor) -> Result<Tensor>) -> Result<()> {
    // What fails is no measure: the loops below look at no error.
    let var = Var::from_tensor(&x)?;
    let forth_and_back = || op(&var)?.sum_all()?.backward();
    forth_and_back()?;
    let mut measured = criterion.benchmark_group(name);
    measured.throughput(Throughput::Elements(x.dim(0)? as u64)).sample_size(20);
    measured.bench_function("forward", |bencher| bencher.iter(|| black_box(op(&x))));
    measured.bench_function("forward and backward", |bencher| bencher.iter(|| black_box(forth_and_back())));
    measured.finish();
    Ok(())
}

fn linear(criterion: &mut Criterion) -> Result<()> {
    let ModelConfig { hidden, intermediate, .. } = config();
    let qkv = group(&[attention_shape().q_width(), attention_shape().kv_width(), attention_shape().kv_width()])?;
    both_ways(criterion, "linear q, k, v", random(TOKENS, hidden)?, |x| ops::linear(x, &qkv))?;
    let gate_up = group(&[intermediate, intermediate])?;
    both_ways(criterion, "linear gate, up", random(TOKENS, hidden)?, |x| ops::linear(x, &gate_up))?;
    let down = [projection(hidden, intermediate)?];
    both_ways(criterion, "linear down", random(TOKENS, intermediate)?, |x| ops::linear(x, &down))
}

/// HydraLoRA of rank 8 with three heads on q, k and v.
fn adapted_linear(criterion: &mut Criterion) -> Result<()> {
    let hidden = config().hidden;
    let outputs = [attention_shape().q_width(), attention_shape().kv_width(), attention_shape().kv_width()];
    let qkv = group(&outputs)?;
    let shape =
        AdaptedShape { rank: 8, heads: 3, shares_a: true, has_router: true, scale: 2.0, gating: Gating::default() };
    let down = Var::from_tensor(&random(3 * shape.down_rows(), hidden)?)?;
    let up = Var::from_tensor(&random(outputs.iter().sum(), shape.up_cols())?)?;
    let members = (0..3).map(|projection| Member { projection, ..Member::default() }).collect();
    let adapted = Adapted { shape, gates: GateRule::Router, members, balance: None };
    both_ways(criterion, "adapted linear q, k, v", random(TOKENS, hidden)?, |x| {
        ops::adapted_linear(x, &down, &up, &qkv, adapted.clone())
    })
}

fn attention(criterion: &mut Criterion) -> Result<()> {
    let (shape, table) = (attention_shape(), Arc::new(RopeTable::new(&inverse_frequencies(&config()), 8192)));
    for row in [ROW, TOKENS] {
        let positions = Arc::new((0..TOKENS).map(|token| (token % row) as u32).collect());
        let segments = Arc::new((0..TOKENS / row).map(|i| Segment::whole(i * row, row)).collect());
        let name = format!("self-attention in rows of {row}");
        both_ways(criterion, &name, random(TOKENS, shape.qkv_width())?, |qkv| {
            ops::self_attention(qkv, &table, &positions, &segments, shape)
        })?;
    }
    Ok(())
}

fn element_wise(criterion: &mut Criterion) -> Result<()> {
    let ModelConfig { hidden, intermediate, norm_eps, .. } = config();
    let weight = random(1, hidden)?.flatten_all()?;
    both_ways(criterion, "rms norm", random(TOKENS, hidden)?, |x| ops::rms_norm(x, &weight, norm_eps))?;
    both_ways(criterion, "swiglu", random(TOKENS, 2 * intermediate)?, ops::swiglu)
}

fn head_loss(criterion: &mut Criterion) -> Result<()> {
    let ModelConfig { hidden, vocab, .. } = config();
    let head = Weight::dense(random(vocab, hidden)?)?;
    let targets: Vec<u32> = (0..ROW as u32).map(|token| token * 191 % vocab as u32).collect();
    both_ways(criterion, "head loss", random(ROW, hidden)?, |x| ops::head_loss(x, &head, &targets, ROW))
}

/// Products of a single token, by what the weights are kept in.
fn decoding(criterion: &mut Criterion) -> Result<()> {
    let ModelConfig { hidden, intermediate, .. } = config();
    let (x, weight) = (random(1, hidden)?, Weight::dense(random(intermediate, hidden)?)?);
    let mut measured = criterion.benchmark_group("linear gate of one token");
    for kind in [None, Some(BlockType::BF16), Some(BlockType::Q8_0), Some(BlockType::Q4_1)] {
        let kept = [Projection { weight: weight.kept_as(kind)?, bias: None }];
        let name = kept.iter().map(|projection| projection.weight.type_name()).collect::<String>();
        let bytes = kept.iter().map(|projection| projection.weight.bytes() as u64).sum();
        measured.throughput(Throughput::Bytes(bytes));
        let id = BenchmarkId::from_parameter(name);
        measured.bench_function(id, |bencher| bencher.iter(|| black_box(ops::linear(&x, &kept))));
    }
    measured.finish();
    Ok(())
}

fn all(criterion: &mut Criterion) {
    let groups = [linear, adapted_linear, attention, element_wise, head_loss, decoding];
    for group in groups {
        group(criterion).expect("sizes that fit together");
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
