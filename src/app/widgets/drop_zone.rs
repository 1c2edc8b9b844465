//! A dashed field that says what can be dropped, and opens a dialog when it is pressed.

use egui::{Rect, Response, RichText, Sense, Shape, Stroke, Ui, UiBuilder, pos2, vec2};

use crate::app::icons::Icon;
use crate::app::theme::{Tokens, size, space};

const HEIGHT: f32 = 112.0;

/// Draws the field; `is_dropping` lights it up while something hovers over the window.
pub fn drop_zone(ui: &mut Ui, icon: Icon, text: &str, note: &str, is_dropping: bool) -> Response {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), text));
    let is_lit = is_dropping || response.hovered() || response.has_focus();
    let fill = if is_lit { tokens.accent_soft } else { tokens.well };
    let color = if is_lit { tokens.accent } else { tokens.border_strong };
    ui.painter().rect_filled(rect, size::RADIUS_CARD, fill);
    ui.painter().extend(Shape::dashed_line(&outline(rect.shrink(0.5)), Stroke::new(1.0, color), 5.0, 4.0));
    let middle = Rect::from_center_size(rect.center(), vec2(rect.width(), 76.0));
    // A child ui leaves the cursor behind the field that was allocated above.
    let inside = UiBuilder::new().max_rect(middle).layout(egui::Layout::top_down(egui::Align::Center));
    let ui = &mut ui.new_child(inside);
    ui.spacing_mut().item_spacing.y = space::XS;
    ui.add(icon.image(24.0).tint(if is_lit { tokens.accent_text } else { tokens.text_weak }));
    ui.label(RichText::new(text).color(tokens.text_strong));
    ui.label(RichText::new(note).small().color(tokens.text_weak));
    response
}

/// A closed line around `rect` with its corners rounded.
fn outline(rect: Rect) -> Vec<egui::Pos2> {
    const STEPS: usize = 6;
    let radius = f32::from(size::RADIUS_CARD);
    let inner = rect.shrink(radius);
    let corners = [inner.right_bottom(), inner.left_bottom(), inner.left_top(), inner.right_top()];
    let mut points: Vec<egui::Pos2> = Vec::with_capacity(4 * (STEPS + 1) + 1);
    for (quarter, center) in corners.into_iter().enumerate() {
        for step in 0..=STEPS {
            let angle = std::f32::consts::FRAC_PI_2 * (quarter as f32 + step as f32 / STEPS as f32);
            points.push(pos2(center.x + radius * angle.cos(), center.y + radius * angle.sin()));
        }
    }
    points.extend(points.first().copied());
    points
}
