//! A run while it is on: where it stands, how to pause and stop it, and what it has saved.

use chrono::{DateTime, Local, TimeDelta, TimeZone};
use egui::{RichText, Ui};

use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::state::{Phase, RunState};
use crate::app::theme::{Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::{Fact, card, card_with_actions, facts};
use crate::app::widgets::figures::{count, counted, duration, figure, percent};
use crate::app::widgets::notes::{callout, progress_bar};
use crate::train::{CheckpointRecord, RouterStartRecord, TrainSettings, WarningRecord};
use crate::worker::protocol::{JobKind, Request};

/// Checkpoints that a run keeps on disk, besides the best.
const KEPT: usize = 3;

/// Warnings that are shown at once.
const WARNINGS: usize = 3;
/// Steps that are done before the end is told by the clock.
const STEPS_TO_TELL: usize = 5;

/// Draws where the run stands, with its buttons.
pub fn progress_card(ui: &mut Ui, cx: &PageContext<'_>, run: &RunState) {
    let name = run_name(run);
    card_with_actions(
        ui,
        &format!("Run {name}"),
        |ui| controls_ui(ui, cx, run),
        |ui| {
            progress_bar(ui, Some(run.share()), ui.available_width(), 8.0);
            ui.label(progress_line(run));
            if let Some(job) = cx.state.job(JobKind::Train) {
                ui.weak(&job.note);
            }
            if let Some(message) = cx.state.failure(JobKind::Train) {
                callout(ui, Level::Error, message);
            }
            facts(ui, &run_facts(run));
            if let Some(text) = left_out(run) {
                callout(ui, Level::Warning, &text);
            }
            warnings_ui(ui, &run.warnings);
        },
    );
}

/// Draws what the run warned of, the latest first.
pub fn warnings_ui(ui: &mut Ui, warnings: &[WarningRecord]) {
    for warning in warnings.iter().rev().take(WARNINGS) {
        callout(ui, Level::Warning, &format!("Step {}: {}", count(warning.step), warning.message));
    }
    if let Some(more) = warnings.len().checked_sub(WARNINGS).filter(|&more| more > 0) {
        ui.weak(format!("{} before that, in the notices.", counted(more, "warning")));
    }
}

/// The run folder's last name.
pub fn run_name(run: &RunState) -> String {
    let path = &run.summary.path;
    path.file_name().map_or_else(|| path.to_string_lossy().into_owned(), |name| name.to_string_lossy().into_owned())
}

fn controls_ui(ui: &mut Ui, cx: &PageContext<'_>, run: &RunState) {
    if !run.is_active() {
        return;
    }
    let is_stopping = run.phase == Phase::Stopping;
    ui.add_enabled_ui(!is_stopping, |ui| more_ui(ui, cx, run));
    let stop = buttons::secondary(ui, Icon::Stop, "Stop and save", !is_stopping);
    if stop.on_hover_text("Writes a checkpoint, then ends the run. It can be resumed later.").clicked() {
        cx.request(Request::StopAndSave);
    }
    match run.phase {
        Phase::Paused | Phase::Freed => {
            if buttons::primary(ui, Icon::Play, "Continue", true).clicked() {
                cx.request(Request::Continue);
            }
        }
        _ => {
            let can_pause = run.phase == Phase::Running;
            if buttons::secondary(ui, Icon::Pause, "Pause", can_pause).clicked() {
                cx.request(Request::Pause);
            }
        }
    }
}

/// What is needed less often.
fn more_ui(ui: &mut Ui, cx: &PageContext<'_>, run: &RunState) {
    let entries = [
        (UICommand::SaveNow, run.phase != Phase::Freed),
        (UICommand::PauseAndFree, run.phase != Phase::Freed),
        (UICommand::Discard, true),
    ];
    let menu = ui.menu_button("More", |ui| {
        for (command, is_enabled) in entries {
            let info = command.info();
            let entry = ui.add_enabled(is_enabled, info.icon.button(info.name)).on_hover_text(info.tooltip);
            if entry.clicked() {
                cx.send(SystemCommand::Ui(command));
                ui.close();
            }
        }
    });
    menu.response.on_hover_text("Save now, give the memory back, discard");
}

/// Where the run stands, in one line.
pub fn progress_line(run: &RunState) -> String {
    let mut line =
        format!("Step {} of {}, {}", count(run.step()), count(run.summary.steps), percent(run.share().into()));
    let more = match &run.phase {
        Phase::Running => match run.time_left_s() {
            Some(seconds) => {
                let end = end_in_words(run, seconds, &Local::now()).map_or_else(String::new, |end| format!(", {end}"));
                format!(", about {} left{end}", duration(seconds))
            }
            None if run.steps.is_empty() && is_starting_routers(run) => routers_line(run),
            None if run.steps.is_empty() => ", the first step is on its way".to_owned(),
            None => String::new(),
        },
        Phase::Pausing => ", pausing after the batch at hand".to_owned(),
        Phase::Paused => ", paused".to_owned(),
        Phase::Freed => ", paused, saved and unloaded".to_owned(),
        Phase::Stopping => ", writing a checkpoint before it ends".to_owned(),
        Phase::Done(_) | Phase::Failed(_) => String::new(),
    };
    line += &more;
    line
}

fn is_starting_routers(run: &RunState) -> bool {
    run.router_start.as_ref().is_some_and(|record| !record.is_done())
}

fn routers_line(run: &RunState) -> String {
    let of = |record: &RouterStartRecord| format!(": layer {} of {}", count(record.layer), count(record.layers));
    let place = run.router_start.as_ref().map(of).unwrap_or_default();
    format!(", beginning the routers with the topics{place}")
}

/// When the run will be done, by the clock: `done at 14:32`. Nothing before a few steps have told their pace.
fn end_in_words<Z: TimeZone>(run: &RunState, left_s: f64, now: &DateTime<Z>) -> Option<String>
where
    Z::Offset: std::fmt::Display,
{
    if run.steps.len() < STEPS_TO_TELL || !left_s.is_finite() {
        return None;
    }
    let left = TimeDelta::try_milliseconds((left_s * 1000.0) as i64)?;
    let end = now.clone().checked_add_signed(left)?;
    let days = (end.date_naive() - now.date_naive()).num_days();
    let day = match days {
        0 => String::new(),
        1 => "tomorrow ".to_owned(),
        _ => end.format("on %-d %B ").to_string(),
    };
    Some(format!("done {day}at {}", end.format("%H:%M")))
}

fn run_facts(run: &RunState) -> Vec<Fact> {
    let mut list = Vec::new();
    if let Some(step) = run.steps.last() {
        list.push(Fact::new("Loss", figure(step.loss)).explained("Of the last step, on its own examples"));
        list.push(Fact::new("Tokens per second", figure(step.tokens_per_s)));
        list.push(Fact::new("Time trained", duration(step.elapsed_s)).explained("Pauses left out"));
    }
    if let Some(eval) = run.evals.last() {
        let when = format!("Measured after {}, on {}", counted(eval.step, "step"), counted(eval.examples, "example"));
        list.push(Fact::new("Held-out loss", figure(eval.loss)).explained(when));
    }
    let trained = run.summary.parameters + run.summary.router_parameters;
    let of_router = format!("{} of them in routers", count(run.summary.router_parameters));
    list.push(Fact::new("Trained parameters", count(trained)).explained(of_router));
    list.push(Fact::new("Examples", count(run.summary.examples)));
    list
}

/// What of the data does not take part as it is.
fn left_out(run: &RunState) -> Option<String> {
    let (cut, skipped) = (run.summary.cut, run.summary.skipped);
    let context = count(run.summary.settings.context);
    match (cut, skipped) {
        (0, 0) => None,
        (_, 0) => Some(format!("{} longer than {context} tokens and cut.", counted_are(cut))),
        (0, _) => Some(format!("{} left out: no answer fits into {context} tokens.", counted_are(skipped))),
        _ => Some(format!(
            "{} longer than {context} tokens and cut; {} left out because no answer fits.",
            counted_are(cut),
            counted_are(skipped)
        )),
    }
}

fn counted_are(value: usize) -> String {
    format!("{} {}", counted(value, "example"), if value == 1 { "is" } else { "are" })
}

/// Draws the checkpoints that are on disk, newest first.
pub fn checkpoints_card(ui: &mut Ui, cx: &PageContext<'_>, run: &RunState) {
    card(ui, "What the run keeps", |ui| {
        let tokens = Tokens::of(ui);
        ui.add(
            egui::Label::new(RichText::new(settings_in_words(&run.summary.settings)).color(tokens.text_weak)).wrap(),
        );
        let kept = kept_checkpoints(&run.checkpoints);
        if kept.is_empty() {
            ui.label("No checkpoint yet. Each is a whole adapter with what is needed to go on from it.");
        }
        for (checkpoint, is_best) in kept {
            ui.horizontal(|ui| {
                ui.label(format!("Step {}", count(checkpoint.step)));
                ui.label(RichText::new(&checkpoint.name).monospace().color(tokens.text_weak));
                if is_best {
                    ui.label(RichText::new("lowest held-out loss").color(tokens.ok));
                }
            });
        }
        ui.add_space(space::XS);
        if buttons::secondary(ui, Icon::Folder, "Open run folder", true).clicked() {
            cx.send(SystemCommand::OpenFolder(run.summary.path.clone()));
        }
    });
}

/// The settings that shape the result, in one sentence.
fn settings_in_words(settings: &TrainSettings) -> String {
    let spec = settings.adapter_spec();
    format!(
        "{} with {} of rank {}, alpha {}, on {}; learning rate {:e}, effective batch {}, context {}, seed {}.",
        spec.method.title(),
        counted(spec.heads, "head"),
        spec.rank,
        spec.alpha,
        counted(spec.targets.len(), "kind") + " of module",
        settings.lr,
        settings.effective_batch(),
        settings.context,
        settings.seed
    )
}

/// The checkpoints that a run keeps, newest first, each with whether it is the best: the last few, and the best.
fn kept_checkpoints(all: &[CheckpointRecord]) -> Vec<(&CheckpointRecord, bool)> {
    let best = all.iter().rposition(|checkpoint| checkpoint.best);
    let recent = all.len().saturating_sub(KEPT);
    let is_kept = |(i, _): &(usize, &CheckpointRecord)| *i >= recent || Some(*i) == best;
    all.iter().enumerate().filter(is_kept).map(|(i, checkpoint)| (checkpoint, Some(i) == best)).rev().collect()
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;
    use crate::app::state::AppState;
    use crate::train::StepRecord;
    use crate::worker::protocol::{Event, RunSummary};

    /// A run of `steps`, each of which took two seconds.
    fn run(steps: usize) -> RunState {
        let mut state = AppState::default();
        state.note_event(Event::TrainingStarted(RunSummary {
            path: "runs/one".into(),
            settings: TrainSettings::default(),
            from_step: 0,
            steps: 1000,
            examples: 100,
            held_out: 16,
            cut: 0,
            skipped: 0,
            parameters: 1000,
            router_parameters: 24,
        }));
        for step in 1..=steps {
            let (tokens, elapsed_s) = (100, step as f64 * 2.0);
            state.note_event(Event::Step(StepRecord {
                step,
                steps: 1000,
                loss: 1.0,
                lr: 1e-4,
                grad_norm: 1.0,
                tokens,
                supervised: 50,
                tokens_per_s: 50.0,
                elapsed_s,
            }));
        }
        state.run.expect("a run")
    }

    #[test]
    fn the_end_is_told_by_the_clock_and_by_its_day() {
        let zone = FixedOffset::east_opt(3600).expect("a zone");
        let now = zone.with_ymd_and_hms(2026, 11, 25, 14, 20, 0).single().expect("a time");
        let end = |left_s| end_in_words(&run(5), left_s, &now);
        assert_eq!(end(720.0).as_deref(), Some("done at 14:32"));
        assert_eq!(end(12.0 * 3600.0).as_deref(), Some("done tomorrow at 02:20"));
        assert_eq!(end(49.0 * 3600.0).as_deref(), Some("done on 27 November at 15:20"));
        assert_eq!((end(f64::NAN), end(1e300)), (None, None));
        assert_eq!(end_in_words(&run(4), 720.0, &now), None, "four steps tell no pace yet");
    }

    #[test]
    fn the_last_three_and_the_best_are_kept() {
        let checkpoint =
            |step: usize| CheckpointRecord { step, name: format!("checkpoint-{step}"), best: step == 1 || step == 2 };
        let all: Vec<_> = (1..=6).map(checkpoint).collect();
        let kept: Vec<_> = kept_checkpoints(&all).into_iter().map(|(c, best)| (c.step, best)).collect();
        assert_eq!(kept, [(6, false), (5, false), (4, false), (2, true)]);
        assert!(kept_checkpoints(&[]).is_empty());
    }
}
