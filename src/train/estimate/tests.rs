//! Estimates and mends of a model in the shape of a known one.

use super::*;
use crate::adapter::Target;
use crate::model::{BaseType, ModelShape};
use crate::train::{Length, TrainSettings};

fn model(stored_as: &str, stored_bytes: u64) -> ModelFacts {
    ModelFacts {
        config: ModelShape::SmolLm2_135m.config(),
        place: Place::Cpu,
        stored_as: stored_as.into(),
        stored_bytes,
        base: BaseType::Stored,
        loaded_bytes: stored_bytes,
    }
}

fn in_f32() -> ModelFacts {
    model("f32", 538_060_032)
}

/// Rows of 256 tokens, all of them supervised.
fn full_rows(examples: usize) -> DataFacts {
    DataFacts::of_sizes(&vec![ExampleSize { tokens: 256, supervised: 255 }; examples], 0)
}

fn machine(available: u64) -> MachineFacts {
    MachineFacts {
        flops_per_s: 150e9,
        threads: 2,
        memory_total: 16 << 30,
        memory_available: available,
        memory_held: 600_000_000,
        memory_of_run: 538_060_032,
    }
}

fn settings() -> TrainSettings {
    TrainSettings { batch: 4, accumulate: 2, context: 256, length: Length::Epochs(1.0), ..TrainSettings::default() }
}

fn of(model: &ModelFacts, settings: &TrainSettings) -> Estimate {
    estimate(model, &full_rows(400), &machine(8 << 30), settings)
}

#[test]
fn the_small_language_model_takes_what_was_measured_of_it() {
    // Peaks of `hydra-studio bench` at 4 rows of 256 tokens, in MB.
    for (model, settings, measured) in [
        (in_f32(), settings(), 1970.0),
        (model("Q4_1", 96_000_000), settings(), 1540.0),
        (in_f32(), TrainSettings { base: BaseType::Q8_0, recompute: true, ..settings() }, 464.0),
    ] {
        let total = of(&model, &settings).total_bytes() as f64 / 1e6;
        assert!((total / measured - 1.0).abs() < 0.15, "{total} MB for {measured} MB with {settings:?}");
    }
}

#[test]
fn every_part_follows_the_setting_that_it_is_for() {
    let whole = of(&in_f32(), &settings());
    let with = |change: fn(&mut TrainSettings)| {
        let mut settings = settings();
        change(&mut settings);
        of(&in_f32(), &settings)
    };
    let halved = with(|s| (s.batch, s.accumulate) = (2, 4));
    assert_eq!((halved.weights, halved.adapter, halved.largest.tokens), (whole.weights, whole.adapter, 512));
    assert!(halved.activations * 19 < whole.activations * 10);
    let recomputed = with(|s| s.recompute = true);
    assert!(recomputed.activations * 8 < whole.activations && recomputed.step_s > whole.step_s);
    let rounded = with(|s| s.base = BaseType::BF16);
    assert!((rounded.weights as f64 / whole.weights as f64 - 0.5).abs() < 0.01, "{rounded}");
    let eight_bits = with(|s| s.base = BaseType::Q8_0);
    assert!((eight_bits.weights as f64 / whole.weights as f64 - 34.0 / 128.0).abs() < 0.01, "{eight_bits}");
    let wide = with(|s| s.rank = 16);
    assert!(wide.adapter > 19 * whole.adapter / 10 && wide.optimizer > 19 * whole.optimizer / 10);
    let low = with(|s| s.targets = vec![Target::Down]);
    assert!(low.activations < whole.activations && low.adapter < whole.adapter);
}

#[test]
fn time_follows_the_operations_and_the_machine() {
    let whole = of(&in_f32(), &settings());
    // 600 million operations a token, 2048 tokens a step, about 100 billion a second.
    assert!(whole.step_s.is_some_and(|seconds| (9.0..16.0).contains(&seconds)), "{whole:?}");
    let steps = whole.steps.unwrap() as f64;
    assert!(
        steps == 48.0 && whole.total_s > Some(steps * whole.step_s.unwrap()),
        "held-out loss is measured: {whole:?}"
    );
    let one_thread = of(&in_f32(), &TrainSettings { threads: Some(1), ..settings() });
    assert!((one_thread.step_s.unwrap() / whole.step_s.unwrap() - 2.0).abs() < 1e-9);
    let unmeasured = MachineFacts { flops_per_s: 0.0, ..machine(8 << 30) };
    let untimed = estimate(&in_f32(), &full_rows(400), &unmeasured, &settings());
    assert_eq!((untimed.step_s, untimed.total_s, untimed.steps), (None, None, Some(48)));
    let unknown = estimate(&in_f32(), &DataFacts::unknown(), &machine(8 << 30), &settings());
    assert_eq!((unknown.steps, unknown.total_s, unknown.largest.tokens), (None, None, 1024));
}

fn mends_within(model: &ModelFacts, available: u64, settings: &TrainSettings) -> Vec<Mend> {
    mends(model, &full_rows(400), &machine(available), settings)
}

#[test]
fn what_does_least_harm_comes_first_and_everything_helps() {
    let all = mends_within(&in_f32(), 1_100_000_000, &settings());
    let first = &all[0];
    assert_eq!(
        (first.kinds.as_slice(), first.settings.batch, first.settings.accumulate),
        (&[MendKind::MicroBatch][..], 2, 4)
    );
    assert_eq!(all.iter().map(|mend| mend.kinds.clone()).collect::<Vec<_>>()[1], [MendKind::Recompute]);
    let now = of(&in_f32(), &settings()).total_bytes();
    for mend in &all {
        assert!(mend.bytes < now && mend.settings.effective_batch() == 8, "{mend}");
        assert_eq!(mend.suffices, mend.bytes <= 1_700_000_000, "{mend}");
        assert_eq!(mend.bytes, of(&in_f32(), &mend.settings).total_bytes(), "{mend}");
    }
    assert!(all.is_sorted_by_key(|mend| !mend.suffices));
    let recompute = all.iter().find(|mend| mend.kinds == [MendKind::Recompute]).unwrap();
    assert!((1.25..1.45).contains(&recompute.slowdown), "{recompute}");
    assert!(first.text.contains("2 rows at a time instead of 4"), "{first}");
}

#[test]
fn where_no_change_alone_would_do_changes_are_put_together() {
    let all = mends_within(&in_f32(), 120_000_000, &settings());
    let first = &all[0];
    assert!(first.suffices && first.kinds.len() > 1, "{first}");
    assert!(first.text.contains("; "), "{first}");
    let hopeless = mends_within(&in_f32(), 0, &TrainSettings { rank: 64, ..settings() });
    assert!(hopeless.iter().all(|mend| !mend.suffices) && !hopeless.is_empty());
}

#[test]
fn a_type_that_takes_no_less_than_the_stored_one_is_not_offered() {
    let stored = model("Q4_1", 96_000_000);
    let bases = |settings: &TrainSettings| -> Vec<BaseType> {
        let all = mends_within(&stored, 100_000_000, settings);
        let base = |mend: &Mend| match mend.kinds[..] {
            [MendKind::Base(base)] => Some(base),
            _ => None,
        };
        all.iter().filter_map(base).collect()
    };
    assert_eq!(bases(&settings()), []);
    let expanded = ModelFacts { base: BaseType::F32, loaded_bytes: 538_060_032, ..stored.clone() };
    let all = mends_within(&expanded, 1_000_000_000, &TrainSettings { base: BaseType::F32, ..settings() });
    let stored_again = all.iter().find(|mend| mend.kinds == [MendKind::Base(BaseType::Stored)]).unwrap();
    assert!(stored_again.text.contains("Q4_1"), "{stored_again}");
}

#[test]
fn facts_and_estimates_pass_through_json() {
    let facts = (in_f32(), full_rows(3), machine(1));
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<(ModelFacts, DataFacts, MachineFacts)>(&text).unwrap(), facts);
    let estimate = of(&in_f32(), &settings());
    assert_eq!(serde_json::from_str::<Estimate>(&serde_json::to_string(&estimate).unwrap()).unwrap(), estimate);
}
