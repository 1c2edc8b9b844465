//! The tab of many examples: their routing summed up, the health of the heads, the grid, topics against heads, and what
//! each head attracts. `topics.rs` is the matrix, `portraits.rs` the heads, `words.rs` what may be said of them.

mod portraits;
mod topics;
mod words;

use std::cell::Cell;

use egui::Ui;

use crate::adapter::Method;
use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{PageContext, PageId};
use crate::app::state::Surveyed;
use crate::app::theme::space;
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::{Fact, card, card_with_actions, facts};
use crate::app::widgets::chart_export::save_menu;
use crate::app::widgets::figures::{count, counted, file_name, percent};
use crate::app::widgets::notes::callout;
use crate::inspect::survey::share_statement;
use crate::worker::protocol::{JobKind, Request, SurveyScope};

use super::compared_grid::ComparedGrid;
use super::comparing::{Comparing, Present};
use super::digest::Choice;
use super::drill::LayerCard;
use super::grid::LayerGrid;
use super::grid_data::GridData;
use super::health::health_ui;
use super::source::{look_ui, no_router_ui};
use super::subject::LookedAt;
use super::through::Through;
use super::tokens::head_legend_ui;

use portraits::PortraitsCard;
use topics::TopicsCard;
use words::module_words;

/// Looks at surveys are numbered from here, apart from those at texts.
const FIRST_NUMBER: usize = 1 << 30;

/// The tab of many examples.
pub struct SurveyTab {
    scope: SurveyScope,
    choice: Choice,
    /// The number of the survey that `data` and `words` are of.
    shown: Option<usize>,
    data: GridData,
    words: String,
    looked_at: LookedAt,
    grid: LayerGrid,
    layer: LayerCard,
    topics: TopicsCard,
    portraits: PortraitsCard,
}

impl Default for SurveyTab {
    fn default() -> Self {
        Self {
            scope: SurveyScope::HeldOut,
            choice: Choice::default(),
            shown: None,
            data: GridData::default(),
            words: String::new(),
            looked_at: LookedAt::default(),
            grid: LayerGrid::default(),
            layer: LayerCard::default(),
            topics: TopicsCard::default(),
            portraits: PortraitsCard::default(),
        }
    }
}

impl SurveyTab {
    /// Draws the tab.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        cx: &PageContext<'_>,
        method: Method,
        (through, comparing): (&mut Through, &mut Comparing),
    ) {
        card(ui, "Examples to look at", |ui| self.source_ui(ui, cx, method, through));
        let Some(surveyed) = &cx.state.gates.surveyed else { return };
        self.update(cx, surveyed);
        self.looked_at.ui(ui, cx, cx.state.gates.survey_count, surveyed.at.as_deref());
        health_ui(ui, &surveyed.survey.health, cx.state.head_names());
        self.grid_card(ui, cx, surveyed, comparing);
        self.topics.card_ui(ui, cx, surveyed, self.choice);
        self.portraits.card_ui(ui, cx, &surveyed.survey);
    }

    fn source_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, method: Method, through: &mut Through) {
        if !method.has_router() {
            no_router_ui(ui, method);
            return;
        }
        let Some(data) = &cx.state.data else {
            ui.label("How many examples share the heads, and which topics each head attracts, is seen with data.");
            if buttons::secondary(ui, Icon::Data, "Choose data", true).clicked() {
                cx.send(SystemCommand::Show(PageId::Data));
            }
            return;
        };
        let held_out = format!("Held-out examples ({})", count(data.held_out_prompts.len()));
        let all = format!("All examples ({})", count(data.kept));
        let choices = [(SurveyScope::HeldOut, held_out.as_str()), (SurveyScope::All, all.as_str())];
        if data.held_out_prompts.is_empty() {
            self.scope = SurveyScope::All;
        }
        buttons::segmented(ui, &mut self.scope, &choices);
        let scope = self.scope;
        let is_ready = scope == SurveyScope::All || !data.held_out_prompts.is_empty();
        look_ui(ui, cx, (JobKind::Survey, is_ready), through, |at| Request::Survey { scope, at });
    }

    fn update(&mut self, cx: &PageContext<'_>, surveyed: &Surveyed) {
        let number = cx.state.gates.survey_count;
        if self.shown == Some(number) {
            return;
        }
        self.shown = Some(number);
        self.data = GridData::of_survey(&surveyed.survey);
        let is_known = |choice: &Choice| choice.layer.is_none_or(|layer| layer < self.data.layers);
        self.choice = Some(self.choice).filter(is_known).unwrap_or_default();
    }

    fn grid_card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, surveyed: &Surveyed, comparing: &mut Comparing) {
        let number = cx.state.gates.survey_count;
        let names = cx.state.head_names();
        self.words = if surveyed.survey.heads < 2 {
            "There is one head, so every token goes to it and there is nothing to route.".to_owned()
        } else {
            share_statement(&surveyed.survey, &|head| names.title(head))
        };
        let of = match surveyed.scope {
            SurveyScope::HeldOut => "held-out examples",
            SurveyScope::All => "all examples",
        };
        let through = surveyed.at.as_deref().map_or_else(String::new, |at| format!(", through {}", file_name(at)));
        let title = format!("Heads by layer: {of}{through}");
        let adapter = self.looked_at.adapter_words(surveyed.at.as_deref());
        let looked_at = format!("{} {of}, through {adapter}", count(surveyed.survey.examples));
        let Self { grid, layer, choice, data, words, .. } = self;
        let format = Cell::new(None);
        let picked = card_with_actions(
            ui,
            &title,
            |ui| format.set(save_menu(ui, "the grid", true)),
            |ui| {
                counts_ui(ui, surveyed);
                head_legend_ui(ui, names, &surveyed.survey.overall.mean, "Mean gate over all tokens of all modules");
                let compared = ComparedGrid {
                    present: Present { title: &looked_at, data, text: None, number: FIRST_NUMBER + number },
                    words,
                    revision: number as u64,
                    choice: *choice,
                    save: format.take(),
                };
                let picked = compared.ui(ui, cx, grid, comparing);
                layer.ui(ui, cx, (number as u64, data), choice);
                if let Some(module) = choice.module() {
                    module_words(&surveyed.survey, module, names).iter().for_each(|line| drop(ui.label(line)));
                }
                picked
            },
        );
        if let Some(spot) = picked {
            choice.toggle(spot.choice());
        }
    }
}

/// What the figures rest on.
fn counts_ui(ui: &mut Ui, surveyed: &Surveyed) {
    let survey = &surveyed.survey;
    let entropy = format!("{:.3}", survey.overall.entropy);
    let even = "Mean entropy of a token's gates, as a share of the largest possible: 1 is even, 0 is one head alone";
    let saturated = "Tokens whose largest gate is so near 1 that the router hardly learns from them";
    let shown = [
        Fact::new("Examples", count(survey.examples)),
        Fact::new("Tokens", count(survey.tokens)),
        Fact::new("Modules", count(survey.modules.len())),
        Fact::new("Entropy of the gates", entropy).explained(even),
        Fact::new("Saturated tokens", percent(survey.overall.saturated.into())).explained(saturated),
    ];
    facts(ui, &shown);
    if survey.skipped > 0 {
        let text = format!(
            "{} could not be read as the model reads them, and are left out.",
            counted(survey.skipped, "example")
        );
        callout(ui, Level::Warning, &text);
    }
    ui.add_space(space::XS);
}
