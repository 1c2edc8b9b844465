//! Colours for values: from little to much, or below and above nothing; and the legend that names them.

use egui::{Align2, Color32, Mesh, Rect, Role, Sense, Stroke, TextStyle, Ui, WidgetInfo, pos2, vec2};

use crate::app::theme::{Tokens, space};

/// Which colour stands for which value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// From `low` to `high`.
    Sequential { low: f32, high: f32 },
    /// From `-reach` to `reach`, nothing in the middle.
    Diverging { reach: f32 },
}

impl Default for Scale {
    fn default() -> Self {
        Self::Sequential { low: 0.0, high: 1.0 }
    }
}

impl Scale {
    /// A scale for differences that reaches as far as the largest of `values`, and at least to `least`.
    pub fn diverging(values: impl IntoIterator<Item = f32>, least: f32) -> Self {
        let far = values.into_iter().filter(|value| value.is_finite()).map(f32::abs).fold(least, f32::max);
        Self::Diverging { reach: far }
    }

    /// The values at both ends.
    pub fn ends(self) -> (f32, f32) {
        match self {
            Self::Sequential { low, high } => (low, high),
            Self::Diverging { reach } => (-reach, reach),
        }
    }

    /// The colour of a value; one beyond an end takes that end's.
    pub fn color(self, tokens: &Tokens, value: f32) -> Color32 {
        let share = self.share(value);
        match self {
            Self::Sequential { .. } => tokens.heat(share),
            Self::Diverging { .. } => tokens.diverging(share),
        }
    }

    /// Where a value stands between the ends, 0 to 1.
    fn share(self, value: f32) -> f32 {
        let (low, high) = self.ends();
        let flat = if matches!(self, Self::Diverging { .. }) { 0.5 } else { 0.0 };
        if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { flat }
    }

    fn stops(self, tokens: &Tokens) -> [Color32; 5] {
        match self {
            Self::Sequential { .. } => tokens.heat,
            Self::Diverging { .. } => tokens.diverging,
        }
    }

    /// A value as the ends are labelled.
    pub fn label(self, value: f32) -> String {
        match self {
            _ if value == 0.0 => "0".to_owned(),
            Self::Sequential { .. } => format!("{value:.2}"),
            Self::Diverging { .. } => format!("{value:+.2}"),
        }
    }
}

/// The colours of `scale` with its ends named, and `mark`, a value with its name, on the way.
pub fn scale_ui(ui: &mut Ui, scale: Scale, mark: Option<(f32, &str)>) {
    const WIDTH: f32 = 200.0;
    const BAR: f32 = 10.0;
    let tokens = Tokens::of(ui);
    let small = TextStyle::Small.resolve(ui.style());
    let height = BAR + space::XS + small.size + 2.0;
    let (rect, response) = ui.allocate_exact_size(vec2(WIDTH, height), Sense::hover());
    let bar = Rect::from_min_size(rect.min, vec2(WIDTH, BAR));
    ui.painter().add(band(scale.stops(tokens), bar));
    ui.painter().rect_stroke(bar, 0.0, Stroke::new(1.0, tokens.border_strong), egui::StrokeKind::Inside);
    let text = |x: f32, align: Align2, text: String| {
        ui.painter().text(pos2(x, bar.bottom() + space::XS), align, text, small.clone(), tokens.text_weak);
    };
    let (low, high) = scale.ends();
    text(bar.left(), Align2::LEFT_TOP, scale.label(low));
    text(bar.right(), Align2::RIGHT_TOP, scale.label(high));
    if let Some((value, name)) = mark {
        let share = scale.share(value);
        let x = egui::lerp(bar.x_range(), share);
        ui.painter().vline(x, bar.y_range().expand(2.0), Stroke::new(2.0, tokens.text_strong));
        if (0.25..0.75).contains(&share) {
            text(x, Align2::CENTER_TOP, name.to_owned());
        }
    }
    response.widget_info(|| {
        let ends = format!("Colours from {} to {}", scale.label(low), scale.label(high));
        let text = mark.map_or(ends.clone(), |(_, name)| format!("{ends}; {name}"));
        WidgetInfo::labeled(Role::Image, true, text)
    });
}

/// A band that runs through `stops` from left to right.
fn band(stops: [Color32; 5], bar: Rect) -> Mesh {
    let mut mesh = Mesh::default();
    let last = stops.len() - 1;
    for (i, color) in stops.into_iter().enumerate() {
        let x = egui::lerp(bar.x_range(), i as f32 / last as f32);
        mesh.colored_vertex(pos2(x, bar.top()), color);
        mesh.colored_vertex(pos2(x, bar.bottom()), color);
        if i > 0 {
            let corner = 2 * i as u32;
            mesh.add_triangle(corner - 2, corner - 1, corner);
            mesh.add_triangle(corner - 1, corner, corner + 1);
        }
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_colour_of_their_place_and_no_other_than_the_ends_beyond() {
        let tokens = Tokens::of_theme(egui::Theme::Dark);
        let scale = Scale::Sequential { low: 0.2, high: 0.6 };
        assert_eq!(scale.color(tokens, 0.1), tokens.heat[0]);
        assert_eq!(scale.color(tokens, 0.4), tokens.heat[2]);
        assert_eq!(scale.color(tokens, 7.0), tokens.heat[4]);
    }

    #[test]
    fn differences_have_nothing_in_the_middle() {
        let tokens = Tokens::of_theme(egui::Theme::Light);
        let scale = Scale::diverging([0.1, -0.3, f32::NAN], 0.05);
        assert_eq!(scale.ends(), (-0.3, 0.3));
        assert_eq!(scale.color(tokens, 0.0), tokens.diverging[2]);
        assert_eq!((scale.label(0.3), scale.label(0.0)), ("+0.30".to_owned(), "0".to_owned()));
        assert_eq!(Scale::diverging([], 0.05).ends(), (-0.05, 0.05));
    }
}
