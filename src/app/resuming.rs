//! The offer to go on with the run that was worked on last, on the start screen and where runs are started.

use egui::{RichText, Ui};

use crate::app::App;
use crate::app::commands::{CommandSender, SystemCommand};
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::picker::PickPurpose;
use crate::app::settings::Persisted;
use crate::app::state::AppState;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::app::widgets::figures::count;
use crate::project::runs::{ResumePoint, RunEntry, RunStatus};
use crate::worker::protocol::JobKind;

impl App {
    /// Draws the offer on the start screen, where there is one.
    pub(super) fn resume_ui(&self, ui: &mut Ui) {
        offer_ui(ui, &self.state, &self.persisted, &self.commands);
    }
}

/// Draws the offer on a page, where there is one.
pub(super) fn resume_card(ui: &mut Ui, cx: &PageContext<'_>) {
    offer_ui(ui, cx.state, cx.persisted, cx.commands);
}

fn offer_ui(ui: &mut Ui, state: &AppState, persisted: &Persisted, commands: &CommandSender) {
    let Some((run, point)) = offered(state, persisted) else { return };
    card(ui, &format!("Resume {} {}", run.name, point.place(count)), |ui| {
        let tokens = Tokens::of(ui);
        let end = if run.status == RunStatus::Stopped { "It was stopped and saved." } else { "It broke off." };
        ui.label(RichText::new(end).color(tokens.text));
        ui.label(RichText::new(run.path.display().to_string()).small().color(tokens.text_weak));
        ui.add_space(space::XS);
        ui.horizontal(|ui| {
            if buttons::primary(ui, Icon::Restore, "Resume", true).clicked() {
                commands.send(SystemCommand::Paths(PickPurpose::Run, vec![run.path.clone()]));
            }
            let hint = "The run stays as it is, and can be resumed from the Runs page.";
            if ui.button("Dismiss").on_hover_text(hint).clicked() {
                commands.send(SystemCommand::DismissResume(run.path.clone()));
            }
        });
    });
}

/// The run to offer: none while another is on its way, and none that was dismissed.
fn offered<'a>(state: &'a AppState, persisted: &Persisted) -> Option<(&'a RunEntry, ResumePoint)> {
    let run = state.runs.to_resume.as_deref()?;
    let is_free = state.active_run().is_none() && state.job(JobKind::Train).is_none();
    let is_dismissed = persisted.dismissed_run.as_ref() == Some(&run.path);
    let point = run.resumable()?;
    (is_free && !is_dismissed).then_some((run, point))
}
