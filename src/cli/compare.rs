//! `hydra-studio compare`: several methods on the same data, one after another, and what came of each in one table.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::cluster::suited_heads;
use super::columns::ColumnFlag;
use super::compare_table::{head, row};
use super::flags::HeadCount;
use super::output::{Outcome, Output};
use super::settings_flags::{AdapterFlags, TrainingFlags, resolved};
use super::{open, training};
use crate::model::BaseModel;
use crate::project::comparison::Compared;
use crate::project::runs::RunEntry;
use crate::project::{Contender, Variant};
use crate::train::{DataRef, Dataset, FileRef, Run, RunFile, RunFolder, TrainSettings};

const LONG_ABOUT: &str = "\
Train several methods on the same data, and set them side by side.

Every method trains with the same data, seed, length, batch and context into a run folder of its own inside DIR; the \
table at the end tells what each trains, reaches and costs. A method that fails is told, and the others go on. Given \
the same command again after an interruption, runs that are done are kept and the one under way goes on.";

const EXAMPLES: &str = "\
Examples:
  hydra-studio compare --model SmolLM2-135M-Instruct --data faq.csv --out runs/methods
  hydra-studio compare --model smollm2.gguf --data faq.csv --out runs/two --methods hydralora,lora:16 --steps 300";

/// What `compare` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Train several methods and compare them", long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct CompareArgs {
    /// The base model: a Hugging Face folder (config.json, tokenizer.json, *.safetensors) or a .gguf file
    #[arg(long, value_name = "M")]
    pub model: PathBuf,

    /// The training data: files of rows or texts, or folders of them (the kinds are in `help import`)
    #[arg(long, value_name = "D", num_args = 1.., required = true)]
    pub data: Vec<PathBuf>,

    #[command(flatten)]
    pub columns: ColumnFlag,

    /// The folder that takes a run folder for each method
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// What is compared, each method with a rank of its own where it says one [default:
    /// hydralora,lora:8,lora:16,lora:32,lora-split,lora-moe,hydralora-uniform]
    #[arg(long, value_name = "NAME[:RANK],…", value_delimiter = ',')]
    pub methods: Vec<Contender>,

    /// A TOML file with settings; flags overrule it
    #[arg(long, value_name = "F.toml")]
    pub config: Option<PathBuf>,

    #[command(flatten, next_help_heading = "Adapter")]
    pub adapter: AdapterFlags,

    #[command(flatten, next_help_heading = "Training")]
    pub training: TrainingFlags,
}

/// The event `failed`: a method that came to no end, while the others go on.
#[derive(Serialize)]
struct Failed<'a> {
    run: String,
    method: &'a str,
    message: &'a str,
}

/// Trains every method and tells of all.
pub fn run(args: &CompareArgs, output: &Output) -> anyhow::Result<Outcome> {
    let mut settings = resolved(args.config.as_deref(), &args.adapter, &args.training)?;
    if settings.init_adapter.take().is_some() {
        output.warn("every method starts from a new adapter: the one to start from is passed over");
    }
    let model = open::model_as(&args.model, settings.base, settings.device, output)?;
    let longest = model.decoder.config().max_position;
    settings.context = settings.context.min(longest);
    let map = args.columns.column_map()?;
    let (data, files) = training::read_rows(&args.data, &map, model.tokenizer()?, &settings, output)?;
    let files = files.iter().map(|file| FileRef::of(file)).collect::<Result<_, _>>()?;
    if args.adapter.heads == Some(HeadCount::Auto) {
        settings.heads = suited_heads(&data, &args.data, &map, settings.seed, output)?;
    }
    let contest = Contest {
        model,
        data: Arc::new(data),
        data_ref: DataRef::Rows { files, columns: map.to_columns() },
        out: &args.out,
        output,
    };
    let contenders = if args.methods.is_empty() { Contender::ALL.to_vec() } else { args.methods.clone() };
    let mut variants: Vec<Variant> = Vec::new();
    for variant in contenders.into_iter().map(|contender| contender.variant(&settings)) {
        variant.settings.validate().map_err(anyhow::Error::msg)?;
        if variants.iter().all(|other| other.folder != variant.folder) {
            variants.push(variant);
        }
    }
    contest.hold(&variants)
}

/// What every method of a comparison is given.
struct Contest<'a> {
    model: Arc<BaseModel>,
    data: Arc<Dataset>,
    data_ref: DataRef,
    out: &'a Path,
    output: &'a Output,
}

impl Contest<'_> {
    fn hold(&self, variants: &[Variant]) -> anyhow::Result<Outcome> {
        let mut failures = 0;
        for (index, variant) in variants.iter().enumerate() {
            self.output.line(&format!("\n{} of {}: {}", index + 1, variants.len(), variant.title));
            match self.train(variant) {
                Ok(None) => {}
                Ok(Some(Outcome::Interrupted(message))) => {
                    self.tell(variants);
                    let again = "Give the same command again to go on with the comparison.";
                    return Ok(Outcome::Interrupted(format!("{message}\n{again}")));
                }
                Ok(Some(Outcome::Done)) => {}
                Err(error) if self.output.job().is_cancelled() => return Err(error),
                Err(error) => {
                    failures += 1;
                    let message = format!("{error:#}");
                    let run = self.out.join(&variant.folder).display().to_string();
                    self.output.clear_progress();
                    self.output.note(&format!("{} failed: {message}", variant.title));
                    self.output
                        .event("failed", Failed { run, method: variant.settings.method.name(), message: &message });
                }
            }
        }
        self.tell(variants);
        if failures > 0 {
            anyhow::bail!("{failures} of {} methods failed; what was said of each names the cause", variants.len());
        }
        Ok(Outcome::Done)
    }

    /// Takes the run of a variant to its end: a new one, or the one that an earlier call left. Gives what there is to say
    /// where Ctrl-C ended it before.
    fn train(&self, variant: &Variant) -> anyhow::Result<Option<Outcome>> {
        let out = self.out.join(&variant.folder);
        let (model, data) = (self.model.clone(), self.data.clone());
        let mut run = match RunFile::read(&out) {
            Ok(file) => {
                self.check_same(&file, &variant.settings)?;
                let (folder, file) = RunFolder::open(&out)?;
                Run::resume(model, data, &file, folder)?.0
            }
            Err(_) => Run::start(model, data, variant.settings.clone(), self.data_ref.clone(), &out)?,
        };
        if run.is_done() {
            self.output.note("This run was done already.");
            return Ok(None);
        }
        training::advance(&mut run, self.output)
    }

    /// Errs where the run that is there is not the one that is asked for.
    fn check_same(&self, file: &RunFile, settings: &TrainSettings) -> anyhow::Result<()> {
        file.check_model(&self.model)?;
        if file.settings != *settings || file.data != self.data_ref {
            anyhow::bail!("the folder holds a run with other settings or data: give another --out");
        }
        Ok(())
    }

    /// Tells what came of every run that has a folder.
    fn tell(&self, variants: &[Variant]) {
        let entries = variants.iter().filter_map(|variant| RunEntry::read(&self.out.join(&variant.folder)).ok());
        let runs: Vec<Compared> = entries.map(|entry| Compared::of(&entry)).collect();
        if runs.is_empty() {
            return;
        }
        self.output.line(&head());
        for run in &runs {
            self.output.event("compared", run);
            self.output.line(&row(run, &runs));
        }
        self.output.line("\n* the best of its column");
    }
}
