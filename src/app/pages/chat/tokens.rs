//! The tokens of an answer, tinted by the head that leads them, or by how much likelier the changed heads hold them.

use std::ops::Range;

use egui::{Color32, Ui};

use crate::app::state::{Answer, AnsweredToken, HeadNames};
use crate::app::theme::Tokens;
use crate::app::widgets::figures::{count, in_one_line};
use crate::app::widgets::head_gates::{gates_ui, leaders_in_words};
use crate::app::widgets::token_strip::{TokenLook, TokenSource, visible};

use super::conversation::Seen;

/// A change of this many nats tints in full.
const FULL_CHANGE: f32 = 2.0;
/// Longest that a head's name becomes, in letters.
const TITLE_LETTERS: usize = 22;
/// Changes smaller than this are none.
const NO_CHANGE: f32 = 0.01;

/// The tokens of one answer, or of the conversation before it, as they are looked at.
pub struct TintedAnswer<'a> {
    pub of: &'a [AnsweredToken],
    pub seen: Seen,
    pub tokens: &'static Tokens,
    pub names: &'a HeadNames,
}

/// The gates that are shown of a token: those of the module that is watched, or the mean of all.
pub fn gates(token: &AnsweredToken) -> &[f32] {
    let gates = token.gates.as_ref();
    gates.map_or(&[], |gates| if gates.module.is_empty() { &gates.mean } else { &gates.module })
}

/// The head with the largest gate, and that gate.
pub fn leader(gates: &[f32]) -> Option<(usize, f32)> {
    gates
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, gate)| *gate > 0.0)
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// The mean gate of every head over some tokens, where any are known.
pub fn load(tokens: &[AnsweredToken]) -> Vec<f32> {
    let known: Vec<&[f32]> = tokens.iter().map(gates).filter(|gates| !gates.is_empty()).collect();
    let heads = known.iter().map(|gates| gates.len()).max().unwrap_or(0);
    let of = |head: usize| known.iter().filter_map(|gates| gates.get(head)).sum::<f32>() / known.len() as f32;
    (0..heads).map(of).collect()
}

/// A head as it is called on screen, in one short line.
pub fn head_title(names: &HeadNames, head: usize) -> String {
    in_one_line(&names.title(head), TITLE_LETTERS)
}

/// How an answer's tokens gained and lost, in a sentence; `None` where that is not known yet.
pub fn change_words(answer: &Answer) -> Option<String> {
    let changes: Vec<f32> = answer.tokens.iter().filter_map(|token| token.change).collect();
    if changes.is_empty() {
        return None;
    }
    let mean = changes.iter().sum::<f32>() / changes.len() as f32;
    let gained = changes.iter().filter(|change| **change > NO_CHANGE).count();
    let lost = changes.iter().filter(|change| **change < -NO_CHANGE).count();
    let more = if mean >= 0.0 { "more" } else { "less" };
    let times = mean.abs().exp();
    Some(format!(
        "On average a token of this answer is {times:.2} times {more} likely with these heads ({mean:+.3} nats); {} gained and \
         {} lost.",
        count(gained),
        count(lost)
    ))
}

impl TintedAnswer<'_> {
    fn token(&self, index: usize) -> Option<&AnsweredToken> {
        self.of.get(index)
    }

    fn fill(&self, token: &AnsweredToken) -> Option<Color32> {
        match self.seen {
            Seen::Plain => None,
            Seen::Gates => {
                let gates = gates(token);
                let even = 1.0 / gates.len().max(1) as f32;
                let (head, gate) = leader(gates)?;
                let above = if even < 1.0 { ((gate - even) / (1.0 - even)).clamp(0.0, 1.0) } else { 0.3 };
                Some(self.tokens.head(head).gamma_multiply(0.12 + 0.5 * above.sqrt()))
            }
            Seen::Changes => {
                let change = token.change.filter(|change| change.abs() >= NO_CHANGE)?;
                let color = if change > 0.0 { self.tokens.likelier } else { self.tokens.unlikelier };
                let strength = (change.abs() / FULL_CHANGE).min(1.0).sqrt();
                Some(color.gamma_multiply(0.08 + 0.52 * strength))
            }
        }
    }

    fn token_words(&self, token: &AnsweredToken) -> String {
        match (self.seen, token.change) {
            (Seen::Changes, Some(change)) => format!("{change:+.2} nats, {}", times_words(change)),
            (Seen::Changes, None) => "not read again yet".to_owned(),
            _ => {
                let gate = |(head, gate): (usize, &f32)| format!("{} {gate:.3}", head_title(self.names, head));
                let gates: Vec<String> = gates(token).iter().enumerate().map(gate).collect();
                if gates.is_empty() { "its gates are not known yet".to_owned() } else { gates.join(", ") }
            }
        }
    }
}

/// A change of the log-probability as a ratio of probabilities.
fn times_words(change: f32) -> String {
    let (times, more) = (change.abs().exp(), if change >= 0.0 { "more" } else { "less" });
    format!("{times:.2} times {more} likely with these heads")
}

impl TokenSource for TintedAnswer<'_> {
    fn count(&self) -> usize {
        self.of.len()
    }

    fn text(&self, index: usize) -> &str {
        self.token(index).map_or("", |token| &token.text)
    }

    fn look(&self, index: usize) -> TokenLook {
        let fill = self.token(index).and_then(|token| self.fill(token)).unwrap_or(Color32::TRANSPARENT);
        TokenLook { fill, ink: None, is_underlined: false }
    }

    fn hover_ui(&self, ui: &mut Ui, index: usize) {
        let Some(token) = self.token(index) else { return };
        ui.strong(format!("“{}”", visible(&token.text)));
        ui.weak(format!("Token {} of {}", count(index + 1), count(self.count())));
        if self.seen == Seen::Changes || gates(token).is_empty() {
            ui.label(self.token_words(token));
            return;
        }
        gates_ui(ui, gates(token), &|head| head_title(self.names, head));
    }

    fn in_words(&self, index: usize) -> String {
        let place = format!("Token {} of {}", count(index + 1), count(self.count()));
        let words = self.token(index).map(|token| self.token_words(token)).unwrap_or_default();
        format!("{place}, “{}”: {words}", visible(self.text(index)))
    }

    fn row_in_words(&self, range: Range<usize>) -> String {
        if self.seen != Seen::Gates {
            return String::new();
        }
        let leaders = range.filter_map(|index| leader(gates(self.token(index)?))).map(|(head, _)| head);
        leaders_in_words(leaders, &|head| head_title(self.names, head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::protocol::TokenGates;

    fn token(text: &str, mean: &[f32], change: Option<f32>) -> AnsweredToken {
        let gates = (!mean.is_empty()).then(|| TokenGates { mean: mean.to_vec(), module: Vec::new() });
        AnsweredToken { id: Some(1), text: text.into(), gates, change }
    }

    fn answer() -> Answer {
        let tokens =
            vec![token("It", &[0.9, 0.1], Some(1.0)), token(" is", &[0.4, 0.6], Some(-2.0)), token(".", &[], None)];
        Answer { text: "It is.".into(), tokens, ..Answer::default() }
    }

    #[test]
    fn a_token_is_tinted_by_its_leading_head_and_by_its_change() {
        let (answer, tokens) = (answer(), Tokens::of_theme(egui::Theme::Dark));
        let names = HeadNames::new(vec![None, Some("sums".into())]);
        let tinted = |seen| TintedAnswer { of: &answer.tokens, seen, tokens, names: &names };
        let gates = tinted(Seen::Gates);
        assert_ne!(gates.look(0).fill, gates.look(1).fill);
        assert_eq!(gates.look(2).fill, Color32::TRANSPARENT, "its gates are not known");
        assert!(gates.in_words(0).contains("Head 1 0.900") && gates.in_words(2).contains("not known yet"));
        assert_eq!(gates.row_in_words(0..3), "Head 1 leads 1, Head 2 · sums leads 1");
        let changes = tinted(Seen::Changes);
        assert_eq!(changes.look(1).fill, tokens.unlikelier.gamma_multiply(0.6));
        assert!(changes.in_words(0).contains("+1.00 nats, 2.72 times more likely"), "{}", changes.in_words(0));
        let load = load(&answer.tokens);
        assert!(load.iter().zip([0.65, 0.35]).all(|(share, expected)| (share - expected).abs() < 1e-6), "{load:?}");
        let words = change_words(&answer).unwrap();
        assert!(words.contains("1.65 times less likely") && words.contains("1 gained and 1 lost"), "{words}");
    }

    #[test]
    fn a_watched_module_is_shown_in_place_of_the_mean() {
        let mut token = token("It", &[0.9, 0.1], None);
        if let Some(gates) = &mut token.gates {
            gates.module = vec![0.2, 0.8];
        }
        assert_eq!(leader(gates(&token)), Some((1, 0.8)));
        assert_eq!((leader(&[0.0, 0.0]), leader(&[])), (None, None));
    }
}
