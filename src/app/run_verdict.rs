//! The verdict on the run that the window mirrors.

use crate::app::state::{Phase, RunState};
use crate::app::toasts::Level;
use crate::evaluate::verdict::{self, LoadSample, RunEnd, RunFacts, Verdict, judge};
use crate::train::EndCause;

/// The verdict on `run`, were it to end as `phase` says; `None` while it goes on.
pub fn verdict_at(run: &RunState, phase: &Phase) -> Option<Verdict> {
    let end = match phase {
        Phase::Done(end) => {
            let cause = match (end.stopped, end.step < end.steps) {
                (true, _) => EndCause::Stopped,
                (false, true) => EndCause::EarlyStop,
                (false, false) => EndCause::Finished,
            };
            RunEnd { step: end.step, steps: end.steps, cause, message: None }
        }
        Phase::Failed(message) => {
            let (step, steps) = (run.step(), run.summary.steps);
            RunEnd { step, steps, cause: EndCause::Failed, message: Some(message) }
        }
        Phase::Running | Phase::Pausing | Phase::Paused | Phase::Freed | Phase::Stopping => return None,
    };
    Some(judge(&RunFacts {
        settings: &run.summary.settings,
        examples: run.summary.examples,
        held_out: run.summary.held_out,
        steps: &run.steps,
        evals: &run.evals,
        routing: run
            .routing
            .iter()
            .map(|sample| LoadSample { step: sample.step, load: &sample.load, collapsed: sample.collapsed })
            .collect(),
        checkpoints: &run.checkpoints,
        end,
    }))
}

/// How the window shows a level of a verdict.
pub fn level(level: verdict::Level) -> Level {
    match level {
        verdict::Level::Good => Level::Ok,
        verdict::Level::Neutral => Level::Info,
        verdict::Level::Doubtful => Level::Warning,
        verdict::Level::Bad => Level::Error,
    }
}
