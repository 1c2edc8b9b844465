//! The log: lines on stderr for whoever looks for a fault. `HYDRA_LOG` sets the level: `off`, `error`, `warn` (as
//! without it), `info`, `debug` or `trace`. Libraries tell only of errors, and with `trace` of everything.

use std::str::FromStr;

use log::{LevelFilter, Log, Metadata, Record};

use super::output::to_stderr;

/// The environment variable that sets the level.
pub const VARIABLE: &str = "HYDRA_LOG";

/// Writes log lines to stderr.
struct StderrLog {
    ours: LevelFilter,
    others: LevelFilter,
}

impl StderrLog {
    fn new(level: LevelFilter) -> Self {
        let others = if level == LevelFilter::Trace { level } else { level.min(LevelFilter::Error) };
        Self { ours: level, others }
    }
}

impl Log for StderrLog {
    fn enabled(&self, metadata: &Metadata) -> bool {
        let is_ours = metadata.target().starts_with("hydra_studio");
        metadata.level() <= if is_ours { self.ours } else { self.others }
    }

    fn log(&self, record: &Record) {
        if self.enabled(record.metadata()) {
            let level = record.level().as_str().to_lowercase();
            to_stderr(&format!("{level} [{}] {}", record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

/// Starts the log at the level that `HYDRA_LOG` names. A level that does not exist is said on stderr and taken as
/// `warn`.
pub fn install() {
    let level = match std::env::var(VARIABLE) {
        Ok(name) => LevelFilter::from_str(&name).unwrap_or_else(|_| {
            to_stderr(&format!("{VARIABLE} is `{name}`: use off, error, warn, info, debug or trace"));
            LevelFilter::Warn
        }),
        Err(_) => LevelFilter::Warn,
    };
    // A second installation in one process (as tests may do) leaves the first in place.
    if log::set_boxed_logger(Box::new(StderrLog::new(level))).is_ok() {
        log::set_max_level(level);
    }
}

#[cfg(test)]
mod tests {
    use log::Level;

    use super::*;

    fn speaks(log: &StderrLog, target: &str, level: Level) -> bool {
        log.enabled(&Metadata::builder().target(target).level(level).build())
    }

    #[test]
    fn libraries_are_quieter_than_the_program() {
        let log = StderrLog::new(LevelFilter::Debug);
        assert!(speaks(&log, "hydra_studio::train", Level::Debug));
        assert!(!speaks(&log, "zbus", Level::Warn));
        assert!(speaks(&log, "rfd", Level::Error));
    }

    #[test]
    fn trace_lets_everyone_speak_and_off_no_one() {
        assert!(speaks(&StderrLog::new(LevelFilter::Trace), "zbus", Level::Trace));
        assert!(!speaks(&StderrLog::new(LevelFilter::Off), "hydra_studio", Level::Error));
    }
}
