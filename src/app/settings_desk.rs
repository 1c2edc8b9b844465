//! Settings on their way to and from files, and the steps back and forth through them. Reading and writing have a thread
//! of their own, so that a slow disk never holds up the window.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender};
use egui::Context;

use crate::app::commands::{SystemCommand, UICommand};
use crate::app::pages::PageId;
use crate::app::toasts::Level;
use crate::app::widgets::figures::{count, file_name};
use crate::app::{App, View};
use crate::project::{Preset, keep_presets, list_presets};
use crate::train::{TrainSettings, read_settings, write_settings};
use crate::worker::protocol::{Request, SplitRule, TopicEdit};

/// What the thread does, one after the other.
enum Task {
    Load(PathBuf),
    Save(PathBuf, Box<TrainSettings>),
    Keep { folder: PathBuf, before: Arc<Vec<Preset>>, after: Arc<Vec<Preset>> },
}

/// What came of it.
enum Reply {
    Loaded(PathBuf, Box<TrainSettings>),
    Saved(PathBuf),
    Failed(String),
}

/// The window's end of the thread.
pub(super) struct SettingsDesk {
    /// Taken when the window closes, which ends the thread.
    tasks: Option<Sender<Task>>,
    replies: Receiver<Reply>,
    thread: Option<JoinHandle<()>>,
    /// Where presets are kept.
    presets: Option<PathBuf>,
    /// The presets that the folder holds, or is about to.
    kept: Arc<Vec<Preset>>,
}

impl SettingsDesk {
    /// A desk that wakes the window behind `ctx` with each reply.
    pub fn new(ctx: Context, presets: Option<PathBuf>) -> Self {
        // Both are unbounded: one click fills in one task.
        let (tasks, waiting) = crossbeam_channel::unbounded::<Task>();
        let (answers, replies) = crossbeam_channel::unbounded();
        let work = move || {
            for task in waiting {
                if let Some(reply) = task.carry_out() {
                    // The window may have closed meanwhile; then nobody waits for the answer.
                    let _ = answers.send(reply);
                    ctx.request_repaint();
                }
            }
        };
        let thread = Builder::new().name("settings-files".to_owned()).spawn(work);
        if let Err(error) = &thread {
            log::error!("no thread for settings files: {error}");
        }
        Self { tasks: Some(tasks), replies, thread: thread.ok(), presets, kept: Arc::default() }
    }

    /// Reads settings from a file, a run folder or its `run.json`.
    pub fn load(&self, path: PathBuf) {
        self.send(Task::Load(path));
    }

    fn send(&self, task: Task) {
        if let Some(tasks) = &self.tasks {
            // Where there is no thread, that was said when it could not start.
            let _ = tasks.send(task);
        }
    }
}

/// Waits until everything is written.
impl Drop for SettingsDesk {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // What failed in it has been told.
            let _ = thread.join();
        }
    }
}

impl Task {
    fn carry_out(self) -> Option<Reply> {
        match self {
            Self::Load(path) => Some(match read_settings(&path) {
                Ok(settings) => Reply::Loaded(path, Box::new(settings)),
                Err(error) => Reply::Failed(format!("No settings were loaded: {error}")),
            }),
            Self::Save(path, settings) => Some(match write_settings(&path, &settings) {
                Ok(()) => Reply::Saved(path),
                Err(error) => Reply::Failed(format!("The settings were not saved: {error}")),
            }),
            Self::Keep { folder, before, after } => {
                let failed =
                    |error| Reply::Failed(format!("The presets could not be kept beyond this window: {error}"));
                keep_presets(&folder, &before, &after).err().map(failed)
            }
        }
    }
}

impl App {
    /// Takes up the presets that stand on disk, and tells of those that cannot be read.
    pub(super) fn open_presets(&mut self) {
        let Some(folder) = &self.settings_desk.presets else { return };
        let (presets, faults) = list_presets(folder);
        for fault in faults {
            self.toasts.push(Level::Warning, fault);
        }
        self.pages.train.setup().set_presets(presets);
        self.settings_desk.kept = Arc::clone(self.pages.train.setup().presets());
    }

    /// Has presets written that were changed, be it by undoing.
    pub(super) fn keep_presets(&mut self) {
        let now = self.pages.train.setup().presets();
        if Arc::ptr_eq(now, &self.settings_desk.kept) || *now == self.settings_desk.kept {
            return;
        }
        let (before, after) = (std::mem::replace(&mut self.settings_desk.kept, Arc::clone(now)), Arc::clone(now));
        if let Some(folder) = self.settings_desk.presets.clone() {
            self.settings_desk.send(Task::Keep { folder, before, after });
        }
    }

    /// Takes in what was read and written.
    pub(super) fn take_settings_replies(&mut self) {
        while let Ok(reply) = self.settings_desk.replies.try_recv() {
            match reply {
                Reply::Loaded(path, settings) => {
                    self.take_settings(*settings, &format!("Settings of {}", short_path(&path)));
                }
                Reply::Saved(path) => self.toasts.push(Level::Ok, format!("Saved the settings to {}.", path.display())),
                Reply::Failed(message) => self.toasts.push(Level::Error, message),
            }
        }
    }

    /// Sets the next run up with `settings`, as a step called `name`, and shows it.
    pub(super) fn take_settings(&mut self, settings: TrainSettings, name: &str) {
        self.pages.train.take_settings(settings, name);
        self.view = View::Page(PageId::Train);
        self.toasts
            .push(Level::Ok, format!("The next run takes these settings ({name}). Undo brings the others back."));
    }

    /// Has the next run take examples of at most `context` tokens, its other settings as they are.
    pub(super) fn set_context(&mut self, context: usize) {
        let basis = self.state.data.as_ref().zip(self.state.model.as_ref());
        let Some(settings) = self.pages.train.setup().settings(basis) else { return };
        self.pages.train.take_settings(TrainSettings { context, ..settings }, "Context");
        let text =
            format!("The next run takes a context of {} tokens. Undo on the Train page takes it back.", count(context));
        self.toasts.push(Level::Ok, text);
    }

    /// Has the next run hold out by `rule`.
    pub(super) fn set_split(&mut self, rule: SplitRule) {
        if let Some(name) = self.pages.train.setup().hold_out(rule) {
            let text = format!("The next run takes this up ({name}). Undo on the Train page takes it back.");
            self.toasts.push(Level::Ok, text);
        }
    }

    /// Has the data held out as the next run will, whenever that was changed. What a run or its adapter holds out stays: it
    /// is what they were not trained on.
    pub(super) fn follow_split(&mut self) {
        let split = self.pages.train.split();
        if std::mem::replace(&mut self.split_told, split) != split
            && self.state.active_run().is_none()
            && self.state.adapter.is_none()
        {
            self.commands.send(SystemCommand::Request(Request::HoldOut(split)));
        }
    }

    /// Writes the settings of the next run to `path`, which ends in `.toml` where it has no ending.
    pub(super) fn save_settings(&mut self, path: PathBuf) {
        let basis = self.state.data.as_ref().zip(self.state.model.as_ref());
        match self.pages.train.setup().settings(basis) {
            Some(settings) => {
                let path = if path.extension().is_none() { path.with_extension("toml") } else { path };
                self.settings_desk.send(Task::Save(path, Box::new(settings)));
            }
            None => {
                self.toasts.push(Level::Info, "Choose a model and data first: Simple mode's settings follow from them.")
            }
        }
    }

    /// Takes the last change of the settings back, or of the examples or topics where these are in sight.
    pub(super) fn undo(&mut self) {
        match self.view {
            View::Page(PageId::Data) => return self.commands.send(SystemCommand::Request(Request::UndoEdit)),
            View::Page(PageId::Topics) => {
                return self.commands.send(SystemCommand::Request(Request::EditTopics(TopicEdit::Undo)));
            }
            _ => {}
        }
        if let Some(name) = self.pages.train.setup().undo() {
            self.toasts.keep(Level::Info, format!("Undone: {name}."));
        }
    }

    /// Does the change again that was taken back last.
    pub(super) fn redo(&mut self) {
        match self.view {
            View::Page(PageId::Data) => return self.commands.send(SystemCommand::Request(Request::RedoEdit)),
            View::Page(PageId::Topics) => {
                return self.commands.send(SystemCommand::Request(Request::EditTopics(TopicEdit::Redo)));
            }
            _ => {}
        }
        if let Some(name) = self.pages.train.setup().redo() {
            self.toasts.keep(Level::Info, format!("Done again: {name}."));
        }
    }

    /// Why a command cannot run now, where it cannot.
    pub(super) fn obstacle(&self, command: UICommand) -> Option<&'static str> {
        let is_of_data = matches!(self.view, View::Page(PageId::Data | PageId::Topics));
        let is_step = matches!(command, UICommand::Undo | UICommand::Redo);
        // Examples and topics can be changed beside a run.
        let obstacle = if is_of_data && is_step { None } else { command.obstacle(&self.state) };
        obstacle.or_else(|| match command {
            UICommand::Undo | UICommand::Redo if !is_of_data && self.view != View::Page(PageId::Train) => {
                Some("On the pages Data, Topics and Train only.")
            }
            UICommand::Undo if self.step(command).is_none() => Some("Nothing was changed."),
            UICommand::Redo if self.step(command).is_none() => Some("Nothing was taken back."),
            _ => None,
        })
    }

    /// What exactly undoing or redoing would change.
    pub(super) fn step(&self, command: UICommand) -> Option<&str> {
        if self.view == View::Page(PageId::Topics) {
            let board = self.state.topics.board.as_deref()?;
            return match command {
                UICommand::Undo => board.undo.as_deref(),
                UICommand::Redo => board.redo.as_deref(),
                _ => None,
            };
        }
        if self.view == View::Page(PageId::Data) {
            let edits = &self.state.data.as_ref()?.edits;
            return match command {
                UICommand::Undo => edits.undo.as_deref(),
                UICommand::Redo => edits.redo.as_deref(),
                _ => None,
            };
        }
        let history = self.pages.train.history();
        match command {
            UICommand::Undo => history.undo_name(),
            UICommand::Redo => history.redo_name(),
            _ => None,
        }
    }
}

/// A file with its folder: every run's file has the same name.
fn short_path(path: &Path) -> String {
    match path.parent().and_then(Path::file_name) {
        Some(folder) if path.ends_with("run.json") => folder.to_string_lossy().into_owned(),
        _ => file_name(path),
    }
}
