//! Ctrl-C, and the signals that end a program. The first asks the command to save and stop; the second ends it at once,
//! which loses only what was done since the last save, because nothing is ever written in place.

use std::sync::atomic::{AtomicBool, Ordering};

use super::output::{Output, to_stderr};

/// The exit code of a command that was stopped.
pub(super) const EXIT_CODE: u8 = 130;

/// Cancels the job of `output` at the first signal, and ends the program at the second.
pub(super) fn watch(output: &Output) {
    let job = output.job().clone();
    let meter = output.meter();
    let asked = AtomicBool::new(false);
    let installed = ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(EXIT_CODE.into());
        }
        job.cancel();
        meter.above(|| to_stderr("Stopping after saving. Press Ctrl-C again to end at once."));
    });
    if let Err(error) = installed {
        log::warn!("Ctrl-C will end this command without saving: {error}");
    }
}
