//! The window. It draws what the worker has told and sends what the user wants; it owns no tensor, no file and no truth.
//!
//! [`App`] is split by concern: `logic.rs` drains the worker's events and runs queued commands, `ui.rs` draws, and
//! `command_handling.rs` is one match per command enum. What is shown is [`state::AppState`]; what can be done is
//! [`commands`]. A page is one file in [`pages`], built from [`widgets`], in the colours of [`theme`]. Start reading at
//! [`App`], then `pages/mod.rs`.

mod background;
mod chart_saving;
mod closing;
mod command_handling;
pub mod commands;
mod discarding;
mod dropping;
mod folders;
mod help;
pub mod icons;
mod launch;
pub mod log_lines;
mod logic;
pub mod notification;
pub mod pages;
mod palette;
pub mod picker;
mod queue_notices;
mod rail;
mod resuming;
pub mod run_verdict;
pub mod runs_state;
pub mod settings;
mod settings_desk;
mod start;
pub mod state;
mod status_bar;
pub mod steps;
pub mod theme;
pub mod toasts;
mod ui;
pub mod widgets;

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use egui::Context;

pub use launch::run;

use crate::app::background::Background;
use crate::app::chart_saving::ChartSaving;
use crate::app::closing::Closing;
use crate::app::commands::{CommandSender, SystemCommand};
use crate::app::log_lines::LogLine;
use crate::app::notification::Notifier;
use crate::app::pages::{PageId, Pages};
use crate::app::palette::Palette;
use crate::app::picker::{PathPicker, PickPurpose, PickReply};
use crate::app::settings::Persisted;
use crate::app::settings_desk::SettingsDesk;
use crate::app::state::AppState;
use crate::app::toasts::Toasts;
use crate::worker::protocol::{Event, JobKind, Request, SplitRule};

/// Wakes the window from another thread, so that it looks for events. Cheap to call often: frames are at least 100 ms
/// apart.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// What to open at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartArgs {
    pub model: Option<PathBuf>,
    pub adapter: Option<PathBuf>,
    pub data: Vec<PathBuf>,
    /// The page to show; `None` shows the first-start screen, or the model's page where a model is given.
    pub page: Option<PageId>,
    /// Where the user's presets of settings are kept; without it they end with the window.
    pub presets: Option<PathBuf>,
}

/// Everything the window needs from outside. Tests hold the far ends of the channels themselves.
pub struct Deps {
    pub requests: Sender<Request>,
    pub events: Receiver<Event>,
    pub picker: Box<dyn PathPicker>,
    /// Tells of the end of a run while another window is looked at.
    pub notifier: Box<dyn Notifier>,
    /// Warnings and errors that were logged, to be shown as notices.
    pub log: Receiver<LogLine>,
    pub start: StartArgs,
}

/// What fills the middle of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// The three ways to begin.
    Start,
    Page(PageId),
}

/// The window's state.
pub struct App {
    requests: Sender<Request>,
    events: Receiver<Event>,
    commands: CommandSender,
    queued: Receiver<SystemCommand>,
    log: Receiver<LogLine>,
    picker: Box<dyn PathPicker>,
    notifier: Box<dyn Notifier>,
    pick_replies: (Sender<PickReply>, Receiver<PickReply>),
    /// The dialog to open after the commands of this frame: only there is the native window at hand.
    wanted_dialog: Option<PickPurpose>,
    state: AppState,
    persisted: Persisted,
    view: View,
    pages: Pages,
    toasts: Toasts,
    palette: Palette,
    closing: Closing,
    background: Background,
    is_asking_to_discard: bool,
    chart_saving: ChartSaving,
    is_help_open: bool,
    are_notices_open: bool,
    settings_desk: SettingsDesk,
    /// How the worker was last told to hold out.
    split_told: SplitRule,
    /// An adapter to load once the model is there.
    waiting_adapter: Option<PathBuf>,
    /// What of the demo is still on its way, after it was chosen.
    waiting_demo: Vec<JobKind>,
}

impl App {
    /// A window that talks to the far ends of `deps`, in the looks of `persisted`.
    pub fn new(ctx: &Context, deps: Deps, persisted: Persisted) -> Self {
        egui_extras::install_image_loaders(ctx);
        theme::apply(ctx);
        ctx.set_theme(persisted.theme);
        ctx.set_zoom_factor(persisted.zoom);
        // Zoom goes through the command table, so that it is remembered.
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let (commands, queued) = commands::queue();
        let mut app = Self {
            requests: deps.requests,
            events: deps.events,
            commands,
            queued,
            log: deps.log,
            picker: deps.picker,
            notifier: deps.notifier,
            pick_replies: crossbeam_channel::unbounded(),
            wanted_dialog: None,
            state: AppState::default(),
            persisted,
            view: View::Start,
            pages: Pages::default(),
            toasts: Toasts::default(),
            palette: Palette::default(),
            closing: Closing::default(),
            background: Background::default(),
            is_asking_to_discard: false,
            chart_saving: ChartSaving::default(),
            is_help_open: false,
            are_notices_open: false,
            settings_desk: SettingsDesk::new(ctx.clone(), deps.start.presets.clone()),
            split_told: SplitRule::default(),
            waiting_adapter: None,
            waiting_demo: Vec::new(),
        };
        app.open_presets();
        app.open_start_args(deps.start);
        app
    }

    /// What the worker has told so far.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// What the next start will remember.
    pub fn persisted(&self) -> &Persisted {
        &self.persisted
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        self.drain(ctx);
        self.open_wanted_dialog(ctx, frame);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, launch::STORAGE_KEY, &self.persisted);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.keep_presets();
        // A worker that is gone needs no goodbye.
        let _ = self.requests.send(Request::Shutdown);
    }

    fn persist_egui_memory(&self) -> bool {
        false
    }
}
