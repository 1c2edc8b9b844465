//! Every setting of a run, as plain data. The same struct is read from TOML (`--config`), filled from flags, edited in the
//! window and written to `run.json`. Defaults live here and nowhere else.

use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::adapter::{AdapterSpec, Method, Target};
use crate::model::BaseType;

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Length {
    /// Passes over the training examples.
    Epochs(f64),
    /// Optimizer steps.
    Steps(usize),
}

/// How the learning rate moves after warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    #[default]
    Cosine,
    Linear,
    Constant,
}

/// What the routers begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouterInit {
    /// Uniform in ±1/√in, as published.
    #[default]
    Random,
    /// A ridge fit of every token's topic from what the base model's projection reads there.
    Topics,
}

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// The fastest device this build and machine have.
    #[default]
    Auto,
    Cpu,
    Cuda,
    Metal,
}

/// A measure takes at least this many held-out examples, where there are as many.
const MEASURED_AT_LEAST: usize = 32;
/// Beyond that, a measure takes one for this many that are trained on.
const TRAINED_PER_MEASURED: usize = 20;

/// More cores than any machine has that this runs on.
const MAX_THREADS: usize = 1024;

/// Every setting of a run but the places it reads and writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    pub method: Method,
    pub rank: usize,
    /// Number of heads; ignored by plain LoRA, which has one.
    pub heads: usize,
    /// `None`: twice the rank.
    pub alpha: Option<f64>,
    pub dropout: f64,
    pub rslora: bool,
    #[serde(deserialize_with = "targets")]
    pub targets: Vec<Target>,
    pub length: Length,
    /// Rows of one micro-batch: packed, each is filled with whole examples, otherwise each is one example.
    pub batch: usize,
    /// Micro-batches of one optimizer step, at most; with `batch`, how many examples a step takes.
    pub accumulate: usize,
    /// Whether the examples of a step are packed into rows of `context` tokens; otherwise each is a row of its own,
    /// filled up to the longest of its micro-batch. The result is the same, but for rounding.
    pub packing: bool,
    /// Longest example, and packed row, in tokens; longer examples are cut.
    pub context: usize,
    pub lr: f64,
    pub schedule: Schedule,
    /// Share of all steps over which the learning rate rises from 0.
    pub warmup: f64,
    /// Gradients are scaled down to this norm; 0 switches clipping off.
    pub max_grad_norm: f64,
    pub weight_decay: f64,
    /// Share of the examples held out of training, with at least 16 where there are 160.
    pub held_out: f64,
    /// Seeds the adapter's start, the split, the order of examples and dropout.
    #[serde(deserialize_with = "seed")]
    pub seed: u64,
    pub device: DeviceChoice,
    /// What the base model's matrices are kept in.
    pub base: BaseType,
    /// Whether backward computes every block again instead of keeping its activations: less memory, a third more time.
    pub recompute: bool,
    /// Threads to compute on; `None`: one for every core.
    pub threads: Option<usize>,
    /// Steps between two checkpoints; `None`: ten over the run, and never fewer than one in 100 steps.
    pub checkpoint_every: Option<usize>,
    /// Minutes between two checkpoints at most, whatever the steps; 0 leaves it to the steps alone.
    pub checkpoint_minutes: f64,
    /// Steps between two measures of held-out loss; `None`: ten over the run.
    pub eval_every: Option<usize>,
    /// Measures of held-out loss in a row that may bring nothing better before the run ends early; `None`: never.
    pub patience: Option<usize>,
    /// How far held-out loss must fall below the best so far to count as better, in nats.
    pub min_delta: f64,
    /// How many prompts are answered at every measure: `sample_prompts` first, then held-out examples, one for each
    /// topic in turn.
    pub samples: usize,
    /// Prompts of the user's own, among those that are answered at every measure.
    pub sample_prompts: Vec<String>,
    /// Longest of those answers, in tokens.
    pub sample_tokens: usize,
    /// An adapter folder to start from.
    pub init_adapter: Option<PathBuf>,
    /// What the routers begin with; a method without router has no use for it.
    pub router_init: RouterInit,
    /// How sure of their topics routers are that begin with them: the fit's scores, which are near 1 for the topic of a
    /// token and near 0 for the others, are multiplied by it.
    pub router_strength: f64,
    /// Weight of a loss on routers that favour some heads, beside the predictions' own; 0 is without (the published form).
    pub balance_loss: f64,
    /// The routers' logits are divided by it before the softmax; 1 is the published form.
    pub gate_temperature: f64,
    /// Heads that get a gate at each token; `None`: all (the published form).
    pub top_k_heads: Option<usize>,
    /// Deviation of the normal numbers that every `B` begins with; 0 is the published form, with which an untrained adapter
    /// changes nothing.
    pub b_init: f64,
    /// Train and measure on the examples of this topic alone.
    pub only_topic: Option<String>,
}

/// Module names as a list, or `"all-linear"`.
fn targets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Target>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a list of modules such as [\"q_proj\", \"v_proj\"], or \"all-linear\"")]
    enum Targets {
        List(Vec<Target>),
        Word(String),
    }
    match Targets::deserialize(deserializer)? {
        Targets::List(list) => Ok(list),
        Targets::Word(word) if word == "all-linear" => Ok(Target::ALL.to_vec()),
        Targets::Word(word) => Err(D::Error::custom(format!("`{word}` is neither a list of modules nor all-linear"))),
    }
}

/// A whole number, or the same as text, where a file's numbers do not reach so far.
fn seed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a whole number from 0 up")]
    enum Seed {
        Number(u64),
        Text(String),
    }
    match Seed::deserialize(deserializer)? {
        Seed::Number(seed) => Ok(seed),
        Seed::Text(text) => {
            text.parse().map_err(|_| D::Error::custom(format!("`{text}` is no whole number from 0 to {}", u64::MAX)))
        }
    }
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            method: Method::HydraLora,
            rank: 8,
            heads: 3,
            alpha: None,
            dropout: 0.0,
            rslora: false,
            targets: Target::ALL.to_vec(),
            length: Length::Epochs(1.0),
            batch: 4,
            accumulate: 2,
            packing: true,
            context: 512,
            lr: 2e-4,
            schedule: Schedule::Cosine,
            warmup: 0.03,
            max_grad_norm: 1.0,
            weight_decay: 0.0,
            held_out: 0.05,
            seed: 42,
            device: DeviceChoice::Auto,
            base: BaseType::Stored,
            recompute: false,
            threads: None,
            checkpoint_every: None,
            checkpoint_minutes: 5.0,
            eval_every: None,
            patience: None,
            min_delta: 0.0,
            samples: 3,
            sample_prompts: Vec::new(),
            sample_tokens: 48,
            init_adapter: None,
            router_init: RouterInit::Random,
            router_strength: 4.0,
            balance_loss: 0.0,
            gate_temperature: 1.0,
            top_k_heads: None,
            b_init: 0.0,
            only_topic: None,
        }
    }
}

/// One head for each labelled topic, where the labels make a usable number of them: what `auto` means.
pub fn heads_for_topics(topics: usize) -> Option<usize> {
    Some(topics).filter(|topics| (2..=8).contains(topics))
}

impl TrainSettings {
    /// The adapter these settings describe.
    pub fn adapter_spec(&self) -> AdapterSpec {
        let mut targets = self.targets.clone();
        targets.sort();
        targets.dedup();
        AdapterSpec {
            method: self.method,
            rank: self.rank,
            heads: if self.method.is_single_head() { 1 } else { self.heads },
            alpha: self.alpha.unwrap_or(2.0 * self.rank as f64),
            dropout: self.dropout,
            rslora: self.rslora,
            gate_temperature: if self.method.has_router() { self.gate_temperature } else { 1.0 },
            top_k_heads: self.top_k_heads.filter(|_| self.method.has_router()),
            targets,
        }
    }

    /// Examples of one optimizer step.
    pub fn effective_batch(&self) -> usize {
        self.batch * self.accumulate
    }

    /// Optimizer steps for `examples` training examples.
    pub fn total_steps(&self, examples: usize) -> usize {
        match self.length {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => {
                let per_epoch = examples as f64 / self.effective_batch().max(1) as f64;
                ((per_epoch * epochs).ceil() as usize).max(1)
            }
        }
    }

    /// Steps between two measures of held-out loss in a run of `steps`.
    pub fn eval_interval(&self, steps: usize) -> usize {
        self.eval_every.unwrap_or(steps / 10).max(1)
    }

    /// Held-out examples that a measure takes in a run of `steps`, where there are as many: enough to tell, and so few that
    /// ten measures stay well below a fifth of the run's time.
    pub fn measured_examples(&self, steps: usize) -> usize {
        (steps * self.effective_batch() / TRAINED_PER_MEASURED).max(MEASURED_AT_LEAST)
    }

    /// Whether the routers begin with the topics of the data.
    pub fn starts_from_topics(&self) -> bool {
        self.router_init == RouterInit::Topics && self.method.has_router() && self.heads > 1
    }

    /// Refuses settings of the adapter's start and of its routers that make no sense.
    fn validate_start(&self) -> Result<(), String> {
        let numbers = [
            ("router-strength", self.router_strength, "2 to 8"),
            ("balance-loss", self.balance_loss, "0.001 to 0.05"),
            ("b-init", self.b_init, "0.001 to 0.02"),
        ];
        if let Some((name, value, usual)) =
            numbers.into_iter().find(|(_, value, _)| !(value.is_finite() && *value >= 0.0))
        {
            return Err(format!("{name} must be a number from 0 up, not {value}: {usual} is usual"));
        }
        if self.starts_from_topics() && self.init_adapter.is_some() {
            return Err(
                "an adapter to start from brings its own routers: leave out router-init, or init-adapter".into()
            );
        }
        Ok(())
    }

    /// Refuses settings that cannot be trained with; the message names the setting and its usual range.
    pub fn validate(&self) -> Result<(), String> {
        self.adapter_spec().validate()?;
        self.validate_start()?;
        let whole = [("batch", self.batch), ("accumulate", self.accumulate), ("context", self.context)];
        if let Some((name, _)) = whole.into_iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} must be at least 1"));
        }
        if let Some(threads) = self.threads.filter(|threads| !(1..=MAX_THREADS).contains(threads)) {
            return Err(format!(
                "{threads} threads cannot compute: use 1 to {MAX_THREADS}, or leave it out for all cores"
            ));
        }
        if self.context < 8 {
            return Err(format!("a context of {} tokens leaves nothing to learn: use 128 to 2048", self.context));
        }
        if !(self.lr.is_finite() && self.lr >= 0.0) {
            return Err(format!(
                "the learning rate must be a number from 0 up, not {}: 1e-4 to 1e-3 is usual",
                self.lr
            ));
        }
        if !(0.0..=1.0).contains(&self.warmup) {
            return Err(format!("warm-up is a share of all steps from 0 to 1, not {}", self.warmup));
        }
        if !(self.max_grad_norm.is_finite() && self.max_grad_norm >= 0.0) {
            return Err(format!("max-grad-norm must be a number from 0 up, not {}: 1 is usual", self.max_grad_norm));
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return Err(format!("weight decay must be a number from 0 up, not {}", self.weight_decay));
        }
        if !(0.0..0.9).contains(&self.held_out) {
            return Err(format!("the held-out share must be at least 0 and below 0.9, not {}", self.held_out));
        }
        if !(self.checkpoint_minutes.is_finite() && self.checkpoint_minutes >= 0.0) {
            return Err(format!("checkpoint-minutes must be a number from 0 up, not {}", self.checkpoint_minutes));
        }
        if self.patience == Some(0) {
            return Err("patience counts measures without anything better: use 1 or more, or leave it out".into());
        }
        if !(self.min_delta.is_finite() && self.min_delta >= 0.0) {
            return Err(format!("min-delta must be a number from 0 up, not {}", self.min_delta));
        }
        if self.sample_tokens == 0 {
            return Err("an answer needs at least one token: raise sample-tokens, or set samples to 0".into());
        }
        match self.length {
            Length::Steps(0) => Err("train for at least one step".into()),
            Length::Epochs(e) if !(e.is_finite() && e > 0.0) => {
                Err(format!("epochs must be a number above 0, not {e}: 1 to 3 is usual"))
            }
            _ => Ok(()),
        }
    }
}
