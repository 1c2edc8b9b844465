//! `hydra-studio inspect`: which head each token is routed to.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::columns::ColumnFlag;
use super::flags::named;
use super::output::{Outcome, Output};
use super::routing::{ByTopic, OfText};
use super::{open, training};
use crate::adapter::Adapter;
use crate::data::{Message, Role};
use crate::inspect::{routing_of, topic_loads};
use crate::model::BaseModel;
use crate::train::{DeviceChoice, Row, TrainSettings};

const LONG_ABOUT: &str = "\
Show which head each token is routed to.

Prints the mean gate of every head by layer and module, how evenly the heads are used, and where the data has \
labels, which label goes to which head. Examples are read as `train` reads them, longer ones cut to the same context. \
With --json the numbers come unrounded, and for a prompt every token's gates in every module.";

const EXAMPLES: &str = "\
Examples:
  hydra-studio inspect --model smollm2.gguf --adapter runs/faq --prompt \"Do you deliver?\"
  hydra-studio inspect --model smollm2.gguf --adapter runs/faq --data faq.csv";

/// What `inspect` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Show which head each token is routed to", long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct InspectArgs {
    /// The base model: a Hugging Face folder or a .gguf file
    #[arg(long, value_name = "M")]
    pub model: PathBuf,

    /// The adapter: an adapter folder, a checkpoint, or a run folder
    #[arg(long, value_name = "A")]
    pub adapter: PathBuf,

    /// A text to route, put into the model's chat template
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    #[arg(required_unless_present = "data", conflicts_with = "data")]
    pub prompt: Option<String>,

    /// Examples to route: .jsonl, .json or .csv files
    #[arg(long, value_name = "D", num_args = 1..)]
    pub data: Vec<PathBuf>,

    #[command(flatten)]
    pub columns: ColumnFlag,

    /// Where to compute [default: auto]
    #[arg(long, value_name = "auto|cpu|cuda|metal", value_parser = named::<DeviceChoice>)]
    pub device: Option<DeviceChoice>,
}

/// Routes the prompt or the examples and tells which head took what.
pub fn run(args: &InspectArgs, output: &Output) -> anyhow::Result<Outcome> {
    let model = open::model(&args.model, args.device.unwrap_or_default(), output)?;
    let adapter = open::adapter(&args.adapter, &model, output)?.adapter;
    let method = adapter.spec().method;
    if !method.has_router() {
        bail!("the method {method} has no router: its heads take every token alike, so there is nothing to show");
    }
    match &args.prompt {
        Some(prompt) => prompt_routing(prompt, &model, &adapter)?.tell(output),
        None => args.data_routing(&model, &adapter, output)?.tell(output),
    }
    Ok(Outcome::Done)
}

fn prompt_routing(prompt: &str, model: &BaseModel, adapter: &Adapter) -> anyhow::Result<OfText> {
    let tokenizer = model.tokenizer()?;
    let ids = tokenizer.encode_prompt(&[Message { role: Role::User, content: prompt.to_owned() }])?;
    let longest = model.decoder.config().max_position;
    if ids.len() > longest {
        bail!("the prompt has {} tokens, the model takes {longest} at most: shorten it", ids.len());
    }
    let texts = tokenizer.token_texts(&ids)?;
    Ok(OfText::new(&ids, texts, &routing_of(&model.decoder, adapter, &ids)?))
}

impl InspectArgs {
    fn data_routing(&self, model: &BaseModel, adapter: &Adapter, output: &Output) -> anyhow::Result<ByTopic> {
        let longest = model.decoder.config().max_position;
        let defaults = TrainSettings::default();
        let settings = TrainSettings { held_out: 0.0, context: defaults.context.min(longest), ..defaults };
        let (data, _) =
            training::read_rows(&self.data, &self.columns.column_map()?, model.tokenizer()?, &settings, output)?;
        let rows: Vec<&Row> = data.train.iter().collect();
        let loads = topic_loads(&model.decoder, adapter, &rows, &data.topics, output.job())?;
        output.clear_progress();
        Ok(ByTopic::new(adapter.spec().heads, &loads))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        inspect: InspectArgs,
    }

    #[test]
    fn a_prompt_or_data_is_needed_and_not_both() {
        let parse = |flags: &str| {
            let line = format!("inspect --model m --adapter a {flags}");
            Line::try_parse_from(line.split_whitespace()).map(|line| line.inspect)
        };
        assert!(parse("").is_err());
        assert!(parse("--prompt Hi --data a.csv").is_err());
        assert_eq!(parse("--prompt Hi").unwrap().prompt.as_deref(), Some("Hi"));
        assert_eq!(parse("--data a.csv b.csv").unwrap().data.len(), 2);
    }
}
