//! `hydra-studio inspect`: which head each token is routed to.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::columns::ColumnFlag;
use super::flags::named;
use super::output::{Outcome, Output};
use super::routing::{OfData, OfText};
use super::routing_csv;
use super::{open, training};
use crate::adapter::Adapter;
use crate::data::{Message, Role};
use crate::disk::write_atomic;
use crate::inspect::routing_of;
use crate::inspect::survey::survey;
use crate::model::BaseModel;
use crate::project::head_names;
use crate::train::{DeviceChoice, TrainSettings};

const LONG_ABOUT: &str = "\
Show which head each token is routed to.

Prints the mean gate of every head by layer or module, how evenly the heads are used and whether they are in good \
health, and for data what excites each head most and how topics share the heads, with their spread. That a head prefers \
a topic is said only where shuffled topics do not show as much (a permutation test, one false word in a hundred). \
Examples are read as `train` reads them, longer ones cut to the same context. With --json the numbers come unrounded, \
and for a prompt every token's gates in every module; --csv writes those of the tables to a file.";

const EXAMPLES: &str = "\
Examples:
  hydra-studio inspect --model smollm2.gguf --adapter runs/faq --prompt \"Do you deliver?\"
  hydra-studio inspect --model smollm2.gguf --adapter runs/faq --data faq.csv
  hydra-studio inspect --model smollm2.gguf --adapter runs/faq --data faq.csv --by topic --csv topics.csv";

/// What the tables go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    Topic,
    Layer,
    Module,
}

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

    /// Examples to route: files of rows or texts, or folders of them (the kinds are in `help import`)
    #[arg(long, value_name = "D", num_args = 1..)]
    pub data: Vec<PathBuf>,

    /// What the tables go by; topics need --data [default: layers, and topics where the data has them]
    #[arg(long, value_name = "topic|layer|module")]
    pub by: Option<By>,

    /// Write the numbers of the tables to a CSV file; for a prompt, with --by module, every gate of every token
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,

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
    let names = head_names(&args.adapter).unwrap_or_else(|error| {
        output.warn(&error.to_string());
        Vec::new()
    });
    if args.prompt.is_some() && args.by == Some(By::Topic) {
        bail!("a prompt has no topics: leave --by out, or name a layer or module table, or give --data");
    }
    let table = match &args.prompt {
        Some(prompt) => {
            let told = prompt_routing(prompt, &model, &adapter)?;
            told.tell(args.by, output);
            routing_csv::of_text(&told, args.by)
        }
        None => {
            let told = args.data_routing(&model, &adapter, names, output)?;
            told.tell(args.by, output);
            routing_csv::of_survey(told.survey(), args.by)
        }
    };
    if let Some(file) = &args.csv {
        write_atomic(file, table.as_bytes())?;
        output.note(&format!("Wrote the numbers to {}.", file.display()));
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
    fn data_routing(
        &self,
        model: &BaseModel,
        adapter: &Adapter,
        names: Vec<Option<String>>,
        output: &Output,
    ) -> anyhow::Result<OfData> {
        let context = TrainSettings::default().context.min(model.decoder.config().max_position);
        let import = training::read_examples(&self.data, &self.columns.column_map()?, output)?;
        let all: Vec<usize> = (0..import.examples.len()).collect();
        let survey = survey(model, adapter, &import.examples, &all, context, output.job())?;
        output.clear_progress();
        if survey.skipped > 0 {
            output.warn(&format!("{} examples were passed over: the chat template refuses them", survey.skipped));
        }
        Ok(OfData::new(survey, names))
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
        assert_eq!(parse("--data a.csv --by topic").unwrap().by, Some(By::Topic));
        assert!(parse("--data a.csv --by head").is_err());
    }
}
