//! Examples as the model will read them, a few at a time, with the tokens tinted whose prediction counts in the loss.

use egui::text::{LayoutJob, TextFormat};
use egui::{Label, RichText, TextStyle, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{self, Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::figures::{count, counted};
use crate::app::widgets::legend::{Swatch, swatch_label};
use crate::app::widgets::notes;
use crate::data::Role;
use crate::worker::protocol::{DataSummary, ExampleView, JobKind, Request};

/// Examples on one page of the list.
const PAGE: usize = 4;

/// Which examples are shown.
#[derive(Default)]
pub struct Reading {
    /// Index of the first one.
    start: usize,
    /// The context that was last asked with.
    context: usize,
}

impl Reading {
    /// Draws the examples, and asks for those that are missing.
    pub fn card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary) {
        if data.kept == 0 {
            return;
        }
        self.start = self.start.min((data.kept - 1) / PAGE * PAGE);
        let shown = cx.state.preview.as_ref().filter(|preview| preview.start == self.start);
        let is_asked = cx.state.job(JobKind::PreviewData).is_some();
        let failure = cx.state.failure(JobKind::PreviewData);
        let is_old = shown.is_none() || self.context != cx.context;
        if is_old && !is_asked && failure.is_none() {
            self.ask(cx);
        }
        let mut start = self.start;
        let paging = |ui: &mut Ui| paging_ui(ui, &mut start, data.kept);
        card_with_actions(ui, "As the model reads it", paging, |ui| {
            explanation_ui(ui, cx);
            if let Some(message) = failure {
                notes::callout(ui, Level::Error, message);
                if ui.button("Try again").clicked() {
                    self.ask(cx);
                }
            }
            // The examples of the last page stay in sight until the new ones are there.
            for example in cx.state.preview.iter().flat_map(|preview| &preview.examples) {
                example_ui(ui, example, self.context);
            }
            if cx.state.preview.is_none() && is_asked {
                ui.label(RichText::new("Rendering…").color(Tokens::of(ui).text_weak));
            }
        });
        self.start = start;
    }

    fn ask(&mut self, cx: &PageContext<'_>) {
        self.context = cx.context;
        cx.request(Request::PreviewData { start: self.start, count: PAGE, context: cx.context });
    }
}

/// From right to left: next, place, previous.
fn paging_ui(ui: &mut Ui, start: &mut usize, kept: usize) {
    ui.add_enabled_ui(*start + PAGE < kept, |ui| {
        if Icon::ChevronRight.small_button(ui, "Next examples").clicked() {
            *start += PAGE;
        }
    });
    ui.add_enabled_ui(*start > 0, |ui| {
        if Icon::ChevronLeft.small_button(ui, "Previous examples").clicked() {
            *start = start.saturating_sub(PAGE);
        }
    });
    let last = (*start + PAGE).min(kept);
    let place = format!("{} to {} of {}", count(*start + 1), count(last), count(kept));
    ui.label(RichText::new(place).small().color(Tokens::of(ui).text_weak));
}

fn explanation_ui(ui: &mut Ui, cx: &PageContext<'_>) {
    let tokens = Tokens::of(ui);
    if cx.state.model.is_none() {
        let text = "Load a model to see its own tokens and chat template. Until then these are the plain messages.";
        ui.label(RichText::new(text).color(tokens.text_weak));
    } else {
        ui.horizontal(|ui| {
            swatch_label(ui, Swatch::Square, tokens.supervised, "Counts in the loss: what the adapter learns to say");
        });
    }
}

fn example_ui(ui: &mut Ui, example: &ExampleView, context: usize) {
    let tokens = Tokens::of(ui);
    ui.add_space(space::XS);
    theme::callout_frame(tokens.well).stroke(egui::Stroke::new(1.0, tokens.border)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.label(RichText::new(&example.source).small().color(tokens.text_weak));
            if let Some(topic) = &example.topic {
                super::badge(ui, topic);
            }
            if !example.tokens.is_empty() {
                let supervised = example.tokens.iter().filter(|token| token.supervised).count();
                let text = format!("{}, {} count", counted(example.tokens.len(), "token"), count(supervised));
                ui.label(RichText::new(text).small().color(tokens.text_weak));
            }
        });
        if let Some(problem) = &example.problem {
            notes::callout(ui, Level::Warning, problem);
        }
        if example.tokens.is_empty() {
            messages_ui(ui, example);
        } else {
            ui.add(Label::new(tokens_job(ui, example)).wrap().selectable(true));
        }
        if example.cut > 0 {
            let text = format!("{} beyond the context of {} were cut.", counted(example.cut, "token"), count(context));
            ui.label(RichText::new(text).small().color(tokens.warn));
        }
    });
}

fn messages_ui(ui: &mut Ui, example: &ExampleView) {
    let tokens = Tokens::of(ui);
    for message in &example.messages {
        let (name, color) = match message.role {
            Role::System => ("System", tokens.text_weak),
            Role::User => ("Question", tokens.text_weak),
            Role::Assistant => ("Answer", tokens.accent_text),
            Role::Tool => ("Tool", tokens.text_weak),
        };
        ui.label(RichText::new(name).small().color(color));
        notes::long_text(ui, &message.content);
    }
}

/// The tokens as one text, the supervised ones tinted.
fn tokens_job(ui: &Ui, example: &ExampleView) -> LayoutJob {
    let tokens = Tokens::of(ui);
    let font_id = TextStyle::Monospace.resolve(ui.style());
    let mut job = LayoutJob::default();
    for token in &example.tokens {
        let background = if token.supervised { tokens.supervised } else { egui::Color32::TRANSPARENT };
        let color = if token.supervised { tokens.text_strong } else { tokens.text_weak };
        job.append(
            &token.text,
            0.0,
            TextFormat { font_id: font_id.clone(), line_height: Some(20.0), color, background, ..Default::default() },
        );
    }
    job
}
