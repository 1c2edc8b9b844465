use super::*;
use crate::ops::Weight;
use crate::ops::check::{assert_close, assert_gradient, random};

const IN: usize = 10;
/// Outputs of the projections of a group: those at 0 and 2 are adapted.
const OUT: [usize; 3] = [6, 3, 4];
const TOKENS: usize = 11;

/// Every member of the family, as sizes and gates.
fn family() -> Vec<(AdaptedShape, GateRule)> {
    let shape = |heads, shares_a, has_router| AdaptedShape { rank: 4, heads, shares_a, has_router, scale: 2.0 };
    vec![
        (shape(3, true, true), GateRule::Router),
        (shape(1, true, false), GateRule::Fixed(vec![1.0])),
        (shape(2, false, false), GateRule::Fixed(vec![1.0; 2])),
        (shape(3, false, true), GateRule::Router),
        (shape(3, true, false), GateRule::Fixed(vec![1.0 / 3.0; 3])),
        (shape(3, true, true), GateRule::ScaledRouter(vec![1.0, 0.0, 0.5])),
        (shape(3, true, true), GateRule::TopRouter(2)),
        (shape(3, true, true), GateRule::Fixed(vec![0.0, 1.0, 0.0])),
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
    Adapted { shape: shape.clone(), gates: gates.clone(), members }
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
        let adapted = Adapted { shape: shape.clone(), gates: gates.clone(), members: vec![Member::default()] };
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
