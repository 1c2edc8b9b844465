//! Progress on stderr: a bar on a terminal, and elsewhere a line now and then.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::to_stderr;
use crate::job::Progress;

/// Steps of a bar that stand for the whole of a job.
const FULL: u64 = 1000;

/// Shortest time between two lines where there is no terminal to draw a bar on.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a job is.
pub(super) enum Meter {
    Bar(Mutex<Option<ProgressBar>>),
    Lines(Mutex<Instant>),
}

impl Meter {
    /// A bar if stderr is a terminal, lines if it is not.
    pub(super) fn for_stderr() -> Self {
        if std::io::stderr().is_terminal() { Meter::Bar(Mutex::default()) } else { Meter::Lines(Instant::now().into()) }
    }

    /// Shows `progress`.
    pub(super) fn show(&self, progress: &Progress) {
        match self {
            Meter::Bar(bar) => {
                let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
                draw(bar.get_or_insert_with(new_bar), progress);
            }
            Meter::Lines(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    to_stderr(&as_line(progress));
                }
            }
        }
    }

    /// Runs `write`, which prints to the terminal, without tearing the bar.
    pub(super) fn above<R>(&self, write: impl FnOnce() -> R) -> R {
        if let Meter::Bar(bar) = self {
            let bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(bar) = bar.as_ref() {
                return bar.suspend(write);
            }
        }
        write()
    }

    /// Takes the bar away; the next progress brings a new one.
    pub(super) fn clear(&self) {
        if let Meter::Bar(bar) = self
            && let Some(bar) = bar.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            bar.finish_and_clear();
        }
    }
}

const BAR: &str = "{bar:24} {percent:>3} %  {wide_msg} {eta} left";
const BAR_AT_START: &str = "{bar:24} {percent:>3} %  {wide_msg}";
const SPINNER: &str = "{spinner} {wide_msg}";

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::new(FULL);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Templates are fixed texts; should one be wrong, the library's own look stands in for it.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    match progress.share {
        Some(share) => {
            // Before the first bit is done nobody knows how long the rest takes.
            bar.set_style(style(if share > 0.0 { BAR } else { BAR_AT_START }));
            bar.set_position((share.clamp(0.0, 1.0) * FULL as f32) as u64);
        }
        None => bar.set_style(style(SPINNER)),
    }
    bar.set_message(progress.note.clone());
}

/// `42 %  Reading faq.csv`.
fn as_line(progress: &Progress) -> String {
    match progress.share {
        Some(share) => format!("{:>3.0} %  {}", share * 100.0, progress.note),
        None => progress.note.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_progress_names_share_and_work() {
        let known = Progress { share: Some(0.42), note: "Reading faq.csv".into() };
        assert_eq!(as_line(&known), " 42 %  Reading faq.csv");
        let open = Progress { share: None, note: "Loading".into() };
        assert_eq!(as_line(&open), "Loading");
    }

    #[test]
    fn the_templates_of_the_bar_are_well_formed() {
        for template in [BAR, BAR_AT_START, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
