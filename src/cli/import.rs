//! `hydra-studio import`: what rows become examples, and why the others do not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::audit::{self, AuditFlags};
use super::columns::ColumnFlag;
use super::output::{Outcome, Output};
use crate::data::{self, DataError, EditLog, FileImport, Import, Sure};
use crate::disk::check_new_folder;
use crate::figures::{count, counted};
use crate::project::{EXAMPLES_FILE, QUARANTINE_FILE, save_dataset};

const LONG_ABOUT: &str = "\
Show what training would read from your files.

Tells which shape each file was recognised as, which column plays which part, how many rows can be used, and for each \
row that cannot its file, its line and the reason. With --audit also what is wrong with rows that can, and with a model \
what it will learn from them. Nothing is written, unless --save names a folder: `train` reads the same files in the same way.";

const EXAMPLES: &str = "\
Examples:
  hydra-studio import faq.csv
  hydra-studio import faq.csv --audit --model smollm2.gguf --context 512
  hydra-studio import shop.csv more.jsonl --map prompt=Question --map response=Answer";

/// What `import` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Show what training would read from your files", long_about = LONG_ABOUT)]
#[command(after_long_help = EXAMPLES)]
pub struct ImportArgs {
    /// .jsonl, .json, .csv, .tsv, .parquet, .xlsx, .txt or .md files, also as .gz or .zst, or folders with such files, or a dataset_info.json
    #[arg(value_name = "DATA", required = true)]
    pub data: Vec<PathBuf>,

    /// Write the examples to this new folder as messages JSONL with topic and source, and beside them the rows left out
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,

    #[command(flatten)]
    pub columns: ColumnFlag,

    #[command(flatten)]
    pub audit: AuditFlags,
}

/// The event `file`: how one file was read.
#[derive(Serialize)]
struct FileEvent<'a> {
    path: &'a Path,
    format: String,
    explanation: &'a str,
    /// `certain`, `likely` or `guess`.
    sure: Sure,
    columns: &'a [String],
    mapping: &'a BTreeMap<String, String>,
    rows: usize,
    kept: usize,
}

/// The event `dropped`: one row that cannot be used.
#[derive(Serialize)]
struct DroppedEvent<'a> {
    file: &'a str,
    line: usize,
    reason: &'a str,
}

/// The event `done`: the whole import.
#[derive(Serialize)]
struct DoneEvent<'a> {
    rows: usize,
    kept: usize,
    dropped: usize,
    /// The shape of all files, or `mixed`.
    format: String,
    /// Part to column where all files agree, else empty; the event `file` has each file's own.
    mapping: &'a BTreeMap<String, String>,
}

/// Reads the files and tells what was found.
pub fn run(args: &ImportArgs, output: &Output) -> anyhow::Result<Outcome> {
    let map = args.columns.column_map()?;
    if let Some(folder) = &args.save {
        check_new_folder(folder)?;
    }
    let import = data::import(&args.data, &map, output.job())?;
    if let Some(folder) = &args.save {
        save_dataset(folder, &import, &EditLog::new(import.examples.clone()), output.job())?;
    }
    output.clear_progress();
    for file in &import.files {
        tell_file(file, output);
    }
    tell_dropped(&import, output)?;
    if args.audit.audit {
        audit::run(&args.audit, &import, output)?;
    }
    if let Some(folder) = &args.save {
        output.line(&format!("\nWritten to {}: {EXAMPLES_FILE} and {QUARANTINE_FILE}.", folder.display()));
    }
    tell_sum(&import, output);
    Ok(Outcome::Done)
}

fn tell_file(file: &FileImport, output: &Output) {
    output.event(
        "file",
        FileEvent {
            path: &file.path,
            format: file.shape.to_string(),
            explanation: &file.explanation,
            sure: file.sure,
            columns: &file.columns,
            mapping: &file.mapping,
            rows: file.rows,
            kept: file.kept,
        },
    );
    output.line(&format!("{}: {} of {} kept", file.path.display(), count(file.kept), counted(file.rows, "row")));
    output.line(&format!("  {}", file.explanation));
}

fn tell_dropped(import: &Import, output: &Output) -> Result<(), DataError> {
    if !import.dropped.is_empty() {
        output.line("\nDropped:");
    }
    for dropped in import.dropped.iter() {
        let dropped = dropped?;
        let (source, reason) = (&dropped.source, dropped.reason.as_str());
        output.event("dropped", DroppedEvent { file: &source.file, line: source.line, reason });
        output.line(&format!("  {source}  {reason}"));
    }
    Ok(())
}

fn tell_sum(import: &Import, output: &Output) {
    let (kept, dropped) = (import.examples.len(), import.dropped.len());
    let none = BTreeMap::new();
    let first = import.files.first();
    let same_shape = first.filter(|first| import.files.iter().all(|file| file.shape == first.shape));
    let same_mapping = first.filter(|first| import.files.iter().all(|file| file.mapping == first.mapping));
    output.event(
        "done",
        DoneEvent {
            rows: import.rows,
            kept,
            dropped,
            format: same_shape.map_or_else(|| "mixed".to_owned(), |file| file.shape.to_string()),
            mapping: same_mapping.map_or(&none, |file| &file.mapping),
        },
    );
    output.line(&format!("\n{} of {} kept, {} dropped.", count(kept), counted(import.rows, "row"), count(dropped)));
}
