//! Many points in two dimensions, drawn as one mesh that is kept from frame to frame. The pointer reads a point and draws a
//! line around several; the keyboard walks from point to point and picks them. Both axes have one scale. `lasso.rs` tells which
//! points a line goes around.

mod lasso;

use std::sync::Arc;

use egui::{
    Color32, ColorImage, Key, Mesh, Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, TextureHandle, TextureOptions,
    Ui, WidgetInfo, pos2, vec2,
};

use super::keys;
use super::point_map::{MapLabels, Mark, moved, nearest, places_of};
use crate::app::theme::{Tokens, space};

use lasso::Lasso;

/// Height of the picture.
const HEIGHT: f32 = 460.0;
/// Side of the drawing of a mark, in pixels.
const DOT: usize = 32;
/// The marks that are drawn, side by side.
const MARKS: [Mark; 3] = [Mark::Circle, Mark::Square, Mark::Triangle];
/// Radii of few, many and very many points, with the numbers of points up to which they stand.
const RADII: [(usize, f32); 3] = [(400, 4.5), (3_000, 3.2), (usize::MAX, 2.2)];

/// What is drawn. `revision` differs whenever anything of it does.
#[derive(Clone, Copy)]
pub struct CloudDots<'a> {
    pub places: &'a [[f32; 2]],
    pub colors: &'a [Color32],
    pub marks: &'a [Mark],
    pub revision: u64,
}

/// What the user did with the points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloudAction {
    /// These were drawn around.
    Around(Vec<usize>),
    /// This one was pressed, or picked by the keyboard.
    Picked(usize),
    /// What was picked should not be any more.
    Cleared,
}

/// A cloud with what it keeps between frames.
#[derive(Default)]
pub struct PointCloud {
    /// The point that the keyboard has reached; set while the picture has focus.
    cursor: Option<usize>,
    lasso: Lasso,
    dot: Option<TextureHandle>,
    drawn: Option<Drawn>,
}

/// The picture, and what it was made for.
struct Drawn {
    revision: u64,
    rect: Rect,
    is_dark: bool,
    places: Vec<Pos2>,
    mesh: Arc<Mesh>,
}

impl PointCloud {
    /// Draws the points. Gives back what was done with them.
    pub fn ui(&mut self, ui: &mut Ui, dots: CloudDots<'_>, labels: &MapLabels<'_>) -> Option<CloudAction> {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click_and_drag());
        let mut action = self.steer_by_keys(ui, &response, dots.places.len());
        let tokens = Tokens::of(ui);
        self.draw(ui, rect, dots);
        let Some(drawn) = &self.drawn else { return action };
        if ui.is_rect_visible(rect) {
            ui.painter().rect(rect, 4.0, tokens.well, Stroke::new(1.0, tokens.border_strong), StrokeKind::Inside);
            ui.painter_at(rect).add(Shape::Mesh(drawn.mesh.clone()));
        }
        if response.clicked() {
            response.request_focus();
            action = action
                .or(response.interact_pointer_pos().and_then(|at| nearest(&drawn.places, at)).map(CloudAction::Picked));
        }
        if let Some(around) = self.lasso.follow(&response, &drawn.places) {
            action = Some(around);
        }
        self.lasso.paint(&ui.painter_at(rect), tokens);
        let cursor = self.cursor;
        response.widget_info(|| {
            let words = cursor.map_or_else(|| labels.summary.to_owned(), |dot| (labels.dot)(dot));
            WidgetInfo::labeled(Role::Image, true, words)
        });
        let under = response.hover_pos().filter(|_| !self.lasso.is_open()).and_then(|at| nearest(&drawn.places, at));
        if let Some(place) = under.or(cursor).and_then(|dot| drawn.places.get(dot)) {
            ui.painter_at(rect).circle_stroke(*place, 7.0, Stroke::new(2.0, tokens.text_strong));
        }
        if response.has_focus() {
            ui.painter().rect_stroke(rect, 4.0, Stroke::new(2.0, tokens.text_strong), StrokeKind::Inside);
        }
        let tip = |ui: &mut Ui, dot: usize| drop(ui.label((labels.dot)(dot)));
        match (under, cursor) {
            (Some(dot), _) => drop(response.on_hover_ui_at_pointer(|ui| tip(ui, dot))),
            (None, Some(dot)) => response.show_tooltip_ui(|ui| tip(ui, dot)),
            _ => {}
        }
        action
    }

    /// Walks the points by the arrows, picks the one that is reached by the space bar, and clears by Escape.
    fn steer_by_keys(&mut self, ui: &Ui, response: &egui::Response, count: usize) -> Option<CloudAction> {
        if !response.has_focus() || count == 0 {
            self.cursor = None;
            return None;
        }
        let moves = [Key::ArrowRight, Key::ArrowDown, Key::ArrowLeft, Key::ArrowUp, Key::Home, Key::End];
        let all: Vec<Key> = moves.into_iter().chain([Key::Space, Key::Escape]).collect();
        match keys::taken(ui, response.id, &all)? {
            Key::Space => self.cursor.map(CloudAction::Picked),
            Key::Escape => Some(CloudAction::Cleared),
            key => {
                self.cursor = Some(moved(self.cursor, key, count));
                ui.ctx().request_repaint();
                None
            }
        }
    }

    /// Makes the picture, unless it is there.
    fn draw(&mut self, ui: &Ui, rect: Rect, dots: CloudDots<'_>) {
        let is_dark = ui.visuals().dark_mode;
        let is_there = self
            .drawn
            .as_ref()
            .is_some_and(|drawn| (drawn.revision, drawn.rect, drawn.is_dark) == (dots.revision, rect, is_dark));
        if is_there {
            return;
        }
        // A page that scrolls moves the picture, which stays the same but for its place.
        if let Some(drawn) = &mut self.drawn
            && (drawn.revision, drawn.rect.size(), drawn.is_dark) == (dots.revision, rect.size(), is_dark)
        {
            let by = rect.min - drawn.rect.min;
            drawn.places.iter_mut().for_each(|place| *place += by);
            Arc::make_mut(&mut drawn.mesh).translate(by);
            drawn.rect = rect;
            return;
        }
        let texture = self.dot.get_or_insert_with(|| ui.ctx().load_texture("marks", marks(), TextureOptions::LINEAR));
        let places = places_of(dots.places.iter().copied(), rect.shrink(space::M));
        let mesh = Arc::new(mesh(&places, dots, texture.id()));
        self.drawn = Some(Drawn { revision: dots.revision, rect, is_dark, places, mesh });
    }
}

/// Every mark in white with a soft edge, side by side.
fn marks() -> ColorImage {
    let middle = (DOT as f32 - 1.0) / 2.0;
    let width = DOT * MARKS.len();
    let pixel = |at: usize| {
        let (x, y) = ((at % width % DOT) as f32 - middle, (at / width) as f32 - middle);
        // How far inside the edge it lies.
        let inside = match MARKS.get(at % width / DOT) {
            Some(Mark::Square) => 0.84 * middle - x.abs().max(y.abs()),
            Some(Mark::Triangle) => (0.8 * middle - y).min(0.45 * (y + middle) - 0.9 * x.abs()),
            _ => middle - vec2(x, y).length(),
        };
        Color32::WHITE.gamma_multiply(inside.clamp(0.0, 1.0))
    };
    ColorImage::new([width, DOT], (0..width * DOT).map(pixel).collect())
}

/// Where a mark is drawn in the texture of all.
fn place_in_texture(mark: Mark) -> Rect {
    let place = MARKS.iter().position(|other| *other == mark).unwrap_or_default() as f32;
    let width = 1.0 / MARKS.len() as f32;
    Rect::from_min_size(pos2(place * width, 0.0), vec2(width, 1.0))
}

/// A square for every point, with the drawing of its mark on it.
fn mesh(places: &[Pos2], dots: CloudDots<'_>, texture: egui::TextureId) -> Mesh {
    let radius = RADII.iter().find(|(most, _)| places.len() <= *most).map_or(2.0, |(_, radius)| *radius);
    let mut mesh = Mesh::with_texture(texture);
    mesh.reserve_vertices(4 * places.len());
    mesh.reserve_triangles(2 * places.len());
    for (at, (place, color)) in places.iter().zip(dots.colors).enumerate() {
        let mark = place_in_texture(dots.marks.get(at).copied().unwrap_or_default());
        mesh.add_rect_with_uv(Rect::from_center_size(*place, vec2(2.0, 2.0) * radius), mark, *color);
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_a_square_of_its_colour() {
        let places = [pos2(10.0, 10.0), pos2(20.0, 10.0)];
        let dots = CloudDots {
            places: &[[0.0; 2]; 2],
            colors: &[Color32::RED, Color32::BLUE],
            marks: &[Mark::Circle, Mark::Triangle],
            revision: 0,
        };
        let mesh = mesh(&places, dots, egui::TextureId::default());
        assert_eq!((mesh.vertices.len(), mesh.indices.len()), (8, 12));
        assert_eq!(mesh.vertices[4].color, Color32::BLUE);
        let middle = mesh.vertices[4].pos.lerp(mesh.vertices[7].pos, 0.5);
        assert!((middle - places[1]).length() < 1e-3);
        assert!(mesh.vertices[0].uv.x < 0.01 && mesh.vertices[4].uv.x > 0.66, "each with its mark");
    }

    #[test]
    fn every_mark_is_full_in_the_middle_and_has_a_shape_of_its_own() {
        let image = marks();
        for mark in 0..MARKS.len() {
            let at = |x: usize, y: usize| image[(mark * DOT + x, y)];
            assert_eq!((at(15, 15), at(0, 0)), (Color32::WHITE, Color32::TRANSPARENT), "{:?}", MARKS[mark]);
        }
        let corner = |mark: usize| [image[(mark * DOT + 4, 4)], image[(mark * DOT + 4, 27)]].map(|pixel| pixel.a() > 0);
        assert_eq!([corner(0), corner(1), corner(2)], [[false, false], [true, true], [false, true]]);
    }
}
