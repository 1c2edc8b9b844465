//! One run: how it stands, what can be done with it, its figures, tags and note.

use egui::{Label, RichText, Ui};

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::picker::PickPurpose;
use crate::app::theme::{Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::{Fact, card_with_actions, facts};
use crate::app::widgets::figures::{bytes, count, counted, duration, figure};
use crate::app::widgets::notes::callout;
use crate::project::runs::{RunEntry, RunStatus};
use crate::train::{DataRef, Energy};
use crate::worker::protocol::JobKind;

use super::notes::NotesEditor;
use super::table::status_color;
use super::trashing::Trashing;

/// Draws the card of a run.
pub(super) fn details_card(
    ui: &mut Ui,
    cx: &PageContext<'_>,
    run: &RunEntry,
    notes: &mut NotesEditor,
    trashing: &mut Trashing,
) {
    let status = |ui: &mut Ui| {
        let color = status_color(&run.status, Tokens::of(ui));
        ui.label(RichText::new(run.status.title()).color(color));
    };
    card_with_actions(ui, &run.name, status, |ui| {
        problems_ui(ui, run);
        actions_ui(ui, cx, run, trashing);
        ui.add_space(space::XS);
        facts(ui, &run_facts(run));
        ui.add_space(space::XS);
        notes.ui(ui, cx);
    });
}

fn problems_ui(ui: &mut Ui, run: &RunEntry) {
    if let RunStatus::Failed { message } = &run.status {
        let message = if message.is_empty() { "It failed without a message." } else { message };
        callout(ui, Level::Error, message);
    }
    for problem in &run.problems {
        callout(ui, Level::Warning, problem);
    }
    if let Some(point) = run.resumable() {
        ui.label(format!("Resume {}.", point.place(count)));
    }
    let path = RichText::new(run.path.display().to_string()).small().color(Tokens::of(ui).text_weak);
    ui.add(Label::new(path).wrap().selectable(true));
}

fn actions_ui(ui: &mut Ui, cx: &PageContext<'_>, run: &RunEntry, trashing: &mut Trashing) {
    ui.horizontal_wrapped(|ui| {
        if run.resumable().is_some() {
            let obstacle = resume_obstacle(cx, run);
            let button = buttons::primary(ui, Icon::Restore, "Resume", obstacle.is_none());
            if explained(button, obstacle).clicked() {
                cx.send(SystemCommand::Paths(PickPurpose::Run, vec![run.path.clone()]));
            }
        }
        let obstacle = adapter_obstacle(cx, run);
        let button = buttons::secondary(ui, Icon::Hydra, "Load adapter", obstacle.is_none());
        if explained(button, obstacle).clicked() {
            cx.send(SystemCommand::OpenAdapterOf { model: run.file.model.path.clone(), run: run.path.clone() });
        }
        let hint = "Sets the next run up like this one, on the Train page";
        if buttons::secondary(ui, Icon::Copy, "Use its settings", true).on_hover_text(hint).clicked() {
            cx.send(SystemCommand::TakeSettings(Box::new(run.file.settings.clone())));
        }
        if buttons::secondary(ui, Icon::Folder, "Open folder", true).clicked() {
            cx.send(SystemCommand::OpenFolder(run.path.clone()));
        }
        trashing.button(ui, cx, &[run]);
    });
}

/// Says on a button why it cannot be pressed.
fn explained(button: egui::Response, obstacle: Option<&str>) -> egui::Response {
    match obstacle {
        Some(obstacle) => button.on_disabled_hover_text(obstacle),
        None => button,
    }
}

fn is_training(cx: &PageContext<'_>) -> bool {
    cx.state.active_run().is_some() || cx.state.job(JobKind::Train).is_some()
}

fn resume_obstacle(cx: &PageContext<'_>, run: &RunEntry) -> Option<&'static str> {
    if is_training(cx) {
        Some("A run is on: it must end first.")
    } else if matches!(run.file.data, DataRef::Tokens { .. }) {
        Some("This run reads a token file: resume it on the command line, with `hydra-studio resume`.")
    } else {
        None
    }
}

fn adapter_obstacle(cx: &PageContext<'_>, run: &RunEntry) -> Option<&'static str> {
    if is_training(cx) {
        Some("A run is on: it must end first.")
    } else if run.last_checkpoint.is_none() {
        Some("The run has no checkpoint yet.")
    } else {
        None
    }
}

fn run_facts(run: &RunEntry) -> Vec<Fact> {
    let file = &run.file;
    let spec = file.settings.adapter_spec();
    let mut list = vec![
        Fact::new("Base model", &file.model.name).explained(file.model.path.display().to_string()),
        Fact::new("Data", run.data_names().join(", ")).explained(data_in_words(run)),
        Fact::new("Method", format!("{}, {}", spec.method.title(), counted(spec.heads, "head")))
            .explained(format!("Rank {}, alpha {}", spec.rank, spec.alpha)),
        Fact::new("Computed on", &file.device),
        Fact::new("Steps", format!("{} of {}", count(run.step), count(run.steps))),
        Fact::new("Time trained", duration(run.elapsed_s)).explained("Pauses left out"),
    ];
    if let Some(loss) = run.last_loss {
        list.push(Fact::new("Last loss", figure(loss)).explained("Of the last step, on its own examples"));
    }
    if let (Some(first), Some(last)) = (run.first_held_out, run.last_held_out) {
        list.push(
            Fact::new("Held-out loss", format!("{} to {}", figure(first), figure(last)))
                .explained("Before training, and when it was last measured"),
        );
    }
    if let Some(best) = &run.best {
        list.push(
            Fact::new("Best", figure(best.loss)).explained(format!("Held-out loss of {}, which is kept", best.name)),
        );
    }
    if file.parameters > 0 {
        list.push(
            Fact::new("Trained parameters", count(file.parameters + file.router_parameters))
                .explained(format!("{} of them in routers", count(file.router_parameters))),
        );
    }
    if let Some(energy) = &run.energy {
        list.push(energy_fact(energy));
    }
    if let Some(peak) = run.peak_bytes {
        list.push(Fact::new("Peak memory", bytes(peak)).explained("The most that the program held while it trained"));
    }
    list
}

fn data_in_words(run: &RunEntry) -> String {
    let counts = format!("{} trained on, {} held out", counted(run.file.examples, "example"), count(run.file.held_out));
    let paths: Vec<String> = run.file.data.files().iter().map(|file| file.path.display().to_string()).collect();
    format!("{counts}\n{}", paths.join("\n"))
}

/// All energy of a run, and of which parts it is made up.
fn energy_fact(energy: &Energy) -> Fact {
    let parts = [("CPU", Some(energy.cpu)), ("GPU", energy.gpu), ("RAM", Some(energy.ram))];
    let parts = parts.into_iter().filter_map(|(name, part)| Some((name, part?)));
    let mut total = 0.0;
    let mut words = Vec::new();
    for (name, part) in parts {
        total += part.wh;
        let origin = if part.measured { "measured" } else { "estimated" };
        words.push(format!("{name} {} Wh, {origin}", figure(part.wh)));
    }
    Fact::new("Energy", format!("{} Wh", figure(total))).explained(words.join("\n"))
}
