//! What the user does to the heads of an adapter that answers: nothing, mute or weigh some, put fixed weights in the
//! router's place, or keep the leading heads alone; everywhere, or in chosen layers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::AdapterSpec;

/// What is done to the gates of a layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateMix {
    /// As trained.
    #[default]
    Trained,
    /// Each head's gate times a factor. What one head loses no other gains: 0 takes a head's part out of the sum and leaves
    /// the others theirs, and all 0 is the base model.
    Scaled(Vec<f32>),
    /// The same gates for every token, as given: one 1 among zeros is a solo, which is plain LoRA.
    Fixed(Vec<f32>),
    /// Every token's largest gates, this many of them, divided by their sum. Without a router all gates are alike, and stay.
    Top(usize),
}

impl GateMix {
    /// Whether it changes nothing.
    pub fn is_at_rest(&self) -> bool {
        match self {
            Self::Trained => true,
            Self::Scaled(factors) => factors.iter().all(|factor| *factor == 1.0),
            Self::Fixed(_) | Self::Top(_) => false,
        }
    }
}

/// What is done to the heads in every layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeadMix {
    /// For every layer that has none of its own.
    pub everywhere: GateMix,
    /// By layer, counted from 0.
    pub layers: BTreeMap<usize, GateMix>,
}

/// A mix that an adapter cannot take.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MixError {
    #[error("the mix gives {}, and this adapter has {}: give one for each head", counted(*given, what), counted(*of, "head"))]
    Count { given: usize, what: &'static str, of: usize },
    #[error("the weight of head {head} is no number: {weight}")]
    NotFinite { head: usize, weight: f32 },
    #[error("{count} leading heads were asked for, and this adapter has {}: choose 1 to {of}", counted(*of, "head"))]
    Top { count: usize, of: usize },
    #[error("an adapter of the method {method} has no router, so no head leads: give weights for its heads")]
    NoRouter { method: String },
    #[error("there is no layer {layer}: the model has layers 0 to {}", layers.saturating_sub(1))]
    Layer { layer: usize, layers: usize },
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("one {noun}") } else { format!("{count} {noun}s") }
}

impl HeadMix {
    /// The same in every layer.
    pub fn everywhere(mix: GateMix) -> Self {
        Self { everywhere: mix, layers: BTreeMap::new() }
    }

    /// In these layers alone; the others stay as trained.
    pub fn in_layers(mix: &GateMix, layers: RangeInclusive<usize>) -> Self {
        Self { everywhere: GateMix::Trained, layers: layers.map(|layer| (layer, mix.clone())).collect() }
    }

    /// One head alone, as plain LoRA.
    pub fn solo(head: usize, heads: usize) -> Self {
        Self::everywhere(GateMix::Fixed((0..heads).map(|i| if i == head { 1.0 } else { 0.0 }).collect()))
    }

    /// All heads but these.
    pub fn mute(muted: &[usize], heads: usize) -> Self {
        let factor = |i| if muted.contains(&i) { 0.0 } else { 1.0 };
        Self::everywhere(GateMix::Scaled((0..heads).map(factor).collect()))
    }

    /// What is done in a layer.
    pub fn of(&self, layer: usize) -> &GateMix {
        self.layers.get(&layer).unwrap_or(&self.everywhere)
    }

    /// Whether it changes nothing.
    pub fn is_at_rest(&self) -> bool {
        self.everywhere.is_at_rest() && self.layers.values().all(GateMix::is_at_rest)
    }

    /// Errs where an adapter of this kind on a model of so many layers cannot take the mix.
    pub fn check(&self, spec: &AdapterSpec, layers: usize) -> Result<(), MixError> {
        if let Some(layer) = self.layers.keys().copied().find(|layer| *layer >= layers) {
            return Err(MixError::Layer { layer, layers });
        }
        [&self.everywhere].into_iter().chain(self.layers.values()).try_for_each(|mix| check(mix, spec))
    }
}

fn check(mix: &GateMix, spec: &AdapterSpec) -> Result<(), MixError> {
    let of = spec.heads;
    let (weights, what) = match mix {
        GateMix::Trained => return Ok(()),
        GateMix::Top(_) if !spec.method.has_router() => {
            return Err(MixError::NoRouter { method: spec.method.to_string() });
        }
        GateMix::Top(count) if (1..=of).contains(count) => return Ok(()),
        GateMix::Top(count) => return Err(MixError::Top { count: *count, of }),
        GateMix::Scaled(factors) => (factors, "factor"),
        GateMix::Fixed(weights) => (weights, "weight"),
    };
    if weights.len() != of {
        return Err(MixError::Count { given: weights.len(), what, of });
    }
    match weights.iter().enumerate().find(|(_, weight)| !weight.is_finite()) {
        Some((head, weight)) => Err(MixError::NotFinite { head, weight: *weight }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Method;

    #[test]
    fn a_layer_of_its_own_overrides_what_is_done_everywhere() {
        let mut mix = HeadMix::mute(&[1], 2);
        mix.layers.insert(3, GateMix::Top(1));
        assert_eq!((mix.of(0), mix.of(3)), (&GateMix::Scaled(vec![1.0, 0.0]), &GateMix::Top(1)));
        let some = HeadMix::in_layers(&GateMix::Top(1), 1..=2);
        assert_eq!([0, 1, 2, 3].map(|layer| some.of(layer).is_at_rest()), [true, false, false, true]);
    }

    #[test]
    fn a_mix_is_at_rest_where_no_layer_is_changed() {
        assert!(HeadMix::default().is_at_rest() && HeadMix::mute(&[], 3).is_at_rest());
        assert!(!HeadMix::solo(0, 2).is_at_rest() && !HeadMix::in_layers(&GateMix::Top(1), 1..=1).is_at_rest());
    }

    #[test]
    fn what_an_adapter_cannot_take_is_refused_by_what_it_has() {
        let spec = AdapterSpec { heads: 3, ..AdapterSpec::default() };
        let refusal = |mix: HeadMix| mix.check(&spec, 4).unwrap_err().to_string();
        let two = refusal(HeadMix::everywhere(GateMix::Fixed(vec![0.5; 2])));
        assert!(two.contains("2 weights") && two.contains("has 3 heads"), "{two}");
        let nan = refusal(HeadMix::everywhere(GateMix::Scaled(vec![1.0, f32::NAN, 1.0])));
        assert!(nan.contains("head 1"), "{nan}");
        assert!(refusal(HeadMix::everywhere(GateMix::Top(4))).contains("1 to 3"));
        let layer = refusal(HeadMix::in_layers(&GateMix::Top(1), 3..=4));
        assert!(layer.contains("no layer 4") && layer.contains("0 to 3"), "{layer}");
        let plain = AdapterSpec { method: Method::LoraSplit, ..spec.clone() };
        let message = HeadMix::everywhere(GateMix::Top(1)).check(&plain, 4).unwrap_err().to_string();
        assert!(message.contains("no router"), "{message}");
        HeadMix::in_layers(&GateMix::Scaled(vec![0.0, 2.0, -1.0]), 0..=3).check(&spec, 4).unwrap();
    }
}
