//! One row of the table, and the headings above, which order by their column.

use egui::{
    Align2, Color32, Rect, Response, RichText, Sense, Stroke, TextStyle, TextWrapMode, Ui, WidgetInfo, WidgetText,
    pos2, vec2,
};

use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::figures::count;
use crate::worker::protocol::{RowOrder, RowQuery, RowView};

/// Widths from the right: line, length, topic.
const LINE: f32 = 80.0;
const LENGTH: f32 = 64.0;
const TOPIC: f32 = 112.0;
/// Of the mark of a held-out example.
const MARK: f32 = 14.0;

/// Where the columns of a row stand.
struct Columns {
    mark: Rect,
    question: Rect,
    answer: Rect,
    topic: Rect,
    length: Rect,
    line: Rect,
}

impl Columns {
    fn of(rect: Rect) -> Self {
        let text = (rect.width() - MARK - TOPIC - LENGTH - LINE).max(0.0);
        let mut x = rect.left();
        let mut next = |width: f32| {
            let column = Rect::from_min_max(pos2(x, rect.top()), pos2(x + width - space::S, rect.bottom()));
            x += width;
            column
        };
        Self {
            mark: next(MARK),
            question: next(0.52 * text),
            answer: next(0.48 * text),
            topic: next(TOPIC),
            length: next(LENGTH),
            line: next(LINE),
        }
    }
}

/// Draws the headings.
pub(super) fn headings_ui(ui: &mut Ui, query: &mut RowQuery) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::ROW), Sense::hover());
    let columns = Columns::of(rect.with_max_x(rect.right() - 12.0));
    for (column, name, order, is_right) in [
        (columns.question, "Question", Some(RowOrder::Question), false),
        (columns.answer, "Answer", None, false),
        (columns.topic, "Topic", Some(RowOrder::Topic), false),
        (columns.length, "Bytes", Some(RowOrder::Length), true),
        (columns.line, "Line", Some(RowOrder::File), true),
    ] {
        heading_ui(ui, query, column, name, order, is_right);
    }
}

fn heading_ui(ui: &mut Ui, query: &mut RowQuery, rect: Rect, name: &str, order: Option<RowOrder>, is_right: bool) {
    let tokens = Tokens::of(ui);
    let is_order = order == Some(query.order);
    let color = if is_order { tokens.text_strong } else { tokens.text_weak };
    let anchor = if is_right { Align2::RIGHT_CENTER } else { Align2::LEFT_CENTER };
    let place = if is_right { rect.right_center() } else { rect.left_center() };
    let text = ui.painter().text(place, anchor, name, TextStyle::Small.resolve(ui.style()), color);
    let Some(order) = order else { return };
    if is_order {
        let x = if is_right { text.left() - 9.0 } else { text.right() + 9.0 };
        let up = if query.descending { 1.0 } else { -1.0 };
        let point = |dx: f32, dy: f32| pos2(x + dx, rect.center().y + dy * up);
        ui.painter()
            .line(vec![point(-3.0, -1.5), point(0.0, 1.5), point(3.0, -1.5)], Stroke::new(1.5, tokens.text_strong));
    }
    let response = ui.interact(rect, ui.scope_id().with(("heading", name)), Sense::click());
    let label = format!("Order by {}", name.to_lowercase());
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, ui.is_enabled(), is_order, &label));
    if response.has_focus() {
        ui.painter().rect_stroke(rect, size::RADIUS_SMALL, ui.visuals().selection.stroke, egui::StrokeKind::Outside);
    }
    if response.on_hover_text(label).clicked() {
        query.descending = is_order && !query.descending;
        query.order = order;
    }
}

/// Draws a row, or its place while it is not there yet.
pub(super) fn row_ui(ui: &mut Ui, row: Option<&RowView>, place: usize, is_chosen: bool) -> Response {
    let tokens = Tokens::of(ui);
    let rect = ui.max_rect();
    let response = ui.interact(rect, ui.scope_id().with("row"), Sense::click());
    let Some(row) = row else {
        ui.painter().text(
            rect.left_center() + vec2(MARK, 0.0),
            Align2::LEFT_CENTER,
            "…",
            TextStyle::Body.resolve(ui.style()),
            tokens.text_weak,
        );
        return response;
    };
    let label = format!("Row {}: {}", place + 1, row.question);
    response.widget_info(|| WidgetInfo::selected(egui::Role::ListItem, ui.is_enabled(), is_chosen, &label));
    if is_chosen {
        ui.painter().rect_filled(rect, size::RADIUS_SMALL, tokens.accent_soft);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, size::RADIUS_SMALL, tokens.control_hover);
    } else if place % 2 == 1 {
        ui.painter().rect_filled(rect, size::RADIUS_SMALL, tokens.well);
    }
    let columns = Columns::of(rect);
    if row.held_out {
        ui.painter().circle_filled(columns.mark.left_center() + vec2(6.0, 0.0), 3.0, tokens.chart_held_out);
    }
    cell(ui, columns.question, &row.question, tokens.text_strong, false);
    cell(ui, columns.answer, &row.answer, tokens.text, false);
    cell(ui, columns.topic, row.topic.as_deref().unwrap_or_default(), tokens.text_weak, false);
    cell(ui, columns.length, &count(row.bytes), tokens.text_weak, true);
    cell(ui, columns.line, &count(row.line), tokens.text_weak, true);
    response
}

fn cell(ui: &Ui, rect: Rect, text: &str, color: Color32, is_right: bool) {
    let text = WidgetText::from(RichText::new(text).color(color));
    let galley = text.into_galley(ui, Some(TextWrapMode::Truncate), rect.width(), TextStyle::Body);
    let x = if is_right { rect.right() - galley.size().x } else { rect.left() };
    ui.painter().galley(pos2(x, rect.center().y - galley.size().y / 2.0), galley, color);
}
