//! The flags of `train` that are settings. They overrule the settings file, and that the defaults.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::flags::{HeadCount, Targets, help, named};
use crate::adapter::{Method, Target};
use crate::model::BaseType;
use crate::train::{DeviceChoice, Length, RouterInit, Schedule, TrainSettings, read_settings};

/// The settings that flags and file overrule; the only place where defaults stand.
pub(super) fn default() -> TrainSettings {
    TrainSettings::default()
}

/// What is trained.
#[derive(Args, Clone, Debug)]
pub struct AdapterFlags {
    #[arg(long, value_name = "NAME")]
    #[arg(help = help(&format!("The method: {}", Method::ALL.map(Method::name).join(", ")), default().method))]
    pub method: Option<Method>,

    #[arg(long, value_name = "R")]
    #[arg(help = help("Inner size of the adapter's matrices; 4 to 64 is usual", default().rank))]
    pub rank: Option<usize>,

    #[arg(long, value_name = "N|auto")]
    #[arg(help = help("Number of heads the router mixes, or auto: one for each labelled topic, else as many as `cluster` advises", default().heads))]
    pub heads: Option<HeadCount>,

    /// How strongly the adapter acts: its sum is scaled by alpha / rank [default: twice the rank]
    #[arg(long, value_name = "A")]
    pub alpha: Option<f64>,

    #[arg(long, value_name = "P")]
    #[arg(help = help("Share of the adapter's input that is zeroed at random while training", default().dropout))]
    pub dropout: Option<f64>,

    /// Scale by alpha / √rank instead of alpha / rank (rsLoRA)
    #[arg(long)]
    pub rslora: bool,

    #[arg(long, value_name = "LIST|all-linear")]
    #[arg(help = help(&format!("What is adapted: {}", Target::ALL.map(Target::name).join(",")), "all-linear"))]
    pub targets: Option<Targets>,

    /// An adapter folder or run folder to start from; its method, rank, heads, alpha and targets hold
    #[arg(long, value_name = "DIR")]
    pub init_adapter: Option<PathBuf>,

    /// What the routers begin with: random numbers as published, or a fit of the topics that the data labels
    /// [default: random]
    #[arg(long, value_name = "random|topics", value_parser = named::<RouterInit>)]
    pub router_init: Option<RouterInit>,

    #[arg(long, value_name = "S")]
    #[arg(help = help("How sure routers that begin with topics are of them; 2 to 8 is usual", default().router_strength))]
    pub router_strength: Option<f64>,

    #[arg(long, value_name = "W")]
    #[arg(help = help("Weight of a loss on routers that favour some heads; 0.001 to 0.05 is usual, 0 is off", default().balance_loss))]
    pub balance_loss: Option<f64>,

    #[arg(long, value_name = "T")]
    #[arg(help = help("Below 1 the leading head gets more of each token, above 1 all come closer", default().gate_temperature))]
    pub gate_temperature: Option<f64>,

    /// Heads that share each token, those the router likes best [default: all]
    #[arg(long, value_name = "K")]
    pub top_k_heads: Option<usize>,

    #[arg(long, value_name = "D")]
    #[arg(help = help("Deviation of the random numbers that every head begins with; 0 changes nothing at first", default().b_init))]
    pub b_init: Option<f64>,
}

/// How it is trained.
#[derive(Args, Clone, Debug)]
pub struct TrainingFlags {
    /// Passes over the training examples [default: 1]
    #[arg(long, value_name = "E", conflicts_with = "steps")]
    pub epochs: Option<f64>,

    /// Optimizer steps, in place of --epochs
    #[arg(long, value_name = "S")]
    pub steps: Option<usize>,

    #[arg(long, value_name = "B")]
    #[arg(help = help("Rows computed at once, of one example each or packed; fewer need less memory", default().batch))]
    pub batch: Option<usize>,

    #[arg(long, value_name = "K")]
    #[arg(help = help("Each optimizer step takes K × B examples; more need no more memory", default().accumulate))]
    pub accumulate: Option<usize>,

    #[arg(long, value_name = "T")]
    #[arg(help = help("Longest example in tokens; longer ones are cut, and counted", default().context))]
    pub context: Option<usize>,

    #[arg(long, value_name = "LR")]
    #[arg(help = help("Highest learning rate; 1e-4 to 1e-3 is usual", default().lr))]
    pub lr: Option<f64>,

    /// How the learning rate falls after warm-up [default: cosine]
    #[arg(long, value_name = "cosine|linear|constant", value_parser = named::<Schedule>)]
    pub schedule: Option<Schedule>,

    #[arg(long, value_name = "F")]
    #[arg(help = help("Share of all steps over which the learning rate rises; 0 for none", default().warmup))]
    pub warmup: Option<f64>,

    #[arg(long, value_name = "G")]
    #[arg(help = help("Gradients are scaled down to this norm; 0 for never", default().max_grad_norm))]
    pub max_grad_norm: Option<f64>,

    #[arg(long, value_name = "W")]
    #[arg(help = help("AdamW's weight decay", default().weight_decay))]
    pub weight_decay: Option<f64>,

    #[arg(long, value_name = "F")]
    #[arg(help = help("Share of the examples kept out of training, to measure on", default().held_out))]
    pub held_out: Option<f64>,

    /// Train and measure on the examples of this topic alone
    #[arg(long, value_name = "TOPIC")]
    pub only_topic: Option<String>,

    #[arg(long, value_name = "S")]
    #[arg(help = help("Fixes start, split, order and dropout: the same seed, the same adapter", default().seed))]
    pub seed: Option<u64>,

    /// Where to compute [default: auto]
    #[arg(long, value_name = "auto|cpu|cuda|metal", value_parser = named::<DeviceChoice>)]
    pub device: Option<DeviceChoice>,

    /// What the base model's matrices are kept in; fewer bits need less memory [default: stored, as the file has them]
    #[arg(long, value_name = "stored|f32|f16|bf16|q8_0")]
    pub base: Option<BaseType>,

    /// Compute activations again in backward instead of keeping them: far less memory, about a third more time
    #[arg(long)]
    pub recompute: bool,

    /// Threads to compute on [default: one for every core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,

    /// Compute each example in a row of its own, filled up to the longest of its batch, instead of packing short ones
    /// into rows of the context's length; slower, and the same but for rounding
    #[arg(long)]
    pub no_packing: bool,

    /// Steps between two checkpoints [default: ten over the run, at least one in 100 steps]
    #[arg(long, value_name = "S")]
    pub checkpoint_every: Option<usize>,

    #[arg(long, value_name = "M")]
    #[arg(help = help("Minutes between two checkpoints at most; 0 for by steps alone", default().checkpoint_minutes))]
    pub checkpoint_minutes: Option<f64>,

    /// Steps between two measures of the held-out loss [default: ten over the run]
    #[arg(long, value_name = "S")]
    pub eval_every: Option<usize>,

    /// End the run once this many measures in a row brought no lower held-out loss [default: never]
    #[arg(long, value_name = "N")]
    pub patience: Option<usize>,

    #[arg(long, value_name = "D")]
    #[arg(help = help("How far held-out loss must fall to count as lower, with --patience", default().min_delta))]
    pub min_delta: Option<f64>,

    #[arg(long, value_name = "N")]
    #[arg(help = help("Prompts answered at every measure, of held-out examples but for --sample-prompt", default().samples))]
    pub samples: Option<usize>,

    /// A prompt to answer at every measure; may be given several times
    #[arg(long = "sample-prompt", value_name = "TEXT")]
    pub sample_prompts: Vec<String>,

    #[arg(long, value_name = "N")]
    #[arg(help = help("Longest of those answers, in tokens", default().sample_tokens))]
    pub sample_tokens: Option<usize>,
}

/// Puts a flag in a setting's place where the flag was given.
fn put<T>(setting: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *setting = value;
    }
}

impl AdapterFlags {
    pub(super) fn overrule(self, settings: &mut TrainSettings) {
        put(&mut settings.method, self.method);
        put(&mut settings.rank, self.rank);
        if let Some(HeadCount::Exactly(heads)) = self.heads {
            settings.heads = heads;
        }
        put(&mut settings.dropout, self.dropout);
        put(&mut settings.targets, self.targets.map(|targets| targets.0));
        settings.rslora |= self.rslora;
        settings.alpha = self.alpha.or(settings.alpha);
        settings.init_adapter = self.init_adapter.or(settings.init_adapter.take());
        put(&mut settings.router_init, self.router_init);
        put(&mut settings.router_strength, self.router_strength);
        put(&mut settings.balance_loss, self.balance_loss);
        put(&mut settings.gate_temperature, self.gate_temperature);
        settings.top_k_heads = self.top_k_heads.or(settings.top_k_heads);
        put(&mut settings.b_init, self.b_init);
    }
}

impl TrainingFlags {
    pub(super) fn overrule(&self, settings: &mut TrainSettings) {
        put(&mut settings.length, self.steps.map(Length::Steps).or(self.epochs.map(Length::Epochs)));
        put(&mut settings.batch, self.batch);
        put(&mut settings.accumulate, self.accumulate);
        settings.packing &= !self.no_packing;
        put(&mut settings.context, self.context);
        put(&mut settings.lr, self.lr);
        put(&mut settings.schedule, self.schedule);
        put(&mut settings.warmup, self.warmup);
        put(&mut settings.max_grad_norm, self.max_grad_norm);
        put(&mut settings.weight_decay, self.weight_decay);
        put(&mut settings.held_out, self.held_out);
        settings.only_topic = self.only_topic.clone().or(settings.only_topic.take());
        put(&mut settings.seed, self.seed);
        put(&mut settings.device, self.device);
        put(&mut settings.base, self.base);
        settings.recompute |= self.recompute;
        settings.threads = self.threads.or(settings.threads);
        settings.checkpoint_every = self.checkpoint_every.or(settings.checkpoint_every);
        put(&mut settings.checkpoint_minutes, self.checkpoint_minutes);
        settings.eval_every = self.eval_every.or(settings.eval_every);
        settings.patience = self.patience.or(settings.patience);
        put(&mut settings.min_delta, self.min_delta);
        put(&mut settings.samples, self.samples);
        put(&mut settings.sample_tokens, self.sample_tokens);
        if !self.sample_prompts.is_empty() {
            settings.sample_prompts.clone_from(&self.sample_prompts);
        }
    }
}

/// The settings that flags ask for: they overrule those of the `config` file, and it the defaults. Errs when the file
/// cannot be read, names a setting that does not exist, or the result cannot be trained with.
pub(super) fn resolved(
    config: Option<&Path>,
    adapter: &AdapterFlags,
    training: &TrainingFlags,
) -> anyhow::Result<TrainSettings> {
    let mut settings = match config {
        Some(file) => read_settings(file).with_context(|| format!("--config {} was refused", file.display()))?,
        None => default(),
    };
    adapter.clone().overrule(&mut settings);
    training.overrule(&mut settings);
    settings.validate().map_err(anyhow::Error::msg)?;
    Ok(settings)
}
