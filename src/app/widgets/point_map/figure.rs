//! A map of points as a picture for a file.

use egui::{Color32, Rect, vec2};

use super::{HEIGHT, MapDot, Mark, RADIUS, WIDEST, corners, places};
use crate::app::theme::{Tokens, space};
use crate::app::widgets::chart_export::{Anchor, Picture, text_width};

const SMALL: u8 = 12;

/// Draws what [`super::PointMap`] shows, with a legend below that names colours and shapes.
pub fn picture(
    title: &str,
    dots: &[MapDot],
    legend: &[(String, Color32, Mark)],
    summary: &str,
    tokens: &Tokens,
) -> Picture {
    let mut picture = Picture::new(title, summary, tokens);
    let frame = Rect::from_min_size(Picture::origin(), vec2(WIDEST, HEIGHT));
    picture.fill(frame, tokens.well);
    picture.frame(frame, tokens.border_strong);
    for (dot, place) in dots.iter().zip(places(dots, frame.shrink(space::M))) {
        draw(&mut picture, place, dot);
    }
    let mut at = frame.left_bottom() + vec2(8.0, 22.0);
    for (name, color, mark) in legend {
        let width = text_width(name, SMALL) + 28.0;
        if at.x + width > frame.right() {
            at = egui::pos2(frame.left() + 8.0, at.y + 20.0);
        }
        draw(&mut picture, at, &MapDot { at: [0.0; 2], color: *color, mark: *mark });
        picture.text(at + vec2(10.0, 4.0), Anchor::Start, tokens.text, SMALL, name.as_str());
        at.x += width;
    }
    picture
}

fn draw(picture: &mut Picture, at: egui::Pos2, dot: &MapDot) {
    match dot.mark {
        Mark::Circle => picture.dot(at, RADIUS, dot.color),
        Mark::Square => picture.fill(Rect::from_center_size(at, vec2(1.8, 1.8) * RADIUS), dot.color),
        Mark::Triangle => {
            let mut corners = corners(at, dot.mark);
            corners.extend(corners.first().copied());
            picture.line(corners, dot.color);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_every_point_and_the_legend() {
        let tokens = Tokens::of_theme(egui::Theme::Light);
        let dot = |x: f32, mark| MapDot { at: [x, x], color: tokens.head(0), mark };
        let dots = [dot(0.0, Mark::Circle), dot(1.0, Mark::Square), dot(2.0, Mark::Triangle)];
        let legend = [("law".to_owned(), tokens.head(0), Mark::Circle)];
        let picture = picture("B of q", &dots, &legend, "Three points", tokens);
        let empty = super::picture("B of q", &[], &[], "None", tokens);
        assert_eq!(picture.shapes.len() - empty.shapes.len(), 3 + 2);
    }
}
