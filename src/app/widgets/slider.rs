//! Sliders as every page has them.

use egui::{Response, Slider, Ui};

use crate::app::theme::Tokens;

/// Adds a slider whose rail shows on a card of either theme, where plain controls are as white as the light card.
pub fn slider(ui: &mut Ui, slider: Slider<'_>) -> Response {
    let rail = Tokens::of(ui).control_active;
    let added = ui.scope(|ui| {
        ui.visuals_mut().widgets.inactive.bg_fill = rail;
        ui.add(slider)
    });
    added.inner
}
