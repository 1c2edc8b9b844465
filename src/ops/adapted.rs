//! The adapted projection of the whole LoRA family as one operation (DESIGN section 2; Tian et al. 2024, equation 5).
//!
//! ```text
//! h = dropout(x) · Aᵀ            A  [r, in], or N of them one under the other
//! g = softmax(x · W_rᵀ)          W_r [N, in], or fixed gates
//! z = s · g ⊗ h                  [tokens, N·r]
//! y = x · W0ᵀ + z · [B_0 … B_{N-1}]ᵀ
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::composed;
use super::dropout::Dropout;
use super::linear::base_product;
use super::mat::{Into, Mat, Threads, product};
use super::storage::{is_native, output, slice, tensor, with_slice};

/// Where the weights of the heads come from.
#[derive(Clone, Debug, PartialEq)]
pub enum GateRule {
    /// The router's softmax, per token.
    Router,
    /// The router's softmax, each head's weight then multiplied by a factor: 0 mutes a head.
    ScaledRouter(Vec<f32>),
    /// The same weights for every token; the router, where there is one, is not asked.
    Fixed(Vec<f32>),
}

/// Sizes of one adapted projection.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptedShape {
    pub rank: usize,
    pub heads: usize,
    /// Whether all heads share one `A`.
    pub shares_a: bool,
    /// Whether the last `heads` rows of the down-projection are the router.
    pub has_router: bool,
    /// `alpha / rank`, or as the spec says.
    pub scale: f32,
}

impl AdaptedShape {
    /// Rows of all `A`s together.
    pub fn a_rows(&self) -> usize {
        self.rank * if self.shares_a { 1 } else { self.heads }
    }

    /// Rows of the down-projection: all `A`s, then the router.
    pub fn down_rows(&self) -> usize {
        self.a_rows() + if self.has_router { self.heads } else { 0 }
    }

    /// Where head `i` begins in a row of `h`.
    fn h_start(&self, head: usize) -> usize {
        if self.shares_a { 0 } else { head * self.rank }
    }
}

/// Takes the gates of one call, `[tokens, heads]` row after row.
pub type GateSink = Arc<Mutex<Vec<f32>>>;

/// Everything of one adapted projection that is not differentiated.
pub struct Adapted<'a> {
    /// Frozen weight, `[out, in]`.
    pub weight: &'a Tensor,
    /// `[out]`.
    pub bias: Option<&'a Tensor>,
    pub shape: &'a AdaptedShape,
    pub gates: GateRule,
    pub dropout: Option<Dropout>,
    /// Where to leave a copy of the gates, for those who look.
    pub sink: Option<GateSink>,
}

/// The adapted projection: x `[tokens, in]`, down `[a_rows (+ heads), in]` (every `A`, then the router), up
/// `[out, heads · rank]` (`B_0 … B_{N-1}` side by side) → `[tokens, out]`. `x`, `down` and `up` get gradients.
///
/// Errs when the shapes do not fit together.
pub fn adapted_linear(x: &Tensor, down: &Tensor, up: &Tensor, adapted: Adapted<'_>) -> Result<Tensor> {
    check_shapes(x, down, up, &adapted)?;
    let native = [x, down, up, adapted.weight].into_iter().all(is_native);
    let y = if native {
        let op = AdaptedLinear {
            weight: adapted.weight.contiguous()?,
            shape: adapted.shape.clone(),
            gates: adapted.gates,
            dropout: adapted.dropout.filter(|d| d.share > 0.0),
            sink: adapted.sink,
            kept: Mutex::default(),
        };
        x.contiguous()?.apply_op3(&down.contiguous()?, &up.contiguous()?, op)?
    } else {
        composed::adapted_linear(x, down, up, &adapted)?
    };
    match adapted.bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

fn check_shapes(x: &Tensor, down: &Tensor, up: &Tensor, adapted: &Adapted<'_>) -> Result<()> {
    let (_, inputs) = x.dims2()?;
    let (outputs, weight_inputs) = adapted.weight.dims2()?;
    let shape = adapted.shape;
    let expected = ((shape.down_rows(), inputs), (outputs, shape.heads * shape.rank));
    if weight_inputs != inputs || (down.dims2()?, up.dims2()?) != expected {
        bail!(
            "an adapter with down {:?} and up {:?} does not fit x {:?} and W {:?}",
            down.shape(),
            up.shape(),
            x.shape(),
            adapted.weight.shape()
        );
    }
    let gates = match &adapted.gates {
        GateRule::Router => None,
        GateRule::ScaledRouter(gates) | GateRule::Fixed(gates) => Some(gates.len()),
    };
    if gates.is_some_and(|n| n != shape.heads) {
        bail!("{} gates were given for {} heads", gates.unwrap_or(0), shape.heads);
    }
    if !shape.has_router && !matches!(adapted.gates, GateRule::Fixed(_)) {
        bail!("an adapter without router needs fixed gates");
    }
    Ok(())
}

/// What backward needs of forward.
#[derive(Clone, Default)]
struct Kept {
    /// `x·[A; W_r]ᵀ`, `[tokens, down_rows]`.
    down: Vec<f32>,
    /// The router's softmax before any factor, `[tokens, heads]`; empty for fixed gates.
    softmax: Vec<f32>,
}

struct AdaptedLinear {
    weight: Tensor,
    shape: AdaptedShape,
    gates: GateRule,
    dropout: Option<Dropout>,
    sink: Option<GateSink>,
    kept: Mutex<Kept>,
}

impl AdaptedLinear {
    /// The weight of every head for token `t`.
    fn gates_at<'a>(&'a self, softmax: &'a [f32], t: usize, scratch: &'a mut [f32]) -> &'a [f32] {
        let n = self.shape.heads;
        match &self.gates {
            GateRule::Fixed(gates) => gates,
            GateRule::Router => &softmax[t * n..(t + 1) * n],
            GateRule::ScaledRouter(factors) => {
                for ((s, g), f) in scratch.iter_mut().zip(&softmax[t * n..]).zip(factors) {
                    *s = g * f;
                }
                scratch
            }
        }
    }

    /// `[tokens, down_rows]`: `A` sees `x` after dropout, the router before.
    fn down_product(&self, x: &[f32], down: &[f32], tokens: usize, inputs: usize) -> Vec<f32> {
        let (rows, a_rows) = (self.shape.down_rows(), self.shape.a_rows());
        let mut h = vec![0f32; tokens * rows];
        let mut part = |x: &[f32], from: usize, to: usize| {
            if to > from && tokens > 0 {
                let w = Mat::new(&down[from * inputs..to * inputs], to - from, inputs);
                let x = Mat::new(x, tokens, inputs);
                product(&mut h[from..], rows, Into::Overwrite, 1.0, x, w.t(), Threads::All);
            }
        };
        match self.dropout {
            None => part(x, 0, rows),
            Some(dropout) => {
                part(&dropout.apply(x), 0, a_rows);
                part(x, a_rows, rows);
            }
        }
        h
    }

    /// Softmax over the router's columns of every row, with its maximum subtracted: a router saturates at attention
    /// sinks.
    fn softmax(&self, down: &[f32]) -> Vec<f32> {
        if matches!(self.gates, GateRule::Fixed(_)) {
            return Vec::new();
        }
        let (rows, a_rows, n) = (self.shape.down_rows(), self.shape.a_rows(), self.shape.heads);
        let mut gates = vec![0f32; down.len() / rows * n];
        for (gates, row) in gates.chunks_mut(n).zip(down.chunks(rows)) {
            let logits = &row[a_rows..];
            let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for (g, l) in gates.iter_mut().zip(logits) {
                *g = (l - top).exp();
                sum += *g;
            }
            gates.iter_mut().for_each(|g| *g /= sum);
        }
        gates
    }

    /// `z = s · g ⊗ h`, `[tokens, heads · rank]`.
    fn mix(&self, kept: &Kept, tokens: usize) -> Vec<f32> {
        let (r, n, rows) = (self.shape.rank, self.shape.heads, self.shape.down_rows());
        let mut z = vec![0f32; tokens * n * r];
        let mut scratch = vec![0f32; n];
        for (t, z) in z.chunks_mut(n * r).enumerate() {
            let gates = self.gates_at(&kept.softmax, t, &mut scratch);
            for (i, (z, g)) in z.chunks_mut(r).zip(gates).enumerate() {
                let h = &kept.down[t * rows + self.shape.h_start(i)..][..r];
                for (z, h) in z.iter_mut().zip(h) {
                    *z = self.shape.scale * g * h;
                }
            }
        }
        z
    }

    fn leave_gates(&self, softmax: &[f32], tokens: usize) {
        let Some(sink) = &self.sink else { return };
        let mut scratch = vec![0f32; self.shape.heads];
        let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
        for t in 0..tokens {
            sink.extend_from_slice(self.gates_at(softmax, t, &mut scratch));
        }
    }

    /// From `dz` `[tokens, heads · rank]` to the gradient of `down`'s output, `[tokens, down_rows]`:
    /// `dh = Σ s·g_i·dz_i` and, through the softmax, `g_i (dg_i − Σ g·dg)` with `dg_i = s·dz_i·h`.
    fn down_gradient(&self, kept: &Kept, dz: &[f32], tokens: usize) -> Vec<f32> {
        let shape = &self.shape;
        let (r, n, rows, a_rows) = (shape.rank, shape.heads, shape.down_rows(), shape.a_rows());
        let mut dd = vec![0f32; tokens * rows];
        dd.par_chunks_mut(rows).enumerate().with_min_len(64).for_each(|(t, dd)| {
            let mut scratch = vec![0f32; n];
            let gates = self.gates_at(&kept.softmax, t, &mut scratch);
            let h = &kept.down[t * rows..][..a_rows];
            let dz = &dz[t * n * r..][..n * r];
            let (dh, drouter) = dd.split_at_mut(a_rows);
            for (i, (dz, g)) in dz.chunks(r).zip(gates).enumerate() {
                for (dh, dz) in dh[shape.h_start(i)..].iter_mut().zip(dz) {
                    *dh += shape.scale * g * dz;
                }
            }
            if matches!(self.gates, GateRule::Fixed(_)) {
                return;
            }
            for (i, dg) in drouter.iter_mut().enumerate() {
                let along: f32 = dz[i * r..][..r].iter().zip(&h[shape.h_start(i)..]).map(|(a, b)| a * b).sum();
                let factor = if let GateRule::ScaledRouter(factors) = &self.gates { factors[i] } else { 1.0 };
                *dg = shape.scale * factor * along;
            }
            let softmax = &kept.softmax[t * n..][..n];
            let mean: f32 = softmax.iter().zip(&*drouter).map(|(g, dg)| g * dg).sum();
            for (dg, g) in drouter.iter_mut().zip(softmax) {
                *dg = g * (*dg - mean);
            }
        });
        dd
    }

    /// The gradient of `[A; W_r]`, `[down_rows, in]`.
    fn down_weight_gradient(&self, x: &[f32], dd: &[f32], tokens: usize, inputs: usize) -> Vec<f32> {
        let (rows, a_rows) = (self.shape.down_rows(), self.shape.a_rows());
        let mut gradient = vec![0f32; rows * inputs];
        let mut part = |x: &[f32], from: usize, to: usize| {
            if to > from && tokens > 0 {
                let dd = Mat::strided(&dd[from..], tokens, to - from, rows);
                let out = &mut gradient[from * inputs..to * inputs];
                product(out, inputs, Into::Overwrite, 1.0, dd.t(), Mat::new(x, tokens, inputs), Threads::All);
            }
        };
        match self.dropout {
            None => part(x, 0, rows),
            Some(dropout) => {
                part(&dropout.apply(x), 0, a_rows);
                part(x, a_rows, rows);
            }
        }
        gradient
    }

    /// `dx = dy·W0 + dropout(dh·A) + drouter·W_r`, `[tokens, in]`.
    fn input_gradient(
        &self,
        dy: &[f32],
        w: &[f32],
        dd: &[f32],
        down: &[f32],
        sizes: (usize, usize, usize),
    ) -> Vec<f32> {
        let (tokens, inputs, outputs) = sizes;
        let (rows, a_rows) = (self.shape.down_rows(), self.shape.a_rows());
        let mut dx = vec![0f32; tokens * inputs];
        if tokens == 0 {
            return dx;
        }
        let dy = Mat::new(dy, tokens, outputs);
        product(&mut dx, inputs, Into::Overwrite, 1.0, dy, Mat::new(w, outputs, inputs), Threads::All);
        let add = |dx: &mut [f32], mode: Into, from: usize, to: usize| {
            if to > from {
                let w = Mat::new(&down[from * inputs..to * inputs], to - from, inputs);
                let dd = Mat::strided(&dd[from..], tokens, to - from, rows);
                product(dx, inputs, mode, 1.0, dd, w, Threads::All);
            }
        };
        match self.dropout {
            None => add(&mut dx, Into::Add, 0, rows),
            Some(dropout) => {
                add(&mut dx, Into::Add, a_rows, rows);
                let mut through_a = vec![0f32; tokens * inputs];
                add(&mut through_a, Into::Overwrite, 0, a_rows);
                for (dx, d) in dx.iter_mut().zip(dropout.apply(&through_a)) {
                    *dx += d;
                }
            }
        }
        dx
    }
}

impl CustomOp3 for AdaptedLinear {
    fn name(&self) -> &'static str {
        "adapted-linear"
    }

    fn cpu_fwd(
        &self,
        xs: &CpuStorage,
        xl: &Layout,
        ds: &CpuStorage,
        dl: &Layout,
        us: &CpuStorage,
        ul: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (tokens, inputs) = xl.shape().dims2()?;
        let (outputs, width) = ul.shape().dims2()?;
        let (x, down, up) = (slice(xs, xl)?, slice(ds, dl)?, slice(us, ul)?);
        let mut y = vec![0f32; tokens * outputs];
        with_slice(&self.weight, |w| {
            base_product(&mut y, x, w, tokens, inputs, outputs);
            Ok(())
        })?;
        let down = self.down_product(x, down, tokens, inputs);
        let kept = Kept { softmax: self.softmax(&down), down };
        let z = self.mix(&kept, tokens);
        let up = Mat::new(up, outputs, width);
        product(&mut y, outputs, Into::Add, 1.0, Mat::new(&z, tokens, width), up.t(), Threads::All);
        self.leave_gates(&kept.softmax, tokens);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(output(y, (tokens, outputs)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        down: &Tensor,
        up: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (tokens, inputs) = x.dims2()?;
        let (outputs, width) = up.dims2()?;
        let wants_x = x.track_op();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut dx, mut ddown, mut dup) = (None, Vec::new(), vec![0f32; outputs * width]);
        with_slice(dy, |dy| {
            let z = self.mix(&kept, tokens);
            let (z, dy_mat) = (Mat::new(&z, tokens, width), Mat::new(dy, tokens, outputs));
            product(&mut dup, width, Into::Overwrite, 1.0, dy_mat.t(), z, Threads::All);
            let mut dz = vec![0f32; tokens * width];
            with_slice(up, |up| {
                product(&mut dz, width, Into::Overwrite, 1.0, dy_mat, Mat::new(up, outputs, width), Threads::All);
                Ok(())
            })?;
            let dd = self.down_gradient(&kept, &dz, tokens);
            with_slice(x, |x| {
                ddown = self.down_weight_gradient(x, &dd, tokens, inputs);
                Ok(())
            })?;
            if wants_x {
                let sizes = (tokens, inputs, outputs);
                let back = |w: &[f32]| with_slice(down, |down| Ok(self.input_gradient(dy, w, &dd, down, sizes)));
                dx = Some(with_slice(&self.weight, back)?);
            }
            Ok(())
        })?;
        let dx = dx.map(|dx| tensor(dx, x.shape())).transpose()?;
        Ok((dx, Some(tensor(ddown, down.shape())?), Some(tensor(dup, up.shape())?)))
    }
}

#[cfg(test)]
mod tests;
