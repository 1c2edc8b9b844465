//! Buttons by their weight: one that goes on, those that stand beside it, and links that lead to another page.

use egui::{Button, Color32, Response, RichText, Stroke, Ui};

use crate::app::icons::Icon;
use crate::app::theme::{Tokens, size, space};

/// The one button of a page that goes on, filled with the accent.
pub fn primary(ui: &mut Ui, icon: Icon, text: &str, is_enabled: bool) -> Response {
    ui.scope(|ui| {
        let tokens = Tokens::of(ui);
        paint_filled(ui, tokens.accent, tokens.accent_hover, tokens.on_accent);
        ui.add_enabled(is_enabled, icon.button(text))
    })
    .inner
}

/// A button that stands beside the primary one.
pub fn secondary(ui: &mut Ui, icon: Icon, text: &str, is_enabled: bool) -> Response {
    ui.add_enabled(is_enabled, icon.button(text))
}

/// A frameless button in the accent's colour, which leads to another place.
pub fn link(ui: &mut Ui, text: &str) -> Response {
    let tokens = Tokens::of(ui);
    let arrow = Icon::ArrowRight.image(size::ICON);
    let text = RichText::new(text).color(tokens.accent_text);
    ui.scope(|ui| {
        for widget in widget_states(ui) {
            widget.fg_stroke.color = tokens.accent_text;
        }
        ui.add(Button::new((text, arrow)).image_tint_follows_text_color(true).frame_when_inactive(false))
    })
    .inner
}

/// A row of alternatives of which one is chosen, side by side in one frame. Gives back whether the choice changed.
pub fn segmented<T: Copy + PartialEq>(ui: &mut Ui, chosen: &mut T, choices: &[(T, &str)]) -> bool {
    let before = *chosen;
    let tokens = Tokens::of(ui);
    egui::Frame::new()
        .fill(tokens.well)
        .stroke(Stroke::new(1.0, tokens.border))
        .corner_radius(size::RADIUS_LARGE)
        .inner_margin(space::XXS)
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = space::XXS;
                ui.spacing_mut().interact_size.y = size::CONTROL - space::XS;
                // In a row that runs from right to left the last choice is set first.
                let mut choices: Vec<&(T, &str)> = choices.iter().collect();
                if ui.layout().prefer_right_to_left() {
                    choices.reverse();
                }
                for (value, name) in choices {
                    let is_chosen = *chosen == *value;
                    let button = Button::selectable(is_chosen, *name).frame_when_inactive(is_chosen);
                    if ui.add(button).clicked() {
                        *chosen = *value;
                    }
                }
            });
        });
    before != *chosen
}

/// Draws the mark of a choice that opens, for `ComboBox::icon`.
pub fn chevron(ui: &Ui, rect: egui::Rect, visuals: &egui::style::WidgetVisuals, is_open: bool) {
    let up = if is_open { -1.0 } else { 1.0 };
    let point = |x: f32, y: f32| rect.center() + egui::vec2(x, y * up);
    let points = vec![point(-4.0, -2.0), point(0.0, 2.0), point(4.0, -2.0)];
    ui.painter().line(points, Stroke::new(1.5, visuals.fg_stroke.color));
}

fn paint_filled(ui: &mut Ui, rest: Color32, hover: Color32, text: Color32) {
    for widget in widget_states(ui) {
        widget.weak_bg_fill = hover;
        widget.bg_stroke = Stroke::NONE;
        widget.fg_stroke.color = text;
    }
    ui.visuals_mut().widgets.inactive.weak_bg_fill = rest;
    ui.visuals_mut().widgets.noninteractive.weak_bg_fill = rest;
}

fn widget_states(ui: &mut Ui) -> [&mut egui::style::WidgetVisuals; 4] {
    let widgets = &mut ui.visuals_mut().widgets;
    [&mut widgets.noninteractive, &mut widgets.inactive, &mut widgets.hovered, &mut widgets.active]
}
