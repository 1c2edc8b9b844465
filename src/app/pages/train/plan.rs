//! Simple mode: how long to train is the one question; everything else follows from the data and the model.

use crate::app::state::RunState;
use crate::app::widgets::figures::{count, counted};
use crate::train::{Length, TrainSettings, heads_for_topics};
use crate::worker::protocol::{DataSummary, ModelSummary};

/// How long to train.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    Quick,
    #[default]
    Balanced,
    Thorough,
}

impl Pace {
    /// Every pace, shortest first.
    pub const ALL: [Pace; 3] = [Self::Quick, Self::Balanced, Self::Thorough];

    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Quick => "Quick look",
            Self::Balanced => "Balanced",
            Self::Thorough => "Thorough",
        }
    }

    /// What it is for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Quick => "A first look: does it learn at all?",
            Self::Balanced => "A good adapter for most data.",
            Self::Thorough => "As much as the data gives.",
        }
    }

    /// Passes over the data, and the fewest and most steps they may take.
    fn extent(self) -> (f64, usize, usize) {
        match self {
            Self::Quick => (0.5, 20, 100),
            Self::Balanced => (1.0, 60, 1000),
            Self::Thorough => (3.0, 120, 3000),
        }
    }
}

/// Settings for `pace` that fit the data and the model.
pub fn settings(pace: Pace, data: &DataSummary, model: &ModelSummary) -> TrainSettings {
    let mut settings = TrainSettings::default();
    settings.heads = heads(data).unwrap_or(settings.heads);
    settings.context = settings.context.min(model.max_context.max(8));
    settings.lr = learning_rate(model.parameters);
    if model.parameters < TINY {
        settings.rank = TINY_RANK;
    }
    (settings.batch, settings.accumulate) = batch(model.parameters, training_examples(data, &settings));
    let (epochs, fewest, most) = pace.extent();
    let epochs = if model.parameters < TINY { epochs * TINY_EPOCHS } else { epochs };
    let per_epoch = settings.total_steps(training_examples(data, &settings));
    let steps = (per_epoch as f64 * epochs).ceil() as usize;
    settings.length = if (fewest..=most).contains(&steps) {
        Length::Epochs(epochs)
    } else {
        Length::Steps(steps.clamp(fewest, most))
    };
    settings
}

/// One head for each labelled topic, where the labels make a usable number of them.
pub fn heads(data: &DataSummary) -> Option<usize> {
    heads_for_topics(data.topics.len())
}

/// Models below this many parameters, such as the demo's, know so little that they need larger steps and more of them.
const TINY: usize = 20_000_000;
const TINY_RANK: usize = 16;
/// How many times as often a tiny model sees each example.
const TINY_EPOCHS: f64 = 8.0;

/// Small models take, and need, larger steps.
fn learning_rate(parameters: usize) -> f64 {
    match parameters {
        0..TINY => 3e-3,
        TINY..50_000_000 => 1e-3,
        50_000_000..500_000_000 => 5e-4,
        _ => TrainSettings::default().lr,
    }
}

/// Micro-batch and accumulation: about eight examples a step, fewer at once where the model is large, and half as many
/// where the data is so small that an epoch would be over in a few steps.
fn batch(parameters: usize, examples: usize) -> (usize, usize) {
    let effective = if examples < 200 { 4 } else { 8 };
    match parameters {
        0..TINY => (effective * 2, 1),
        1_000_000_000.. => (1, effective),
        _ => (4, effective / 4),
    }
}

/// About how many examples are trained on: what is kept, less what is held out, of the topic alone that the run is on.
pub fn training_examples(data: &DataSummary, settings: &TrainSettings) -> usize {
    of_topic(data.kept.saturating_sub(held_out_of_all(data, settings)), data, settings)
}

/// About how many examples are held out, of the topic alone that the run is on.
pub fn held_out_examples(data: &DataSummary, settings: &TrainSettings) -> usize {
    of_topic(held_out_of_all(data, settings), data, settings)
}

/// The share of `examples` that belongs to the topic of the run, as if it lay evenly among them; all without a topic.
fn of_topic(examples: usize, data: &DataSummary, settings: &TrainSettings) -> usize {
    let Some(topic) = &settings.only_topic else { return examples };
    let of_this = data.topics.iter().find(|(name, _)| name == topic).map_or(0, |(_, count)| *count);
    (examples as f64 * of_this as f64 / data.kept.max(1) as f64).ceil() as usize
}

/// Known for the default share, else the share with the least number that a measure needs.
fn held_out_of_all(data: &DataSummary, settings: &TrainSettings) -> usize {
    if settings.held_out == TrainSettings::default().held_out {
        return data.held_out;
    }
    let share = (data.kept as f64 * settings.held_out.clamp(0.0, 1.0)).round() as usize;
    let least = if settings.held_out > 0.0 && data.kept >= 160 { 16 } else { 0 };
    share.max(least).min(data.kept)
}

/// About how many seconds a run takes with `settings`, at the pace of `run` on the same model and data: as many tokens per
/// example, as many tokens per second in the middle of its last steps. Measuring and saving come on top.
pub fn expected_s(settings: &TrainSettings, examples: usize, run: &RunState) -> Option<f64> {
    let seen = run.steps.len() * run.summary.settings.effective_batch();
    let tokens: usize = run.steps.iter().map(|step| step.tokens).sum();
    let per_example = (tokens as f64 / seen.max(1) as f64).min(settings.context as f64);
    let recent = run.steps.get(run.steps.len().saturating_sub(50)..)?;
    let mut paces: Vec<f64> = recent.iter().map(|step| step.tokens_per_s).filter(|pace| *pace > 0.0).collect();
    paces.sort_by(f64::total_cmp);
    let pace = paces.get(paces.len() / 2)?;
    Some((settings.total_steps(examples) * settings.effective_batch()) as f64 * per_example / pace)
}

/// The length in words: steps, and how often each example is seen.
pub fn length_in_words(settings: &TrainSettings, examples: usize) -> String {
    let steps = settings.total_steps(examples);
    let seen = (steps * settings.effective_batch()) as f64 / examples.max(1) as f64;
    let often = match seen {
        s if s < 0.95 => {
            format!("sees {} of {} examples once", count(steps * settings.effective_batch()), count(examples))
        }
        s if s < 1.5 => "sees each example about once".to_owned(),
        s => format!("sees each example about {s:.0} times"),
    };
    format!("{}, {often}", counted(steps, "step"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::data::ColumnMap;
    use std::path::PathBuf;

    /// Data of so many examples and topics.
    pub fn data(kept: usize, topics: usize) -> DataSummary {
        DataSummary {
            files: Vec::new(),
            map: ColumnMap::default(),
            rows: kept,
            kept,
            dropped: Vec::new(),
            dropped_rows: 0,
            held_out: kept / 20,
            held_out_prompts: Vec::new(),
            topics: (0..topics).map(|i| (format!("topic {i}"), 10)).collect(),
            edits: Default::default(),
        }
    }

    /// A model of so many parameters.
    pub fn model(parameters: usize, max_context: usize) -> ModelSummary {
        ModelSummary {
            name: "test".into(),
            path: PathBuf::new(),
            architecture: "llama".into(),
            parameters,
            layers: 4,
            hidden: 64,
            vocab: 256,
            max_context,
            stored_as: "f32".into(),
            weight_bytes: 0,
            device: "CPU".into(),
            template: String::new(),
            has_template: true,
            sampling: crate::worker::protocol::Sampling::default(),
        }
    }

    #[test]
    fn paces_grow_and_stay_within_their_bounds() {
        for kept in [1, 30, 500, 2000, 1_000_000] {
            let data = data(kept, 0);
            let steps = Pace::ALL.map(|pace| {
                let settings = settings(pace, &data, &model(135_000_000, 2048));
                assert_eq!(settings.validate(), Ok(()));
                settings.total_steps(training_examples(&data, &settings))
            });
            assert!(steps[0] < steps[1] && steps[1] < steps[2], "{kept} examples: {steps:?}");
            assert!(steps[0] >= 20 && steps[2] <= 3000, "{kept} examples: {steps:?}");
        }
    }

    #[test]
    fn the_rest_follows_from_data_and_model() {
        let small = settings(Pace::Balanced, &data(100, 5), &model(2_000_000, 256));
        assert_eq!((small.heads, small.context, small.lr, small.effective_batch()), (5, 256, 3e-3, 8));
        let large = settings(Pace::Balanced, &data(2000, 40), &model(3_000_000_000, 131_072));
        assert_eq!((large.heads, large.context, large.lr, large.batch, large.accumulate), (3, 512, 2e-4, 1, 8));
    }

    #[test]
    fn the_length_is_told_in_words() {
        let mut settings = TrainSettings { length: Length::Steps(100), ..TrainSettings::default() };
        assert_eq!(length_in_words(&settings, 1900), "100 steps, sees 800 of 1,900 examples once");
        settings.length = Length::Epochs(3.0);
        assert_eq!(length_in_words(&settings, 1900), "713 steps, sees each example about 3 times");
    }

    #[test]
    fn another_held_out_share_is_estimated() {
        let settings = |held_out| TrainSettings { held_out, ..TrainSettings::default() };
        let held = |kept, share| held_out_examples(&data(kept, 0), &settings(share));
        assert_eq!((held(1000, 0.05), held(1000, 0.2), held(1000, 0.0), held(200, 0.01)), (50, 200, 0, 16));
    }

    #[test]
    fn a_run_on_one_topic_is_estimated_by_its_share() {
        let data = data(100, 5);
        let only = |topic: &str| TrainSettings { only_topic: Some(topic.into()), ..TrainSettings::default() };
        let of = |settings| (training_examples(&data, &settings), held_out_examples(&data, &settings));
        assert_eq!(of(TrainSettings::default()), (95, 5));
        // Ten of the hundred examples have each label.
        assert_eq!((of(only("topic 3")), of(only("no such"))), ((10, 1), (0, 0)));
    }
}
