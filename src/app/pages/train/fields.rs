//! Every training setting as a field. The device has none: it is chosen with the model. "Changed" and "reset" are one
//! mechanism: copying a single field from the defaults. What is said of a field stands in `field_text.rs`, how it is
//! edited in `controls.rs`.

use crate::train::TrainSettings;

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Method,
    Rank,
    Heads,
    Alpha,
    Dropout,
    Rslora,
    Targets,
    Length,
    Batch,
    Accumulate,
    Packing,
    Context,
    Lr,
    Schedule,
    Warmup,
    MaxGradNorm,
    WeightDecay,
    HeldOut,
    Seed,
    CheckpointEvery,
    CheckpointMinutes,
    EvalEvery,
    Patience,
    MinDelta,
    Samples,
    SampleTokens,
    SamplePrompts,
    InitAdapter,
    Base,
    Recompute,
    Threads,
    RouterInit,
    RouterStrength,
    BalanceLoss,
    GateTemperature,
    TopKHeads,
    BInit,
    OnlyTopic,
}

/// Fields that belong together.
pub const GROUPS: [(&str, &[Field]); 7] = [
    (
        "Adapter",
        &[
            Field::Method,
            Field::Heads,
            Field::Rank,
            Field::Alpha,
            Field::Rslora,
            Field::Dropout,
            Field::Targets,
            Field::InitAdapter,
        ],
    ),
    (
        "Router and start of the heads",
        &[
            Field::RouterInit,
            Field::RouterStrength,
            Field::GateTemperature,
            Field::TopKHeads,
            Field::BalanceLoss,
            Field::BInit,
        ],
    ),
    ("Length and batch", &[Field::Length, Field::Batch, Field::Accumulate, Field::Context, Field::Packing]),
    ("Learning", &[Field::Lr, Field::Schedule, Field::Warmup, Field::MaxGradNorm, Field::WeightDecay]),
    ("Memory and speed", &[Field::Base, Field::Recompute, Field::Threads]),
    (
        "Measuring",
        &[
            Field::HeldOut,
            Field::EvalEvery,
            Field::Patience,
            Field::MinDelta,
            Field::Samples,
            Field::SampleTokens,
            Field::SamplePrompts,
        ],
    ),
    ("Saving and repeating", &[Field::CheckpointEvery, Field::CheckpointMinutes, Field::Seed, Field::OnlyTopic]),
];

impl Field {
    /// Copies this field alone.
    pub fn copy(self, from: &TrainSettings, to: &mut TrainSettings) {
        match self {
            Self::Method => to.method = from.method,
            Self::Rank => to.rank = from.rank,
            Self::Heads => to.heads = from.heads,
            Self::Alpha => to.alpha = from.alpha,
            Self::Dropout => to.dropout = from.dropout,
            Self::Rslora => to.rslora = from.rslora,
            Self::Targets => to.targets.clone_from(&from.targets),
            Self::Length => to.length = from.length,
            Self::Batch => to.batch = from.batch,
            Self::Accumulate => to.accumulate = from.accumulate,
            Self::Packing => to.packing = from.packing,
            Self::Context => to.context = from.context,
            Self::Lr => to.lr = from.lr,
            Self::Schedule => to.schedule = from.schedule,
            Self::Warmup => to.warmup = from.warmup,
            Self::MaxGradNorm => to.max_grad_norm = from.max_grad_norm,
            Self::WeightDecay => to.weight_decay = from.weight_decay,
            Self::HeldOut => to.held_out = from.held_out,
            Self::Seed => to.seed = from.seed,
            Self::CheckpointEvery => to.checkpoint_every = from.checkpoint_every,
            Self::CheckpointMinutes => to.checkpoint_minutes = from.checkpoint_minutes,
            Self::EvalEvery => to.eval_every = from.eval_every,
            Self::Patience => to.patience = from.patience,
            Self::MinDelta => to.min_delta = from.min_delta,
            Self::Samples => to.samples = from.samples,
            Self::SampleTokens => to.sample_tokens = from.sample_tokens,
            Self::SamplePrompts => to.sample_prompts.clone_from(&from.sample_prompts),
            Self::InitAdapter => to.init_adapter.clone_from(&from.init_adapter),
            Self::Base => to.base = from.base,
            Self::Recompute => to.recompute = from.recompute,
            Self::Threads => to.threads = from.threads,
            Self::RouterInit => to.router_init = from.router_init,
            Self::RouterStrength => to.router_strength = from.router_strength,
            Self::BalanceLoss => to.balance_loss = from.balance_loss,
            Self::GateTemperature => to.gate_temperature = from.gate_temperature,
            Self::TopKHeads => to.top_k_heads = from.top_k_heads,
            Self::BInit => to.b_init = from.b_init,
            Self::OnlyTopic => to.only_topic.clone_from(&from.only_topic),
        }
    }

    /// Whether the field differs from its default.
    pub fn is_changed(self, settings: &TrainSettings) -> bool {
        let mut probe = settings.clone();
        self.reset(&mut probe);
        probe != *settings
    }

    /// Gives the field its default.
    pub fn reset(self, settings: &mut TrainSettings) {
        self.copy(&TrainSettings::default(), settings);
    }
}

/// Every field, in the order of [`GROUPS`].
pub fn all_fields() -> impl Iterator<Item = Field> {
    GROUPS.iter().flat_map(|(_, fields)| fields.iter().copied())
}

/// The fields in which two settings differ.
pub fn changed_fields(from: &TrainSettings, to: &TrainSettings) -> Vec<Field> {
    all_fields().filter(|field| field.differs(from, to)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{Method, Target};
    use crate::model::BaseType;
    use crate::train::{DeviceChoice, Length, RouterInit, Schedule};

    /// Settings that differ from the defaults in every field.
    fn different() -> TrainSettings {
        TrainSettings {
            method: Method::Lora,
            rank: 1,
            heads: 1,
            alpha: Some(1.0),
            dropout: 0.5,
            rslora: true,
            targets: vec![Target::Q],
            length: Length::Steps(1),
            batch: 1,
            accumulate: 1,
            packing: false,
            context: 8,
            lr: 1.0,
            schedule: Schedule::Constant,
            warmup: 0.5,
            max_grad_norm: 0.0,
            weight_decay: 0.5,
            held_out: 0.5,
            seed: 1,
            // The loaded model's device holds.
            device: DeviceChoice::default(),
            checkpoint_every: Some(1),
            checkpoint_minutes: 1.0,
            eval_every: Some(1),
            patience: Some(1),
            min_delta: 0.5,
            samples: 1,
            sample_tokens: 1,
            sample_prompts: vec!["a".into()],
            init_adapter: Some("a".into()),
            base: BaseType::F16,
            recompute: true,
            threads: Some(1),
            router_init: RouterInit::Topics,
            router_strength: 1.0,
            balance_loss: 0.5,
            gate_temperature: 0.5,
            top_k_heads: Some(1),
            b_init: 0.5,
            only_topic: Some("a".into()),
        }
    }

    #[test]
    fn every_setting_has_its_field() {
        let mut settings = different();
        let fields: Vec<Field> = all_fields().collect();
        for field in &fields {
            assert!(field.is_changed(&settings), "{field:?} is not told apart from its default");
            field.reset(&mut settings);
            assert!(!field.is_changed(&settings));
        }
        assert_eq!(settings, TrainSettings::default(), "a setting has no field");
    }

    #[test]
    fn no_two_fields_share_a_name() {
        let mut names: Vec<&str> = all_fields().map(|field| field.text().name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }
}
