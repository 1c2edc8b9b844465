//! From captured gates to those of single tokens, for who watches an answer.

use std::collections::BTreeMap;

use super::protocol::{GateWatch, TokenGates};
use crate::adapter::Module;

/// The gates of each token that was read, in order, from those of every module `[tokens, heads]`. Nothing where nothing is
/// watched.
pub(super) fn by_token(gates: &BTreeMap<Module, Vec<f32>>, heads: usize, watch: GateWatch) -> Vec<TokenGates> {
    let watched = match watch {
        GateWatch::Nothing => return Vec::new(),
        GateWatch::Mean => None,
        GateWatch::Module(module) => gates.get(&module),
    };
    let heads = heads.max(1);
    let share = 1.0 / gates.len().max(1) as f32;
    let tokens = gates.values().map(|gates| gates.len() / heads).min().unwrap_or(0);
    let mut means = vec![vec![0f32; heads]; tokens];
    for gates in gates.values() {
        for (mean, token) in means.iter_mut().zip(gates.chunks(heads)) {
            mean.iter_mut().zip(token).for_each(|(mean, gate)| *mean += gate * share);
        }
    }
    let module = |token: usize| watched.and_then(|gates| gates.chunks(heads).nth(token)).unwrap_or_default().to_vec();
    means.into_iter().enumerate().map(|(token, mean)| TokenGates { mean, module: module(token) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Target;

    #[test]
    fn gates_are_averaged_over_modules_and_told_of_the_one_that_is_watched() {
        let module = |layer| Module { layer, target: Target::Up };
        let gates = BTreeMap::from([(module(0), vec![1.0, 0.0, 0.5, 0.5]), (module(1), vec![0.0, 1.0, 0.25, 0.75])]);
        assert!(by_token(&gates, 2, GateWatch::Nothing).is_empty());
        let means = by_token(&gates, 2, GateWatch::Mean);
        assert_eq!(means.iter().map(|token| token.mean.clone()).collect::<Vec<_>>(), [[0.5, 0.5], [0.375, 0.625]]);
        assert!(means.iter().all(|token| token.module.is_empty()));
        let one = by_token(&gates, 2, GateWatch::Module(module(1)));
        assert_eq!((&one[1].module, &one[1].mean), (&vec![0.25, 0.75], &means[1].mean));
        assert!(by_token(&gates, 2, GateWatch::Module(module(9))).iter().all(|token| token.module.is_empty()));
    }
}
