//! Floating-point operations of a pass, by the sizes of its products: what a speed is a share of.

use std::ops::Range;

use crate::adapter::{AdapterSpec, Target};
use crate::model::ModelConfig;
use crate::text::Batch;

/// Counts the operations that a decoder's products need, a multiplication and an addition as two.
///
/// Counted are, in training, the base products forward and for the gradient of their input (none at and below the
/// lowest adapted projection, where no gradient goes), the adapter's products forward and for the gradients of input
/// and weights, attention's products of the positions that see each other, and the vocabulary projection of supervised
/// positions, forward and for the gradient of its input. Filling between examples is counted as it is computed. Norms,
/// activations, rotation, softmax and the optimizer are not: there are few. Nor is what a backward pass computes anew
/// instead of keeping it, as in the model FLOPs of Chowdhery et al. 2022 (*PaLM*, appendix B).
#[derive(Clone, Copy, Debug)]
pub struct FlopCount<'a> {
    pub config: &'a ModelConfig,
    /// `None`: the base model alone.
    pub adapter: Option<&'a AdapterSpec>,
}

/// The first projection of each group that reads one input, in forward order.
const GROUPS: [Target; 4] = [Target::Q, Target::O, Target::Gate, Target::Down];

impl FlopCount<'_> {
    /// Of a training step's micro-batch, forward and backward.
    pub fn training(&self, batch: &Batch) -> f64 {
        self.training_on(batch.ids.len(), batch.spans.iter().map(Range::len), batch.supervised())
    }

    /// The same of examples of these lengths in `rows` positions, filling included, of which `supervised` count.
    pub fn training_on(&self, rows: usize, lengths: impl Iterator<Item = usize> + Clone, supervised: usize) -> f64 {
        let sequences = lengths.map(|length| (0, length));
        self.forward(rows, sequences.clone(), supervised) + self.backward(rows, sequences, supervised)
    }

    /// Of a measure of held-out loss, which finds the gradient of what enters the vocabulary projection too.
    pub fn measuring_on(&self, rows: usize, lengths: impl Iterator<Item = usize> + Clone, supervised: usize) -> f64 {
        let sequences = lengths.map(|length| (0, length));
        self.forward(rows, sequences, supervised) + supervised as f64 * self.vocabulary()
    }

    /// Of one pass that follows `past` tokens in a cache with `tokens` more, and gives the logits of the last.
    pub fn answering(&self, past: usize, tokens: usize) -> f64 {
        self.forward(tokens, std::iter::once((past, tokens)), 1)
    }

    /// `sequences`: of each, the tokens that went before and those of this pass.
    fn forward(&self, rows: usize, sequences: impl Iterator<Item = (usize, usize)> + Clone, logits: usize) -> f64 {
        let layers = self.config.layers as f64;
        let modules: f64 = Target::ALL.into_iter().map(|target| self.base(target) + self.adapter_forward(target)).sum();
        layers * rows as f64 * modules + self.attention(sequences, 2.0) + logits as f64 * self.vocabulary()
    }

    fn backward(&self, rows: usize, sequences: impl Iterator<Item = (usize, usize)> + Clone, supervised: usize) -> f64 {
        let rows = rows as f64;
        let mut all = supervised as f64 * self.vocabulary();
        // What comes before the lowest adapted group depends on nothing that is trained.
        let mut depends = false;
        for attention in self.attention_of_layers(sequences, 4.0) {
            for group in GROUPS {
                let is_adapted = group.group().iter().any(|target| self.adapts(*target));
                for &target in group.group() {
                    all += rows * self.adapter_weights(target);
                    if depends {
                        all += rows * (self.base(target) + self.adapter_input(target));
                    }
                }
                depends |= is_adapted;
                if group == Target::Q && depends {
                    all += attention;
                }
            }
        }
        all
    }

    fn adapts(&self, target: Target) -> bool {
        self.adapter.is_some_and(|spec| spec.targets.contains(&target))
    }

    /// One base product of a token.
    fn base(&self, target: Target) -> f64 {
        let (inputs, outputs) = self.config.dims(target);
        2.0 * inputs as f64 * outputs as f64
    }

    /// The products of a token with `[A; W_r]` and with all heads; 0 for a projection without adapter.
    fn adapter_products(&self, target: Target) -> (f64, f64) {
        let Some(spec) = self.adapter.filter(|_| self.adapts(target)) else { return (0.0, 0.0) };
        let (inputs, outputs) = self.config.dims(target);
        let router = if spec.method.has_router() { spec.heads } else { 0 };
        let down = spec.a_count() * spec.rank + router;
        (2.0 * (inputs * down) as f64, 2.0 * (outputs * spec.heads * spec.rank) as f64)
    }

    fn adapter_forward(&self, target: Target) -> f64 {
        let (down, up) = self.adapter_products(target);
        down + up
    }

    /// The gradients of `A`, router and heads, and that of `z` between them.
    fn adapter_weights(&self, target: Target) -> f64 {
        let (down, up) = self.adapter_products(target);
        down + 2.0 * up
    }

    /// The gradient of the input, through `A` and router.
    fn adapter_input(&self, target: Target) -> f64 {
        self.adapter_products(target).0
    }

    fn vocabulary(&self) -> f64 {
        2.0 * self.config.hidden as f64 * self.config.vocab as f64
    }

    /// `products` of every pair of positions that see each other, over all layers: two forward (q·k and the weighted
    /// sum of v), four backward (the gradients of q, k, v and of the weights).
    fn attention(&self, sequences: impl Iterator<Item = (usize, usize)> + Clone, products: f64) -> f64 {
        self.attention_of_layers(sequences, products).sum()
    }

    /// The same, layer by layer.
    fn attention_of_layers(
        &self,
        sequences: impl Iterator<Item = (usize, usize)> + Clone,
        products: f64,
    ) -> impl Iterator<Item = f64> {
        let of = |window: usize| {
            let pairs: f64 = sequences.clone().map(|(past, new)| pairs_seen(past, new, window)).sum();
            2.0 * products * pairs * (self.config.heads * self.config.head_dim) as f64
        };
        let window = self.config.sliding_window.as_ref().map(|window| of(window.tokens));
        let all = of(usize::MAX);
        (0..self.config.layers).map(move |layer| window.filter(|_| self.config.window(layer).is_some()).unwrap_or(all))
    }
}

/// Pairs of positions that see each other, where `new` ones follow `past` and each sees `window` back, itself included.
fn pairs_seen(past: usize, new: usize, window: usize) -> f64 {
    // The positions that see everything before them come first.
    let growing = window.saturating_sub(past).min(new);
    let [past, rest, growing] = [past, new - growing, growing].map(|count| count as f64);
    let within = growing * past + growing * (growing + 1.0) / 2.0;
    if rest > 0.0 { within + rest * window as f64 } else { within }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Method;
    use crate::model::ModelShape;
    use crate::text::{Batch, TokenizedExample};

    /// Full rows, as the training cases have them.
    fn batch(rows: usize, tokens: usize) -> Batch {
        let row = TokenizedExample { ids: vec![0; tokens], supervised: vec![true; tokens], ..Default::default() };
        Batch::padded(&vec![&row; rows], 0)
    }

    fn small() -> ModelConfig {
        ModelConfig {
            hidden: 4,
            intermediate: 6,
            layers: 2,
            heads: 2,
            kv_heads: 1,
            head_dim: 2,
            vocab: 10,
            ..ModelShape::SmolLm2_135m.config()
        }
    }

    fn lora(targets: &[Target]) -> AdapterSpec {
        AdapterSpec { method: Method::Lora, rank: 1, heads: 1, targets: targets.to_vec(), ..AdapterSpec::default() }
    }

    #[test]
    fn a_token_of_the_small_language_model_needs_six_hundred_million() {
        let (config, spec) = (ModelShape::SmolLm2_135m.config(), AdapterSpec::default());
        let count = FlopCount { config: &config, adapter: Some(&spec) };
        let per_token = count.training(&batch(4, 256)) / 1024.0;
        assert!((580e6..640e6).contains(&per_token), "{per_token:e}");
    }

    #[test]
    fn a_forward_pass_is_the_sum_of_its_products() {
        let config = small();
        let count = FlopCount { config: &config, adapter: None };
        // q and o 4 × 4, k and v 4 × 2, gate, up and down 4 × 6, in two layers; logits of one row.
        let (linears, vocabulary) = (2 * 2 * (2 * 16 + 2 * 8 + 3 * 24), 2 * 4 * 10);
        // Three tokens see 1 + 2 + 3 positions, in two products of width 4 and in two layers.
        let attention = 2 * 2 * 2 * 6 * 4;
        assert_eq!(count.answering(0, 3), f64::from(3 * linears + vocabulary + attention));
        // With two tokens in the cache the third alone sees three.
        assert_eq!(count.answering(2, 1), f64::from(linears + vocabulary + 2 * 2 * 2 * 3 * 4));
    }

    #[test]
    fn a_position_sees_what_its_window_holds() {
        for (past, new, window) in [(0, 5, usize::MAX), (0, 7, 3), (4, 2, 3), (2, 6, 5), (3, 0, 2), (0, 3, 3)] {
            let one_by_one: usize = (past + 1..=past + new).map(|keys| keys.min(window)).sum();
            assert_eq!(pairs_seen(past, new, window), one_by_one as f64, "{past} {new} {window}");
        }
    }

    #[test]
    fn no_gradient_goes_below_the_lowest_adapted_projection() {
        let config = small();
        let backward = |targets: &[Target]| {
            let spec = lora(targets);
            let count = FlopCount { config: &config, adapter: Some(&spec) };
            let (batch, pairs) = (batch(1, 3), std::iter::once((0, 3)));
            count.training(&batch) - count.forward(3, pairs, 2)
        };
        let vocabulary = 2 * 2 * 4 * 10;
        let (base, attention) = (2 * (2 * 16 + 2 * 8 + 3 * 24), 2 * 4 * 6 * 4);
        // Only the first layer's down_proj has no gradient to give on; the second layer is passed through whole.
        let (down, up) = (2 * 6, 2 * 4);
        let of_down = 2 * (down + 2 * up) + down;
        assert_eq!(backward(&[Target::Down]), f64::from(vocabulary + 3 * (base + of_down) + attention));
        // With q_proj adapted too the first layer is passed through but for the products that read the embedding.
        let of_q = 2 * (2 * 4 + 2 * 2 * 4) + 2 * 4;
        let first = base - 2 * (16 + 2 * 8);
        let expected = vocabulary + 3 * (base + first + of_q + of_down + down) + 2 * attention;
        assert_eq!(backward(&[Target::Q, Target::Down]), f64::from(expected));
    }

    #[test]
    fn methods_cost_what_their_matrices_have() {
        let config = small();
        let cost = |method, rank, heads| {
            let spec = AdapterSpec { method, rank, heads, ..AdapterSpec::default() };
            FlopCount { config: &config, adapter: Some(&spec) }.training(&batch(1, 8))
        };
        let shared = cost(Method::HydraLora, 8, 3);
        assert!(cost(Method::Lora, 8, 1) < shared && shared < cost(Method::LoraMoe, 8, 3));
        assert_eq!(cost(Method::Lora, 32, 1), cost(Method::LoraSplit, 8, 4));
    }

    #[test]
    fn filling_costs_its_products_and_a_window_spares_what_lies_beyond() {
        let (config, spec) = (small(), lora(&Target::ALL));
        let count = FlopCount { config: &config, adapter: Some(&spec) };
        let row = |n: usize| TokenizedExample { ids: vec![0; n], supervised: vec![true; n], ..Default::default() };
        let (long, short) = (row(9), row(2));
        let rows = [&long, &short];
        assert!(count.training(&Batch::padded(&rows, 0)) > count.training(&Batch::packed(&rows)));
        let window = crate::model::SlidingWindow { tokens: 4, layers: vec![true, false] };
        let narrow = ModelConfig { sliding_window: Some(window), ..small() };
        let narrow = FlopCount { config: &narrow, adapter: Some(&spec) };
        assert!(narrow.training(&batch(1, 9)) < count.training(&batch(1, 9)));
        assert_eq!(narrow.training(&batch(1, 4)), count.training(&batch(1, 4)));
    }
}
