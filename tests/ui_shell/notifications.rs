//! What the desktop tells of a run, and when.

use std::path::PathBuf;

use egui::Role;
use hydra_studio::app::notification::Notification;
use hydra_studio::worker::protocol::{Event, JobKind, TrainingEnd};

use super::fixtures::{Fixture, data, model, started, step};

fn done(step: usize, stopped: bool) -> Event {
    Event::TrainingDone(TrainingEnd {
        path: PathBuf::from("/home/ada/Hydra Studio/runs/tickets"),
        step,
        steps: 10,
        stopped,
        first_held_out: None,
        last_held_out: None,
        elapsed_s: 20.0,
    })
}

impl Fixture {
    /// Lets another window take the keyboard.
    fn look_away(&mut self) {
        self.window.input_mut().focused = false;
        self.window.run();
    }

    /// What the desktop showed since the last call.
    fn notified(&self) -> Vec<(String, String)> {
        let told = |n: Notification| (n.summary, n.body);
        self.notifications.take().into_iter().map(told).collect()
    }
}

#[test]
fn the_desktop_tells_of_the_end_of_a_run_to_who_looks_elsewhere() {
    let mut f = Fixture::new();
    f.tell([model(), data(), started(10), step(1, 10), done(10, false)]);
    assert!(f.notified().is_empty(), "the window is looked at");
    f.look_away();
    f.tell([started(10), step(1, 10)]);
    assert!(f.notified().is_empty(), "nothing has ended");
    f.tell([done(10, false)]);
    let [(summary, body)] = &f.notified()[..] else { panic!("one notification") };
    assert_eq!(summary, "Training is done");
    assert!(body.contains(": It ended before anyone could say what it learnt."), "{body}");
    f.tell([started(10), step(1, 10), done(4, false)]);
    assert_eq!(f.notified()[0].0, "Training ended early");
    f.tell([started(10), step(1, 10), done(4, true)]);
    assert_eq!(f.notified()[0].0, "Training was stopped and saved");
}

#[test]
fn the_desktop_tells_of_failures_with_their_message() {
    let mut f = Fixture::new();
    f.look_away();
    let failed = |message: &str| Event::Failed { job: JobKind::Train, message: message.into() };
    f.tell([failed("the folder is taken")]);
    assert_eq!(f.notified(), [("Training could not start".into(), "the folder is taken".into())]);
    f.tell([started(10), step(1, 10), Event::SaveFailed { message: "the disk is full".into() }]);
    assert!(
        matches!(&f.notified()[..], [(summary, body)] if summary.contains("waits") && body.ends_with("disk is full"))
    );
    f.tell([failed(&format!("memory ran out {}", "and more ".repeat(100)))]);
    let [(summary, body)] = &f.notified()[..] else { panic!("one notification") };
    assert!(summary == "The run failed" && body.contains("memory ran out") && body.chars().count() < 260, "{body}");
    f.tell([Event::Failed { job: JobKind::Generate, message: "no model".into() }]);
    assert!(f.notified().is_empty(), "only runs are told of");
}

#[test]
fn notifications_can_be_switched_off() {
    let mut f = Fixture::new();
    f.click(Role::Button, "Settings");
    f.click(Role::CheckBox, "Notify me when a run ends");
    assert!(!f.window.state().persisted().notifications);
    f.look_away();
    f.tell([started(10), step(1, 10), done(10, false)]);
    assert!(f.notified().is_empty());
}
