//! A series keeps its shape, its budget and its cost.

use super::*;

const ALL: RangeInclusive<f64> = f64::NEG_INFINITY..=f64::INFINITY;

/// The points that show `steps` of a series.
fn drawn(series: &mut Series, steps: RangeInclusive<f64>, scale: Scale, budget: usize) -> Vec<PlotPoint> {
    series.prepare(&Pane { axis: Axis::Step, scale, x: steps }, budget);
    series.points().to_vec()
}

fn step_and_value(sample: Option<Sample>) -> Option<(usize, f64)> {
    sample.map(|sample| (sample.step, sample.value))
}

fn noisy(count: usize) -> Series {
    let mut series = Series::default();
    for step in 1..=count {
        series.push(step, wave(step));
    }
    series
}

fn wave(step: usize) -> f64 {
    let noise = (step.wrapping_mul(2_654_435_761) % 1000) as f64 / 1000.0;
    2.0 / (1.0 + step as f64 / 500.0) + 0.3 * noise
}

#[test]
fn a_short_series_is_drawn_value_by_value() {
    let mut series = noisy(100);
    let points = drawn(&mut series, ALL, Scale::Linear, 3000);
    let exact: Vec<PlotPoint> = (1..=100).map(|step| PlotPoint::new(step as f64, wave(step))).collect();
    assert_eq!(points, exact);
}

#[test]
fn a_long_series_keeps_its_budget_and_both_ends() {
    for count in [3001, 10_000, 65_537, 100_000] {
        let mut series = noisy(count);
        let points = drawn(&mut series, ALL, Scale::Linear, 3000);
        assert!(points.len() <= 3004, "{count} values gave {} points", points.len());
        assert!(points.len() >= 1000, "{count} values gave only {} points", points.len());
        assert!(points.windows(2).all(|pair| pair[0].x < pair[1].x));
        assert_eq!(points.first().map(|p| p.x), Some(1.0));
        assert_eq!(points.last().map(|p| (p.x, p.y)), Some((count as f64, wave(count))));
    }
}

#[test]
fn a_single_spike_survives_at_every_length() {
    for count in [5_000, 50_000, 100_000] {
        let mut series = Series::default();
        for step in 0..count {
            series.push(step, if step == count / 3 { 99.0 } else { 1.0 });
        }
        let spike = PlotPoint::new((count / 3) as f64, 99.0);
        assert!(drawn(&mut series, ALL, Scale::Linear, 2000).contains(&spike));
    }
}

#[test]
fn a_zoomed_view_is_exact_and_runs_out_on_both_sides() {
    let mut series = noisy(100_000);
    let points = drawn(&mut series, 50_000.0..=50_500.0, Scale::Linear, 3000);
    let exact: Vec<PlotPoint> = (49_999..=50_501).map(|step| PlotPoint::new(step as f64, wave(step))).collect();
    assert_eq!(points, exact);
}

#[test]
fn a_view_beside_the_data_draws_at_most_the_nearest_value() {
    let mut series = noisy(10);
    assert!(drawn(&mut series, 100.0..=200.0, Scale::Linear, 3000).len() <= 1);
    assert!(drawn(&mut series, -9.0..=-5.0, Scale::Linear, 3000).len() <= 1);
    assert!(drawn(&mut Series::default(), ALL, Scale::Linear, 3000).is_empty());
}

#[test]
fn nothing_is_touched_while_nothing_changes_and_little_when_one_value_comes() {
    let mut series = noisy(100_000);
    assert!(series.touched < 100_000 * 20, "building touched {}", series.touched);
    drawn(&mut series, ALL, Scale::Linear, 3000);
    let before = series.touched;
    for _ in 0..60 {
        drawn(&mut series, ALL, Scale::Linear, 3000);
    }
    assert_eq!(series.touched, before, "an unchanged series was read again");
    series.push(100_001, 0.5);
    drawn(&mut series, ALL, Scale::Linear, 3000);
    assert!(series.touched - before < 3100, "one more value touched {}", series.touched - before);
}

#[test]
fn values_that_are_not_numbers_become_gaps_and_are_counted() {
    let mut series = Series::default();
    for (step, value) in [1.0, f64::NAN, f64::INFINITY, 0.5].into_iter().enumerate() {
        series.push(step, value);
    }
    assert_eq!(series.not_finite(), 2);
    assert_eq!(step_and_value(series.lowest()), Some((3, 0.5)));
    let points = drawn(&mut series, ALL, Scale::Linear, 3000);
    assert_eq!(points.iter().filter(|p| p.y.is_nan()).count(), 2);

    let mut broken = Series::default();
    (0..10_000).for_each(|step| broken.push(step, f64::NAN));
    assert!(drawn(&mut broken, ALL, Scale::Linear, 1000).iter().all(|p| p.y.is_nan()));
    assert_eq!(broken.lowest(), None);
}

#[test]
fn zero_and_below_leave_gaps_on_a_log_scale() {
    let mut series = Series::default();
    for (step, value) in [0.0, 0.01, -1.0, 100.0].into_iter().enumerate() {
        series.push(step, value);
    }
    let heights: Vec<f64> = drawn(&mut series, ALL, Scale::Log, 3000).iter().map(|p| p.y).collect();
    assert!(heights[0].is_nan() && heights[2].is_nan());
    assert_eq!((heights[1], heights[3]), (-2.0, 2.0));
}

#[test]
fn an_earlier_step_rewinds_the_series() {
    let mut series = noisy(1000);
    series.push(501, 9.0);
    assert_eq!(series.len(), 501);
    assert_eq!(step_and_value(series.highest()), Some((501, 9.0)));
    assert_eq!(step_and_value(series.nearest(Axis::Step, 5000.0)), Some((501, 9.0)));
}

#[test]
fn the_nearest_value_is_found_on_either_side() {
    let mut series = Series::default();
    [10, 20, 40].into_iter().for_each(|step| series.push(step, step as f64));
    let nearest = |step: f64| series.nearest(Axis::Step, step).map(|sample| sample.step);
    assert_eq!((nearest(-5.0), nearest(14.0), nearest(29.0), nearest(31.0)), (Some(10), Some(10), Some(20), Some(40)));
    assert_eq!(Series::default().nearest(Axis::Step, 1.0), None);
}

#[test]
fn the_same_values_stand_over_time() {
    let mut series = Series::default();
    [(10, 5.0), (20, 5.0), (30, 60.0), (40, 2.0)].into_iter().for_each(|(step, time)| series.push_at(step, time, 1.0));
    series.prepare(&Pane::whole(Axis::Time, Scale::Linear), 3000);
    let places: Vec<f64> = series.points().iter().map(|point| point.x).collect();
    assert_eq!(places, [5.0, 5.0, 60.0, 60.0], "time never runs backwards");
    assert_eq!(series.nearest(Axis::Time, 50.0).map(|sample| sample.step), Some(30));
    assert_eq!(series.at_step(20).map(|sample| sample.time_s), Some(5.0));
    assert_eq!(series.at_step(25), None);
}

#[test]
fn a_long_series_that_now_and_then_is_zero_keeps_its_line_on_a_log_scale() {
    let mut series = Series::default();
    (0..20_000).for_each(|step| series.push(step, if step.is_multiple_of(3) { 0.0 } else { 0.5 }));
    let points = drawn(&mut series, ALL, Scale::Log, 1000);
    let gaps = points.iter().filter(|point| point.y.is_nan()).count();
    assert!(gaps <= 2 && points.len() > 300, "{gaps} gaps among {} points", points.len());
}

#[test]
fn values_that_are_not_numbers_are_found_wherever_they_stand() {
    let mut series = noisy(50_000);
    series.push(50_001, f64::INFINITY);
    series.push(50_002, f64::NAN);
    (50_003..60_000).for_each(|step| series.push(step, 1.0));
    let pane = |x| Pane { axis: Axis::Step, scale: Scale::Linear, x };
    let steps = |x| series.broken(&pane(x), 100_000).into_iter().map(|sample| sample.step).collect::<Vec<_>>();
    assert_eq!(steps(0.0..=60_000.0), [50_001, 50_002]);
    assert_eq!(steps(50_002.0..=50_100.0), [50_002]);
    assert_eq!(series.broken(&pane(0.0..=60_000.0), 10).len(), 1, "one for each place");
    assert!(steps(0.0..=50_000.0).is_empty());
}

#[test]
fn a_spread_is_even_and_small() {
    let series = noisy(100_000);
    let pane = Pane::whole(Axis::Step, Scale::Linear);
    assert_eq!(series.spread(&pane, 1000).len(), 1000);
    assert_eq!(noisy(10).spread(&pane, 1000).len(), 10);
}
