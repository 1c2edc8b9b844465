//! What the form of a run holds that the user can change, as one value: undo puts an earlier one in its place.

use std::sync::Arc;

use super::controls::short_number;
use super::fields::{Field, changed_fields};
use super::plan::{self, Pace};
use crate::adapter::Method;
use crate::project::Preset;
use crate::train::TrainSettings;
use crate::worker::protocol::{DataSummary, ModelSummary, SplitRule};

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
    /// How Simple mode holds out, where that was chosen.
    pub split: Option<SplitRule>,
    /// The user's own presets.
    pub presets: Arc<Vec<Preset>>,
}

impl Form {
    /// What Simple mode trains with at a pace.
    pub fn simple(&self, pace: Pace, (data, model): Basis<'_>) -> TrainSettings {
        let mut settings = self.planned(pace, (data, model));
        if let Some(fit) = &self.fit {
            for field in &fit.fields {
                field.copy(&fit.settings, &mut settings);
            }
        }
        settings
    }

    /// The same before anything is made to fit.
    fn planned(&self, pace: Pace, (data, model): Basis<'_>) -> TrainSettings {
        let mut settings = plan::settings(pace, data, model);
        if let Some(split) = self.split {
            (settings.held_out, settings.seed) = (split.share, split.seed);
        }
        settings
    }

    /// How the next run holds out.
    pub fn next_split(&self) -> SplitRule {
        self.own_settings().map_or(self.split.unwrap_or_default(), SplitRule::of)
    }

    /// Has the next run hold out by `rule`, in the mode that is shown. Gives back what changed, where anything did.
    pub fn hold_out(&mut self, rule: SplitRule) -> Option<String> {
        let was = self.next_split();
        match self.own.as_mut().filter(|_| self.mode == Mode::Advanced) {
            Some(own) => (own.held_out, own.seed) = (rule.share, rule.seed),
            None => self.split = (rule != SplitRule::default()).then_some(rule),
        }
        let percent = |share: f64| short_number((1000.0 * share).round() / 10.0);
        let name = match was.share == rule.share {
            true => format!("Seed from {} to {}", was.seed, rule.seed),
            false => format!("Held-out share from {} % to {} %", percent(was.share), percent(rule.share)),
        };
        (was != rule).then_some(name)
    }

    /// Has a head for each of so many topics, or plain LoRA for a single one. Gives back what changed, where anything did.
    pub fn use_topics(&mut self, topics: usize, basis: Option<Basis<'_>>) -> Option<String> {
        let own = self.own_settings().cloned();
        let was = basis.map(|basis| self.settings(basis)).or(own).unwrap_or_default();
        let mut settings = was.clone();
        if topics < 2 {
            settings.method = Method::Lora;
        } else {
            settings.heads = topics;
            settings.method = if was.method.is_single_head() { Method::HydraLora } else { was.method };
        }
        if settings == was {
            return None;
        }
        match basis {
            Some(basis) => self.mend(settings, basis),
            None => self.enter(settings),
        }
        Some(if topics < 2 { "Plain LoRA for one topic".to_owned() } else { format!("{topics} heads from the topics") })
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
    pub fn mend(&mut self, settings: TrainSettings, basis: Basis<'_>) {
        match self.mode {
            Mode::Advanced => self.own = Some(settings),
            Mode::Simple => {
                let fields = changed_fields(&self.planned(self.pace, basis), &settings);
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
