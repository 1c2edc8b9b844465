//! What groups of texts are about: their words, their typical texts and those on their border; and a group taken apart.

use super::corpus::Corpus;
use super::kmeans::k_means;
use super::svd::Points;
use super::topic::top_words;
use crate::job::{Cancelled, Job};

/// Texts that stand for a group, and that lie on its border.
const SHOWN: usize = 3;
/// Starts of k-means that take a group apart.
const STARTS: usize = 10;

/// A group of texts as it is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Described {
    pub size: usize,
    /// The words that stand out in it, strongest first.
    pub words: Vec<String>,
    /// The texts nearest to its middle, the nearest first, by their places in the order given.
    pub typical: Vec<usize>,
    /// Those that another group's middle is about as near to, the nearest to it first.
    pub borderline: Vec<usize>,
}

impl Corpus {
    /// Tells of `groups` groups; `labels` says for every text, in the order given, which it is in, if any.
    pub fn described(&self, labels: &[Option<u32>], groups: usize) -> Vec<Described> {
        let labels = self.in_own_order(labels);
        let middles = middles(&self.points, &labels, groups);
        let beyond = groups as u32;
        let numbers: Vec<u32> = labels.iter().map(|label| label.unwrap_or(beyond)).collect();
        let words = top_words(&self.words, &numbers, groups);
        let mut near = vec![Vec::<Measured>::new(); groups];
        for ((text, point), label) in self.points.rows().enumerate().zip(&labels) {
            let Some(label) = label.map(|label| label as usize) else { continue };
            let distance = |middle: &[f32]| point.iter().zip(middle).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
            let own = middles.get(label).map_or(0.0, |middle| distance(middle));
            let others = middles.iter().enumerate().filter(|(other, middle)| *other != label && !middle.is_empty());
            let other = others.map(|(_, middle)| distance(middle)).fold(f32::INFINITY, f32::min);
            let place = self.order.get(text).copied().unwrap_or_default();
            if let Some(near) = near.get_mut(label) {
                near.push(Measured { place, own, margin: other - own });
            }
        }
        near.into_iter().zip(words).map(|(near, words)| described(near, words)).collect()
    }

    /// Takes the texts at `places`, in the order given, apart by k-means with two groups: says of each whether it is in the
    /// smaller one. `None` where they do not differ.
    pub fn halves(&self, places: &[usize], seed: u64, job: &Job) -> Result<Option<Vec<bool>>, Cancelled> {
        let mut own = vec![0usize; self.order.len()];
        for (text, place) in self.order.iter().enumerate() {
            if let Some(own) = own.get_mut(*place) {
                *own = text;
            }
        }
        let mut texts: Vec<(usize, usize)> =
            places.iter().enumerate().filter_map(|(at, place)| Some((*own.get(*place)?, at))).collect();
        // In the texts' own order, so that what is drawn does not depend on the order they came in.
        texts.sort_unstable();
        let points = self.points.picked(&texts.iter().map(|(text, _)| *text).collect::<Vec<_>>());
        let found = k_means(&points, 2, STARTS, seed, job)?;
        let second = found.labels.iter().filter(|label| **label == 1).count();
        if second == 0 || second == points.len() {
            return Ok(None);
        }
        let smaller = u32::from(2 * second <= points.len());
        let mut is_apart = vec![false; places.len()];
        for ((_, at), label) in texts.iter().zip(&found.labels) {
            if let Some(is_apart) = is_apart.get_mut(*at) {
                *is_apart = *label == smaller;
            }
        }
        Ok(Some(is_apart))
    }
}

/// How a text lies to its group.
#[derive(Clone, Copy)]
struct Measured {
    place: usize,
    /// The squared distance to the group's middle.
    own: f32,
    /// By how much the nearest other middle is farther off; infinite where there is none.
    margin: f32,
}

fn described(mut near: Vec<Measured>, words: Vec<String>) -> Described {
    let first = |near: &[Measured]| near.iter().take(SHOWN).map(|measured| measured.place).collect::<Vec<_>>();
    near.sort_by(|a, b| a.own.total_cmp(&b.own).then(a.place.cmp(&b.place)));
    let typical = first(&near);
    near.sort_by(|a, b| a.margin.total_cmp(&b.margin).then(a.place.cmp(&b.place)));
    let size = near.len();
    near.retain(|measured| measured.margin.is_finite() && !typical.contains(&measured.place));
    Described { size, words, typical, borderline: first(&near) }
}

/// The mean of every group; nothing for an empty one.
fn middles(points: &Points, labels: &[Option<u32>], groups: usize) -> Vec<Vec<f32>> {
    let mut sums = vec![(0usize, vec![0f64; points.width]); groups];
    for (point, label) in points.rows().zip(labels) {
        let Some((size, sum)) = label.and_then(|label| sums.get_mut(label as usize)) else { continue };
        *size += 1;
        sum.iter_mut().zip(point).for_each(|(sum, v)| *sum += f64::from(*v));
    }
    let mean = |(size, sum): (usize, Vec<f64>)| match size {
        0 => Vec::new(),
        size => sum.into_iter().map(|v| (v / size as f64) as f32).collect(),
    };
    sums.into_iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three texts of one thing, three of another, and one of both.
    const TEXTS: [&str; 7] = [
        "apple pear apple",
        "pear apple plum",
        "apple plum pear",
        "engine wheel brake",
        "wheel brake engine",
        "brake engine wheel wheel",
        "apple pear wheel brake engine",
    ];

    fn corpus() -> Corpus {
        Corpus::read(&TEXTS, 1, &Job::silent()).unwrap()
    }

    #[test]
    fn a_group_is_told_by_its_words_its_middle_and_its_border() {
        let labels = [0, 0, 0, 1, 1, 1, 1].map(Some);
        let found = corpus().described(&labels, 2);
        assert_eq!(found.iter().map(|group| group.size).collect::<Vec<_>>(), [3, 4]);
        assert!(found[0].words.iter().take(3).all(|word| ["apple", "pear", "plum"].contains(&word.as_str())));
        assert!(found[1].words[..2].iter().all(|word| ["engine", "wheel", "brake"].contains(&word.as_str())));
        assert_eq!(found[1].borderline, [6], "the text of both lies on the border");
        assert!(!found[1].typical.contains(&6));
    }

    #[test]
    fn texts_in_no_group_are_not_told_of() {
        let labels = [Some(0), Some(0), Some(0), None, None, None, None];
        let found = corpus().described(&labels, 2);
        assert_eq!((found[0].size, found[1].clone()), (3, Described::default()));
        assert!(found[0].borderline.is_empty(), "there is no other group to lie near to");
    }

    #[test]
    fn a_group_of_two_things_comes_apart_into_them() {
        let found = corpus().halves(&[5, 0, 3, 1, 4, 2], 7, &Job::silent()).unwrap().unwrap();
        let of_fruit = [false, true, false, true, false, true];
        assert!(found == of_fruit || found == of_fruit.map(|is| !is), "{found:?}");
        assert_eq!(corpus().halves(&[0], 7, &Job::silent()).unwrap(), None);
    }
}
