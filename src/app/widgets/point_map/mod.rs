//! Points in two dimensions, each with a colour and a shape, that can be read by pointer and by arrow keys. Both axes have
//! one scale, so that distances mean what they look like. `figure.rs` makes a file of it.

mod figure;

use egui::{Color32, Key, Painter, Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

pub use figure::picture;

use crate::app::theme::{Tokens, space};
use crate::app::widgets::keys;

/// Height of the picture, and the widest that it grows.
const HEIGHT: f32 = 380.0;
const WIDEST: f32 = 720.0;
const RADIUS: f32 = 4.5;
/// The pointer finds a point from this far.
const REACH: f32 = 10.0;

/// The shape of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    #[default]
    Circle,
    Square,
    Triangle,
}

impl Mark {
    /// The shape in which the colours of the theme stand in their first, second and third round.
    pub fn of_round(round: usize) -> Self {
        match round % 3 {
            0 => Self::Circle,
            1 => Self::Square,
            _ => Self::Triangle,
        }
    }
}

/// One point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapDot {
    pub at: [f32; 2],
    pub color: Color32,
    pub mark: Mark,
}

/// What is said of a map.
pub struct MapLabels<'a> {
    /// What is said of one point.
    pub dot: &'a dyn Fn(usize) -> String,
    /// The whole picture in words.
    pub summary: &'a str,
}

/// A map with the point that the arrow keys have reached.
#[derive(Default)]
pub struct PointMap {
    /// Set while the picture has focus.
    cursor: Option<usize>,
}

impl PointMap {
    /// Draws the points.
    pub fn ui(&mut self, ui: &mut Ui, dots: &[MapDot], labels: &MapLabels<'_>) {
        let width = ui.available_width().min(WIDEST);
        let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::click());
        let is_moved = self.steer_by_keys(ui, &response, dots.len());
        let tokens = Tokens::of(ui);
        let places = places(dots, rect.shrink(space::M));
        if ui.is_rect_visible(rect) {
            ui.painter().rect(rect, 4.0, tokens.well, Stroke::new(1.0, tokens.border_strong), StrokeKind::Inside);
            for (dot, place) in dots.iter().zip(&places) {
                paint(ui.painter(), *place, dot);
            }
        }
        response.widget_info(|| {
            let words = self.cursor.map_or_else(|| labels.summary.to_owned(), |dot| (labels.dot)(dot));
            WidgetInfo::labeled(Role::Image, true, words)
        });
        let under = response.hover_pos().and_then(|at| nearest(&places, at));
        if let Some(place) = under.or(self.cursor).and_then(|dot| places.get(dot)) {
            ui.painter().circle_stroke(*place, RADIUS + 3.0, Stroke::new(2.0, tokens.text_strong));
            if is_moved {
                ui.scroll_to_rect(Rect::from_center_size(*place, vec2(2.0 * REACH, 2.0 * REACH)), None);
            }
        }
        if response.has_focus() {
            ui.painter().rect_stroke(rect, 4.0, Stroke::new(2.0, tokens.text_strong), StrokeKind::Inside);
        }
        if let Some(dot) = under {
            response.on_hover_ui_at_pointer(|ui| {
                ui.label((labels.dot)(dot));
            });
        } else if let Some(dot) = self.cursor {
            response.show_tooltip_ui(|ui| {
                ui.label((labels.dot)(dot));
            });
        }
    }

    /// Moves the cursor of a picture that has focus. Gives back whether it moved in this frame.
    fn steer_by_keys(&mut self, ui: &Ui, response: &egui::Response, count: usize) -> bool {
        if !response.has_focus() || count == 0 {
            self.cursor = None;
            return false;
        }
        let moves = [Key::ArrowRight, Key::ArrowDown, Key::ArrowLeft, Key::ArrowUp, Key::Home, Key::End];
        let Some(key) = keys::taken(ui, response.id, &moves) else { return false };
        self.cursor = Some(moved(self.cursor, key, count));
        ui.ctx().request_repaint();
        true
    }
}

/// The point that a key leads to; the first key leads to the first one.
pub(super) fn moved(cursor: Option<usize>, key: Key, count: usize) -> usize {
    let last = count.saturating_sub(1);
    match (cursor, key) {
        (_, Key::End) => last,
        (None, _) | (_, Key::Home) => 0,
        (Some(at), Key::ArrowRight | Key::ArrowDown) => (at + 1).min(last),
        (Some(at), _) => at.saturating_sub(1).min(last),
    }
}

/// Where the points stand in `rect`: as large as they fit, with one scale for both axes, in the middle.
fn places(dots: &[MapDot], rect: Rect) -> Vec<Pos2> {
    places_of(dots.iter().map(|dot| dot.at), rect)
}

/// The same of points that are told by their places alone.
pub(super) fn places_of(points: impl Iterator<Item = [f32; 2]> + Clone, rect: Rect) -> Vec<Pos2> {
    let finite = || points.clone().map(|[x, y]| pos2(x, y)).filter(|at| at.x.is_finite() && at.y.is_finite());
    let bounds = finite().fold(Rect::NOTHING, |bounds, at| bounds.union(Rect::from_min_max(at, at)));
    let scale = (rect.width() / bounds.width().max(f32::MIN_POSITIVE))
        .min(rect.height() / bounds.height().max(f32::MIN_POSITIVE));
    let scale = if scale.is_finite() { scale } else { 0.0 };
    let middle = bounds.center();
    let place = |[x, y]: [f32; 2]| {
        let from = vec2(x - middle.x, middle.y - y) * scale;
        if from.x.is_finite() && from.y.is_finite() { rect.center() + from } else { rect.center() }
    };
    points.map(place).collect()
}

/// The point that is pointed at.
pub(super) fn nearest(places: &[Pos2], at: Pos2) -> Option<usize> {
    let far = |place: &Pos2| place.distance(at);
    let (dot, place) = places.iter().enumerate().min_by(|(_, a), (_, b)| far(a).total_cmp(&far(b)))?;
    (far(place) <= REACH).then_some(dot)
}

/// The corners of a point's shape; none for a circle.
fn corners(at: Pos2, mark: Mark) -> Vec<Pos2> {
    let corner = |x: f32, y: f32| at + vec2(x, y) * RADIUS;
    match mark {
        Mark::Circle => Vec::new(),
        Mark::Square => vec![corner(-0.9, -0.9), corner(0.9, -0.9), corner(0.9, 0.9), corner(-0.9, 0.9)],
        Mark::Triangle => vec![corner(0.0, -1.2), corner(1.1, 0.8), corner(-1.1, 0.8)],
    }
}

fn paint(painter: &Painter, at: Pos2, dot: &MapDot) {
    let color = dot.color.gamma_multiply(0.85);
    match dot.mark {
        Mark::Circle => painter.circle_filled(at, RADIUS, color),
        mark => painter.add(Shape::convex_polygon(corners(at, mark), color, Stroke::NONE)),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(x: f32, y: f32) -> MapDot {
        MapDot { at: [x, y], color: Color32::RED, mark: Mark::Circle }
    }

    #[test]
    fn points_fill_the_room_with_one_scale_and_y_upwards() {
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(200.0, 100.0));
        let found = places(&[dot(0.0, 0.0), dot(1.0, 1.0), dot(0.0, 1.0)], rect);
        assert_eq!(found, [pos2(50.0, 100.0), pos2(150.0, 0.0), pos2(50.0, 0.0)]);
        let one = places(&[dot(7.0, 7.0), dot(f32::NAN, 0.0)], rect);
        assert_eq!(one, [rect.center(), rect.center()]);
        assert!(places(&[], rect).is_empty());
    }

    #[test]
    fn the_pointer_finds_the_nearest_point_within_reach() {
        let places = [pos2(0.0, 0.0), pos2(20.0, 0.0)];
        assert_eq!(nearest(&places, pos2(12.0, 0.0)), Some(1));
        assert_eq!(nearest(&places, pos2(40.0, 0.0)), None);
    }

    #[test]
    fn arrow_keys_walk_all_points() {
        assert_eq!((moved(None, Key::ArrowLeft, 3), moved(None, Key::End, 3)), (0, 2));
        assert_eq!((moved(Some(2), Key::ArrowRight, 3), moved(Some(1), Key::ArrowUp, 3)), (2, 0));
        assert_eq!(moved(Some(9), Key::ArrowLeft, 3), 2, "a map that shrank takes the cursor back in");
    }
}
