//! The picture of one routing report: its digest and what is drawn from it, made anew only when the report or the choice
//! of modules changes.

use std::ops::Range;

use egui::{Color32, Ui};

use crate::app::state::HeadNames;
use crate::app::theme::Tokens;
use crate::app::widgets::figures::count;
use crate::app::widgets::head_gates::{gates_ui, leaders_in_words};
use crate::app::widgets::token_strip::{TokenLook, TokenSource, TokenStrip, visible};
use crate::worker::protocol::RoutingReport;

use super::digest::{Choice, Digest, GATES_PER_FRAME, TokenGates};
use super::grid_data::GridData;
use super::words::{grid_summary, token_summary};

/// What is drawn of a report.
#[derive(Default)]
pub struct RoutingView {
    /// Which report it shows, as `AppState::routing_count` counts them.
    pub report: usize,
    pub digest: Digest,
    is_summed: bool,
    choice: Choice,
    /// The names that the words were made with.
    names: HeadNames,
    /// The figures of every module.
    pub data: GridData,
    /// Changes whenever the choice or the report does.
    pub revision: u64,
    pub gates: TokenGates,
    pub load: Vec<f32>,
    pub grid_words: String,
    pub token_words: String,
    pub strip: TokenStrip,
}

impl RoutingView {
    /// Brings the picture up to date with report number `number`, some of it in each frame. Gives back whether it can be
    /// drawn.
    pub fn update(&mut self, number: usize, report: &RoutingReport, choice: &mut Choice, names: &HeadNames) -> bool {
        if self.report != number {
            let revision = self.revision + 1;
            *self = Self { report: number, digest: Digest::new(report), revision, ..Self::default() };
        }
        let mut is_new = false;
        if !self.is_summed {
            if !self.digest.advance(report, GATES_PER_FRAME) {
                return false;
            }
            self.is_summed = true;
            self.data = GridData::of_digest(&self.digest);
            is_new = true;
        }
        *choice = self.within(*choice);
        if is_new || self.choice != *choice || self.names != *names {
            self.choose(report, *choice, names);
        }
        true
    }

    /// `choice` without what the report does not have.
    fn within(&self, choice: Choice) -> Choice {
        Choice {
            layer: choice.layer.filter(|layer| *layer < self.digest.layers),
            kind: choice.kind.filter(|kind| self.digest.kinds.contains(kind)),
        }
    }

    fn choose(&mut self, report: &RoutingReport, choice: Choice, names: &HeadNames) {
        let of_kind = Choice { layer: None, kind: choice.kind };
        self.choice = choice;
        self.names = names.clone();
        self.revision += 1;
        self.gates = self.digest.token_gates(report, choice);
        self.load = self.digest.load(choice);
        self.grid_words = grid_summary(&self.digest, of_kind, names);
        self.token_words = token_summary(report, &self.gates, names);
    }
}

/// The tokens of a report, tinted by their leading head.
pub struct TintedTokens<'a> {
    pub report: &'a RoutingReport,
    pub gates: &'a TokenGates,
    pub tokens: &'static Tokens,
    pub names: &'a HeadNames,
}

impl TintedTokens<'_> {
    /// How strongly a leading gate tints: from a trace at an even share to full at 1.
    fn strength(&self, gate: f32) -> f32 {
        let even = 1.0 / self.gates.heads.max(1) as f32;
        // With one head there is no even share to exceed.
        let above = if even < 1.0 { ((gate - even) / (1.0 - even)).clamp(0.0, 1.0) } else { 0.3 };
        0.12 + 0.5 * above.sqrt()
    }
}

impl TokenSource for TintedTokens<'_> {
    fn count(&self) -> usize {
        self.report.tokens.len()
    }

    fn text(&self, index: usize) -> &str {
        self.report.tokens.get(index).map_or("", |token| &token.text)
    }

    fn look(&self, index: usize) -> TokenLook {
        let fill = self
            .gates
            .leader(index)
            .map_or(Color32::TRANSPARENT, |(head, gate)| self.tokens.head(head).gamma_multiply(self.strength(gate)));
        let is_underlined = self.report.tokens.get(index).is_some_and(|token| token.supervised);
        TokenLook { fill, ink: None, is_underlined }
    }

    fn hover_ui(&self, ui: &mut Ui, index: usize) {
        ui.strong(format!("“{}”", visible(self.text(index))));
        let part = if self.look(index).is_underlined { "supervised" } else { "not supervised" };
        ui.weak(format!("Token {} of {}, {part}", count(index + 1), count(self.count())));
        gates_ui(ui, self.gates.of(index), &|head| self.names.title(head));
    }

    fn in_words(&self, index: usize) -> String {
        let gate = |(head, gate): (usize, &f32)| format!("{} {gate:.3}", self.names.title(head));
        let gates: Vec<String> = self.gates.of(index).iter().enumerate().map(gate).collect();
        let place = format!("Token {} of {}", count(index + 1), count(self.count()));
        format!("{place}, “{}”: {}", visible(self.text(index)), gates.join(", "))
    }

    fn row_in_words(&self, range: Range<usize>) -> String {
        if self.gates.heads < 2 {
            return String::new();
        }
        let leaders = range.filter_map(|index| self.gates.leader(index)).map(|(head, _)| head);
        leaders_in_words(leaders, &|head| self.names.title(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{Module, Target};
    use crate::worker::protocol::{ModuleGates, TokenView};

    fn report() -> RoutingReport {
        let token = |text: &str, supervised| TokenView { text: text.into(), supervised };
        RoutingReport {
            title: "Test".into(),
            at: None,
            heads: 2,
            tokens: vec![token("Hi", false), token(" you", true)],
            modules: vec![ModuleGates {
                module: Module { layer: 0, target: Target::Q },
                gates: vec![1.0, 0.0, 0.45, 0.55],
            }],
        }
    }

    #[test]
    fn a_choice_that_the_report_lacks_falls_back_to_the_mean() {
        let mut view = RoutingView::default();
        let mut choice = Choice { layer: Some(7), kind: Some(Target::Down) };
        assert!(view.update(1, &report(), &mut choice, &HeadNames::default()));
        assert_eq!(choice, Choice::default());
        assert_eq!(view.load, [0.725, 0.275]);
    }

    #[test]
    fn a_choice_is_worked_out_once() {
        let (mut view, mut choice) = (RoutingView::default(), Choice::default());
        view.update(1, &report(), &mut choice, &HeadNames::default());
        let revision = view.revision;
        view.update(1, &report(), &mut choice, &HeadNames::default());
        assert_eq!(view.revision, revision);
        choice.layer = Some(0);
        view.update(1, &report(), &mut choice, &HeadNames::default());
        assert_ne!(view.revision, revision);
    }

    #[test]
    fn a_token_is_tinted_by_its_leader_the_stronger_the_larger_its_gate() {
        let (report, mut view, names) = (report(), RoutingView::default(), HeadNames::default());
        view.update(1, &report, &mut Choice::default(), &names);
        let tokens = Tokens::of_theme(egui::Theme::Dark);
        let tinted = TintedTokens { report: &report, gates: &view.gates, tokens, names: &names };
        assert_eq!(tinted.look(0).fill, tokens.head(0).gamma_multiply(0.62));
        assert!(tinted.look(1).is_underlined && !tinted.look(0).is_underlined);
        assert!(tinted.strength(1.0) > tinted.strength(0.55));
    }
}
