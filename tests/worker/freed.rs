//! Runs whose memory is given back, saved by hand, or discarded.

use std::fs;
use std::path::Path;

use hydra_studio::train::{TrainSettings, list_checkpoints};
use hydra_studio::worker::protocol::{Event, JobKind, Request};

use crate::desk::{Desk, ask_base, generate, settings, steps, wait_end};
use crate::support::in_own_home;

const STEPS: usize = 60;

fn slow_to_save() -> TrainSettings {
    TrainSettings { dropout: 0.1, checkpoint_every: Some(1000), ..settings(STEPS) }
}

fn after_a_step(desk: &mut Desk, request: Request) {
    desk.wait("a step", |e| matches!(e, Event::Step(_)));
    desk.send(request);
}

fn adapter(run: &Path) -> Vec<u8> {
    fs::read(run.join(format!("checkpoint-{STEPS}/adapter_model.safetensors"))).unwrap()
}

fn answer(desk: &mut Desk, id: u64) -> String {
    desk.send(generate(id, 8));
    desk.wait("an answer", |e| matches!(e, Event::Answered { id: of, .. } if *of == id));
    let token = |event: &Event| match event {
        Event::Token { id: of, text, .. } if *of == id => Some(text.clone()),
        _ => None,
    };
    desk.seen.iter().filter_map(token).collect()
}

#[test]
fn a_run_that_gave_its_memory_back_answers_and_goes_on_as_if_never_paused() {
    let mut desk = Desk::ready();
    let whole = desk.train_with(slow_to_save());
    wait_end(&mut desk);
    let seen = desk.seen.len();

    let broken = desk.train_into("broken", slow_to_save());
    after_a_step(&mut desk, Request::Pause);
    desk.wait("the pause", |e| matches!(e, Event::Paused { .. }));
    let while_paused = answer(&mut desk, 1);
    desk.send(Request::PauseAndFree);
    let Event::Freed { step } = desk.wait("the memory", |e| matches!(e, Event::Freed { .. })) else { unreachable!() };
    assert_eq!(list_checkpoints(&broken).unwrap().last().map(|c| c.step), Some(step), "its last step is saved");
    assert_eq!(answer(&mut desk, 2), while_paused, "the half-trained adapter answers as it did");
    desk.send(Request::StartTraining { settings: settings(5), out: desk.path().join("another") });
    desk.wait("a refusal", |e| matches!(e, Event::Warning { message } if message.contains("under way")));
    desk.send(Request::Continue);
    desk.wait("the run", |e| matches!(e, Event::Continued { step: at } if *at == step));
    assert_eq!(wait_end(&mut desk), (STEPS, false));
    assert_eq!(steps(&desk.seen[seen..]), (1..=STEPS).collect::<Vec<_>>(), "no step is lost or made twice");
    assert!(adapter(&broken) == adapter(&whole), "the adapters differ");
}

#[test]
fn a_freed_run_is_held_against_others_until_it_is_stopped() {
    let mut desk = Desk::ready();
    let run = desk.train_with(slow_to_save());
    after_a_step(&mut desk, Request::PauseAndFree);
    let Event::Freed { step } = desk.wait("the memory", |e| matches!(e, Event::Freed { .. })) else { unreachable!() };
    let held = hydra_studio::train::RunFolder::open(&run).unwrap_err().to_string();
    assert!(held.contains("another process"), "{held}");
    desk.send(Request::StopAndSave);
    assert_eq!(wait_end(&mut desk), (step, true));
    desk.wait("its adapter", |e| matches!(e, Event::AdapterLoaded(a) if a.path.as_deref() == Some(run.as_path())));
    hydra_studio::train::RunFolder::open(&run).unwrap();
}

#[test]
fn a_freed_run_whose_data_changed_stays_paused_and_says_why() {
    let mut desk = Desk::ready();
    desk.train_with(slow_to_save());
    after_a_step(&mut desk, Request::PauseAndFree);
    desk.wait("the memory", |e| matches!(e, Event::Freed { .. }));
    let data = desk.path().join("corpus.jsonl");
    let before = fs::read(&data).unwrap();
    fs::write(&data, "{}").unwrap();
    desk.send(Request::Continue);
    desk.wait("the reason", |e| matches!(e, Event::Warning { message } if message.contains("not what the run began")));
    desk.wait("that it is still paused", |e| matches!(e, Event::Freed { .. }));
    fs::write(&data, before).unwrap();
    desk.send(Request::Continue);
    assert_eq!(wait_end(&mut desk), (STEPS, false));
}

#[test]
fn saving_now_writes_a_checkpoint_and_the_run_goes_on() {
    let mut desk = Desk::ready();
    let run = desk.train_with(TrainSettings { checkpoint_every: Some(100_000), ..settings(20_000) });
    after_a_step(&mut desk, Request::SaveNow);
    let saved = desk.wait("the checkpoint", |e| matches!(e, Event::Checkpoint(_)));
    let Event::Checkpoint(saved) = saved else { unreachable!() };
    assert!(run.join(&saved.name).is_dir());
    desk.wait("a later step", |e| matches!(e, Event::Step(step) if step.step > saved.step));
    desk.send(Request::StopAndSave);
    assert!(wait_end(&mut desk).1);
}

#[test]
fn a_discarded_run_lies_in_the_recycle_bin() {
    if !in_own_home("freed::a_discarded_run_lies_in_the_recycle_bin") {
        return;
    }
    let mut desk = Desk::ready();
    for free in [false, true] {
        let run = desk.train_with(TrainSettings { checkpoint_every: Some(100_000), ..settings(20_000) });
        desk.wait("a step", |e| matches!(e, Event::Step(_)));
        if free {
            desk.send(Request::PauseAndFree);
            desk.wait("the memory", |e| matches!(e, Event::Freed { .. }));
        }
        desk.send(Request::Discard);
        desk.wait("the end", |e| matches!(e, Event::Discarded { path } if *path == run));
        assert!(!run.exists());
    }
    let bin = Path::new(&std::env::var("XDG_DATA_HOME").unwrap()).join("Trash/files");
    assert_eq!(fs::read_dir(bin).unwrap().count(), 2);
    desk.send(ask_base(9, 8));
    desk.wait("an answer", |e| matches!(e, Event::Answered { id: 9, .. }));
    assert!(!desk.seen.iter().any(|e| matches!(e, Event::Failed { job: JobKind::Train, .. })));
}
