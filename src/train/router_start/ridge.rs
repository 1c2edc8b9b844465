//! Weighted ridge regression from running sums: the normal equations, and conjugate gradients to solve them, which need no
//! more memory than the sums and run where the tensors are.

use candle_core::{DType, Result, Tensor};

/// The ridge, as a share of the mean eigenvalue of the inputs' second moments.
const RIDGE: f64 = 0.03;

/// Steps of conjugate gradients at most.
const MOST_STEPS: usize = 400;
/// Steps between two looks at the residual, which must come from the device.
const LOOK_EVERY: usize = 10;
/// A column is solved when its squared residual is this share of what it began with.
const SOLVED: f64 = 1e-10;
/// Keeps columns that are solved to the last bit from dividing by 0.
const TINY: f64 = 1e-30;

/// Sums over tokens with input `x`, weight `w` and target `y`. A token counts by `w / mean(x²)`: its direction matters, not
/// its length, or the few tokens with huge activations that attention rests on would outweigh all others.
#[derive(Debug)]
pub(super) struct Normal {
    /// `Σ w x xᵀ`, `[in, in]`.
    gram: Tensor,
    /// `Σ w x yᵀ`, `[in, columns]`.
    cross: Tensor,
    /// `Σ w y`, `Σ w y²`, `[1, columns]`.
    y: Tensor,
    y_squared: Tensor,
    /// `Σ w`, `[1, 1]`.
    weight: Tensor,
}

impl Normal {
    /// Sums of one batch: x `[tokens, in]`, weights `[tokens, 1]`, targets `[tokens, columns]`.
    pub fn of(x: &Tensor, weights: &Tensor, targets: &Tensor) -> Result<Self> {
        let x = x.to_dtype(DType::F32)?;
        let size = (x.sqr()?.mean_keepdim(1)? + TINY)?;
        let weights = weights.broadcast_div(&size)?;
        let root = weights.sqrt()?;
        let (x, y) = (x.broadcast_mul(&root)?, targets.broadcast_mul(&root)?);
        let turned = x.t()?.contiguous()?;
        Ok(Self {
            gram: turned.matmul(&x)?,
            cross: turned.matmul(&y)?,
            y: targets.broadcast_mul(&weights)?.sum_keepdim(0)?,
            y_squared: y.sqr()?.sum_keepdim(0)?,
            weight: weights.sum_keepdim(0)?,
        })
    }

    /// Adds those of another batch.
    pub fn add(&mut self, x: &Tensor, weights: &Tensor, targets: &Tensor) -> Result<()> {
        let other = Self::of(x, weights, targets)?;
        self.gram = (&self.gram + other.gram)?;
        self.cross = (&self.cross + other.cross)?;
        self.y = (&self.y + other.y)?;
        self.y_squared = (&self.y_squared + other.y_squared)?;
        self.weight = (&self.weight + other.weight)?;
        Ok(())
    }

    /// The ridge itself.
    fn ridge(&self) -> Result<f64> {
        let inputs = self.gram.dim(0)?;
        let eye = Tensor::eye(inputs, DType::F32, self.gram.device())?;
        let trace = (&self.gram * eye)?.sum_all()?.to_scalar::<f32>()?;
        Ok(RIDGE * f64::from(trace) / inputs.max(1) as f64)
    }

    /// `(Σ w x xᵀ + ridge)⁻¹ Σ w x yᵀ`, `[in, columns]`, by conjugate gradients (Hestenes & Stiefel 1952), every column on
    /// its own.
    pub fn solve(&self) -> Result<Tensor> {
        let ridge = self.ridge()?;
        let mut fit = self.cross.zeros_like()?;
        let mut residual = self.cross.clone();
        let mut direction = residual.clone();
        let mut squared = residual.sqr()?.sum_keepdim(0)?;
        let goal = (&squared * SOLVED)?;
        for step in 1..=MOST_STEPS {
            let image = (self.gram.matmul(&direction)? + (&direction * ridge)?)?;
            let curvature = ((&direction * &image)?.sum_keepdim(0)? + TINY)?;
            let length = (&squared / curvature)?;
            fit = (fit + direction.broadcast_mul(&length)?)?;
            residual = (residual - image.broadcast_mul(&length)?)?;
            let next = residual.sqr()?.sum_keepdim(0)?;
            let is_looked_at = step % LOOK_EVERY == 0;
            if is_looked_at && next.gt(&goal)?.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()? == 0.0 {
                break;
            }
            let turn = (&next / (squared + TINY)?)?;
            direction = (&residual + direction.broadcast_mul(&turn)?)?;
            squared = next;
        }
        Ok(fit)
    }

    /// The share of the targets' variance over these tokens that a fit explains.
    pub fn explained(&self, fit: &Tensor) -> Result<f64> {
        let sum = |t: Tensor| -> Result<f64> { Ok(f64::from(t.sum_all()?.to_scalar::<f32>()?)) };
        let variance = sum((&self.y_squared - self.y.sqr()?.broadcast_div(&(&self.weight + TINY)?)?)?)?;
        let along = sum((fit * &self.cross)?)?;
        let squared = sum((fit * self.gram.matmul(fit)?)?)?;
        let left = sum(self.y_squared.clone())? - 2.0 * along + squared;
        Ok((1.0 - left / variance.max(TINY)).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn random(shape: (usize, usize), seed: u64) -> Tensor {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let data: Vec<f32> = (0..shape.0 * shape.1).map(|_| rng.random_range(-1.0..1.0)).collect();
        Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
    }

    /// Solves `a·w = b` by elimination, in f64.
    fn eliminated(mut a: Vec<Vec<f64>>, mut b: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let n = a.len();
        for i in 0..n {
            let lead = (i..n).max_by(|&p, &q| a[p][i].abs().total_cmp(&a[q][i].abs())).unwrap();
            a.swap(i, lead);
            b.swap(i, lead);
            for j in 0..n {
                if j == i {
                    continue;
                }
                let factor = a[j][i] / a[i][i];
                for rows in [&mut a, &mut b] {
                    let lead = rows[i].clone();
                    rows[j].iter_mut().zip(lead).for_each(|(to, from)| *to -= factor * from);
                }
            }
        }
        (0..n).map(|i| b[i].iter().map(|b| b / a[i][i]).collect()).collect()
    }

    fn f64s(t: &Tensor) -> Vec<Vec<f64>> {
        t.to_dtype(DType::F64).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn it_solves_the_normal_equations_of_all_batches() {
        let (x, y) = (random((60, 9), 1), random((60, 3), 2));
        let weights = (random((60, 1), 3).abs().unwrap() + 0.1).unwrap();
        let mut sums =
            Normal::of(&x.narrow(0, 0, 25).unwrap(), &weights.narrow(0, 0, 25).unwrap(), &y.narrow(0, 0, 25).unwrap())
                .unwrap();
        let rest = |t: &Tensor| t.narrow(0, 25, 35).unwrap();
        sums.add(&rest(&x), &rest(&weights), &rest(&y)).unwrap();
        let (x, y, weights) = (f64s(&x), f64s(&y), f64s(&weights));
        let weight = |t: usize| weights[t][0] / (x[t].iter().map(|v| v * v).sum::<f64>() / 9.0);
        let sum = |of: &dyn Fn(usize) -> f64| (0..60).map(|t| weight(t) * of(t)).sum::<f64>();
        let mut gram: Vec<Vec<f64>> = (0..9).map(|i| (0..9).map(|j| sum(&|t| x[t][i] * x[t][j])).collect()).collect();
        let cross: Vec<Vec<f64>> = (0..9).map(|i| (0..3).map(|j| sum(&|t| x[t][i] * y[t][j])).collect()).collect();
        let ridge = RIDGE * (0..9).map(|i| gram[i][i]).sum::<f64>() / 9.0;
        (0..9).for_each(|i| gram[i][i] += ridge);
        let (exact, ours) = (eliminated(gram, cross), f64s(&sums.solve().unwrap()));
        for (exact, ours) in exact.iter().flatten().zip(ours.iter().flatten()) {
            assert!((exact - ours).abs() < 1e-4, "{exact} and {ours}");
        }
    }

    #[test]
    fn a_linear_target_is_explained_and_noise_is_not() {
        let (x, weights) = (random((400, 6), 1), Tensor::ones((400, 1), DType::F32, &Device::Cpu).unwrap());
        let explained = |y: &Tensor| {
            let sums = Normal::of(&x, &weights, y).unwrap();
            sums.explained(&sums.solve().unwrap()).unwrap()
        };
        assert!(explained(&x.matmul(&random((6, 2), 4)).unwrap()) > 0.99);
        assert!(explained(&random((400, 2), 5)) < 0.1);
    }

    #[test]
    fn a_column_without_any_target_is_zero() {
        let (x, weights) = (random((40, 6), 1), Tensor::ones((40, 1), DType::F32, &Device::Cpu).unwrap());
        let y = Tensor::zeros((40, 2), DType::F32, &Device::Cpu).unwrap();
        let sums = Normal::of(&x, &weights, &y).unwrap();
        assert!(f64s(&sums.solve().unwrap()).concat().iter().all(|v| *v == 0.0));
    }
}
