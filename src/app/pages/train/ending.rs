//! The end of a run in words: what was learnt, as far as held-out loss tells, and where to go from here.

use egui::Ui;

use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::{PageContext, PageId};
use crate::app::picker::PickPurpose;
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
            let verdict = verdict(end, run);
            callout(ui, verdict.level, &verdict.text);
            let place =
                if is_loaded(cx, end) { "is loaded, and kept in" } else { "is not loaded any more, but kept in" };
            ui.weak(format!(
                "{} of {} in {}. The adapter {place} {}.",
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

/// Whether the adapter that the run left is the one that answers now.
fn is_loaded(cx: &PageContext<'_>, end: &TrainingEnd) -> bool {
    cx.state.adapter.as_ref().and_then(|adapter| adapter.path.as_ref()) == Some(&end.path)
}

fn next_steps_ui(ui: &mut Ui, cx: &PageContext<'_>, end: &TrainingEnd) {
    ui.horizontal(|ui| {
        if is_loaded(cx, end) {
            if buttons::primary(ui, Icon::Routing, "See the routing", true).clicked() {
                cx.send(SystemCommand::Show(PageId::Routing));
            }
            if buttons::secondary(ui, Icon::Export, "Export", true).clicked() {
                cx.send(SystemCommand::Show(PageId::Export));
            }
        } else if UICommand::OpenAdapter.obstacle(cx.state).is_none()
            && buttons::secondary(ui, Icon::Hydra, "Load it again", true).clicked()
        {
            cx.send(SystemCommand::Paths(PickPurpose::Adapter, vec![end.path.clone()]));
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

/// What held-out loss says about a run that has ended.
pub fn verdict(end: &TrainingEnd, run: &RunState) -> Verdict {
    let info = |text: String| Verdict { level: Level::Info, text };
    if run.summary.held_out == 0 {
        return info(
            "No examples were held out, so nobody can say how well it answers what it has not seen. Look at answers on the \
             Routing page, and hold out a share next time."
                .to_owned(),
        );
    }
    let measured_at = run.evals.last().map(|eval| eval.step);
    let (Some(first), Some(last)) = (end.first_held_out, end.last_held_out) else {
        return info(format!("{NOT_MEASURED} Look at answers on the Routing page, or go on training."));
    };
    let is_first_alone = measured_at.unwrap_or(0) == 0 && first.total_cmp(&last).is_eq();
    if is_first_alone && end.step > 0 {
        let before = figure(first);
        return info(format!(
            "{NOT_MEASURED} Before the first step it was {before}. Look at answers on the Routing page, or go on training."
        ));
    }
    let verdict = judged(first, last);
    let more = best_earlier(last, &run.evals) + &age(end, run, measured_at);
    Verdict { text: verdict.text + &more, ..verdict }
}

/// What is said of a run that was stopped early.
const NOT_MEASURED: &str = "It was stopped before held-out loss could show what it learnt.";

/// Owns up to the steps that no measure has seen.
fn age(end: &TrainingEnd, run: &RunState, measured_at: Option<usize>) -> String {
    match measured_at {
        Some(step) if step < end.step => {
            let since = counted(end.step - step, "step");
            format!(" That was at step {}: it was not measured again in the {since} since.", count(step))
        }
        None if run.summary.from_step < end.step => {
            format!(" It was not measured since step {}, where the run was gone on with.", count(run.summary.from_step))
        }
        _ => String::new(),
    }
}

/// What a change of held-out loss means.
fn judged(first: f64, last: f64) -> Verdict {
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
    Verdict { level, text }
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
    use crate::train::TrainSettings;
    use crate::worker::protocol::RunSummary;

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
        verdict(&end(Some(first), Some(last)), &run(&[(0, first), (10, last)]))
    }

    fn run(evals: &[(usize, f64)]) -> RunState {
        let summary = RunSummary {
            path: "run".into(),
            settings: TrainSettings::default(),
            from_step: 0,
            steps: 10,
            examples: 100,
            held_out: 16,
            cut: 0,
            skipped: 0,
            parameters: 1,
            router_parameters: 1,
        };
        let eval = |(step, loss): &(usize, f64)| EvalRecord {
            step: *step,
            loss: *loss,
            examples: 16,
            supervised: 1,
            elapsed_s: 0.0,
            topics: Vec::new(),
        };
        RunState {
            summary,
            phase: Phase::Running,
            steps: Vec::new(),
            evals: evals.iter().map(eval).collect(),
            checkpoints: Vec::new(),
            routing: Vec::new(),
            usage: Vec::new(),
            samples: Vec::new(),
            warnings: Vec::new(),
            pauses: Vec::new(),
            estimate: None,
        }
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
    }

    #[test]
    fn an_earlier_low_is_pointed_out() {
        let run = run(&[(0, 2.0), (5, 1.0), (10, 1.4)]);
        let text = verdict(&end(Some(2.0), Some(1.4)), &run).text;
        assert!(text.ends_with("It was lowest at step 5, with 1.00."), "{text}");
    }

    #[test]
    fn nothing_held_out_is_not_the_same_as_nothing_measured() {
        let mut without = run(&[]);
        assert!(verdict(&end(None, None), &without).text.starts_with(NOT_MEASURED));
        without.summary.held_out = 0;
        assert!(verdict(&end(None, None), &without).text.starts_with("No examples were held out"));
    }

    #[test]
    fn a_measure_older_than_the_end_is_owned_up_to() {
        let stopped = |first, last, evals: &[(usize, f64)]| {
            verdict(&TrainingEnd { step: 9, stopped: true, ..end(Some(first), Some(last)) }, &run(evals))
        };
        let text = stopped(2.0, 1.0, &[(0, 2.0), (5, 1.0)]).text;
        assert!(text.ends_with("That was at step 5: it was not measured again in the 4 steps since."), "{text}");
        let only_before = stopped(2.0, 2.0, &[(0, 2.0)]);
        assert!(only_before.text.contains("Before the first step it was 2.00"), "{}", only_before.text);
        assert_eq!(only_before.level, Level::Info);
        let mut resumed = run(&[]);
        resumed.summary.from_step = 7;
        let text = verdict(&TrainingEnd { step: 9, ..end(Some(2.0), Some(1.0)) }, &resumed).text;
        assert!(text.ends_with("It was not measured since step 7, where the run was gone on with."), "{text}");
    }
}
