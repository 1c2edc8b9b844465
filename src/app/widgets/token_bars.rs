//! The gates of a text token by token, side by side: as stacked bars that fill the height, or as a line for each head. Only
//! what is in view is drawn, so that thousands of tokens cost no frame its time.

use std::f32::consts::FRAC_PI_2;
use std::ops::Range;

use egui::{
    Align2, Color32, Key, Mesh, Pos2, Rect, Response, Role, ScrollArea, Sense, Shape, Stroke, StrokeKind, TextStyle,
    Ui, WidgetInfo, pos2, vec2,
};

use super::heat_panels::at;
use super::keys;
use super::token_strip::{TokenSource, visible};
use crate::app::theme::{Tokens, size, space};

/// Width of a token where there is room for all, and where there is not.
const WIDTH: Range<f32> = 14.0..28.0;
/// Height of the bars, and of the tokens' texts below.
const BARS: f32 = 160.0;
const TEXTS: f32 = 72.0;
/// Longest that a token's text is below its bar, in letters.
const LETTERS: usize = 9;
/// Left of the bars, for the figures of the axis.
const AXIS: f32 = 36.0;

/// How gates are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BarMode {
    #[default]
    Stacked,
    Lines,
}

/// The gates of the tokens, and the colours of the heads.
pub struct BarGates<'a> {
    pub heads: usize,
    pub of: &'a dyn Fn(usize) -> &'a [f32],
    pub color: &'a dyn Fn(usize) -> Color32,
    /// The whole picture in words.
    pub summary: &'a str,
}

/// Bars with the token that the arrow keys have reached.
#[derive(Debug, Default)]
pub struct TokenBars {
    cursor: Option<usize>,
}

impl TokenBars {
    /// Draws the gates of `tokens`.
    pub fn ui(&mut self, ui: &mut Ui, tokens: &dyn TokenSource, gates: &BarGates<'_>, mode: BarMode) {
        if tokens.count() == 0 || gates.heads == 0 {
            return;
        }
        let top = if mode == BarMode::Lines { highest(tokens.count(), gates) } else { 1.0 };
        let corner = ui.cursor().min;
        let room = ui.available_width() - AXIS;
        let width = (room / tokens.count() as f32).clamp(WIDTH.start, WIDTH.end);
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.add_space(AXIS);
            let scroll = ScrollArea::horizontal().id_salt("bars").auto_shrink([false, true]);
            scroll.show_viewport(ui, |ui, viewport| {
                let all = vec2(width * tokens.count() as f32, BARS + TEXTS);
                let (rect, response) = ui.allocate_exact_size(all, Sense::click());
                let is_moved = self.steer_by_keys(ui, &response, tokens.count());
                let seen = (viewport.left() / width).floor().max(0.0) as usize
                    ..((viewport.right() / width).ceil().max(0.0) as usize).min(tokens.count());
                let place = Place { rect, width, top };
                if mode == BarMode::Stacked {
                    ui.painter().add(stacked(&place, seen.clone(), gates));
                } else {
                    lines(ui, &place, seen.clone(), gates);
                }
                texts(ui, &place, seen, tokens);
                response.widget_info(|| WidgetInfo::labeled(Role::Image, true, self.words(tokens, gates)));
                self.read_out(ui, response, &place, tokens, is_moved);
            });
        });
        axis(ui, corner, top, (mode == BarMode::Lines).then_some(1.0 / gates.heads as f32));
    }

    fn words(&self, tokens: &dyn TokenSource, gates: &BarGates<'_>) -> String {
        self.cursor.map_or_else(|| gates.summary.to_owned(), |cursor| tokens.in_words(cursor))
    }

    fn steer_by_keys(&mut self, ui: &Ui, response: &Response, count: usize) -> bool {
        if !response.has_focus() {
            self.cursor = None;
            return false;
        }
        let moves = [Key::ArrowLeft, Key::ArrowRight, Key::Home, Key::End];
        let Some(key) = keys::taken(ui, response.id, &moves) else { return false };
        self.cursor = Some(moved(self.cursor, key, count));
        ui.ctx().request_repaint();
        true
    }

    fn read_out(&self, ui: &Ui, response: Response, place: &Place, tokens: &dyn TokenSource, is_moved: bool) {
        if response.has_focus() {
            let ring = Stroke::new(1.5, Tokens::of(ui).accent_text);
            let area = response.rect.intersect(ui.clip_rect());
            ui.painter().rect_stroke(area, size::RADIUS_SMALL, ring, StrokeKind::Inside);
        }
        let outline = |index: usize| {
            let ring = Stroke::new(1.5, Tokens::of(ui).text_strong);
            ui.painter().rect_stroke(place.bar(index), 0.0, ring, StrokeKind::Inside);
        };
        let under = response.hover_pos().map(|at| place.token_at(at)).filter(|index| *index < tokens.count());
        if let Some(index) = under {
            outline(index);
            response.on_hover_ui_at_pointer(|ui| tokens.hover_ui(ui, index));
        } else if let Some(index) = self.cursor.filter(|index| *index < tokens.count()) {
            outline(index);
            if is_moved {
                ui.scroll_to_rect(place.bar(index).expand2(vec2(place.width, 0.0)), None);
            }
            at(response, place.bar(index)).show_tooltip_ui(|ui| tokens.hover_ui(ui, index));
        }
    }
}

/// The token that a key leads to; the first key leads to the first token, or to the last.
fn moved(from: Option<usize>, key: Key, count: usize) -> usize {
    let last = count.saturating_sub(1);
    let to = match (from, key) {
        (_, Key::End) => last,
        (None, _) | (_, Key::Home) => 0,
        (Some(from), Key::ArrowLeft) => from.saturating_sub(1),
        (Some(from), Key::ArrowRight) => from + 1,
        (Some(from), _) => from,
    };
    to.min(last)
}

/// Where bars stand.
struct Place {
    rect: Rect,
    width: f32,
    /// The gate at the upper edge.
    top: f32,
}

impl Place {
    fn bar(&self, index: usize) -> Rect {
        let min = pos2(self.rect.left() + index as f32 * self.width, self.rect.top());
        Rect::from_min_size(min, vec2(self.width, BARS))
    }

    fn height(&self, gate: f32) -> f32 {
        self.rect.top() + BARS * (1.0 - (gate / self.top).clamp(0.0, 1.0))
    }

    fn token_at(&self, at: Pos2) -> usize {
        ((at.x - self.rect.left()) / self.width).max(0.0) as usize
    }
}

/// The largest gate of all, so that lines fill the height; at least twice an even share.
fn highest(count: usize, gates: &BarGates<'_>) -> f32 {
    let most = (0..count).flat_map(|index| (gates.of)(index)).copied().filter(|gate| gate.is_finite());
    most.fold((2.0 / gates.heads as f32).min(1.0), f32::max)
}

fn stacked(place: &Place, seen: Range<usize>, gates: &BarGates<'_>) -> Shape {
    let mut mesh = Mesh::default();
    for index in seen {
        let bar = place.bar(index);
        let mut below = 0.0;
        for (head, gate) in (gates.of)(index).iter().enumerate() {
            let gate = if gate.is_finite() { gate.clamp(0.0, 1.0) } else { 0.0 };
            let part = place.height(below + gate)..=place.height(below);
            below += gate;
            let left = bar.left() + 0.5;
            mesh.add_colored_rect(Rect::from_x_y_ranges(left..=bar.right() - 0.5, part), (gates.color)(head));
        }
    }
    Shape::mesh(mesh)
}

fn lines(ui: &Ui, place: &Place, seen: Range<usize>, gates: &BarGates<'_>) {
    let even = place.height(1.0 / gates.heads as f32);
    let weak = Stroke::new(1.0, Tokens::of(ui).border_strong);
    ui.painter().hline(place.rect.x_range().intersection(ui.clip_rect().x_range()), even, weak);
    for head in 0..gates.heads {
        let point = |index: usize| {
            let gate = (gates.of)(index).get(head).copied().filter(|gate| gate.is_finite()).unwrap_or(0.0);
            pos2(place.bar(index).center().x, place.height(gate))
        };
        // One token beyond either edge, so that lines run to it.
        let points: Vec<Pos2> = (seen.start.saturating_sub(1)..seen.end).map(point).collect();
        let color = (gates.color)(head);
        match points.as_slice() {
            [only] => drop(ui.painter().circle_filled(*only, 3.0, color)),
            _ => drop(ui.painter().line(points, Stroke::new(1.75, color))),
        }
    }
}

/// The tokens' texts, from top to bottom below their bars, supervised ones with a line above.
fn texts(ui: &Ui, place: &Place, seen: Range<usize>, tokens: &dyn TokenSource) {
    let theme = Tokens::of(ui);
    let small = TextStyle::Small.resolve(ui.style());
    for index in seen {
        let bar = place.bar(index);
        if tokens.look(index).is_underlined {
            let line = Stroke::new(2.0, theme.text_strong);
            ui.painter().hline(bar.left()..=bar.right(), bar.bottom() + 2.0, line);
        }
        let whole = visible(tokens.text(index));
        let mut text: String = whole.trim().chars().take(LETTERS).collect();
        if whole.trim().chars().count() > LETTERS {
            text.push('…');
        }
        let galley = ui.painter().layout_no_wrap(text, small.clone(), theme.text);
        let at = pos2(bar.center().x + galley.size().y / 2.0, bar.bottom() + space::XS + space::XXS);
        ui.painter().add(egui::epaint::TextShape::new(at, galley, theme.text).with_angle(FRAC_PI_2));
    }
}

/// The figures left of the bars: nothing, the most, and an even share where it is drawn.
fn axis(ui: &Ui, corner: Pos2, top: f32, even: Option<f32>) {
    let tokens = Tokens::of(ui);
    let small = TextStyle::Small.resolve(ui.style());
    let right = corner.x + AXIS - space::S;
    let text = |y: f32, align: Align2, text: String| {
        ui.painter().text(pos2(right, y), align, text, small.clone(), tokens.text_weak);
    };
    text(corner.y, Align2::RIGHT_TOP, figure(top));
    text(corner.y + BARS, Align2::RIGHT_BOTTOM, "0".to_owned());
    if let Some(even) = even {
        text(corner.y + BARS * (1.0 - even / top), Align2::RIGHT_CENTER, figure(even));
    }
}

fn figure(value: f32) -> String {
    if value == 1.0 { "1".to_owned() } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrow_keys_lead_from_token_to_token() {
        let keys = [Key::ArrowRight, Key::ArrowRight, Key::End, Key::ArrowRight, Key::ArrowLeft, Key::Home];
        let mut at = None;
        let path = keys.map(|key| {
            let to = moved(at, key, 5);
            at = Some(to);
            to
        });
        assert_eq!(path, [0, 1, 4, 4, 3, 0]);
    }

    #[test]
    fn stacked_bars_fill_the_height_and_a_wrong_gate_takes_none() {
        let rows: [[f32; 2]; 2] = [[0.25, 0.75], [f32::NAN, 1.0]];
        let of = |index: usize| -> &[f32] { rows.get(index).map_or(&[], |row| row.as_slice()) };
        let gates = BarGates { heads: 2, of: &of, color: &|_| Color32::WHITE, summary: "" };
        let place = Place { rect: Rect::from_min_size(pos2(0.0, 0.0), vec2(20.0, BARS)), width: 10.0, top: 1.0 };
        let Shape::Mesh(mesh) = stacked(&place, 0..2, &gates) else { panic!("a mesh is drawn") };
        let heights: Vec<f32> = mesh.vertices.chunks(4).map(|c| c[2].pos.y - c[0].pos.y).collect();
        assert_eq!(heights, [0.25 * BARS, 0.75 * BARS, 0.0, BARS]);
        assert_eq!(highest(2, &gates), 1.0);
    }
}
