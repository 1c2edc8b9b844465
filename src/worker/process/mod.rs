//! The worker as a process of its own. When a run's memory is given back its process ends, and the system has all of it:
//! a C library keeps much of what is freed within a process. And where the process dies, for want of memory or by the
//! fault of a driver, the window lives, says so, and starts another.
//!
//! [`spawn`] is the window's side: `keeper.rs` passes requests and events on and minds the process, `child.rs` is the
//! process as seen from outside, `death.rs` says how one ended. [`serve`] is the other side, what the hidden command
//! `worker` runs: the threads of [`super::spawn`] with requests from stdin and events to stdout, in the form of `wire.rs`.
//! `hand_over.rs` is how one process follows another.

mod child;
mod death;
mod hand_over;
mod keeper;
mod serving;
mod wire;

use std::path::{Path, PathBuf};

use super::{Waker, Worker};
use crate::project::AppPaths;

pub(super) use hand_over::{Exchange, HandOver, Handing};
pub use serving::serve;

/// The command of this program that [`serve`]s.
pub const COMMAND: &str = "worker";

/// Starts the worker as a process of `program`, which is this program or another of its version.
///
/// # Errors
/// When the system refuses the process or a thread.
pub fn spawn(program: &Path, paths: &AppPaths, wake: Waker) -> std::io::Result<Worker> {
    keeper::start(program, paths, wake)
}

/// The file of this program. Where it was replaced since it was started, what runs is meant and not what took its place.
///
/// # Errors
/// When the system does not tell.
pub fn own_program() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let running = Path::new("/proc/self/exe");
    Ok(if !path.exists() && running.exists() { running.to_path_buf() } else { path })
}
