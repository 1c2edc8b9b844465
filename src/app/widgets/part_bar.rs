//! What a whole is made of: a bar in parts against a limit, and a legend with figures.

use egui::{Color32, CornerRadius, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::figures::bytes;
use crate::app::widgets::legend::{Swatch, legend_row, swatch_label};

const HEIGHT: f32 = 20.0;

/// How far the line at the limit stands out of the bar.
const OVERHANG: f32 = 4.0;

/// A part of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: &'static str,
    pub bytes: u64,
}

/// Draws the parts side by side, with a line where `limit` is: the bar is as wide as the larger of the two. `summary` is
/// the whole in words, for those who do not see it.
pub fn part_bar(ui: &mut Ui, parts: &[Part], limit: u64, summary: &str) -> Response {
    let tokens = Tokens::of(ui);
    let height = HEIGHT + 2.0 * OVERHANG;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let bar = rect.shrink2(vec2(0.0, OVERHANG));
    let total: u64 = parts.iter().map(|part| part.bytes).sum();
    let scale = bar.width() / total.max(limit).max(1) as f32;
    let painter = ui.painter();
    painter.rect_filled(bar, size::RADIUS_SMALL, tokens.control_active);
    let mut left = bar.left();
    for (index, part) in parts.iter().enumerate() {
        let right = left + part.bytes as f32 * scale;
        // A gap tells neighbours apart where colours do not, and what is thinner than it is left to the legend.
        let shown = Rect::from_x_y_ranges(left..=(right - 1.0).max(left), bar.y_range());
        painter.rect_filled(shown, corners(index == 0), part_color(tokens, index));
        left = right;
    }
    if limit > 0 && limit < total {
        let x = bar.left() + limit as f32 * scale;
        painter.line_segment([pos2(x, rect.top()), pos2(x, rect.bottom())], Stroke::new(2.0, tokens.error));
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, summary));
    response.on_hover_text(summary)
}

/// The names of the parts in their colours, each with its figure.
pub fn part_legend(ui: &mut Ui, parts: &[Part]) {
    let tokens = Tokens::of(ui);
    legend_row(ui, |ui| {
        ui.spacing_mut().item_spacing.x = space::L;
        for (index, part) in parts.iter().enumerate() {
            let text = format!("{} {}", part.name, bytes(part.bytes));
            swatch_label(ui, Swatch::Square, part_color(tokens, index), &text);
        }
    });
}

/// The parts and their sizes in one sentence.
pub fn parts_in_words(parts: &[Part]) -> String {
    parts.iter().map(|part| format!("{} {}", part.name, bytes(part.bytes))).collect::<Vec<_>>().join(", ")
}

fn part_color(tokens: &Tokens, index: usize) -> Color32 {
    let [first, ..] = tokens.parts;
    tokens.parts.get(index % tokens.parts.len()).copied().unwrap_or(first)
}

fn corners(is_first: bool) -> CornerRadius {
    let radius = if is_first { size::RADIUS_SMALL } else { 0 };
    CornerRadius { nw: radius, sw: radius, ..CornerRadius::ZERO }
}
