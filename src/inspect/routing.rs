//! The routing of one text.

use std::collections::BTreeMap;

use crate::adapter::{Adapter, EVEN, GateCapture, GateLoad, LEADS_ALONE, Module, Pass, entropy, leader};
use crate::model::{Decoder, Sequences};

/// Gates of every adapted module for one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    pub heads: usize,
    pub tokens: usize,
    /// Per module `[tokens, heads]`, row after row.
    pub modules: BTreeMap<Module, Vec<f32>>,
}

/// The gates that `adapter` gives the tokens `ids`, from one forward pass.
///
/// # Errors
/// When the computation fails, as it does for tokens beyond the vocabulary or the longest context.
pub fn routing_of(decoder: &Decoder, adapter: &Adapter, ids: &[u32]) -> candle_core::Result<Routing> {
    let capture = GateCapture::default();
    let pass = Pass { capture: Some(&capture), ..Pass::with(adapter) };
    decoder.hidden(ids, &Sequences::single(ids.len()), &pass, None)?;
    Ok(Routing { heads: adapter.spec().heads, tokens: ids.len(), modules: capture.take() })
}

impl Routing {
    /// Mean gate of every head in one module.
    pub fn mean(&self, module: Module) -> Option<Vec<f32>> {
        let gates = self.modules.get(&module)?;
        let mut mean = vec![0f32; self.heads];
        for token in gates.chunks(self.heads) {
            mean.iter_mut().zip(token).for_each(|(m, g)| *m += g / self.tokens as f32);
        }
        Some(mean)
    }

    /// The gates of every token, averaged over all modules: `[tokens, heads]`.
    pub fn token_means(&self) -> Vec<Vec<f32>> {
        let mut means = vec![vec![0f32; self.heads]; self.tokens];
        let share = 1.0 / self.modules.len().max(1) as f32;
        for gates in self.modules.values() {
            for (mean, token) in means.iter_mut().zip(gates.chunks(self.heads)) {
                mean.iter_mut().zip(token).for_each(|(m, g)| *m += g * share);
            }
        }
        means
    }

    /// Load and entropy over all tokens and modules.
    pub fn load(&self) -> GateLoad {
        let mut load = GateLoad::new(self.heads);
        load.add(&self.modules, std::slice::from_ref(&(0..self.tokens)));
        load
    }

    /// For every token, from gates averaged over all modules: the leading head, its gate, and the entropy's share.
    pub fn leaders(&self) -> Vec<(usize, f32, f64)> {
        let led = |gates: &Vec<f32>| {
            let (head, gate) = leader(gates);
            (head, gate, entropy(gates))
        };
        self.token_means().iter().map(led).collect()
    }
}

/// What a load and its entropy say, in one or two sentences. Heads are counted from 0, as in commands and files.
pub fn summary_in_words(load: &[f32], entropy: f32) -> String {
    let leader = load.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    let Some((leader, share)) = leader.filter(|_| load.len() > 1) else {
        return "There is one head, so there is nothing to route.".into();
    };
    let shares: Vec<String> =
        load.iter().enumerate().map(|(head, g)| format!("Head {head} {:.0} %", g * 100.0)).collect();
    let shares = shares.join(", ");
    let verdict = if *share > LEADS_ALONE {
        format!("Head {leader} takes nearly all of it: the other heads hardly take part.")
    } else if entropy > EVEN {
        "The gates are nearly even: no head specialises on these tokens.".to_owned()
    } else {
        format!("Head {leader} leads; gates have {:.0} % of the largest possible entropy.", entropy * 100.0)
    };
    format!("{shares}. {verdict}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Target;

    fn module(layer: usize) -> Module {
        Module { layer, target: Target::Up }
    }

    #[test]
    fn means_are_taken_over_tokens_and_over_modules() {
        let modules = BTreeMap::from([(module(0), vec![1.0, 0.0, 0.5, 0.5]), (module(1), vec![0.0, 1.0, 0.5, 0.5])]);
        let routing = Routing { heads: 2, tokens: 2, modules };
        assert_eq!(routing.mean(module(0)), Some(vec![0.75, 0.25]));
        assert_eq!(routing.token_means(), vec![vec![0.5, 0.5], vec![0.5, 0.5]]);
        assert_eq!(routing.load().mean(), vec![0.5, 0.5]);
        assert_eq!(routing.mean(module(9)), None);
    }

    #[test]
    fn words_tell_even_gates_from_a_collapse() {
        assert!(summary_in_words(&[0.34, 0.33, 0.33], 0.99).contains("nearly even"));
        assert!(summary_in_words(&[0.02, 0.95, 0.03], 0.1).contains("Head 1 takes nearly all"));
        assert!(summary_in_words(&[0.5, 0.3, 0.2], 0.8).contains("Head 0 leads"));
        assert!(summary_in_words(&[1.0], 0.0).contains("one head"));
    }
}
