//! An example as the model will read it, with the tokens tinted whose prediction counts in the loss.

use egui::text::{LayoutJob, TextFormat};
use egui::{Label, RichText, TextStyle, Ui};

use crate::app::pages::PageContext;
use crate::app::theme::{self, Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::figures::{count, counted};
use crate::app::widgets::legend::{Swatch, swatch_label};
use crate::app::widgets::notes;
use crate::data::Role;
use crate::worker::protocol::ExampleView;

/// What is tinted, and why.
pub(super) fn explanation_ui(ui: &mut Ui, cx: &PageContext<'_>) {
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

/// Draws an example; `context` is where it is cut.
pub(super) fn example_ui(ui: &mut Ui, example: &ExampleView, context: usize) {
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
