//! How the gates of every token moved from one look at a text to another: through two checkpoints, say, or before and after
//! a training.

use std::ops::Range;

use egui::{Color32, Ui};

use crate::app::state::HeadNames;
use crate::app::theme::Tokens;
use crate::app::widgets::figures::{count, counted};
use crate::app::widgets::head_gates::leaders_in_words;
use crate::app::widgets::heat_panels::Scale;
use crate::app::widgets::legend::{Swatch, swatch_label};
use crate::app::widgets::token_strip::{TokenLook, TokenSource, visible};
use crate::worker::protocol::RoutingReport;

use super::digest::{TokenGates, leader};

/// Colours reach at least so far, so that what hardly moved looks so.
const LEAST_REACH: f32 = 0.05;
/// A gate that moved less than this stands still.
const STILL: f32 = 0.001;
/// Heads of which the words tell.
const TOLD: usize = 4;

/// Two looks at one text, token by token.
#[derive(Clone, Copy)]
pub struct TokenChanges<'a> {
    pub report: &'a RoutingReport,
    pub before: &'a TokenGates,
    pub after: &'a TokenGates,
}

/// The largest changes of a text: of a single gate, and the largest share of a token's weight that moved.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reach {
    pub gate: f32,
    pub moved: f32,
}

impl TokenChanges<'_> {
    /// By how much each gate of a token rose; below 0 where it fell.
    pub fn of(&self, token: usize) -> impl Iterator<Item = f32> {
        self.after.of(token).iter().zip(self.before.of(token)).map(|(after, before)| after - before)
    }

    /// The share of a token's weight that went from some heads to others: 0 to 1.
    pub fn moved(&self, token: usize) -> f32 {
        self.of(token).map(f32::abs).sum::<f32>() / 2.0
    }

    /// How far changes go, and at least [`LEAST_REACH`].
    pub fn reach(&self) -> Reach {
        let tokens = 0..self.report.tokens.len();
        let gate = tokens.clone().flat_map(|token| self.of(token)).map(f32::abs);
        let (gate, moved) = (gate.fold(LEAST_REACH, f32::max), tokens.map(|token| self.moved(token)));
        Reach { gate, moved: moved.fold(LEAST_REACH, f32::max) }
    }

    /// What moved, and where most.
    pub fn in_words(&self, names: &HeadNames) -> String {
        let tokens = self.report.tokens.len();
        let mut sums = vec![(0.0f32, 0usize, 0usize); self.after.heads];
        let mut most: Option<(usize, usize, f32)> = None;
        for token in 0..tokens {
            for (head, (change, (sum, gained, lost))) in self.of(token).zip(&mut sums).enumerate() {
                *sum += change;
                *gained += usize::from(change > STILL);
                *lost += usize::from(change < -STILL);
                if most.is_none_or(|(_, _, most)| change.abs() > most.abs()) {
                    most = Some((token, head, change));
                }
            }
        }
        let Some((token, head, change)) = most.filter(|(_, _, change)| change.abs() > STILL) else {
            return "No gate of any token moved from A to B.".to_owned();
        };
        let moved = (0..tokens).map(|token| self.moved(token)).sum::<f32>() / tokens.max(1) as f32;
        let mut order: Vec<usize> = (0..sums.len()).collect();
        let size = |head: &usize| sums.get(*head).map_or(0.0, |(sum, ..)| sum.abs());
        order.sort_by(|a, b| size(b).total_cmp(&size(a)));
        let told = order.iter().take(TOLD).filter_map(|head| {
            let (sum, gained, lost) = sums.get(*head)?;
            let mean = sum / tokens.max(1) as f32;
            Some(format!(
                "{} gains at {} and loses at {} ({mean:+.3} on average)",
                names.title(*head),
                count(*gained),
                count(*lost)
            ))
        });
        format!(
            "Of {}, {:.1} % of a token's weight moved on average from A to B, most at “{}”: {} {change:+.3}. {}.",
            counted(tokens, "token"),
            moved * 100.0,
            visible(self.report.tokens.get(token).map_or("", |token| token.text.trim())),
            names.title(head),
            told.collect::<Vec<_>>().join("; ")
        )
    }
}

/// Whether two reports are of the same text, by as many heads.
pub fn is_same_text(before: &RoutingReport, after: &RoutingReport) -> bool {
    before.heads == after.heads
        && before.tokens.len() == after.tokens.len()
        && before.tokens.iter().zip(&after.tokens).all(|(before, after)| before.text == after.text)
}

/// The tokens tinted by what moved: of one head, or of all by the head that gained most.
pub struct TintedChanges<'a> {
    pub changes: TokenChanges<'a>,
    pub reach: Reach,
    /// `None`: all heads.
    pub head: Option<usize>,
    pub tokens: &'static Tokens,
    pub names: &'a HeadNames,
}

impl TintedChanges<'_> {
    /// The colours of a single head's change.
    pub fn scale(&self) -> Scale {
        Scale::Diverging { reach: self.reach.gate }
    }

    /// The head that gained most at a token, where any did.
    fn gainer(&self, token: usize) -> Option<usize> {
        let changes: Vec<f32> = self.changes.of(token).collect();
        leader(&changes).filter(|(_, change)| *change > STILL).map(|(head, _)| head)
    }
}

impl TokenSource for TintedChanges<'_> {
    fn count(&self) -> usize {
        self.changes.report.tokens.len()
    }

    fn text(&self, index: usize) -> &str {
        self.changes.report.tokens.get(index).map_or("", |token| &token.text)
    }

    fn look(&self, index: usize) -> TokenLook {
        let is_underlined = self.changes.report.tokens.get(index).is_some_and(|token| token.supervised);
        if let Some(head) = self.head {
            let fill = self.scale().color(self.tokens, self.changes.of(index).nth(head).unwrap_or(0.0));
            return TokenLook { fill, ink: Some(Tokens::text_on(fill)), is_underlined };
        }
        let strength = 0.06 + 0.56 * (self.changes.moved(index) / self.reach.moved).clamp(0.0, 1.0).sqrt();
        let fill = self.gainer(index).map(|head| self.tokens.head(head).gamma_multiply(strength));
        TokenLook { fill: fill.unwrap_or(Color32::TRANSPARENT), ink: None, is_underlined }
    }

    fn hover_ui(&self, ui: &mut Ui, index: usize) {
        ui.strong(format!("“{}”", visible(self.text(index))));
        ui.weak(format!("Token {} of {}", count(index + 1), count(self.count())));
        let pairs = self.changes.before.of(index).iter().zip(self.changes.after.of(index));
        for (head, (before, after)) in pairs.enumerate() {
            let text = format!("{} {:+.3} ({before:.3} in A, {after:.3} in B)", self.names.title(head), after - before);
            swatch_label(ui, Swatch::Square, self.tokens.head(head), &text);
        }
    }

    fn in_words(&self, index: usize) -> String {
        let change = |(head, change): (usize, f32)| format!("{} {change:+.3}", self.names.title(head));
        let changes: Vec<String> = self.changes.of(index).enumerate().map(change).collect();
        let place = format!("Token {} of {}", count(index + 1), count(self.count()));
        format!("{place}, “{}”, from A to B: {}", visible(self.text(index)), changes.join(", "))
    }

    fn row_in_words(&self, range: Range<usize>) -> String {
        if let Some(head) = self.head {
            let changes = || range.clone().filter_map(|index| self.changes.of(index).nth(head));
            let (gained, lost) = (changes().filter(|c| *c > STILL).count(), changes().filter(|c| *c < -STILL).count());
            return format!("{} gains at {gained}, loses at {lost}", self.names.title(head));
        }
        let gainers = range.filter_map(|index| self.gainer(index));
        leaders_in_words(gainers, &|head| self.names.title(head)).replace(" leads ", " gains most at ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::protocol::TokenView;

    fn report(texts: &[&str]) -> RoutingReport {
        let token = |text: &&str| TokenView { text: (*text).into(), supervised: false };
        let tokens = texts.iter().map(token).collect();
        RoutingReport { title: "Test".into(), at: None, heads: 2, tokens, modules: Vec::new() }
    }

    fn gates(gates: &[f32]) -> TokenGates {
        TokenGates { heads: 2, gates: gates.to_vec() }
    }

    #[test]
    fn what_moved_is_told_with_its_sign_and_where_most() {
        let (before, after) = (gates(&[0.5, 0.5, 0.6, 0.4, 0.5, 0.5]), gates(&[0.5, 0.5, 0.2, 0.8, 0.6, 0.4]));
        let report = report(&["What", " is", " it"]);
        let changes = TokenChanges { report: &report, before: &before, after: &after };
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        let second: Vec<f32> = changes.of(1).collect();
        assert!(near(second[0], -0.4) && near(second[1], 0.4) && near(changes.moved(1), 0.4), "{second:?}");
        let reach = changes.reach();
        assert!(near(reach.gate, 0.4) && near(reach.moved, 0.4));
        let words = changes.in_words(&HeadNames::new(vec![None, Some("sums".into())]));
        assert!(words.contains("most at “is”: Head 1 -0.400."), "{words}");
        assert!(words.contains("Head 1 gains at 1 and loses at 1 (-0.100 on average)"), "{words}");
        assert!(words.contains("16.7 % of a token's weight moved"), "{words}");
        let still = TokenChanges { after: &before, ..changes };
        assert!(still.in_words(&HeadNames::default()).starts_with("No gate of any token moved"));
        assert!(near(still.reach().gate, LEAST_REACH), "what stands still has no strong colour");
    }

    #[test]
    fn a_token_is_tinted_by_the_change_of_one_head_or_by_the_head_that_gained_most() {
        let (before, after) = (gates(&[0.5, 0.5, 0.6, 0.4]), gates(&[0.7, 0.3, 0.6, 0.4]));
        let (report, names) = (report(&["a", "b"]), HeadNames::default());
        let changes = TokenChanges { report: &report, before: &before, after: &after };
        let tokens = Tokens::of_theme(egui::Theme::Dark);
        let reach = changes.reach();
        let tinted = |head| TintedChanges { changes, reach, head, tokens, names: &names };
        let [gained, lost] = [0, 1].map(|head| tinted(Some(head)).look(0).fill);
        assert_eq!((gained, lost), (tokens.diverging(1.0), tokens.diverging(0.0)));
        assert_eq!(tinted(Some(0)).look(1).fill, tokens.diverging(0.5), "it stands still");
        let all = tinted(None);
        assert_eq!(all.look(0).fill, tokens.head(0).gamma_multiply(0.62));
        assert_eq!(all.look(1).fill, Color32::TRANSPARENT);
        assert_eq!(all.row_in_words(0..2), "Head 1 gains most at 1");
        assert_eq!(tinted(Some(1)).row_in_words(0..2), "Head 2 gains at 0, loses at 1");
        assert!(all.in_words(0).contains("from A to B: Head 1 +0.200, Head 2 -0.200"), "{}", all.in_words(0));
    }

    #[test]
    fn two_texts_are_the_same_by_their_tokens() {
        assert!(is_same_text(&report(&["a", "b"]), &report(&["a", "b"])));
        assert!(!is_same_text(&report(&["a", "b"]), &report(&["a", "c"])));
        assert!(!is_same_text(&report(&["a"]), &RoutingReport { heads: 3, ..report(&["a"]) }));
    }
}
