//! Everything the user can do, as data. [`UICommand`] has no payload: palette, shortcuts and help are made from its one
//! table. [`SystemCommand`] carries data; pages queue it, and the window carries it out between two frames.

use std::path::PathBuf;

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::app::icons::Icon;
use crate::app::pages::PageId;
use crate::app::picker::PickPurpose;
use crate::app::state::{AppState, Phase};
use crate::app::widgets::chart_export::ChartExport;
use crate::train::TrainSettings;
use crate::worker::protocol::{JobKind, Request, SplitRule};

/// A command with its data, to be carried out after the frame.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a handful live for one frame: boxing would cost more than it saves")]
pub enum SystemCommand {
    /// Sends a request to the worker, and marks its job as under way.
    Request(Request),
    /// Shows a page.
    Show(PageId),
    /// Carries out a command of the table.
    Ui(UICommand),
    /// Opens a native dialog; its result comes back as [`SystemCommand::Paths`].
    Pick(PickPurpose),
    /// Opens paths: loads the model, imports the data, goes on with the run, or remembers the folder.
    Paths(PickPurpose, Vec<PathBuf>),
    /// Opens a folder in the system's file manager.
    OpenFolder(PathBuf),
    /// Sets the next run up with these settings, and shows where it starts.
    TakeSettings(Box<TrainSettings>),
    /// Has the next run take examples of at most this many tokens.
    SetContext(usize),
    /// Has the next run hold out so.
    SetSplit(SplitRule),
    /// Sets the next run up with a head for each of this many topics, or as plain LoRA for one, and gives the topics to the
    /// examples.
    UseTopics(usize),
    /// Shows the queue, ready to fill it with several runs of these settings.
    PlanRuns(Box<TrainSettings>),
    /// Sets these runs side by side.
    CompareRuns(Vec<PathBuf>),
    /// Puts the adapter of a run on its base model, which is loaded first where another is at hand.
    OpenAdapterOf { model: PathBuf, run: PathBuf },
    /// Offers no more to go on with the run in this folder, until it is trained again.
    DismissResume(PathBuf),
    /// Asks where to save a chart, and saves it there.
    SaveChart(Box<ChartExport>),
}

/// Takes commands from anywhere in a frame. Clones share one queue.
#[derive(Clone, Debug)]
pub struct CommandSender(crossbeam_channel::Sender<SystemCommand>);

impl CommandSender {
    /// Queues a command. The queue is unbounded: it holds one frame's commands, and the window empties it every frame.
    pub fn send(&self, command: SystemCommand) {
        // The receiver is gone only while the window closes, when no command matters any more.
        let _ = self.0.send(command);
    }
}

/// A queue for commands: the end that takes them, and the end that the window empties.
pub fn queue() -> (CommandSender, crossbeam_channel::Receiver<SystemCommand>) {
    let (sender, receiver) = crossbeam_channel::unbounded();
    (CommandSender(sender), receiver)
}

/// A command without data. The order is that of the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UICommand {
    ShowModel,
    ShowData,
    ShowTopics,
    ShowTrain,
    ShowRouting,
    ShowChat,
    ShowExport,
    ShowRuns,
    ShowStart,
    OpenModelFolder,
    OpenModelFile,
    OpenData,
    OpenAdapter,
    DropAdapter,
    OpenRun,
    TryDemo,
    PauseOrContinue,
    PauseAndFree,
    SaveNow,
    StopAndSave,
    Discard,
    Undo,
    Redo,
    SaveSettings,
    LoadSettings,
    DarkTheme,
    LightTheme,
    SystemTheme,
    ZoomIn,
    ZoomOut,
    ZoomReset,
    Palette,
    Notices,
    Help,
    Quit,
}

/// How a command looks everywhere it is shown.
pub struct CommandInfo {
    pub name: &'static str,
    /// What it does, in one sentence.
    pub tooltip: &'static str,
    /// Keys that run it; the first is the one shown.
    pub shortcuts: &'static [KeyboardShortcut],
    pub icon: Icon,
}

const fn keys(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers { alt: false, ctrl: false, shift: true, mac_cmd: false, command: true };

const fn info(
    name: &'static str,
    tooltip: &'static str,
    shortcuts: &'static [KeyboardShortcut],
    icon: Icon,
) -> CommandInfo {
    CommandInfo { name, tooltip, shortcuts, icon }
}

impl UICommand {
    /// Every command, in the palette's order.
    pub const ALL: [UICommand; 35] = [
        Self::ShowModel,
        Self::ShowData,
        Self::ShowTopics,
        Self::ShowTrain,
        Self::ShowRouting,
        Self::ShowChat,
        Self::ShowExport,
        Self::ShowRuns,
        Self::ShowStart,
        Self::OpenModelFolder,
        Self::OpenModelFile,
        Self::OpenData,
        Self::OpenAdapter,
        Self::DropAdapter,
        Self::OpenRun,
        Self::TryDemo,
        Self::PauseOrContinue,
        Self::PauseAndFree,
        Self::SaveNow,
        Self::StopAndSave,
        Self::Discard,
        Self::Undo,
        Self::Redo,
        Self::SaveSettings,
        Self::LoadSettings,
        Self::DarkTheme,
        Self::LightTheme,
        Self::SystemTheme,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::Palette,
        Self::Notices,
        Self::Help,
        Self::Quit,
    ];

    /// The one table of names, tooltips, shortcuts and icons.
    #[rustfmt::skip]
    pub fn info(self) -> CommandInfo {
        match self {
            Self::ShowModel => info("Go to Model", "Choose the base model.", const { &[keys(CTRL, Key::Num1)] }, Icon::Model),
            Self::ShowData => info("Go to Data", "Choose the examples to learn from.", const { &[keys(CTRL, Key::Num2)] }, Icon::Data),
            Self::ShowTopics => info("Go to Topics", "See what the examples are about, and how many heads that calls for.", const { &[keys(CTRL, Key::Num3)] }, Icon::Topics),
            Self::ShowTrain => info("Go to Train", "Set up, watch and steer the run.", const { &[keys(CTRL, Key::Num4)] }, Icon::Train),
            Self::ShowRouting => info("Go to Routing", "See which head every token is sent to.", const { &[keys(CTRL, Key::Num5)] }, Icon::Routing),
            Self::ShowChat => info("Go to Chat", "Talk with base model and adapter, and try the heads.", const { &[keys(CTRL, Key::Num6)] }, Icon::Chat),
            Self::ShowExport => info("Go to Export", "Take the adapter away as safetensors.", const { &[keys(CTRL, Key::Num7)] }, Icon::Export),
            Self::ShowRuns => info("Go to Runs", "Look over, compare and go on with runs.", const { &[keys(CTRL, Key::Num8)] }, Icon::Runs),
            Self::ShowStart => info("Go to start", "Show the three ways to begin.", const { &[keys(CTRL, Key::Num0)] }, Icon::Home),
            Self::OpenModelFolder => info("Open model folder…", "Load a Hugging Face folder.", const { &[keys(CTRL, Key::O)] }, Icon::Folder),
            Self::OpenModelFile => info("Open GGUF file…", "Load a model from one GGUF file.", const { &[keys(CTRL_SHIFT, Key::O)] }, Icon::File),
            Self::OpenData => info("Open data…", "Import tables, sheets, chats or texts.", const { &[keys(CTRL, Key::D)] }, Icon::Data),
            Self::OpenAdapter => info("Open adapter…", "Put a trained adapter on the model.", &[], Icon::Hydra),
            Self::DropAdapter => info("Take the adapter off", "The base model then answers alone.", &[], Icon::Close),
            Self::OpenRun => info("Open run…", "Go on with a run from its last checkpoint.", const { &[keys(CTRL, Key::R)] }, Icon::Restore),
            Self::TryDemo => info("Try the two-minute demo", "Load the bundled model and examples.", &[], Icon::Spark),
            Self::PauseOrContinue => info("Pause or continue training", "Takes effect within one micro-step.", const { &[keys(CTRL_SHIFT, Key::P)] }, Icon::Pause),
            Self::PauseAndFree => info("Pause and free memory", "Save, and let go of the memory that run and model take; chat reads them again.", &[], Icon::Pause),
            Self::SaveNow => info("Save now", "Write a checkpoint and go on training.", const { &[keys(CTRL, Key::S)] }, Icon::Save),
            Self::Discard => info("Discard the run…", "End it and move its folder to the recycle bin.", &[], Icon::Trash),
            Self::StopAndSave => info("Stop and save", "Write a checkpoint and end the run.", const { &[keys(CTRL_SHIFT, Key::S)] }, Icon::Stop),
            Self::Undo => info("Undo", "Take back the last change of the run's settings, of the examples or of the topics.", const { &[keys(CTRL, Key::Z)] }, Icon::Undo),
            Self::Redo => info("Redo", "Do again what was taken back.", const { &[keys(CTRL_SHIFT, Key::Z), keys(CTRL, Key::Y)] }, Icon::Redo),
            Self::SaveSettings => info("Save settings to a file…", "Write the run's settings as TOML, to share or to train with from the command line.", &[], Icon::Export),
            Self::LoadSettings => info("Load settings from a file…", "Read settings from TOML, or from the run.json of a run.", &[], Icon::File),
            Self::DarkTheme => info("Dark theme", "Light text on dark surfaces.", &[], Icon::Moon),
            Self::LightTheme => info("Light theme", "Dark text on light surfaces.", &[], Icon::Sun),
            Self::SystemTheme => info("Theme of the system", "Follow the desktop's setting.", &[], Icon::System),
            Self::ZoomIn => info("Zoom in", "Make everything larger.", const { &[keys(CTRL, Key::Plus), keys(CTRL, Key::Equals)] }, Icon::ZoomIn),
            Self::ZoomOut => info("Zoom out", "Make everything smaller.", const { &[keys(CTRL, Key::Minus)] }, Icon::ZoomOut),
            Self::ZoomReset => info("Reset zoom", "Go back to the usual size.", const { &[keys(CTRL_SHIFT, Key::Num0)] }, Icon::Search),
            Self::Palette => info("Command palette", "Find and run a command by its name.", const { &[keys(CTRL, Key::P), keys(CTRL, Key::K)] }, Icon::Command),
            Self::Notices => info("Notices", "What happened so far: warnings, errors, finished work.", const { &[keys(CTRL_SHIFT, Key::N)] }, Icon::Bell),
            Self::Help => info("Keyboard shortcuts", "List every command with its keys.", const { &[keys(Modifiers::NONE, Key::F1)] }, Icon::Help),
            Self::Quit => info("Quit", "Close the window; a run asks first.", const { &[keys(CTRL, Key::Q)] }, Icon::Quit),
        }
    }

    /// The page it shows, where it shows one.
    pub fn page(self) -> Option<PageId> {
        match self {
            Self::ShowModel => Some(PageId::Model),
            Self::ShowData => Some(PageId::Data),
            Self::ShowTopics => Some(PageId::Topics),
            Self::ShowTrain => Some(PageId::Train),
            Self::ShowRouting => Some(PageId::Routing),
            Self::ShowChat => Some(PageId::Chat),
            Self::ShowExport => Some(PageId::Export),
            Self::ShowRuns => Some(PageId::Runs),
            _ => None,
        }
    }

    /// Why the command cannot run now, where it cannot.
    pub fn obstacle(self, state: &AppState) -> Option<&'static str> {
        let is_training = state.active_run().is_some() || state.job(JobKind::Train).is_some();
        match self {
            Self::PauseOrContinue | Self::PauseAndFree | Self::SaveNow | Self::StopAndSave | Self::Discard
                if state.active_run().is_none() =>
            {
                Some("No run is on.")
            }
            Self::SaveNow if state.active_run().is_some_and(|run| run.phase == Phase::Freed) => Some("It is saved."),
            Self::OpenModelFolder | Self::OpenModelFile | Self::OpenAdapter | Self::OpenRun | Self::TryDemo
                if is_training =>
            {
                Some("Not while a run is on.")
            }
            Self::Undo | Self::Redo | Self::LoadSettings if is_training => Some("Not while a run is on."),
            Self::OpenAdapter if state.model.is_none() => Some("Load a model first."),
            Self::DropAdapter if state.adapter.is_none() => Some("No adapter is loaded."),
            Self::DropAdapter if is_training => Some("Not while a run is on."),
            _ => None,
        }
    }

    /// The shortcut as text, for menus and tooltips: `Ctrl+P`.
    pub fn shortcut_text(self, ctx: &egui::Context) -> Option<String> {
        self.info().shortcuts.first().map(|keys| ctx.format_shortcut(keys))
    }
}

/// Takes the commands whose keys were pressed out of the input. Keys with more modifiers are matched first, since egui
/// lets extra ones pass; while a text field has focus, all keys are the field's.
pub fn pressed(ctx: &egui::Context) -> Vec<UICommand> {
    if ctx.text_edit_focused() {
        return Vec::new();
    }
    let mut all: Vec<(UICommand, &KeyboardShortcut)> =
        UICommand::ALL.into_iter().flat_map(|c| c.info().shortcuts.iter().map(move |keys| (c, keys))).collect();
    all.sort_by_key(|(_, keys)| std::cmp::Reverse(modifier_count(keys.modifiers)));
    ctx.input_mut(|input| all.into_iter().filter(|(_, keys)| input.consume_shortcut(keys)).map(|(c, _)| c).collect())
}

fn modifier_count(modifiers: Modifiers) -> u8 {
    u8::from(modifiers.shift) + u8::from(modifiers.alt) + u8::from(modifiers.ctrl || modifiers.command)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_commands_share_a_shortcut_or_a_name() {
        let (mut keys, mut names) = (HashSet::new(), HashSet::new());
        for command in UICommand::ALL {
            let info = command.info();
            assert!(names.insert(info.name), "{} appears twice", info.name);
            for shortcut in info.shortcuts {
                assert!(keys.insert(*shortcut), "{} has keys that another command has", info.name);
            }
        }
    }

    #[test]
    fn every_page_has_its_command() {
        let shown: Vec<_> = UICommand::ALL.into_iter().filter_map(UICommand::page).collect();
        assert_eq!(shown, PageId::ALL);
    }

    #[test]
    fn the_longer_shortcut_wins() {
        let ctx = egui::Context::default();
        let modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };
        let key = Key::O;
        ctx.input_mut(|input| {
            input.modifiers = modifiers;
            input.events.push(egui::Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers });
        });
        assert_eq!(pressed(&ctx), [UICommand::OpenModelFile]);
    }

    #[test]
    fn pausing_needs_a_run() {
        assert!(UICommand::PauseOrContinue.obstacle(&AppState::default()).is_some());
        assert!(UICommand::ShowData.obstacle(&AppState::default()).is_none());
    }
}
