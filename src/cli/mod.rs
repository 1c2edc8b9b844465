//! Headless commands, one file each, thin over the rooms above. [`run`] reads the command line and gives back the exit
//! code; [`output`] says what goes to stdout and what to stderr; each command's file has its arguments, its help text
//! and a `run` that calls the engine.
//!
//! Exit codes: 0 done · 1 refused or failed, with a message that names cause and mend · 2 the command line is wrong ·
//! 130 interrupted, state saved.

pub mod audit;
pub mod bench;
mod bench_table;
mod cluster;
pub mod columns;
pub mod compare;
mod compare_table;
pub mod demo;
pub mod export;
pub mod flags;
pub mod forward;
pub mod generate;
mod head_flags;
pub mod import;
pub mod inspect;
mod interrupt;
pub mod logger;
mod meter;
mod open;
pub mod output;
pub mod pretrain;
pub mod resume;
mod routing;
mod routing_csv;
pub mod settings_flags;
mod too_large;
pub mod train;
mod training;
pub mod worker;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::job::Cancelled;
use crate::worker::process::serve;
use output::{Outcome, Output};

const LONG_ABOUT: &str = "\
Fine-tune a language model with HydraLoRA, watch each head learn, and see where every token is routed.

The base model stays as it is; a small adapter learns from your questions and answers. Without a command \
the window opens.";

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 refused or failed with a message, 2 the command line is wrong, 130 interrupted with state saved.
HYDRA_LOG=debug tells more on stderr.";

/// The command line.
#[derive(Parser, Debug)]
#[command(name = "hydra-studio", version, about, long_about = LONG_ABOUT, after_long_help = AFTER_HELP)]
struct Cli {
    /// Write one JSON object a line to stdout, for scripts; progress and messages go to stderr
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    Demo(demo::DemoArgs),
    Import(import::ImportArgs),
    Cluster(cluster::ClusterArgs),
    Train(Box<train::TrainArgs>),
    Resume(resume::ResumeArgs),
    Compare(Box<compare::CompareArgs>),
    Forward(forward::ForwardArgs),
    Generate(generate::GenerateArgs),
    Inspect(inspect::InspectArgs),
    Export(export::ExportArgs),
    Pretrain(pretrain::PretrainArgs),
    Bench(bench::BenchArgs),
    #[command(hide = true)]
    Worker(worker::WorkerArgs),
}

impl Command {
    fn run(self, output: &Output) -> anyhow::Result<Outcome> {
        match self {
            Command::Demo(args) => demo::run(&args, output),
            Command::Import(args) => import::run(&args, output),
            Command::Cluster(args) => cluster::run(&args, output),
            Command::Train(args) => train::run(&args, output),
            Command::Resume(args) => resume::run(&args, output),
            Command::Compare(args) => compare::run(&args, output),
            Command::Forward(args) => forward::run(&args, output),
            Command::Generate(args) => generate::run(&args, output),
            Command::Inspect(args) => inspect::run(&args, output),
            Command::Export(args) => export::run(&args, output),
            Command::Pretrain(args) => pretrain::run(&args, output),
            Command::Bench(args) => bench::run(&args, output),
            Command::Worker(_) => serve().map(|()| Outcome::Done),
        }
    }
}

/// Runs the command that the program's arguments name, or opens the window where they name none, and gives back the exit
/// code.
pub fn run(open_window: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            // Help asked for goes to stdout with code 0, a wrong command line to stderr with code 2.
            let code = u8::try_from(told.exit_code()).unwrap_or(2);
            return if told.print().is_ok() { ExitCode::from(code) } else { ExitCode::FAILURE };
        }
    };
    let output = Output::new(cli.json);
    let Some(command) = cli.command else {
        return conclude(open_window().map(|()| Outcome::Done), &output);
    };
    // The window's engine logs to the window, and saves when it is interrupted.
    if !matches!(command, Command::Worker(_)) {
        logger::install();
        interrupt::watch(&output);
    }
    let ended = catch_unwind(AssertUnwindSafe(|| command.run(&output)));
    let result = ended.unwrap_or_else(|payload| Err(anyhow::Error::msg(fault(payload.as_ref()))));
    conclude(result, &output)
}

/// Says how the command ended, and with which code.
fn conclude(result: anyhow::Result<Outcome>, output: &Output) -> ExitCode {
    output.clear_progress();
    match result {
        Ok(Outcome::Interrupted(message)) => {
            output.interrupted(&message);
            ExitCode::from(interrupt::EXIT_CODE)
        }
        Err(error) if is_interruption(&error, output) => {
            output.interrupted("Interrupted; nothing was written.");
            ExitCode::from(interrupt::EXIT_CODE)
        }
        Err(error) => {
            output.error(&told(&error));
            ExitCode::FAILURE
        }
        Ok(Outcome::Done) => match output.lost_results() {
            None => ExitCode::SUCCESS,
            Some(message) => {
                output.error(&message);
                ExitCode::FAILURE
            }
        },
    }
}

/// Whether a command ended because its job was cancelled, and not for another fault at the same moment. The rooms pass
/// [`Cancelled`] on inside their own errors, transparently: its words are what can be seen of it.
fn is_interruption(error: &anyhow::Error, output: &Output) -> bool {
    output.job().is_cancelled() && error.root_cause().to_string() == Cancelled.to_string()
}

/// An error and its causes in one message; a cause that the message already tells is not told twice.
fn told(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if message.is_empty() {
            message = text;
        } else if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
    }
    message
}

/// The message for a fault inside the program, which no command line should be able to bring about.
fn fault(payload: &(dyn Any + Send)) -> String {
    let what = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("an unknown fault");
    format!(
        "a fault inside the program: {what}. What was saved before is whole; please report it with the command line"
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains(&format!("hydra-studio {}", command.get_name())), "{help}");
        }
    }

    #[test]
    fn a_cancelled_job_is_told_from_a_fault_at_the_same_moment() {
        let output = Output::new(false);
        let cancelled =
            || anyhow::Error::new(crate::train::TrainError::Model(crate::model::ModelError::from(Cancelled)));
        assert!(!is_interruption(&cancelled(), &output));
        output.job().cancel();
        assert!(is_interruption(&cancelled().context("loading"), &output));
        assert!(!is_interruption(&anyhow::anyhow!("the disk is full"), &output));
    }

    #[test]
    fn a_cause_is_told_once() {
        let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
        let error = anyhow::Error::new(missing).context("cannot read a.csv (no such file)");
        assert_eq!(told(&error), "cannot read a.csv (no such file)");
        assert_eq!(told(&error.context("import failed")), "import failed: cannot read a.csv (no such file)");
    }

    #[test]
    fn a_fault_tells_what_it_was() {
        assert!(fault(&"index 3").contains("index 3"));
        assert!(fault(&String::from("index 4")).contains("index 4"));
    }
}
