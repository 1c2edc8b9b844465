//! What happens between two frames: the worker's events are taken in, dialogs answered, queued commands run.

use std::path::PathBuf;

use crossbeam_channel::TryRecvError;
use egui::Context;

use crate::app::closing::Closing;
use crate::app::commands::{self, SystemCommand};
use crate::app::pages::PageId;
use crate::app::picker::{PickOutcome, PickPurpose};
use crate::app::queue_notices;
use crate::app::toasts::Level;
use crate::app::widgets::figures::{count, counted};
use crate::app::{App, StartArgs, View};
use crate::train::DeviceChoice;
use crate::worker::protocol::{Event, JobKind, Request, SplitRule};

/// Most events taken in for one frame; what is left waits for the next, so that a burst never stops the window.
const EVENTS_PER_FRAME: usize = 4096;

impl App {
    /// Takes in everything that waits, then runs the queued commands.
    pub(super) fn drain(&mut self, ctx: &Context) {
        self.drain_events(ctx);
        for line in self.log.try_iter() {
            self.toasts.push(line.level, line.text);
        }
        self.take_written_charts();
        self.take_settings_replies();
        while let Ok(reply) = self.pick_replies.1.try_recv() {
            self.take_pick(reply.purpose, reply.outcome);
        }
        for command in commands::pressed(ctx) {
            if self.closing.is_asking() {
                continue;
            }
            self.commands.send(SystemCommand::Ui(command));
        }
        self.take_dropped_files(ctx);
        self.run_commands(ctx);
        self.keep_presets();
        self.follow_split();
        self.watch_closing(ctx);
    }

    /// Opens what the command line named, and asks which run could go on, where there has been one.
    pub(super) fn open_start_args(&mut self, start: StartArgs) {
        self.look_for_last_run();
        if start.model.is_some() || !start.data.is_empty() {
            self.view = View::Page(if start.model.is_some() { PageId::Model } else { PageId::Data });
        }
        if let Some(path) = start.model {
            self.commands.send(SystemCommand::Paths(PickPurpose::ModelFolder, vec![path]));
        }
        self.waiting_adapter = start.adapter;
        if !start.data.is_empty() {
            self.commands.send(SystemCommand::Paths(PickPurpose::Data, start.data));
        }
        if let Some(page) = start.page {
            self.commands.send(SystemCommand::Show(page));
        }
    }

    /// Asks which run could go on, where there has been one.
    fn look_for_last_run(&self) {
        let (recent, folder) = (self.persisted.recent_runs.clone(), self.persisted.run_parent.clone());
        if !recent.is_empty() || folder.is_dir() {
            self.commands.send(SystemCommand::Request(Request::FindLastRun { recent, folder }));
        }
    }

    /// Runs commands until none is queued, those that commands queue included.
    pub(super) fn run_commands(&mut self, ctx: &Context) {
        while let Ok(command) = self.queued.try_recv() {
            self.run_command(ctx, command);
        }
    }

    fn drain_events(&mut self, ctx: &Context) {
        for _ in 0..EVENTS_PER_FRAME {
            match self.events.try_recv() {
                Ok(event) => {
                    self.notify_desktop(ctx, &event);
                    self.take_event(event);
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.state.note_worker_gone();
                    return;
                }
            }
        }
        ctx.request_repaint();
    }

    fn take_event(&mut self, event: Event) {
        self.notify_of(&event);
        match &event {
            Event::ModelLoaded(model) if !self.state.is_demo => self.persisted.remember_model(&model.path),
            Event::TrainingStarted(run) => {
                self.persisted.remember_run(&run.path);
                self.persisted.dismissed_run.take_if(|dismissed| *dismissed == run.path);
            }
            Event::RunsTrashed { paths } => self.persisted.forget_runs(paths),
            Event::Discarded { path } => self.persisted.forget_runs(std::slice::from_ref(path)),
            Event::Restarted { .. } => {
                self.waiting_adapter = None;
                // The new worker knows nothing of it.
                self.split_told = SplitRule::default();
                self.look_for_last_run();
            }
            Event::Failed { job: JobKind::LoadModel, .. } | Event::Cancelled { job: JobKind::LoadModel } => {
                self.waiting_adapter = None;
            }
            // The window stays with the message.
            Event::SaveFailed { .. } if self.closing.waits_for_end() => self.closing = Closing::No,
            _ => {}
        }
        self.pages.note_event(&event);
        match &event {
            Event::ModelLoaded(_) => self.demo_part_came(JobKind::LoadModel),
            Event::DataImported(_) => self.demo_part_came(JobKind::ImportData),
            Event::Failed { job, .. } | Event::Cancelled { job } if self.waiting_demo.contains(job) => {
                self.waiting_demo.clear();
            }
            _ => {}
        }
        let is_model = matches!(event, Event::ModelLoaded(_));
        self.state.note_event(event);
        if is_model {
            self.after_model_loaded();
        }
    }

    /// Goes on to training once all of the demo is there, unless the user has gone elsewhere meanwhile.
    fn demo_part_came(&mut self, part: JobKind) {
        let was_waiting = !self.waiting_demo.is_empty();
        self.waiting_demo.retain(|&other| other != part);
        if was_waiting && self.waiting_demo.is_empty() && self.view == View::Start {
            self.commands.send(SystemCommand::Show(PageId::Train));
        }
    }

    fn after_model_loaded(&mut self) {
        if let Some(path) = self.waiting_adapter.take() {
            self.commands.send(SystemCommand::Request(Request::LoadAdapter { path }));
        }
    }

    /// Tells of what happened: in a corner, or only in the notice panel where the page in sight shows it itself. An error
    /// always comes to the corner: the page may be scrolled to where it does not say so.
    fn notify_of(&mut self, event: &Event) {
        let (level, message, shown_on) = match event {
            Event::Failed { message, .. } | Event::SaveFailed { message } => (Level::Error, message.clone(), None),
            Event::Warning { message } => (Level::Warning, message.clone(), None),
            Event::RunWarning(warning) => {
                let message = format!("Step {}: {}", count(warning.step), warning.message);
                (Level::Warning, message, Some(PageId::Train))
            }
            Event::Restarted { message } => (Level::Error, message.clone(), None),
            Event::ModelLoaded(model) => (Level::Ok, format!("Loaded {}.", model.name), Some(PageId::Model)),
            Event::AdapterLoaded(adapter) => {
                let heads = counted(adapter.spec.heads, "head");
                (Level::Ok, format!("Loaded the adapter, {heads}."), Some(PageId::Model))
            }
            Event::DataEdited(data) if self.state.job(JobKind::EditTopics).is_some() => {
                let message = format!("{} have their topics.", counted(data.kept, "example"));
                (Level::Ok, message, Some(PageId::Topics))
            }
            Event::DataImported(data) if data.dropped_rows == 0 => {
                (Level::Ok, format!("Imported {}.", counted(data.kept, "example")), Some(PageId::Data))
            }
            Event::DataImported(data) => {
                let dropped = counted(data.dropped_rows, "row");
                let message = format!("Imported {} examples; {dropped} could not be used.", count(data.kept));
                (Level::Warning, message, Some(PageId::Data))
            }
            Event::TrainingDone(end) if end.stopped => {
                (Level::Ok, format!("Stopped and saved at step {}.", count(end.step)), None)
            }
            Event::TrainingDone(end) => {
                (Level::Ok, format!("Training is done after {}.", counted(end.step, "step")), None)
            }
            Event::RunsTrashed { paths } if !paths.is_empty() => {
                let message = format!("Moved {} to the recycle bin.", counted(paths.len(), "run"));
                (Level::Ok, message, None)
            }
            Event::Queue(queue) => match queue_notices::of_change(&self.state, queue) {
                Some((level, message)) => (level, message, None),
                None => return,
            },
            Event::QueueEnded(summary) => {
                let (level, message) = queue_notices::of_end(summary);
                (level, message, None)
            }
            Event::DatasetSaved { path } => (Level::Ok, format!("Saved the examples to {}.", path.display()), None),
            Event::TopicsSaved { path } => (Level::Ok, format!("Saved the topics to {}.", path.display()), None),
            Event::TableSaved { path } => (Level::Ok, format!("Saved the table to {}.", path.display()), None),
            Event::TranscriptSaved { path } => {
                (Level::Ok, format!("Saved the conversation to {}.", path.display()), None)
            }
            Event::Exported(summary) => {
                (Level::Ok, format!("Saved the adapter to {}.", summary.path.display()), Some(PageId::Export))
            }
            _ => return,
        };
        let is_in_sight = shown_on.is_some_and(|page| self.view == View::Page(page));
        if is_in_sight {
            self.toasts.keep(level, message);
        } else {
            self.toasts.push(level, message);
        }
    }

    fn take_pick(&mut self, purpose: PickPurpose, outcome: PickOutcome) {
        match outcome {
            PickOutcome::Picked(paths) => self.commands.send(SystemCommand::Paths(purpose, paths)),
            PickOutcome::Dismissed => {}
            PickOutcome::Unavailable => {
                if matches!(purpose, PickPurpose::LoadSettings | PickPurpose::SaveSettings) {
                    self.pages.train.setup().ask_for_path(purpose);
                }
                if matches!(purpose, PickPurpose::Adapter | PickPurpose::ModelFolder | PickPurpose::ModelFile) {
                    // Its fields stand there, wherever the dialog was asked for.
                    self.commands.send(SystemCommand::Show(PageId::Model));
                }
                self.toasts.push(Level::Warning, "No file dialog service on this system: type the path.");
            }
        }
    }

    /// Asks the worker for a model.
    pub(super) fn load_model(&self, path: PathBuf, device: DeviceChoice) {
        self.commands.send(SystemCommand::Request(Request::LoadModel { path, device }));
    }
}
