//! From the down-product to `z` and back: softmax, gates and their gradients, token by token, for every member of a group.

use std::ops::Range;
use std::sync::PoisonError;

use rayon::prelude::*;

use super::gating::{head_shares, keep_largest, softmax_of, write_gates};
use super::{Adapted, AdaptedShape, GateRule, Member};
use crate::ops::dropout::Dropout;

/// Tokens that a thread takes at least.
const MIN_TOKENS: usize = 64;

/// What backward needs of forward.
#[derive(Clone, Default)]
pub struct Kept {
    /// `x·[A; W_r]ᵀ` of all members, `[tokens, members · down_rows]`.
    down: Vec<f32>,
    /// The routers' softmax before any factor, 0 for heads that top-k leaves out, `[tokens, members · heads]`; empty for
    /// fixed gates.
    softmax: Vec<f32>,
}

/// How the members of a group weigh their heads.
pub struct Routing {
    adapted: Adapted,
}

/// One member's part of one token.
struct Token<'a> {
    /// `h` of every `A`.
    h: &'a [f32],
    /// The router's logits; empty where there is no router.
    logits: &'a [f32],
    /// The router's softmax; empty for fixed gates.
    softmax: &'a [f32],
}

impl Routing {
    pub fn new(adapted: Adapted) -> Self {
        Self { adapted }
    }

    pub fn members(&self) -> &[Member] {
        &self.adapted.members
    }

    fn shape(&self) -> &AdaptedShape {
        &self.adapted.shape
    }

    /// Columns of the down-product of all members.
    pub fn down_width(&self) -> usize {
        self.members().len() * self.shape().down_rows()
    }

    /// Columns of `z` of all members.
    pub fn z_width(&self) -> usize {
        self.members().len() * self.shape().up_cols()
    }

    /// Columns of one member's `z`.
    pub fn up_cols(&self) -> usize {
        self.shape().up_cols()
    }

    fn asks_router(&self) -> bool {
        !matches!(self.adapted.gates, GateRule::Fixed(_))
    }

    /// The rows of `down` that see one and the same input: all of them, or under dropout each `A` and each router alone.
    pub fn parts(&self) -> Vec<(Option<Dropout>, Range<usize>)> {
        let (rows, a_rows) = (self.shape().down_rows(), self.shape().a_rows());
        let drops = |member: &Member| member.dropout.filter(|dropout| dropout.share > 0.0);
        if self.members().iter().all(|member| drops(member).is_none()) {
            return vec![(None, 0..self.down_width())];
        }
        let of = |(m, member): (usize, &Member)| {
            [(drops(member), m * rows..m * rows + a_rows), (None, m * rows + a_rows..(m + 1) * rows)]
        };
        self.members().iter().enumerate().flat_map(of).filter(|(_, rows)| !rows.is_empty()).collect()
    }

    /// Calls `f` with the rows of each part and with `x` as they see it.
    pub fn on_parts(&self, x: &[f32], mut f: impl FnMut(&[f32], Range<usize>)) {
        for (dropout, rows) in self.parts() {
            match dropout {
                Some(dropout) => f(&dropout.apply(x), rows),
                None => f(x, rows),
            }
        }
    }

    /// The down-product with the softmax over every router's columns.
    pub fn keep(&self, down: Vec<f32>) -> Kept {
        if !self.asks_router() {
            return Kept { down, softmax: Vec::new() };
        }
        let (rows, a_rows, n) = (self.shape().down_rows(), self.shape().a_rows(), self.shape().heads);
        let mut softmax = vec![0f32; down.len() / rows * n];
        for (gates, row) in softmax.chunks_mut(n).zip(down.chunks(rows)) {
            write_gates(&row[a_rows..], &self.shape().gating, gates);
        }
        Kept { down, softmax }
    }

    /// Member `m` at token `t`.
    fn token<'a>(&self, kept: &'a Kept, t: usize, m: usize) -> Token<'a> {
        let at = t * self.members().len() + m;
        let (rows, n) = (self.shape().down_rows(), self.shape().heads);
        let (h, logits) = kept.down[at * rows..][..rows].split_at(self.shape().a_rows());
        let softmax = if self.asks_router() { &kept.softmax[at * n..][..n] } else { &[] };
        Token { h, logits, softmax }
    }

    /// Room for the gates of one token: one for a thread, not for a token.
    fn scratch(&self) -> Vec<f32> {
        vec![0f32; self.shape().heads]
    }

    /// The weight of every head.
    fn gates<'a>(&'a self, token: &Token<'a>, scratch: &'a mut [f32]) -> &'a [f32] {
        match &self.adapted.gates {
            GateRule::Fixed(gates) => gates,
            GateRule::Router => token.softmax,
            GateRule::ScaledRouter(factors) => {
                for ((s, g), f) in scratch.iter_mut().zip(token.softmax).zip(factors) {
                    *s = g * f;
                }
                scratch
            }
            GateRule::TopRouter(count) => {
                scratch.copy_from_slice(token.softmax);
                keep_largest(scratch, *count);
                scratch
            }
        }
    }

    /// `z = s · g ⊗ h`, `[tokens, members · heads · rank]`.
    pub fn mix(&self, kept: &Kept, tokens: usize) -> Vec<f32> {
        let shape = self.shape();
        let mut z = vec![0f32; tokens * self.z_width()];
        let tokens = z.par_chunks_mut(self.z_width()).enumerate().with_min_len(MIN_TOKENS);
        tokens.for_each_init(
            || self.scratch(),
            |scratch, (t, z)| {
                for (m, z) in z.chunks_mut(shape.up_cols()).enumerate() {
                    let token = self.token(kept, t, m);
                    let gates = self.gates(&token, scratch);
                    for (i, (z, g)) in z.chunks_mut(shape.rank).zip(gates).enumerate() {
                        for (z, h) in z.iter_mut().zip(&token.h[shape.h_start(i)..]) {
                            *z = shape.scale * g * h;
                        }
                    }
                }
            },
        );
        z
    }

    /// Copies the gates to whoever looks.
    pub fn leave_gates(&self, kept: &Kept, tokens: usize) {
        let mut scratch = self.scratch();
        for (m, member) in self.members().iter().enumerate() {
            let Some(sink) = &member.sink else { continue };
            let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
            for t in 0..tokens {
                sink.extend_from_slice(self.gates(&self.token(kept, t, m), &mut scratch));
            }
        }
    }

    /// From `dz` to the gradient of the down-product, `[tokens, members · down_rows]`.
    pub fn down_gradient(&self, kept: &Kept, dz: &[f32], tokens: usize) -> Vec<f32> {
        let (rows, cols) = (self.shape().down_rows(), self.shape().up_cols());
        let mut dd = vec![0f32; tokens * self.down_width()];
        let all = dd.par_chunks_mut(self.down_width()).zip(dz.par_chunks(self.z_width())).enumerate();
        all.with_min_len(MIN_TOKENS).for_each_init(
            || self.scratch(),
            |scratch, (t, (dd, dz))| {
                for (m, (dd, dz)) in dd.chunks_mut(rows).zip(dz.chunks(cols)).enumerate() {
                    self.token_gradient(&self.token(kept, t, m), dz, dd, scratch);
                }
            },
        );
        self.add_balance_gradient(kept, &mut dd, tokens);
        dd
    }

    /// Adds the gradient of the balance loss to that of the routers' logits. The loss of one member is
    /// `weight · N · Σ_i f_i · P_i`, with `f_i` the share of choices that fall on head `i`, which counts as a constant, and
    /// `P_i` its mean gate before top-k; of token `t` the gradient is `weight · N/T · p_i (f_i − Σ f·p) / temperature`.
    fn add_balance_gradient(&self, kept: &Kept, dd: &mut [f32], tokens: usize) {
        let Some(balance) = self.adapted.balance.as_ref().filter(|_| self.asks_router()) else { return };
        let (shape, rows) = (self.shape(), self.shape().down_rows());
        let counted: Vec<usize> = balance.spans.iter().flat_map(Clone::clone).filter(|&t| t < tokens).collect();
        let factor = balance.weight * shape.heads as f32 / counted.len().max(1) as f32 / shape.gating.temperature;
        let mut softmax = self.scratch();
        for m in 0..self.members().len() {
            let shares =
                head_shares(counted.iter().map(|&t| self.token(kept, t, m).logits), &shape.gating, shape.heads);
            for &t in &counted {
                softmax_of(self.token(kept, t, m).logits, shape.gating.temperature, &mut softmax);
                let mean: f32 = softmax.iter().zip(&shares).map(|(p, f)| p * f).sum();
                let drouter = &mut dd[(t * self.members().len() + m) * rows..][shape.a_rows()..rows];
                for ((dg, p), f) in drouter.iter_mut().zip(&softmax).zip(&shares) {
                    *dg += factor * p * (f - mean);
                }
            }
        }
    }

    /// `dh = Σ s·g_i·dz_i` and, through the softmax, `g_i (dg_i − Σ g·dg) / temperature` with `dg_i = s·dz_i·h`. Of the
    /// largest weights alone, divided by their sum, the same holds: they are the softmax over their own logits, and a head
    /// that is left out has no gradient.
    fn token_gradient(&self, token: &Token<'_>, dz: &[f32], dd: &mut [f32], scratch: &mut [f32]) {
        let shape = self.shape();
        let gates = self.gates(token, scratch);
        let (dh, drouter) = dd.split_at_mut(shape.a_rows());
        for (i, (dz, g)) in dz.chunks(shape.rank).zip(gates).enumerate() {
            for (dh, dz) in dh[shape.h_start(i)..].iter_mut().zip(dz) {
                *dh += shape.scale * g * dz;
            }
        }
        if !self.asks_router() {
            return;
        }
        for (i, dg) in drouter.iter_mut().enumerate() {
            let dz = &dz[i * shape.rank..][..shape.rank];
            let along: f32 = dz.iter().zip(&token.h[shape.h_start(i)..]).map(|(a, b)| a * b).sum();
            let factor = if let GateRule::ScaledRouter(factors) = &self.adapted.gates { factors[i] } else { 1.0 };
            *dg = shape.scale * factor * along;
        }
        let softmax = if let GateRule::TopRouter(_) = &self.adapted.gates { gates } else { token.softmax };
        let mean: f32 = softmax.iter().zip(&*drouter).map(|(g, dg)| g * dg).sum();
        let sharpness = 1.0 / shape.gating.temperature;
        for (dg, g) in drouter.iter_mut().zip(softmax) {
            *dg = g * (*dg - mean) * sharpness;
        }
    }
}
