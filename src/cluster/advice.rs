//! How many heads: what the curves say, in one sentence with its reasons.

use serde::{Deserialize, Serialize};

use super::curves::Curves;

/// Groups that share more of their words than this share of what chance gives are one topic said in several ways.
const ONE_TOPIC: f64 = 0.5;
/// Texts whose mean cosine is above are of one field even where they do not fall into groups.
const ALIKE: f64 = 0.015;
/// The silhouette must be higher than that of a shuffled corpus by this much.
const ABOVE_CHANCE: f64 = 0.02;
/// A bend of this strength, or groups that resamples find again this well, are clear.
const CLEAR_BEND: f64 = 0.05;
const CLEAR_STABILITY: f64 = 0.8;
/// A peak of the silhouette counts where the next value is lower by this share.
const PEAK: f64 = 0.06;
/// Texts from which groups are worth looking for.
const ENOUGH: usize = 20;
/// Heads where nothing says otherwise: the paper's figures are alike for 2 to 4.
const SAFE: usize = 3;

/// How clearly the texts fall into topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clarity {
    Clear,
    /// There are topics, and they run into each other.
    Loose,
    /// All texts are of one topic.
    One,
    /// Texts have little to do with each other, and no groups stand out.
    None,
}

/// How many heads to train, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    pub heads: usize,
    pub clarity: Clarity,
    /// One sentence, for a button beside it.
    pub sentence: String,
    /// What the sentence rests on, one observation each.
    pub reasons: Vec<String>,
}

/// What the advice is made of.
#[derive(Clone, Debug)]
pub(super) struct Evidence<'a> {
    pub texts: usize,
    pub curves: &'a Curves,
    /// Bends of the curves of resamples, in groups.
    pub bends: Vec<usize>,
    /// Mean adjusted Rand index between resamples, at the number of groups looked at.
    pub stability: f64,
    /// Silhouette of the shuffled corpus, at that number.
    pub chance: f64,
    /// Words that groups share, beside chance, at that number.
    pub shared: f64,
    /// Mean cosine of two texts.
    pub cosine: f64,
}

/// The number of groups that curves and resamples point to, before it is asked whether these are topics at all.
pub(super) fn candidate(curves: &Curves, bends: &[usize]) -> usize {
    let mut all: Vec<usize> =
        curves.elbow().map(|elbow| elbow.groups).into_iter().chain(bends.iter().copied()).collect();
    all.sort_unstable();
    let bend = all.get(all.len() / 2).copied().unwrap_or(1).max(2);
    match curves.silhouette_peak(PEAK) {
        Some(peak) if peak.abs_diff(bend) <= 1 => peak,
        _ => bend.min(curves.sse.len().max(1)),
    }
}

impl Evidence<'_> {
    /// The advice for `groups`, the number of groups that was looked at closely.
    pub fn advice(&self, groups: usize) -> Advice {
        let curves = self.curves;
        if self.texts < ENOUGH || !curves.differ() {
            return self.without_groups();
        }
        let silhouette = curves.silhouette.get(groups.saturating_sub(1)).copied().unwrap_or(0.0);
        let bend = curves.elbow().map_or(0.0, |elbow| elbow.strength);
        let are_topics = self.shared < ONE_TOPIC && silhouette - self.chance > ABOVE_CHANCE;
        let clarity = match are_topics {
            true if bend >= CLEAR_BEND || self.stability >= CLEAR_STABILITY => Clarity::Clear,
            true => Clarity::Loose,
            false if self.cosine >= ALIKE => Clarity::One,
            false => Clarity::None,
        };
        let heads = match clarity {
            Clarity::Clear | Clarity::Loose => groups,
            Clarity::One => 1,
            Clarity::None => SAFE,
        };
        Advice { heads, clarity, sentence: sentence(clarity, heads), reasons: self.reasons(groups, silhouette, bend) }
    }

    fn without_groups(&self) -> Advice {
        let (clarity, reason) = if !self.curves.differ() {
            (Clarity::One, "All examples say the same, or there is only one.".to_owned())
        } else {
            (Clarity::None, format!("{} examples are too few to tell topics apart.", self.texts))
        };
        let heads = if clarity == Clarity::One { 1 } else { SAFE };
        Advice { heads, clarity, sentence: sentence(clarity, heads), reasons: vec![reason] }
    }

    fn reasons(&self, groups: usize, silhouette: f64, bend: f64) -> Vec<String> {
        let mut reasons = Vec::new();
        if let (Some(low), Some(high)) = (self.bends.iter().min(), self.bends.iter().max()) {
            let range = if low == high { format!("at {low}") } else { format!("between {low} and {high}") };
            let how = if bend >= CLEAR_BEND { "clearly" } else { "faintly" };
            reasons.push(format!("The curve of errors bends {how}, {range} groups in resamples."));
        }
        reasons.push(format!(
            "Silhouette of {groups} groups: {silhouette:.2}; the same words shuffled give {:.2}.",
            // What rounds to nothing from below would be told as -0.00.
            if self.chance.abs() < 0.005 { 0.0 } else { self.chance }
        ));
        reasons.push(format!(
            "Resamples find the same groups again with an adjusted Rand index of {:.2}.",
            self.stability
        ));
        reasons
            .push(format!("Groups share {:.0} % of the words that groups made by chance share.", self.shared * 100.0));
        reasons
    }
}

fn sentence(clarity: Clarity, heads: usize) -> String {
    match clarity {
        Clarity::Clear => format!("Use {heads} heads: the examples fall into {heads} topics."),
        Clarity::Loose => format!("Use {heads} heads: there are about {heads} topics, and they run into each other."),
        Clarity::One => "Plain LoRA is enough for this: the examples are of one topic.".into(),
        Clarity::None => format!("No clear topics; {heads} heads are a safe choice."),
    }
}
