//! Where a chart puts its grid lines, and what it writes beside them.

use egui_plot::{GridInput, GridMark};

use super::axes::{Axis, Scale};
use super::figures::{count, figure};

/// Distances of marks in time, in seconds, up to the half day; whole days follow.
const TIME_STEPS: [f64; 23] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
    7200.0, 10_800.0, 21_600.0, 43_200.0,
];

const DAY: f64 = 86_400.0;

/// About `count` marks along `axis`.
pub fn width_marks(axis: Axis, input: &GridInput, count: f32) -> Vec<GridMark> {
    match axis {
        Axis::Step => even_marks(input, count, 1.0),
        Axis::Time => time_marks(input, count),
    }
}

/// What stands below a mark of `axis`.
pub fn width_label(axis: Axis, at: f64) -> String {
    match axis {
        Axis::Step => step_label(at),
        Axis::Time => time_label(at),
    }
}

/// Whole steps alone are labelled: between two of them nothing is measured.
fn step_label(step: f64) -> String {
    if step < 0.0 || step.fract().abs() > 1e-6 { String::new() } else { count(step.round() as usize) }
}

/// A time in the units that it has: `30 s`, `5 min`, `1 h 30 min`. Nothing before the start.
fn time_label(seconds: f64) -> String {
    if seconds.abs() < 1e-9 {
        return "0".to_owned();
    }
    if seconds < 0.0 || !seconds.is_finite() {
        return String::new();
    }
    if seconds < 60.0 && seconds.fract() > 1e-6 {
        return format!("{} s", without_idle_zeros(figure(seconds)));
    }
    let whole = seconds.round() as u64;
    let parts = [(whole / 86_400, "d"), (whole / 3600 % 24, "h"), (whole / 60 % 60, "min"), (whole % 60, "s")];
    let named = parts.into_iter().filter(|(amount, _)| *amount > 0).map(|(amount, unit)| format!("{amount} {unit}"));
    named.collect::<Vec<_>>().join(" ")
}

/// About `count` marks at times that people count in.
fn time_marks(input: &GridInput, count: f32) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let rough = (high - low) / f64::from(count);
    match TIME_STEPS.into_iter().find(|step| *step >= rough) {
        Some(step) => marks_every(step, low, high),
        None => marks_every(DAY * even_step(rough / DAY).max(1.0), low, high),
    }
}

/// About `count` marks at even steps of 1, 2 or 5 times a power of ten, none closer than `least`.
pub fn even_marks(input: &GridInput, count: f32, least: f64) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    marks_every(even_step((high - low) / f64::from(count)).max(least), low, high)
}

fn marks_every(step: f64, low: f64, high: f64) -> Vec<GridMark> {
    if !(low.is_finite() && high.is_finite()) || high <= low {
        return Vec::new();
    }
    let first = (low / step).ceil();
    // Far from zero a step can be too small to count: then there is nothing to tell the marks apart.
    let number = ((high / step).floor() - first).clamp(-1.0, 100.0) as i64;
    (0..=number).map(|i| GridMark { value: (first + i as f64) * step, step_size: step }).collect()
}

/// Marks of a logarithmic axis: every decade, its double and its five-fold; and even steps of the value itself where
/// less than a decade is in view.
pub fn log_marks(input: &GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    if !(low.is_finite() && high.is_finite()) || high <= low || high - low > 400.0 {
        return Vec::new();
    }
    if high - low < 1.0 { marks_within_a_decade(low, high) } else { marks_over_decades(low, high) }
}

/// What stands beside a mark: the value, not its logarithm.
pub fn mark_label(scale: Scale, mark: GridMark) -> String {
    match scale {
        Scale::Log => without_idle_zeros(figure(scale.value(mark.value))),
        Scale::Linear if mark.value == 0.0 => "0".to_owned(),
        Scale::Linear if mark.step_size < 1e-3 || mark.value.abs() >= 1000.0 => figure(mark.value),
        Scale::Linear => {
            // A step of 0.01 needs two decimals, and a sum of such steps must not show its rounding error.
            let decimals = (-mark.step_size.log10().floor()).clamp(0.0, 9.0) as usize;
            format!("{:.decimals$}", mark.value)
        }
    }
}

fn without_idle_zeros(text: String) -> String {
    if text.contains('.') && !text.contains('e') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

fn marks_over_decades(low: f64, high: f64) -> Vec<GridMark> {
    let decades = low.floor() as i64..=high.ceil() as i64;
    decades
        .flat_map(|decade| {
            [(1.0, 1.0), (2.0, 0.3), (5.0, 0.3)]
                .map(|(times, step_size)| GridMark { value: decade as f64 + f64::log10(times), step_size })
        })
        .filter(|mark| (low..=high).contains(&mark.value))
        .collect()
}

fn marks_within_a_decade(low: f64, high: f64) -> Vec<GridMark> {
    let (bottom, top) = (Scale::Log.value(low), Scale::Log.value(high));
    let step = even_step((top - bottom) / 4.0);
    let first = (bottom / step).ceil() as i64;
    let last = (top / step).floor() as i64;
    let step_size = (high - low) / 4.0;
    (first..=last).map(|i| GridMark { value: (i as f64 * step).log10(), step_size }).collect()
}

/// The nearest of 1, 2 and 5 times a power of ten at or above `rough`.
fn even_step(rough: f64) -> f64 {
    let decade = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|times| times * decade).find(|step| *step >= rough).unwrap_or(10.0 * decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(low: f64, high: f64) -> Vec<String> {
        let input = GridInput { bounds: (low.log10(), high.log10()), base_step_size: 0.01 };
        log_marks(&input).into_iter().map(|mark| mark_label(Scale::Log, mark)).collect()
    }

    #[test]
    fn decades_are_marked_at_one_two_and_five() {
        assert_eq!(values(0.9, 25.0), ["1", "2", "5", "10", "20"]);
    }

    #[test]
    fn less_than_a_decade_is_marked_evenly() {
        assert_eq!(values(0.9, 1.75), ["1", "1.5"]);
    }

    #[test]
    fn linear_marks_are_even_and_steps_are_whole() {
        let even = |bounds, count, least| -> Vec<f64> {
            let input = GridInput { bounds, base_step_size: 0.01 };
            even_marks(&input, count, least).into_iter().map(|mark| mark.value).collect()
        };
        assert_eq!(even((-3.0, 643.0), 8.0, 1.0), [0.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0]);
        assert_eq!(even((0.9, 3.1), 8.0, 1.0), [1.0, 2.0, 3.0]);
        assert_eq!(even((1.04, 1.13), 4.0, 0.0).len(), 2);
    }

    #[test]
    fn absurd_bounds_give_few_marks_or_none() {
        let log = |bounds| log_marks(&GridInput { bounds, base_step_size: 1.0 }).len();
        assert_eq!((log((f64::NAN, 1.0)), log((2.0, 1.0)), log((-1e9, 1e9))), (0, 0, 0));
        let even = |bounds| even_marks(&GridInput { bounds, base_step_size: 1.0 }, 5.0, 0.0).len();
        assert_eq!((even((f64::NAN, 1.0)), even((2.0, 1.0))), (0, 0));
        assert!(even((1e300, 1.1e300)) <= 101);
    }

    #[test]
    fn only_whole_steps_are_named() {
        assert_eq!((step_label(12_000.0), step_label(0.5), step_label(-1.0)), ("12,000".into(), "".into(), "".into()));
    }

    #[test]
    fn time_is_marked_in_the_units_people_count_in() {
        let label = |bounds: (f64, f64)| -> Vec<String> {
            let input = GridInput { bounds, base_step_size: 0.01 };
            width_marks(Axis::Time, &input, 4.0).into_iter().map(|mark| width_label(Axis::Time, mark.value)).collect()
        };
        assert_eq!(label((0.0, 100.0)), ["0", "30 s", "1 min", "1 min 30 s"]);
        assert_eq!(label((-60.0, 5400.0)), ["0", "30 min", "1 h", "1 h 30 min"]);
        assert_eq!(label((0.0, 7.0 * DAY)), ["0", "2 d", "4 d", "6 d"]);
        assert_eq!(label((0.9, 2.6)), ["1 s", "1.5 s", "2 s", "2.5 s"]);
        assert_eq!(time_label(-3.0), "");
    }

    #[test]
    fn linear_marks_show_the_decimals_of_their_step() {
        let label = |value, step_size| mark_label(Scale::Linear, GridMark { value, step_size });
        assert_eq!((label(0.30000000000000004, 0.1), label(20.0, 10.0)), ("0.3".to_owned(), "20".to_owned()));
        assert_eq!((label(0.0002, 0.0001), label(0.0, 0.0001)), ("2e-4".to_owned(), "0".to_owned()));
    }
}
