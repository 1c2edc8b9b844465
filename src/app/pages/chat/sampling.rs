//! How answers are drawn: the model's own recommendation until the user changes it.

use std::path::PathBuf;

use egui::{DragValue, Slider, SliderClamping, Ui};

use crate::app::icons::Icon;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::slider;
use crate::worker::protocol::{ModelSummary, Sampling};

/// Room for the number beside a slider.
pub const VALUE: f32 = 72.0;

/// The settings, and the model whose recommendation they began as.
#[derive(Debug, Default)]
pub struct SamplingForm {
    pub values: Sampling,
    model: Option<PathBuf>,
}

impl SamplingForm {
    /// Takes over what another model recommends.
    pub fn fit(&mut self, model: &ModelSummary) {
        if self.model.as_ref() != Some(&model.path) {
            self.values = model.sampling.clone();
            self.model = Some(model.path.clone());
        }
    }

    pub fn ui(&mut self, ui: &mut Ui, model: &ModelSummary) {
        let values = &mut self.values;
        let hint = "How freely tokens are drawn. 0 takes the most likely token every time; 0.7 is usual.";
        slider_ui(ui, "Temperature", hint, Slider::new(&mut values.temperature, 0.0..=2.0).step_by(0.05));
        let hint = "Draw among the most likely tokens that together have this share of probability. 0.9 is usual.";
        slider_ui(ui, "Top-p", hint, Slider::new(&mut values.top_p, 0.05..=1.0).step_by(0.01));
        let hint = "Makes tokens that were seen before less likely. 1 changes nothing; 1.1 is usual against loops.";
        slider_ui(ui, "Repetition penalty", hint, Slider::new(&mut values.repetition_penalty, 1.0..=2.0).step_by(0.01));
        number_row(ui, "Longest answer", "In tokens.", |ui| {
            let longest = model.max_context.max(1);
            ui.add(DragValue::new(&mut values.max_tokens).range(1..=longest).speed(4.0).suffix(" tokens"))
        });
        number_row(ui, "Seed", "The same seed gives the same answer again.", |ui| {
            ui.add(DragValue::new(&mut values.seed).speed(1.0))
        });
        let is_changed = *values != model.sampling;
        ui.add_space(space::XS);
        if buttons::secondary(ui, Icon::Restore, "As the model recommends", is_changed).clicked() {
            *values = model.sampling.clone();
        }
    }
}

fn slider_ui(ui: &mut Ui, name: &str, hint: &str, slider: Slider<'_>) {
    let tokens = Tokens::of(ui);
    let label = ui.label(egui::RichText::new(name).small().color(tokens.text_weak)).on_hover_text(hint);
    ui.spacing_mut().slider_width = (ui.available_width() - VALUE).max(80.0);
    // The model's own values stand as they are, on the slider's steps or not.
    let slider = slider.clamping(SliderClamping::Edits).fixed_decimals(2);
    slider::slider(ui, slider).on_hover_text(hint).labelled_by(label.id);
}

fn number_row(ui: &mut Ui, name: &str, hint: &str, field: impl FnOnce(&mut Ui) -> egui::Response) {
    ui.horizontal(|ui| {
        let label = ui.label(name).on_hover_text(hint);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            field(ui).on_hover_text(hint).labelled_by(label.id);
        });
    });
}
