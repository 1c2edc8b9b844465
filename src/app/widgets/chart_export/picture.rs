//! A picture made of shapes, for what is no chart of lines: heat maps, strips of tokens, maps of points. Who draws it sets
//! its shapes below the title; places are in points from the upper left corner.

use std::fmt::Write as _;

use egui::{Color32, Pos2, Rect, Vec2, pos2, vec2};

use crate::app::theme::Tokens;

use super::svg::{escaped, hex, text};
use super::{ChartExport, ChartFormat, Figure};

/// Around everything.
const MARGIN: f32 = 24.0;
/// From the top to what stands below the title.
const HEAD: f32 = 56.0;
/// About the width of a letter for its size. No font is at hand here; a little too much does no harm.
const LETTER: f32 = 0.52;

/// Which end of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// One part of a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Fill {
        rect: Rect,
        color: Color32,
    },
    Frame {
        rect: Rect,
        color: Color32,
    },
    Dot {
        center: Pos2,
        radius: f32,
        color: Color32,
    },
    Line {
        points: Vec<Pos2>,
        color: Color32,
    },
    /// One line of text whose baseline is at `at`.
    Text {
        at: Pos2,
        anchor: Anchor,
        color: Color32,
        size: u8,
        words: String,
    },
    /// A text that runs downwards from `at`.
    TextDown {
        at: Pos2,
        color: Color32,
        size: u8,
        words: String,
    },
}

/// A picture with its values as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub title: String,
    /// The picture in words, for who cannot see it.
    pub summary: String,
    pub shapes: Vec<Shape>,
    /// Its values as CSV; empty where a picture is asked for.
    pub table: String,
    ground: Color32,
    text_strong: Color32,
    size: Vec2,
}

impl Picture {
    /// A picture without shapes.
    pub fn new(title: impl Into<String>, summary: impl Into<String>, tokens: &Tokens) -> Self {
        let title = title.into();
        let width = 2.0 * MARGIN + LETTER * 18.0 * title.chars().count() as f32;
        Self {
            title,
            summary: summary.into(),
            shapes: Vec::new(),
            table: String::new(),
            ground: tokens.card,
            text_strong: tokens.text_strong,
            size: vec2(width.clamp(480.0, 1600.0), HEAD + MARGIN),
        }
    }

    /// Where shapes may begin: below the title, right of the margin.
    pub fn origin() -> Pos2 {
        pos2(MARGIN, HEAD)
    }

    /// A filled rectangle.
    pub fn fill(&mut self, rect: Rect, color: Color32) {
        self.reach(rect.max);
        self.shapes.push(Shape::Fill { rect, color });
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, rect: Rect, color: Color32) {
        self.reach(rect.max);
        self.shapes.push(Shape::Frame { rect, color });
    }

    /// A filled circle.
    pub fn dot(&mut self, center: Pos2, radius: f32, color: Color32) {
        self.reach(center + Vec2::splat(radius));
        self.shapes.push(Shape::Dot { center, radius, color });
    }

    /// A line through points.
    pub fn line(&mut self, points: Vec<Pos2>, color: Color32) {
        let far = points.iter().fold(Pos2::ZERO, |far, point| far.max(*point));
        self.reach(far);
        self.shapes.push(Shape::Line { points, color });
    }

    /// One line of text, whose baseline is at `at`.
    pub fn text(&mut self, at: Pos2, anchor: Anchor, color: Color32, size: u8, words: impl Into<String>) {
        let words = words.into();
        let width = text_width(&words, size);
        let right = match anchor {
            Anchor::Start => at.x + width,
            Anchor::Middle => at.x + width / 2.0,
            Anchor::End => at.x,
        };
        self.reach(pos2(right, at.y + 0.3 * f32::from(size)));
        self.shapes.push(Shape::Text { at, anchor, color, size, words });
    }

    /// A text that runs downwards from `at`.
    pub fn text_down(&mut self, at: Pos2, color: Color32, size: u8, words: impl Into<String>) {
        let words = words.into();
        self.reach(at + vec2(f32::from(size), text_width(&words, size)));
        self.shapes.push(Shape::TextDown { at, color, size, words });
    }

    /// The same picture to be saved as `format`.
    pub fn export(self, format: ChartFormat) -> ChartExport {
        ChartExport { format, figure: Figure::Picture(self) }
    }

    fn reach(&mut self, far: Pos2) {
        self.size = self.size.max(far.to_vec2() + Vec2::splat(MARGIN));
    }

    /// The picture as SVG.
    pub(super) fn drawing(&self) -> String {
        let (width, height) = (self.size.x.ceil(), self.size.y.ceil());
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\" xml:space=\"preserve\">\n\
             <title>{title}</title>\n<desc>{summary}</desc>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{ground}\"/>\n",
            title = escaped(&self.title),
            summary = escaped(&self.summary),
            ground = hex(self.ground),
        );
        svg += &text((MARGIN, 34.0), "start", hex(self.text_strong), 18, &self.title);
        self.shapes.iter().for_each(|shape| draw(&mut svg, shape));
        svg += "</svg>\n";
        svg
    }
}

/// About how wide a text is.
pub fn text_width(words: &str, size: u8) -> f32 {
    LETTER * f32::from(size) * words.chars().count() as f32
}

fn draw(svg: &mut String, shape: &Shape) {
    let _ = match shape {
        Shape::Fill { rect, color } => writeln!(
            svg,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{}\"{}/>",
            rect.left(),
            rect.top(),
            rect.width(),
            rect.height(),
            opaque(*color),
            opacity(*color)
        ),
        Shape::Frame { rect, color } => writeln!(
            svg,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"none\" stroke=\"{}\"/>",
            rect.left(),
            rect.top(),
            rect.width(),
            rect.height(),
            hex(*color)
        ),
        Shape::Dot { center, radius, color } => writeln!(
            svg,
            "<circle cx=\"{:.2}\" cy=\"{:.2}\" r=\"{radius:.2}\" fill=\"{}\"{}/>",
            center.x,
            center.y,
            opaque(*color),
            opacity(*color)
        ),
        Shape::Line { points, color } => {
            let points = points.iter().map(|point| format!("{:.2},{:.2}", point.x, point.y));
            let points = points.collect::<Vec<_>>().join(" ");
            writeln!(
                svg,
                "<polyline points=\"{points}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" \
                 stroke-linejoin=\"round\"/>",
                hex(*color)
            )
        }
        Shape::Text { at, anchor, color, size, words } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            svg.push_str(&text((at.x, at.y), anchor, hex(*color), *size, words));
            Ok(())
        }
        Shape::TextDown { at, color, size, words } => writeln!(
            svg,
            "<text transform=\"translate({:.2} {:.2}) rotate(90)\" fill=\"{}\" font-size=\"{size}\">{}</text>",
            at.x,
            at.y,
            hex(*color),
            escaped(words)
        ),
    };
}

/// The colour without its transparency, as a drawing names it.
fn opaque(color: Color32) -> String {
    let [r, g, b, _] = color.to_srgba_unmultiplied();
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn opacity(color: Color32) -> String {
    match color.a() {
        255 => String::new(),
        part => format!(" fill-opacity=\"{:.3}\"", f32::from(part) / 255.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let tokens = Tokens::of_theme(egui::Theme::Light);
        let mut picture = Picture::new("Gates <of> it", "One cell & a word", tokens);
        let origin = Picture::origin();
        picture.fill(Rect::from_min_size(origin, vec2(700.0, 40.0)), tokens.head(0).gamma_multiply(0.5));
        picture.text(origin + vec2(0.0, 60.0), Anchor::Start, tokens.text, 12, "word");
        picture.dot(origin + vec2(5.0, 90.0), 4.0, tokens.head(1));
        picture.line(vec![origin, origin + vec2(9.0, 9.0)], tokens.text);
        picture.text_down(origin + vec2(9.0, 100.0), tokens.text, 12, "down");
        picture
    }

    #[test]
    fn a_picture_is_as_large_as_its_shapes_and_keeps_its_words() {
        let svg = picture().drawing();
        let tree = resvg::usvg::Tree::from_str(&svg, &Default::default()).expect("an SVG");
        assert_eq!(tree.size().width(), 748.0);
        for part in ["<title>Gates &lt;of&gt; it</title>", "<desc>One cell &amp; a word</desc>", ">word<", "0.50"] {
            assert!(svg.contains(part), "{part} is missing in {svg}");
        }
    }

    #[test]
    fn a_picture_becomes_pixels_and_a_table() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let png = folder.path().join("grid.png");
        picture().export(ChartFormat::Png).save(&png).expect("saved");
        assert!(std::fs::read(png).expect("the file").starts_with(b"\x89PNG"));
        let csv = folder.path().join("grid.csv");
        let mut picture = picture();
        picture.table = "layer,gate\n1,0.5\n".to_owned();
        picture.export(ChartFormat::Csv).save(&csv).expect("saved");
        assert_eq!(std::fs::read_to_string(csv).expect("the file"), "layer,gate\n1,0.5\n");
    }
}
