//! What settings come to, whichever mode they were set in: steps, batch, examples, time and the clock at the end.

use chrono::{DateTime, Local, TimeDelta};
use egui::Ui;

use super::form::Basis;
use super::plan;
use crate::app::state::RunState;
use crate::app::widgets::card::{Fact, facts};
use crate::app::widgets::figures::{count, counted, duration};
use crate::train::{Estimate, TrainSettings};

/// How long a run takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    pub seconds: f64,
    pub source: Source,
}

/// What an expectation rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The last run on the same model and data.
    LastRun,
    /// The operations that the run needs, and how fast this machine multiplies.
    Estimate,
}

impl Source {
    fn in_words(self) -> &'static str {
        match self {
            Self::LastRun => "At the pace of the last run on this model and data. Measuring and saving come on top.",
            Self::Estimate => "Estimated from how fast this machine multiplies, measures of held-out loss included.",
        }
    }
}

/// How long a run takes: at the pace of the last run where there was one, else as estimated.
pub fn expected(
    settings: &TrainSettings,
    basis: Basis<'_>,
    last_run: Option<&RunState>,
    estimate: Option<&Estimate>,
) -> Option<Expected> {
    let examples = plan::training_examples(basis.0, settings);
    let seen = last_run.and_then(|run| plan::expected_s(settings, examples, run));
    let seen = seen.map(|seconds| Expected { seconds, source: Source::LastRun });
    let counted = estimate.and_then(|estimate| estimate.total_s);
    seen.or_else(|| counted.map(|seconds| Expected { seconds, source: Source::Estimate }))
}

/// Draws the figures.
pub fn totals_ui(ui: &mut Ui, settings: &TrainSettings, (data, model): Basis<'_>, expected: Option<Expected>) {
    let examples = plan::training_examples(data, settings);
    let batch = settings.effective_batch();
    let [time, end] = time_facts(expected, Local::now());
    facts(
        ui,
        &[
            Fact::new("Total steps", count(settings.total_steps(examples)))
                .explained(plan::length_in_words(settings, examples)),
            Fact::new("Effective batch", counted(batch, "example"))
                .explained(format!("A batch of {} times {} before each step", settings.batch, settings.accumulate)),
            time,
            end,
            Fact::new("Training examples", count(examples)),
            Fact::new("Held out", count(plan::held_out_examples(data, settings)))
                .explained("Never trained on: the loss on them tells what was learnt"),
            Fact::new("Tokens per step", format!("at most {}", count(batch * settings.context)))
                .explained("Effective batch times context; shorter examples take fewer"),
            Fact::new("Computes on", &model.device).explained("Chosen on the Model page, when a model is loaded"),
        ],
    );
}

fn time_facts(expected: Option<Expected>, now: DateTime<Local>) -> [Fact; 2] {
    match expected {
        Some(expected) => [
            Fact::new("Time", format!("about {}", roughly(expected.seconds))).explained(expected.source.in_words()),
            Fact::new("Done by", clock(now, expected.seconds)).explained("If it starts now"),
        ],
        None => [
            Fact::new("Time", "not known yet")
                .explained("Told after the first steps: no run on this model and data has been timed."),
            Fact::new("Done by", "not known yet").explained("Told as soon as the time is"),
        ],
    }
}

/// A length of time that is not known to the second.
pub fn roughly(seconds: f64) -> String {
    let grain = match seconds {
        s if s < 60.0 => 1.0,
        s if s < 600.0 => 10.0,
        s if s < 36_000.0 => 60.0,
        _ => 3600.0,
    };
    let text = duration((seconds / grain).round() * grain);
    let short = text.strip_suffix(" 00 s").or_else(|| text.strip_suffix(" 00 min"));
    short.map_or_else(|| text.clone(), str::to_owned)
}

/// The time of day in `seconds` from `now`, with the day where it is another.
fn clock(now: DateTime<Local>, seconds: f64) -> String {
    let end = TimeDelta::try_milliseconds((seconds * 1000.0) as i64).and_then(|length| now.checked_add_signed(length));
    let Some(end) = end else { return "in many years".to_owned() };
    let days = (end.date_naive() - now.date_naive()).num_days();
    match days {
        0 => end.format("%H:%M").to_string(),
        1 => end.format("tomorrow, %H:%M").to_string(),
        2..300 => end.format("%a %-d %b, %H:%M").to_string(),
        _ => end.format("%-d %b %Y").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;
    use crate::app::pages::train::plan::tests::{data, model};

    #[test]
    fn the_end_is_told_by_the_clock_and_the_day() {
        let now = Local.with_ymd_and_hms(2026, 11, 25, 22, 30, 0).unwrap();
        let cases = [
            (600.0, "22:40"),
            (7200.0, "tomorrow, 00:30"),
            (3.0 * 86_400.0, "Sat 28 Nov, 22:30"),
            (4e7, "2 Mar 2028"),
            (1e300, "in many years"),
        ];
        for (seconds, text) in cases {
            assert_eq!(clock(now, seconds), text);
        }
    }

    #[test]
    fn an_estimate_is_not_told_to_the_second() {
        let cases = [(41.7, "42 s"), (134.0, "2 min 10 s"), (2663.0, "44 min"), (6780.0, "1 h 53 min"), (4e4, "11 h")];
        for (seconds, text) in cases {
            assert_eq!(roughly(seconds), text);
        }
    }

    #[test]
    fn without_a_run_the_estimate_tells_the_time_and_without_both_nothing_does() {
        let (data, model) = (data(2000, 0), model(135_000_000, 2048));
        let settings = TrainSettings::default();
        let estimate = Estimate { total_s: Some(90.0), ..Estimate::default() };
        let told = expected(&settings, (&data, &model), None, Some(&estimate));
        assert_eq!(told, Some(Expected { seconds: 90.0, source: Source::Estimate }));
        assert_eq!(expected(&settings, (&data, &model), None, None), None);
    }
}
