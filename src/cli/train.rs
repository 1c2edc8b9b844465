//! `hydra-studio train`: a run from data to adapter.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::cluster::suited_heads;
use super::columns::ColumnFlag;
use super::flags::HeadCount;
use super::output::{Outcome, Output};
use super::settings_flags::{AdapterFlags, TrainingFlags, resolved};
use super::{open, too_large, training};
use crate::model::BaseModel;
use crate::train::{DataRef, Dataset, FileRef, MemoryCheck, Run, RunFolder, TrainSettings, write_settings};

const LONG_ABOUT: &str = "\
Train an adapter.

Reads the examples, holds some of them out, and trains a small adapter on top of the base model, which itself stays \
as it is. The run folder takes everything: the settings, a line for each step, checkpoints to go on from, and the \
adapter. Ctrl-C saves a checkpoint first; `hydra-studio resume RUN` goes on from there.";

const EXAMPLES: &str = "\
Examples:
  hydra-studio train --model SmolLM2-135M-Instruct --data faq.csv --out runs/faq
  hydra-studio train --model smollm2.gguf --data a.jsonl b.jsonl --out runs/two --heads 4 --steps 300
  hydra-studio train --model smollm2.gguf --data faq.csv --out runs/lora --config shop.toml

A settings file holds the same settings by name, and flags overrule it:
  rank = 16
  heads = 4
  lr = 1e-4
  epochs = 2
  targets = [\"q_proj\", \"v_proj\"]";

/// What `train` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Train an adapter", long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct TrainArgs {
    /// The base model: a Hugging Face folder (config.json, tokenizer.json, *.safetensors) or a .gguf file
    #[arg(long, value_name = "M")]
    pub model: PathBuf,

    /// The training data: files of rows or texts, or folders of them (the kinds are in `help import`)
    #[arg(long, value_name = "D", num_args = 1.., required_unless_present = "tokens")]
    pub data: Vec<PathBuf>,

    #[command(flatten)]
    pub columns: ColumnFlag,

    /// The run folder to make; it must not exist, or be empty
    #[arg(long, value_name = "RUN")]
    pub out: PathBuf,

    /// A TOML file with settings, or a run folder or its run.json to take them from; flags overrule it
    #[arg(long, value_name = "F.toml|RUN")]
    pub config: Option<PathBuf>,

    /// Write the settings that file and flags come to, for --config and for the window, and train nothing
    #[arg(long, value_name = "F.toml")]
    pub save_config: Option<PathBuf>,

    /// Train on a safetensors file with `input_ids` and `labels` [n, t] (i64, -100 = not supervised) instead of --data
    #[arg(long, value_name = "F.safetensors")]
    pub tokens: Option<PathBuf>,

    /// Start even where the run seems to need more memory than there is
    #[arg(long)]
    pub no_memory_check: bool,

    #[command(flatten, next_help_heading = "Adapter")]
    pub adapter: AdapterFlags,

    #[command(flatten, next_help_heading = "Training")]
    pub training: TrainingFlags,
}

impl TrainArgs {
    /// The settings these arguments ask for: flags over the `--config` file over the defaults. Errs when the file
    /// cannot be read, names a setting that does not exist, or the result cannot be trained with.
    pub fn settings(&self) -> anyhow::Result<TrainSettings> {
        resolved(self.config.as_deref(), &self.adapter, &self.training)
    }
}

/// Starts a run and takes it to its end.
pub fn run(args: &TrainArgs, output: &Output) -> anyhow::Result<Outcome> {
    let mut settings = args.settings()?;
    if let Some(file) = &args.save_config {
        write_settings(file, &settings)?;
        output.note(&format!("Wrote the settings to {}.", file.display()));
        return Ok(Outcome::Done);
    }
    RunFolder::refuse_taken(&args.out)?;
    let model = open::model_as(&args.model, settings.base, settings.device, output)?;
    if let Some(start) = &settings.init_adapter {
        let place = open::adapter_place(start, &model, output)?;
        settings.init_adapter = Some(std::path::absolute(&place.folder).unwrap_or(place.folder));
    }
    let (data, data_ref) = args.data(&model, &mut settings, output)?;
    if args.adapter.heads == Some(HeadCount::Auto) {
        let map = args.columns.column_map()?;
        settings.heads = suited_heads(&data, &args.data, &map, settings.seed, output)?;
    }
    let check = if args.no_memory_check { MemoryCheck::Off } else { MemoryCheck::On };
    let asked = settings.clone();
    let run = Run::start_with(check, model, Arc::new(data), settings, data_ref, &args.out)
        .map_err(|error| too_large::with_flags(error, &asked))?;
    if let Some(spec) = args.overruled_by(&run) {
        output.warn(&format!("the adapter to start from keeps its own settings, {spec}, whatever the flags say"));
    }
    training::drive(run, output)
}

impl TrainArgs {
    /// What the run reads, and how its folder remembers it.
    fn data(
        &self,
        model: &BaseModel,
        settings: &mut TrainSettings,
        output: &Output,
    ) -> anyhow::Result<(Dataset, DataRef)> {
        if let Some(file) = &self.tokens {
            if !self.data.is_empty() {
                output.warn("--data is passed over, since --tokens says what to train on");
            }
            let data = training::read_tokens(file, model)?;
            return Ok((data, DataRef::Tokens { file: FileRef::of(file)? }));
        }
        let longest = model.decoder.config().max_position;
        if settings.context > longest {
            let asked = std::mem::replace(&mut settings.context, longest);
            output.warn(&format!("the model takes {longest} tokens at most: the context is {longest}, not {asked}"));
        }
        let map = self.columns.column_map()?;
        let (data, files) = training::read_rows(&self.data, &map, model.tokenizer()?, settings, output)?;
        let files = files.iter().map(|file| FileRef::of(file)).collect::<Result<_, _>>()?;
        Ok((data, DataRef::Rows { files, columns: map.to_columns() }))
    }

    /// The settings of the adapter the run starts from, in words, where a flag asked for others.
    fn overruled_by(&self, run: &Run) -> Option<String> {
        let (asked, held) = (&self.adapter, run.trainer().settings());
        held.init_adapter.as_ref()?;
        let differs = asked.method.is_some_and(|method| method != held.method)
            || asked.rank.is_some_and(|rank| rank != held.rank)
            || asked.heads.is_some_and(|heads| heads != HeadCount::Exactly(held.heads))
            || asked.alpha.is_some_and(|alpha| Some(alpha) != held.alpha)
            || asked.targets.as_ref().is_some_and(|targets| targets.0 != held.targets);
        let alpha = held.alpha.unwrap_or_default();
        differs.then(|| format!("{}, rank {}, {} heads, alpha {alpha}", held.method.title(), held.rank, held.heads))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::Parser;

    use super::*;
    use crate::adapter::{Method, Target};
    use crate::model::BaseType;
    use crate::train::{DeviceChoice, Length, RouterInit, Schedule};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        train: TrainArgs,
    }

    fn parse(flags: &str) -> Result<TrainArgs, clap::Error> {
        let line = format!("train --model m.gguf --out run {flags}");
        Line::try_parse_from(line.split_whitespace()).map(|line| line.train)
    }

    fn config(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn without_flags_the_settings_are_the_defaults() {
        assert_eq!(parse("--data a.csv").unwrap().settings().unwrap(), TrainSettings::default());
    }

    #[test]
    fn defaults_that_help_tells_in_words_are_those_of_the_settings() {
        let settings = TrainSettings::default();
        assert_eq!((settings.length, settings.schedule), (Length::Epochs(1.0), Schedule::Cosine));
        assert_eq!((settings.device, settings.targets), (DeviceChoice::Auto, Target::ALL.to_vec()));
        assert_eq!((settings.alpha, settings.checkpoint_every, settings.eval_every), (None, None, None));
    }

    #[test]
    fn every_flag_reaches_its_setting() {
        let args = parse(
            "--data a.csv b.csv --method lora-moe --rank 4 --heads 5 --alpha 12 --dropout 0.1 --rslora --targets q,v \
             --steps 7 --batch 3 --accumulate 6 --context 64 --lr 0.001 --schedule constant --warmup 0 \
             --max-grad-norm 0 --weight-decay 0.01 --held-out 0.2 --seed 9 --device cpu --no-packing --checkpoint-every 2 --eval-every 3 \
             --base q8_0 --recompute --threads 2 --checkpoint-minutes 2 --patience 3 --min-delta 0.01 \
             --samples 2 --sample-prompt hello --sample-tokens 9 --router-init topics --router-strength 3 --balance-loss 0.01 \
             --gate-temperature 0.5 --top-k-heads 2 --b-init 0.02 --only-topic law",
        )
        .unwrap();
        assert_eq!(args.data, [PathBuf::from("a.csv"), PathBuf::from("b.csv")]);
        let expected = TrainSettings {
            method: Method::LoraMoe,
            rank: 4,
            heads: 5,
            alpha: Some(12.0),
            dropout: 0.1,
            rslora: true,
            targets: vec![Target::Q, Target::V],
            length: Length::Steps(7),
            batch: 3,
            accumulate: 6,
            packing: false,
            context: 64,
            lr: 1e-3,
            schedule: Schedule::Constant,
            warmup: 0.0,
            max_grad_norm: 0.0,
            weight_decay: 0.01,
            held_out: 0.2,
            seed: 9,
            device: DeviceChoice::Cpu,
            checkpoint_every: Some(2),
            checkpoint_minutes: 2.0,
            eval_every: Some(3),
            patience: Some(3),
            min_delta: 0.01,
            samples: 2,
            sample_prompts: vec!["hello".into()],
            sample_tokens: 9,
            init_adapter: None,
            router_init: RouterInit::Topics,
            router_strength: 3.0,
            balance_loss: 0.01,
            gate_temperature: 0.5,
            top_k_heads: Some(2),
            b_init: 0.02,
            only_topic: Some("law".into()),
            base: BaseType::Q8_0,
            recompute: true,
            threads: Some(2),
        };
        assert_eq!(args.settings().unwrap(), expected);
        let started = parse("--data a.csv --init-adapter start").unwrap().settings().unwrap();
        assert_eq!(started.init_adapter, Some("start".into()));
    }

    #[test]
    fn an_adapter_to_start_from_and_routers_from_topics_exclude_each_other() {
        let refusal = parse("--data a.csv --init-adapter start --router-init topics").unwrap().settings().unwrap_err();
        assert!(refusal.to_string().contains("router-init"), "{refusal}");
    }

    #[test]
    fn flags_overrule_the_file_and_the_file_the_defaults() {
        let file =
            config("rank = 16\nheads = 4\nlength = { epochs = 2 }\ntargets = [\"q_proj\"]\nschedule = \"linear\"\n");
        let args = parse(&format!("--data a.csv --heads 2 --config {}", file.path().display())).unwrap();
        let settings = args.settings().unwrap();
        let expected = TrainSettings {
            rank: 16,
            heads: 2,
            length: Length::Epochs(2.0),
            targets: vec![Target::Q],
            schedule: Schedule::Linear,
            ..TrainSettings::default()
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn a_setting_that_does_not_exist_is_refused_with_its_line() {
        let file = config("rank = 16\nlearning_rate = 1e-4\n");
        let args = parse(&format!("--data a.csv --config {}", file.path().display())).unwrap();
        let refusal = format!("{:#}", args.settings().unwrap_err());
        assert!(refusal.contains("learning_rate") && refusal.contains("line 2"), "{refusal}");
        assert!(refusal.contains(&file.path().display().to_string()), "{refusal}");
    }

    #[test]
    fn a_settings_file_that_is_not_there_is_named() {
        let refusal = format!("{:#}", parse("--data a.csv --config nowhere.toml").unwrap().settings().unwrap_err());
        assert!(refusal.contains("nowhere.toml") && refusal.contains("--config"), "{refusal}");
    }

    #[test]
    fn settings_saved_by_flags_are_those_that_the_flags_meant() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.toml");
        let args = parse(&format!("--data a.csv --rank 16 --steps 40 --no-packing --save-config {}", file.display()));
        let args = args.unwrap();
        assert_eq!(run(&args, &Output::new(false)).unwrap(), Outcome::Done);
        let again = parse(&format!("--data a.csv --config {}", file.display())).unwrap();
        assert_eq!(again.settings().unwrap(), args.settings().unwrap());
    }

    #[test]
    fn settings_that_cannot_train_are_refused() {
        let refusal = parse("--data a.csv --rank 0").unwrap().settings().unwrap_err().to_string();
        assert!(refusal.contains("rank"), "{refusal}");
    }

    #[test]
    fn data_or_tokens_are_needed() {
        assert!(parse("").is_err());
        assert!(parse("--tokens t.safetensors").is_ok());
    }

    #[test]
    fn epochs_and_steps_exclude_each_other() {
        assert!(parse("--data a.csv --epochs 1 --steps 2").is_err());
    }

    #[test]
    fn an_unknown_method_is_refused_with_those_there_are() {
        let refusal = parse("--data a.csv --method hydra").unwrap_err().to_string();
        assert!(refusal.contains("hydralora-uniform"), "{refusal}");
    }
}
