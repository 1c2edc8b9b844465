//! The page that shows where tokens go: a text is sent through the adapter, and its gates come back as a grid of layers
//! and heads, as the text tinted by head, and in words. `digest.rs` sums a report, `words.rs` tells it, `view.rs` keeps
//! what is drawn.

mod digest;
mod table;
mod view;
mod words;

use std::path::PathBuf;

use egui::{ComboBox, DragValue, TextEdit, Ui};

use crate::adapter::{Method, Module, Target};
use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::{Page, PageContext, PageId};
use crate::app::theme::{self, Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::{card, card_with_actions};
use crate::app::widgets::figures::{count, counted, in_one_line, percent};
use crate::app::widgets::heat_grid::{Cell, HeatLabels, heat_scale_ui};
use crate::app::widgets::legend::{Swatch, legend_row, swatch_label};
use crate::app::widgets::notes::{JobAction, callout, empty_state, job_progress, long_text};
use crate::worker::protocol::{InspectSource, JobKind, Request, RoutingReport};

use digest::Choice;
use table::table_ui;
use view::{RoutingView, TintedTokens};
use words::head_name;

/// Room for the layers of a large model side by side.
const WIDTH: f32 = 1200.0;

/// Tallest the text grows before it scrolls by itself.
const TEXT_HEIGHT: f32 = 280.0;

/// Longest that a text becomes in a heading, in letters.
const TITLE_LETTERS: usize = 72;

/// Which text is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SourceKind {
    #[default]
    Prompt,
    HeldOut,
}

/// The Routing page.
#[derive(Default)]
pub struct RoutingPage {
    source: SourceKind,
    prompt: String,
    /// The held-out example, counted from 0.
    example: usize,
    choice: Choice,
    is_table: bool,
    view: RoutingView,
    /// Whose routing the report shows, by its number.
    looked_at: Option<(usize, Subject)>,
}

/// An adapter, as far as this page can tell two apart: the runs seen, and the folder it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    runs: usize,
    adapter: Option<PathBuf>,
}

impl Subject {
    fn of(cx: &PageContext<'_>) -> Self {
        Self { runs: cx.state.run_count, adapter: cx.state.adapter.as_ref().and_then(|adapter| adapter.path.clone()) }
    }
}

impl Page for RoutingPage {
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let Some(method) = adapter_method(cx) else {
            nothing_to_route_ui(ui, cx);
            return;
        };
        card(ui, "Text to look at", |ui| self.source_ui(ui, cx, method));
        if let Some(report) = &cx.state.routing {
            self.stale_ui(ui, cx);
            if self.view.update(cx.state.routing_count, report, &mut self.choice) {
                self.grid_card(ui, report);
                self.tokens_card(ui, report);
            } else {
                ui.weak("Summing up the gates…");
                ui.ctx().request_repaint();
            }
        }
        if buttons::link(ui, "Try the heads in Chat").clicked() {
            cx.send(SystemCommand::Show(PageId::Chat));
        }
    }

    fn width(&self) -> f32 {
        WIDTH
    }
}

/// The method of the adapter in training, or of the one that is loaded.
fn adapter_method(cx: &PageContext<'_>) -> Option<Method> {
    let training = cx.state.active_run().map(|run| run.summary.settings.method);
    training.or_else(|| cx.state.adapter.as_ref().map(|adapter| adapter.spec.method))
}

fn nothing_to_route_ui(ui: &mut Ui, cx: &PageContext<'_>) {
    let state = cx.state;
    let (text, icon, action, page) = if state.model.is_none() {
        (
            "Routing is seen with a model and an adapter. Begin with a model.",
            Icon::Model,
            "Choose a model",
            PageId::Model,
        )
    } else if state.data.is_none() {
        (
            "Train an adapter and its router is seen here, even while it trains. It needs examples first.",
            Icon::Data,
            "Choose data",
            PageId::Data,
        )
    } else {
        (
            "Train an adapter and its router is seen here, even while it trains.",
            Icon::Train,
            "Go to Train",
            PageId::Train,
        )
    };
    if empty_state(ui, Icon::Routing, "No adapter to look into yet", text, Some((icon, action))) {
        cx.send(SystemCommand::Show(page));
    }
    if state.model.is_some() {
        ui.vertical_centered(|ui| {
            if buttons::link(ui, "Open a trained adapter").clicked() {
                cx.send(SystemCommand::Ui(UICommand::OpenAdapter));
            }
        });
    }
}

impl RoutingPage {
    fn source_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, method: Method) {
        if !method.has_router() {
            let text = format!(
                "{} has no router: its gates are fixed, so there is nothing to see here. HydraLoRA and LoRA-MoE have one.",
                method.title()
            );
            callout(ui, Level::Info, &text);
            return;
        }
        let prompts = cx.state.data.as_ref().map_or(&[][..], |data| &data.held_out_prompts);
        if prompts.is_empty() {
            self.source = SourceKind::Prompt;
        } else {
            let choices = [(SourceKind::Prompt, "A prompt"), (SourceKind::HeldOut, "A held-out example")];
            buttons::segmented(ui, &mut self.source, &choices);
        }
        match self.source {
            SourceKind::Prompt => self.prompt_ui(ui),
            SourceKind::HeldOut => self.example_ui(ui, prompts),
        }
        if let Some(message) = cx.state.failure(JobKind::Inspect) {
            callout(ui, Level::Error, message);
        }
        if let Some(job) = cx.state.job(JobKind::Inspect) {
            if job_progress(ui, job) == JobAction::Cancel {
                cx.request(Request::Cancel { job: JobKind::Inspect });
            }
            return;
        }
        let is_ready = self.source == SourceKind::HeldOut || !self.prompt.trim().is_empty();
        if buttons::primary(ui, Icon::Search, "Look", is_ready).clicked() {
            let source = match self.source {
                SourceKind::Prompt => InspectSource::Prompt(self.prompt.trim().to_owned()),
                SourceKind::HeldOut => InspectSource::HeldOut(self.example),
            };
            cx.request(Request::Inspect { source, at: None });
        }
    }

    /// Owns up where the report is not of the adapter that is there now.
    fn stale_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let subject = Subject::of(cx);
        match &self.looked_at {
            Some((number, of)) if *number == cx.state.routing_count => {
                if *of != subject {
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

    fn prompt_ui(&mut self, ui: &mut Ui) {
        let field = TextEdit::multiline(&mut self.prompt)
            .hint_text("Type a question. It is put into the model's chat template, then sent through the adapter.")
            .desired_width(f32::INFINITY)
            .desired_rows(2);
        ui.add(field).accessible_name("Prompt");
    }

    fn example_ui(&mut self, ui: &mut Ui, prompts: &[String]) {
        self.example = self.example.min(prompts.len() - 1);
        ui.horizontal(|ui| {
            if ui
                .add_enabled_ui(self.example > 0, |ui| Icon::ChevronLeft.small_button(ui, "Previous example"))
                .inner
                .clicked()
            {
                self.example -= 1;
            }
            let mut number = self.example + 1;
            let label = ui.label("Example");
            let field = DragValue::new(&mut number).range(1..=prompts.len()).speed(0.1);
            if ui.add(field).labelled_by(label.id).changed() {
                self.example = number - 1;
            }
            ui.label(format!("of {}", count(prompts.len())));
            let has_next = self.example + 1 < prompts.len();
            if ui.add_enabled_ui(has_next, |ui| Icon::ChevronRight.small_button(ui, "Next example")).inner.clicked() {
                self.example += 1;
            }
        });
        let text = prompts.get(self.example).map_or("", String::as_str);
        theme::well_frame(Tokens::of(ui)).show(ui, |ui| {
            ui.set_width(ui.available_width());
            egui::ScrollArea::vertical().id_salt("example").max_height(120.0).show(ui, |ui| long_text(ui, text));
        });
    }

    fn grid_card(&mut self, ui: &mut Ui, report: &RoutingReport) {
        let title = format!("Heads by layer: {}", in_one_line(&report.title, TITLE_LETTERS));
        card(ui, &title, |ui| {
            kind_ui(ui, &mut self.choice, &self.view.digest.kinds);
            ui.add_space(space::S);
            let clicked = self.grid_ui(ui);
            if let Some(layer) = clicked {
                self.choice.layer = if self.choice.layer == Some(layer) { None } else { Some(layer) };
            }
            let even = self.view.digest.even_share();
            ui.horizontal(|ui| {
                heat_scale_ui(ui, self.view.table.span, (even, &format!("even {even:.2}")));
                ui.add_space(space::L);
                let mut is_stretched = self.view.is_stretched();
                let hint = "Spans the colours from the lowest to the highest gate: shows slight differences, and makes \
                            them look large.";
                if ui.checkbox(&mut is_stretched, "Stretch colours").on_hover_text(hint).changed() {
                    self.view.stretch(is_stretched);
                }
                ui.checkbox(&mut self.is_table, "Show as table");
            });
            if self.is_table {
                table_ui(ui, &self.view.table);
            }
            ui.add_space(space::XS);
            ui.label(&self.view.grid_words);
            if self.view.digest.misfits > 0 {
                let text =
                    format!("{} could not be read and are left out.", counted(self.view.digest.misfits, "module"));
                callout(ui, Level::Warning, &text);
            }
        });
    }

    fn grid_ui(&mut self, ui: &mut Ui) -> Option<usize> {
        let RoutingView { grid, table, digest, revision, grid_words, .. } = &mut self.view;
        let tokens = Tokens::of(ui);
        let (kind, even) = (self.choice.kind, digest.even_share());
        let row = |head| (head_name(head), tokens.head(head));
        let cell = |cell: Cell| {
            let gate = table.value(cell.row, cell.column);
            let gate = gate.map_or("no such module".to_owned(), |gate| format!("mean gate {gate:.3}"));
            let place = kind.map_or_else(
                || format!("all modules of layer {}", cell.column + 1),
                |target| Module { layer: cell.column, target }.to_string(),
            );
            format!("{}, layer {}: {gate}\n{place}\nAn even share is {even:.3}", head_name(cell.row), cell.column + 1)
        };
        let columns = "Layer; click one to see its tokens below";
        let summary = format!("Mean gates by layer and head. {grid_words}");
        let labels = HeatLabels { row: &row, cell: &cell, columns, summary: &summary };
        grid.ui(ui, (*revision, table), &labels, self.choice.layer)
    }

    fn tokens_card(&mut self, ui: &mut Ui, report: &RoutingReport) {
        let layers = self.view.digest.layers;
        let choice = &mut self.choice;
        card_with_actions(
            ui,
            "Tokens by head",
            |ui| layer_ui(ui, choice, layers),
            |ui| {
                let tokens = Tokens::of(ui);
                legend_row(ui, |ui| {
                    for (head, load) in self.view.load.iter().enumerate() {
                        let text = format!("{} {}", head_name(head), percent((*load).into()));
                        swatch_label(ui, Swatch::Square, tokens.head(head), &text)
                            .on_hover_text("Mean gate over the tokens of this text and the modules chosen");
                    }
                });
                ui.add_space(space::XS);
                let RoutingView { strip, gates, report: number, .. } = &mut self.view;
                let tinted = TintedTokens { report, gates, tokens };
                strip.ui(ui, *number as u64, &tinted, TEXT_HEIGHT);
                ui.add_space(space::XS);
                ui.label(&self.view.token_words);
                ui.weak("Colour: the leading head. Strength: its gate. Underlined: supervised tokens, which the loss counts.");
            },
        );
    }
}

fn kind_ui(ui: &mut Ui, choice: &mut Choice, kinds: &[Target]) {
    let mut choices: Vec<(Option<Target>, &str)> = vec![(None, "Mean of all")];
    choices.extend(kinds.iter().map(|kind| (Some(*kind), short_name(*kind))));
    buttons::segmented(ui, &mut choice.kind, &choices);
}

fn short_name(kind: Target) -> &'static str {
    kind.name().strip_suffix("_proj").unwrap_or(kind.name())
}

fn layer_ui(ui: &mut Ui, choice: &mut Choice, layers: usize) {
    let name = |layer: Option<usize>| layer.map_or("Mean of all layers".to_owned(), |l| format!("Layer {}", l + 1));
    let combo = ComboBox::from_id_salt("layer").selected_text(name(choice.layer));
    let response = combo.show_ui(ui, |ui| {
        for layer in std::iter::once(None).chain((0..layers).map(Some)) {
            ui.selectable_value(&mut choice.layer, layer, name(layer));
        }
    });
    response.response.accessible_name("Layer of the tokens");
}
