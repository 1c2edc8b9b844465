//! What the form of a run holds that the user can change, as one value: undo puts an earlier one in its place.

use std::sync::Arc;

use super::fields::{Field, changed_fields};
use super::plan::{self, Pace};
use crate::project::Preset;
use crate::train::TrainSettings;
use crate::worker::protocol::{DataSummary, ModelSummary};

/// The data and the model that Simple mode derives its settings from.
pub type Basis<'a> = (&'a DataSummary, &'a ModelSummary);

/// How much of the settings is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Simple,
    Advanced,
}

impl Mode {
    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Simple => "Simple",
            Self::Advanced => "Advanced",
        }
    }
}

/// Fields that Simple mode takes from here, whatever the effort, so that the run fits into memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    pub fields: Vec<Field>,
    settings: TrainSettings,
}

/// The form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    pub mode: Mode,
    pub pace: Pace,
    /// The settings of Advanced mode, from the first edit on; until then they follow the simple ones.
    pub own: Option<TrainSettings>,
    pub fit: Option<Fit>,
    /// The user's own presets.
    pub presets: Arc<Vec<Preset>>,
}

impl Form {
    /// What Simple mode trains with at a pace.
    pub fn simple(&self, pace: Pace, (data, model): Basis<'_>) -> TrainSettings {
        let mut settings = plan::settings(pace, data, model);
        if let Some(fit) = &self.fit {
            for field in &fit.fields {
                field.copy(&fit.settings, &mut settings);
            }
        }
        settings
    }

    /// What the next run trains with.
    pub fn settings(&self, basis: Basis<'_>) -> TrainSettings {
        match (self.mode, &self.own) {
            (Mode::Advanced, Some(own)) => own.clone(),
            _ => self.simple(self.pace, basis),
        }
    }

    /// What the next run trains with, where that depends on neither data nor model.
    pub fn own_settings(&self) -> Option<&TrainSettings> {
        self.own.as_ref().filter(|_| self.mode == Mode::Advanced)
    }

    /// Shows Advanced mode with these settings.
    pub fn enter(&mut self, settings: TrainSettings) {
        self.mode = Mode::Advanced;
        self.own = Some(settings);
    }

    /// Trains with `settings`, a change of the present ones, in the mode that is shown.
    pub fn mend(&mut self, settings: TrainSettings, (data, model): Basis<'_>) {
        match self.mode {
            Mode::Advanced => self.own = Some(settings),
            Mode::Simple => {
                let fields = changed_fields(&plan::settings(self.pace, data, model), &settings);
                self.fit = Some(Fit { fields, settings });
            }
        }
    }

    /// The user's preset of a name.
    pub fn preset(&self, name: &str) -> Option<&Preset> {
        self.presets.iter().find(|preset| preset.name.as_str() == name)
    }

    /// Puts a preset among the user's own, in the order of their names, in place of one of its name.
    pub fn keep_preset(&mut self, preset: Preset) {
        let mut presets = self.presets.as_ref().clone();
        presets.retain(|other| !other.name.is_same_file(&preset.name));
        presets.push(preset);
        presets.sort_by_key(|preset| preset.name.as_str().to_lowercase());
        self.presets = Arc::new(presets);
    }

    /// Takes the user's preset of a name away, and gives it back.
    pub fn drop_preset(&mut self, name: &str) -> Option<Preset> {
        let preset = self.preset(name)?.clone();
        self.presets = Arc::new(self.presets.iter().filter(|other| **other != preset).cloned().collect());
        Some(preset)
    }
}
