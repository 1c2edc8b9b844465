//! The history, by hand and by chance.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::app::pages::train::fields::all_fields;
use crate::app::pages::train::form::Mode;
use crate::app::pages::train::plan::{Pace, tests as samples};
use crate::project::{Preset, PresetName};
use crate::train::{DeviceChoice, Length};
use crate::worker::protocol::{DataSummary, ModelSummary};

/// A form with what it rests on.
struct Desk {
    form: Form,
    history: History,
    data: DataSummary,
    model: ModelSummary,
}

impl Desk {
    fn new() -> Self {
        let (data, model) = (samples::data(2000, 0), samples::model(135_000_000, 2048));
        Self { form: Form::default(), history: History::default(), data, model }
    }

    /// Changes the form as a frame of the window does.
    fn edit(&mut self, change: impl FnOnce(&mut Form, &TrainSettings)) {
        let before = self.form.clone();
        let settings = before.settings((&self.data, &self.model));
        change(&mut self.form, &settings);
        let after = self.form.settings((&self.data, &self.model));
        self.history.note_edit(before, &self.form, (settings, &after));
    }

    fn set(&mut self, change: impl FnOnce(&mut TrainSettings)) {
        self.edit(|form, settings| {
            let mut settings = settings.clone();
            change(&mut settings);
            form.enter(settings);
        });
    }
}

#[test]
fn a_step_says_what_it_was() {
    let mut desk = Desk::new();
    desk.edit(|form, _| form.pace = Pace::Quick);
    assert_eq!(desk.history.undo_name(), Some("Effort from Balanced to Quick look"));
    desk.edit(|form, _| form.mode = Mode::Advanced);
    assert_eq!(desk.history.undo_name(), Some("Simple to Advanced"));
    desk.history.begin_gesture();
    desk.set(|settings| settings.rank = 16);
    assert_eq!(desk.history.undo_name(), Some("Rank from 8 to 16"));
    desk.set(|settings| settings.length = Length::Epochs(2.5));
    assert_eq!(desk.history.undo_name(), Some("Length from 100 steps to 2.5 epochs"));
    assert_eq!(desk.history.undo(&mut desk.form).as_deref(), Some("Length from 100 steps to 2.5 epochs"));
    assert_eq!(desk.history.redo_name(), Some("Length from 100 steps to 2.5 epochs"));
}

#[test]
fn a_drag_is_one_step_and_the_next_drag_another() {
    let mut desk = Desk::new();
    desk.edit(|form, _| form.mode = Mode::Advanced);
    desk.history.begin_gesture();
    for rank in 9..=40 {
        desk.set(|settings| settings.rank = rank);
    }
    assert_eq!(desk.history.undo_name(), Some("Rank from 8 to 40"));
    desk.history.begin_gesture();
    desk.set(|settings| settings.rank = 41);
    assert_eq!(desk.history.undo_name(), Some("Rank from 40 to 41"));
    desk.history.undo(&mut desk.form);
    desk.history.undo(&mut desk.form);
    assert_eq!((desk.history.undo_name(), desk.form.own.as_ref()), (Some("Simple to Advanced"), None));
}

#[test]
fn a_drag_that_comes_back_leaves_no_step() {
    let mut desk = Desk::new();
    desk.set(|settings| settings.seed = 1);
    desk.history.begin_gesture();
    for rank in [9, 12, 9, 8] {
        desk.set(|settings| settings.rank = rank);
    }
    assert_eq!(desk.history.undo_name(), Some("Simple to Advanced"));
}

#[test]
fn a_new_change_forgets_what_was_taken_back() {
    let mut desk = Desk::new();
    desk.set(|settings| settings.rank = 9);
    desk.history.undo(&mut desk.form);
    desk.set(|settings| settings.rank = 10);
    assert_eq!(desk.history.redo(&mut desk.form), None);
    assert_eq!(desk.form.own.as_ref().map(|own| own.rank), Some(10));
}

/// One change of the kinds that the window knows.
fn act(desk: &mut Desk, rng: &mut ChaCha8Rng) {
    desk.history.begin_gesture();
    let other = random_settings(rng);
    let name = |rng: &mut ChaCha8Rng| PresetName::parse(&format!("Mine {}", rng.random_range(0..6))).unwrap();
    let before = desk.form.clone();
    match rng.random_range(0..9) {
        0 => desk.edit(|form, _| {
            form.mode = if form.mode == Mode::Simple { Mode::Advanced } else { Mode::Simple };
        }),
        1 => desk.edit(|form, _| form.pace = Pace::ALL[rng.random_range(0..3)]),
        2 => {
            let basis = (&desk.data, &desk.model);
            desk.form.mend(TrainSettings { batch: 1, accumulate: 8, recompute: true, ..other }, basis);
            desk.history.note("Mend", before, &desk.form);
        }
        3 => {
            desk.form.enter(other);
            desk.history.note("Preset", before, &desk.form);
        }
        4 => {
            desk.form.keep_preset(Preset { name: name(rng), settings: other });
            desk.history.note("Save preset", before, &desk.form);
        }
        5 => {
            desk.form.drop_preset(name(rng).as_str());
            desk.history.note("Delete preset", before, &desk.form);
        }
        _ => {
            let fields: Vec<Field> = all_fields().collect();
            let field = fields[rng.random_range(0..fields.len())];
            desk.set(|settings| field.copy(&other, settings));
        }
    }
}

fn random_settings(rng: &mut ChaCha8Rng) -> TrainSettings {
    TrainSettings {
        rank: rng.random_range(1..64),
        heads: rng.random_range(1..9),
        alpha: rng.random_bool(0.5).then(|| rng.random_range(1.0..64.0)),
        dropout: rng.random_range(0.0..0.5),
        rslora: rng.random_bool(0.5),
        length: Length::Steps(rng.random_range(1..500)),
        batch: rng.random_range(1..9),
        context: rng.random_range(64..2048),
        lr: rng.random_range(1e-5..1e-2),
        seed: rng.random(),
        device: DeviceChoice::default(),
        threads: rng.random_bool(0.5).then(|| rng.random_range(1..9)),
        sample_prompts: (0..rng.random_range(0..3)).map(|i| format!("Prompt {i}")).collect(),
        ..TrainSettings::default()
    }
}

#[test]
fn two_hundred_chance_steps_are_undone_and_redone_exactly() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut desk = Desk::new();
        let mut trail = vec![desk.form.clone()];
        for _ in 0..200 {
            act(&mut desk, &mut rng);
            if trail.last() != Some(&desk.form) {
                trail.push(desk.form.clone());
            }
        }
        assert!(trail.len() > 120, "chance left too little to undo: {}", trail.len());
        for form in trail.iter().rev().skip(1) {
            assert!(desk.history.undo(&mut desk.form).is_some());
            assert_eq!(&desk.form, form, "seed {seed}");
        }
        assert_eq!((desk.history.undo(&mut desk.form), &desk.form), (None, &Form::default()));
        for form in trail.iter().skip(1) {
            assert!(desk.history.redo(&mut desk.form).is_some());
            assert_eq!(&desk.form, form, "seed {seed}");
        }
        assert_eq!(desk.history.redo(&mut desk.form), None);
    }
}
