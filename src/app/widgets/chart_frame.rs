//! What a chart shows: the stretch of its width, and heights between which the lines in sight lie.

use std::ops::RangeInclusive;

use egui_plot::PlotPoint;

use super::axes::{Axis, Outliers, Pane, Scale};
use super::chart::ChartLine;
use super::series::{Sample, Series};

/// Room beyond the first and last value, as a share of the width.
const SIDE_MARGIN: f64 = 0.015;
/// Room below and above the lines, as a share of the height.
const MARGIN: f64 = 0.08;
/// Values that tell what is usual, at most; more would cost time and change nothing.
const SPREAD: usize = 1000;
/// Fewer values than this do not tell what is unusual among them.
const FEWEST: usize = 20;
/// Share of the values at each end that may be unusual.
const TAIL: f64 = 0.05;
/// How far beyond the usual values, in their own spread, a value is still shown.
const REACH: f64 = 1.0;

/// The first and the last value of a series.
pub fn ends(series: &Series) -> impl Iterator<Item = Sample> + use<> {
    [series.first(), series.last()].into_iter().flatten()
}

/// From the first to the last of some values, with a little room; half a step more where there is only one.
pub fn whole_width(values: impl Iterator<Item = Sample>, axis: Axis) -> RangeInclusive<f64> {
    let places = values.map(|sample| sample.x(axis)).filter(|x| x.is_finite());
    let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    match high - low {
        width if width > 0.0 => low - SIDE_MARGIN * width..=high + SIDE_MARGIN * width,
        0.0 => low - 0.5..=high + 0.5,
        _ => 0.0..=1.0,
    }
}

/// Heights between which the prepared `lines` lie within `pane`, with room around; `strip` is the share of the chart's
/// height at the bottom that is kept free.
pub fn heights(lines: &[ChartLine<'_>], pane: &Pane, outliers: Outliers, strip: f64) -> RangeInclusive<f64> {
    let all = lines.iter().filter_map(|line| drawn_heights(line.series.points(), &pane.x)).reduce(union);
    let Some(all) = all else { return 0.0..=1.0 };
    let usual = match outliers {
        Outliers::Shown => None,
        Outliers::Clipped => lines.iter().filter_map(|line| usual_heights(line.series, pane)).reduce(union),
    };
    let (mut low, mut high) = all.into_inner();
    if let Some(usual) = usual.filter(|usual| *usual.start() < high && *usual.end() > low) {
        (low, high) = (low.max(*usual.start()), high.min(*usual.end()));
    }
    with_room(low, high, pane.scale, strip)
}

/// Whether a point has a place: neither a value that is no number nor a time that is not known has one.
pub fn is_drawable(point: &PlotPoint) -> bool {
    point.x.is_finite() && point.y.is_finite()
}

/// Whether heights that are drawn lie outside `shown`.
pub fn is_outside(point: &PlotPoint, shown: &RangeInclusive<f64>) -> bool {
    point.y.is_finite() && !shown.contains(&point.y)
}

/// A flat line stays off the frame: heights that hardly differ are shown within a tenth of their size.
fn with_room(low: f64, high: f64, scale: Scale, strip: f64) -> RangeInclusive<f64> {
    let least = match scale {
        Scale::Linear => high.abs().max(low.abs()) * 0.05,
        Scale::Log => 0.05,
    };
    let least = if least > 0.0 { least } else { 0.5 };
    let (low, high) = if high - low >= least {
        (low, high)
    } else {
        let middle = f64::midpoint(low, high);
        (middle - least, middle + least)
    };
    let margin = MARGIN * (high - low);
    let whole = high - low + 2.0 * margin;
    low - margin - whole * strip / (1.0 - strip)..=high + margin
}

/// The lowest and highest of the points within `x`; of all where only a line between two of them crosses it.
fn drawn_heights(points: &[PlotPoint], x: &RangeInclusive<f64>) -> Option<RangeInclusive<f64>> {
    let within = points.iter().filter(|point| x.contains(&point.x));
    extent(within.map(|point| point.y)).or_else(|| extent(points.iter().map(|point| point.y)))
}

fn extent(heights: impl Iterator<Item = f64>) -> Option<RangeInclusive<f64>> {
    let (low, high) = heights
        .filter(|height| height.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), height| (low.min(height), high.max(height)));
    (low <= high).then_some(low..=high)
}

/// Where most values lie, and as far again on both sides: one value far off does not move it.
fn usual_heights(series: &Series, pane: &Pane) -> Option<RangeInclusive<f64>> {
    let mut heights = series.spread(pane, SPREAD);
    if heights.len() < FEWEST {
        return extent(heights.into_iter());
    }
    let last = heights.len() - 1;
    let at = |share: f64| (share * last as f64).round() as usize;
    let (_, high, _) = heights.select_nth_unstable_by(at(1.0 - TAIL), f64::total_cmp);
    let high = *high;
    let (_, low, _) = heights.select_nth_unstable_by(at(TAIL), f64::total_cmp);
    let low = *low;
    let reach = REACH * (high - low);
    Some(low - reach..=high + reach)
}

fn union(a: RangeInclusive<f64>, b: RangeInclusive<f64>) -> RangeInclusive<f64> {
    a.start().min(*b.start())..=a.end().max(*b.end())
}

#[cfg(test)]
mod tests {
    use egui::Color32;

    use super::*;
    use crate::app::widgets::chart::Look;

    fn series(values: &[f64]) -> Series {
        let mut series = Series::default();
        values.iter().enumerate().for_each(|(i, value)| series.push_at(i * 10, i as f64 * 3.0, *value));
        series
    }

    fn line(series: &mut Series) -> ChartLine<'_> {
        ChartLine { name: "Loss", series, color: Color32::PLACEHOLDER, look: Look::Line }
    }

    fn heights_of(values: &[f64], outliers: Outliers) -> (f64, f64) {
        let mut series = series(values);
        let pane = Pane { axis: Axis::Step, scale: Scale::Linear, x: 0.0..=10.0 * values.len() as f64 };
        series.prepare(&pane, 2000);
        heights(&[line(&mut series)], &pane, outliers, 0.0).into_inner()
    }

    #[test]
    fn one_value_has_room_on_all_sides() {
        let one = series(&[1.0]);
        assert_eq!(whole_width(ends(&one), Axis::Step), -0.5..=0.5);
        let (low, high) = heights_of(&[1.0], Outliers::Shown);
        assert!(low < 0.95 && high > 1.05, "{low} to {high}");
    }

    #[test]
    fn the_width_counts_steps_or_time() {
        let three = series(&[1.0, 2.0, 3.0]);
        assert_eq!(whole_width(ends(&three), Axis::Step), -0.3..=20.3);
        assert_eq!(whole_width(ends(&three), Axis::Time), -0.09..=6.09);
        let mut untimed = Series::default();
        untimed.push(3, 1.0);
        assert_eq!(whole_width(ends(&untimed), Axis::Time), 0.0..=1.0);
    }

    #[test]
    fn one_spike_flattens_the_curve_unless_outliers_are_clipped() {
        let mut values: Vec<f64> = (0..200).map(|i| 1.0 + f64::from(i % 10) / 10.0).collect();
        values[77] = 500.0;
        let (_, high) = heights_of(&values, Outliers::Shown);
        assert!(high > 500.0);
        let (low, high) = heights_of(&values, Outliers::Clipped);
        assert!(low < 1.0 && high > 1.9 && high < 4.0, "{low} to {high}");
    }

    #[test]
    fn clipping_never_widens_and_spares_the_few() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(heights_of(&values, Outliers::Clipped), heights_of(&values, Outliers::Shown));
        let few = [2.2, 0.7, 0.71, 0.7, 0.69, 0.7];
        assert_eq!(heights_of(&few, Outliers::Clipped), heights_of(&few, Outliers::Shown));
    }

    #[test]
    fn heights_follow_what_is_in_sight() {
        let mut falling = series(&[100.0, 10.0, 1.0, 1.5, 1.2]);
        let pane = Pane { axis: Axis::Step, scale: Scale::Linear, x: 20.0..=40.0 };
        falling.prepare(&pane, 2000);
        let (low, high) = heights(&[line(&mut falling)], &pane, Outliers::Shown, 0.0).into_inner();
        assert!(low > 0.9 && high < 1.6, "{low} to {high}");
    }

    #[test]
    fn the_strip_at_the_bottom_stays_free() {
        let mut flat = series(&[1.0, 2.0]);
        let pane = Pane::whole(Axis::Step, Scale::Linear);
        flat.prepare(&pane, 2000);
        let (low, high) = heights(&[line(&mut flat)], &pane, Outliers::Shown, 0.25).into_inner();
        assert!((1.0 - low) / (high - low) > 0.25, "{low} to {high}");
    }

    #[test]
    fn nothing_to_draw_is_shown_from_zero_to_one() {
        assert_eq!(heights_of(&[f64::NAN], Outliers::Clipped), (0.0, 1.0));
    }
}
