//! Whether topics and heads have to do with each other, or chance would draw the same: a permutation test.
//!
//! If topics had nothing to do with gates, any other assignment of the same labels to the examples would be as likely as
//! the one that is there. So the labels are shuffled over the examples again and again, and every time the gate that
//! stands out most, of any topic and head, is noted (Westfall and Young 1993, *Resampling-based multiple testing*: the
//! maximum keeps the chance of a single false word for all pairs together). What stands out is measured as the topic's
//! mean gate less the mean of all, in standard deviations that such a mean has under shuffling, so that small topics and
//! heads that hardly vary are held to the same.
//!
//! Two families are tested by themselves: the heads over all modules together, and the heads of every single module. In
//! each, a pattern is told of that came up in fewer than [`BEYOND_CHANCE`] of the shuffles.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Preference, TopicAssociation};
use crate::adapter::{Module, leader};

/// How often the labels are shuffled.
pub const SHUFFLES: usize = 1000;
/// A pattern as strong as in this share of the shuffles, or less, is told of.
pub const BEYOND_CHANCE: f32 = 0.01;
/// Examples that are shuffled at most; of more, an even selection.
pub const TESTED: usize = 2000;
/// Topics with fewer examples are among the others, but not tested: one example has no mean to trust.
const LEAST: usize = 2;
/// Patterns of single modules that are told of.
pub(super) const TOLD: usize = 40;
/// Where the random numbers begin: the same data always gives the same words.
const SEED: u64 = 0x5EED;

/// Mean gates of examples with a topic, to shuffle.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// The topic of every example.
    pub labels: Vec<usize>,
    /// `[examples, columns]`: gates over all modules, one column a head; then those of every module.
    pub gates: Vec<f32>,
}

/// A test under way.
#[derive(Debug)]
pub(super) struct Shuffler {
    heads: usize,
    columns: usize,
    labels: Vec<usize>,
    /// Examples of every topic.
    sizes: Vec<usize>,
    /// The head that leads each example.
    leads: Vec<usize>,
    /// Standardised in place: mean 0 and deviation 1 in every column, or all 0 where nothing varies.
    gates: Vec<f32>,
    means: Vec<f32>,
    deviations: Vec<f32>,
    /// How far every topic stands out in every column, `[topics, columns]`.
    observed: Vec<f32>,
    nmi: f64,
    /// What the shuffles showed so far.
    seen: Vec<Shuffle>,
}

/// What one shuffle shows: how far the most striking pair stands out, of each family, and the mutual information.
#[derive(Clone, Copy, Debug)]
struct Shuffle {
    overall: f32,
    modules: f32,
    nmi: f64,
}

impl Shuffler {
    /// `None` where fewer than two topics have two examples.
    pub fn new(sample: Sample, heads: usize, topics: usize) -> Option<Self> {
        let Sample { labels, mut gates } = sample;
        let columns = gates.len().checked_div(labels.len())?;
        let mut sizes = vec![0; topics];
        labels.iter().for_each(|label| {
            if let Some(size) = sizes.get_mut(*label) {
                *size += 1;
            }
        });
        if sizes.iter().filter(|size| **size >= LEAST).count() < 2 || heads < 2 {
            return None;
        }
        let leads = gates.chunks(columns).map(|row| leader(row.get(..heads).unwrap_or_default()).0).collect();
        let (means, deviations) = standardise(&mut gates, columns);
        let mut shuffler = Self {
            heads,
            columns,
            labels,
            sizes,
            leads,
            gates,
            means,
            deviations,
            observed: Vec::new(),
            nmi: 0.0,
            seen: Vec::new(),
        };
        shuffler.observed = shuffler.standing_out(&shuffler.labels);
        shuffler.nmi = shuffler.nmi_of(&shuffler.labels);
        Some(shuffler)
    }

    /// Shuffles `count` times more, at most to [`SHUFFLES`].
    pub fn shuffle(&mut self, count: usize) {
        let done = self.seen.len();
        let more: Vec<Shuffle> =
            (done..(done + count).min(SHUFFLES)).into_par_iter().map(|number| self.one(number as u64)).collect();
        self.seen.extend(more);
    }

    /// Share of the shuffles that are done.
    pub fn share(&self) -> f32 {
        self.seen.len() as f32 / SHUFFLES as f32
    }

    fn one(&self, number: u64) -> Shuffle {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        random.set_stream(number);
        let mut labels = self.labels.clone();
        labels.shuffle(&mut random);
        let (mut overall, mut modules) = (0f32, 0f32);
        for row in self.standing_out(&labels).chunks(self.columns) {
            let (all, each) = row.split_at_checked(self.heads).unwrap_or((row, &[]));
            overall = all.iter().fold(overall, |most, z| most.max(z.abs()));
            modules = each.iter().fold(modules, |most, z| most.max(z.abs()));
        }
        Shuffle { overall, modules, nmi: self.nmi_of(&labels) }
    }

    /// How far every topic stands out in every column, `[topics, columns]`; 0 for a topic that is not tested.
    fn standing_out(&self, labels: &[usize]) -> Vec<f32> {
        let mut sums = vec![0f32; self.sizes.len() * self.columns];
        for (label, row) in labels.iter().zip(self.gates.chunks_exact(self.columns)) {
            if let Some(sums) = sums.get_mut(label * self.columns..(label + 1) * self.columns) {
                sums.iter_mut().zip(row).for_each(|(sum, gate)| *sum += gate);
            }
        }
        let all = labels.len() as f32;
        for (sums, &size) in sums.chunks_mut(self.columns).zip(&self.sizes) {
            let size_f = size as f32;
            // The variance of a mean of `size` values drawn from `all` without putting any back.
            let variance = (all - size_f) / (size_f * (all - 1.0));
            let factor = if size < LEAST || variance <= 0.0 { 0.0 } else { 1.0 / (size_f * variance.sqrt()) };
            sums.iter_mut().for_each(|sum| *sum *= factor);
        }
        sums
    }

    fn nmi_of(&self, labels: &[usize]) -> f64 {
        let mut counts = vec![vec![0u64; self.heads]; self.sizes.len()];
        for (label, lead) in labels.iter().zip(&self.leads) {
            if let Some(count) = counts.get_mut(*label).and_then(|row| row.get_mut(*lead)) {
                *count += 1;
            }
        }
        normalised_mutual_information(&counts)
    }

    /// What the shuffles say. `modules` are those of the columns behind the first; `token_nmi` was counted beside.
    pub fn association(&self, modules: &[Module], token_nmi: f64) -> TopicAssociation {
        let shuffles = self.seen.len();
        let share = |as_much: usize| (as_much + 1) as f32 / (shuffles + 1) as f32;
        let by_chance = self.seen.iter().map(|shuffle| shuffle.nmi).sum::<f64>() / shuffles.max(1) as f64;
        // A hair less, so that what is equal but for rounding counts as equal.
        let as_informed = self.seen.iter().filter(|shuffle| shuffle.nmi >= self.nmi - 1e-9).count();
        TopicAssociation {
            shuffles,
            examples: self.labels.len(),
            nmi: self.nmi as f32,
            nmi_by_chance: by_chance as f32,
            nmi_p: share(as_informed),
            token_nmi: token_nmi as f32,
            preferences: self.preferences(modules, share),
        }
    }

    fn preferences(&self, modules: &[Module], share: impl Fn(usize) -> f32) -> Vec<Preference> {
        let mut found: Vec<(f32, Preference)> = Vec::new();
        for (topic, row) in self.observed.chunks(self.columns).enumerate() {
            for (column, &z) in row.iter().enumerate().filter(|(_, z)| **z != 0.0) {
                let is_overall = column < self.heads;
                let most = |shuffle: &Shuffle| if is_overall { shuffle.overall } else { shuffle.modules };
                let p = share(self.seen.iter().filter(|shuffle| most(shuffle) >= z.abs() - 1e-5).count());
                if p > BEYOND_CHANCE {
                    continue;
                }
                let module = (!is_overall).then(|| modules.get(column / self.heads - 1).copied()).flatten();
                if let Some(preference) = self.preference(topic, column, z, module, p) {
                    found.push((z.abs(), preference));
                }
            }
        }
        found.sort_by(|(a, x), (b, y)| x.module.is_some().cmp(&y.module.is_some()).then(b.total_cmp(a)));
        let overall = found.iter().filter(|(_, preference)| preference.module.is_none()).count();
        found.truncate(overall + TOLD);
        found.into_iter().map(|(_, preference)| preference).collect()
    }

    fn preference(&self, topic: usize, column: usize, z: f32, module: Option<Module>, p: f32) -> Option<Preference> {
        let (size, all) = (*self.sizes.get(topic)? as f32, self.labels.len() as f32);
        let above = z * ((all - size) / (size * (all - 1.0))).sqrt();
        let below = -above * size / (all - size);
        let (mean, deviation) = (*self.means.get(column)?, *self.deviations.get(column)?);
        Some(Preference {
            head: column % self.heads,
            topic,
            module,
            mean: mean + deviation * above,
            others: mean + deviation * below,
            effect: above - below,
            p,
        })
    }
}

/// Brings every column to mean 0 and deviation 1, in place, and gives what they were. A column that hardly varies becomes
/// all 0: what is left in it is rounding.
fn standardise(gates: &mut [f32], columns: usize) -> (Vec<f32>, Vec<f32>) {
    const HARDLY: f64 = 1e-6;
    let rows = (gates.len() / columns.max(1)).max(1) as f64;
    let (mut sums, mut squares) = (vec![0f64; columns], vec![0f64; columns]);
    for row in gates.chunks_exact(columns) {
        row.iter().zip(&mut sums).for_each(|(gate, sum)| *sum += f64::from(*gate));
    }
    let means: Vec<f64> = sums.iter().map(|sum| sum / rows).collect();
    for row in gates.chunks_exact(columns) {
        let off = row.iter().zip(&means).map(|(gate, mean)| f64::from(*gate) - mean);
        off.zip(&mut squares).for_each(|(off, square)| *square += off * off);
    }
    let deviations: Vec<f64> = squares.iter().map(|square| (square / rows).sqrt()).collect();
    for row in gates.chunks_exact_mut(columns) {
        for ((gate, mean), deviation) in row.iter_mut().zip(&means).zip(&deviations) {
            *gate = if *deviation > HARDLY { ((f64::from(*gate) - mean) / deviation) as f32 } else { 0.0 };
        }
    }
    let as_f32 = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
    (as_f32(means), as_f32(deviations))
}

/// Mutual information of the rows and columns of a table of counts, divided by the mean of their entropies; 0 where either
/// has one value only.
pub(super) fn normalised_mutual_information(counts: &[Vec<u64>]) -> f64 {
    let columns = counts.iter().map(Vec::len).max().unwrap_or(0);
    let total: u64 = counts.iter().flatten().sum();
    if total == 0 {
        return 0.0;
    }
    let share = |count: u64| count as f64 / total as f64;
    let entropy = |shares: &[f64]| shares.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum::<f64>();
    let rows: Vec<f64> = counts.iter().map(|row| share(row.iter().sum())).collect();
    let of_column = |column: usize| share(counts.iter().filter_map(|row| row.get(column)).sum());
    let columns: Vec<f64> = (0..columns).map(of_column).collect();
    let both: Vec<f64> = counts.iter().flatten().map(|count| share(*count)).collect();
    let (of_rows, of_columns) = (entropy(&rows), entropy(&columns));
    let shared = of_rows + of_columns - entropy(&both);
    let mean = (of_rows + of_columns) / 2.0;
    if of_rows > 0.0 && of_columns > 0.0 { (shared / mean).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;
    use crate::adapter::Target;

    const MODULES: usize = 4;

    fn modules() -> Vec<Module> {
        (0..MODULES).map(|layer| Module { layer, target: Target::Up }).collect()
    }

    /// Gates of `examples` examples over three heads, noise but for what `plant` adds to head 1 of module 2.
    fn sample(examples: usize, topics: usize, seed: u64, plant: impl Fn(usize) -> f32) -> Sample {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let labels: Vec<usize> = (0..examples).map(|_| random.random_range(0..topics)).collect();
        let mut gates = Vec::new();
        for &label in &labels {
            let mut rows = Vec::new();
            for module in 0..MODULES {
                let mut row: Vec<f32> = (0..3).map(|_| 0.33 + random.random_range(-0.05..0.05)).collect();
                if module == 2 {
                    row[1] += plant(label);
                    row[0] -= plant(label);
                }
                rows.push(row);
            }
            let mean = |head: usize| rows.iter().map(|row| row[head]).sum::<f32>() / MODULES as f32;
            gates.extend((0..3).map(mean));
            gates.extend(rows.iter().flatten());
        }
        Sample { labels, gates }
    }

    fn tested(sample: Sample, topics: usize) -> TopicAssociation {
        let mut shuffler = Shuffler::new(sample, 3, topics).unwrap();
        while shuffler.share() < 1.0 {
            shuffler.shuffle(300);
        }
        shuffler.association(&modules(), 0.0)
    }

    #[test]
    fn a_planted_pattern_is_found_where_it_is() {
        let found = tested(sample(200, 4, 1, |topic| if topic == 3 { 0.08 } else { 0.0 }), 4);
        assert_eq!((found.shuffles, found.examples), (SHUFFLES, 200));
        let strongest = &found.preferences[0];
        assert_eq!((strongest.topic, strongest.module), (3, None), "{found:?}");
        let liked = |p: &&Preference| p.head == 1 && p.effect > 0.0;
        assert!(found.preferences.iter().filter(liked).all(|preference| preference.topic == 3), "{found:?}");
        let of_module = found.preferences.iter().find(|preference| preference.module.is_some()).unwrap();
        assert_eq!(of_module.module, Some(modules()[2]));
        let up = found.preferences.iter().find(|p| p.module.is_some() && p.effect > 0.0).unwrap();
        assert!(up.head == 1 && (up.mean - up.others - 0.08).abs() < 0.02 && up.p < 0.002, "{up:?}");
    }

    #[test]
    fn labels_that_mean_nothing_are_given_no_meaning() {
        let silent = (0..100).filter(|seed| tested(sample(60, 4, *seed, |_| 0.0), 4).preferences.is_empty()).count();
        assert!(silent >= 95, "{silent} of 100");
    }

    #[test]
    fn one_topic_or_topics_of_one_example_cannot_be_tested() {
        assert!(Shuffler::new(sample(20, 1, 1, |_| 0.0), 3, 1).is_none());
        let lonely = Sample { labels: vec![0, 1, 2, 2], ..sample(4, 1, 1, |_| 0.0) };
        assert!(Shuffler::new(lonely, 3, 3).is_none());
        assert!(Shuffler::new(Sample::default(), 3, 2).is_none());
    }

    #[test]
    fn gates_that_never_vary_stand_out_nowhere() {
        let labels: Vec<usize> = (0..40).map(|i| i % 2).collect();
        let fixed = Sample { gates: vec![0.25; labels.len() * 3 * (MODULES + 1)], labels };
        let found = tested(fixed, 2);
        assert!(found.preferences.is_empty() && found.nmi == 0.0, "{found:?}");
    }

    #[test]
    fn mutual_information_is_one_for_a_renaming_and_zero_for_independence() {
        assert!((normalised_mutual_information(&[vec![0, 7], vec![3, 0]]) - 1.0).abs() < 1e-12);
        assert!(normalised_mutual_information(&[vec![2, 4], vec![3, 6]]).abs() < 1e-12);
        assert_eq!(normalised_mutual_information(&[vec![5, 0], vec![5, 0]]), 0.0);
        // Two of three agree: by hand, ln 3 − (2/3) ln 2 of shared information under entropies of ln 3 and 0.6365.
        let partly = normalised_mutual_information(&[vec![1, 0], vec![1, 0], vec![0, 1]]);
        assert!((partly - 0.636_514_2 / ((1.098_612_3 + 0.636_514_2) / 2.0)).abs() < 1e-6, "{partly}");
    }
}
