//! What the window says of the queue in passing: what was added, what an earlier start left, and how it ended.

use crate::app::state::AppState;
use crate::app::toasts::Level;
use crate::app::widgets::figures::{count, counted};
use crate::project::{QueueMode, QueueSummary, QueuedRun, QueuedState};
use crate::worker::protocol::QueueView;

/// What is worth saying of a queue that was `state`'s before; `None` where nothing was added, and the first telling found
/// nothing that waits.
pub(super) fn of_change(state: &AppState, queue: &QueueView) -> Option<(Level, String)> {
    let before = &state.queue.runs;
    let is_new = |run: &&QueuedRun| run.is_pending() && before.iter().all(|other| other.id != run.id);
    let new: Vec<&QueuedRun> = queue.runs.iter().filter(is_new).collect();
    if new.is_empty() {
        return None;
    }
    if !state.is_queue_told {
        let interrupted = new.iter().find(|run| run.state == QueuedState::Interrupted);
        return Some(match interrupted {
            Some(run) => {
                let text = format!(
                    "The program ended while the queued run {} was on. Start the queue on the Runs page to go on.",
                    run.run.title
                );
                (Level::Warning, text)
            }
            None => {
                let wait = if new.len() == 1 { "waits" } else { "wait" };
                (Level::Info, format!("{} {wait} in the queue on the Runs page.", counted(new.len(), "run")))
            }
        });
    }
    let then = match queue.mode {
        QueueMode::Held => "Start the queue on the Runs page when it is time.",
        QueueMode::Going => "The queue takes them in turn.",
    };
    Some((Level::Ok, format!("Added {} to the queue. {then}", counted(new.len(), "run"))))
}

/// How the queue ended, and what failed.
pub(super) fn of_end(summary: &QueueSummary) -> (Level, String) {
    let done = format!("The queue is done: {} finished", counted(summary.done, "run"));
    if summary.failed.is_empty() {
        return (Level::Ok, format!("{done}."));
    }
    let reason = |(title, reason): &(String, String)| format!("{title}: {reason}");
    let reasons: Vec<String> = summary.failed.iter().map(reason).collect();
    (Level::Error, format!("{done}, {} failed. {}", count(summary.failed.len()), reasons.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_names_every_run_that_failed() {
        let failed = vec![("second".to_owned(), "no such file".to_owned())];
        let (level, text) = of_end(&QueueSummary { done: 2, failed, stopped: 0, pending: 0 });
        assert_eq!(
            (level, text.as_str()),
            (Level::Error, "The queue is done: 2 runs finished, 1 failed. second: no such file")
        );
        assert_eq!(
            of_end(&QueueSummary { done: 1, ..QueueSummary::default() }).1,
            "The queue is done: 1 run finished."
        );
    }
}
