//! A line drawn around points.

use egui::{Painter, Pos2, Response, Shape, Stroke};

use super::CloudAction;
use crate::app::theme::Tokens;

/// Least distance of two corners of the line, in points.
const APART: f32 = 3.0;

/// The line that is being drawn.
#[derive(Default)]
pub struct Lasso {
    corners: Vec<Pos2>,
}

impl Lasso {
    /// Whether a line is being drawn.
    pub fn is_open(&self) -> bool {
        !self.corners.is_empty()
    }

    /// Follows a drag; when it ends, gives back the points inside.
    pub fn follow(&mut self, response: &Response, places: &[Pos2]) -> Option<CloudAction> {
        if response.drag_started() {
            // A drag is told to be one only after some points of way.
            self.corners.extend(response.ctx.input(|input| input.pointer.press_origin()));
        }
        if response.dragged()
            && let Some(at) = response.interact_pointer_pos()
            && self.corners.last().is_none_or(|last| last.distance(at) >= APART)
        {
            self.corners.push(at);
        }
        if !response.drag_stopped() {
            return None;
        }
        let corners = std::mem::take(&mut self.corners);
        let inside = places.iter().enumerate().filter(|(_, place)| is_inside(&corners, **place));
        Some(CloudAction::Around(inside.map(|(dot, _)| dot).collect()))
    }

    /// Draws the line, closed by a thinner one.
    pub fn paint(&self, painter: &Painter, tokens: &Tokens) {
        let [first, .., last] = self.corners.as_slice() else { return };
        painter.add(Shape::line(self.corners.clone(), Stroke::new(1.5, tokens.text_strong)));
        painter.line_segment([*last, *first], Stroke::new(1.0, tokens.text_weak));
    }
}

/// Whether a place lies inside of a closed line: a ray from it crosses the line an odd number of times.
fn is_inside(corners: &[Pos2], at: Pos2) -> bool {
    let Some(last) = corners.last() else { return false };
    let mut before = *last;
    let mut is_inside = false;
    for corner in corners {
        let crosses = (corner.y > at.y) != (before.y > at.y)
            && at.x < (before.x - corner.x) * (at.y - corner.y) / (before.y - corner.y) + corner.x;
        is_inside ^= crosses;
        before = *corner;
    }
    is_inside
}

#[cfg(test)]
mod tests {
    use egui::pos2;

    use super::*;

    #[test]
    fn what_a_line_goes_around_is_inside_even_where_it_bends_inwards() {
        let bay = [pos2(0.0, 0.0), pos2(10.0, 0.0), pos2(10.0, 10.0), pos2(5.0, 4.0), pos2(0.0, 10.0)];
        let inside = [pos2(1.0, 1.0), pos2(9.0, 7.0), pos2(5.0, 3.0)];
        let outside = [pos2(5.0, 8.0), pos2(11.0, 5.0), pos2(-1.0, 1.0)];
        assert!(inside.iter().all(|at| is_inside(&bay, *at)));
        assert!(!outside.iter().any(|at| is_inside(&bay, *at)));
        assert!(!is_inside(&[], pos2(0.0, 0.0)) && !is_inside(&bay[..2], pos2(5.0, 0.0)));
    }
}
