//! `hydra-studio bench`: how fast this machine trains and answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use candle_core::Device;
use clap::Args;
use serde::Serialize;

use super::bench_table::{case_head, case_row, method_head, method_row};
use super::columns::ColumnFlag;
use super::flags::named;
use super::output::{Outcome, Output};
use super::training;
use crate::model::{BaseModel, BaseType, Decoder, ModelShape};
use crate::ops::ComputeThreads;
use crate::project::unpack_demo;
use crate::text::ChatTokenizer;
use crate::train::bench::{Bench, Case, Ceiling, load_average, threads};
use crate::train::{Dataset, DeviceChoice, TrainSettings, device_name, open_device};

const LONG_ABOUT: &str = "\
Measure how fast this machine trains and answers.

Each case is measured over some steps after a warm-up, and the median is told: tokens a second by the clock and of \
processor time, floating-point operations as a share of what this machine's matrix product reaches, the most memory \
held, and where the time went. Processor time is what to compare on a machine that does other things too.

Cases: 4x256 and 1x512, training on full rows of random tokens; packed and padded, training on examples (--data, or \
those that come with the program); decode and decode-adapter, 128 tokens of an answer; prefill, a prompt of 512.";

const EXAMPLES: &str = "\
Examples:
  hydra-studio bench --model SmolLM2-135M-Instruct
  hydra-studio bench --model smollm2.gguf --data faq.csv --only packed,padded --steps 20
  hydra-studio bench --shape tinyllama-1.1b --random --base q8_0 --only 4x256
  hydra-studio bench --shape smollm2-135m --random --methods";

/// Seeds random weights.
const SEED: u64 = 1;

/// What `bench` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Measure how fast this machine trains and answers")]
#[command(long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct BenchArgs {
    /// The base model: a Hugging Face folder or a .gguf file
    #[arg(long, value_name = "M")]
    pub model: Option<PathBuf>,

    #[arg(long, value_name = "NAME", conflicts_with = "model", requires = "random")]
    #[arg(help = format!("In place of --model: {}", ModelShape::ALL.map(ModelShape::name).join(", ")))]
    pub shape: Option<ModelShape>,

    /// Fill --shape with random weights; they are as fast as trained ones
    #[arg(long, conflicts_with = "model")]
    pub random: bool,

    /// Steps to measure [default: 5]
    #[arg(long, value_name = "S", default_value_t = 5, hide_default_value = true)]
    pub steps: usize,

    /// Examples for the cases packed and padded [default: those that come with the program]
    #[arg(long, value_name = "D", num_args = 1..)]
    pub data: Vec<PathBuf>,

    #[command(flatten)]
    pub columns: ColumnFlag,

    /// Compare the cost of LoRA, HydraLoRA, LoRA-Split and LoRA-MoE instead; --only adds cases to that
    #[arg(long)]
    pub methods: bool,

    #[arg(long, value_name = "TYPE")]
    #[arg(help = format!(
        "What the base model's matrices are kept in: {} [default: stored; of random ones bf16]",
        BaseType::ALL.map(BaseType::name).join(", ")
    ))]
    pub base: Option<BaseType>,

    /// Compute activations again in backward instead of keeping them
    #[arg(long)]
    pub recompute: bool,

    /// Threads to compute on [default: one for every core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,

    #[arg(long, value_name = "CASE,…", value_delimiter = ',')]
    #[arg(help = format!("Measure these cases only: {}", Case::ALL.map(Case::name).join(", ")))]
    pub only: Vec<Case>,

    /// Where to compute [default: auto]
    #[arg(long, value_name = "auto|cpu|cuda|metal", value_parser = named::<DeviceChoice>)]
    pub device: Option<DeviceChoice>,
}

/// The event `started`.
#[derive(Serialize)]
struct Started<'a> {
    model: &'a str,
    parameters: usize,
    /// Memory of the base model's matrices.
    weight_bytes: usize,
    /// What they are kept in, where it was asked for.
    base: BaseType,
    device: &'static str,
    threads: usize,
    settings: &'a TrainSettings,
}

/// The event `done`.
#[derive(Serialize)]
struct Ended {
    threads: usize,
    /// Over the last 1, 5 and 15 minutes.
    load_average: Option<[f64; 3]>,
}

/// Where the model that is measured comes from.
enum Source<'a> {
    Model(&'a Path),
    Random(ModelShape),
}

/// The model that is measured.
struct Subject {
    name: String,
    decoder: Arc<Decoder>,
    tokenizer: Result<ChatTokenizer, String>,
}

impl Subject {
    fn open(source: Source<'_>, base: BaseType, device: &Device, output: &Output) -> anyhow::Result<Self> {
        let subject = match source {
            Source::Model(path) => {
                let model = BaseModel::load_as(path, base, device, output.job())?;
                let tokenizer = model.tokenizer().cloned().map_err(|error| error.to_string());
                Self { name: model.name, decoder: model.decoder, tokenizer }
            }
            Source::Random(shape) => Self {
                name: format!("{shape}, random weights"),
                decoder: Arc::new(shape.random(base, SEED, device, output.job())?),
                tokenizer: Err("random weights have none".into()),
            },
        };
        output.clear_progress();
        Ok(subject)
    }
}

impl BenchArgs {
    /// The settings that every training case begins from. All that shapes a run beside them is put in here.
    fn settings(&self) -> TrainSettings {
        TrainSettings {
            device: self.device.unwrap_or_default(),
            base: self.base.unwrap_or_default(),
            recompute: self.recompute,
            threads: self.threads,
            held_out: 0.0,
            ..TrainSettings::default()
        }
    }

    fn cases(&self) -> Vec<Case> {
        match (self.only.is_empty(), self.methods) {
            (true, true) => Vec::new(),
            (true, false) => Case::ALL.to_vec(),
            (false, _) => Case::ALL.into_iter().filter(|case| self.only.contains(case)).collect(),
        }
    }

    /// What is to be measured. Errs where the flags name no model, or no step would be measured.
    fn source(&self) -> anyhow::Result<Source<'_>> {
        if self.steps == 0 {
            bail!("measure at least one step: give --steps 1 or more, 5 is usual");
        }
        match (&self.model, self.shape) {
            (Some(path), _) => Ok(Source::Model(path)),
            (None, Some(shape)) => Ok(Source::Random(shape)),
            (None, None) => bail!(
                "there is no model to measure: give --model with a Hugging Face folder or a .gguf file, or \
                 --shape NAME --random with one of {}",
                ModelShape::ALL.map(ModelShape::name).join(", ")
            ),
        }
    }

    /// The examples of the corpus cases.
    fn corpus(
        &self,
        tokenizer: &ChatTokenizer,
        settings: &TrainSettings,
        output: &Output,
    ) -> anyhow::Result<Arc<Dataset>> {
        let map = self.columns.column_map()?;
        let (data, _) = if self.data.is_empty() {
            let folder = tempfile::tempdir()?;
            let bundled = unpack_demo(folder.path())?.data;
            training::read_rows(&[bundled], &Default::default(), tokenizer, settings, output)?
        } else {
            training::read_rows(&self.data, &map, tokenizer, settings, output)?
        };
        Ok(Arc::new(data))
    }
}

/// Measures what is asked for, case by case.
pub fn run(args: &BenchArgs, output: &Output) -> anyhow::Result<Outcome> {
    args.settings().validate().map_err(anyhow::Error::msg)?;
    ComputeThreads::new(args.threads).run(|| measure(args, output))
}

fn measure(args: &BenchArgs, output: &Output) -> anyhow::Result<Outcome> {
    let source = args.source()?;
    let mut settings = args.settings();
    let device = open_device(settings.device)?;
    let subject = Subject::open(source, args.base.unwrap_or_default(), &device, output)?;
    let longest = subject.decoder.config().max_position;
    settings.context = settings.context.min(longest);
    tell_start(args, &subject, &settings, output);
    let ceiling = subject.decoder.device().is_cpu().then(|| Ceiling::measure(subject.decoder.config()));
    if let Some(ceiling) = &ceiling {
        output.event("ceiling", ceiling);
        let rate = ceiling.flops_per_s / 1e9;
        output.line(&format!("Matrix product: {rate:.1} GFLOP/s in f32, the ceiling of what follows."));
    }
    let bench = Bench {
        decoder: &subject.decoder,
        settings: &settings,
        steps: args.steps,
        ceiling: ceiling.map(|ceiling| ceiling.flops_per_s),
        job: output.job(),
    };
    measure_cases(args, &bench, &subject, output)?;
    if args.methods {
        measure_methods(&bench, output)?;
    }
    tell_end(output);
    Ok(Outcome::Done)
}

fn measure_cases(args: &BenchArgs, bench: &Bench<'_>, subject: &Subject, output: &Output) -> anyhow::Result<()> {
    let mut cases = args.cases();
    let mut corpus = None;
    if cases.iter().any(|case| case.needs_corpus()) {
        match &subject.tokenizer {
            Ok(tokenizer) => corpus = Some(args.corpus(tokenizer, bench.settings, output)?),
            Err(reason) => {
                output.warn(&format!("packed and padded are left out, since examples need a tokenizer: {reason}"));
                cases.retain(|case| !case.needs_corpus());
            }
        }
    }
    if !cases.is_empty() {
        output.line(&case_head());
    }
    for case in cases {
        let Some(figures) = bench.measure(case, corpus.as_ref())? else { continue };
        output.clear_progress();
        output.event("bench", &figures);
        output.line(&case_row(&figures));
    }
    Ok(())
}

fn measure_methods(bench: &Bench<'_>, output: &Output) -> anyhow::Result<()> {
    let methods = bench.methods()?;
    output.clear_progress();
    output.line(&method_head());
    for method in methods {
        output.event("method", &method);
        output.line(&method_row(&method));
    }
    Ok(())
}

fn tell_start(args: &BenchArgs, subject: &Subject, settings: &TrainSettings, output: &Output) {
    let decoder = &subject.decoder;
    let started = Started {
        model: &subject.name,
        parameters: decoder.config().parameters(),
        weight_bytes: decoder.weight_bytes(),
        base: args.base.unwrap_or_default(),
        device: device_name(decoder.device()),
        threads: threads(),
        settings,
    };
    let (millions, megabytes) = (started.parameters as f64 / 1e6, started.weight_bytes as f64 / 1e6);
    output.line(&format!(
        "{} on {}: {millions:.1} million parameters, its matrices kept in {megabytes:.0} MB.",
        started.model, started.device
    ));
    output.event("started", &started);
    let longest = decoder.config().max_position;
    if longest < 512 {
        output
            .warn(&format!("the model takes {longest} tokens at most: rows and prompts that are longer are cut to it"));
    }
}

fn tell_end(output: &Output) {
    let ended = Ended { threads: threads(), load_average: load_average() };
    let load = ended
        .load_average
        .map(|[one, five, fifteen]| format!(", load average {one:.2} {five:.2} {fifteen:.2} over 1, 5 and 15 minutes"));
    output.line(&format!("\n{} threads{}.", ended.threads, load.unwrap_or_default()));
    output.event("done", &ended);
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: BenchArgs,
    }

    fn parse(flags: &str) -> Result<BenchArgs, clap::Error> {
        let line = format!("bench {flags}");
        Line::try_parse_from(line.split_whitespace()).map(|line| line.bench)
    }

    #[test]
    fn without_a_model_the_message_names_both_ways_to_give_one() {
        let refusal = parse("").unwrap().source().map(|_| ()).unwrap_err().to_string();
        assert!(
            ["--model", "--shape", "--random", "smollm2-135m"].iter().all(|word| refusal.contains(word)),
            "{refusal}"
        );
        assert!(parse("--shape smollm2-135m --random").unwrap().source().is_ok());
        assert!(parse("--model m").unwrap().source().is_ok());
        assert!(parse("--model m --steps 0").unwrap().source().is_err());
        assert!(parse("--shape smollm2-135m").is_err(), "there are no weights to a shape alone");
        assert!(parse("--model m --shape smollm2-135m --random").is_err());
    }

    #[test]
    fn cases_are_all_or_those_named_and_methods_stand_in_for_them() {
        let cases = |flags: &str| parse(&format!("--model m {flags}")).unwrap().cases();
        assert_eq!(cases(""), Case::ALL);
        assert_eq!(cases("--only prefill,4x256"), ["4x256", "prefill"].map(|name| name.parse().unwrap()));
        assert_eq!(cases("--methods"), []);
        assert_eq!(cases("--methods --only decode"), [Case::Decode { adapted: false }]);
        assert!(parse("--model m --only 5x5").unwrap_err().to_string().contains("4x256, 1x512"));
    }
}
