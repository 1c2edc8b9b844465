//! A text of tinted tokens as a picture to be saved.

use egui::{Color32, Rect, pos2, vec2};

use crate::app::theme::Tokens;
use crate::app::widgets::chart_export::{Anchor, Picture, text_width};
use crate::app::widgets::token_strip::{TokenSource, visible};

/// Width of a saved text, in points.
const WIDTH: f32 = 960.0;
/// Size of its letters.
pub const LETTERS: u8 = 13;

/// Colours with what they mean, in rows; gives where what comes below begins.
pub fn legend_picture(picture: &mut Picture, colors: &[(String, Color32)], tokens: &Tokens) -> f32 {
    let origin = Picture::origin();
    let mut at = origin;
    for (name, color) in colors {
        let width = 16.0 + text_width(name, LETTERS) + 16.0;
        if at.x + width > origin.x + WIDTH && at.x > origin.x {
            at = pos2(origin.x, at.y + 20.0);
        }
        picture.fill(Rect::from_min_size(at + vec2(0.0, 2.0), vec2(10.0, 10.0)), *color);
        picture.text(at + vec2(16.0, 12.0), Anchor::Start, tokens.text, LETTERS, name.clone());
        at.x += width;
    }
    at.y + 32.0
}

/// The tokens below `top`, as they are tinted on screen; gives where what comes below begins.
pub fn text_picture(picture: &mut Picture, source: &dyn TokenSource, top: f32, tokens: &Tokens) -> f32 {
    const ROW: f32 = 24.0;
    let origin = Picture::origin();
    let mut at = pos2(origin.x, top);
    for index in 0..source.count() {
        let words = visible(source.text(index));
        let width = text_width(&words, LETTERS) + 3.0;
        if at.x + width > origin.x + WIDTH && at.x > origin.x {
            at = pos2(origin.x, at.y + ROW);
        }
        let look = source.look(index);
        picture.fill(Rect::from_min_size(at, vec2(width - 1.0, ROW - 4.0)), look.fill);
        let ink = look.ink.unwrap_or(tokens.text_strong);
        picture.text(at + vec2(1.0, 14.0), Anchor::Start, ink, LETTERS, words);
        if look.is_underlined {
            picture.fill(Rect::from_min_size(at + vec2(0.0, ROW - 6.0), vec2(width - 1.0, 1.5)), tokens.text_strong);
        }
        at.x += width;
        if source.text(index).ends_with('\n') {
            at = pos2(origin.x, at.y + ROW);
        }
    }
    at.y + 2.0 * ROW
}
