//! What no line can show is marked at the edge of a chart: values beyond its heights, and values that are no number.

use std::ops::RangeInclusive;

use egui_plot::{MarkerShape, PlotPoint, PlotPoints, PlotUi, Points};

use crate::app::theme::Tokens;

use super::axes::Pane;
use super::chart::ChartLine;
use super::chart_frame::is_outside;

/// Places along the width that may carry a mark of their own.
pub const PLACES: usize = 120;

/// Radius of a mark in points.
const RADIUS: f32 = 4.0;

/// Which way a mark points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The value lies above the frame.
    Above,
    /// The value lies below the frame.
    Below,
    /// The value is not a number.
    NoNumber,
}

/// Places of the values of `points` that lie outside `heights` within `pane`, each with the edge that is nearest to it, none
/// closer to the last of its edge than can be told apart.
pub fn clipped(points: &[PlotPoint], pane: &Pane, heights: &RangeInclusive<f64>) -> Vec<(f64, Edge)> {
    let apart = (pane.x.end() - pane.x.start()) / PLACES as f64;
    let mut last = [f64::NEG_INFINITY; 2];
    let [above, below] = &mut last;
    let mut found = Vec::new();
    for point in points.iter().filter(|point| pane.x.contains(&point.x) && is_outside(point, heights)) {
        let (edge, last) =
            if point.y > *heights.end() { (Edge::Above, &mut *above) } else { (Edge::Below, &mut *below) };
        if point.x - *last >= apart {
            *last = point.x;
            found.push((point.x, edge));
        }
    }
    found
}

/// Places of the values of `line` that are NaN or infinite.
pub fn broken(line: &ChartLine<'_>, pane: &Pane) -> Vec<(f64, Edge)> {
    let edge = |value: f64| match value {
        f64::INFINITY => Edge::Above,
        f64::NEG_INFINITY => Edge::Below,
        _ => Edge::NoNumber,
    };
    line.series.broken(pane, PLACES).into_iter().map(|sample| (sample.x(pane.axis), edge(sample.value))).collect()
}

/// Draws the marks at the edges, those at the bottom above a strip of so many points: clipped values in a quiet colour, and
/// what is no number in that of errors.
pub fn draw_edges<'a>(
    plot_ui: &mut PlotUi<'a>,
    lines: &'a [ChartLine<'_>],
    pane: &Pane,
    heights: &RangeInclusive<f64>,
    (strip, tokens): (f32, &Tokens),
) {
    let [_, upwards] = plot_ui.transform().dvalue_dpos();
    let inset = f64::from(RADIUS + 1.0) * upwards.abs();
    let floor = heights.start() + f64::from(strip) * upwards.abs() + inset;
    for line in lines {
        let marks =
            [(clipped(line.series.points(), pane, heights), tokens.text_weak), (broken(line, pane), tokens.error)];
        for (places, color) in marks {
            for edge in [Edge::Above, Edge::Below, Edge::NoNumber] {
                let (height, shape) = match edge {
                    Edge::Above => (heights.end() - inset, MarkerShape::Up),
                    Edge::Below => (floor, MarkerShape::Down),
                    Edge::NoNumber => (floor, MarkerShape::Cross),
                };
                let here = places.iter().filter(|(_, at)| *at == edge).map(|(x, _)| PlotPoint::new(*x, height));
                let points: Vec<PlotPoint> = here.collect();
                if points.is_empty() {
                    continue;
                }
                let markers = Points::new(line.name, PlotPoints::Owned(points)).radius(RADIUS).shape(shape);
                let id = (line.name, edge as usize, color.to_array());
                plot_ui.points(markers.color(color).id(id).allow_hover(false));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use egui::Color32;

    use super::*;
    use crate::app::widgets::axes::{Axis, Scale};
    use crate::app::widgets::chart::{LINE_BUDGET, Look};
    use crate::app::widgets::series::Series;

    fn pane(x: RangeInclusive<f64>) -> Pane {
        Pane { axis: Axis::Step, scale: Scale::Linear, x }
    }

    #[test]
    fn values_beyond_the_heights_are_marked_on_their_side_and_not_twice_at_one_place() {
        let mut series = Series::default();
        for step in 0..1000 {
            series.push(
                step,
                if step == 500 {
                    -9.0
                } else if (200..210).contains(&step) {
                    9.0
                } else {
                    0.5
                },
            );
        }
        let pane = pane(0.0..=1000.0);
        series.prepare(&pane, LINE_BUDGET);
        let found = clipped(series.points(), &pane, &(0.0..=1.0));
        assert_eq!(found, [(200.0, Edge::Above), (209.0, Edge::Above), (500.0, Edge::Below)]);
        assert!(clipped(series.points(), &pane, &(-10.0..=10.0)).is_empty());
    }

    #[test]
    fn every_value_that_is_no_number_keeps_its_mark_in_a_hundred_thousand() {
        let mut series = Series::default();
        for step in 0..100_000 {
            let value = match step {
                777 => f64::NAN,
                40_000 => f64::INFINITY,
                90_001 => f64::NEG_INFINITY,
                _ => 1.0,
            };
            series.push(step, value);
        }
        let line = ChartLine { name: "Loss", series: &mut series, color: Color32::PLACEHOLDER, look: Look::Line };
        let all = [(777.0, Edge::NoNumber), (40_000.0, Edge::Above), (90_001.0, Edge::Below)];
        assert_eq!(broken(&line, &pane(0.0..=100_000.0)), all);
        assert_eq!(broken(&line, &pane(700.0..=800.0)), all[..1]);
        assert!(broken(&line, &pane(800.0..=900.0)).is_empty());
    }

    #[test]
    fn a_run_of_nothing_but_gaps_takes_no_more_marks_than_there_are_places() {
        let mut series = Series::default();
        (0..100_000).for_each(|step| series.push(step, f64::NAN));
        let line = ChartLine { name: "Loss", series: &mut series, color: Color32::PLACEHOLDER, look: Look::Line };
        let found = broken(&line, &pane(0.0..=99_999.0));
        assert!((PLACES..=PLACES + 1).contains(&found.len()), "{}", found.len());
    }
}
