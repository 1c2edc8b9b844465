use super::*;
use crate::ops::check::{assert_close, assert_gradient, random};

const IN: usize = 10;
const OUT: usize = 6;

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
        (shape(3, true, true), GateRule::Fixed(vec![0.0, 1.0, 0.0])),
    ]
}

struct Parts {
    x: Tensor,
    weight: Tensor,
    down: Tensor,
    up: Tensor,
}

fn parts(shape: &AdaptedShape) -> Parts {
    Parts {
        x: random((5, IN), 1),
        weight: random((OUT, IN), 2),
        down: random((shape.down_rows(), IN), 3),
        up: random((OUT, shape.heads * shape.rank), 4),
    }
}

fn adapted<'a>(parts: &'a Parts, shape: &'a AdaptedShape, gates: &GateRule) -> Adapted<'a> {
    Adapted { weight: &parts.weight, bias: None, shape, gates: gates.clone(), dropout: None, sink: None }
}

#[test]
fn every_method_equals_the_composed_form_in_value_and_all_gradients() -> Result<()> {
    for (shape, gates) in family() {
        let p = parts(&shape);
        let ours = |x: &Tensor, d: &Tensor, u: &Tensor| adapted_linear(x, d, u, adapted(&p, &shape, &gates));
        let theirs =
            |x: &Tensor, d: &Tensor, u: &Tensor| composed::adapted_linear(x, d, u, &adapted(&p, &shape, &gates));
        assert_close(&ours(&p.x, &p.down, &p.up)?, &theirs(&p.x, &p.down, &p.up)?, 1e-5);
        assert_gradient(&p.x, |x| ours(x, &p.down, &p.up), |x| theirs(x, &p.down, &p.up))?;
        assert_gradient(&p.down, |d| ours(&p.x, d, &p.up), |d| theirs(&p.x, d, &p.up))?;
        assert_gradient(&p.up, |u| ours(&p.x, &p.down, u), |u| theirs(&p.x, &p.down, u))?;
    }
    Ok(())
}

#[test]
fn dropout_reaches_a_but_not_the_router() -> Result<()> {
    let (shape, gates) = family().remove(0);
    let p = parts(&shape);
    let dropout = Some(Dropout { share: 0.4, seed: 9 });
    let ours = |x: &Tensor, d: &Tensor| adapted_linear(x, d, &p.up, Adapted { dropout, ..adapted(&p, &shape, &gates) });
    let theirs = |x: &Tensor, d: &Tensor| {
        composed::adapted_linear(x, d, &p.up, &Adapted { dropout, ..adapted(&p, &shape, &gates) })
    };
    assert_close(&ours(&p.x, &p.down)?, &theirs(&p.x, &p.down)?, 1e-5);
    assert_gradient(&p.x, |x| ours(x, &p.down), |x| theirs(x, &p.down))?;
    assert_gradient(&p.down, |d| ours(&p.x, d), |d| theirs(&p.x, d))?;
    let gates_of = |dropout| -> Result<Vec<f32>> {
        let sink = GateSink::default();
        adapted_linear(
            &p.x,
            &p.down,
            &p.up,
            Adapted { dropout, sink: Some(sink.clone()), ..adapted(&p, &shape, &gates) },
        )?;
        Ok(sink.lock().unwrap_or_else(PoisonError::into_inner).clone())
    };
    assert_eq!(gates_of(dropout)?, gates_of(None)?);
    Ok(())
}

#[test]
fn gates_sum_to_one_even_where_the_router_saturates() -> Result<()> {
    let (shape, gates) = family().remove(0);
    let mut p = parts(&shape);
    p.x = (p.x * 1e4)?;
    let sink = GateSink::default();
    adapted_linear(&p.x, &p.down, &p.up, Adapted { sink: Some(sink.clone()), ..adapted(&p, &shape, &gates) })?;
    let gates = sink.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert_eq!(gates.len(), 5 * 3);
    for row in gates.chunks(3) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5 && row.iter().all(|g| g.is_finite()), "{row:?}");
    }
    Ok(())
}

#[test]
fn zero_heads_change_nothing() -> Result<()> {
    let (shape, gates) = family().remove(0);
    let p = parts(&shape);
    let y = adapted_linear(&p.x, &p.down, &p.up.zeros_like()?, adapted(&p, &shape, &gates))?;
    assert_close(&y, &super::super::linear(&p.x, &p.weight, None)?, 0.0);
    Ok(())
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let (shape, gates) = family().remove(0);
    let p = parts(&shape);
    let narrow = random((OUT, 4), 1);
    assert!(adapted_linear(&p.x, &p.down, &narrow, adapted(&p, &shape, &gates)).is_err());
    assert!(adapted_linear(&p.x, &p.down, &p.up, adapted(&p, &shape, &GateRule::Fixed(vec![1.0]))).is_err());
}
