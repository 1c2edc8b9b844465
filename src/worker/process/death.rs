//! How a process of the worker ended, in plain words.

use std::path::PathBuf;
use std::process::ExitStatus;

use super::super::protocol::{Event, JobKind};

/// The run under way, as far as it is saved.
#[derive(Debug, Default)]
pub(super) struct SavedRun(Option<(PathBuf, usize)>);

impl SavedRun {
    /// Takes in what is told of the run.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::TrainingStarted(run) => self.0 = Some((run.path.clone(), run.from_step)),
            Event::Checkpoint(checkpoint) => {
                if let Some((_, step)) = &mut self.0 {
                    *step = checkpoint.step;
                }
            }
            Event::TrainingDone(_)
            | Event::Discarded { .. }
            | Event::Restarted { .. }
            | Event::Failed { job: JobKind::Train, .. } => self.0 = None,
            _ => {}
        }
    }

    /// What is left of the run, where one was on.
    fn told(&self) -> String {
        match &self.0 {
            None => "Load the model again to go on.".to_owned(),
            Some((path, 0)) => {
                format!("The run was not saved yet; resumed, it begins again at its first step: {}", path.display())
            }
            Some((path, step)) => {
                format!("Your run is saved up to step {step} and can be resumed from there: {}", path.display())
            }
        }
    }
}

/// That the engine ended and was started anew, why, and what is left of the run.
pub(super) fn message(status: &std::io::Result<ExitStatus>, run: &SavedRun) -> String {
    format!("The engine ended, {}, and was started anew. {}", cause(status), run.told())
}

/// Why a process ended, to stand behind a comma.
pub(super) fn cause(status: &std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => signal(*status).map_or_else(|| by_code(status.code()), by_signal),
        Err(error) => format!("and the system does not say why ({error})"),
    }
}

fn by_signal(signal: i32) -> String {
    match signal {
        9 => "killed by the system, probably because memory ran out".to_owned(),
        4 | 6 | 7 | 8 | 11 => format!("crashed inside (signal {signal}), perhaps in a driver"),
        _ => format!("stopped from outside (signal {signal})"),
    }
}

fn by_code(code: Option<i32>) -> String {
    match code {
        Some(0) => "stopped from outside".to_owned(),
        Some(code) => format!("crashed inside (exit code {code}), perhaps in a driver"),
        None => "and the system does not say why".to_owned(),
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;

    status.signal()
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::CheckpointRecord;

    #[cfg(unix)]
    #[test]
    fn an_end_is_told_with_its_likely_cause() {
        use std::os::unix::process::ExitStatusExt;

        let told = |raw| message(&Ok(ExitStatus::from_raw(raw)), &SavedRun::default());
        assert!(told(9).contains("memory ran out") && told(11).contains("signal 11"));
        assert!(told(15).contains("from outside") && told(101 << 8).contains("exit code 101"));
    }

    #[test]
    fn what_is_left_of_a_run_is_its_last_checkpoint() {
        let mut run = SavedRun(Some(("/runs/tickets".into(), 0)));
        assert!(run.told().contains("not saved yet"));
        run.note(&Event::Checkpoint(CheckpointRecord { step: 40, name: "checkpoint-40".into(), best: false }));
        assert!(run.told().contains("saved up to step 40") && run.told().contains("tickets"));
        run.note(&Event::Discarded { path: "/runs/tickets".into() });
        assert!(run.told().contains("Load the model again"));
    }
}
