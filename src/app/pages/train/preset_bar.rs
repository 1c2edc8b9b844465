//! Presets: choose one, keep the present settings as one, rename and delete the user's own; and settings as files.

use std::path::PathBuf;

use egui::{ComboBox, Key, RichText, TextEdit, Ui, vec2};

use super::form::Form;
use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::picker::PickPurpose;
use crate::app::theme::{Tokens, size};
use crate::app::widgets::buttons;
use crate::app::widgets::path_field::{PathAction, path_field, typed_path};
use crate::project::{Preset, PresetName, built_in_presets};
use crate::train::TrainSettings;

/// What is asked for in the line below the presets.
#[derive(Debug, Default)]
enum Asking {
    #[default]
    Nothing,
    /// A name for the present settings.
    Name { text: String },
    /// Another name for a preset.
    NewName { preset: String, text: String },
    /// A path, where the system has no dialog to ask for it.
    Path { purpose: PickPurpose, text: String },
}

/// The line of presets.
#[derive(Debug)]
pub struct PresetBar {
    asking: Asking,
    built_in: Vec<(Preset, &'static str)>,
}

impl Default for PresetBar {
    fn default() -> Self {
        Self { asking: Asking::Nothing, built_in: built_in_presets() }
    }
}

impl PresetBar {
    /// Asks for a path in place of the dialog that there is none of.
    pub fn ask_for_path(&mut self, purpose: PickPurpose) {
        self.asking = Asking::Path { purpose, text: String::new() };
    }

    /// Draws the line. `settings` are those of the form, and `most_context` is what the model takes. Gives the name of
    /// what was changed.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        form: &mut Form,
        settings: &TrainSettings,
        most_context: usize,
        cx: &PageContext<'_>,
    ) -> Option<String> {
        let fitted = |settings: &TrainSettings| TrainSettings {
            context: settings.context.min(most_context.max(8)),
            ..settings.clone()
        };
        let own = form.presets.iter().find(|preset| fitted(&preset.settings) == *settings);
        let own = own.map(|preset| preset.name.as_str().to_owned());
        let built_in = self.built_in.iter().find(|(preset, _)| fitted(&preset.settings) == *settings);
        let chosen = own.clone().or_else(|| built_in.map(|(preset, _)| preset.name.as_str().to_owned()));
        let mut done = None;
        ui.horizontal_wrapped(|ui| {
            if let Some(preset) = self.choice_ui(ui, form, chosen.as_deref()) {
                form.enter(fitted(&preset.settings));
                done = Some(format!("Preset {}", preset.name.as_str()));
            }
            if let Some(own) = own {
                if ui.button("Rename…").clicked() {
                    self.asking = Asking::NewName { preset: own.clone(), text: own.clone() };
                }
                if ui.button("Delete").accessible_name(format!("Delete the preset {own}")).clicked() {
                    form.drop_preset(&own);
                    done = Some(format!("Delete preset {own}"));
                }
            }
            if ui.button("Save as preset…").clicked() {
                self.asking = Asking::Name { text: String::new() };
            }
            for command in [UICommand::SaveSettings, UICommand::LoadSettings] {
                let info = command.info();
                if buttons::secondary(ui, info.icon, info.name, true).on_hover_text(info.tooltip).clicked() {
                    cx.send(SystemCommand::Ui(command));
                }
            }
        });
        done.or(self.asking_ui(ui, form, settings, cx))
    }

    fn choice_ui(&self, ui: &mut Ui, form: &Form, chosen: Option<&str>) -> Option<Preset> {
        let tokens = Tokens::of(ui);
        let mut picked = None;
        let mut entry_ui = |ui: &mut Ui, preset: &Preset, tooltip: &str| {
            let name = preset.name.as_str();
            if ui.selectable_label(chosen == Some(name), name).on_hover_text(tooltip).clicked() {
                picked = Some(preset.clone());
            }
        };
        let combo = ComboBox::from_id_salt("preset")
            .selected_text(chosen.unwrap_or("Choose a preset"))
            .width(180.0)
            .icon(buttons::chevron)
            .show_ui(ui, |ui| {
                ui.label(RichText::new("Come with the program").small().color(tokens.text_weak));
                for (preset, purpose) in &self.built_in {
                    entry_ui(ui, preset, purpose);
                }
                if !form.presets.is_empty() {
                    ui.label(RichText::new("Your own").small().color(tokens.text_weak));
                }
                for preset in form.presets.iter() {
                    entry_ui(ui, preset, "");
                }
            });
        combo.response.accessible_name("Preset");
        picked
    }

    /// The line below, while something is asked for.
    fn asking_ui(
        &mut self,
        ui: &mut Ui,
        form: &mut Form,
        settings: &TrainSettings,
        cx: &PageContext<'_>,
    ) -> Option<String> {
        let mut done = None;
        let is_over = match &mut self.asking {
            Asking::Nothing => return None,
            Asking::Name { text } => match name_ui(ui, "Name of the preset", text) {
                Naming::Open => false,
                Naming::Cancelled => true,
                Naming::Named(name) => {
                    done = Some(format!("Save preset {}", name.as_str()));
                    form.keep_preset(Preset { name, settings: settings.clone() });
                    true
                }
            },
            Asking::NewName { preset, text } => match name_ui(ui, "New name of the preset", text) {
                Naming::Open => false,
                Naming::Cancelled => true,
                Naming::Named(name) => {
                    if let Some(kept) = form.drop_preset(preset) {
                        done = Some(format!("Rename preset {preset} to {}", name.as_str()));
                        form.keep_preset(Preset { name, ..kept });
                    }
                    true
                }
            },
            Asking::Path { purpose, text } => path_ui(ui, *purpose, text, cx),
        };
        if is_over {
            self.asking = Asking::Nothing;
        }
        done
    }
}

/// What came of asking for a name.
enum Naming {
    Open,
    Cancelled,
    Named(PresetName),
}

fn name_ui(ui: &mut Ui, label: &str, text: &mut String) -> Naming {
    let parsed = PresetName::parse(text);
    let mut naming = Naming::Open;
    ui.horizontal_wrapped(|ui| {
        let name = ui.label(label);
        let field = TextEdit::singleline(text)
            .desired_width(220.0)
            .align(egui::Align2::LEFT_CENTER)
            .min_size(vec2(0.0, size::CONTROL));
        let field = ui.add(field).labelled_by(name.id);
        let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let save = buttons::secondary(ui, Icon::Check, "Save preset", parsed.is_ok());
        if ui.button("Cancel").clicked() {
            naming = Naming::Cancelled;
        }
        match &parsed {
            Ok(name) if save.clicked() || is_entered => naming = Naming::Named(name.clone()),
            Err(fault) if !text.is_empty() => {
                ui.label(RichText::new(fault).color(Tokens::of(ui).warn));
            }
            _ => {}
        }
    });
    naming
}

/// Asks for a path by hand. Gives back whether that is over.
fn path_ui(ui: &mut Ui, purpose: PickPurpose, text: &mut String, cx: &PageContext<'_>) -> bool {
    let action = path_field(ui, purpose.title(), "/path/to/settings.toml", text, &[]);
    let path: Option<PathBuf> = typed_path(text);
    let mut is_over = false;
    ui.horizontal(|ui| {
        let is_ready = buttons::secondary(ui, Icon::Check, "Use this path", path.is_some()).clicked();
        is_over = ui.button("Cancel").clicked();
        if let Some(path) = path.filter(|_| is_ready || action == PathAction::Entered) {
            cx.send(SystemCommand::Paths(purpose, vec![path]));
            is_over = true;
        }
    });
    is_over
}
