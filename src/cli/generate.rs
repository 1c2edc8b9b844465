//! `hydra-studio generate`: one answer, with or without an adapter, with all its heads or some.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::flags::{help, named};
use super::head_flags::{HeadFlags, LayerRange};
use super::open;
use super::output::{Outcome, Output};
use crate::adapter::{Adapter, Pass};
use crate::data::{Message, Role};
use crate::model::{BaseModel, Generator, Piece, StopReason};
use crate::train::DeviceChoice;
use crate::worker::protocol::Sampling;

const LONG_ABOUT: &str = "\
Answer a prompt.

The prompt is put into the model's chat template, and the answer is printed as it comes. With an adapter, single \
heads can be heard alone (--solo), silenced (--mute), weighed by hand (--mix, --scale) or kept where they lead \
(--top-heads), in all layers or in some (--layers). The same seed gives the same answer. Where no flag says how \
to draw, the model's own generation_config.json does; the defaults below stand in for what it leaves open.";

const EXAMPLES: &str = "\
Examples:
  hydra-studio generate --model smollm2.gguf --prompt \"When do you open on Sundays?\"
  hydra-studio generate --model smollm2.gguf --adapter runs/faq --prompt \"Do you deliver?\" --seed 7
  hydra-studio generate --model smollm2.gguf --adapter runs/faq --prompt \"Do you deliver?\" --mute 0,2
  hydra-studio generate --model smollm2.gguf --adapter runs/faq --prompt \"Do you deliver?\" --mix 0.2,0.5,0.3
  hydra-studio generate --model smollm2.gguf --adapter runs/faq --prompt \"Do you deliver?\" --solo 1 --layers 0-7";

/// How answers are drawn where neither a flag nor the model says otherwise.
fn default() -> Sampling {
    Sampling::default()
}

/// What `generate` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Answer a prompt", long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct GenerateArgs {
    /// The base model: a Hugging Face folder or a .gguf file
    #[arg(long, value_name = "M")]
    pub model: PathBuf,

    /// An adapter folder or a run folder; without it the base model answers alone
    #[arg(long, value_name = "A")]
    pub adapter: Option<PathBuf>,

    /// What to ask
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: String,

    /// A system message before the prompt
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub system: Option<String>,

    #[arg(long, value_name = "N")]
    #[arg(help = help("Longest answer in tokens", default().max_tokens))]
    pub max_tokens: Option<usize>,

    #[arg(long, value_name = "T")]
    #[arg(help = help("How freely tokens are drawn; 0 takes the most likely one every time", default().temperature))]
    pub temperature: Option<f64>,

    #[arg(long, value_name = "P")]
    #[arg(help = help("Draw from the most likely tokens up to this share of probability", default().top_p))]
    pub top_p: Option<f64>,

    #[arg(long, value_name = "P")]
    #[arg(help = help("Makes tokens seen before less likely; 1 changes nothing", default().repetition_penalty))]
    pub repetition_penalty: Option<f64>,

    #[arg(long, value_name = "S")]
    #[arg(help = help("Fixes what is drawn", default().seed))]
    pub seed: Option<u64>,

    #[command(flatten)]
    pub heads: HeadFlags,

    /// Do that in these layers alone, one or a range such as 0-7; the others stay as trained
    #[arg(long, value_name = "A-B", requires = "HeadFlags")]
    pub layers: Option<LayerRange>,

    /// Where to compute [default: auto]
    #[arg(long, value_name = "auto|cpu|cuda|metal", value_parser = named::<DeviceChoice>)]
    pub device: Option<DeviceChoice>,
}

impl GenerateArgs {
    /// How the answer is drawn: flags over what the model recommends. Errs on values no answer can be drawn with.
    pub fn sampling(&self, model: Sampling) -> anyhow::Result<Sampling> {
        let sampling = Sampling {
            max_tokens: self.max_tokens.unwrap_or(model.max_tokens),
            temperature: self.temperature.unwrap_or(model.temperature),
            top_p: self.top_p.unwrap_or(model.top_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(model.repetition_penalty),
            seed: self.seed.unwrap_or(model.seed),
        };
        if !(sampling.temperature.is_finite() && sampling.temperature >= 0.0) {
            anyhow::bail!("the temperature must be a number from 0 up, not {}: 0 to 1 is usual", sampling.temperature);
        }
        if !(sampling.top_p > 0.0 && sampling.top_p <= 1.0) {
            anyhow::bail!("top-p is a share above 0 and up to 1, not {}: 0.9 is usual", sampling.top_p);
        }
        if !(sampling.repetition_penalty.is_finite() && sampling.repetition_penalty > 0.0) {
            let given = sampling.repetition_penalty;
            anyhow::bail!("the repetition penalty must be a number above 0, not {given}: 1 to 1.3 is usual");
        }
        Ok(sampling)
    }
}

/// The event `token`: a piece of the answer.
#[derive(Serialize)]
struct TokenEvent<'a> {
    text: &'a str,
}

/// The event `done`: the whole answer.
#[derive(Serialize)]
struct DoneEvent<'a> {
    text: &'a str,
    prompt_tokens: usize,
    tokens: usize,
    /// Until the first token was there, the prompt read.
    first_token_s: Option<f64>,
    tokens_per_s: f64,
    /// `end_of_text`, `max_tokens` or `context_full`.
    reason: &'static str,
}

/// Answers the prompt, piece by piece.
pub fn run(args: &GenerateArgs, output: &Output) -> anyhow::Result<Outcome> {
    // Flags that make no sense are refused before the model is read.
    args.sampling(default())?;
    let model = open::model(&args.model, args.device.unwrap_or_default(), output)?;
    let sampling = args.sampling((&model.generation).into())?;
    let tokenizer = model.tokenizer()?;
    let opened = args.adapter.as_ref().map(|path| open::adapter(path, &model, output)).transpose()?;
    let adapter = opened.as_ref().map(|opened| &opened.adapter);
    let layers = model.decoder.config().layers;
    let mix = |adapter: &Adapter| args.heads.mix(args.layers.as_ref(), adapter.spec(), layers);
    let mix = adapter.map(mix).transpose()?;
    let prompt = tokenizer.encode_prompt(&args.messages())?;
    let generator = Generator::new(&model, prompt, sampling.max_tokens, (&sampling).into())?;
    answer(generator, &model, &Pass { adapter, mix: mix.as_ref(), ..Pass::default() }, output)
}

fn answer(mut generator: Generator, model: &BaseModel, pass: &Pass<'_>, output: &Output) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let mut answer = String::new();
    let mut first_token_s = None;
    let reason = loop {
        if output.job().is_cancelled() {
            output.text("\n");
            return Ok(Outcome::Interrupted("Interrupted.".into()));
        }
        let (piece, reason) = match generator.step(model, pass)? {
            Piece::Text(piece) => (piece, None),
            Piece::Done(piece, reason) => (piece, Some(reason)),
        };
        if generator.answered() > 0 {
            first_token_s.get_or_insert_with(|| started.elapsed().as_secs_f64());
        }
        if !piece.is_empty() {
            output.text(&piece);
            output.event("token", TokenEvent { text: &piece });
            answer.push_str(&piece);
        }
        if let Some(reason) = reason {
            break reason;
        }
    };
    output.text("\n");
    let tokens = generator.answered();
    let tokens_per_s = tokens as f64 / started.elapsed().as_secs_f64().max(1e-9);
    let prompt_tokens = generator.prompt_len();
    let reason = name(reason);
    output.event("done", DoneEvent { text: &answer, prompt_tokens, tokens, first_token_s, tokens_per_s, reason });
    Ok(Outcome::Done)
}

fn name(reason: StopReason) -> &'static str {
    match reason {
        StopReason::EndOfText => "end_of_text",
        StopReason::MaxTokens => "max_tokens",
        StopReason::ContextFull => "context_full",
    }
}

impl GenerateArgs {
    fn messages(&self) -> Vec<Message> {
        let message = |role, content: &String| Message { role, content: content.clone() };
        let system = self.system.iter().map(|text| message(Role::System, text));
        system.chain([message(Role::User, &self.prompt)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::flags::Heads;
    use crate::model::GenerationDefaults;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        generate: GenerateArgs,
    }

    fn parse(flags: &str) -> Result<GenerateArgs, clap::Error> {
        let line = format!("generate --model m --prompt Hello {flags}");
        Line::try_parse_from(line.split_whitespace()).map(|line| line.generate)
    }

    #[test]
    fn without_flags_answers_are_drawn_as_everywhere() {
        assert_eq!(parse("").unwrap().sampling(default()).unwrap(), default());
    }

    #[test]
    fn every_flag_reaches_its_place() {
        let args = parse("--max-tokens 5 --temperature 0 --top-p 1 --repetition-penalty 1.2 --seed 3").unwrap();
        let expected = Sampling { max_tokens: 5, temperature: 0.0, top_p: 1.0, repetition_penalty: 1.2, seed: 3 };
        assert_eq!(args.sampling(default()).unwrap(), expected);
    }

    #[test]
    fn values_no_answer_can_be_drawn_with_are_refused_by_name() {
        for (flags, name) in
            [("--temperature=-1", "temperature"), ("--top-p 0", "top-p"), ("--repetition-penalty 0", "penalty")]
        {
            let refusal = parse(flags).unwrap().sampling(default()).unwrap_err().to_string();
            assert!(refusal.contains(name), "{refusal}");
        }
    }

    #[test]
    fn flags_overrule_what_the_model_recommends() {
        let model = GenerationDefaults { temperature: Some(0.3), top_p: Some(7.0), ..GenerationDefaults::default() };
        let drawn = parse("--seed 3").unwrap().sampling((&model).into()).unwrap();
        assert_eq!(drawn, Sampling { temperature: 0.3, seed: 3, ..default() }, "a share above 1 cannot be meant");
        assert_eq!(parse("--temperature 1").unwrap().sampling((&model).into()).unwrap().temperature, 1.0);
        let greedy = GenerationDefaults { do_sample: Some(false), ..model };
        assert_eq!(Sampling::from(&greedy).temperature, 0.0);
    }

    #[test]
    fn heads_need_an_adapter_and_are_chosen_in_one_way() {
        assert!(parse("--solo 1").is_err());
        let ways = ["--solo 1", "--mute 0", "--mix 0.5,0.5", "--scale 1,0", "--top-heads 1"];
        for (i, way) in ways.iter().enumerate() {
            assert!(parse(&format!("--adapter a {way} --layers 0-3")).is_ok(), "{way}");
            let other = ways[(i + 1) % ways.len()];
            assert!(parse(&format!("--adapter a {way} {other}")).is_err(), "{way} with {other}");
        }
        assert!(parse("--adapter a --layers 0-3").is_err(), "layers of nothing");
        assert_eq!(parse("--adapter a --mute 0,2").unwrap().heads.mute, Some(Heads(vec![0, 2])));
    }
}
