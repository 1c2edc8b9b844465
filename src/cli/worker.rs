//! `hydra-studio worker`: the engine of a window, as a process of its own. Only the window starts it.

use clap::Args;

const AFTER_HELP: &str = "\
The window starts `hydra-studio worker` itself. Requests come on stdin and events go to stdout, in a binary form that is not \
for use by other programs.";

/// The engine of a window: what the window starts, of no use by itself
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct WorkerArgs {}
