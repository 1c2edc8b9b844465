//! A chart drawn as SVG: title, legend, grid with labels, lines, marks. It holds no more points than the chart on screen.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use egui::Color32;
use egui_plot::{GridInput, PlotPoint};

use super::{ChartFigure, Edge, FigureLine, FigureMarks};
use crate::app::widgets::axes::{Axis, Scale};
use crate::app::widgets::chart::Look;
use crate::app::widgets::chart_axis::{even_marks, log_marks, mark_label, width_label, width_marks};
use crate::app::widgets::chart_frame::is_drawable;

const WIDTH: f32 = 960.0;
const LEFT: f32 = 80.0;
const RIGHT: f32 = 24.0;
/// Width of the plot itself.
pub const PLOT_WIDTH: f32 = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT: f32 = 400.0;
/// From the top to the first row of the legend.
const HEAD: f32 = 56.0;
const LEGEND_ROW: f32 = 20.0;
/// Below the plot: labels, and what they count.
const FOOT: f32 = 60.0;
/// Height of a row of symbols.
const MARK_ROW: f32 = 12.0;
/// About the width of a letter of the legend. No font is at hand here; a little too much does no harm.
const LETTER: f32 = 6.6;

/// The drawing.
pub fn draw(figure: &ChartFigure) -> String {
    let legend = legend_places(&figure.lines);
    let rows = legend.last().map_or(0, |(row, _)| row + 1);
    let top = HEAD + rows as f32 * LEGEND_ROW;
    let height = top + PLOT_HEIGHT + FOOT;
    let place = Place { x: figure.pane.x.clone(), y: figure.heights.clone(), top };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"{ground}\"/>\n",
        title = escaped(&figure.title),
        ground = hex(figure.colors.ground),
    );
    svg += &text((24.0, 34.0), "start", hex(figure.colors.text_strong), 18, &figure.title);
    for (line, (row, x)) in figure.lines.iter().zip(&legend) {
        let middle = HEAD + *row as f32 * LEGEND_ROW;
        svg += &swatch(line, *x, middle);
        svg += &text((x + 24.0, middle + 4.0), "start", hex(figure.colors.text), 13, &line.name);
    }
    svg += &grid(figure, &place);
    let clip = format!("<rect x=\"{LEFT}\" y=\"{top}\" width=\"{PLOT_WIDTH}\" height=\"{PLOT_HEIGHT}\"/>");
    let _ = writeln!(svg, "<clipPath id=\"plot\">{clip}</clipPath>\n<g clip-path=\"url(#plot)\">");
    figure.lines.iter().for_each(|line| svg += &curve(line, &place));
    let floor = place.bottom() - figure.marks.len() as f32 * MARK_ROW;
    figure.lines.iter().for_each(|line| svg += &edges(line, &place, floor));
    figure.marks.iter().enumerate().for_each(|(row, marks)| svg += &symbols(marks, row, &place));
    svg += "</g>\n</svg>\n";
    svg
}

/// Where values stand in the drawing.
struct Place {
    x: RangeInclusive<f64>,
    y: RangeInclusive<f64>,
    top: f32,
}

impl Place {
    fn across(&self, x: f64) -> f32 {
        LEFT + share(x, &self.x) * PLOT_WIDTH
    }

    fn down(&self, y: f64) -> f32 {
        self.top + (1.0 - share(y, &self.y)) * PLOT_HEIGHT
    }

    fn bottom(&self) -> f32 {
        self.top + PLOT_HEIGHT
    }
}

fn share(value: f64, range: &RangeInclusive<f64>) -> f32 {
    ((value - range.start()) / (range.end() - range.start())) as f32
}

/// Row and left end of every entry of the legend.
fn legend_places(lines: &[FigureLine]) -> Vec<(usize, f32)> {
    let (mut row, mut x) = (0, 24.0);
    let place = |line: &FigureLine| {
        let width = 24.0 + LETTER * line.name.chars().count() as f32 + 20.0;
        if x > 24.0 && x + width > WIDTH - RIGHT {
            (row, x) = (row + 1, 24.0);
        }
        let at = (row, x);
        x += width;
        at
    };
    lines.iter().map(place).collect()
}

fn swatch(line: &FigureLine, x: f32, middle: f32) -> String {
    let color = hex(line.color);
    match line.look {
        Look::Marked => format!("<circle cx=\"{}\" cy=\"{middle}\" r=\"4\" fill=\"{color}\"/>\n", x + 9.0),
        _ => format!("<path d=\"M{x} {middle}h18\" stroke=\"{color}\" stroke-width=\"3\"/>\n"),
    }
}

fn grid(figure: &ChartFigure, place: &Place) -> String {
    let (axis, scale) = (figure.pane.axis, figure.pane.scale);
    let input = |range: &RangeInclusive<f64>| GridInput { bounds: (*range.start(), *range.end()), base_step_size: 1.0 };
    let (grid, weak) = (hex(figure.colors.grid), hex(figure.colors.text_weak));
    let mut svg = String::new();
    for mark in width_marks(axis, &input(&place.x), 8.0) {
        let (x, bottom) = (place.across(mark.value), place.bottom());
        let _ = writeln!(svg, "<path d=\"M{x:.2} {:.2}v{PLOT_HEIGHT}\" stroke=\"{grid}\"/>", place.top);
        svg += &text((x, bottom + 20.0), "middle", weak.clone(), 12, &width_label(axis, mark.value));
    }
    let marks = match scale {
        Scale::Linear => even_marks(&input(&place.y), 6.0, 0.0),
        Scale::Log => log_marks(&input(&place.y)),
    };
    for mark in marks {
        let y = place.down(mark.value);
        let _ = writeln!(svg, "<path d=\"M{LEFT} {y:.2}h{PLOT_WIDTH}\" stroke=\"{grid}\"/>");
        svg += &text((LEFT - 8.0, y + 4.0), "end", weak.clone(), 12, &mark_label(scale, mark));
    }
    let counted = match axis {
        Axis::Step => "Step",
        Axis::Time => "Time trained",
    };
    svg + &text((LEFT + PLOT_WIDTH / 2.0, place.bottom() + 44.0), "middle", weak, 12, counted)
}

/// A line with its gaps, and a marker on every value where it has them.
fn curve(line: &FigureLine, place: &Place) -> String {
    let (color, width) = (hex(line.color), if line.look == Look::Thin { 1.0 } else { 1.75 });
    let mut svg = String::new();
    let parts = || line.points.split(|point| !is_drawable(point));
    for part in parts().filter(|part| part.len() > 1) {
        svg += "<path fill=\"none\" stroke-linejoin=\"round\" d=\"";
        for (i, PlotPoint { x, y }) in part.iter().enumerate() {
            let letter = if i == 0 { 'M' } else { 'L' };
            let _ = write!(svg, "{letter}{:.2} {:.2}", place.across(*x), place.down(*y));
        }
        let _ = writeln!(svg, "\" stroke=\"{color}\" stroke-width=\"{width}\"/>");
    }
    // A value between two gaps has no line that shows it.
    let is_lone = |part: &&[PlotPoint]| part.len() == 1 || line.look == Look::Marked;
    for PlotPoint { x, y } in parts().filter(is_lone).flatten() {
        let (x, y) = (place.across(*x), place.down(*y));
        let _ = writeln!(svg, "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"3\" fill=\"{color}\"/>");
    }
    svg
}

/// Marks for what the line cannot show: at the top, and on `floor`.
fn edges(line: &FigureLine, place: &Place, floor: f32) -> String {
    let mut svg = String::new();
    for (x, edge, color) in &line.edges {
        let (x, color) = (place.across(*x), hex(*color));
        let _ = match edge {
            Edge::Above => {
                writeln!(svg, "<path d=\"M{:.2} {:.2}h8l-4 -7z\" fill=\"{color}\"/>", x - 4.0, place.top + 9.0)
            }
            Edge::Below => {
                writeln!(svg, "<path d=\"M{:.2} {:.2}h8l-4 7z\" fill=\"{color}\"/>", x - 4.0, floor - 9.0)
            }
            Edge::NoNumber => writeln!(
                svg,
                "<path d=\"M{:.2} {:.2}l7 7m0 -7l-7 7\" stroke=\"{color}\" stroke-width=\"1.5\"/>",
                x - 3.5,
                floor - 10.0
            ),
        };
    }
    svg
}

fn symbols(marks: &FigureMarks, row: usize, place: &Place) -> String {
    let middle = place.bottom() - (row as f32 + 0.5) * MARK_ROW - 2.0;
    let color = hex(marks.color);
    let mut svg = String::new();
    for outline in marks.kind.outlines() {
        for at in &marks.places {
            let corner = |(x, y): &(f32, f32)| format!("{:.2},{:.2}", LEFT + at + 4.0 * x, middle + 4.0 * y);
            let corners = outline.iter().map(corner).collect::<Vec<_>>().join(" ");
            let _ = writeln!(svg, "<polygon points=\"{corners}\" fill=\"{color}\"/>");
        }
    }
    svg
}

/// A text of one line, whose baseline begins, has its middle or ends at a place.
pub fn text((x, y): (f32, f32), anchor: &str, color: String, size: u8, words: &str) -> String {
    let words = escaped(words);
    format!(
        "<text x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{anchor}\" fill=\"{color}\" font-size=\"{size}\">{words}</text>\n"
    )
}

/// A text as XML takes it; letters that it does not know are left out.
pub fn escaped(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    for letter in words.chars() {
        match letter {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

/// The colour as a drawing names it.
pub fn hex(color: Color32) -> String {
    let [r, g, b, _] = color.to_array();
    format!("#{r:02x}{g:02x}{b:02x}")
}
