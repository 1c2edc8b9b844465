//! Why a run folder is refused.

use std::path::PathBuf;

use crate::disk::DiskError;

/// A run folder that cannot be begun, opened or gone on with.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("a run needs a folder of its own and this one holds something; choose another name or empty it: {}", path.display())]
    NotEmpty { path: PathBuf },
    #[error("there is no `run.json` here, so this is not a run folder; choose the folder that training made: {}", path.display())]
    NotARun { path: PathBuf },
    #[error("{}; wait for it to end or stop it: {}", holder(*pid), path.display())]
    Locked { pid: Option<u32>, path: PathBuf },
    #[error("this run is of a newer version of Hydra Studio (format {found}, this one reads {known}); update to open it: {}", path.display())]
    Newer { found: u64, known: u32, path: PathBuf },
    #[error("this file is damaged ({reason}); restore it from a copy or start the run anew: {}", path.display())]
    Damaged { reason: String, path: PathBuf },
    #[error("this file is not what the run began with; restore it, or start a new run with it as it is: {}", path.display())]
    Changed { path: PathBuf },
    #[error("the run began with another base model, {name}; give it that model, as it was then: {}", path.display())]
    OtherModel { name: String, path: PathBuf },
    #[error("this run has no checkpoint to go on from{}; start it anew: {}", tried(skipped), path.display())]
    NoCheckpoint { skipped: Vec<String>, path: PathBuf },
    #[error("this run has no checkpoint yet, so there is no adapter to take from it; go on with the run until it has one: {}", path.display())]
    NoAdapter { path: PathBuf },
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("this run is in training by another process ({pid})"),
        None => "this run is in training by another process".into(),
    }
}

fn tried(skipped: &[String]) -> String {
    if skipped.is_empty() { String::new() } else { format!(" ({})", skipped.join("; ")) }
}
