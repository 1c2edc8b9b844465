//! `hydra-studio export`: an adapter leaves the program, re-read and verified.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::open;
use super::output::{Outcome, Output};
use crate::export::{ExportReport, ExportSource, export_hydralora};
use crate::model::BaseModel;
use crate::project::carry_head_names;
use crate::train::DeviceChoice;

const LONG_ABOUT: &str = "\
Write an adapter for use elsewhere.

What is written is read again and compared bit for bit before it is called saved. A run folder may stand for its \
adapter.";

const EXAMPLES: &str = "\
Example:
  hydra-studio export --model smollm2.gguf --adapter runs/faq --format hydralora --out faq";

/// The forms in which an adapter can leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A HydraLoRA folder: safetensors with the published tensor names, configuration, model card, tokenizer
    Hydralora,
}

/// What `export` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Write an adapter for use elsewhere", long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct ExportArgs {
    /// The base model the adapter was trained on: a Hugging Face folder or a .gguf file
    #[arg(long, value_name = "M")]
    pub model: PathBuf,

    /// The adapter: an adapter folder, a checkpoint, or a run folder
    #[arg(long, value_name = "A")]
    pub adapter: PathBuf,

    /// The form to write
    #[arg(long, value_name = "FORMAT")]
    pub format: ExportFormat,

    /// The folder to make; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// The event `done`: what was written.
#[derive(Serialize)]
struct DoneEvent<'a> {
    out: String,
    files: &'a [String],
    bytes: u64,
    /// Tensors read back and compared bit for bit.
    tensors: usize,
    verified: bool,
}

/// Writes the adapter in the form that was asked for.
pub fn run(args: &ExportArgs, output: &Output) -> anyhow::Result<Outcome> {
    // Nothing is computed, so that no device but the processor is needed.
    let model = open::model(&args.model, DeviceChoice::Cpu, output)?;
    let opened = open::adapter(&args.adapter, &model, output)?;
    let source = ExportSource { tensors: &opened.tensors, base_model: &model.name, card: &opened.card };
    let report = match args.format {
        ExportFormat::Hydralora => hydralora(args, source, &model, output)?,
    };
    output.clear_progress();
    let out = args.out.display().to_string();
    let ExportReport { files, bytes, tensors } = &report;
    output.line(&format!("{} files, {:.1} MB: {out}", files.len(), *bytes as f64 / 1e6));
    output.line(&format!("Read back and verified: {tensors} tensors, bit for bit."));
    output.event("done", DoneEvent { out, files, bytes: *bytes, tensors: *tensors, verified: true });
    Ok(Outcome::Done)
}

fn hydralora(
    args: &ExportArgs,
    source: ExportSource<'_>,
    model: &BaseModel,
    output: &Output,
) -> anyhow::Result<ExportReport> {
    let tokenizer = model.tokenizer();
    if let Err(error) = &tokenizer {
        output.warn(&format!("the adapter is exported without tokenizer files: {error}"));
    }
    let companions = |folder: &std::path::Path| {
        if let Ok(tokenizer) = &tokenizer {
            tokenizer.save(folder)?;
        }
        Ok(carry_head_names(&args.adapter, folder)?)
    };
    Ok(export_hydralora(&args.out, source, companions, output.job())?)
}
