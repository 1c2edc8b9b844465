//! Opens the window, or runs one headless command.

use std::process::ExitCode;

use hydra_studio::app::log_lines;
use hydra_studio::app::notification::DesktopNotifier;
use hydra_studio::app::picker::RfdPicker;
use hydra_studio::app::{self, Deps, StartArgs};
use hydra_studio::cli;
use hydra_studio::project::AppPaths;
use hydra_studio::worker::{self, Worker};

fn main() -> ExitCode {
    calm_engine_threads();
    cli::run(open_window)
}

/// Opens the window and its worker; returns when the window is closed and the worker has saved what ran.
fn open_window() -> anyhow::Result<()> {
    log_lines::install();
    let (send, threads) = crossbeam_channel::bounded(1);
    app::run(move |wake| {
        let paths = AppPaths::of_system();
        let paths = paths.unwrap_or_else(|| AppPaths::under(&std::env::temp_dir().join("hydra-studio")));
        let start = StartArgs { presets: Some(paths.presets()), ..StartArgs::default() };
        let log = log_lines::listen(wake.clone());
        let Worker { requests, events, thread } = worker::open(&paths, wake)?;
        // The channel has room for the one thread there is.
        let _ = send.send(thread);
        let (picker, notifier) = (Box::new(RfdPicker::default()), Box::new(DesktopNotifier));
        Ok(Deps { requests, events, picker, notifier, log, start })
    })?;
    for thread in threads {
        if thread.join().is_err() {
            anyhow::bail!("the engine ended badly while the window closed; a run under way keeps its last checkpoint");
        }
    }
    Ok(())
}

/// Starts this program anew, in the same process, with [`worker::ENGINE_VARIABLES`] set, unless they are set already. A variable
/// cannot soundly be set in a running process, and there is no other way to tell candle and glibc.
#[cfg(unix)]
fn calm_engine_threads() {
    use std::os::unix::process::CommandExt;

    let missing = worker::ENGINE_VARIABLES.into_iter().filter(|(name, _)| std::env::var_os(name).is_none());
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return;
    }
    let mut arguments = std::env::args_os();
    let Some(name) = arguments.next() else { return };
    let Ok(program) = std::env::current_exe() else { return };
    // Gives back only when it failed: then training is slower on a busy machine, and that is all.
    let _ = std::process::Command::new(program).arg0(name).args(arguments).envs(missing).exec();
}

/// Elsewhere a program cannot start anew in the same process; the variables can be set by hand.
#[cfg(not(unix))]
fn calm_engine_threads() {}
