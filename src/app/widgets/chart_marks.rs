//! What happened in a run beside its values: checkpoints, measures, pauses and warnings, as small symbols along the bottom
//! of its charts, each kind in a row of its own.

use std::ops::RangeInclusive;

use egui::{Color32, Pos2, Rect, Sense, Shape, Ui, Vec2, pos2, vec2};

use crate::app::theme::{Tokens, space};

use super::axes::Axis;
use super::figures::{count, counted};

/// Side of a symbol in points.
const SYMBOL: f32 = 7.0;
/// Height of a row of symbols in points.
const ROW: f32 = 10.0;
/// Least distance of two symbols of a row in points; what is closer shares one.
const APART: f32 = 9.0;
/// Most texts of one kind that are told at one place.
const TOLD: usize = 3;

/// What a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    Checkpoint,
    Measure,
    Pause,
    Warning,
}

impl MarkKind {
    /// Every kind, the lowest row first.
    pub const ALL: [MarkKind; 4] = [Self::Checkpoint, Self::Measure, Self::Pause, Self::Warning];

    /// One of its kind, in small letters.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Measure => "measure",
            Self::Pause => "pause",
            Self::Warning => "warning",
        }
    }

    /// All of its kind, as the legend names them.
    fn title(self) -> &'static str {
        match self {
            Self::Checkpoint => "Checkpoints",
            Self::Measure => "Measures",
            Self::Pause => "Pauses",
            Self::Warning => "Warnings",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Self::Checkpoint => "Where the run was saved",
            Self::Measure => "Where held-out loss was measured",
            Self::Pause => "Where the run stood still",
            Self::Warning => "Where something wants attention",
        }
    }

    /// The colour of its symbol.
    pub fn color(self, tokens: &Tokens) -> Color32 {
        match self {
            Self::Checkpoint => tokens.ok,
            Self::Measure => tokens.chart_held_out,
            Self::Pause => tokens.text_weak,
            Self::Warning => tokens.warn,
        }
    }

    /// The corners of its symbol's parts, from -1 to 1 on both axes, downwards.
    pub fn outlines(self) -> &'static [&'static [(f32, f32)]] {
        match self {
            Self::Checkpoint => &[&[(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)]],
            Self::Measure => &[&[(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)]],
            Self::Pause => &[
                &[(-0.8, -1.0), (-0.2, -1.0), (-0.2, 1.0), (-0.8, 1.0)],
                &[(0.2, -1.0), (0.8, -1.0), (0.8, 1.0), (0.2, 1.0)],
            ],
            Self::Warning => &[&[(0.0, -1.0), (1.0, 0.9), (-1.0, 0.9)]],
        }
    }
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub kind: MarkKind,
    pub step: usize,
    /// Seconds trained until then.
    pub time_s: f64,
    /// What is said of it, in a few words.
    pub text: String,
}

impl Mark {
    /// Where it stands on `axis`.
    pub fn x(&self, axis: Axis) -> f64 {
        match axis {
            Axis::Step => self.step as f64,
            Axis::Time => self.time_s,
        }
    }
}

/// The marks of one kind, in the order of their steps.
#[derive(Clone, Debug, Default)]
struct Row {
    marks: Vec<Mark>,
    is_hidden: bool,
}

/// Everything that happened in a run, and which kinds of it are hidden.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    rows: [Row; 4],
}

impl Marks {
    /// Adds what happened after everything that was added of its kind.
    pub fn push(&mut self, mark: Mark) {
        self.row_mut(mark.kind).marks.push(mark);
    }

    /// Forgets what happened; what is hidden stays hidden.
    pub fn clear(&mut self) {
        self.rows.iter_mut().for_each(|row| row.marks.clear());
    }

    /// The height in points that the symbols take.
    pub fn height(&self) -> f32 {
        self.shown().count() as f32 * ROW
    }

    /// Marks of every kind that is shown, the lowest row first.
    pub fn shown(&self) -> impl Iterator<Item = (MarkKind, &[Mark])> {
        MarkKind::ALL
            .into_iter()
            .zip(&self.rows)
            .filter(|(_, row)| !row.is_hidden && !row.marks.is_empty())
            .map(|(kind, row)| (kind, row.marks.as_slice()))
    }

    /// What is said of the marks no farther than `reach` from `x`.
    pub fn told_at(&self, axis: Axis, x: f64, reach: f64) -> Vec<String> {
        let mut texts = Vec::new();
        for (kind, marks) in self.shown() {
            let near = within(marks, axis, &(x - reach..=x + reach));
            texts.extend(near.iter().take(TOLD).map(|mark| mark.text.clone()));
            if near.len() > TOLD {
                texts.push(format!("and {} more", counted(near.len() - TOLD, kind.noun())));
            }
        }
        texts
    }

    /// How many there are of each kind that is shown, and the last warning: `5 checkpoints, 1 warning: memory ran short`.
    pub fn in_words(&self) -> Option<String> {
        let counts = self.shown().map(|(kind, marks)| counted(marks.len(), kind.noun()));
        let mut words = counts.collect::<Vec<_>>().join(", ");
        if words.is_empty() {
            return None;
        }
        let warning = self.shown().filter(|(kind, _)| *kind == MarkKind::Warning).find_map(|(_, marks)| marks.last());
        if let Some(warning) = warning {
            words += &format!(", the last: {}", warning.text);
        }
        Some(words)
    }

    /// Draws the symbols along the bottom of `frame`, whose width shows `x`.
    pub fn paint(&self, ui: &Ui, frame: Rect, axis: Axis, x: &RangeInclusive<f64>) {
        let painter = ui.painter_at(frame);
        let tokens = Tokens::of(ui);
        for (row, (kind, marks)) in self.shown().enumerate() {
            let middle = frame.bottom() - (row as f32 + 0.5) * ROW - space::XXS;
            for at in places(marks, axis, x, frame.width()) {
                symbol(pos2(frame.left() + at, middle), kind, kind.color(tokens)).into_iter().for_each(|shape| {
                    painter.add(shape);
                });
            }
        }
    }

    /// A switch for each kind that happened.
    pub fn legend_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        for (kind, row) in MarkKind::ALL.into_iter().zip(&mut self.rows) {
            if row.marks.is_empty() {
                continue;
            }
            let text = format!("{} {}", kind.title(), count(row.marks.len()));
            let mut is_shown = !row.is_hidden;
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = space::XS;
                let switch = ui.checkbox(&mut is_shown, text).on_hover_text(kind.explanation());
                row.is_hidden = !is_shown;
                let (rect, _) = ui.allocate_exact_size(vec2(SYMBOL, switch.rect.height()), Sense::hover());
                ui.painter().extend(symbol(rect.center(), kind, kind.color(tokens)));
            });
        }
    }

    fn row_mut(&mut self, kind: MarkKind) -> &mut Row {
        let [checkpoints, measures, pauses, warnings] = &mut self.rows;
        match kind {
            MarkKind::Checkpoint => checkpoints,
            MarkKind::Measure => measures,
            MarkKind::Pause => pauses,
            MarkKind::Warning => warnings,
        }
    }
}

/// Where symbols of `marks` stand, in points from the left end of `width`: none closer to the last than can be told apart.
pub fn places(marks: &[Mark], axis: Axis, x: &RangeInclusive<f64>, width: f32) -> Vec<f32> {
    let stretch = x.end() - x.start();
    let apart = stretch * f64::from(APART / width.max(1.0));
    let mut left = within(marks, axis, x);
    let mut found = Vec::new();
    while let Some(first) = left.first() {
        let at = first.x(axis);
        found.push(((at - x.start()) / stretch) as f32 * width);
        let next = left.partition_point(|mark| mark.x(axis) < at + apart).max(1);
        left = left.get(next..).unwrap_or_default();
    }
    found
}

/// The shapes of a symbol around `center`.
fn symbol(center: Pos2, kind: MarkKind, color: Color32) -> Vec<Shape> {
    let half = SYMBOL / 2.0;
    let corner = |(x, y): &(f32, f32)| center + Vec2::new(*x, *y) * half;
    let part = |outline: &&[(f32, f32)]| {
        Shape::convex_polygon(outline.iter().map(corner).collect(), color, egui::Stroke::NONE)
    };
    kind.outlines().iter().map(part).collect()
}

fn within<'a>(marks: &'a [Mark], axis: Axis, x: &RangeInclusive<f64>) -> &'a [Mark] {
    let start = marks.partition_point(|mark| mark.x(axis) < *x.start());
    let end = marks.partition_point(|mark| mark.x(axis) <= *x.end());
    marks.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(kind: MarkKind, steps: impl IntoIterator<Item = usize>) -> Marks {
        let mut marks = Marks::default();
        for step in steps {
            marks.push(Mark { kind, step, time_s: step as f64 * 2.0, text: format!("{} at {step}", kind.noun()) });
        }
        marks
    }

    #[test]
    fn symbols_that_would_touch_share_one_place() {
        let marks = marks(MarkKind::Measure, 0..100_000);
        let (_, row) = marks.shown().next().expect("a row");
        let found = places(row, Axis::Step, &(0.0..=100_000.0), 450.0);
        assert!(found.len() <= 51, "{} symbols", found.len());
        assert!(found.windows(2).all(|pair| pair[1] - pair[0] >= APART - 0.1));
        let zoomed = places(row, Axis::Step, &(10.0..=14.0), 450.0);
        assert_eq!(zoomed, [0.0, 112.5, 225.0, 337.5, 450.0]);
        assert_eq!(places(row, Axis::Time, &(20.0..=28.0), 450.0), zoomed);
    }

    #[test]
    fn what_happened_near_the_pointer_is_told_and_no_more_than_can_be_read() {
        let marks = marks(MarkKind::Checkpoint, [10, 20, 21, 22, 23, 24, 90]);
        assert_eq!(marks.told_at(Axis::Step, 10.4, 1.0), ["checkpoint at 10"]);
        assert_eq!(marks.told_at(Axis::Step, 22.0, 5.0).last().map(String::as_str), Some("and 2 checkpoints more"));
        assert!(marks.told_at(Axis::Time, 60.0, 5.0).is_empty());
    }

    #[test]
    fn a_hidden_kind_takes_no_room_and_is_not_told() {
        let mut marks = marks(MarkKind::Warning, [5]);
        assert_eq!(marks.in_words().as_deref(), Some("1 warning, the last: warning at 5"));
        assert_eq!(marks.height(), ROW);
        marks.row_mut(MarkKind::Warning).is_hidden = true;
        assert_eq!((marks.in_words(), marks.height()), (None, 0.0));
        marks.clear();
        assert!(marks.row_mut(MarkKind::Warning).is_hidden, "another run does not bring back what was hidden");
    }
}
