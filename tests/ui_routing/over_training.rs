//! The tab that replays how routing formed.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable;
use hydra_studio::app::pages::PageId;
use hydra_studio::inspect::FrameOrigin;
use hydra_studio::worker::protocol::{Event, Request};

use super::fixtures::{frame, replayed};
use super::stage::{Stage, data, done, model, started};
use super::{click, has, press, routed};

#[test]
fn a_run_is_replayed_by_slider() {
    let mut stage = routed();
    click(&mut stage, "Over training");
    assert!(has(&stage, "keeps no record of how its gates formed") || has(&stage, "Reading the run"));
    stage.tell([replayed(3, 30)]);
    assert!(has(&stage, "At step 100, over the held-out examples: Head "), "the newest moment is shown");
    stage.window.get_by_role(Role::Slider).focus();
    stage.settle();
    press(&mut stage, Key::ArrowLeft);
    assert!(has(&stage, "At step 90, "));
    click(&mut stage, "Change since the first");
    assert!(has(&stage, "Since the first moment a mean gate changes by 0.") && has(&stage, "Colours from -0."));
}

#[test]
fn play_shows_one_moment_after_the_other_and_can_be_paused() {
    let mut stage = routed();
    click(&mut stage, "Over training");
    stage.tell([replayed(3, 4)]);
    stage.window.get_by_label("Play the run").click();
    stage.window.run_steps(2);
    assert!(has(&stage, "At step 0, "), "it begins anew from the end");
    stage.window.run_steps(3);
    assert!(!has(&stage, "At step 0, ") && !has(&stage, "At step 100, "));
    stage.window.get_by_label("Pause the replay").click();
    stage.window.run_steps(2);
    let paused = (0..=10).find(|i| has(&stage, &format!("At step {}, ", 10 * i)));
    stage.window.run_steps(8);
    assert_eq!(paused, (0..=10).find(|i| has(&stage, &format!("At step {}, ", 10 * i))), "it stands still");
    stage.window.get_by_label("Play the run").click();
    stage.window.run_steps(60);
    assert!(has(&stage, "At step 100, ") && has(&stage, "Play the run"), "it ends with the last");
}

#[test]
fn the_run_under_way_is_watched_while_somebody_looks() {
    let mut stage = Stage::on(PageId::Routing);
    stage.tell([model(), data(), started(200)]);
    stage.requests();
    click(&mut stage, "Over training");
    assert_eq!(stage.requests(), [Request::WatchGates { on: true }]);
    stage.tell([Event::Replayed { run: "/runs/2026-11-24-smollm2".into(), frames: Vec::new() }]);
    assert!(has(&stage, "The run has not told of its gates yet"));
    let training = |step| Event::Gates(frame(step, FrameOrigin::Training, 3, 30));
    stage.tell([Event::Gates(frame(0, FrameOrigin::HeldOut, 3, 30)), training(3)]);
    click(&mut stage, "What it trained on");
    assert!(has(&stage, "At step 3, over the examples that it trained on just then"));
    stage.tell([training(4)]);
    assert!(has(&stage, "At step 4, ") && has(&stage, "Step 4 of 200"), "the newest comes into sight");
    click(&mut stage, "This text");
    assert_eq!(stage.requests(), [Request::WatchGates { on: false }]);
    click(&mut stage, "Over training");
    stage.requests();
    click(&mut stage, "Model");
    assert_eq!(stage.requests(), [Request::WatchGates { on: false }], "nobody looks on another page");
}

#[test]
fn a_run_that_ended_is_asked_for_its_checkpoints() {
    let mut stage = Stage::on(PageId::Routing);
    stage.tell([model(), data(), started(200)]);
    let run = || Request::Replay { run: "/runs/2026-11-24-smollm2".into() };
    assert!(stage.requests().contains(&run()));
    stage.tell([Event::Replayed { run: "/runs/2026-11-24-smollm2".into(), frames: Vec::new() }, done(200)]);
    assert!(stage.requests().contains(&run()));
}
