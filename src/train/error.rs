//! What can go wrong in a run.

use std::path::PathBuf;

use crate::adapter::AdapterError;
use crate::data::DataError;
use crate::disk::DiskError;
use crate::job::Cancelled;
use crate::model::ModelError;

use super::RunError;
use super::estimate::{Mend, memory_size};

/// What every message about a number out of range says, so that a log that keeps messages tells such an end from others.
pub const NOT_FINITE: &str = "is not a finite number";

/// Why a run could not start or go on. Messages say what, where and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error("{0}")]
    Settings(String),
    #[error(
        "none of the {examples} examples has anything to learn: {reason}. Look at the Data page, or run `hydra-studio import`"
    )]
    NothingToLearn { examples: usize, reason: String },
    #[error(
        "the {what} of step {step} {NOT_FINITE}, so training stopped before it could spoil the adapter. The batch \
         holds {sources}. {} Lower the learning rate, or look at these rows.",
        saved(checkpoint)
    )]
    NotFinite { what: &'static str, step: usize, sources: String, checkpoint: Option<String> },
    #[error("this run needs about {} of memory and can have {}. {}", memory_size(*.needed), memory_size(*.available), mended(.mends))]
    TooLarge {
        /// In bytes, all that the process holds.
        needed: u64,
        available: u64,
        /// What would take less, the least harmful first.
        mends: Vec<Mend>,
    },
    #[error("there is no {name} device here ({reason}): use --device cpu, or auto to take what there is")]
    Device { name: &'static str, reason: String },
    #[error(
        "this program was built without {name}: build it with `cargo build --release --features {name}`, or use --device cpu, \
         or auto to take what there is"
    )]
    DeviceNotBuilt { name: &'static str },
    #[error("the token file {} {problem}", path.display())]
    TokenFile { path: PathBuf, problem: String },
    #[error("the checkpoint {} {problem}", path.display())]
    Checkpoint { path: PathBuf, problem: String },
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Data(DataError),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("the computation failed: {0}")]
    Compute(#[from] candle_core::Error),
}

impl From<DataError> for TrainError {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            other => Self::Data(other),
        }
    }
}

/// What to do about a run that is too large.
fn mended(mends: &[Mend]) -> String {
    let close = "Close other programs, or take a smaller base model.";
    let suffice: Vec<String> = mends.iter().filter(|mend| mend.suffices).map(Mend::to_string).collect();
    if suffice.is_empty() { close.to_owned() } else { format!("What would do: {}.", suffice.join("; or: ")) }
}

fn saved(checkpoint: &Option<String>) -> String {
    match checkpoint {
        Some(name) => format!("The last good checkpoint is {name}."),
        None => "No checkpoint before it is known to be good.".into(),
    }
}
