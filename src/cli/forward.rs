//! `hydra-studio forward`: logits and gates for given tokens, to check one program against another.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::flags::named;
use super::open;
use super::output::{Outcome, Output};
use crate::inspect::write_forward;
use crate::train::{DeviceChoice, token_file};

const LONG_ABOUT: &str = "\
Compute logits for given tokens, and with an adapter every gate.

This is for checking the model against another program. The output file holds `logits` [n, t, vocab] in f32 and, \
with an adapter, `gates.<module>` [n, t, heads] for each adapted module. Every row is computed whole and by itself, so \
tokens behind the end of a text change nothing before them.";

const EXAMPLES: &str = "\
Example:
  hydra-studio forward --model smollm2.gguf --adapter runs/faq --tokens t.safetensors --out o.safetensors";

/// What `forward` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Compute logits and gates for given tokens", long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct ForwardArgs {
    /// The base model: a Hugging Face folder or a .gguf file
    #[arg(long, value_name = "M")]
    pub model: PathBuf,

    /// An adapter folder or a run folder; without it the base model computes alone
    #[arg(long, value_name = "A")]
    pub adapter: Option<PathBuf>,

    /// A safetensors file with `input_ids` [n, t] (i64)
    #[arg(long, value_name = "F.safetensors")]
    pub tokens: PathBuf,

    /// The safetensors file to write; one that is there is replaced when the new one is whole
    #[arg(long, value_name = "O.safetensors")]
    pub out: PathBuf,

    /// Where to compute [default: auto]
    #[arg(long, value_name = "auto|cpu|cuda|metal", value_parser = named::<DeviceChoice>)]
    pub device: Option<DeviceChoice>,
}

/// The event `done`: what was written.
#[derive(Serialize)]
struct DoneEvent {
    out: String,
    rows: usize,
    tokens: usize,
    vocab: usize,
    /// Adapted modules, each with its gates.
    modules: usize,
}

/// Computes every row and writes the file.
pub fn run(args: &ForwardArgs, output: &Output) -> anyhow::Result<Outcome> {
    let model = open::model(&args.model, args.device.unwrap_or_default(), output)?;
    let config = model.decoder.config();
    let rows = token_file::read(&args.tokens, config.vocab, false)?;
    let width = open::row_width(&rows, &args.tokens, config)?;
    let opened = args.adapter.as_ref().map(|path| open::adapter(path, &model, output)).transpose()?;
    let adapter = opened.as_ref().map(|opened| &opened.adapter);
    write_forward(&model.decoder, adapter, &rows, &args.out, output.job())?;
    let modules = adapter.map_or(0, |adapter| adapter.modules().count());
    let out = args.out.display().to_string();
    output.line(&format!("Logits of {} rows of {width} tokens, and gates of {modules} modules: {out}", rows.len()));
    output.event("done", DoneEvent { out, rows: rows.len(), tokens: width, vocab: config.vocab, modules });
    Ok(Outcome::Done)
}
