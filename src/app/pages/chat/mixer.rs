//! The head panel's state: a slider, solo and mute for every head, and what they come to.

use std::ops::RangeInclusive;

use crate::adapter::{AdapterSpec, GateMix, HeadMix};

/// What the sliders do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MixMode {
    /// Factors on the trained gates.
    #[default]
    Scale,
    /// Weights in the router's place.
    Fix,
    /// Every token's leading heads alone.
    Top,
}

impl MixMode {
    /// Every mode with its name, in the order of the control.
    pub const CHOICES: [(Self, &str); 3] = [(Self::Scale, "Scale"), (Self::Fix, "Fix"), (Self::Top, "Leading")];

    /// What the mode does, in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Scale => {
                "Each head's gate times a factor: 1 is as trained, 0 silences the head. No other head takes its share."
            }
            Self::Fix => "The same weights for every token, in the router's place.",
            Self::Top => "Each token keeps its leading heads, weighed so that they sum to 1.",
        }
    }
}

/// The sliders of one head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadSlider {
    pub factor: f32,
    pub weight: f32,
    pub is_muted: bool,
}

/// Which layers the mix is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MixLayers {
    All,
    /// Counted from 0.
    Some(RangeInclusive<usize>),
}

/// The whole panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixer {
    pub mode: MixMode,
    pub heads: Vec<HeadSlider>,
    pub solo: Option<usize>,
    pub leading: usize,
    pub layers: MixLayers,
}

impl Default for Mixer {
    fn default() -> Self {
        Self::at_rest(0)
    }
}

impl Mixer {
    /// All heads as trained.
    pub fn at_rest(heads: usize) -> Self {
        let slider = HeadSlider { factor: 1.0, weight: 1.0 / heads.max(1) as f32, is_muted: false };
        Self { mode: MixMode::Scale, heads: vec![slider; heads], solo: None, leading: 1, layers: MixLayers::All }
    }

    /// Brings the panel into line with the adapter at hand: another number of heads or layers begins anew.
    pub fn fit(&mut self, spec: &AdapterSpec, layers: usize) {
        let fits = match &self.layers {
            MixLayers::All => true,
            MixLayers::Some(range) => *range.end() < layers,
        };
        if self.heads.len() != spec.heads || !fits {
            *self = Self::at_rest(spec.heads);
        }
        if self.mode == MixMode::Top && !spec.method.has_router() {
            self.mode = MixMode::Scale;
        }
    }

    /// What the panel comes to.
    pub fn mix(&self) -> HeadMix {
        let gates = self.gates();
        match &self.layers {
            MixLayers::All => HeadMix::everywhere(gates),
            MixLayers::Some(range) => HeadMix::in_layers(&gates, range.clone()),
        }
    }

    fn gates(&self) -> GateMix {
        let each = |value: &dyn Fn(&HeadSlider) -> f32| self.heads.iter().map(value).collect::<Vec<f32>>();
        match (self.solo, self.mode) {
            (Some(solo), _) => GateMix::Fixed((0..self.heads.len()).map(|i| f32::from(i == solo)).collect()),
            (None, MixMode::Scale) => GateMix::Scaled(each(&|head| if head.is_muted { 0.0 } else { head.factor })),
            (None, MixMode::Fix) => GateMix::Fixed(each(&|head| if head.is_muted { 0.0 } else { head.weight })),
            (None, MixMode::Top) => GateMix::Top(self.leading.clamp(1, self.heads.len().max(1))),
        }
    }

    /// What was done to the heads, in a few words: `Head 2 alone`.
    pub fn words(&self) -> String {
        let name = |head: usize| format!("Head {}", head + 1);
        let muted: Vec<String> =
            self.heads.iter().enumerate().filter(|(_, head)| head.is_muted).map(|(i, _)| name(i)).collect();
        let are_plain = self.heads.iter().all(|head| head.factor == 1.0);
        let what = match (self.solo, self.mode) {
            (Some(solo), _) => format!("{} alone", name(solo)),
            (None, MixMode::Scale) if !muted.is_empty() && are_plain => format!("without {}", muted.join(", ")),
            (None, MixMode::Scale) => "heads scaled".to_owned(),
            (None, MixMode::Fix) => "fixed weights".to_owned(),
            (None, MixMode::Top) if self.leading == 1 => "leading head alone".to_owned(),
            (None, MixMode::Top) => format!("{} leading heads", self.leading),
        };
        match &self.layers {
            MixLayers::All => what,
            MixLayers::Some(range) if range.start() == range.end() => format!("{what} in layer {}", range.start() + 1),
            MixLayers::Some(range) => format!("{what} in layers {} to {}", range.start() + 1, range.end() + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Method;

    #[test]
    fn a_panel_at_rest_changes_nothing_and_each_control_something() {
        let rest = Mixer::at_rest(3);
        assert!(rest.mix().is_at_rest());
        let mut muted = rest.clone();
        muted.heads[1].is_muted = true;
        assert_eq!((muted.mix(), muted.words()), (HeadMix::mute(&[1], 3), "without Head 2".into()));
        let solo = Mixer { solo: Some(2), ..muted.clone() };
        assert_eq!((solo.mix(), solo.words()), (HeadMix::solo(2, 3), "Head 3 alone".into()));
        let fixed = Mixer { mode: MixMode::Fix, ..muted };
        assert_eq!(fixed.mix().everywhere, GateMix::Fixed(vec![1.0 / 3.0, 0.0, 1.0 / 3.0]));
        let top = Mixer { mode: MixMode::Top, leading: 9, layers: MixLayers::Some(1..=2), ..rest };
        assert_eq!(top.mix(), HeadMix::in_layers(&GateMix::Top(3), 1..=2));
        assert!(top.words().ends_with("in layers 2 to 3"), "{}", top.words());
    }

    #[test]
    fn another_adapter_begins_anew_and_the_same_keeps_its_sliders() {
        let spec = AdapterSpec { heads: 3, ..AdapterSpec::default() };
        let mut mixer = Mixer { mode: MixMode::Top, layers: MixLayers::Some(0..=3), ..Mixer::at_rest(3) };
        mixer.fit(&spec, 4);
        assert_eq!(mixer.mode, MixMode::Top);
        mixer.fit(&AdapterSpec { method: Method::LoraSplit, ..spec.clone() }, 4);
        assert_eq!(mixer.mode, MixMode::Scale);
        mixer.fit(&spec, 2);
        assert_eq!(mixer, Mixer::at_rest(3));
        mixer.fit(&AdapterSpec { heads: 5, ..spec }, 2);
        assert_eq!(mixer, Mixer::at_rest(5));
    }
}
