//! What a routing report says in sum: mean gates and evenness of every module, and the gates of every token over any
//! choice of layer and kind of module. A report may hold millions of gates, so the sums are made over several frames.

use crate::adapter::{Module, Target};
use crate::worker::protocol::{ModuleGates, RoutingReport};

/// Gates that are summed in one frame.
pub const GATES_PER_FRAME: usize = 1_000_000;

/// Tokens over which evenness is measured in one module: logarithms of every gate would take too long.
const TOKENS_FOR_EVENNESS: usize = 256;

/// Layers beyond this are no model's, and are left out.
const MOST_LAYERS: usize = 4096;

/// Which modules are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// `None`: the mean of all layers.
    pub layer: Option<usize>,
    /// `None`: the mean of all kinds.
    pub kind: Option<Target>,
}

impl Choice {
    /// Whether a module is among those looked at.
    pub fn has(self, module: Module) -> bool {
        self.layer.is_none_or(|layer| layer == module.layer) && self.kind.is_none_or(|kind| kind == module.target)
    }

    /// The one module that is chosen, where it is one.
    pub fn module(self) -> Option<Module> {
        Some(Module { layer: self.layer?, target: self.kind? })
    }

    /// Takes what was picked; what is picked again is let go. Gives back whether it was taken.
    pub fn toggle(&mut self, picked: Self) -> bool {
        let is_taken = *self != picked;
        *self = if is_taken { picked } else { Self::default() };
        is_taken
    }

    /// The modules in words: `layer 17, up_proj`.
    pub fn in_words(self) -> String {
        match (self.layer, self.kind) {
            (None, None) => "all modules".to_owned(),
            (Some(layer), None) => format!("layer {}", layer + 1),
            (None, Some(kind)) => format!("{} of all layers", kind.name()),
            (Some(layer), Some(kind)) => format!("layer {}, {}", layer + 1, kind.name()),
        }
    }
}

/// One module in sum.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleSum {
    pub module: Module,
    /// Mean gate of each head over the tokens.
    pub load: Vec<f32>,
    /// Share of the tokens that each head leads.
    pub leads: Vec<f32>,
    /// Entropy of a token's gates over its highest possible value, averaged over tokens: 1 is even, 0 picks one head.
    pub evenness: f32,
}

/// Gates of every token, averaged over the modules of a choice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenGates {
    pub heads: usize,
    /// `[tokens, heads]`, row after row.
    pub gates: Vec<f32>,
}

impl TokenGates {
    /// The gates of one token; empty where there is no such token.
    pub fn of(&self, token: usize) -> &[f32] {
        self.gates.get(token * self.heads..(token + 1) * self.heads).unwrap_or_default()
    }

    /// The head with the largest gate of a token, and that gate.
    pub fn leader(&self, token: usize) -> Option<(usize, f32)> {
        leader(self.of(token))
    }
}

/// The largest of some gates and its place; the first of equals.
pub fn leader(gates: &[f32]) -> Option<(usize, f32)> {
    let mut best: Option<(usize, f32)> = None;
    for (head, gate) in gates.iter().copied().enumerate() {
        if best.is_none_or(|(_, most)| gate > most) {
            best = Some((head, gate));
        }
    }
    best
}

/// A report in sum, as far as it has come.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    pub heads: usize,
    pub tokens: usize,
    pub layers: usize,
    /// The kinds of module that the report has, in the order of the forward pass.
    pub kinds: Vec<Target>,
    pub modules: Vec<ModuleSum>,
    /// Modules whose gates do not fit the report's tokens and heads.
    pub misfits: usize,
    /// The sum of all modules' gates, for the mean over everything.
    total: Vec<f32>,
    next: usize,
}

impl Digest {
    /// An empty digest of `report`, to be completed with [`Self::advance`].
    pub fn new(report: &RoutingReport) -> Self {
        let fits = |gates: &&ModuleGates| gates.module.layer < MOST_LAYERS;
        let layers = report.modules.iter().filter(fits).map(|gates| gates.module.layer + 1).max().unwrap_or(0);
        let kinds = Target::ALL.into_iter().filter(|kind| report.modules.iter().any(|m| m.module.target == *kind));
        Self {
            heads: report.heads,
            tokens: report.tokens.len(),
            layers,
            kinds: kinds.collect(),
            total: vec![0.0; report.tokens.len() * report.heads],
            ..Self::default()
        }
    }

    /// Sums about `gates` more gates of the same report; true once all are summed.
    pub fn advance(&mut self, report: &RoutingReport, gates: usize) -> bool {
        let mut summed = 0;
        while summed < gates {
            let Some(module) = report.modules.get(self.next) else { return true };
            self.next += 1;
            summed += module.gates.len().max(1);
            if self.fits(module) {
                self.add(module);
            } else {
                self.misfits += 1;
            }
        }
        self.next >= report.modules.len()
    }

    fn fits(&self, module: &ModuleGates) -> bool {
        self.heads > 0
            && self.tokens > 0
            && module.module.layer < MOST_LAYERS
            && module.gates.len() == self.tokens * self.heads
    }

    fn add(&mut self, module: &ModuleGates) {
        let mut load = vec![0.0f64; self.heads];
        let mut led = vec![0usize; self.heads];
        for (token, total) in module.gates.chunks_exact(self.heads).zip(self.total.chunks_exact_mut(self.heads)) {
            let mut most = (0, f32::MIN);
            for (head, ((gate, load), total)) in token.iter().zip(&mut load).zip(total).enumerate() {
                let gate = if gate.is_finite() { *gate } else { 0.0 };
                *load += f64::from(gate);
                *total += gate;
                if gate > most.1 {
                    most = (head, gate);
                }
            }
            if let Some(led) = led.get_mut(most.0) {
                *led += 1;
            }
        }
        let tokens = self.tokens as f64;
        let load = load.into_iter().map(|sum| (sum / tokens) as f32).collect();
        let leads = led.into_iter().map(|led| (led as f64 / tokens) as f32).collect();
        let evenness = evenness(&module.gates, self.heads);
        self.modules.push(ModuleSum { module: module.module, load, leads, evenness });
    }

    /// Gates of every token, averaged over the modules of `choice`.
    pub fn token_gates(&self, report: &RoutingReport, choice: Choice) -> TokenGates {
        if choice == Choice::default() {
            let count = self.modules.len().max(1) as f32;
            return TokenGates { heads: self.heads, gates: self.total.iter().map(|sum| sum / count).collect() };
        }
        let mut sums = vec![0.0f32; self.total.len()];
        let mut count = 0;
        for module in report.modules.iter().filter(|module| choice.has(module.module) && self.fits(module)) {
            count += 1;
            for (sum, gate) in sums.iter_mut().zip(&module.gates) {
                *sum += if gate.is_finite() { *gate } else { 0.0 };
            }
        }
        let count = count.max(1) as f32;
        sums.iter_mut().for_each(|sum| *sum /= count);
        TokenGates { heads: self.heads, gates: sums }
    }

    /// The sums of the modules of `choice`.
    pub fn chosen(&self, choice: Choice) -> impl Iterator<Item = &ModuleSum> {
        self.modules.iter().filter(move |sum| choice.has(sum.module))
    }

    /// Mean gate of each head over the modules of `choice`.
    pub fn load(&self, choice: Choice) -> Vec<f32> {
        let mut load = vec![0.0; self.heads];
        let mut count = 0;
        for sum in self.chosen(choice) {
            count += 1;
            load.iter_mut().zip(&sum.load).for_each(|(load, more)| *load += more);
        }
        load.iter_mut().for_each(|load| *load /= count.max(1) as f32);
        load
    }

    /// Mean evenness over the modules of `choice`: 1 is even, 0 picks one head for each token.
    pub fn evenness(&self, choice: Choice) -> f32 {
        let (sum, count) = self.chosen(choice).fold((0.0, 0), |(sum, n), module| (sum + module.evenness, n + 1));
        if count == 0 { 1.0 } else { sum / count as f32 }
    }
}

/// Entropy of a token's gates over the logarithm of their number, averaged over evenly spaced tokens.
fn evenness(gates: &[f32], heads: usize) -> f32 {
    if heads < 2 {
        return 1.0;
    }
    let tokens = gates.len() / heads;
    let every = tokens.div_ceil(TOKENS_FOR_EVENNESS).max(1);
    let entropy = |token: &[f32]| -> f32 { token.iter().filter(|g| **g > 0.0).map(|g| -g * g.ln()).sum() };
    let sampled = gates.chunks_exact(heads).step_by(every).map(entropy);
    let (sum, count) = sampled.fold((0.0, 0), |(sum, n), entropy| (sum + entropy, n + 1));
    if count == 0 { 1.0 } else { sum / count as f32 / (heads as f32).ln() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::protocol::TokenView;

    fn module(layer: usize, target: Target, gates: &[f32]) -> ModuleGates {
        ModuleGates { module: Module { layer, target }, gates: gates.to_vec() }
    }

    fn report(modules: Vec<ModuleGates>) -> RoutingReport {
        let token = |text: &str| TokenView { text: text.into(), supervised: false };
        RoutingReport { title: "Test".into(), at: None, heads: 2, tokens: vec![token("a"), token("b")], modules }
    }

    fn two_layers() -> RoutingReport {
        report(vec![
            module(0, Target::Q, &[0.8, 0.2, 0.6, 0.4]),
            module(0, Target::Up, &[0.5, 0.5, 0.5, 0.5]),
            module(1, Target::Q, &[0.0, 1.0, 0.0, 1.0]),
        ])
    }

    fn digest(report: &RoutingReport) -> Digest {
        let mut digest = Digest::new(report);
        while !digest.advance(report, 3) {}
        digest
    }

    #[test]
    fn a_module_tells_mean_gates_and_how_many_tokens_each_head_leads() {
        let digest = digest(&two_layers());
        let first = &digest.modules[0];
        assert!((first.load[0] - 0.7).abs() < 1e-6 && (first.load[1] - 0.3).abs() < 1e-6);
        assert_eq!(
            (first.leads.as_slice(), digest.modules[2].leads.as_slice()),
            ([1.0, 0.0].as_slice(), [0.0, 1.0].as_slice())
        );
        assert_eq!(digest.kinds, [Target::Q, Target::Up]);
    }

    #[test]
    fn token_gates_average_the_chosen_modules() {
        let report = two_layers();
        let digest = digest(&report);
        let gates = |layer, kind| digest.token_gates(&report, Choice { layer, kind });
        assert_eq!(gates(Some(0), Some(Target::Q)).of(0), [0.8, 0.2]);
        assert_eq!(gates(Some(1), None).leader(1), Some((1, 1.0)));
        let all = gates(None, None);
        assert!((all.of(0)[0] - 1.3 / 3.0).abs() < 1e-6);
        assert!(all.of(9).is_empty() && all.leader(9).is_none());
    }

    #[test]
    fn evenness_runs_from_one_head_alone_to_all_alike() {
        let digest = digest(&two_layers());
        let of = |layer, kind| digest.evenness(Choice { layer, kind });
        assert_eq!(of(Some(1), None), 0.0);
        assert!((of(Some(0), Some(Target::Up)) - 1.0).abs() < 1e-6);
        assert_eq!(Digest::default().evenness(Choice::default()), 1.0);
    }

    #[test]
    fn gates_that_do_not_fit_are_counted_and_left_out() {
        let digest = digest(&report(vec![
            module(0, Target::Q, &[0.5, 0.5]),
            module(usize::MAX, Target::Q, &[0.5, 0.5, 0.5, 0.5]),
            module(0, Target::K, &[f32::NAN, 1.0, 0.0, 1.0]),
        ]));
        assert_eq!((digest.misfits, digest.modules.len(), digest.layers), (2, 1, 1));
        assert_eq!(digest.load(Choice::default()), [0.0, 1.0]);
    }

    #[test]
    fn a_large_report_is_summed_a_part_at_a_time() {
        let report = two_layers();
        let mut digest = Digest::new(&report);
        assert!(!digest.advance(&report, 1));
        assert_eq!(digest.modules.len(), 1);
        assert!(digest.advance(&report, 100));
    }
}
