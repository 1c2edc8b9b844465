//! Examples held out of training, to see whether what was learnt holds beyond them.

use std::collections::HashMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Examples;

/// Share of the examples that is held out where nothing else is asked for.
pub const HELD_OUT_SHARE: f64 = 0.05;

/// Fewer held-out examples than this say little; they are held out where there are at least ten times as many.
const ENOUGH: usize = 16;

/// Which examples train and which are held out, as ascending indices. No example is in both, none in neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    pub train: Vec<usize>,
    pub held_out: Vec<usize>,
}

/// Holds out the share `held_out` of the examples: at least 16 where there are 160, at least one where two differ, none
/// where the share is 0. The draw is fixed by `seed`. Examples with the same messages stay on one side; the share is met
/// as nearly as they allow.
pub fn split(examples: &Examples, held_out: f64, seed: u64) -> Split {
    let mut groups = same_messages(examples);
    let wanted = held_out_count(examples.len(), held_out);
    if wanted == 0 || groups.len() < 2 {
        return Split { train: (0..examples.len()).collect(), held_out: Vec::new() };
    }
    // `wanted` is less than all, so that at least one group is left to train on.
    groups.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut split = Split::default();
    let mut left = Vec::new();
    for group in groups {
        if split.held_out.len() + group.len() <= wanted {
            split.held_out.extend(group);
        } else {
            left.push(group);
        }
    }
    // Large groups may leave the share unmet: the smallest of them fills it, as long as another one is left to train on.
    left.sort_by_key(Vec::len);
    let short = split.held_out.is_empty() || split.held_out.len() < wanted.min(ENOUGH);
    if short && left.len() > 1 {
        split.held_out.extend(left.remove(0));
    }
    split.train = left.concat();
    split.train.sort_unstable();
    split.held_out.sort_unstable();
    split
}

/// How many of `count` examples a share of them is, as [`split`] holds them out.
pub fn held_out_count(count: usize, share: f64) -> usize {
    if share.is_nan() || share <= 0.0 {
        return 0;
    }
    let least = if count >= 10 * ENOUGH { ENOUGH } else { 1 };
    let asked = (share.min(1.0) * count as f64).round() as usize;
    asked.max(least).min(count.saturating_sub(1))
}

/// Indices of examples with equal messages, group by group in the order of their first.
fn same_messages(examples: &Examples) -> Vec<Vec<usize>> {
    let mut places: HashMap<u64, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, likeness) in (0..examples.len()).filter_map(|index| Some((index, examples.likeness(index)?))) {
        let place = *places.entry(likeness).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Example, Message, Role, Source};

    /// Examples of which each has the text of its number in `texts`.
    fn examples(texts: impl Iterator<Item = usize>) -> Examples {
        let example = |text: usize| Example {
            messages: vec![Message { role: Role::Assistant, content: text.to_string() }],
            topic: None,
            source: Source::default(),
        };
        Examples::of(texts.map(example)).unwrap()
    }

    fn sizes(count: usize, share: f64) -> (usize, usize) {
        let split = split(&examples(0..count), share, 1);
        let mut all = [split.train.clone(), split.held_out.clone()].concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..count));
        (split.train.len(), split.held_out.len())
    }

    #[test]
    fn the_share_is_held_out_and_small_data_keeps_a_floor() {
        assert_eq!(sizes(2000, 0.05), (1900, 100));
        assert_eq!(sizes(160, 0.05), (144, 16));
        assert_eq!(sizes(159, 0.05), (151, 8));
        assert_eq!(sizes(5, 0.05), (4, 1));
        assert_eq!(sizes(2, 0.05), (1, 1));
        assert_eq!(sizes(3, 1.0), (1, 2));
    }

    #[test]
    fn nothing_is_held_out_where_nothing_can_be() {
        assert_eq!(sizes(1000, 0.0), (1000, 0));
        assert_eq!(sizes(1000, f64::NAN), (1000, 0));
        assert_eq!(sizes(1, 0.5), (1, 0));
        assert_eq!(sizes(0, 0.5), (0, 0));
        assert!(split(&examples(std::iter::repeat_n(7, 50)), 0.05, 1).held_out.is_empty());
    }

    #[test]
    fn the_seed_fixes_the_draw() {
        let examples = examples(0..500);
        assert_eq!(split(&examples, 0.05, 3), split(&examples, 0.05, 3));
        assert_ne!(split(&examples, 0.05, 3), split(&examples, 0.05, 4));
    }

    #[test]
    fn duplicates_stay_on_one_side() {
        let texts: Vec<usize> = (0..600).map(|index| index % 200).collect();
        let examples = examples(texts.iter().copied());
        let split = split(&examples, 0.05, 5);
        let texts_of =
            |side: &[usize]| side.iter().map(|&index| texts[index]).collect::<std::collections::HashSet<_>>();
        assert!(texts_of(&split.train).is_disjoint(&texts_of(&split.held_out)));
        assert_eq!(split.held_out.len(), 30);
    }

    #[test]
    fn groups_larger_than_the_share_still_leave_something_on_both_sides() {
        let examples = examples((0..100).map(|index| index % 2));
        let split = split(&examples, 0.05, 5);
        assert_eq!((split.train.len(), split.held_out.len()), (50, 50));
    }
}
