//! What happened in a run beside its values, as marks on its charts.

use crate::app::state::RunState;
use crate::app::widgets::chart_marks::{Mark, MarkKind, Marks};
use crate::app::widgets::figures::{count, figure, in_one_line};

use super::values::time_at;

/// Letters of a warning that a mark tells; all of it stands on the page.
const LETTERS: usize = 120;

/// How much of each list of the mirror is taken over.
#[derive(Debug, Default)]
pub struct MarksTaken {
    checkpoints: usize,
    evals: usize,
    pauses: usize,
    warnings: usize,
}

impl MarksTaken {
    /// Takes over what happened since the last call.
    pub fn follow(&mut self, run: &RunState, marks: &mut Marks) {
        let mut mark = |kind, step, time_s, text| marks.push(Mark { kind, step, time_s, text });
        for checkpoint in run.checkpoints.iter().skip(self.checkpoints) {
            let best = if checkpoint.best { ", lowest held-out loss so far" } else { "" };
            let text = format!("Saved {}{best}", checkpoint.name);
            mark(MarkKind::Checkpoint, checkpoint.step, time_at(run, checkpoint.step), text);
        }
        for eval in run.evals.iter().skip(self.evals) {
            let text = format!("Measured at step {}: held-out loss {}", count(eval.step), figure(eval.loss));
            mark(MarkKind::Measure, eval.step, eval.elapsed_s, text);
        }
        for pause in run.pauses.iter().skip(self.pauses) {
            mark(MarkKind::Pause, pause.step, pause.elapsed_s, format!("Paused at step {}", count(pause.step)));
        }
        for warning in run.warnings.iter().skip(self.warnings) {
            let text = format!("Warning at step {}: {}", count(warning.step), in_one_line(&warning.message, LETTERS));
            mark(MarkKind::Warning, warning.step, time_at(run, warning.step), text);
        }
        self.checkpoints = run.checkpoints.len();
        self.evals = run.evals.len();
        self.pauses = run.pauses.len();
        self.warnings = run.warnings.len();
    }
}
