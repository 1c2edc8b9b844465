//! How often which numbers occur, as bars, with a line where something ends: what is beyond it has another colour.

use egui::{Align2, Color32, Rect, Role, Sense, Stroke, TextStyle, Ui, WidgetInfo, pos2, vec2};

use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::figures::{count, counted};
use crate::text::audit::Histogram;

/// Height of the bars, and of the figures below.
const BARS: f32 = 96.0;
const FIGURES: f32 = 18.0;

/// What a histogram counts: the nouns of its widths and of its heights, in the singular.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    pub of: &'static str,
    pub what: &'static str,
}

/// Draws the bars under `title` over the width at hand. Beyond `mark` they stand in the colour of a warning. `summary` is
/// the picture in words.
pub fn histogram_ui(
    ui: &mut Ui,
    title: &str,
    histogram: &Histogram,
    nouns: Counted,
    mark: Option<usize>,
    summary: &str,
) {
    let tokens = Tokens::of(ui);
    ui.label(egui::RichText::new(title).small().color(tokens.text_weak));
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), BARS + FIGURES), Sense::hover());
    let bars = Rect::from_min_max(rect.min, pos2(rect.right(), rect.top() + BARS));
    let reach = histogram.counts.len() * histogram.width;
    let highest = histogram.counts.iter().copied().max().unwrap_or_default();
    ui.painter().rect_filled(bars, size::RADIUS_SMALL, tokens.well);
    let step = bars.width() / histogram.counts.len().max(1) as f32;
    let bin = |index: usize| {
        let left = bars.left() + index as f32 * step;
        Rect::from_x_y_ranges(left..=left + step, bars.y_range())
    };
    for (index, &number) in histogram.counts.iter().enumerate().filter(|(_, number)| **number > 0) {
        // What is there is seen, however little it is.
        let height = (bars.height() * number as f32 / highest.max(1) as f32).max(1.0);
        let bar = bin(index).shrink2(vec2((step * 0.1).min(1.0), 0.0));
        let bar = Rect::from_min_max(pos2(bar.left(), bars.bottom() - height), bar.max);
        let is_beyond = mark.is_some_and(|mark| index * histogram.width >= mark);
        ui.painter().rect_filled(bar, 1.0, if is_beyond { tokens.warn } else { tokens.chart_main });
    }
    figures(ui, bars, (reach, histogram.beyond), tokens.text_weak);
    if let Some(mark) = mark.filter(|mark| *mark <= reach && reach > 0) {
        let x = bars.left() + bars.width() * mark as f32 / reach as f32;
        ui.painter().vline(x, bars.y_range(), Stroke::new(1.5, tokens.warn));
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, summary));
    let pointed = response.hover_pos().map(|at| ((at.x - bars.left()) / step).max(0.0) as usize);
    let told = pointed.and_then(|index| Some((index, *histogram.counts.get(index)?)));
    if let Some((index, number)) = told {
        ui.painter().rect_stroke(bin(index), 0.0, Stroke::new(1.0, tokens.border_strong), egui::StrokeKind::Inside);
        response.on_hover_text_at_pointer(in_words(histogram.width, index, number, nouns));
    }
}

/// The ends of the axis, its middle, and how many are beyond.
fn figures(ui: &Ui, bars: Rect, (reach, beyond): (usize, usize), color: Color32) {
    let font = TextStyle::Small.resolve(ui.style());
    let write = |share: f32, align: Align2, text: String| {
        let at = pos2(bars.left() + share * bars.width(), bars.bottom() + space::XXS);
        ui.painter().text(at, align, text, font.clone(), color);
    };
    write(0.0, Align2::LEFT_TOP, "0".to_owned());
    write(0.5, Align2::CENTER_TOP, count(reach / 2));
    let end = if beyond > 0 { format!("{}, {} beyond", count(reach), count(beyond)) } else { count(reach) };
    write(1.0, Align2::RIGHT_TOP, end);
}

fn in_words(width: usize, index: usize, number: usize, nouns: Counted) -> String {
    let (first, last) = (if index == 0 { 0 } else { index * width + 1 }, (index + 1) * width);
    let range = if first == last { count(last) } else { format!("{} to {}", count(first), count(last)) };
    format!("{range} {}s: {}", nouns.of, counted(number, nouns.what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_told_with_its_ends() {
        let nouns = Counted { of: "token", what: "example" };
        assert_eq!(in_words(20, 0, 3, nouns), "0 to 20 tokens: 3 examples");
        assert_eq!(in_words(20, 5, 1, nouns), "101 to 120 tokens: 1 example");
        assert_eq!(in_words(1, 4, 2, nouns), "5 tokens: 2 examples");
    }
}
