//! Carries out commands: one match per command enum.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Context, ThemePreference, ViewportCommand};

use crate::app::commands::{SystemCommand, UICommand};
use crate::app::pages::PageId;
use crate::app::picker::PickPurpose;
use crate::app::state::RunState;
use crate::app::toasts::Level;
use crate::app::{App, View, folders};
use crate::data::ColumnMap;
use crate::worker::protocol::{JobKind, Request};

impl App {
    /// Carries out a command with its data.
    pub(super) fn run_command(&mut self, ctx: &Context, command: SystemCommand) {
        match command {
            SystemCommand::Request(request) => self.send_request(request),
            SystemCommand::Show(page) => self.view = View::Page(page),
            SystemCommand::Ui(command) => self.run_ui_command(ctx, command),
            SystemCommand::Pick(purpose) => self.wanted_dialog = Some(purpose),
            SystemCommand::Paths(purpose, paths) => self.hand_out_paths(purpose, paths),
            SystemCommand::SaveChart(export) => self.chart_saving.ask(export, &self.persisted.chart_parent),
            SystemCommand::OpenFolder(path) => {
                if let Err(error) = folders::open(&path) {
                    let message = format!("No file manager could be started ({error}). The folder: {}", path.display());
                    self.toasts.push(Level::Warning, message);
                }
            }
            SystemCommand::TakeSettings(settings) => self.take_settings(*settings, "Settings of another run"),
            SystemCommand::SetContext(context) => self.set_context(context),
            SystemCommand::SetSplit(rule) => self.set_split(rule),
            SystemCommand::UseTopics(topics) => self.use_topics(topics),
            SystemCommand::PlanRuns(settings) => {
                self.pages.runs.plan(*settings);
                self.view = View::Page(PageId::Runs);
            }
            SystemCommand::CompareRuns(runs) => {
                self.pages.runs.compare(runs);
                self.view = View::Page(PageId::Runs);
            }
            SystemCommand::OpenAdapterOf { model, run } => self.open_adapter_of(model, run),
            SystemCommand::DismissResume(run) => self.persisted.dismissed_run = Some(run),
        }
    }

    fn use_topics(&mut self, topics: usize) {
        let basis = self.state.data.as_ref().zip(self.state.model.as_ref());
        if let Some(name) = self.pages.train.setup().use_topics(topics, basis) {
            let message =
                format!("The next run takes this up ({name}). Undo on the Train page brings the other setting back.");
            self.toasts.push(Level::Ok, message);
        }
        self.send_request(Request::ApplyTopics);
    }

    fn open_adapter_of(&mut self, model: PathBuf, run: PathBuf) {
        if self.state.model.as_ref().is_some_and(|loaded| loaded.path == model) {
            self.hand_out_paths(PickPurpose::Adapter, vec![run]);
        } else {
            self.waiting_adapter = Some(run);
            self.hand_out_paths(PickPurpose::ModelFolder, vec![model]);
        }
    }

    /// Carries out a command of the table, or says why it cannot run now.
    fn run_ui_command(&mut self, ctx: &Context, command: UICommand) {
        if let Some(obstacle) = self.obstacle(command) {
            self.toasts.push(Level::Info, format!("{}: {obstacle}", command.info().name));
            return;
        }
        if let Some(page) = command.page() {
            self.view = View::Page(page);
            return;
        }
        match command {
            UICommand::ShowStart => self.view = View::Start,
            UICommand::OpenModelFolder => self.wanted_dialog = Some(PickPurpose::ModelFolder),
            UICommand::OpenModelFile => self.wanted_dialog = Some(PickPurpose::ModelFile),
            UICommand::OpenData => self.wanted_dialog = Some(PickPurpose::Data),
            UICommand::OpenAdapter => self.wanted_dialog = Some(PickPurpose::Adapter),
            UICommand::OpenRun => self.wanted_dialog = Some(PickPurpose::Run),
            UICommand::DropAdapter => self.send_request(Request::DropAdapter),
            UICommand::TryDemo => {
                self.view = View::Start;
                self.waiting_demo = vec![JobKind::LoadModel, JobKind::ImportData];
                self.send_request(Request::OpenDemo);
            }
            UICommand::PauseOrContinue => self.pause_or_continue(),
            UICommand::PauseAndFree => self.send_request(Request::PauseAndFree),
            UICommand::SaveNow => self.send_request(Request::SaveNow),
            UICommand::StopAndSave => self.send_request(Request::StopAndSave),
            UICommand::Undo => self.undo(),
            UICommand::Redo => self.redo(),
            UICommand::SaveSettings => self.wanted_dialog = Some(PickPurpose::SaveSettings),
            UICommand::LoadSettings => self.wanted_dialog = Some(PickPurpose::LoadSettings),
            UICommand::Discard => self.is_asking_to_discard = true,
            UICommand::DarkTheme => self.set_theme(ctx, ThemePreference::Dark),
            UICommand::LightTheme => self.set_theme(ctx, ThemePreference::Light),
            UICommand::SystemTheme => self.set_theme(ctx, ThemePreference::System),
            UICommand::ZoomIn => self.set_zoom(ctx, self.persisted.zoom + 0.1),
            UICommand::ZoomOut => self.set_zoom(ctx, self.persisted.zoom - 0.1),
            UICommand::ZoomReset => self.set_zoom(ctx, 1.0),
            UICommand::Palette => self.palette.toggle(),
            UICommand::Notices => self.are_notices_open = !self.are_notices_open,
            UICommand::Help => self.is_help_open = !self.is_help_open,
            UICommand::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
            // Commands that show a page were carried out above.
            UICommand::ShowModel
            | UICommand::ShowData
            | UICommand::ShowTopics
            | UICommand::ShowTrain
            | UICommand::ShowRouting
            | UICommand::ShowChat
            | UICommand::ShowExport
            | UICommand::ShowRuns => {}
        }
    }

    fn pause_or_continue(&mut self) {
        let is_paused = self.state.active_run().is_some_and(RunState::is_held);
        self.send_request(if is_paused { Request::Continue } else { Request::Pause });
    }

    fn set_theme(&mut self, ctx: &Context, theme: ThemePreference) {
        self.persisted.theme = theme;
        ctx.set_theme(theme);
    }

    fn set_zoom(&mut self, ctx: &Context, zoom: f32) {
        self.persisted.set_zoom(zoom);
        ctx.set_zoom_factor(self.persisted.zoom);
    }

    /// Sends a request; a worker that is gone becomes a lasting banner.
    fn send_request(&mut self, request: Request) {
        self.state.note_request(&request);
        if self.requests.send(request).is_err() {
            self.state.note_worker_gone();
        }
    }

    /// Opens the dialog that a command asked for, above the window of `frame`.
    pub(super) fn open_wanted_dialog(&mut self, ctx: &Context, frame: &eframe::Frame) {
        let Some(purpose) = self.wanted_dialog.take() else { return };
        let ctx = ctx.clone();
        let wake = Arc::new(move || ctx.request_repaint());
        if !self.picker.pick(purpose, frame, self.pick_replies.0.clone(), wake) {
            self.toasts.push(Level::Info, "A file dialog is open already.");
        }
    }

    /// Gives picked or dropped paths to whom they are for, and shows the page that works with them.
    fn hand_out_paths(&mut self, purpose: PickPurpose, paths: Vec<PathBuf>) {
        let Some(first) = paths.first().cloned() else { return };
        let replaces_model = matches!(
            purpose,
            PickPurpose::ModelFolder | PickPurpose::ModelFile | PickPurpose::Adapter | PickPurpose::Run
        );
        if replaces_model && self.state.active_run().is_some() {
            self.toasts.push(Level::Info, "A run is on: stop it before you open another model, adapter or run.");
            return;
        }
        match purpose {
            PickPurpose::RunParent => self.persisted.run_parent = first,
            PickPurpose::ExportParent => self.persisted.export_parent = first,
            PickPurpose::ChatAdapter(column) => self.pages.chat.take_folder(column, &first),
            PickPurpose::Transcript => self.pages.chat.take_transcript(&first),
            PickPurpose::Chart(_) => self.chart_saving.take_path(&first),
            PickPurpose::OpenTopics => self.send_request(Request::OpenTopics { path: first }),
            PickPurpose::SaveTopics => self.send_request(Request::SaveTopics { path: with_json_ending(first) }),
            PickPurpose::LoadSettings => self.settings_desk.load(first),
            PickPurpose::SaveSettings => self.save_settings(first),
            PickPurpose::Run => {
                self.view = View::Page(PageId::Train);
                self.send_request(Request::ResumeRun { run: first });
            }
            PickPurpose::ModelFolder | PickPurpose::ModelFile => {
                self.view = View::Page(PageId::Model);
                let device = self.pages.model.open(&first);
                self.load_model(first, device);
            }
            PickPurpose::Adapter => {
                self.view = View::Page(PageId::Model);
                self.send_request(Request::LoadAdapter { path: first });
            }
            PickPurpose::Data => {
                self.view = View::Page(PageId::Data);
                self.send_request(Request::ImportData { paths, map: ColumnMap::default() });
            }
        }
    }
}

/// A path that ends in `.json` where it has no ending.
fn with_json_ending(path: PathBuf) -> PathBuf {
    if path.extension().is_none() { path.with_extension("json") } else { path }
}
