//! `hydra-studio pretrain`: a small base model from scratch. The demo's model was made so.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::columns::ColumnFlag;
use super::flags::help;
use super::output::{Outcome, Output};
use crate::data;
use crate::train::StepRecord;
use crate::train::pretrain::{PretrainSettings, pretrain};

const LONG_ABOUT: &str = "\
Train a small base model from scratch.

Learns a tokenizer from the examples, then every weight of a small model of the Llama family, and writes both as a \
Hugging Face folder that the other commands take as --model. This is how the demo's model was made, with the defaults; it runs on the \
processor, which serves for models of a few million weights.

Examples are conversations in any shape that `train` reads, or running text in a column called `text`. Every token \
counts in the loss.";

const EXAMPLES: &str = "\
Example:
  hydra-studio pretrain --data corpus.jsonl --out tiny-model --layers 6 --hidden 192 --attention-heads 6 --kv-heads 3";

/// The sizes and settings that flags overrule; the only place where defaults stand.
fn default() -> PretrainSettings {
    PretrainSettings::default()
}

/// What `pretrain` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Train a small base model from scratch", long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct PretrainArgs {
    /// The training data: files of rows or texts, or folders of them (the kinds are in `help import`)
    #[arg(long, value_name = "D", num_args = 1.., required = true)]
    pub data: Vec<PathBuf>,

    #[command(flatten)]
    pub columns: ColumnFlag,

    /// The model folder to make; it must not exist, or be empty
    #[arg(long, value_name = "M")]
    pub out: PathBuf,

    #[command(flatten, next_help_heading = "Model")]
    pub model: ModelFlags,

    #[command(flatten, next_help_heading = "Training")]
    pub training: PretrainingFlags,
}

/// The size of the model.
#[derive(Args, Clone, Debug)]
pub struct ModelFlags {
    #[arg(long, value_name = "V")]
    #[arg(help = help("Tokens in the vocabulary, at most", default().vocab))]
    pub vocab: Option<usize>,

    #[arg(long, value_name = "L")]
    #[arg(help = help("Decoder layers", default().layers))]
    pub layers: Option<usize>,

    #[arg(long, value_name = "H")]
    #[arg(help = help("Width of the model; an even multiple of the attention heads", default().hidden))]
    pub hidden: Option<usize>,

    #[arg(long, value_name = "N")]
    #[arg(help = help("Attention heads of a layer", default().heads))]
    pub attention_heads: Option<usize>,

    #[arg(long, value_name = "N")]
    #[arg(help = help("Key and value heads of a layer; the attention heads are a multiple of them", default().kv_heads))]
    pub kv_heads: Option<usize>,

    #[arg(long, value_name = "F")]
    #[arg(help = help("Width inside the feed-forward block", default().intermediate))]
    pub intermediate: Option<usize>,
}

/// How it is trained.
#[derive(Args, Clone, Debug)]
pub struct PretrainingFlags {
    #[arg(long, value_name = "T")]
    #[arg(help = help("Tokens of one row of training text", default().context))]
    pub context: Option<usize>,

    #[arg(long, value_name = "S")]
    #[arg(help = help("Optimizer steps", default().steps))]
    pub steps: Option<usize>,

    #[arg(long, value_name = "B")]
    #[arg(help = help("Rows of one step", default().batch))]
    pub batch: Option<usize>,

    #[arg(long, value_name = "LR")]
    #[arg(help = help("Highest learning rate", default().lr))]
    pub lr: Option<f64>,

    #[arg(long, value_name = "S")]
    #[arg(help = help("Fixes the start and the order: the same seed gives the same model", default().seed))]
    pub seed: Option<u64>,
}

impl PretrainArgs {
    fn settings(&self) -> PretrainSettings {
        let (model, training, default) = (&self.model, &self.training, default());
        PretrainSettings {
            vocab: model.vocab.unwrap_or(default.vocab),
            hidden: model.hidden.unwrap_or(default.hidden),
            intermediate: model.intermediate.unwrap_or(default.intermediate),
            layers: model.layers.unwrap_or(default.layers),
            heads: model.attention_heads.unwrap_or(default.heads),
            kv_heads: model.kv_heads.unwrap_or(default.kv_heads),
            context: training.context.unwrap_or(default.context),
            batch: training.batch.unwrap_or(default.batch),
            steps: training.steps.unwrap_or(default.steps),
            lr: training.lr.unwrap_or(default.lr),
            seed: training.seed.unwrap_or(default.seed),
        }
    }
}

/// The event `started`.
#[derive(Serialize)]
struct Started {
    out: String,
    examples: usize,
    dropped: usize,
    steps: usize,
}

/// The event `done`.
#[derive(Serialize)]
struct Ended {
    out: String,
    steps: usize,
    /// Loss of the last step, in nats a token.
    loss: f64,
    elapsed_s: f64,
}

/// Trains the model and writes its folder.
pub fn run(args: &PretrainArgs, output: &Output) -> anyhow::Result<Outcome> {
    let settings = args.settings();
    let import = data::import_with_texts(&args.data, &args.columns.column_map()?, output.job())?;
    output.clear_progress();
    let (examples, dropped) = (import.examples.len(), import.dropped.len());
    let out = args.out.display().to_string();
    output.line(&format!("{examples} examples, {dropped} rows dropped; {} steps.", settings.steps));
    output.event("started", Started { out: out.clone(), examples, dropped, steps: settings.steps });
    let mut last = None;
    let told = |record: &StepRecord| {
        output.event("step", record);
        super::training::show_step(record, output);
        last = Some(record.clone());
    };
    pretrain(&import.examples, &settings, &args.out, output.job(), told)?;
    output.clear_progress();
    let (loss, elapsed_s) = last.map_or((f64::NAN, 0.0), |record| (record.loss, record.elapsed_s));
    output.line(&format!("Loss of the last step: {loss:.4}. The model is in {out}"));
    output.event("done", Ended { out, steps: settings.steps, loss, elapsed_s });
    Ok(Outcome::Done)
}
