//! Closing the window while a run is on: stop and save, go on until done, or stay.

use egui::{Context, RichText, Ui, ViewportCommand};

use crate::app::App;
use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::state::{Phase, RunState};
use crate::app::theme::{Tokens, space};
use crate::app::toasts::Level;
use crate::app::ui::dialog;
use crate::app::widgets::buttons;
use crate::app::widgets::figures::count;
use crate::app::widgets::notes::callout;
use crate::worker::protocol::{JobKind, Request};

/// Where closing stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Closing {
    /// Nobody wants to close.
    #[default]
    No,
    /// The question is on screen.
    Asking,
    /// The window closes when the run, which is being stopped, has ended.
    AfterRun,
    /// The same for a run that goes on to its last step; only a small window is shown meanwhile.
    InBackground,
    /// The window closes although the run could not be saved.
    Unsaved,
}

impl Closing {
    /// Whether the question is on screen.
    pub fn is_asking(self) -> bool {
        self == Closing::Asking
    }

    /// Whether the window closes when the run has ended.
    pub fn waits_for_end(self) -> bool {
        matches!(self, Closing::AfterRun | Closing::InBackground)
    }
}

impl App {
    /// Holds the window open while a run is on, and closes it once the run has ended where that was chosen.
    pub(super) fn watch_closing(&mut self, ctx: &Context) {
        if self.closing == Closing::Unsaved {
            return;
        }
        let is_running =
            self.state.active_run().is_some() || self.state.job(JobKind::Train).is_some() || self.state.queue_goes_on();
        if !is_running {
            // A run that failed keeps the window, so that its message is seen; so does one that could not even start.
            let is_saved = self.state.run.as_ref().is_some_and(|run| matches!(run.phase, Phase::Done(_)))
                && self.state.failure(JobKind::Train).is_none();
            if self.closing.waits_for_end() && is_saved {
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
            self.closing = Closing::No;
            return;
        }
        if ctx.input(|input| input.viewport().close_requested()) {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.closing = Closing::Asking;
        }
    }

    /// Draws the question.
    pub(super) fn closing_ui(&mut self, ctx: &Context) {
        if !self.closing.is_asking() {
            return;
        }
        let response = dialog("closing", ctx).show(ctx, |ui| {
            ui.set_width(440.0);
            self.closing_question_ui(ui);
        });
        if response.should_close() && self.closing.is_asking() {
            self.closing = Closing::No;
        }
    }

    fn closing_question_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        ui.label(RichText::new("A run is still on").heading().color(tokens.text_strong));
        ui.add_space(space::XS);
        let place = self.state.active_run().map_or_else(String::new, |run| {
            format!("It stands at step {} of {}. ", count(run.step()), count(run.summary.steps))
        });
        ui.label(format!(
            "{place}Stop and save writes a checkpoint; you can go on from it later. In the background it goes on to its last \
             step, with a small window that tells how far it is and then closes by itself."
        ));
        ui.add_space(space::M);
        if let Some(message) = self.state.failure(JobKind::Train) {
            callout(ui, Level::Error, message);
            ui.label("Closing without saving loses the steps since the last checkpoint.");
            ui.add_space(space::M);
        }
        ui.horizontal(|ui| {
            if buttons::primary(ui, Icon::Stop, "Stop, save and close", true).clicked() {
                self.commands.send(SystemCommand::Request(Request::StopAndSave));
                self.closing = Closing::AfterRun;
            }
            if self.state.failure(JobKind::Train).is_none() {
                if ui.button("Go on in the background").clicked() {
                    if self.state.active_run().is_some_and(RunState::is_held) {
                        self.commands.send(SystemCommand::Request(Request::Continue));
                    }
                    self.closing = Closing::InBackground;
                }
            } else if ui.button("Close without saving").clicked() {
                self.closing = Closing::Unsaved;
                ui.ctx().send_viewport_cmd(ViewportCommand::Close);
            }
            if ui.button("Stay").clicked() {
                self.closing = Closing::No;
            }
        });
    }
}
