//! The list of all commands with their keys, made from the command table.

use egui::{Context, RichText, ScrollArea};

use crate::app::App;
use crate::app::commands::UICommand;
use crate::app::theme::{Tokens, size, space};
use crate::app::ui::dialog;

impl App {
    /// Draws the list while it is open.
    pub(super) fn help_ui(&mut self, ctx: &Context) {
        if !self.is_help_open {
            return;
        }
        let response = dialog("help", ctx).show(ctx, |ui| {
            let tokens = Tokens::of(ui);
            ui.set_width(560.0);
            ui.label(RichText::new("Keyboard shortcuts").heading().color(tokens.text_strong));
            ui.label(RichText::new("Tab moves on, Space or Enter presses, Esc closes.").color(tokens.text_weak));
            ui.add_space(space::S);
            ScrollArea::vertical().max_height(440.0).auto_shrink([false, true]).show(ui, |ui| {
                for command in UICommand::ALL {
                    let info = command.info();
                    egui::Sides::new().shrink_left().truncate().show(
                        ui,
                        |ui| {
                            ui.add(info.icon.image(size::ICON).tint(tokens.text_weak));
                            ui.label(RichText::new(info.name).color(tokens.text_strong));
                            ui.label(RichText::new(info.tooltip).small().color(tokens.text_weak));
                        },
                        |ui| {
                            let keys = info.shortcuts.iter().map(|keys| ctx.format_shortcut(keys));
                            let keys = keys.collect::<Vec<_>>().join("  or  ");
                            ui.label(RichText::new(keys).monospace().color(tokens.text_weak));
                        },
                    );
                }
            });
            ui.add_space(space::S);
            ui.button("Close").clicked()
        });
        if response.inner || response.should_close() {
            self.is_help_open = false;
        }
    }
}
