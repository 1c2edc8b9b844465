//! The tab of one text: what is looked at, the grid of its gates, the way down to a module, and its tokens.

use std::cell::Cell;
use std::sync::Arc;

use egui::Ui;

use crate::adapter::Method;
use crate::app::pages::PageContext;
use crate::app::state::HeadNames;
use crate::app::theme::Tokens;
use crate::app::toasts::Level;
use crate::app::widgets::card::{card, card_with_actions};
use crate::app::widgets::chart_export::save_menu;
use crate::app::widgets::figures::{counted, file_name, in_one_line};
use crate::app::widgets::notes::callout;
use crate::worker::protocol::RoutingReport;

use super::changes_card::ChangesCard;
use super::compared_grid::ComparedGrid;
use super::comparing::{Comparing, KeptText, Present, Side};
use super::digest::Choice;
use super::drill::LayerCard;
use super::grid::LayerGrid;
use super::source::TextSource;
use super::subject::LookedAt;
use super::through::Through;
use super::token_changes::{TokenChanges, is_same_text};
use super::tokens::{TokensCard, head_legend_ui};
use super::view::{RoutingView, TintedTokens};

/// Longest that a text becomes in a heading, in letters.
const TITLE_LETTERS: usize = 72;

/// Whose tokens are shown.
#[derive(Clone, Copy)]
enum ShownTokens<'a> {
    Present,
    /// Those of the look that was kept.
    Kept(&'a RoutingReport),
    /// What moved since that look.
    Changes,
}

/// The tab of one text.
#[derive(Default)]
pub struct TextTab {
    source: TextSource,
    choice: Choice,
    view: RoutingView,
    looked_at: LookedAt,
    grid: LayerGrid,
    layer: LayerCard,
    tokens: TokensCard,
    /// The look that was kept, and what has moved since.
    before: RoutingView,
    changes: ChangesCard,
    /// The numbers of the kept look and of the one that is there, and whether both are of one text.
    pair: Option<((usize, usize), bool)>,
    /// Whether the tokens are to be brought into sight, since a module was picked.
    is_going_to_tokens: bool,
}

impl TextTab {
    /// Draws the tab.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        cx: &PageContext<'_>,
        method: Method,
        (through, comparing): (&mut Through, &mut Comparing),
    ) {
        card(ui, "Text to look at", |ui| self.source.ui(ui, cx, method, through));
        let Some(report) = &cx.state.routing else { return };
        self.looked_at.ui(ui, cx, cx.state.routing_count, report.at.as_deref());
        let names = cx.state.head_names();
        if !self.view.update(cx.state.routing_count, report, &mut self.choice, names) {
            ui.weak("Summing up the gates…");
            ui.ctx().request_repaint();
            return;
        }
        self.grid_card(ui, cx, report, comparing);
        let kept = comparing.kept_text(&Present {
            title: &report.title,
            data: &self.view.data,
            text: Some(report),
            number: self.view.report,
        });
        self.tokens_card(ui, cx, report, kept.as_ref());
    }

    fn grid_card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, report: &Arc<RoutingReport>, comparing: &mut Comparing) {
        let text = in_one_line(&report.title, TITLE_LETTERS);
        let through = report.at.as_deref().map_or_else(String::new, |at| format!(", through {}", file_name(at)));
        let looked_at = format!("{text}, through {}", self.looked_at.adapter_words(report.at.as_deref()));
        let Self { grid, layer, choice, view, .. } = self;
        let names = cx.state.head_names();
        let format = Cell::new(None);
        let picked = card_with_actions(
            ui,
            &format!("Heads by layer: {text}{through}"),
            |ui| format.set(save_menu(ui, "the grid", true)),
            |ui| {
                let load = view.digest.load(Choice::default());
                head_legend_ui(ui, names, &load, "Mean gate over all tokens and modules");
                let compared = ComparedGrid {
                    present: Present { title: &looked_at, data: &view.data, text: Some(report), number: view.report },
                    words: &view.grid_words,
                    revision: view.revision,
                    choice: *choice,
                    save: format.take(),
                };
                let picked = compared.ui(ui, cx, grid, comparing);
                if view.digest.misfits > 0 {
                    let text =
                        format!("{} could not be read and are left out.", counted(view.digest.misfits, "module"));
                    callout(ui, Level::Warning, &text);
                }
                layer.ui(ui, cx, (view.revision, &view.data), choice);
                picked
            },
        );
        if let Some(spot) = picked {
            self.is_going_to_tokens = choice.toggle(spot.choice()) && spot.kind.is_some();
        }
    }

    /// The tokens of the look that is there, or what was made of them since the one that was kept.
    fn tokens_card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, report: &RoutingReport, kept: Option<&KeptText>) {
        let names = cx.state.head_names();
        let shown = self.shown(report, kept, names);
        let title = match shown {
            ShownTokens::Present => "Tokens by head",
            ShownTokens::Kept(_) => "Tokens by head, in A",
            ShownTokens::Changes => "Tokens by change, from A to B",
        };
        let is_difference = kept.is_some_and(|kept| kept.side == Side::Difference);
        let is_other_text = is_difference && self.pair.is_some_and(|(_, is_same)| !is_same);
        let mut format = None;
        let top = ui.cursor().min;
        let choice = &mut self.choice;
        let (before, view) = (&mut self.before, &mut self.view);
        card_with_actions(
            ui,
            &format!("{title}: {}", choice.in_words()),
            |ui| format = save_menu(ui, "the tokens", true),
            |ui| match shown {
                ShownTokens::Present => {
                    if is_other_text {
                        ui.weak(
                            "A and B are different texts, so their tokens are not set against each other: this is B.",
                        );
                    }
                    self.tokens.ui(ui, report, view, names, choice);
                }
                ShownTokens::Kept(report) => self.tokens.ui(ui, report, before, names, choice),
                ShownTokens::Changes => {
                    let changes = TokenChanges { report, before: &before.gates, after: &view.gates };
                    let key = ((before.revision, view.revision), view.report as u64);
                    self.changes.ui(ui, key, changes, names, (choice, &view.data));
                }
            },
        );
        if std::mem::take(&mut self.is_going_to_tokens) {
            let rect = egui::Rect::from_min_max(top, ui.min_rect().max);
            ui.scroll_to_rect(rect, Some(egui::Align::Min));
        }
        let Some(format) = format else { return };
        let tokens = Tokens::of(ui);
        let export = |report, view: &RoutingView| {
            let tinted = TintedTokens { report, gates: &view.gates, tokens, names };
            self.tokens.export(format, report, &tinted)
        };
        cx.save_chart(match shown {
            ShownTokens::Present => export(report, &self.view),
            ShownTokens::Kept(report) => export(report, &self.before),
            ShownTokens::Changes => {
                let changes = TokenChanges { report, before: &self.before.gates, after: &self.view.gates };
                self.changes.export(format, changes, names, tokens)
            }
        });
    }

    /// Brings the kept look up to date where it is needed, and says what is shown.
    fn shown<'a>(&mut self, report: &RoutingReport, kept: Option<&'a KeptText>, names: &HeadNames) -> ShownTokens<'a> {
        let Some(kept) = kept.filter(|kept| kept.side != Side::B) else { return ShownTokens::Present };
        let pair = (kept.number, self.view.report);
        if self.pair.is_none_or(|(known, _)| known != pair) {
            self.pair = Some((pair, is_same_text(&kept.report, report)));
        }
        let is_same = self.pair.is_some_and(|(_, is_same)| is_same);
        if kept.side == Side::Difference && !is_same {
            return ShownTokens::Present;
        }
        // The other look has the same heads, layers and kinds: what is chosen is there too.
        let is_summed = self.before.update(kept.number, &kept.report, &mut self.choice, names);
        match kept.side {
            _ if !is_summed => ShownTokens::Present,
            Side::Difference => ShownTokens::Changes,
            _ => ShownTokens::Kept(&kept.report),
        }
    }
}
