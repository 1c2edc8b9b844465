//! What `generate` is told to do to the heads of an adapter.

use std::ops::RangeInclusive;
use std::str::FromStr;

use anyhow::bail;
use clap::Args;

use super::flags::Heads;
use crate::adapter::{AdapterSpec, GateMix, HeadMix};

/// At most one of these is given.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub struct HeadFlags {
    /// Let one head answer alone, with the whole weight for every token; heads are numbered from 0
    #[arg(long, value_name = "I", requires = "adapter")]
    pub solo: Option<usize>,

    /// Silence heads, a list such as 0,2; the others keep their gates
    #[arg(long, value_name = "I,J", requires = "adapter")]
    pub mute: Option<Heads>,

    /// Fixed weights in the router's place, one for each head, such as 0.2,0.5,0.3
    #[arg(long, value_name = "W,W,…", requires = "adapter", allow_hyphen_values = true)]
    pub mix: Option<Weights>,

    /// Factors on the router's gates, one for each head: 1 leaves a head as it is, 0 silences it, and no other takes its
    /// share
    #[arg(long, value_name = "F,F,…", requires = "adapter", allow_hyphen_values = true)]
    pub scale: Option<Weights>,

    /// Keep every token's K largest gates, divided by their sum
    #[arg(long, value_name = "K", requires = "adapter")]
    pub top_heads: Option<usize>,
}

impl HeadFlags {
    /// What is asked for, in these layers or in all. Errs where an adapter of this kind, on a model of so many layers,
    /// cannot take it.
    pub fn mix(&self, layers: Option<&LayerRange>, spec: &AdapterSpec, model_layers: usize) -> anyhow::Result<HeadMix> {
        let heads = spec.heads;
        let muted = self.mute.iter().flat_map(|muted| muted.0.iter());
        if let Some(head) = self.solo.iter().chain(muted).find(|head| **head >= heads) {
            match heads {
                1 => bail!("there is no head {head}: this adapter has one, head 0"),
                _ => bail!("there is no head {head}: this adapter has heads 0 to {}", heads - 1),
            }
        }
        let everywhere = self.everywhere(heads);
        let mix = match layers {
            Some(LayerRange(layers)) => HeadMix::in_layers(&everywhere.everywhere, layers.clone()),
            None => everywhere,
        };
        mix.check(spec, model_layers)?;
        Ok(mix)
    }

    fn everywhere(&self, heads: usize) -> HeadMix {
        if let Some(head) = self.solo {
            return HeadMix::solo(head, heads);
        }
        if let Some(muted) = &self.mute {
            return HeadMix::mute(&muted.0, heads);
        }
        let fixed = self.mix.as_ref().map(|weights| GateMix::Fixed(weights.0.clone()));
        let scaled = self.scale.as_ref().map(|factors| GateMix::Scaled(factors.0.clone()));
        HeadMix::everywhere(fixed.or(scaled).or(self.top_heads.map(GateMix::Top)).unwrap_or_default())
    }
}

/// A list of numbers, one for each head: `0.2,0.5,0.3`.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights(pub Vec<f32>);

impl FromStr for Weights {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        let weight = |text: &str| {
            let number = text.trim().parse::<f32>().ok().filter(|weight| weight.is_finite());
            number.ok_or_else(|| format!("`{}` is not a weight: give numbers such as 0.2,0.5,0.3", text.trim()))
        };
        list.split(',').map(weight).collect::<Result<_, _>>().map(Self)
    }
}

/// One layer or several that follow each other, counted from 0: `3` or `0-7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRange(pub RangeInclusive<usize>);

impl FromStr for LayerRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` names no layers: layers are numbered 0, 1, 2, …; give one, or a range such as 0-7");
        let layer = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (layer(first)?, layer(last)?);
        if first > last {
            return Err(format!("`{text}` ends before it begins: give the lower layer first, {last}-{first}"));
        }
        Ok(Self(first..=last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: usize = 4;

    fn spec() -> AdapterSpec {
        AdapterSpec { heads: 3, ..AdapterSpec::default() }
    }

    #[test]
    fn every_flag_becomes_its_mix() {
        let of = |flags: HeadFlags, layers: Option<&str>| {
            let layers = layers.map(|layers| layers.parse::<LayerRange>().unwrap());
            flags.mix(layers.as_ref(), &spec(), LAYERS).unwrap()
        };
        let none = HeadFlags::default;
        assert_eq!(of(none(), None), HeadMix::default());
        assert_eq!(of(HeadFlags { solo: Some(1), ..none() }, None), HeadMix::solo(1, 3));
        assert_eq!(of(HeadFlags { mute: Some(Heads(vec![0, 2])), ..none() }, None), HeadMix::mute(&[0, 2], 3));
        let weights = || "0.2, 0.5,-0.3".parse::<Weights>().ok();
        let fixed = HeadMix::everywhere(GateMix::Fixed(vec![0.2, 0.5, -0.3]));
        assert_eq!(of(HeadFlags { mix: weights(), ..none() }, None), fixed);
        let scaled = HeadMix::in_layers(&GateMix::Scaled(vec![0.2, 0.5, -0.3]), 1..=2);
        assert_eq!(of(HeadFlags { scale: weights(), ..none() }, Some("1-2")), scaled);
        let top = HeadMix::in_layers(&GateMix::Top(2), 3..=3);
        assert_eq!(of(HeadFlags { top_heads: Some(2), ..none() }, Some("3")), top);
    }

    #[test]
    fn a_wrong_number_of_weights_is_refused_by_the_number_of_heads() {
        let refusal = |flags: HeadFlags, layers: Option<LayerRange>| {
            flags.mix(layers.as_ref(), &spec(), LAYERS).unwrap_err().to_string()
        };
        let none = HeadFlags::default;
        let two = refusal(HeadFlags { mix: Some(Weights(vec![0.5; 2])), ..none() }, None);
        assert!(two.contains("2 weights") && two.contains("3 heads"), "{two}");
        let far = refusal(HeadFlags { solo: Some(0), ..none() }, Some(LayerRange(2..=4)));
        assert!(far.contains("no layer 4"), "{far}");
        assert!(refusal(HeadFlags { solo: Some(3), ..none() }, None).contains("heads 0 to 2"));
        assert!(refusal(HeadFlags { top_heads: Some(0), ..none() }, None).contains("1 to 3"));
    }

    #[test]
    fn lists_and_ranges_that_are_none_are_named() {
        assert!("0.5,half".parse::<Weights>().unwrap_err().contains("half"));
        assert!("0.5,inf".parse::<Weights>().is_err());
        assert!("3-1".parse::<LayerRange>().unwrap_err().contains("1-3"));
        assert!("top".parse::<LayerRange>().unwrap_err().contains("top"));
    }
}
