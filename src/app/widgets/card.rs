//! Cards, and the facts inside them.

use egui::{Label, Response, RichText, Ui};

use crate::app::theme::{self, Tokens, space};

/// A card as wide as the column, with a heading.
pub fn card<R>(ui: &mut Ui, title: &str, contents: impl FnOnce(&mut Ui) -> R) -> R {
    frame(ui, space::L, |ui| {
        heading(ui, title);
        ui.add_space(space::XS);
        contents(ui)
    })
}

/// A card with a heading, and controls at the heading's right end. `actions` adds them from right to left.
pub fn card_with_actions<R>(
    ui: &mut Ui,
    title: &str,
    actions: impl FnOnce(&mut Ui),
    contents: impl FnOnce(&mut Ui) -> R,
) -> R {
    // The heading's row is as high as a button; a smaller margin keeps the heading where it is in other cards.
    frame(ui, space::S, |ui| {
        egui::Sides::new().shrink_left().truncate().show(ui, |ui| heading(ui, title), actions);
        contents(ui)
    })
}

fn heading(ui: &mut Ui, title: &str) {
    let color = Tokens::of(ui).text_strong;
    ui.label(RichText::new(title).text_style(theme::text::card()).color(color));
}

fn frame<R>(ui: &mut Ui, margin_top: f32, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let mut frame = theme::card_frame(Tokens::of(ui));
    frame.inner_margin.top = margin_top as i8;
    let inner = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        contents(ui)
    });
    ui.add_space(space::S);
    inner.inner
}

/// A name above its value, as they stand side by side in [`facts`].
pub struct Fact {
    pub name: &'static str,
    pub value: String,
    /// Shown when the pointer rests on the value.
    pub explanation: Option<String>,
}

impl Fact {
    /// A fact that explains itself.
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), explanation: None }
    }

    /// Adds an explanation.
    pub fn explained(mut self, explanation: impl Into<String>) -> Self {
        self.explanation = Some(explanation.into());
        self
    }
}

/// Facts in columns of equal width, as many as fit.
pub fn facts(ui: &mut Ui, facts: &[Fact]) {
    const NARROWEST: f32 = 148.0;
    let columns = ((ui.available_width() / NARROWEST) as usize).clamp(1, facts.len().clamp(1, 6));
    let width = (ui.available_width() - (columns - 1) as f32 * space::L) / columns as f32;
    for (index, row) in facts.chunks(columns).enumerate() {
        if index > 0 {
            ui.add_space(space::XS);
        }
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            for fact in row {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    ui.spacing_mut().item_spacing.y = space::XXS;
                    fact_ui(ui, fact);
                });
            }
        });
    }
}

fn fact_ui(ui: &mut Ui, fact: &Fact) -> Response {
    let tokens = Tokens::of(ui);
    ui.label(RichText::new(fact.name).small().color(tokens.text_weak));
    let value = Label::new(RichText::new(&fact.value).color(tokens.text_strong)).truncate();
    let response = ui.add(value);
    match &fact.explanation {
        Some(explanation) => response.on_hover_text(explanation),
        None => response,
    }
}
