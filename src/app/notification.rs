//! Notifications of the desktop: the end of a run, or its failure, told to someone who looks at another window.

use std::sync::{Arc, Mutex, PoisonError};

use egui::Context;

use crate::app::App;
use crate::app::run_verdict::verdict_at;
use crate::app::state::{AppState, Phase, RunState};
use crate::app::widgets::figures::{file_name, in_one_line};
use crate::worker::protocol::{Event, JobKind};

/// Letters of a message that a desktop shows without cutting it.
const LETTERS: usize = 200;

/// What a notification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// What happened, in a few words.
    pub summary: String,
    pub body: String,
}

impl Notification {
    /// What an event is worth telling; `state` is as it was before the event.
    fn of(event: &Event, state: &AppState) -> Option<Self> {
        let run = state.active_run();
        let told = |summary: &str, body: String| Some(Self { summary: summary.to_owned(), body });
        match event {
            Event::TrainingDone(end) => {
                let summary = if end.stopped {
                    "Training was stopped and saved"
                } else if end.step < end.steps {
                    "Training ended early"
                } else {
                    "Training is done"
                };
                told(summary, about(run?, &verdict_at(run?, &Phase::Done(end.clone()))?.headline))
            }
            Event::Failed { job: JobKind::Train, message } => match run {
                Some(run) => told("The run failed", about(run, message)),
                None => told("Training could not start", in_one_line(message, LETTERS)),
            },
            Event::SaveFailed { message } => told("The run waits: it could not be saved", about(run?, message)),
            Event::Restarted { message } => told("The run failed", about(run?, message)),
            _ => None,
        }
    }
}

/// A message behind the name of the run that it is about.
fn about(run: &RunState, message: &str) -> String {
    format!("{}: {}", file_name(&run.summary.path), in_one_line(message, LETTERS))
}

/// Shows notifications, and never waits for it.
pub trait Notifier {
    fn notify(&mut self, notification: Notification);
}

/// The desktop's own notifications. Where it has none, nothing is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct DesktopNotifier;

impl Notifier for DesktopNotifier {
    fn notify(&mut self, notification: Notification) {
        let show = move || {
            let Notification { summary, body } = notification;
            let mut desktop = notify_rust::Notification::new();
            desktop.appname("Hydra Studio").icon("hydra-studio").summary(&summary).body(&body);
            if let Err(error) = desktop.show() {
                log::debug!("the desktop showed no notification: {error}");
            }
        };
        // A session without a notification service may answer late or never: nobody waits for this thread.
        if let Err(error) = std::thread::Builder::new().name("notification".to_owned()).spawn(show) {
            log::debug!("no thread for a notification: {error}");
        }
    }
}

/// Keeps what would be shown, for tests and scripted runs. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct KeptNotifications(Arc<Mutex<Vec<Notification>>>);

impl KeptNotifications {
    /// What came since the last call.
    pub fn take(&self) -> Vec<Notification> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Notifier for KeptNotifications {
    fn notify(&mut self, notification: Notification) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(notification);
    }
}

impl App {
    /// Tells the desktop of an event that is worth it, unless the window has the user's attention or notifications are off.
    pub(super) fn notify_desktop(&mut self, ctx: &Context, event: &Event) {
        if !self.persisted.notifications || ctx.input(|input| input.focused) {
            return;
        }
        if let Some(notification) = Notification::of(event, &self.state) {
            self.notifier.notify(notification);
        }
    }
}
