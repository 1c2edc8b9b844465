//! Discarding a run asks first: what it has learnt goes to the recycle bin.

use egui::{Context, RichText, Ui};

use crate::app::App;
use crate::app::commands::SystemCommand;
use crate::app::theme::{Tokens, space};
use crate::app::ui::dialog;
use crate::app::widgets::figures::count;
use crate::worker::protocol::Request;

impl App {
    /// Draws the question, while it is asked.
    pub(super) fn discarding_ui(&mut self, ctx: &Context) {
        if !self.is_asking_to_discard {
            return;
        }
        let response = dialog("discarding", ctx).show(ctx, |ui| {
            ui.set_width(440.0);
            self.discarding_question_ui(ui)
        });
        if response.inner || response.should_close() || self.state.active_run().is_none() {
            self.is_asking_to_discard = false;
        }
    }

    /// Gives back whether it was answered.
    fn discarding_question_ui(&self, ui: &mut Ui) -> bool {
        let Some(run) = self.state.active_run() else { return true };
        let tokens = Tokens::of(ui);
        ui.label(RichText::new("Discard this run?").heading().color(tokens.text_strong));
        ui.add_space(space::XS);
        ui.label(format!(
            "It stands at step {} of {}. Training ends, nothing more is saved, and the run's folder goes to the recycle bin, \
             from where you can restore it with the checkpoints that it has.",
            count(run.step()),
            count(run.summary.steps)
        ));
        ui.label(RichText::new(run.summary.path.to_string_lossy()).monospace().color(tokens.text_weak));
        ui.add_space(space::M);
        ui.horizontal(|ui| {
            let is_discarded = ui.button("Move to the recycle bin").clicked();
            if is_discarded {
                self.commands.send(SystemCommand::Request(Request::Discard));
            }
            is_discarded | ui.button("Keep it").clicked()
        })
        .inner
    }
}
