//! Adapted projections of the whole LoRA family as one operation for all that read one input, such as q, k and v (DESIGN
//! section 2; Tian et al. 2024, equation 5). For each of them:
//!
//! ```text
//! h = dropout(x) · Aᵀ            A  [r, in], or N of them one under the other
//! g = softmax(x · W_rᵀ)          W_r [N, in], or fixed gates
//! z = s · g ⊗ h                  [tokens, N·r]
//! y = x · W0ᵀ + z · [B_0 … B_{N-1}]ᵀ
//! ```
//!
//! `routing.rs` is the mathematics between `x·[A; W_r]ᵀ` and `z`, forward and backward, with the gates of `gating.rs`; this
//! file is the products around it.

mod gating;
mod routing;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::composed;
use super::dropout::Dropout;
use super::linear::{Group, Projection};
use super::mat::{Into, Mat, Threads, product};
use super::profile::{OpKind, timed};
use super::storage::{is_native, output, slice, tensor, with_slice};
pub(super) use gating::keep_largest;
pub use gating::{Balance, Gating};
use routing::{Kept, Routing};

/// Where the weights of the heads come from.
#[derive(Clone, Debug, PartialEq)]
pub enum GateRule {
    /// The router's softmax, per token.
    Router,
    /// The router's softmax, each head's weight then multiplied by a factor: 0 mutes a head.
    ScaledRouter(Vec<f32>),
    /// The router's softmax with only this many of its largest weights kept, which are then divided by their sum.
    TopRouter(usize),
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
    /// How the router's logits become gates.
    pub gating: Gating,
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

    /// Columns of the up-projection: all heads side by side.
    pub fn up_cols(&self) -> usize {
        self.heads * self.rank
    }

    /// Where head `i` begins in a row of `h`.
    fn h_start(&self, head: usize) -> usize {
        if self.shares_a { 0 } else { head * self.rank }
    }
}

/// Takes the gates of one call, `[tokens, heads]` row after row.
pub type GateSink = Arc<Mutex<Vec<f32>>>;

/// One adapted projection of a group.
#[derive(Clone, Debug, Default)]
pub struct Member {
    /// Which projection of the group it is.
    pub projection: usize,
    /// Its mask on the way into `A`.
    pub dropout: Option<Dropout>,
    /// Where to leave a copy of its gates, for those who look.
    pub sink: Option<GateSink>,
}

/// What sits on a group of frozen projections, and is not differentiated.
#[derive(Clone, Debug)]
pub struct Adapted {
    /// Of every member.
    pub shape: AdaptedShape,
    pub gates: GateRule,
    /// In the order of the projections.
    pub members: Vec<Member>,
    /// What backward adds to the gradients of the routers; `None`: nothing.
    pub balance: Option<Balance>,
}

/// The adapted projections side by side: x `[tokens, in]` → `[tokens, Σ out]`. Of the members, one under the other: `down`
/// `[Σ (a_rows (+ heads)), in]` (every `A`, then the router) and `up` `[Σ out, heads · rank]` (`B_0 … B_{N-1}` side by
/// side). `x`, `down` and `up` get gradients.
///
/// Errs when the shapes do not fit together.
pub fn adapted_linear(
    x: &Tensor,
    down: &Tensor,
    up: &Tensor,
    group: &[Projection],
    adapted: Adapted,
) -> Result<Tensor> {
    let group = Group::new(x, group)?;
    check_shapes(down, up, &group, &adapted)?;
    if group.is_native(x) && is_native(down) && is_native(up) {
        let op = AdaptedLinear { group, routing: Routing::new(adapted), kept: Mutex::default() };
        x.contiguous()?.apply_op3(&down.contiguous()?, &up.contiguous()?, op)
    } else {
        composed::adapted_linear(x, down, up, &group, &adapted)
    }
}

fn check_shapes(down: &Tensor, up: &Tensor, group: &Group, adapted: &Adapted) -> Result<()> {
    let (shape, members) = (&adapted.shape, &adapted.members);
    let of = |member: &Member| group.projections.get(member.projection).map(|p| p.weight.rows());
    let is_ordered = members.array_windows().all(|[a, b]| a.projection < b.projection);
    let Some(outputs) = members.iter().map(of).sum::<Option<usize>>().filter(|_| is_ordered) else {
        bail!("{} members do not fit a group of {} projections", members.len(), group.projections.len());
    };
    let expected = ((members.len() * shape.down_rows(), group.inputs), (outputs, shape.up_cols()));
    if (down.dims2()?, up.dims2()?) != expected {
        bail!("an adapter with down {:?} and up {:?} does not fit; expected {expected:?}", down.shape(), up.shape());
    }
    let gates = match &adapted.gates {
        GateRule::Router | GateRule::TopRouter(_) => None,
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

/// What backward finds.
struct Gradients {
    /// Where it is wanted.
    x: Option<Vec<f32>>,
    down: Vec<f32>,
    up: Vec<f32>,
}

struct AdaptedLinear {
    group: Group,
    routing: Routing,
    kept: Mutex<Kept>,
}

/// One member's place: its columns of the output, and its rows of `up`.
#[derive(Clone, Copy)]
struct Place {
    column: usize,
    up_row: usize,
    outputs: usize,
}

impl AdaptedLinear {
    fn places(&self) -> Vec<Place> {
        let mut up_row = 0;
        let columns: Vec<_> = self.group.columns().collect();
        let of = |member: &Member| {
            let (column, projection) = columns.get(member.projection)?;
            let place = Place { column: *column, up_row, outputs: projection.weight.rows() };
            up_row += place.outputs;
            Some(place)
        };
        self.routing.members().iter().filter_map(of).collect()
    }

    /// `x·[A; W_r]ᵀ` of all members, `[tokens, width]`: each `A` sees `x` after its dropout, each router before.
    fn down_product(&self, x: &[f32], down: &[f32], tokens: usize) -> Vec<f32> {
        let (inputs, width) = (self.group.inputs, self.routing.down_width());
        let mut h = vec![0f32; tokens * width];
        self.routing.on_parts(x, |x, rows| {
            let w = Mat::new(&down[rows.start * inputs..rows.end * inputs], rows.len(), inputs);
            product(
                &mut h[rows.start..],
                width,
                Into::Overwrite,
                1.0,
                Mat::new(x, tokens, inputs),
                w.t(),
                Threads::All,
            );
        });
        h
    }

    /// The gradient of `down`, `[width, in]`, from that of the down-product.
    fn down_weight_gradient(&self, x: &[f32], dd: &[f32], tokens: usize) -> Vec<f32> {
        let (inputs, width) = (self.group.inputs, self.routing.down_width());
        let mut gradient = vec![0f32; width * inputs];
        self.routing.on_parts(x, |x, rows| {
            let dd = Mat::strided(&dd[rows.start..], tokens, rows.len(), width);
            let out = &mut gradient[rows.start * inputs..rows.end * inputs];
            product(out, inputs, Into::Overwrite, 1.0, dd.t(), Mat::new(x, tokens, inputs), Threads::All);
        });
        gradient
    }

    /// Adds `dropout(dh·A) + drouter·W_r` to `dx` `[tokens, in]`.
    fn add_input_gradient(&self, dx: &mut [f32], dd: &[f32], down: &[f32], tokens: usize) {
        let (inputs, width) = (self.group.inputs, self.routing.down_width());
        let through = |dx: &mut [f32], mode: Into, rows: std::ops::Range<usize>| {
            let w = Mat::new(&down[rows.start * inputs..rows.end * inputs], rows.len(), inputs);
            let dd = Mat::strided(&dd[rows.start..], tokens, rows.len(), width);
            product(dx, inputs, mode, 1.0, dd, w, Threads::All);
        };
        for (dropout, rows) in self.routing.parts() {
            let Some(dropout) = dropout else {
                through(dx, Into::Add, rows);
                continue;
            };
            let mut masked = vec![0f32; tokens * inputs];
            through(&mut masked, Into::Overwrite, rows);
            dx.iter_mut().zip(dropout.apply(&masked)).for_each(|(dx, d)| *dx += d);
        }
    }

    /// `y += z·Bᵀ` for every member.
    fn add_heads(&self, y: &mut [f32], z: &[f32], up: &[f32], tokens: usize) {
        let (outputs, cols, z_width) = (self.group.outputs, self.routing.up_cols(), self.routing.z_width());
        for (m, place) in self.places().into_iter().enumerate() {
            let b = Mat::new(&up[place.up_row * cols..][..place.outputs * cols], place.outputs, cols);
            let z = Mat::strided(&z[m * cols..], tokens, cols, z_width);
            product(&mut y[place.column..], outputs, Into::Add, 1.0, z, b.t(), Threads::All);
        }
    }

    /// The gradients of `up` and of `z`, from dy `[tokens, outputs]`.
    fn heads_gradient(&self, dy: &[f32], z: &[f32], up: &[f32], tokens: usize) -> (Vec<f32>, Vec<f32>) {
        let (outputs, cols, z_width) = (self.group.outputs, self.routing.up_cols(), self.routing.z_width());
        let (mut dup, mut dz) = (vec![0f32; up.len()], vec![0f32; z.len()]);
        for (m, place) in self.places().into_iter().enumerate() {
            let rows = place.up_row * cols..(place.up_row + place.outputs) * cols;
            let dy = Mat::strided(&dy[place.column..], tokens, place.outputs, outputs);
            let z = Mat::strided(&z[m * cols..], tokens, cols, z_width);
            product(&mut dup[rows.clone()], cols, Into::Overwrite, 1.0, dy.t(), z, Threads::All);
            let b = Mat::new(&up[rows], place.outputs, cols);
            product(&mut dz[m * cols..], z_width, Into::Overwrite, 1.0, dy, b, Threads::All);
        }
        (dup, dz)
    }

    fn forward(&self, x: &[f32], down: &[f32], up: &[f32], tokens: usize) -> Result<Vec<f32>> {
        let mut y = timed(OpKind::BaseProduct, || self.group.forward(x, tokens))?;
        if tokens == 0 {
            return Ok(y);
        }
        timed(OpKind::Adapter, || {
            let kept = self.routing.keep(self.down_product(x, down, tokens));
            self.add_heads(&mut y, &self.routing.mix(&kept, tokens), up, tokens);
            self.routing.leave_gates(&kept, tokens);
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        });
        Ok(y)
    }

    fn backward(
        &self,
        (x, down, up): (&[f32], &[f32], &[f32]),
        dy: &[f32],
        tokens: usize,
        wants_x: bool,
    ) -> Result<Gradients> {
        if tokens == 0 {
            return Ok(Gradients { x: wants_x.then(Vec::new), down: vec![0f32; down.len()], up: vec![0f32; up.len()] });
        }
        let (dd, ddown, dup) = timed(OpKind::Adapter, || {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let (dup, dz) = self.heads_gradient(dy, &self.routing.mix(&kept, tokens), up, tokens);
            let dd = self.routing.down_gradient(&kept, &dz, tokens);
            let ddown = self.down_weight_gradient(x, &dd, tokens);
            (dd, ddown, dup)
        });
        if !wants_x {
            return Ok(Gradients { x: None, down: ddown, up: dup });
        }
        let mut dx = timed(OpKind::BaseProduct, || self.group.input_gradient(dy, tokens))?;
        timed(OpKind::Adapter, || self.add_input_gradient(&mut dx, &dd, down, tokens));
        Ok(Gradients { x: Some(dx), down: ddown, up: dup })
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
        let tokens = xl.shape().dims2()?.0;
        let y = self.forward(slice(xs, xl)?, slice(ds, dl)?, slice(us, ul)?, tokens)?;
        Ok(output(y, (tokens, self.group.outputs)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        down: &Tensor,
        up: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let tokens = x.dim(0)?;
        let gradients = |x: &[f32], down: &[f32], up: &[f32], dy: &[f32], wants_x: bool| {
            self.backward((x, down, up), dy, tokens, wants_x)
        };
        let found = with_slice(x, |xs| {
            with_slice(down, |down| with_slice(up, |up| with_slice(dy, |dy| gradients(xs, down, up, dy, x.track_op()))))
        })?;
        let dx = found.x.map(|dx| tensor(dx, x.shape())).transpose()?;
        Ok((dx, Some(tensor(found.down, down.shape())?), Some(tensor(found.up, up.shape())?)))
    }
}
