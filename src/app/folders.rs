//! Shows a folder in the system's file manager.

use std::path::Path;
use std::process::{Command, Stdio};

/// Starts the file manager and returns at once. Errs where the system has no program for it.
pub(super) fn open(folder: &Path) -> std::io::Result<()> {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let mut child =
        Command::new(program).arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    // Someone must wait for the program, or its entry stays in the process table.
    std::thread::Builder::new().name("open-folder".to_owned()).spawn(move || child.wait())?;
    Ok(())
}
