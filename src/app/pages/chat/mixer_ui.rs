//! The head panel: what the sliders do, a slider, solo and mute for every head, and for which layers.

use egui::{Button, DragValue, RichText, Slider, SliderClamping, Ui};

use crate::adapter::AdapterSpec;
use crate::app::icons::Icon;
use crate::app::state::HeadNames;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::legend::{Swatch, swatch_label};
use crate::app::widgets::slider;

use super::mixer::{MixLayers, MixMode, Mixer};
use super::sampling::VALUE;
use super::tokens::head_title;

/// Farthest that a slider goes.
const MOST: f32 = 2.0;

/// Draws the panel for an adapter of this kind on a model of so many layers.
pub fn mixer_ui(ui: &mut Ui, mixer: &mut Mixer, (spec, names): (&AdapterSpec, &HeadNames), layers: usize) {
    let tokens = Tokens::of(ui);
    let has_router = spec.method.has_router();
    let choices: Vec<_> =
        MixMode::CHOICES.into_iter().filter(|(mode, _)| has_router || *mode != MixMode::Top).collect();
    buttons::segmented(ui, &mut mixer.mode, &choices);
    ui.label(RichText::new(mixer.mode.words()).small().color(tokens.text_weak));
    ui.add_space(space::XS);
    if mixer.mode == MixMode::Top {
        leading_ui(ui, mixer);
    }
    for head in 0..mixer.heads.len() {
        head_ui(ui, mixer, head, &head_title(names, head));
    }
    layers_ui(ui, mixer, layers);
    ui.add_space(space::XS);
    let is_touched = *mixer != Mixer::at_rest(mixer.heads.len());
    if buttons::secondary(ui, Icon::Restore, "Reset heads", is_touched).clicked() {
        *mixer = Mixer::at_rest(mixer.heads.len());
    }
}

fn leading_ui(ui: &mut Ui, mixer: &mut Mixer) {
    let most = mixer.heads.len().max(1);
    ui.horizontal(|ui| {
        let label = ui.label("Heads that each token keeps");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add(DragValue::new(&mut mixer.leading).range(1..=most).speed(0.5)).labelled_by(label.id);
        });
    });
}

fn head_ui(ui: &mut Ui, mixer: &mut Mixer, head: usize, title: &str) {
    let color = Tokens::of(ui).head(head);
    ui.horizontal(|ui| {
        swatch_label(ui, Swatch::Square, color, title);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().button_padding = egui::vec2(space::S, space::XXS);
            ui.spacing_mut().interact_size.y = space::XL;
            mute_ui(ui, mixer, head);
            let is_solo = mixer.solo == Some(head);
            let solo = ui.add(Button::selectable(is_solo, "Solo").frame_when_inactive(true));
            let hint = "Let this head answer alone, with the whole weight for every token";
            if solo.on_hover_text(hint).accessible_name(format!("Solo head {}", head + 1)).clicked() {
                mixer.solo = (!is_solo).then_some(head);
            }
        });
    });
    let (is_solo, mode) = (mixer.solo.is_some(), mixer.mode);
    let Some(slider) = mixer.heads.get_mut(head).filter(|_| mode != MixMode::Top) else { return };
    let (value, kind) = match mode {
        MixMode::Fix => (&mut slider.weight, "weight"),
        _ => (&mut slider.factor, "factor"),
    };
    let is_heard = !is_solo && !slider.is_muted;
    ui.add_enabled_ui(is_heard, |ui| {
        ui.spacing_mut().interact_size.y = space::XL;
        ui.spacing_mut().slider_width = (ui.available_width() - VALUE).max(80.0);
        let field = Slider::new(value, 0.0..=MOST).step_by(0.01).fixed_decimals(2).clamping(SliderClamping::Edits);
        slider::slider(ui, field).accessible_name(format!("Head {}, {kind}", head + 1));
    });
}

fn mute_ui(ui: &mut Ui, mixer: &mut Mixer, head: usize) {
    let can = mixer.mode != MixMode::Top && mixer.solo.is_none();
    let Some(slider) = mixer.heads.get_mut(head) else { return };
    let button = Button::selectable(slider.is_muted, "Mute").frame_when_inactive(true);
    let hint = if can { "Silence this head" } else { "Solo and leading heads decide who is heard" };
    let response = ui.add_enabled(can, button).on_hover_text(hint).on_disabled_hover_text(hint);
    if response.accessible_name(format!("Mute head {}", head + 1)).clicked() {
        slider.is_muted = !slider.is_muted;
    }
}

fn layers_ui(ui: &mut Ui, mixer: &mut Mixer, layers: usize) {
    if layers < 2 {
        return;
    }
    ui.add_space(space::XS);
    let mut are_some = matches!(mixer.layers, MixLayers::Some(_));
    ui.horizontal(|ui| {
        ui.label("Layers");
        if buttons::segmented(ui, &mut are_some, &[(false, "All"), (true, "Some")]) {
            mixer.layers = if are_some { MixLayers::Some(0..=layers - 1) } else { MixLayers::All };
        }
    });
    let MixLayers::Some(range) = &mut mixer.layers else { return };
    let (mut first, mut last) = (range.start() + 1, range.end() + 1);
    ui.horizontal(|ui| {
        let label = ui.label("From");
        ui.add(DragValue::new(&mut first).range(1..=last).speed(0.5)).labelled_by(label.id);
        let label = ui.label("to");
        ui.add(DragValue::new(&mut last).range(first..=layers).speed(0.5)).labelled_by(label.id);
        ui.weak(format!("of {layers}"));
    });
    *range = first.saturating_sub(1)..=last.saturating_sub(1).max(first.saturating_sub(1));
}
