//! How far two groupings of the same things agree.

use std::collections::BTreeMap;

/// How often each pair of groups meets, and the sizes of the groups.
struct Meetings {
    pairs: BTreeMap<(u32, u32), f64>,
    left: BTreeMap<u32, f64>,
    right: BTreeMap<u32, f64>,
    total: f64,
}

impl Meetings {
    fn of(left: &[u32], right: &[u32]) -> Self {
        let mut meetings = Self {
            pairs: BTreeMap::new(),
            left: BTreeMap::new(),
            right: BTreeMap::new(),
            total: left.len().min(right.len()) as f64,
        };
        for (l, r) in left.iter().zip(right) {
            *meetings.pairs.entry((*l, *r)).or_default() += 1.0;
            *meetings.left.entry(*l).or_default() += 1.0;
            *meetings.right.entry(*r).or_default() += 1.0;
        }
        meetings
    }
}

/// The adjusted Rand index (Hubert and Arabie 1985): 1 where the groupings are the same but for names, about 0 where
/// they have no more in common than chance gives.
pub fn adjusted_rand(left: &[u32], right: &[u32]) -> f64 {
    let meetings = Meetings::of(left, right);
    let pairs = |n: &f64| n * (n - 1.0) / 2.0;
    let both: f64 = meetings.pairs.values().map(pairs).sum();
    let (in_left, in_right): (f64, f64) =
        (meetings.left.values().map(pairs).sum(), meetings.right.values().map(pairs).sum());
    let all = pairs(&meetings.total).max(1.0);
    let expected = in_left * in_right / all;
    let largest = (in_left + in_right) / 2.0;
    if (largest - expected).abs() < f64::EPSILON { 1.0 } else { (both - expected) / (largest - expected) }
}

/// Normalised mutual information with the mean of the entropies below it: 0 where one grouping says nothing of the
/// other, 1 where it says all.
pub fn normalised_mutual_information(left: &[u32], right: &[u32]) -> f64 {
    let meetings = Meetings::of(left, right);
    let n = meetings.total.max(1.0);
    let entropy =
        |sizes: &BTreeMap<u32, f64>| -> f64 { sizes.values().map(|size| -(size / n) * (size / n).ln()).sum() };
    let mutual: f64 = meetings
        .pairs
        .iter()
        .map(|((l, r), both)| {
            let apart = meetings.left.get(l).copied().unwrap_or(n) * meetings.right.get(r).copied().unwrap_or(n);
            both / n * (both * n / apart).ln()
        })
        .sum();
    let mean = (entropy(&meetings.left) + entropy(&meetings.right)) / 2.0;
    if mean < f64::EPSILON { 1.0 } else { (mutual / mean).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups_do_not_matter() {
        assert_eq!(adjusted_rand(&[0, 0, 1, 1], &[7, 7, 3, 3]), 1.0);
        assert!((normalised_mutual_information(&[0, 0, 1, 1], &[7, 7, 3, 3]) - 1.0).abs() < 1e-12);
    }

    /// The values that scikit-learn 1.x gives.
    #[test]
    fn partial_agreement_has_its_known_values() {
        let (left, right) = ([0, 0, 1, 2], [0, 0, 1, 1]);
        assert!((adjusted_rand(&left, &right) - 0.571_428_571).abs() < 1e-6);
        assert!((normalised_mutual_information(&left, &right) - 0.8).abs() < 1e-6);
    }

    #[test]
    fn unrelated_groups_agree_by_chance_alone() {
        assert!(adjusted_rand(&[0, 0, 1, 1], &[0, 1, 0, 1]) <= 0.0);
        assert_eq!(normalised_mutual_information(&[0, 0, 1, 1], &[0, 1, 0, 1]), 0.0);
    }
}
