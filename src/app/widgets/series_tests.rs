//! A series keeps its shape, its budget and its cost.

use super::*;

const ALL: RangeInclusive<f64> = f64::NEG_INFINITY..=f64::INFINITY;

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
    let drawn = series.drawn(ALL, Scale::Linear, 3000).to_vec();
    let exact: Vec<PlotPoint> = (1..=100).map(|step| PlotPoint::new(step as f64, wave(step))).collect();
    assert_eq!(drawn, exact);
}

#[test]
fn a_long_series_keeps_its_budget_and_both_ends() {
    for count in [3001, 10_000, 65_537, 100_000] {
        let mut series = noisy(count);
        let drawn = series.drawn(ALL, Scale::Linear, 3000);
        assert!(drawn.len() <= 3004, "{count} values gave {} points", drawn.len());
        assert!(drawn.len() >= 1000, "{count} values gave only {} points", drawn.len());
        assert!(drawn.windows(2).all(|pair| pair[0].x < pair[1].x));
        assert_eq!(drawn.first().map(|p| p.x), Some(1.0));
        assert_eq!(drawn.last().map(|p| (p.x, p.y)), Some((count as f64, wave(count))));
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
        assert!(series.drawn(ALL, Scale::Linear, 2000).contains(&spike));
    }
}

#[test]
fn a_zoomed_view_is_exact_and_runs_out_on_both_sides() {
    let mut series = noisy(100_000);
    let drawn = series.drawn(50_000.0..=50_500.0, Scale::Linear, 3000);
    let exact: Vec<PlotPoint> = (49_999..=50_501).map(|step| PlotPoint::new(step as f64, wave(step))).collect();
    assert_eq!(drawn, exact);
}

#[test]
fn a_view_beside_the_data_draws_at_most_the_nearest_value() {
    let mut series = noisy(10);
    assert!(series.drawn(100.0..=200.0, Scale::Linear, 3000).len() <= 1);
    assert!(series.drawn(-9.0..=-5.0, Scale::Linear, 3000).len() <= 1);
    assert!(Series::default().drawn(ALL, Scale::Linear, 3000).is_empty());
}

#[test]
fn nothing_is_touched_while_nothing_changes_and_little_when_one_value_comes() {
    let mut series = noisy(100_000);
    assert!(series.touched < 100_000 * 20, "building touched {}", series.touched);
    series.drawn(ALL, Scale::Linear, 3000);
    let before = series.touched;
    for _ in 0..60 {
        series.drawn(ALL, Scale::Linear, 3000);
    }
    assert_eq!(series.touched, before, "an unchanged series was read again");
    series.push(100_001, 0.5);
    series.drawn(ALL, Scale::Linear, 3000);
    assert!(series.touched - before < 3100, "one more value touched {}", series.touched - before);
}

#[test]
fn values_that_are_not_numbers_become_gaps_and_are_counted() {
    let mut series = Series::default();
    for (step, value) in [1.0, f64::NAN, f64::INFINITY, 0.5].into_iter().enumerate() {
        series.push(step, value);
    }
    assert_eq!(series.not_finite(), 2);
    assert_eq!(series.lowest(), Some(Sample { step: 3, value: 0.5 }));
    let drawn = series.drawn(ALL, Scale::Linear, 3000);
    assert_eq!(drawn.iter().filter(|p| p.y.is_nan()).count(), 2);

    let mut broken = Series::default();
    (0..10_000).for_each(|step| broken.push(step, f64::NAN));
    assert!(broken.drawn(ALL, Scale::Linear, 1000).iter().all(|p| p.y.is_nan()));
    assert_eq!(broken.height_range(Scale::Linear), None);
}

#[test]
fn zero_and_below_leave_gaps_on_a_log_scale() {
    let mut series = Series::default();
    for (step, value) in [0.0, 0.01, -1.0, 100.0].into_iter().enumerate() {
        series.push(step, value);
    }
    assert_eq!(series.height_range(Scale::Log), Some(-2.0..=2.0));
    let heights: Vec<f64> = series.drawn(ALL, Scale::Log, 3000).iter().map(|p| p.y).collect();
    assert!(heights[0].is_nan() && heights[2].is_nan());
    assert_eq!((heights[1], heights[3]), (-2.0, 2.0));
}

#[test]
fn an_earlier_step_rewinds_the_series() {
    let mut series = noisy(1000);
    series.push(501, 9.0);
    assert_eq!(series.len(), 501);
    assert_eq!(series.highest(), Some(Sample { step: 501, value: 9.0 }));
    assert_eq!(series.nearest(5000.0), Some(Sample { step: 501, value: 9.0 }));
}

#[test]
fn the_nearest_value_is_found_on_either_side() {
    let mut series = Series::default();
    [10, 20, 40].into_iter().for_each(|step| series.push(step, step as f64));
    let nearest = |step: f64| series.nearest(step).map(|sample| sample.step);
    assert_eq!((nearest(-5.0), nearest(14.0), nearest(29.0), nearest(31.0)), (Some(10), Some(10), Some(20), Some(40)));
    assert_eq!(Series::default().nearest(1.0), None);
}
