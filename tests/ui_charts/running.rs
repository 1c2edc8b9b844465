//! The Train page while a run is on: its controls and its progress.

use hydra_studio::worker::protocol::{Event, Request};

use super::stage::{run_events, started, step};
use super::{click_first, has, ready};

#[test]
fn a_run_can_be_paused_continued_and_stopped() {
    let mut stage = ready();
    stage.tell(run_events(40, 200));
    assert!(has(&stage, "Step 40 of 200, 20 %, about 14 min 08 s left"));
    stage.requests();
    click_first(&mut stage, "Pause");
    assert_eq!(stage.requests(), [Request::Pause]);
    assert!(has(&stage, "pausing after the batch at hand"));
    stage.tell([Event::Paused { step: 40 }]);
    click_first(&mut stage, "Continue");
    click_first(&mut stage, "Stop and save");
    assert_eq!(stage.requests(), [Request::Continue, Request::StopAndSave]);
    assert!(has(&stage, "writing a checkpoint before it ends"));
}

#[test]
fn the_end_is_told_by_the_clock_after_a_few_steps() {
    let mut stage = ready();
    stage.tell(std::iter::once(started(200)).chain((1..=4).map(|at| step(at, 200))));
    assert!(has(&stage, " left") && !has(&stage, ", done "));
    stage.tell([step(5, 200)]);
    assert!(has(&stage, "about 17 min 14 s left, done "));
}
