//! What the program logs: warnings and errors go to stderr, and from there on to the window that listens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender};

use crate::app::Waker;
use crate::app::toasts::Level;

/// Lines that wait for the window. What comes while it is full stands on stderr alone.
const WAITING: usize = 256;

/// The start of this program's own log targets.
const OWN_TARGET: &str = "hydra_studio";

/// A warning or an error that was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub level: Level,
    pub text: String,
}

/// Who hears of new lines.
#[derive(Clone)]
struct Listener {
    lines: Sender<LogLine>,
    wake: Waker,
}

static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);

static DIALOG_ERRORS: AtomicUsize = AtomicUsize::new(0);

/// How many errors the file dialogs have logged.
pub(super) fn dialog_errors() -> usize {
    DIALOG_ERRORS.load(Ordering::SeqCst)
}

/// A logger that counts the errors of rfd, and tells the errors of the rest and this program's warnings.
struct StudioLog;

impl log::Log for StudioLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        let is_error = record.level() == log::Level::Error;
        if record.target().starts_with("rfd") {
            if is_error {
                DIALOG_ERRORS.fetch_add(1, Ordering::SeqCst);
            }
            return;
        }
        if self.enabled(record.metadata()) && (is_error || record.target().starts_with(OWN_TARGET)) {
            eprintln!("{}: {}", record.level().as_str().to_lowercase(), record.args());
            let level = if is_error { Level::Error } else { Level::Warning };
            pass_on(LogLine { level, text: record.args().to_string() });
        }
    }

    fn flush(&self) {}
}

fn pass_on(line: LogLine) {
    // The lock is given back first: who is woken may log in its turn.
    let listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(listener) = listener
        && listener.lines.try_send(line).is_ok()
    {
        (listener.wake)();
    }
}

/// Installs the logger. Without effect where one is installed already.
pub fn install() {
    if log::set_logger(&StudioLog).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

/// The lines that are logged from now on; `wake` is called with each. A later listener takes the place of this one.
pub fn listen(wake: Waker) -> Receiver<LogLine> {
    let (lines, receiver) = crossbeam_channel::bounded(WAITING);
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Listener { lines, wake });
    receiver
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use log::Log as _;

    use super::*;

    #[test]
    fn own_warnings_and_all_errors_reach_the_window() {
        let woken = Arc::new(AtomicUsize::new(0));
        let counter = woken.clone();
        let lines = listen(Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        let log = |target: &str, level, text: &str| {
            StudioLog.log(&log::Record::builder().target(target).level(level).args(format_args!("{text}")).build());
        };
        log("hydra_studio::train", log::Level::Warn, "the disk is nearly full");
        log("winit", log::Level::Warn, "of no use to anybody");
        log("winit", log::Level::Error, "the display is gone");
        log("rfd::backend", log::Level::Error, "no portal");
        log("hydra_studio::train", log::Level::Info, "step 7");
        let told: Vec<_> = lines.try_iter().map(|line| (line.level, line.text)).collect();
        let line = |level, text: &str| (level, text.to_owned());
        let wanted = [line(Level::Warning, "the disk is nearly full"), line(Level::Error, "the display is gone")];
        assert_eq!((told.as_slice(), woken.load(Ordering::Relaxed)), (wanted.as_slice(), 2));
    }
}
