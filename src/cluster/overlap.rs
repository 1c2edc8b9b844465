//! Whether groups of texts speak of different things or of one thing in different ways.

use rand::Rng;
use rand::seq::SliceRandom;

use super::tfidf::TfIdf;

/// How far groups of texts share their words, beside groups that were dealt at random: 1 where groups say nothing of the
/// words, 0 where no two groups share one. Every word counts once a text, by the logarithm of its rarity, and the overlap
/// of two groups is the common part of their distributions of words.
pub fn shared_words(texts: &TfIdf, labels: &[u32], groups: usize, rng: &mut impl Rng) -> f64 {
    let mut dealt = labels.to_vec();
    dealt.shuffle(rng);
    let by_chance = mean_overlap(texts, &dealt, groups);
    if by_chance > 0.0 { (mean_overlap(texts, labels, groups) / by_chance).min(1.0) } else { 1.0 }
}

/// Mean overlap of every two groups.
fn mean_overlap(texts: &TfIdf, labels: &[u32], groups: usize) -> f64 {
    let width = texts.rows.width().max(1);
    let documents = texts.documents();
    let n = texts.rows.len() as f64;
    let mut shares = vec![0f64; groups * width];
    for (text, label) in labels.iter().enumerate() {
        let Some(group) = shares.get_mut(*label as usize * width..(*label as usize + 1) * width) else { continue };
        for word in texts.rows.row(text).0 {
            let word = *word as usize;
            if let (Some(share), Some(documents)) = (group.get_mut(word), documents.get(word)) {
                *share += ((1.0 + n) / (1.0 + f64::from(*documents))).ln();
            }
        }
    }
    for group in shares.chunks_mut(width) {
        let sum: f64 = group.iter().sum();
        group.iter_mut().for_each(|share| *share /= sum.max(f64::MIN_POSITIVE));
    }
    let common = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a.min(*b)).sum::<f64>();
    let pairs =
        shares.chunks(width).enumerate().flat_map(|(i, a)| shares.chunks(width).take(i).map(move |b| common(a, b)));
    let (sum, count) = pairs.fold((0.0, 0usize), |(sum, count), overlap| (sum + overlap, count + 1));
    sum / count.max(1) as f64
}

/// Mean cosine of two texts' TF-IDF rows: how much any two texts have to do with each other.
pub fn mean_cosine(texts: &TfIdf) -> f64 {
    let n = texts.rows.len();
    if n < 2 {
        return 1.0;
    }
    let mut sum = vec![0f64; texts.rows.width()];
    let mut own = 0f64;
    for text in 0..n {
        let (words, values) = texts.rows.row(text);
        for (word, value) in words.iter().zip(values) {
            own += f64::from(value * value);
            if let Some(sum) = sum.get_mut(*word as usize) {
                *sum += f64::from(*value);
            }
        }
    }
    (sum.iter().map(|v| v * v).sum::<f64>() - own) / (n as f64 * (n - 1) as f64)
}
