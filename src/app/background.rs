//! The small window that is left while a run goes on to its end in the background: how far it is, and the way back.

use egui::{Context, RichText, Ui, Vec2, ViewportCommand, vec2};

use crate::app::App;
use crate::app::closing::Closing;
use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::launch::{LEAST_SIZE, SIZE};
use crate::app::pages::train::{progress_line, run_name};
use crate::app::theme::{Tokens, space};
use crate::app::widgets::{buttons, notes};
use crate::worker::protocol::Request;

/// Room for a name, a line, a bar and two buttons.
const SMALL: Vec2 = vec2(420.0, 168.0);

/// The size that the window had before it became small.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Background {
    before: Option<Vec2>,
}

impl App {
    /// Makes the window small while a run goes on in the background, and as large as before when it no longer does.
    pub(super) fn fit_window(&mut self, ctx: &Context) {
        let is_small = self.background.before.is_some();
        if self.is_in_background() && !is_small {
            let size = ctx.input(|input| input.viewport().inner_rect.map(|rect| rect.size()));
            self.background.before = Some(size.unwrap_or(SIZE));
            ctx.send_viewport_cmd(ViewportCommand::MinInnerSize(SMALL));
            ctx.send_viewport_cmd(ViewportCommand::InnerSize(SMALL));
        } else if !self.is_in_background()
            && let Some(before) = self.background.before.take()
        {
            ctx.send_viewport_cmd(ViewportCommand::MinInnerSize(LEAST_SIZE));
            ctx.send_viewport_cmd(ViewportCommand::InnerSize(before));
        }
    }

    /// Whether only the small window is shown.
    pub(super) fn is_in_background(&self) -> bool {
        self.closing == Closing::InBackground && self.state.active_run().is_some()
    }

    /// Draws the small window.
    pub(super) fn background_ui(&mut self, ui: &mut Ui) {
        let Some(run) = self.state.active_run() else { return };
        let tokens = Tokens::of(ui);
        ui.spacing_mut().item_spacing.y = space::S;
        ui.horizontal(|ui| {
            ui.add(Icon::Hydra.image(18.0).tint(tokens.accent_text));
            let name = RichText::new(run_name(run)).strong().color(tokens.text_strong);
            ui.add(egui::Label::new(name).truncate());
        });
        notes::progress_bar(ui, Some(run.share()), ui.available_width(), 8.0);
        ui.label(progress_line(run));
        ui.label(RichText::new("The window closes by itself after the last step.").small().color(tokens.text_weak));
        ui.horizontal(|ui| {
            if buttons::secondary(ui, Icon::Home, "Show everything", true).clicked() {
                self.closing = Closing::No;
            }
            if buttons::secondary(ui, Icon::Stop, "Stop, save and close", true).clicked() {
                self.commands.send(SystemCommand::Request(Request::StopAndSave));
                self.closing = Closing::AfterRun;
            }
        });
    }
}
