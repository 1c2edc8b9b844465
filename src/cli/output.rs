//! What a command says, and where. Results go to stdout: one JSON object a line with `--json`, else plain text.
//! Progress, notes and errors go to stderr, so that a script can read the one and a person the other.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::meter::Meter;
use crate::job::Job;

/// How a command ended when it did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Stopped by Ctrl-C or a signal, with everything saved that can be gone on with; the message says where that is.
    Interrupted(String),
}

/// The voice of one command, and the [`Job`] through which Ctrl-C stops it.
pub struct Output {
    json: bool,
    job: Job,
    meter: Arc<Meter>,
    /// The first failure to write to stdout; nothing is written there after it.
    broken: Mutex<Option<io::Error>>,
}

/// One line of `--json`: the event's name, then its fields.
#[derive(Serialize)]
struct Line<'a, T> {
    event: &'a str,
    #[serde(flatten)]
    body: T,
}

/// The body of the events `error`, `warning` and `interrupted`.
#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

impl Output {
    /// A voice that speaks JSON on stdout if `json`, and shows bars if stderr is a terminal.
    pub fn new(json: bool) -> Self {
        let meter = Arc::new(Meter::for_stderr());
        let shown = Arc::clone(&meter);
        Self { json, job: Job::new(move |progress| shown.show(&progress)), meter, broken: Mutex::new(None) }
    }

    /// The job that long operations of the command report to; Ctrl-C cancels it.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Writes one JSON line to stdout; says nothing without `--json`. `body` must serialise as an object.
    pub fn event(&self, name: &str, body: impl Serialize) {
        if !self.json {
            return;
        }
        match json_line(name, body) {
            Ok(line) => self.write(&line),
            Err(error) => self.note(&format!("the event `{name}` could not be written as JSON: {error}")),
        }
    }

    /// Writes a line of the result to stdout; says nothing with `--json`, where [`Output::event`] carries the result.
    pub fn line(&self, text: &str) {
        if !self.json {
            self.write(&format!("{text}\n"));
        }
    }

    /// Writes a piece of a text to stdout as it comes; says nothing with `--json`.
    pub fn text(&self, piece: &str) {
        if !self.json {
            self.write(piece);
        }
    }

    /// Tells the person at the terminal something in passing, on stderr.
    pub fn note(&self, text: &str) {
        self.meter.above(|| to_stderr(text));
    }

    /// Tells of something that ended nothing but should be known.
    pub fn warn(&self, message: &str) {
        self.note(&format!("warning: {message}"));
        self.event("warning", Message { message });
    }

    /// Tells why the command failed. `message` names the cause and how to mend it.
    pub fn error(&self, message: &str) {
        self.meter.clear();
        to_stderr(&format!("error: {message}"));
        self.event("error", Message { message });
    }

    /// Tells that the command was stopped, and where its work stands if it left any.
    pub fn interrupted(&self, message: &str) {
        self.meter.clear();
        to_stderr(message);
        self.event("interrupted", Message { message });
    }

    /// Takes the progress bar off the terminal, at the end of a stretch of work.
    pub fn clear_progress(&self) {
        self.meter.clear();
    }

    /// A handle for other threads to write notes through without tearing the bar.
    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// The failure that kept results from reaching stdout. A reader that closed the pipe early had what it wanted: that
    /// is none.
    pub(super) fn lost_results(&self) -> Option<String> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken
            .as_ref()
            .filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
            .map(|error| format!("the results could not be written to standard output: {error}"))
    }

    fn write(&self, text: &str) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.is_some() {
            return;
        }
        let written = self.meter.above(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        });
        *broken = written.err();
    }
}

/// Writes a line to stderr. One that is closed or full must not end the work whose progress it would have shown.
pub(super) fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// One line of `--json` with its line end.
fn json_line(name: &str, body: impl Serialize) -> serde_json::Result<String> {
    let mut line = serde_json::to_string(&Line { event: name, body })?;
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::StepRecord;

    #[test]
    fn an_event_is_one_line_that_opens_with_its_name() {
        let step = StepRecord {
            step: 3,
            steps: 10,
            loss: 1.5,
            lr: 2e-4,
            grad_norm: 0.25,
            tokens: 100,
            supervised: 40,
            tokens_per_s: 55.0,
            elapsed_s: 2.5,
        };
        let line = json_line("step", &step).unwrap();
        assert!(line.starts_with(r#"{"event":"step","step":3,"steps":10,"loss":1.5,"#), "{line}");
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.ends_with("}\n"));
    }

    #[test]
    fn a_line_break_in_a_message_stays_inside_its_json_line() {
        let line = json_line("error", Message { message: "one\ntwo" }).unwrap();
        assert_eq!(line, "{\"event\":\"error\",\"message\":\"one\\ntwo\"}\n");
    }
}
