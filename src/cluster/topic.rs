//! What a topic is about: its words, its typical examples and those on its border.

use super::tfidf::TfIdf;

/// Words that a topic is told by.
const WORDS: usize = 10;

/// The words that stand out in every group, strongest first, by class TF-IDF (Grootendorst 2022): a word's share in the
/// group times `ln(1 + mean words a group / word's count in all)`.
pub fn top_words(texts: &TfIdf, labels: &[u32], groups: usize) -> Vec<Vec<String>> {
    let width = texts.rows.width().max(1);
    let mut counts = vec![0f64; groups * width];
    for (text, label) in labels.iter().enumerate() {
        let Some(group) = counts.get_mut(*label as usize * width..(*label as usize + 1) * width) else { continue };
        let (words, _) = texts.rows.row(text);
        let tokens = texts.counts.get(texts.rows.range(text)).unwrap_or_default();
        for (word, count) in words.iter().zip(tokens) {
            if let Some(place) = group.get_mut(*word as usize) {
                *place += f64::from(*count);
            }
        }
    }
    let total: Vec<f64> = (0..width).map(|word| counts.iter().skip(word).step_by(width).sum()).collect();
    let mean = counts.iter().sum::<f64>() / groups.max(1) as f64;
    let of_group = |group: &[f64]| {
        let size = group.iter().sum::<f64>().max(1.0);
        let weigh =
            |(word, (count, total)): (usize, (&f64, &f64))| (count / size * (1.0 + mean / total.max(1.0)).ln(), word);
        let mut weighed: Vec<(f64, usize)> =
            group.iter().zip(&total).enumerate().map(weigh).filter(|(w, _)| *w > 0.0).collect();
        weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        weighed.iter().take(WORDS).filter_map(|(_, word)| texts.words.get(*word).cloned()).collect()
    };
    counts.chunks(width).map(of_group).collect()
}
