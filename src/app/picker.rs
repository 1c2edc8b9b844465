//! Native dialogs for files and folders, behind a trait so that tests can answer in their place. A dialog has its own
//! thread; its result comes through a channel that the window reads between frames.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;

use crate::app::Waker;
use crate::app::log_lines::dialog_errors;
use crate::app::widgets::chart_export::ChartFormat;
use crate::data::EXTENSIONS;

/// What a path is wanted for; it decides the dialog's title and filter, and who takes the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PickPurpose {
    /// A Hugging Face folder.
    ModelFolder,
    /// A GGUF file.
    ModelFile,
    /// An adapter folder.
    Adapter,
    /// Files with examples.
    Data,
    /// A run folder to go on with.
    Run,
    /// The folder in which a new run's folder is made.
    RunParent,
    /// The folder in which an exported adapter's folder is made.
    ExportParent,
    /// The file that a chart is saved to; it need not exist.
    Chart(ChartFormat),
    /// A folder whose adapter answers in a column of the chat, counted from 0.
    ChatAdapter(usize),
    /// The file that a conversation is saved to; it need not exist.
    Transcript,
    /// A file to read topics from.
    OpenTopics,
    /// A file to write topics to, which need not exist.
    SaveTopics,
    /// A file to read settings from.
    LoadSettings,
    /// A file to write settings to, which need not exist.
    SaveSettings,
}

impl PickPurpose {
    /// The dialog's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::ModelFolder => "Choose a model folder",
            Self::ModelFile => "Choose a GGUF file",
            Self::Adapter => "Choose an adapter folder",
            Self::Data => "Choose files with examples",
            Self::Run => "Choose a run folder",
            Self::RunParent => "Choose where to put the run",
            Self::ExportParent => "Choose where to put the adapter",
            Self::Chart(_) => "Choose where to save the chart",
            Self::ChatAdapter(_) => "Choose an adapter, a run or a checkpoint",
            Self::Transcript => "Choose a file for the conversation",
            Self::OpenTopics => "Choose a file with topics",
            Self::SaveTopics => "Choose a file for the topics",
            Self::LoadSettings => "Choose a file with settings",
            Self::SaveSettings => "Choose a file for the settings",
        }
    }

    /// Name and extensions of the files to show; `None` asks for a folder.
    fn filter(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::ModelFile => Some(("GGUF model", &["gguf"])),
            Self::Data => Some(("Examples", EXTENSIONS)),
            Self::Chart(ChartFormat::Png) => Some(("Picture", &["png"])),
            Self::Chart(ChartFormat::Svg) => Some(("Drawing", &["svg"])),
            Self::Chart(ChartFormat::Csv) => Some(("Table", &["csv"])),
            Self::Transcript => Some(("Examples", &["jsonl"])),
            Self::OpenTopics | Self::SaveTopics => Some(("Topics", &["json"])),
            Self::LoadSettings => Some(("Settings", &["toml", "json"])),
            Self::SaveSettings => Some(("Settings", &["toml"])),
            _ => None,
        }
    }
}

/// What came of a dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickOutcome {
    /// At least one path.
    Picked(Vec<PathBuf>),
    /// The user closed the dialog.
    Dismissed,
    /// The system has no dialog to show.
    Unavailable,
}

/// The answer to a pick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickReply {
    pub purpose: PickPurpose,
    pub outcome: PickOutcome,
}

/// Asks the user for paths.
pub trait PathPicker {
    /// Opens a dialog above the window `parent` and returns at once; the answer goes to `reply`, then `wake` is called.
    /// Gives back false where a dialog is open already.
    fn pick(&mut self, purpose: PickPurpose, parent: &eframe::Frame, reply: Sender<PickReply>, wake: Waker) -> bool;
}

/// The system's own dialog.
#[derive(Default)]
pub struct RfdPicker {
    is_open: Arc<AtomicBool>,
}

impl PathPicker for RfdPicker {
    fn pick(&mut self, purpose: PickPurpose, parent: &eframe::Frame, reply: Sender<PickReply>, wake: Waker) -> bool {
        if self.is_open.swap(true, Ordering::SeqCst) {
            return false;
        }
        let is_open = Arc::clone(&self.is_open);
        let dialog = rfd::FileDialog::new().set_title(purpose.title()).set_parent(parent);
        let answer = move || {
            let outcome = native_dialog(dialog, purpose);
            is_open.store(false, Ordering::SeqCst);
            // The window may have closed meanwhile; then nobody waits for the answer.
            let _ = reply.send(PickReply { purpose, outcome });
            wake();
        };
        let thread = std::thread::Builder::new().name("file-dialog".to_owned()).spawn(answer);
        if let Err(error) = thread {
            self.is_open.store(false, Ordering::SeqCst);
            log::error!("no thread for the file dialog: {error}");
            return false;
        }
        true
    }
}

/// Shows the dialog and waits for it. rfd answers `None` both when the user closes the dialog and when there is none to
/// show; what it logged tells the two apart.
fn native_dialog(dialog: rfd::FileDialog, purpose: PickPurpose) -> PickOutcome {
    let errors_before = dialog_errors();
    let picked = match purpose.filter() {
        None => dialog.pick_folder().map(|path| vec![path]),
        Some((name, extensions)) => {
            let dialog = dialog.add_filter(name, extensions);
            match purpose {
                PickPurpose::Data => dialog.pick_files(),
                PickPurpose::Chart(format) => {
                    let dialog = dialog.set_file_name(format!("chart.{}", format.extension()));
                    dialog.save_file().map(|path| vec![path])
                }
                PickPurpose::Transcript => dialog.set_file_name("chat.jsonl").save_file().map(|path| vec![path]),
                PickPurpose::SaveSettings => dialog.set_file_name("settings.toml").save_file().map(|path| vec![path]),
                _ => dialog.pick_file().map(|path| vec![path]),
            }
        }
    };
    match picked {
        Some(paths) if !paths.is_empty() => PickOutcome::Picked(paths),
        _ if dialog_errors() > errors_before => PickOutcome::Unavailable,
        _ => PickOutcome::Dismissed,
    }
}

/// Answers from a list, for tests and scripted runs. Clones share the list.
#[derive(Clone, Default)]
pub struct ScriptedPicker {
    answers: Arc<Mutex<VecDeque<PickOutcome>>>,
    asked: Arc<Mutex<Vec<PickPurpose>>>,
}

impl ScriptedPicker {
    /// A picker that gives `answers` in their order, then closes every dialog.
    pub fn new(answers: impl IntoIterator<Item = PickOutcome>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), asked: Arc::default() }
    }

    /// What was asked for so far.
    pub fn asked(&self) -> Vec<PickPurpose> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl PathPicker for ScriptedPicker {
    fn pick(&mut self, purpose: PickPurpose, _parent: &eframe::Frame, reply: Sender<PickReply>, wake: Waker) -> bool {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(purpose);
        let next = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let outcome = next.unwrap_or(PickOutcome::Dismissed);
        let sent = reply.send(PickReply { purpose, outcome }).is_ok();
        wake();
        sent
    }
}
