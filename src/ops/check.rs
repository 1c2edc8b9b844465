//! What the tests of every operation share: random tensors, comparison, and gradients by finite differences.

use candle_core::{DType, Device, Result, Shape, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Uniform numbers from −1 to 1.
pub fn random(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let shape = shape.into();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let data: Vec<f32> = (0..shape.elem_count()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
}

fn values(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// Shapes equal, elements within `tolerance` of the larger magnitude or of 1.
pub fn assert_close(ours: &Tensor, theirs: &Tensor, tolerance: f64) {
    assert_eq!(ours.shape(), theirs.shape());
    for (i, (a, b)) in values(ours).into_iter().zip(values(theirs)).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "element {i}: {a} and {b}");
    }
}

/// A number that depends on every element of `y` in its own way.
fn probe(y: &Tensor) -> Result<Tensor> {
    (y * random(y.shape(), 77))?.sum_all()
}

/// The gradient of a probe of `ours` at `x` equals that of `theirs`, and finite differences of `ours` in the steepest and
/// three other directions.
pub fn assert_gradient(
    x: &Tensor,
    ours: impl Fn(&Tensor) -> Result<Tensor>,
    theirs: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<()> {
    let gradient = |f: &dyn Fn(&Tensor) -> Result<Tensor>| -> Result<Tensor> {
        let var = Var::from_tensor(x)?;
        let grads = probe(&f(&var)?)?.backward()?;
        Ok(grads.get(&var).expect("a gradient").clone())
    };
    let g = gradient(&ours)?;
    assert_close(&g, &gradient(&theirs)?, 2e-5);
    let norm = g.sqr()?.sum_all()?.sqrt()?;
    let steepest = g.broadcast_div(&norm)?;
    let directions = [steepest, random(x.shape(), 5), random(x.shape(), 6), random(x.shape(), 7)];
    let step = 2e-3;
    for direction in directions {
        let at = |s: f64| -> Result<f64> {
            let y = ours(&(x + (&direction * s)?)?)?;
            let weights = values(&random(y.shape(), 77));
            Ok(values(&y).iter().zip(weights).map(|(y, w)| y * w).sum())
        };
        let finite = (at(step)? - at(-step)?) / (2.0 * step);
        let analytic: f64 = values(&g).iter().zip(values(&direction)).map(|(g, d)| g * d).sum();
        assert!((finite - analytic).abs() <= 1e-2 * analytic.abs().max(1.0), "{finite} and {analytic}");
    }
    Ok(())
}
