//! Moving runs to the recycle bin, asked about first.

use std::path::PathBuf;

use egui::{Context, RichText, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, space};
use crate::app::ui::dialog;
use crate::app::widgets::buttons;
use crate::app::widgets::figures::counted;
use crate::project::runs::{RunEntry, RunStatus};
use crate::worker::protocol::{JobKind, Request};

/// Names listed in the question; of more only their number.
const NAMED: usize = 8;

/// The question whether runs shall go, while it is on screen.
#[derive(Default)]
pub(super) struct Trashing {
    /// Paths and names of the runs asked about.
    runs: Vec<(PathBuf, String)>,
}

impl Trashing {
    /// Draws the button that asks about `runs`.
    pub fn button(&mut self, ui: &mut Ui, cx: &PageContext<'_>, runs: &[&RunEntry]) {
        let is_training = runs.iter().any(|run| run.status == RunStatus::InTraining);
        let can_trash = !is_training && cx.state.job(JobKind::TrashRuns).is_none();
        let button = buttons::secondary(ui, Icon::Trash, "Move to recycle bin…", can_trash);
        let hint = "A run in training cannot be deleted: stop it first.";
        let button = if is_training { button.on_disabled_hover_text(hint) } else { button };
        if button.clicked() {
            self.ask(runs.iter().map(|run| (run.path.clone(), run.name.clone())).collect());
        }
    }

    /// Puts the question on screen.
    pub fn ask(&mut self, runs: Vec<(PathBuf, String)>) {
        self.runs = runs;
    }

    /// Draws the question, where one is asked.
    pub fn ui(&mut self, ctx: &Context, cx: &PageContext<'_>) {
        if self.runs.is_empty() {
            return;
        }
        let response = dialog("trash runs", ctx).show(ctx, |ui| {
            ui.set_width(440.0);
            self.question_ui(ui, cx);
        });
        if response.should_close() {
            self.runs.clear();
        }
    }

    fn question_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let tokens = Tokens::of(ui);
        let title = format!("Move {} to the recycle bin?", counted(self.runs.len(), "run"));
        ui.label(RichText::new(title).heading().color(tokens.text_strong));
        ui.add_space(space::XS);
        for (_, name) in self.runs.iter().take(NAMED) {
            ui.label(RichText::new(name).color(tokens.text_strong));
        }
        if self.runs.len() > NAMED {
            ui.label(format!("and {} more", self.runs.len() - NAMED));
        }
        ui.add_space(space::XS);
        ui.label("Settings, curves and checkpoints go with them. They can be restored from there until it is emptied.");
        ui.add_space(space::M);
        ui.horizontal(|ui| {
            if buttons::primary(ui, Icon::Trash, "Move to recycle bin", true).clicked() {
                let paths = std::mem::take(&mut self.runs).into_iter().map(|(path, _)| path).collect();
                cx.request(Request::TrashRuns { paths });
            }
            if ui.button("Keep").clicked() {
                self.runs.clear();
            }
        });
    }
}
