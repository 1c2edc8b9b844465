//! Setting up a run: one question in Simple mode, every setting in Advanced, and in both what will come of it.

use egui::{RichText, Sense, Ui, vec2};

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::pages::runs::orders;
use crate::app::picker::PickPurpose;
use crate::app::state::RunState;
use crate::app::theme::{Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::{Fact, card, card_with_actions, facts};
use crate::app::widgets::figures::{count, counted, duration};
use crate::app::widgets::notes::callout;
use crate::app::widgets::path_field::{PathAction, path_field};
use crate::train::TrainSettings;
use crate::worker::protocol::{DataSummary, Event, JobKind, ModelSummary, Request};

use super::fields::{Field, GROUPS};
use super::plan::{self, Pace};
use super::run_folder::{NameParts, RunFolder};

/// How much of the settings is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Simple,
    Advanced,
}

/// What the next run will be.
#[derive(Default)]
pub struct Setup {
    mode: Mode,
    pace: Pace,
    advanced: TrainSettings,
    /// Advanced settings begin as a copy of the simple ones, and are the user's own from the first edit on.
    is_own: bool,
    folder: RunFolder,
    /// Runs seen when the folder was last looked for.
    runs_seen: usize,
    origin: Origin,
}

impl Setup {
    /// Draws the settings, what they come to, and the button that starts.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary, model: &ModelSummary) {
        let simple = plan::settings(self.pace, data, model);
        if !self.is_own {
            self.advanced = simple.clone();
        }
        let mut mode = self.mode;
        card_with_actions(
            ui,
            "Settings",
            |ui| {
                buttons::segmented(ui, &mut mode, &[(Mode::Simple, "Simple"), (Mode::Advanced, "Advanced")]);
            },
            |ui| match self.mode {
                Mode::Simple => self.simple_ui(ui, data, model),
                Mode::Advanced => self.advanced_ui(ui, cx),
            },
        );
        self.mode = mode;
        let settings = if self.mode == Mode::Simple { simple } else { self.advanced.clone() };
        card(ui, "Start", |ui| self.start_ui(ui, cx, &settings, (data, model)));
    }

    /// Takes over the settings of another run, to be looked over in Advanced mode.
    pub fn take_settings(&mut self, settings: TrainSettings) {
        self.mode = Mode::Advanced;
        self.is_own = true;
        self.advanced = settings;
    }

    /// Keeps track of what the last run began with.
    pub fn note_event(&mut self, event: &Event) {
        match event {
            Event::ModelLoaded(_) | Event::DataImported(_) => self.origin.loaded += 1,
            Event::TrainingStarted(_) => self.origin.of_run = Some(self.origin.loaded),
            _ => {}
        }
    }

    /// Longest example in tokens that the settings allow, and the model where one is loaded.
    pub fn context(&self, model: Option<&ModelSummary>) -> usize {
        let is_own = self.is_own && self.mode == Mode::Advanced;
        let wanted = if is_own { self.advanced.context } else { TrainSettings::default().context };
        model.map_or(wanted, |model| wanted.min(model.max_context))
    }

    fn simple_ui(&mut self, ui: &mut Ui, data: &DataSummary, model: &ModelSummary) {
        ui.label("How long should it train?");
        ui.add_space(space::XS);
        ui.columns_const(|columns: &mut [Ui; 3]| {
            for (ui, pace) in columns.iter_mut().zip(Pace::ALL) {
                let settings = plan::settings(pace, data, model);
                let length = plan::length_in_words(&settings, plan::training_examples(data, &settings));
                pace_ui(ui, &mut self.pace, pace, &length);
            }
        });
        ui.add_space(space::XS);
        let settings = plan::settings(self.pace, data, model);
        let why = match plan::heads(data) {
            Some(_) => "one for each topic in the data",
            None => "a good start for mixed data",
        };
        ui.weak(format!(
            "HydraLoRA with {} ({why}), rank {}, learning rate {:e}, context {} tokens. Advanced shows every setting.",
            counted(settings.heads, "head"),
            settings.rank,
            settings.lr,
            count(settings.context)
        ));
    }

    fn advanced_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let before = self.advanced.clone();
        let changed: usize = GROUPS.iter().flat_map(|(_, fields)| *fields).filter(|f| f.is_changed(&before)).count();
        ui.horizontal(|ui| {
            ui.weak("A dot marks what differs from the defaults. Rest the pointer on a name to read what it does.");
            if changed > 0 && ui.button(format!("Reset {}", counted(changed, "change"))).clicked() {
                self.advanced = TrainSettings::default();
            }
        });
        for (title, fields) in GROUPS {
            ui.add_space(space::S);
            ui.strong(title);
            for field in fields {
                field_ui(ui, *field, &mut self.advanced, cx);
            }
        }
        self.is_own |= self.advanced != before;
    }

    fn start_ui(
        &mut self,
        ui: &mut Ui,
        cx: &PageContext<'_>,
        settings: &TrainSettings,
        (data, model): (&DataSummary, &ModelSummary),
    ) {
        let run = cx.state.run.as_ref().filter(|_| self.origin.is_of_last_run());
        totals_ui(ui, settings, (data, model), run);
        self.folder_ui(ui, cx, model);
        let obstacle = arriving(cx).map(str::to_owned).or_else(|| self.obstacle(settings, data, model));
        if let Some(obstacle) = &obstacle {
            callout(ui, Level::Warning, obstacle);
        }
        ui.horizontal(|ui| {
            let (settings, out) = (orders::whole(settings.clone()), self.folder.path());
            if buttons::primary(ui, Icon::Play, "Start training", obstacle.is_none()).clicked() {
                cx.request(Request::StartTraining { settings: settings.clone(), out: out.clone() });
            }
            orders::later_ui(ui, cx, settings, out, obstacle.is_none());
        });
    }

    fn folder_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, model: &ModelSummary) {
        if self.runs_seen != cx.state.run_count {
            self.runs_seen = cx.state.run_count;
            self.folder.look_again();
        }
        let date = chrono::Local::now().format("%Y-%m-%d").to_string();
        let parent = cx.persisted.run_parent.clone();
        self.folder.suggest(NameParts { parent, date, model: model.name.clone() });
        let hint = "A new folder for everything the run writes";
        if path_field(ui, "Run folder", hint, &mut self.folder.text, &["Browse…"]) == PathAction::Browse(0) {
            cx.send(SystemCommand::Pick(PickPurpose::RunParent));
        }
    }

    fn obstacle(&mut self, settings: &TrainSettings, data: &DataSummary, model: &ModelSummary) -> Option<String> {
        if let Err(message) = settings.validate() {
            return Some(sentence(&message));
        }
        if plan::training_examples(data, settings) == 0 {
            return Some("No example is left to train on: hold out fewer, or import more.".to_owned());
        }
        if settings.context > model.max_context {
            return Some(format!(
                "The model was made for {} tokens of context at most: lower the context.",
                count(model.max_context)
            ));
        }
        self.folder.obstacle()
    }
}

/// What is on its way and would be trained with in place of what is shown.
fn arriving(cx: &PageContext<'_>) -> Option<&'static str> {
    if cx.state.job(JobKind::LoadModel).is_some() {
        Some("A model is being loaded. Wait until it is there, or cancel it on the Model page.")
    } else if cx.state.job(JobKind::ImportData).is_some() {
        Some("Data is being imported. Wait until it is there, or cancel it on the Data page.")
    } else {
        None
    }
}

/// One answer to how long, as a tile; the whole tile can be clicked.
fn pace_ui(ui: &mut Ui, chosen: &mut Pace, pace: Pace, length: &str) {
    let tokens = Tokens::of(ui);
    let is_chosen = *chosen == pace;
    let (fill, line) = if is_chosen { (tokens.accent_soft, tokens.accent_text) } else { (tokens.well, tokens.border) };
    let tile = egui::Frame::new()
        .fill(fill)
        .stroke(egui::Stroke::new(1.0, line))
        .corner_radius(size::RADIUS)
        .inner_margin(space::M)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            // Columns justify their text, which tears short lines apart.
            ui.vertical(|ui| {
                ui.radio_value(chosen, pace, RichText::new(pace.title()).strong());
                ui.label(RichText::new(length).color(tokens.text));
                ui.label(RichText::new(pace.purpose()).color(tokens.text_weak));
            });
        });
    if tile.response.interact(Sense::click()).clicked() {
        *chosen = pace;
    }
}

/// What the settings come to.
fn totals_ui(
    ui: &mut Ui,
    settings: &TrainSettings,
    (data, model): (&DataSummary, &ModelSummary),
    last_run: Option<&RunState>,
) {
    let examples = plan::training_examples(data, settings);
    let held_out = plan::held_out_examples(data, settings);
    let batch = settings.effective_batch();
    facts(
        ui,
        &[
            Fact::new("Total steps", count(settings.total_steps(examples)))
                .explained(plan::length_in_words(settings, examples)),
            Fact::new("Effective batch", counted(batch, "example"))
                .explained(format!("A batch of {} times {} before each step", settings.batch, settings.accumulate)),
            Fact::new("Training examples", count(examples)),
            Fact::new("Held out", count(held_out))
                .explained("Never trained on: the loss on them tells what was learnt"),
            Fact::new("Tokens per step", format!("at most {}", count(batch * settings.context)))
                .explained("Effective batch times context; shorter examples take fewer"),
            match last_run.and_then(|run| plan::expected_s(settings, examples, run)) {
                Some(seconds) => Fact::new("Time", format!("about {}", duration(seconds)))
                    .explained("At the pace of the last run on this model and data. Measuring and saving come on top."),
                None => Fact::new("Time", "not known yet")
                    .explained("Told after the first steps: no run on this model and data has been timed."),
            },
            Fact::new("Computes on", &model.device).explained("Chosen on the Model page, when a model is loaded"),
        ],
    );
}

/// Which model and data are at hand, and which the last run began with.
#[derive(Debug, Default)]
struct Origin {
    /// Models and data that were loaded so far.
    loaded: usize,
    /// The same when the last run began.
    of_run: Option<usize>,
}

impl Origin {
    fn is_of_last_run(&self) -> bool {
        self.of_run == Some(self.loaded)
    }
}

/// A dot where the field differs from its default, its name, its control, its usual range, and a way back.
fn field_ui(ui: &mut Ui, field: Field, settings: &mut TrainSettings, cx: &PageContext<'_>) {
    const NAME: f32 = 140.0;
    const CONTROL: f32 = 400.0;
    let tokens = Tokens::of(ui);
    let text = field.text();
    let is_changed = field.is_changed(settings);
    ui.horizontal(|ui| {
        let (dot, response) = ui.allocate_exact_size(vec2(size::ICON / 2.0, size::CONTROL), Sense::hover());
        if is_changed {
            ui.painter().circle_filled(dot.center(), 3.5, tokens.accent_text);
            response.on_hover_text("Differs from the default");
        }
        part_ui(ui, NAME, |ui| {
            let name = ui.label(RichText::new(text.name).color(tokens.text));
            name.on_hover_text(format!("{}\nUsual: {}.", text.explanation, text.usual));
        });
        part_ui(ui, CONTROL, |ui| {
            ui.spacing_mut().interact_size.x = 72.0;
            field.control_ui(ui, settings, cx);
        });
        ui.label(RichText::new(format!("usual: {}", text.usual)).small().color(tokens.text_weak));
        if is_changed && Icon::Restore.small_button(ui, &format!("Reset {}", text.name)).clicked() {
            field.reset(settings);
        }
    });
}

/// A part of a row, at least `width` wide.
fn part_ui(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui)) {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(vec2(width, size::CONTROL), layout, |ui| {
        ui.set_min_width(width);
        contents(ui);
    });
}

/// A message as a sentence: with a capital, and a full stop.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let stop = if message.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_settings_become_sentences() {
        assert_eq!(sentence("the rank must be at least 1"), "The rank must be at least 1.");
        assert_eq!((sentence("Done."), sentence("")), ("Done.".into(), ".".into()));
    }
}
