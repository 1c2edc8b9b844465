//! The value of every setting in words, as it stands in a table beside another run's.

use super::controls::{BASES, ROUTER_STARTS, SCHEDULES, short_number};
use super::field_text::short_name;
use super::fields::Field;
use crate::adapter::Target;
use crate::app::widgets::figures::{count, counted, in_one_line};
use crate::train::{Length, TrainSettings};

/// The longest value that is told in brief.
const BRIEF_LETTERS: usize = 32;

impl Field {
    /// Whether two runs differ in this field.
    pub fn differs(self, one: &TrainSettings, other: &TrainSettings) -> bool {
        let mut probe = one.clone();
        self.copy(other, &mut probe);
        probe != *one
    }

    /// The field's value in words, exact to the last digit.
    pub fn value(self, settings: &TrainSettings) -> String {
        self.told(settings, exact)
    }

    /// The field's value in a few words, without the digits that dragging leaves.
    pub fn value_in_brief(self, settings: &TrainSettings) -> String {
        in_one_line(&self.told(settings, short_number), BRIEF_LETTERS)
    }

    fn told(self, s: &TrainSettings, number: fn(f64) -> String) -> String {
        match self {
            Self::Method => s.method.title().to_owned(),
            Self::Rank => count(s.rank),
            Self::Heads => count(s.adapter_spec().heads),
            Self::Alpha => s.alpha.map_or_else(|| format!("twice the rank: {}", 2 * s.rank), number),
            Self::Dropout => number(s.dropout),
            Self::Rslora => on_or_off(s.rslora),
            Self::Targets => targets(&s.targets),
            Self::Length => match s.length {
                Length::Epochs(1.0) => "1 epoch".to_owned(),
                Length::Epochs(epochs) => format!("{} epochs", number(epochs)),
                Length::Steps(steps) => counted(steps, "step"),
            },
            Self::Batch => count(s.batch),
            Self::Accumulate => count(s.accumulate),
            Self::Packing => on_or_off(s.packing),
            Self::Context => counted(s.context, "token"),
            Self::Lr => number(s.lr),
            Self::Schedule => choice(&s.schedule, &SCHEDULES),
            Self::Warmup => number(s.warmup),
            Self::MaxGradNorm if s.max_grad_norm == 0.0 => "off".to_owned(),
            Self::MaxGradNorm => number(s.max_grad_norm),
            Self::WeightDecay => number(s.weight_decay),
            Self::HeldOut => number(s.held_out),
            Self::Seed => s.seed.to_string(),
            Self::CheckpointEvery => every(s.checkpoint_every),
            Self::CheckpointMinutes if s.checkpoint_minutes == 0.0 => "by steps alone".to_owned(),
            Self::CheckpointMinutes => format!("{} min", number(s.checkpoint_minutes)),
            Self::EvalEvery => every(s.eval_every),
            Self::Patience => s.patience.map_or_else(|| "off".to_owned(), |measures| counted(measures, "measure")),
            Self::MinDelta => number(s.min_delta),
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
            Self::RouterInit => choice(&s.router_init, &ROUTER_STARTS),
            Self::RouterStrength => number(s.router_strength),
            Self::BalanceLoss if s.balance_loss == 0.0 => "off".to_owned(),
            Self::BalanceLoss => number(s.balance_loss),
            Self::GateTemperature => number(s.gate_temperature),
            Self::TopKHeads => s.top_k_heads.map_or_else(|| "all".to_owned(), count),
            Self::BInit => number(s.b_init),
            Self::OnlyTopic => s.only_topic.clone().unwrap_or_else(|| "all topics".into()),
        }
    }
}

/// All digits of a number, with a power of ten where it is small.
fn exact(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.01 { format!("{value:e}") } else { value.to_string() }
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
    targets.iter().map(|target| short_name(*target)).collect::<Vec<_>>().join(", ")
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
