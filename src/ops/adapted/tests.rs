use super::*;
use crate::ops::Weight;
use crate::ops::check::{assert_close, assert_gradient, random};

const IN: usize = 10;
/// Outputs of the projections of a group: those at 0 and 2 are adapted.
const OUT: [usize; 3] = [6, 3, 4];
const TOKENS: usize = 11;

/// Every member of the family, as sizes and gates.
fn family() -> Vec<(AdaptedShape, GateRule)> {
    let gating = Gating::default();
    let shape = |heads, shares_a, has_router| AdaptedShape { rank: 4, heads, shares_a, has_router, scale: 2.0, gating };
    let gated = |temperature, top_k| AdaptedShape { gating: Gating { temperature, top_k }, ..shape(3, true, true) };
    vec![
        (shape(3, true, true), GateRule::Router),
        (shape(1, true, false), GateRule::Fixed(vec![1.0])),
        (shape(2, false, false), GateRule::Fixed(vec![1.0; 2])),
        (shape(3, false, true), GateRule::Router),
        (shape(3, true, false), GateRule::Fixed(vec![1.0 / 3.0; 3])),
        (shape(3, true, true), GateRule::ScaledRouter(vec![1.0, 0.0, 0.5])),
        (shape(3, true, true), GateRule::TopRouter(2)),
        (shape(3, true, true), GateRule::Fixed(vec![0.0, 1.0, 0.0])),
        (gated(0.5, None), GateRule::Router),
        (gated(1.0, Some(2)), GateRule::Router),
        (gated(1.0, Some(1)), GateRule::Router),
        (gated(2.0, Some(2)), GateRule::ScaledRouter(vec![1.0, 0.3, 0.5])),
    ]
}

struct Parts {
    x: Tensor,
    group: Vec<Projection>,
    down: Tensor,
    up: Tensor,
}

fn parts(shape: &AdaptedShape, tokens: usize) -> Parts {
    let projection = |(i, out): (usize, usize)| Projection {
        weight: Weight::dense(random((out, IN), 20 + i as u64)).unwrap(),
        bias: (i == 2).then(|| random(out, 30)),
    };
    Parts {
        x: random((tokens, IN), 1),
        group: OUT.into_iter().enumerate().map(projection).collect(),
        down: random((2 * shape.down_rows(), IN), 3),
        up: random((OUT[0] + OUT[2], shape.up_cols()), 4),
    }
}

/// The first and the last projection adapted.
fn adapted(shape: &AdaptedShape, gates: &GateRule, dropout: Option<Dropout>, sinks: [Option<GateSink>; 2]) -> Adapted {
    let [first, last] = sinks;
    // Each has a mask of its own.
    let other = dropout.map(|dropout| Dropout { seed: dropout.seed + 1, ..dropout });
    let members =
        vec![Member { projection: 0, dropout, sink: first }, Member { projection: 2, dropout: other, sink: last }];
    Adapted { shape: shape.clone(), gates: gates.clone(), members, balance: None }
}

fn check(shape: &AdaptedShape, gates: &GateRule, dropout: Option<Dropout>, tokens: usize) -> Result<()> {
    let p = parts(shape, tokens);
    let adapted = || adapted(shape, gates, dropout, [None, None]);
    let ours = |x: &Tensor, d: &Tensor, u: &Tensor| adapted_linear(x, d, u, &p.group, adapted());
    let theirs =
        |x: &Tensor, d: &Tensor, u: &Tensor| composed::adapted_linear(x, d, u, &Group::new(x, &p.group)?, &adapted());
    assert_close(&ours(&p.x, &p.down, &p.up)?, &theirs(&p.x, &p.down, &p.up)?, 1e-5);
    assert_gradient(&p.x, |x| ours(x, &p.down, &p.up), |x| theirs(x, &p.down, &p.up))?;
    assert_gradient(&p.down, |d| ours(&p.x, d, &p.up), |d| theirs(&p.x, d, &p.up))?;
    assert_gradient(&p.up, |u| ours(&p.x, &p.down, u), |u| theirs(&p.x, &p.down, u))
}

#[test]
fn every_method_equals_the_composed_form_in_value_and_all_gradients() -> Result<()> {
    for (shape, gates) in family() {
        check(&shape, &gates, None, TOKENS)?;
        // Few tokens take another way through the frozen weights.
        check(&shape, &gates, None, 2)?;
    }
    Ok(())
}

#[test]
fn dropout_reaches_every_a_with_a_mask_of_its_own_and_no_router() -> Result<()> {
    let dropout = Some(Dropout { share: 0.4, seed: 9 });
    for (shape, gates) in family() {
        check(&shape, &gates, dropout, TOKENS)?;
    }
    let (shape, gates) = family().remove(0);
    let p = parts(&shape, TOKENS);
    let gates_of = |dropout| -> Result<Vec<f32>> {
        let sink = GateSink::default();
        let adapted = adapted(&shape, &gates, dropout, [None, Some(sink.clone())]);
        adapted_linear(&p.x, &p.down, &p.up, &p.group, adapted)?;
        Ok(sink.lock().unwrap_or_else(PoisonError::into_inner).clone())
    };
    assert_eq!(gates_of(dropout)?, gates_of(None)?);
    Ok(())
}

#[test]
fn a_group_is_its_projections_one_by_one() -> Result<()> {
    let (shape, gates) = family().remove(0);
    let p = parts(&shape, TOKENS);
    let together = adapted_linear(&p.x, &p.down, &p.up, &p.group, adapted(&shape, &gates, None, [None, None]))?;
    let rows = shape.down_rows();
    let alone = |i: usize, down_row: usize, up_row: usize| {
        let members = vec![Member::default()];
        let adapted = Adapted { shape: shape.clone(), gates: gates.clone(), members, balance: None };
        let (down, up) = (p.down.narrow(0, down_row, rows)?, p.up.narrow(0, up_row, OUT[i])?);
        adapted_linear(&p.x, &down, &up, &p.group[i..i + 1], adapted)
    };
    let plain = super::super::linear(&p.x, &p.group[1..2])?;
    let apart = Tensor::cat(&[alone(0, 0, 0)?, plain, alone(2, rows, OUT[0])?], 1)?;
    assert_close(&together, &apart, 1e-6);
    Ok(())
}

#[test]
fn gates_sum_to_one_even_where_the_router_saturates() -> Result<()> {
    let (shape, gates) = family().remove(0);
    let p = parts(&shape, TOKENS);
    let sink = GateSink::default();
    let adapted = adapted(&shape, &gates, None, [Some(sink.clone()), None]);
    adapted_linear(&(&p.x * 1e4)?, &p.down, &p.up, &p.group, adapted)?;
    let gates = sink.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert_eq!(gates.len(), TOKENS * 3);
    for row in gates.chunks(3) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5 && row.iter().all(|g| g.is_finite()), "{row:?}");
    }
    Ok(())
}

#[test]
fn zero_heads_change_nothing() -> Result<()> {
    let (shape, gates) = family().remove(0);
    let p = parts(&shape, TOKENS);
    let adapted = adapted(&shape, &gates, None, [None, None]);
    let y = adapted_linear(&p.x, &p.down, &p.up.zeros_like()?, &p.group, adapted)?;
    assert_close(&y, &super::super::linear(&p.x, &p.group)?, 0.0);
    Ok(())
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let (shape, gates) = family().remove(0);
    let p = parts(&shape, TOKENS);
    let with = |up: &Tensor, adapted| adapted_linear(&p.x, &p.down, up, &p.group, adapted);
    let fine = || adapted(&shape, &gates, None, [None, None]);
    assert!(with(&p.up, fine()).is_ok());
    assert!(with(&random((OUT[0] + OUT[2], 4), 1), fine()).is_err());
    assert!(with(&p.up, Adapted { gates: GateRule::Fixed(vec![1.0]), ..fine() }).is_err());
    let mut beyond = fine();
    beyond.members[1].projection = 3;
    assert!(with(&p.up, beyond).is_err());
}

/// The balance loss of both members, written down as it is defined, with the shares of choices as constants.
fn balance_loss(p: &Parts, down: &Tensor, shape: &AdaptedShape, balance: &Balance) -> Result<Tensor> {
    let mut sum = Tensor::zeros((), candle_core::DType::F32, p.x.device())?;
    let counted: Vec<u32> = balance.spans.iter().flat_map(Clone::clone).map(|t| t as u32).collect();
    let rows = Tensor::from_vec(counted.clone(), counted.len(), p.x.device())?;
    for m in 0..2 {
        let router = down.narrow(0, m * shape.down_rows() + shape.a_rows(), shape.heads)?;
        let logits = p.x.index_select(&rows, 0)?.matmul(&router.t()?)?;
        let softmax = composed::softmax(&(&logits / f64::from(shape.gating.temperature))?)?;
        let all: Vec<Vec<f32>> = logits.to_vec2()?;
        let shares = gating::head_shares(all.iter().map(Vec::as_slice), &shape.gating, shape.heads);
        let shares = Tensor::from_vec(shares, (1, shape.heads), p.x.device())?;
        let of = (softmax.mean_keepdim(0)? * shares)?.sum_all()?;
        sum = (sum + (of * (f64::from(balance.weight) * shape.heads as f64))?)?;
    }
    Ok(sum)
}

#[test]
fn the_balance_loss_reaches_the_routers_as_its_definition_differentiates() -> Result<()> {
    let balance = Balance { weight: 7.0, spans: Arc::new(vec![1..4, 6..TOKENS]) };
    let dense = AdaptedShape { gating: Gating { temperature: 0.7, top_k: None }, ..family().remove(0).0 };
    let cut = AdaptedShape { gating: Gating { temperature: 1.0, top_k: Some(2) }, ..dense.clone() };
    for shape in [dense, cut] {
        let p = parts(&shape, TOKENS);
        let with = |balance| Adapted { balance, ..adapted(&shape, &GateRule::Router, None, [None, None]) };
        let gradient = |of: &dyn Fn(&Tensor) -> Result<Tensor>| -> Result<Tensor> {
            let down = candle_core::Var::from_tensor(&p.down)?;
            Ok(of(&down)?.backward()?.get(&down).expect("a gradient").clone())
        };
        let fused = |d: &Tensor, balance| adapted_linear(&p.x, d, &p.up, &p.group, with(balance))?.sum_all();
        let plain = gradient(&|d| fused(d, None))?;
        let ours = (gradient(&|d| fused(d, Some(balance.clone())))? - &plain)?;
        let theirs = gradient(&|d| balance_loss(&p, d, &shape, &balance))?;
        assert_close(&ours, &theirs, 1e-4);
        let group = Group::new(&p.x, &p.group)?;
        let composed =
            gradient(&|d| composed::adapted_linear(&p.x, d, &p.up, &group, &with(Some(balance.clone())))?.sum_all())?;
        assert_close(&(composed - plain)?, &theirs, 1e-4);
        let direction = random(p.down.shape(), 8);
        let at = |s: f64| -> Result<f64> {
            Ok(f64::from(balance_loss(&p, &(&p.down + (&direction * s)?)?, &shape, &balance)?.to_scalar::<f32>()?))
        };
        let finite = (at(1e-3)? - at(-1e-3)?) / 2e-3;
        let along = f64::from((ours * direction)?.sum_all()?.to_scalar::<f32>()?);
        assert!((finite - along).abs() < 2e-2 * along.abs().max(1.0), "{finite} and {along}");
    }
    Ok(())
}

#[test]
fn the_balance_loss_pulls_a_lopsided_router_towards_even_gates() -> Result<()> {
    let (shape, gates) = family().remove(0);
    let mut p = parts(&shape, TOKENS);
    // The first head of each router leads at every token, whose inputs are all positive here.
    p.x = p.x.abs()?;
    let router = Tensor::cat(&[Tensor::ones((1, IN), candle_core::DType::F32, p.x.device())?, random((2, IN), 1)], 0)?;
    let member = Tensor::cat(&[p.down.narrow(0, 0, shape.a_rows())?, router], 0)?;
    p.down = Tensor::cat(&[&member, &member], 0)?;
    let down = candle_core::Var::from_tensor(&p.down)?;
    let balance = Some(Balance { weight: 1.0, spans: Arc::new(vec![0..5, 5..TOKENS]) });
    let adapted = Adapted { balance, ..adapted(&shape, &gates, None, [None, None]) };
    let y = adapted_linear(&p.x, &down, &p.up.zeros_like()?, &p.group, adapted)?;
    let grads = y.sum_all()?.backward()?;
    let of_first = grads.get(&down).expect("a gradient").narrow(0, shape.a_rows(), 1)?;
    assert!(of_first.to_vec2::<f32>()?.concat().iter().all(|g| *g > 0.0), "{of_first}");
    Ok(())
}

#[test]
fn the_largest_gates_are_kept_and_share_what_the_others_had() {
    let kept = |gates: &[f32], count| {
        let mut gates = gates.to_vec();
        keep_largest(&mut gates, count);
        gates
    };
    assert_eq!(kept(&[0.25, 0.5, 0.25], 2), [1.0 / 3.0, 2.0 / 3.0, 0.0], "of equal ones the first");
    assert_eq!(kept(&[0.1, 0.3, 0.6], 1), [0.0, 0.0, 1.0]);
    assert_eq!(kept(&[0.1, 0.3, 0.6], 3), [0.1, 0.3, 0.6]);
}
