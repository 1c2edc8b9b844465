//! Names beside their colours: chart lines, and the heads of an adapter with their load.

use egui::{Color32, Painter, Rect, Response, Role, Sense, Stroke, TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2};

use crate::app::theme::{Tokens, space};

const SWATCH_WIDTH: f32 = 12.0;

/// The shape that carries a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swatch {
    Line,
    Dot,
    Square,
    Triangle,
}

impl Swatch {
    /// The shape in which the colours of the theme stand in their first, second and third round.
    pub fn of_round(round: usize) -> Self {
        match round % 3 {
            0 => Self::Dot,
            1 => Self::Square,
            _ => Self::Triangle,
        }
    }
}

/// How often the colours of heads have begun anew before this one: what shares a colour is told apart by its shape.
pub fn color_round(tokens: &Tokens, color: usize) -> usize {
    color / tokens.heads.len()
}

/// A row of labels that wraps as text does, without the height that buttons would need.
pub fn legend_row(ui: &mut Ui, labels: impl FnOnce(&mut Ui)) {
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        ui.spacing_mut().item_spacing = vec2(space::M, space::XS);
        ui.horizontal_wrapped(labels);
    });
}

/// A small coloured shape and a text beside it: one widget, so that a row wraps between labels and never inside one.
pub fn swatch_label(ui: &mut Ui, swatch: Swatch, color: Color32, text: &str) -> Response {
    let font = TextStyle::Small.resolve(ui.style());
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font, Tokens::of(ui).text);
    let size = vec2(SWATCH_WIDTH + space::XS + galley.size().x, galley.size().y + 2.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let shape = Rect::from_min_size(rect.min, vec2(SWATCH_WIDTH, rect.height()));
    paint_swatch(ui.painter(), swatch, shape, color);
    ui.painter().galley(pos2(shape.right() + space::XS, rect.top() + 1.0), galley, color);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    response
}

/// Draws the shape that carries a colour into `place`.
pub fn paint_swatch(painter: &Painter, swatch: Swatch, place: Rect, color: Color32) {
    match swatch {
        Swatch::Line => painter.hline(place.x_range(), place.center().y, Stroke::new(2.5, color)),
        Swatch::Dot => painter.circle_filled(place.center(), 3.5, color),
        Swatch::Triangle => {
            let corner = |x: f32, y: f32| place.center() + vec2(x, y);
            let corners = vec![corner(0.0, -5.0), corner(5.0, 4.0), corner(-5.0, 4.0)];
            painter.add(egui::Shape::convex_polygon(corners, color, Stroke::NONE))
        }
        Swatch::Square => painter.rect_filled(Rect::from_center_size(place.center(), Vec2::splat(10.0)), 2.0, color),
    };
}
