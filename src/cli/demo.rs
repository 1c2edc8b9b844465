//! `hydra-studio demo`: the whole journey on what comes with the program.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::output::{Outcome, Output};
use super::routing::OfData;
use super::{open, training};
use crate::adapter::{Adapter, Pass};
use crate::data::{self, ColumnMap, DataError, Example, Import};
use crate::disk::{check_new_folder, remove_folder};
use crate::evaluate::{Answer, answer_all, exact_share};
use crate::export::{ExportSource, export_hydralora};
use crate::inspect::survey::survey;
use crate::model::BaseModel;
use crate::project::{demo_settings, unpack_demo};
use crate::train::{DataRef, Dataset, DeviceChoice, FileRef, Run, TrainSettings};

const LONG_ABOUT: &str = "\
Take the whole journey once, in about two minutes.

Imports the bundled examples, trains a HydraLoRA adapter on the bundled small model, shows which head each kind of \
question is routed to, exports the adapter, and prints answers of the base model beside those of the adapter on \
questions neither has seen. Nothing is downloaded.";

const EXAMPLES: &str = "\
Example:
  hydra-studio demo --out my-first-adapter";

/// The run folder inside the demo's.
const RUN: &str = "run";
/// Longest answer to a held-out question; the right ones have at most ten tokens.
const ANSWER_TOKENS: usize = 24;
/// Questions whose answers are printed side by side.
const SHOWN: usize = 10;

/// What `demo` is given.
#[derive(Args, Clone, Debug)]
#[command(about = "Take the whole journey once on the bundled model and data")]
#[command(long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct DemoArgs {
    /// The folder to make for run and adapter; it must not exist, or be empty [default: hydra-demo, or the next free number]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// The event `done`.
#[derive(Serialize)]
struct Ended<'a> {
    out: &'a Path,
    adapter: &'a Path,
    held_out_loss_base: Option<f64>,
    held_out_loss_adapter: Option<f64>,
    /// Shares of exact answers on the held-out questions, 0 to 1.
    exact_base: f64,
    exact_adapter: f64,
    questions: usize,
    seconds: f64,
}

/// Takes the journey.
pub fn run(args: &DemoArgs, output: &Output) -> anyhow::Result<Outcome> {
    let out = free_folder(args.out.as_deref())?;
    match journey(&out, output) {
        Err(error) if super::is_interruption(&error, output) => {
            if out.join(RUN).exists() {
                return Ok(Outcome::Interrupted(format!("Stopped. What there is so far is in {}", out.display())));
            }
            remove_folder(&out)?;
            Err(error)
        }
        other => other,
    }
}

fn journey(out: &Path, output: &Output) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let place = unpack_demo(out)?;
    let settings = demo_settings();
    let model = open::model(&place.model, DeviceChoice::Auto, output)?;
    output.line(&format!("1. The base model: {} with {} parameters.", model.name, model.parameters()));

    let import = data::import(std::slice::from_ref(&place.data), &ColumnMap::default(), output.job())?;
    output.line(&format!(
        "2. The examples: {} rows read, {} kept, {} dropped.",
        import.rows,
        import.examples.len(),
        import.dropped.len()
    ));
    let held_out = held_out(&import, &settings)?;
    let base = answer_all(&model, &Pass::default(), &held_out, ANSWER_TOKENS, output.job())?;
    let data = Arc::new(Dataset::from_examples(&import.examples, model.tokenizer()?, &settings, output.job())?);

    let files = vec![FileRef::of(&place.data)?];
    let data_ref = DataRef::Rows { files, columns: ColumnMap::default().to_columns() };
    let mut run = Run::start(model.clone(), data.clone(), settings, data_ref, &out.join(RUN))?;
    output.line("3. Training a HydraLoRA adapter:");
    if let Some(stopped) = training::advance(&mut run, output)? {
        return Ok(stopped);
    }
    let adapter = run.adapter().cloned().context("the run has no adapter")?;

    show_routing(&model, &adapter, &import, run.trainer().settings(), output)?;
    let exported = export(&run, &adapter, out, output)?;
    let adapted = answer_all(&model, &Pass::with(&adapter), &held_out, ANSWER_TOKENS, output.job())?;
    output.clear_progress();
    show_answers(&held_out, &base, &adapted, output);

    let (held_out_loss_base, held_out_loss_adapter) = run.held_out();
    let ended = Ended {
        out,
        adapter: &exported,
        held_out_loss_base,
        held_out_loss_adapter,
        exact_base: exact_share(&base),
        exact_adapter: exact_share(&adapted),
        questions: held_out.len(),
        seconds: started.elapsed().as_secs_f64(),
    };
    show_end(&ended, output);
    output.event("done", &ended);
    Ok(Outcome::Done)
}

/// The folder asked for, which must not exist or be empty, or the first free default.
fn free_folder(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(out) = asked {
        check_new_folder(out)?;
        return Ok(out.to_owned());
    }
    let numbered = (2..1000).map(|i| format!("hydra-demo-{i}"));
    let mut names = std::iter::once("hydra-demo".to_owned()).chain(numbered).map(PathBuf::from);
    names
        .find(|name| !name.exists())
        .context("there are a thousand demo folders here: remove some, or choose one with --out")
}

fn held_out(import: &Import, settings: &TrainSettings) -> Result<Vec<Example>, DataError> {
    let split = data::split(&import.examples, settings.held_out, settings.seed);
    import.examples.iter_of(split.held_out).collect()
}

/// How the heads share each topic's tokens, as a table and in words.
fn show_routing(
    model: &BaseModel,
    adapter: &Adapter,
    import: &Import,
    settings: &TrainSettings,
    output: &Output,
) -> anyhow::Result<()> {
    let held_out = data::split(&import.examples, settings.held_out, settings.seed).held_out;
    let survey = survey(model, adapter, &import.examples, &held_out, settings.context, output.job())?;
    output.clear_progress();
    let titles: String = (0..survey.heads).map(|head| format!("{:>9}", format!("head {head}"))).collect();
    output.line(&format!(
        "4. Where held-out tokens are routed (mean gates over all modules):\n   {:<24}{titles}",
        "topic"
    ));
    for topic in &survey.topics {
        let cells: String = topic.gates.mean.iter().map(|gate| format!("{gate:>9.3}")).collect();
        output.line(&format!("   {:<24}{cells}", topic.name()));
    }
    output.event("routing", OfData::new(survey, Vec::new()));
    output.line(
        "   Gates belong to tokens, not to topics, so rows differ by little: see single tokens with `hydra-studio inspect`.",
    );
    Ok(())
}

fn export(run: &Run, adapter: &Adapter, out: &Path, output: &Output) -> anyhow::Result<PathBuf> {
    let folder = out.join("adapter");
    let tensors = adapter.to_tensors()?;
    let source = ExportSource { tensors: &tensors, base_model: &run.model().name, card: run.card() };
    let tokenizer = run.model().tokenizer()?;
    let report = export_hydralora(&folder, source, |to| Ok(tokenizer.save(to).map(|_| ())?), output.job())?;
    output.clear_progress();
    output.line(&format!(
        "5. Exported {} tensors, re-read and compared bit for bit: {}",
        report.tensors,
        folder.display()
    ));
    Ok(folder)
}

/// Some questions of every topic in turn, with the right answer and both given ones.
fn show_answers(held_out: &[Example], base: &[Answer], adapted: &[Answer], output: &Output) {
    output.line("6. Held-out questions, answered by the base model and with the adapter:");
    let mut order: Vec<usize> = (0..held_out.len().min(base.len()).min(adapted.len())).collect();
    let topic = |index: &usize| held_out.get(*index).and_then(|example| example.topic.as_deref());
    // The first of every topic, then the second of every topic, and so on.
    let rank = |index: &usize| (0..*index).filter(|earlier| topic(earlier) == topic(index)).count();
    order.sort_by_key(|index| (rank(index), topic(index).map(str::to_owned)));
    for (shown, (base, adapted)) in order.iter().filter_map(|i| Some((base.get(*i)?, adapted.get(*i)?))).enumerate() {
        if shown < SHOWN {
            let mark = |answer: &Answer| if answer.is_exact() { "right" } else { "wrong" };
            output.line(&format!("   {}", base.question.replace('\n', " / ")));
            output.line(&format!("     base     {} ({})", base.given.trim(), mark(base)));
            output.line(&format!("     adapter  {} ({})", adapted.given.trim(), mark(adapted)));
        }
        let body = serde_json::json!({
            "question": base.question, "expected": base.expected, "base": base.given, "adapter": adapted.given,
        });
        output.event("sample", body);
    }
}

fn show_end(ended: &Ended<'_>, output: &Output) {
    let right = |share: f64| (share * ended.questions as f64).round();
    output.line("");
    if let (Some(before), Some(after)) = (ended.held_out_loss_base, ended.held_out_loss_adapter) {
        let change = 100.0 * (after - before) / before;
        output.line(&format!("Held-out loss: {before:.3} before, {after:.3} after ({change:+.0} %)."));
    }
    output.line(&format!(
        "Exact answers: {} of {} before, {} after.",
        right(ended.exact_base),
        ended.questions,
        right(ended.exact_adapter)
    ));
    output.line(&format!("Took {:.0} s. Run and adapter: {}", ended.seconds, ended.out.display()));
}
