//! The tab of one text: what is looked at, the grid of its gates, the way down to a module, and its tokens.

use std::cell::Cell;

use egui::Ui;

use crate::adapter::Method;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::card::{card, card_with_actions};
use crate::app::widgets::chart_export::save_menu;
use crate::app::widgets::figures::{counted, file_name, in_one_line};
use crate::app::widgets::notes::callout;
use crate::worker::protocol::RoutingReport;

use super::comparing::{Comparing, Present};
use super::digest::Choice;
use super::drill::LayerCard;
use super::grid::{GridView, LayerGrid};
use super::source::TextSource;
use super::subject::Subject;
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
    /// Whose routing the report shows, by its number.
    looked_at: Option<(usize, Subject)>,
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
        self.stale_ui(ui, cx, report);
        let names = cx.state.head_names();
        if !self.view.update(cx.state.routing_count, report, &mut self.choice, names) {
            ui.weak("Summing up the gates…");
            ui.ctx().request_repaint();
            return;
        }
        self.grid_card(ui, cx, report, comparing);
        self.tokens_card(ui, cx, report);
    }

    /// Owns up where the report is not of the adapter that is there now.
    fn stale_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, report: &RoutingReport) {
        let subject = Subject::of(cx);
        match &self.looked_at {
            Some((number, of)) if *number == cx.state.routing_count => {
                if *of != subject && report.at.is_none() {
                    callout(
                        ui,
                        Level::Info,
                        "This is the routing of the adapter before the one that is there now. Look again.",
                    );
                    ui.add_space(space::S);
                }
            }
            _ => self.looked_at = Some((cx.state.routing_count, subject)),
        }
    }

    fn grid_card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, report: &RoutingReport, comparing: &mut Comparing) {
        let text = in_one_line(&report.title, TITLE_LETTERS);
        let through = report.at.as_deref().map_or_else(String::new, |at| format!(", through {}", file_name(at)));
        let looked_at = format!("{text}, through {}", self.adapter_words(report));
        let Self { grid, layer, choice, view, .. } = self;
        let present = Present { title: &looked_at, data: &view.data, number: view.report };
        let names = cx.state.head_names();
        let format = Cell::new(None);
        let picked = card_with_actions(
            ui,
            &format!("Heads by layer: {text}{through}"),
            |ui| format.set(save_menu(ui, "the grid", true)),
            |ui| {
                let load = view.digest.load(Choice::default());
                head_legend_ui(ui, names, &load, "Mean gate over all tokens and modules");
                comparing.note_ui(ui, &present);
                let words = comparing.words(&present, names).unwrap_or_else(|| view.grid_words.clone());
                let shown = comparing.shown(&present, view.revision);
                let grid_view = GridView {
                    title: "Heads by layer",
                    words: &words,
                    data: shown.data,
                    before: shown.before,
                    sides: ["in A", "in B"],
                    most: None,
                    revision: shown.revision,
                    names,
                    choice: *choice,
                };
                let asked = Cell::new(None);
                let picked = grid.ui(ui, &grid_view, |ui| asked.set(comparing.buttons_ui(ui, &present)));
                if let Some(format) = format.take() {
                    cx.save_chart(grid.export(format, &grid_view, Tokens::of(ui)));
                }
                comparing.take(asked.take(), &present);
                ui.add_space(space::XS);
                ui.label(&words);
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
            let is_same = *choice == spot.choice();
            *choice = if is_same { Choice::default() } else { spot.choice() };
            self.is_going_to_tokens = !is_same && spot.kind.is_some();
        }
    }

    fn adapter_words(&self, report: &RoutingReport) -> String {
        let present = self.looked_at.as_ref().and_then(|(_, subject)| subject.adapter());
        report.at.as_deref().or(present).map_or_else(|| "the adapter".to_owned(), file_name)
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
