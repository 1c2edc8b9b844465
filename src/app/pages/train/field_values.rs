//! The value of every setting in words, as it stands in a table beside another run's.

use super::controls::{BASES, SCHEDULES};
use super::fields::Field;
use crate::adapter::Target;
use crate::app::widgets::figures::{count, counted};
use crate::train::{Length, TrainSettings};

impl Field {
    /// Whether two runs differ in this field.
    pub fn differs(self, one: &TrainSettings, other: &TrainSettings) -> bool {
        let mut probe = one.clone();
        self.copy(other, &mut probe);
        probe != *one
    }

    /// The field's value in words, exact to the last digit.
    pub fn value(self, settings: &TrainSettings) -> String {
        let s = settings;
        match self {
            Self::Method => s.method.title().to_owned(),
            Self::Rank => count(s.rank),
            Self::Heads => count(s.adapter_spec().heads),
            Self::Alpha => s.alpha.map_or_else(|| format!("twice the rank: {}", 2 * s.rank), exact),
            Self::Dropout => exact(s.dropout),
            Self::Rslora => on_or_off(s.rslora),
            Self::Targets => targets(&s.targets),
            Self::Length => match s.length {
                Length::Epochs(epochs) if epochs == 1.0 => "1 epoch".to_owned(),
                Length::Epochs(epochs) => format!("{} epochs", exact(epochs)),
                Length::Steps(steps) => counted(steps, "step"),
            },
            Self::Batch => count(s.batch),
            Self::Accumulate => count(s.accumulate),
            Self::Packing => on_or_off(s.packing),
            Self::Context => counted(s.context, "token"),
            Self::Lr => exact(s.lr),
            Self::Schedule => choice(&s.schedule, &SCHEDULES),
            Self::Warmup => exact(s.warmup),
            Self::MaxGradNorm => off_at_zero(s.max_grad_norm),
            Self::WeightDecay => exact(s.weight_decay),
            Self::HeldOut => exact(s.held_out),
            Self::Seed => s.seed.to_string(),
            Self::CheckpointEvery => every(s.checkpoint_every),
            Self::CheckpointMinutes if s.checkpoint_minutes == 0.0 => "by steps alone".to_owned(),
            Self::CheckpointMinutes => format!("{} min", exact(s.checkpoint_minutes)),
            Self::EvalEvery => every(s.eval_every),
            Self::Patience => s.patience.map_or_else(|| "off".to_owned(), |measures| counted(measures, "measure")),
            Self::MinDelta => exact(s.min_delta),
            Self::Samples => count(s.samples),
            Self::SampleTokens => counted(s.sample_tokens, "token"),
            Self::SamplePrompts if s.sample_prompts.is_empty() => "none".to_owned(),
            Self::SamplePrompts => s.sample_prompts.join(" / "),
            Self::InitAdapter => {
                s.init_adapter.as_ref().map_or_else(|| "none".into(), |path| path.display().to_string())
            }
            Self::Base => choice(&s.base, &BASES),
            Self::Recompute => on_or_off(s.recompute),
            Self::Threads => s.threads.map_or_else(|| "automatic".to_owned(), count),
        }
    }
}

/// All digits of a number, with a power of ten where it is small.
fn exact(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.01 { format!("{value:e}") } else { value.to_string() }
}

fn off_at_zero(value: f64) -> String {
    if value == 0.0 { "off".to_owned() } else { exact(value) }
}

fn on_or_off(value: bool) -> String {
    if value { "on" } else { "off" }.to_owned()
}

fn every(steps: Option<usize>) -> String {
    steps.map_or_else(|| "automatic".to_owned(), |steps| counted(steps, "step"))
}

fn choice<T: PartialEq>(value: &T, choices: &[(T, &str)]) -> String {
    choices.iter().find(|(choice, _)| choice == value).map_or("", |(_, text)| text).to_owned()
}

fn targets(targets: &[Target]) -> String {
    if Target::ALL.iter().all(|target| targets.contains(target)) {
        return "all seven".to_owned();
    }
    let short = |target: &Target| target.name().strip_suffix("_proj").unwrap_or(target.name()).to_owned();
    targets.iter().map(short).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::fields::GROUPS;
    use super::*;

    #[test]
    fn every_value_is_told_and_a_difference_in_the_last_digit_is_one() {
        let one = TrainSettings::default();
        for field in GROUPS.iter().flat_map(|(_, fields)| *fields) {
            assert!(!field.value(&one).is_empty() && !field.differs(&one, &one), "{field:?}");
        }
        let other = TrainSettings { lr: 0.000_200_000_01, ..one.clone() };
        assert!(Field::Lr.differs(&one, &other) && !Field::Rank.differs(&one, &other));
        assert_eq!((Field::Lr.value(&one), Field::Lr.value(&other)), ("2e-4".into(), "2.0000001e-4".into()));
    }
}
