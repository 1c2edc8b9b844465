//! `hydra-studio resume`: a run goes on from its last checkpoint.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::output::{Outcome, Output};
use super::{open, training};
use crate::data::ColumnMap;
use crate::project::runs::ResumePoint;
use crate::train::{DataRef, Dataset, Resumed, Run, RunFile, RunFolder};

const LONG_ABOUT: &str = "\
Go on with a run from its last checkpoint.

The run folder knows its model, data and settings; all three must still be where they were. On the CPU the resumed \
run equals one that was never broken off, bit for bit.";

const EXAMPLES: &str = "\
Example:
  hydra-studio resume runs/faq";

/// What `resume` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Go on with a run from its last checkpoint", long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct ResumeArgs {
    /// The run folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// Go on even where the run seems to need more memory than there is
    #[arg(long)]
    pub no_memory_check: bool,
}

/// Goes on with the run to its end.
pub fn run(args: &ResumeArgs, output: &Output) -> anyhow::Result<Outcome> {
    let (folder, file) = RunFolder::open(&args.run)?;
    for data in file.data.files() {
        data.check()?;
    }
    let model = open::model_as(&file.model.path, file.settings.base, file.settings.device, output)?;
    file.check_model(&model)?;
    let data = dataset(&file, &model, output)?;
    let (mut run, resumed) = Run::resume(model, Arc::new(data), &file, folder)?;
    if args.no_memory_check {
        run.skip_memory_check();
    }
    for checkpoint in &resumed.skipped {
        output.warn(&format!("a checkpoint could not be read, so the run goes on from an earlier one: {checkpoint}"));
    }
    if run.is_done() {
        output.note("This run was done already.");
    } else {
        let Resumed { from_step, to_repeat, .. } = resumed;
        output.note(&format!("{}.", ResumePoint { from_step, of_steps: file.steps, to_repeat }));
    }
    training::drive(run, output)
}

/// The data as the run began with it.
fn dataset(file: &RunFile, model: &crate::model::BaseModel, output: &Output) -> anyhow::Result<Dataset> {
    match &file.data {
        DataRef::Rows { files, columns } => {
            let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
            let map = ColumnMap::from_columns(columns);
            let tokenizer = model.tokenizer()?.with_clock(file.clock())?;
            Ok(training::read_rows(&paths, &map, &tokenizer, &file.settings, output)?.0)
        }
        DataRef::Tokens { file } => training::read_tokens(&file.path, model),
    }
}
