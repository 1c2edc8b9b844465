//! What `train` and `resume` share: the data of a run as tokens, and the run itself, taken to its end or to Ctrl-C.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::output::{Outcome, Output};
use crate::data::{self, ColumnMap, Import};
use crate::evaluate::verdict::{RunFacts, Verdict, judge};
use crate::model::BaseModel;
use crate::text::ChatTokenizer;
use crate::train::estimate::memory_size;
use crate::train::{
    AdapterPlace, Dataset, Energy, EstimateRecord, Run, RunEvent, RunFile, RunHistory, StepRecord, TrainSettings,
    checkpoint_name, device_name, list_checkpoints,
};

/// Examples left out that are told one by one.
const TOLD: usize = 20;

/// Reads examples as the model will see them, and says what was left out or cut. Gives the files they came from too.
pub(super) fn read_rows(
    paths: &[PathBuf],
    map: &ColumnMap,
    tokenizer: &ChatTokenizer,
    settings: &TrainSettings,
    output: &Output,
) -> anyhow::Result<(Dataset, Vec<PathBuf>)> {
    let import = read_examples(paths, map, output)?;
    let data = Dataset::from_examples(&import.examples, tokenizer, settings, output.job())?;
    output.clear_progress();
    for row in data.left_out.iter().take(TOLD) {
        output.warn(&format!("left out of training: {row}"));
    }
    if data.left_out.len() > TOLD {
        let more = data.left_out.len() - TOLD;
        output.warn(&format!("left out of training: {more} more examples; a run lists all in its left-out.jsonl"));
    }
    if data.cut > 0 {
        let (cut, context) = (data.cut, settings.context);
        output.warn(&format!("{cut} examples are longer than the context of {context} tokens and were cut to it"));
    }
    Ok((data, import.files.into_iter().map(|file| file.path).collect()))
}

/// Reads examples, and says which rows cannot be used.
pub(super) fn read_examples(paths: &[PathBuf], map: &ColumnMap, output: &Output) -> anyhow::Result<Import> {
    let import = data::import(paths, map, output.job())?;
    if !import.dropped.is_empty() {
        let first = import.dropped.get(0)?;
        output.warn(&format!(
            "{} of {} rows cannot be used, the first being {}: {}. `hydra-studio import` lists them all",
            import.dropped.len(),
            import.rows,
            first.source,
            first.reason
        ));
    }
    output.clear_progress();
    Ok(import)
}

/// Reads the rows of a token file. Errs when they are longer than the model takes, or nothing in them can be learnt.
pub(super) fn read_tokens(file: &Path, model: &BaseModel) -> anyhow::Result<Dataset> {
    let config = model.decoder.config();
    let data = Dataset::from_token_file(file, config.vocab)?;
    let rows: Vec<_> = data.train.iter().map(|row| row.tokens.clone()).collect();
    super::open::row_width(&rows, file, config)?;
    if rows.iter().all(|row| row.supervised_count() == 0) {
        bail!(
            "every label is -100, so there is nothing to learn: give labels to the tokens to learn: {}",
            file.display()
        );
    }
    Ok(data)
}

/// The event `started`.
#[derive(Serialize)]
struct Started<'a> {
    run: String,
    model: &'a str,
    device: &'static str,
    settings: &'a TrainSettings,
    /// Steps done before; 0 for a new run.
    from_step: usize,
    steps: usize,
    examples: usize,
    held_out: usize,
    /// Examples cut to the context.
    cut: usize,
    /// Examples left out because nothing in them can be learnt.
    skipped: usize,
    parameters: usize,
    router_parameters: usize,
}

/// The event `done`.
#[derive(Serialize)]
struct Ended {
    run: String,
    step: usize,
    steps: usize,
    /// Held-out loss in nats a token, where examples were held out.
    held_out_before: Option<f64>,
    held_out_after: Option<f64>,
    elapsed_s: f64,
    /// The folder of the best checkpoint, or of the last where none was measured.
    adapter: String,
    /// What the run used, where that was followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    energy: Option<Energy>,
    verdict: Verdict,
}

/// Takes a run to its end. Ctrl-C saves a checkpoint first and ends it there.
pub(super) fn drive(mut run: Run, output: &Output) -> anyhow::Result<Outcome> {
    if let Some(stopped) = advance(&mut run, output)? {
        return Ok(stopped);
    }
    tell_end(&run, output)?;
    Ok(Outcome::Done)
}

/// Takes a run to its last step, telling of each; gives what there is to say where Ctrl-C ended it before, saved.
pub(super) fn advance(run: &mut Run, output: &Output) -> anyhow::Result<Option<Outcome>> {
    tell_start(run, output);
    while !run.is_done() {
        if output.job().is_cancelled() {
            return stop(run, output).map(Some);
        }
        match run.advance() {
            Ok(events) => events.iter().for_each(|event| tell(event, output)),
            Err(error) => {
                run.note_failure(&error);
                return Err(error.into());
            }
        }
    }
    output.clear_progress();
    Ok(None)
}

fn stop(run: &mut Run, output: &Output) -> anyhow::Result<Outcome> {
    let saved = run.stop().with_context(|| unsaved(run.path()))?;
    output.event("checkpoint", &saved);
    let path = quoted(run.path());
    Ok(Outcome::Interrupted(format!(
        "Stopped after step {} of {} and saved as {}. Go on with: hydra-studio resume {path}",
        saved.step,
        run.trainer().steps(),
        saved.name
    )))
}

/// That the last steps of a run are lost, and what of it is whole.
fn unsaved(run: &Path) -> String {
    let whole = list_checkpoints(run).ok().and_then(|mut all| all.pop());
    let kept = match whole {
        Some(checkpoint) => format!("{} is whole, and `resume` goes on from it", checkpoint_name(checkpoint.step)),
        None => "none was saved before".into(),
    };
    format!("the run was stopped, but its last steps could not be saved; {kept}")
}

fn tell_start(run: &Run, output: &Output) {
    let (trainer, model) = (run.trainer(), run.model());
    let (data, settings) = (trainer.data(), trainer.settings());
    let started = Started {
        run: run.path().display().to_string(),
        model: &model.name,
        device: device_name(model.decoder.device()),
        settings,
        from_step: trainer.step(),
        steps: trainer.steps(),
        examples: data.train.len(),
        held_out: data.held_out.len(),
        cut: data.cut,
        skipped: data.left_out.len(),
        parameters: run.adapter().map_or(0, |adapter| adapter.parameters()),
        router_parameters: run.adapter().map_or(0, |adapter| adapter.router_parameters()),
    };
    let from = if started.from_step > 0 { format!(" from step {}", started.from_step) } else { String::new() };
    output.line(&format!(
        "{} on {} ({}): {} examples, {} held out, {} steps of {}{from}",
        settings.method.title(),
        started.model,
        started.device,
        started.examples,
        started.held_out,
        started.steps,
        settings.effective_batch()
    ));
    output.event("started", &started);
    if !run.is_done() {
        let is_measured_first = started.from_step == 0 && started.held_out > 0;
        let note = if is_measured_first { "Measuring the held-out loss before training" } else { "Starting" };
        output.job().progress(share(started.from_step, started.steps), note);
    }
}

fn share(step: usize, steps: usize) -> f32 {
    step as f32 / steps.max(1) as f32
}

fn tell(event: &RunEvent, output: &Output) {
    match event {
        RunEvent::Estimate(record) => {
            output.event("estimate", record);
            output.line(&memory_line(record));
        }
        RunEvent::RouterStart(record) => {
            let note = format!("Beginning the routers with the topics, layer {} of {}", record.layer, record.layers);
            output.job().progress(share(record.layer, record.layers), note);
            if record.is_done() {
                output.event("router_start", record);
                output.line(&format!(
                    "Routers begin with the topics: over {} tokens of {} examples, the fits explain {:.0} % of them.",
                    record.tokens,
                    record.examples,
                    100.0 * record.explained
                ));
            }
        }
        RunEvent::Step(record) => {
            output.event("step", record);
            show_step(record, output);
        }
        RunEvent::Eval(record) => {
            output.event("eval", record);
            output.line(&format!("Step {}: held-out loss {:.4}", record.step, record.loss));
        }
        RunEvent::Checkpoint(record) => output.event("checkpoint", record),
        RunEvent::Routing(record) => output.event("routing", record),
        RunEvent::Usage(record) => output.event("usage", record),
        RunEvent::Sample(record) => output.event("sample", record),
        RunEvent::Pause(record) => output.event("pause", record),
        RunEvent::Warning(record) => output.event("warning", record),
        // `done` says it at the end; what is looked at in between is in the run folder.
        RunEvent::Ended(_) | RunEvent::Gates(_) => {}
    }
}

/// `Memory: about 1.9 GB of 23 GB: weights 540 MB, …; 1.8 GB in a dry pass.`
fn memory_line(record: &EstimateRecord) -> String {
    let all = record.estimate.to_string();
    let total = format!("about {}", memory_size(record.total));
    let parts = all.strip_prefix(&total).unwrap_or(&all);
    let measured = record.measured.map(|bytes| format!("; {} in a dry pass", memory_size(bytes))).unwrap_or_default();
    format!("Memory: {total} of {}{parts}{measured}.", memory_size(record.available))
}

/// Shows how far training is after a step.
pub(super) fn show_step(record: &StepRecord, output: &Output) {
    let StepRecord { step, steps, loss, tokens_per_s, .. } = record;
    let note = format!("Step {step} of {steps}, loss {loss:.4}, {tokens_per_s:.0} tokens/s");
    output.job().progress(share(*step, *steps), note);
}

fn tell_end(run: &Run, output: &Output) -> anyhow::Result<()> {
    let place = AdapterPlace::find(run.path())?;
    let (trainer, path) = (run.trainer(), run.path().display());
    let (before, after) = run.held_out();
    let (file, history) = (RunFile::read(run.path())?, RunHistory::read(run.path())?);
    let verdict = judge(&RunFacts::of(&file, &history));
    let energy = history.usage.last().map(|usage| usage.energy);
    output.event(
        "done",
        Ended {
            run: path.to_string(),
            step: trainer.step(),
            steps: trainer.steps(),
            held_out_before: before,
            held_out_after: after,
            elapsed_s: trainer.elapsed_s(),
            adapter: place.folder.display().to_string(),
            energy,
            verdict: verdict.clone(),
        },
    );
    output.line(&format!("\nDone: {} steps in {:.0} s.", trainer.step(), trainer.elapsed_s()));
    if let (Some(before), Some(after)) = (before, after) {
        let change = 100.0 * (after - before) / before;
        output.line(&format!("Held-out loss: {before:.4} before, {after:.4} after ({change:+.1} %)."));
    }
    if let Some(energy) = energy {
        output.line(&format!("Energy: {}.", energy.in_words()));
    }
    tell_verdict(&verdict, output);
    output.line(&format!("Adapter: {path}, {}.", place.chosen.as_deref().unwrap_or("its last checkpoint")));
    let with = format!("--model {} --adapter {}", quoted(&run.model().path), quoted(run.path()));
    output.line("\nNext:");
    if run.model().tokenizer().is_ok() {
        output.line(&format!("  hydra-studio generate {with} --prompt \"…\""));
        output.line(&format!("  hydra-studio inspect {with} --prompt \"…\""));
    }
    output.line(&format!("  hydra-studio export {with} --format hydralora --out DIR"));
    Ok(())
}

/// The verdict in lines: its headline, then every finding with its likely cause and what to try next.
fn tell_verdict(verdict: &Verdict, output: &Output) {
    output.line(&format!("\nVerdict: {}", verdict.headline));
    for finding in &verdict.findings {
        output.line(&format!("- {}", finding.text));
        for (name, text) in [("Likely cause", &finding.cause), ("To try next", &finding.next)] {
            if let Some(text) = text {
                output.line(&format!("  {name}: {text}"));
            }
        }
    }
    output.line("");
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    if path.contains(char::is_whitespace) { format!("\"{path}\"") } else { path }
}
