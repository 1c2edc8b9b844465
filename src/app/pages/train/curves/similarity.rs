//! How alike the heads are: the cosine of every two heads' `B`.

use crate::app::theme::Tokens;
use crate::app::widgets::chart::{ChartLine, Look};
use crate::app::widgets::figures::counted;
use crate::app::widgets::series::Series;

/// Pairs that have a line each; more are told by their mean and the largest of them.
const MOST: usize = 6;

/// A line for every pair of heads, or for all pairs together where there are many.
#[derive(Debug, Default)]
pub struct SimilarityCurves {
    pairs: usize,
    lines: Vec<(String, Series)>,
}

impl SimilarityCurves {
    /// Takes over the cosines of one measure, `[heads][heads]`; none where it was not measured.
    pub fn push(&mut self, step: usize, time_s: f64, similarity: &[Vec<f32>]) {
        let pairs = pairs(similarity);
        if pairs.is_empty() {
            return;
        }
        self.pairs = pairs.len();
        if self.lines.is_empty() {
            let name = |(i, j, _): &(usize, usize, f64)| format!("Heads {} and {}", i + 1, j + 1);
            let names: Vec<String> = if pairs.len() <= MOST {
                pairs.iter().map(name).collect()
            } else {
                vec!["Mean".to_owned(), "Largest".to_owned()]
            };
            self.lines = names.into_iter().map(|name| (name, Series::default())).collect();
        }
        let cosines: Vec<f64> = pairs.into_iter().map(|(_, _, cosine)| cosine).collect();
        let values = if cosines.len() <= MOST { cosines } else { mean_and_largest(&cosines) };
        for ((_, series), value) in self.lines.iter_mut().zip(values) {
            series.push_at(step, time_s, value);
        }
    }

    /// Whether it was never measured.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What is said where the pairs have no lines of their own.
    pub fn note(&self) -> Option<String> {
        (self.pairs > MOST).then(|| format!("over {} of heads", counted(self.pairs, "pair")))
    }

    /// The lines.
    pub fn lines(&mut self, tokens: &Tokens) -> Vec<ChartLine<'_>> {
        let lines = self.lines.iter_mut().enumerate();
        lines
            .map(|(place, (name, series))| ChartLine { name, series, color: tokens.head(place), look: Look::Line })
            .collect()
    }
}

/// Every two heads, with their cosine.
fn pairs(similarity: &[Vec<f32>]) -> Vec<(usize, usize, f64)> {
    let rows = similarity.iter().enumerate();
    rows.flat_map(|(i, row)| row.iter().enumerate().skip(i + 1).map(move |(j, cosine)| (i, j, (*cosine).into())))
        .collect()
}

/// A cosine that is no number makes the mean one too; the largest is that of the others.
fn mean_and_largest(cosines: &[f64]) -> Vec<f64> {
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    vec![mean, cosines.iter().copied().fold(f64::NAN, f64::max)]
}

#[cfg(test)]
mod tests {
    use egui::Theme;

    use super::*;

    fn told(heads: usize) -> (Vec<(String, f64)>, Option<String>) {
        let cosine = |i: usize, j: usize| if i == j { 1.0 } else { (i + j) as f32 / 16.0 };
        let similarity: Vec<Vec<f32>> = (0..heads).map(|i| (0..heads).map(|j| cosine(i, j)).collect()).collect();
        let mut curves = SimilarityCurves::default();
        curves.push(10, 5.0, &[]);
        curves.push(20, 9.0, &similarity);
        let lines = curves.lines(Tokens::of_theme(Theme::Dark));
        let last = |line: &ChartLine<'_>| line.series.last().map_or(f64::NAN, |sample| sample.value);
        let told = lines.iter().map(|line| (line.name.to_owned(), last(line))).collect();
        (told, curves.note())
    }

    #[test]
    fn each_of_a_few_pairs_has_its_line() {
        let pair = |i: usize, j: usize, cosine: f64| (format!("Heads {i} and {j}"), cosine);
        assert_eq!(told(3), (vec![pair(1, 2, 0.0625), pair(1, 3, 0.125), pair(2, 3, 0.1875)], None));
        assert_eq!(told(4).0.len(), 6);
        assert_eq!(told(1), (vec![], None));
    }

    #[test]
    fn many_pairs_are_told_by_their_mean_and_the_largest() {
        let (lines, note) = told(5);
        assert_eq!(lines, [("Mean".to_owned(), 0.25), ("Largest".to_owned(), 0.4375)]);
        assert_eq!(note.as_deref(), Some("over 10 pairs of heads"));
    }
}
