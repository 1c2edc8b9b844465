//! AdamW (Loshchilov & Hutter 2019) over all trained tensors, with its gradients gathered over micro-batches.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var, bail};
use rayon::prelude::*;

/// The constants of Adam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConstants {
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    pub weight_decay: f64,
}

impl Default for AdamConstants {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

/// One trained tensor with its gradient and moments, all of one length.
#[derive(Debug)]
struct Slot {
    var: Var,
    gradient: Vec<f32>,
    /// First and second moment.
    m: Vec<f32>,
    v: Vec<f32>,
}

/// The optimizer. Gradients of several micro-batches are added up by [`AdamW::gather`]; [`AdamW::step`] uses and clears
/// them.
#[derive(Debug)]
pub struct AdamW {
    constants: AdamConstants,
    slots: Vec<Slot>,
    steps: usize,
}

/// First and second moment of one tensor, shaped as it is.
#[derive(Clone, Debug)]
pub struct Moments {
    pub m: Tensor,
    pub v: Tensor,
}

impl AdamW {
    /// An optimizer for these tensors, which were not trained yet.
    pub fn new(vars: Vec<Var>, constants: AdamConstants) -> Self {
        let zeros = |n: usize| vec![0f32; n];
        let slot = |var: Var| {
            let n = var.elem_count();
            Slot { var, gradient: zeros(n), m: zeros(n), v: zeros(n) }
        };
        Self { constants, slots: vars.into_iter().map(slot).collect(), steps: 0 }
    }

    /// Steps taken so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Adds the gradients of one micro-batch.
    pub fn gather(&mut self, grads: &GradStore) -> Result<()> {
        for slot in &mut self.slots {
            let Some(gradient) = grads.get(&slot.var) else { continue };
            let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
            slot.gradient.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
        }
        Ok(())
    }

    /// The norm of all gathered gradients together.
    pub fn gradient_norm(&self) -> f64 {
        let squares = |s: &Slot| s.gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>();
        self.slots.par_iter().map(squares).collect::<Vec<_>>().iter().sum::<f64>().sqrt()
    }

    /// One update with the gathered gradients times `factor`; clears them.
    pub fn step(&mut self, lr: f64, factor: f64) -> Result<()> {
        self.steps += 1;
        let AdamConstants { beta1, beta2, eps, weight_decay } = self.constants;
        let correction1 = 1.0 - beta1.powi(self.steps as i32);
        let correction2 = (1.0 - beta2.powi(self.steps as i32)).sqrt();
        let (step_size, decay) = ((lr / correction1) as f32, (1.0 - lr * weight_decay) as f32);
        let (b1, b2, factor, eps, correction2) =
            (beta1 as f32, beta2 as f32, factor as f32, eps as f32, correction2 as f32);
        self.slots.par_iter_mut().try_for_each(|slot| {
            let mut values = slot.var.flatten_all()?.to_vec1::<f32>()?;
            let state = slot.m.iter_mut().zip(slot.v.iter_mut()).zip(slot.gradient.iter_mut());
            for (value, ((m, v), gradient)) in values.iter_mut().zip(state) {
                let g = *gradient * factor;
                *gradient = 0.0;
                *m = b1 * *m + (1.0 - b1) * g;
                *v = b2 * *v + (1.0 - b2) * g * g;
                *value = *value * decay - step_size * *m / (v.sqrt() / correction2 + eps);
            }
            slot.var.set(&Tensor::from_vec(values, slot.var.shape(), slot.var.device())?)
        })
    }

    /// Copies of the moments, in the order of the tensors.
    pub fn moments(&self) -> Result<Vec<Moments>> {
        let tensor = |data: &[f32], slot: &Slot| Tensor::from_slice(data, slot.var.shape(), &candle_core::Device::Cpu);
        self.slots.iter().map(|s| Ok(Moments { m: tensor(&s.m, s)?, v: tensor(&s.v, s)? })).collect()
    }

    /// Goes on from saved moments, in the order of the tensors, after `steps` steps.
    pub fn restore(&mut self, moments: &[Moments], steps: usize) -> Result<()> {
        if moments.len() != self.slots.len() {
            bail!("the optimizer's state has {} tensors, the adapter {}", moments.len(), self.slots.len());
        }
        for (slot, saved) in self.slots.iter_mut().zip(moments) {
            if saved.m.shape() != slot.var.shape() || saved.v.shape() != slot.var.shape() {
                bail!("the optimizer's state has a tensor of {:?} for one of {:?}", saved.m.shape(), slot.var.shape());
            }
            slot.m = saved.m.flatten_all()?.to_vec1()?;
            slot.v = saved.v.flatten_all()?.to_vec1()?;
            slot.gradient.fill(0.0);
        }
        self.steps = steps;
        Ok(())
    }

    /// Forgets the gathered gradients.
    pub fn clear_gradients(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.gradient.fill(0.0));
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// Adam in f64, as its authors write it.
    fn reference(start: f64, gradients: &[f64], lr: f64, decay: f64) -> f64 {
        let (mut x, mut m, mut v) = (start, 0.0, 0.0);
        for (t, g) in gradients.iter().enumerate() {
            let t = t as i32 + 1;
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (mh, vh) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
            x = x * (1.0 - lr * decay) - lr * mh / (vh.sqrt() + 1e-8);
        }
        x
    }

    #[test]
    fn it_follows_the_published_rule() -> Result<()> {
        let var = Var::from_slice(&[0.5f32], 1, &Device::Cpu)?;
        let constants = AdamConstants { weight_decay: 0.1, ..Default::default() };
        let mut adam = AdamW::new(vec![var.clone()], constants);
        let gradients = [0.3, -0.2, 0.8, 0.01];
        for g in gradients {
            // Two micro-batches whose gradients add up to g.
            for part in [0.25, 0.75] {
                adam.gather(&(var.as_tensor() * (g * part))?.sum_all()?.backward()?)?;
            }
            assert!((adam.gradient_norm() - f64::abs(g)).abs() < 1e-6);
            adam.step(0.01, 1.0)?;
        }
        let expected = reference(0.5, &gradients, 0.01, 0.1);
        assert!((f64::from(var.to_vec1::<f32>()?[0]) - expected).abs() < 1e-6);
        Ok(())
    }

    #[test]
    fn restored_moments_go_on_as_if_never_stopped() -> Result<()> {
        let train = |adam: &mut AdamW, var: &Var, times: usize| -> Result<()> {
            for i in 0..times {
                adam.gather(&(var.as_tensor() * (i as f64 + 1.0))?.sqr()?.sum_all()?.backward()?)?;
                adam.step(0.05, 0.5)?;
            }
            Ok(())
        };
        let start = Tensor::from_slice(&[1f32, -2.0, 0.25], 3, &Device::Cpu)?;
        let unbroken = Var::from_tensor(&start)?;
        let mut adam = AdamW::new(vec![unbroken.clone()], AdamConstants::default());
        train(&mut adam, &unbroken, 3)?;
        let (moments, steps, half) = (adam.moments()?, adam.steps(), Var::from_tensor(unbroken.as_tensor())?);
        train(&mut adam, &unbroken, 3)?;
        let mut resumed = AdamW::new(vec![half.clone()], AdamConstants::default());
        resumed.restore(&moments, steps)?;
        train(&mut resumed, &half, 3)?;
        assert_eq!(half.to_vec1::<f32>()?, unbroken.to_vec1::<f32>()?);
        Ok(())
    }
}
