//! The tab of one text: what is looked at, the grid of its gates, the way down to a module, and its tokens.

use std::cell::Cell;

use egui::Ui;

use crate::adapter::Method;
use crate::app::pages::PageContext;
use crate::app::theme::Tokens;
use crate::app::toasts::Level;
use crate::app::widgets::card::{card, card_with_actions};
use crate::app::widgets::chart_export::save_menu;
use crate::app::widgets::figures::{counted, file_name, in_one_line};
use crate::app::widgets::notes::callout;
use crate::worker::protocol::RoutingReport;

use super::compared_grid::ComparedGrid;
use super::comparing::{Comparing, Present};
use super::digest::Choice;
use super::drill::LayerCard;
use super::grid::LayerGrid;
use super::source::TextSource;
use super::subject::LookedAt;
use super::through::Through;
use super::tokens::{TokensCard, head_legend_ui};
use super::view::{RoutingView, TintedTokens};

/// Longest that a text becomes in a heading, in letters.
const TITLE_LETTERS: usize = 72;

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
        self.tokens_card(ui, cx, report);
    }

    fn grid_card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, report: &RoutingReport, comparing: &mut Comparing) {
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
                    present: Present { title: &looked_at, data: &view.data, number: view.report },
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
                layer.ui(ui, (view.revision, &view.data), names, choice);
                picked
            },
        );
        if let Some(spot) = picked {
            self.is_going_to_tokens = choice.toggle(spot.choice()) && spot.kind.is_some();
        }
    }

    fn tokens_card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, report: &RoutingReport) {
        let names = cx.state.head_names();
        let mut format = None;
        let top = ui.cursor().min;
        card_with_actions(
            ui,
            &format!("Tokens by head: {}", self.choice.in_words()),
            |ui| format = save_menu(ui, "the tokens", true),
            |ui| self.tokens.ui(ui, report, &mut self.view, names, &mut self.choice),
        );
        if std::mem::take(&mut self.is_going_to_tokens) {
            let rect = egui::Rect::from_min_max(top, ui.min_rect().max);
            ui.scroll_to_rect(rect, Some(egui::Align::Min));
        }
        if let Some(format) = format {
            let tinted = TintedTokens { report, gates: &self.view.gates, tokens: Tokens::of(ui), names };
            cx.save_chart(self.tokens.export(format, report, &tinted));
        }
    }
}
