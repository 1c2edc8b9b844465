//! Simple mode: one question, an answer of three, and what each of them comes to here.

use egui::{RichText, Sense, Ui};

use super::form::{Basis, Form};
use super::plan::{self, Pace};
use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::figures::{count, counted};

/// What an answer comes to.
pub struct Outlook {
    pub pace: Pace,
    /// Steps, and how often each example is seen.
    pub length: String,
    /// Time and memory on this machine.
    pub cost: Cost,
}

/// Time and memory of an answer, in words.
pub struct Cost {
    pub text: String,
    /// Whether there is less memory than that.
    pub is_too_large: bool,
}

/// Draws the question with its answers, and what follows from the one that is chosen.
pub fn simple_ui(ui: &mut Ui, form: &mut Form, basis: Basis<'_>, outlooks: &[Outlook]) {
    ui.label("How much effort should it take?");
    ui.add_space(space::XS);
    tiles_ui(ui, &mut form.pace, outlooks);
    ui.add_space(space::XS);
    let settings = form.settings(basis);
    let why = match plan::heads(basis.0) {
        Some(_) => "one for each topic in the data",
        None => "a good start for mixed data",
    };
    ui.weak(format!(
        "HydraLoRA with {} ({why}), rank {}, learning rate {:e}, context {} tokens. Advanced shows every setting.",
        counted(settings.heads, "head"),
        settings.rank,
        settings.lr,
        count(settings.context)
    ));
    let fitted = form.fit.as_ref().map(|fit| {
        let words = fit
            .fields
            .iter()
            .map(|field| format!("{} {}", field.text().name.to_lowercase(), field.value_in_brief(&settings)));
        words.collect::<Vec<_>>().join(", ")
    });
    if let Some(fitted) = fitted {
        ui.horizontal_wrapped(|ui| {
            ui.label(format!("Made to fit the memory: {fitted}."));
            if ui.button("Go back to what the effort asks for").clicked() {
                form.fit = None;
            }
        });
    }
}

/// The answers side by side, all as high as the one with most to say in the frame before.
fn tiles_ui(ui: &mut Ui, chosen: &mut Pace, outlooks: &[Outlook]) {
    let id = ui.scope_id().with("height of the tiles");
    let before: f32 = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let mut tallest: f32 = 0.0;
    ui.columns_const(|columns: &mut [Ui; 3]| {
        for (ui, outlook) in columns.iter_mut().zip(outlooks) {
            tallest = tallest.max(tile_ui(ui, chosen, outlook, before));
        }
    });
    if tallest != before {
        ui.data_mut(|data| data.insert_temp(id, tallest));
        ui.ctx().request_repaint();
    }
}

/// One answer as a tile, whose contents are at least `height` high; the whole tile can be clicked. Gives back how high its
/// texts are.
fn tile_ui(ui: &mut Ui, chosen: &mut Pace, outlook: &Outlook, height: f32) -> f32 {
    let tokens = Tokens::of(ui);
    let pace = outlook.pace;
    let is_chosen = *chosen == pace;
    let (fill, line) = if is_chosen { (tokens.accent_soft, tokens.accent_text) } else { (tokens.well, tokens.border) };
    let tile = egui::Frame::new()
        .fill(fill)
        .stroke(egui::Stroke::new(1.0, line))
        .corner_radius(size::RADIUS)
        .inner_margin(space::M)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.set_min_height(height);
            // Columns justify their text, which tears short lines apart.
            let texts = ui.vertical(|ui| {
                ui.radio_value(chosen, pace, RichText::new(pace.title()).strong());
                ui.label(RichText::new(&outlook.length).color(tokens.text));
                let cost = if outlook.cost.is_too_large { tokens.warn } else { tokens.text };
                ui.label(RichText::new(&outlook.cost.text).color(cost));
                ui.label(RichText::new(pace.purpose()).color(tokens.text_weak));
            });
            texts.response.rect.height()
        });
    if tile.response.interact(Sense::click()).clicked() {
        *chosen = pace;
    }
    tile.inner
}
