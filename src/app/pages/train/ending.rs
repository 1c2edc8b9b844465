//! The end of a run in words: what was learnt, as far as held-out loss tells, and where to go from here.

use egui::Ui;

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{PageContext, PageId};
use crate::app::state::{Phase, RunState};
use crate::app::theme::space;
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::app::widgets::figures::{count, counted, duration, figure, percent};
use crate::app::widgets::notes::callout;
use crate::train::EvalRecord;
use crate::worker::protocol::{Request, TrainingEnd};

/// Changes of held-out loss below this share are called no change.
const SAME: f64 = 0.02;

/// How a run went.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub level: Level,
    pub text: String,
}

/// Draws the end of `run`: its verdict and the next steps, or why it failed and what to do.
pub fn ending_card(ui: &mut Ui, cx: &PageContext<'_>, run: &RunState) {
    match &run.phase {
        Phase::Done(end) => card(ui, if end.stopped { "Stopped and saved" } else { "Training is done" }, |ui| {
            let verdict = verdict(end, &run.evals);
            callout(ui, verdict.level, &verdict.text);
            ui.weak(format!(
                "{} of {} in {}. The adapter is loaded, and kept in {}.",
                count(end.step),
                counted(end.steps, "step"),
                duration(end.elapsed_s),
                end.path.display()
            ));
            ui.add_space(space::XS);
            next_steps_ui(ui, cx, end);
        }),
        Phase::Failed(message) => card(ui, "The run failed", |ui| {
            callout(ui, Level::Error, message);
            mend_ui(ui, cx, run);
        }),
        _ => {}
    }
}

fn next_steps_ui(ui: &mut Ui, cx: &PageContext<'_>, end: &TrainingEnd) {
    ui.horizontal(|ui| {
        if buttons::primary(ui, Icon::Routing, "See the routing", true).clicked() {
            cx.send(SystemCommand::Show(PageId::Routing));
        }
        if buttons::secondary(ui, Icon::Export, "Export", true).clicked() {
            cx.send(SystemCommand::Show(PageId::Export));
        }
        if end.stopped && end.step < end.steps && buttons::secondary(ui, Icon::Play, "Go on training", true).clicked() {
            cx.request(Request::ResumeRun { run: end.path.clone() });
        }
    });
}

fn mend_ui(ui: &mut Ui, cx: &PageContext<'_>, run: &RunState) {
    match run.checkpoints.last() {
        Some(checkpoint) => {
            ui.label(format!(
                "Nothing saved is lost: the last checkpoint is from step {}. Go on from it, or change the settings below \
                 and start anew; a lower learning rate helps where the loss was not a number.",
                count(checkpoint.step)
            ));
            if buttons::primary(ui, Icon::Restore, "Go on from the last checkpoint", true).clicked() {
                cx.request(Request::ResumeRun { run: run.summary.path.clone() });
            }
        }
        None => {
            ui.label(
                "It failed before its first checkpoint. Mend what the message names, or change the settings below; a lower \
                 learning rate helps where the loss was not a number, a smaller batch or context where memory ran out.",
            );
        }
    }
}

/// What held-out loss says about a run.
pub fn verdict(end: &TrainingEnd, evals: &[EvalRecord]) -> Verdict {
    let (Some(first), Some(last)) = (end.first_held_out, end.last_held_out) else {
        let text = "No examples were held out, so nobody can say how well it answers what it has not seen. Look at \
                    answers on the Routing page, and hold out a share next time.";
        return Verdict { level: Level::Info, text: text.to_owned() };
    };
    if !(first.is_finite() && last.is_finite() && first > 0.0) {
        let text = format!("Held-out loss went from {} to {}: it cannot be judged.", figure(first), figure(last));
        return Verdict { level: Level::Warning, text };
    }
    let change = (last - first) / first;
    let figures = format!("from {} to {}", figure(first), figure(last));
    let (level, text) = if change <= -SAME {
        let how = if change < -0.2 { "much better" } else { "a little better" };
        let fell = percent(-change);
        (
            Level::Ok,
            format!(
                "Held-out loss fell {figures}, by {fell}: it predicts answers it has never seen {how} than before."
            ),
        )
    } else if change < SAME {
        (
            Level::Info,
            format!(
                "Held-out loss hardly moved, {figures}. Train longer, raise the learning rate, or check that the data \
                 holds something to learn."
            ),
        )
    } else {
        (
            Level::Warning,
            format!(
                "Held-out loss rose {figures}: it learnt the training examples by heart instead of the task. Train \
                 shorter, lower the learning rate, or bring more data."
            ),
        )
    };
    Verdict { level, text: text + &best_earlier(last, evals) }
}

/// Points to an earlier checkpoint where held-out loss was clearly lower than at the end.
fn best_earlier(last: f64, evals: &[EvalRecord]) -> String {
    let best =
        evals.iter().filter(|eval| eval.loss.is_finite() && eval.step > 0).min_by(|a, b| a.loss.total_cmp(&b.loss));
    match best {
        Some(best) if best.loss < last * (1.0 - SAME) => {
            format!(" It was lowest at step {}, with {}.", count(best.step), figure(best.loss))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(first: Option<f64>, last: Option<f64>) -> TrainingEnd {
        TrainingEnd {
            path: "run".into(),
            step: 10,
            steps: 10,
            stopped: false,
            first_held_out: first,
            last_held_out: last,
            elapsed_s: 1.0,
        }
    }

    fn told(first: f64, last: f64) -> Verdict {
        verdict(&end(Some(first), Some(last)), &[])
    }

    #[test]
    fn a_fall_is_told_with_its_size() {
        let verdict = told(2.0, 1.2);
        assert_eq!(verdict.level, Level::Ok);
        assert!(verdict.text.starts_with("Held-out loss fell from 2.00 to 1.20, by 40 %"), "{}", verdict.text);
        assert!(told(2.0, 1.8).text.contains("a little better"));
    }

    #[test]
    fn no_change_and_a_rise_are_owned_up_to() {
        assert_eq!(told(2.0, 1.99).level, Level::Info);
        assert_eq!(told(2.0, 2.2).level, Level::Warning);
        assert!(told(2.0, f64::NAN).text.contains("cannot be judged"));
        assert!(verdict(&end(None, None), &[]).text.contains("No examples were held out"));
    }

    #[test]
    fn an_earlier_low_is_pointed_out() {
        let eval = |step, loss| EvalRecord { step, loss, examples: 1, supervised: 1, elapsed_s: 0.0 };
        let evals = [eval(0, 2.0), eval(5, 1.0), eval(10, 1.4)];
        let text = verdict(&end(Some(2.0), Some(1.4)), &evals).text;
        assert!(text.ends_with("It was lowest at step 5, with 1.00."), "{text}");
    }
}
