//! Setting up a run: one question in Simple mode, every setting in Advanced, and in both what will come of it. `form.rs`
//! is what the user changes here, `undo.rs` takes it back.

use std::sync::Arc;

use egui::{Id, Key, Ui};

use super::advanced::Advanced;
use super::estimates::Estimates;
use super::fields::changed_fields;
use super::form::{Basis, Form, Mode};
use super::memory::{MemoryAction, Need, memory_card, sentence};
use super::plan::{self, Pace};
use super::preset_bar::PresetBar;
use super::run_folder::{NameParts, RunFolder};
use super::simple::{Cost, Outlook, simple_ui};
use super::totals::{expected, roughly, totals_ui};
use super::undo::History;
use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::pages::runs::orders;
use crate::app::picker::PickPurpose;
use crate::app::state::RunState;
use crate::app::theme::space;
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::{card, card_with_actions};
use crate::app::widgets::figures::{bytes, count};
use crate::app::widgets::notes::callout;
use crate::app::widgets::path_field::{PathAction, path_field};
use crate::project::Preset;
use crate::train::{Estimate, MemoryCheck, Mend, TrainSettings};
use crate::worker::protocol::{Event, JobKind, ModelSummary, Request, SplitRule};

/// What the next run will be.
#[derive(Default)]
pub struct Setup {
    form: Form,
    history: History,
    /// What had the keyboard in the last frame.
    focus: Option<Id>,
    advanced: Advanced,
    preset_bar: PresetBar,
    estimates: Estimates,
    folder: RunFolder,
    /// Runs seen when the folder was last looked for.
    runs_seen: usize,
    origin: Origin,
}

impl Setup {
    /// Draws the settings, what they take and come to, and the button that starts.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, basis: Basis<'_>) {
        self.estimates.rest_on(cx.state.facts.as_ref());
        self.watch_gestures(ui);
        let before = self.form.clone();
        let settings_before = before.settings(basis);
        let name = self.settings_card(ui, cx, basis);
        let name = self.start_cards(ui, cx, basis).or(name);
        match name {
            Some(name) => self.history.note(name, before, &self.form),
            None => {
                let settings = self.form.settings(basis);
                self.history.note_edit(before, &self.form, (settings_before, &settings));
            }
        }
        if ui.input(|input| input.pointer.any_released()) {
            self.history.begin_gesture();
        }
    }

    /// A press, a key that presses, and the keyboard going elsewhere begin another gesture.
    fn watch_gestures(&mut self, ui: &Ui) {
        let focus = ui.memory(|memory| memory.focused());
        let is_typing = ui.ctx().text_edit_focused();
        let is_pressed = ui.input(|input| {
            let by_key = !is_typing && (input.key_pressed(Key::Space) || input.key_pressed(Key::Enter));
            by_key || input.pointer.any_pressed()
        });
        if is_pressed || focus != self.focus {
            self.history.begin_gesture();
            self.focus = focus;
        }
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
        let wanted = self.form.own_settings().map_or(TrainSettings::default().context, |own| own.context);
        model.map_or(wanted, |model| wanted.min(model.max_context))
    }

    /// The settings of the next run, where they are known: Simple mode's follow from data and model.
    pub fn settings(&self, basis: Option<Basis<'_>>) -> Option<TrainSettings> {
        let own = self.form.own_settings().cloned();
        own.or_else(|| basis.map(|basis| self.form.settings(basis)))
    }

    /// Shows Advanced mode with `settings`, as one step under `name`.
    pub fn take_settings(&mut self, settings: TrainSettings, name: &str) {
        let before = self.form.clone();
        self.form.enter(settings);
        self.history.note(name, before, &self.form);
    }

    /// How the next run holds out.
    pub fn split(&self) -> SplitRule {
        self.form.next_split()
    }

    /// Has the next run hold out by `rule`, as one step; gives its name. Nothing where it does so already.
    pub fn hold_out(&mut self, rule: SplitRule) -> Option<String> {
        self.step(|form| form.hold_out(rule))
    }

    /// Trains a head for each of so many topics, or plain LoRA for a single one, as one step; gives its name. Nothing where it
    /// is so already.
    pub fn use_topics(&mut self, topics: usize, basis: Option<Basis<'_>>) -> Option<String> {
        self.step(|form| form.use_topics(topics, basis))
    }

    /// Notes a change of the form under the name that it gives itself; gives the name.
    fn step(&mut self, change: impl FnOnce(&mut Form) -> Option<String>) -> Option<String> {
        let before = self.form.clone();
        let name = change(&mut self.form)?;
        self.history.note(name.clone(), before, &self.form);
        Some(name)
    }

    /// What was changed last, to be taken back or done again.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Takes the last change back; gives its name.
    pub fn undo(&mut self) -> Option<String> {
        self.history.undo(&mut self.form)
    }

    /// Does the change again that was taken back last; gives its name.
    pub fn redo(&mut self) -> Option<String> {
        self.history.redo(&mut self.form)
    }

    /// The user's own presets.
    pub fn presets(&self) -> &Arc<Vec<Preset>> {
        &self.form.presets
    }

    /// Begins with the presets that stand on disk.
    pub fn set_presets(&mut self, presets: Vec<Preset>) {
        self.form.presets = Arc::new(presets);
    }

    /// Asks for a path in place of the dialog that there is none of.
    pub fn ask_for_path(&mut self, purpose: PickPurpose) {
        self.form.mode = Mode::Advanced;
        self.preset_bar.ask_for_path(purpose);
    }

    /// Draws the settings in the mode that is chosen. Gives the name of what a button changed.
    fn settings_card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, basis: Basis<'_>) -> Option<String> {
        let mut mode = self.form.mode;
        let (undo, redo) = (self.history.undo_name().map(str::to_owned), self.history.redo_name().map(str::to_owned));
        let name = card_with_actions(
            ui,
            "Settings",
            |ui| {
                let modes = [Mode::Simple, Mode::Advanced].map(|mode| (mode, mode.title()));
                buttons::segmented(ui, &mut mode, &modes);
                step_button_ui(ui, cx, UICommand::Redo, redo.as_deref());
                step_button_ui(ui, cx, UICommand::Undo, undo.as_deref());
            },
            |ui| match self.form.mode {
                Mode::Simple => {
                    let outlooks = self.outlooks(cx, basis);
                    simple_ui(ui, &mut self.form, basis, &outlooks);
                    None
                }
                Mode::Advanced => self.advanced_ui(ui, cx, basis),
            },
        );
        self.form.mode = if mode == self.form.mode || name.is_some() { self.form.mode } else { mode };
        name
    }

    fn advanced_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, basis: Basis<'_>) -> Option<String> {
        let settings = self.form.settings(basis);
        let chosen = self.preset_bar.ui(ui, &mut self.form, &settings, basis.1.max_context, cx);
        let before = self.form.settings(basis);
        let mut edited = before.clone();
        let reset = self.advanced.ui(ui, &mut edited, cx);
        if edited != before {
            self.form.own = Some(edited);
        }
        chosen.or(reset)
    }

    /// What each effort comes to.
    fn outlooks(&mut self, cx: &PageContext<'_>, basis: Basis<'_>) -> Vec<Outlook> {
        let last_run = self.last_run(cx);
        let budget = self.estimates.budget();
        let outlook = |pace| {
            let settings = self.form.simple(pace, basis);
            let estimate = self.estimates.of(&settings);
            let time = expected(&settings, basis, last_run, estimate.as_ref());
            let length = plan::length_in_words(&settings, plan::training_examples(basis.0, &settings));
            Outlook { pace, length, cost: cost(time.map(|time| time.seconds), estimate.as_ref(), budget) }
        };
        Pace::ALL.map(outlook).into()
    }

    /// The last run, where it was on the model and data at hand.
    fn last_run<'a>(&self, cx: &PageContext<'a>) -> Option<&'a RunState> {
        cx.state.run.as_ref().filter(|_| self.origin.is_of_last_run())
    }

    /// Draws what the settings take, what they come to, and the button that starts. Gives the name of what a mend changed.
    fn start_cards(&mut self, ui: &mut Ui, cx: &PageContext<'_>, basis: Basis<'_>) -> Option<String> {
        let settings = self.form.settings(basis);
        let obstacle = arriving(cx).map(str::to_owned).or_else(|| self.obstacle(&settings, basis));
        let estimate = self.estimates.of(&settings);
        let budget = self.estimates.budget().unwrap_or_default();
        let need = estimate.as_ref().map(|estimate| Need { estimate, budget });
        let is_too_large = need.is_some_and(|need| need.is_too_large());
        let mends = if is_too_large { self.estimates.mends(&settings).to_vec() } else { Vec::new() };
        let action = memory_card(ui, need, &mends, obstacle.is_none());
        card(ui, "Start", |ui| {
            let expected = expected(&settings, basis, self.last_run(cx), estimate.as_ref());
            totals_ui(ui, &settings, basis, expected);
            ui.add_space(space::XS);
            self.folder_ui(ui, cx, basis.1);
            self.start_ui(ui, cx, &settings, obstacle, is_too_large);
        });
        match action {
            MemoryAction::None => None,
            MemoryAction::Apply(mend) => Some(self.mend(&settings, mend, basis)),
            MemoryAction::ApplyAndStart(mend) => {
                let mended = mend.settings.clone();
                let name = self.mend(&settings, mend, basis);
                self.start(cx, &mended, MemoryCheck::On);
                Some(name)
            }
        }
    }

    /// Takes over the settings of a mend; gives the change a name.
    fn mend(&mut self, before: &TrainSettings, mend: Mend, basis: Basis<'_>) -> String {
        let fields = changed_fields(before, &mend.settings);
        let words = fields
            .iter()
            .map(|field| format!("{} {}", field.text().name.to_lowercase(), field.value_in_brief(&mend.settings)));
        let name = format!("Less memory: {}", words.collect::<Vec<_>>().join(", "));
        self.form.mend(mend.settings, basis);
        name
    }

    fn start_ui(
        &self,
        ui: &mut Ui,
        cx: &PageContext<'_>,
        settings: &TrainSettings,
        obstacle: Option<String>,
        is_too_large: bool,
    ) {
        let too_large = "It does not fit into memory. Take one of the ways under Memory, or start anyway.";
        if let Some(message) = obstacle.as_deref().or(is_too_large.then_some(too_large)) {
            callout(ui, Level::Warning, message);
        }
        let can_start = obstacle.is_none();
        ui.horizontal(|ui| {
            if buttons::primary(ui, Icon::Play, "Start training", can_start && !is_too_large).clicked() {
                self.start(cx, settings, MemoryCheck::On);
            }
            if is_too_large && can_start {
                let anyway = ui.button("Start anyway");
                let warning = "The estimate may be wrong by some. Where memory runs out, the system may end the program; \
                               what was saved stays whole.";
                if anyway.on_hover_text(warning).clicked() {
                    self.start(cx, settings, MemoryCheck::Off);
                }
            }
            let (settings, out) = (orders::whole(settings.clone()), self.folder.path());
            orders::later_ui(ui, cx, settings, out, can_start && !is_too_large);
        });
    }

    fn start(&self, cx: &PageContext<'_>, settings: &TrainSettings, check: MemoryCheck) {
        let (settings, out) = (orders::whole(settings.clone()), self.folder.path());
        cx.request(match check {
            MemoryCheck::On => Request::StartTraining { settings, out },
            MemoryCheck::Off => Request::StartTrainingAnyway { settings, out },
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

    fn obstacle(&mut self, settings: &TrainSettings, (data, model): Basis<'_>) -> Option<String> {
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

/// Time and memory in words, as far as they are known.
fn cost(seconds: Option<f64>, estimate: Option<&Estimate>, budget: Option<u64>) -> Cost {
    let memory = estimate.map(Estimate::total_bytes);
    let text = match (seconds, memory) {
        (Some(seconds), Some(memory)) => format!("about {}, {} of memory", roughly(seconds), bytes(memory)),
        (Some(seconds), None) => format!("about {}", roughly(seconds)),
        (None, Some(memory)) => format!("{} of memory", bytes(memory)),
        (None, None) => "time and memory are being measured".to_owned(),
    };
    let is_too_large = memory.zip(budget).is_some_and(|(memory, budget)| memory > budget);
    let text = if is_too_large { format!("{text}: too much") } else { text };
    Cost { text, is_too_large }
}

/// A button that takes a step back, or does it again, and says which.
fn step_button_ui(ui: &mut Ui, cx: &PageContext<'_>, command: UICommand, step: Option<&str>) {
    let info = command.info();
    let keys = command.shortcut_text(ui.ctx()).unwrap_or_default();
    let name = step.map_or_else(|| info.name.to_owned(), |step| format!("{}: {step}", info.name));
    ui.add_enabled_ui(step.is_some(), |ui| {
        if info.icon.small_button(ui, &name).on_hover_text(keys).clicked() {
            cx.send(SystemCommand::Ui(command));
        }
    });
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
