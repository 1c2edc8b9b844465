//! Writes the bundled examples, and the text that the bundled base model was pre-trained on.
//!
//! ```text
//! cargo run --example generate_sample_data                                 writes sample_data/examples.jsonl
//! cargo run --example generate_sample_data -- --pretrain corpus.jsonl      writes the pre-training rows
//! ```
//!
//! `corpus/` holds the words, the facts and the wordings; start at `corpus/mod.rs`.

mod corpus;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;

/// Writes the bundled examples, or the rows that the bundled base model is pre-trained on.
#[derive(Parser)]
struct Arguments {
    /// Where the examples go.
    #[arg(long, default_value = "sample_data/examples.jsonl")]
    out: PathBuf,
    /// Write pre-training rows to this file instead.
    #[arg(long)]
    pretrain: Option<PathBuf>,
    /// Number of pre-training rows.
    #[arg(long, default_value_t = corpus::PRETRAIN_ROWS)]
    rows: usize,
    /// Fixes every draw.
    #[arg(long, default_value_t = corpus::SEED)]
    seed: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let examples = corpus::examples(arguments.seed);
    match arguments.pretrain {
        Some(path) => write(&path, &corpus::pretrain(arguments.seed, arguments.rows, &examples)),
        None => write(&arguments.out, &examples),
    }
}

fn write(path: &Path, rows: &[corpus::Row]) -> Result<()> {
    let file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut file = BufWriter::new(file);
    for row in rows {
        writeln!(file, "{}", serde_json::to_string(row)?)?;
    }
    file.flush()?;
    eprintln!("{} rows: {}", rows.len(), path.display());
    Ok(())
}
