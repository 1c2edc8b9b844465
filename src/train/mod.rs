//! Training. `settings.rs` says what a run is, and `settings_file.rs` keeps it as a file; `trainer.rs` is the loop, one
//! micro-batch at a time; `run` adds the run folder, and when to measure and to save. `dataset.rs` is what a run reads,
//! `batches.rs` how it falls into micro-batches, `feed.rs` prepares them a step ahead, `record.rs` is what a run reports,
//! `run_folder.rs` what stands on disk, `checkpoint.rs` what lets it go on, `history.rs` what its log tells of it,
//! `tensorboard.rs` its curves for TensorBoard, `energy` how much a run uses. `router_start` begins routers with the topics of
//! the data, where the settings ask for it.
//!
//! [`mod@estimate`] says beforehand what a run takes of memory and time. `headroom.rs` asks for memory before it is needed,
//! `pilot.rs` passes once over the heaviest micro-batch before the first step, and `micro_batching.rs` makes micro-batches
//! smaller when memory runs short. [`pretrain`] trains a small base model from scratch with the same loop; [`mod@bench`]
//! measures how fast it is.

mod adapter_place;
mod batches;
pub mod bench;
mod checkpoint;
mod checkpoints;
mod dataset;
mod device;
mod energy;
mod error;
pub mod estimate;
mod feed;
mod flops;
mod headroom;
mod history;
mod micro_batching;
mod optimizer;
mod pilot;
#[cfg(test)]
mod pilot_tests;
pub mod pretrain;
mod prompts;
mod record;
mod router_start;
mod run;
mod run_error;
mod run_file;
mod run_folder;
mod schedule;
mod settings;
mod settings_file;
mod tensorboard;
pub mod token_file;
mod trainer;
mod usage;

pub use adapter_place::AdapterPlace;
pub use batches::{Batcher, MicroBatch, StepBatches};
pub use checkpoint::{TrainerState, last_whole_step};
pub use checkpoints::{Best, Checkpoint, checkpoint_name, list_checkpoints};
pub use dataset::{Dataset, HeldOutBatch, LeftOut, Row, collate};
pub use device::{device_name, open_device};
pub use energy::EnergyMeter;
pub use error::{NOT_FINITE, TrainError};
pub use estimate::{DataFacts, Estimate, MachineFacts, Mend, ModelFacts, estimate, mends};
pub use flops::FlopCount;
pub use headroom::{MemoryCheck, Shortage};
pub use history::RunHistory;
pub use micro_batching::MicroBatching;
pub use pilot::{DryPass, EstimateRecord};
pub use prompts::SamplePrompt;
pub use record::{
    CheckpointRecord, EndCause, EndRecord, Energy, EnergyPart, EvalRecord, PauseRecord, RoutingRecord, SampleRecord,
    StepRecord, TopicLoss, UsageRecord, WarningKind, WarningRecord,
};
pub use router_start::RouterStartRecord;
pub use run::{Resumed, Run, RunEvent};
pub use run_error::RunError;
pub(crate) use run_file::RUN_FILE;
pub use run_file::{DataRef, FileRef, ModelRef, RunFile};
pub use run_folder::{Latest, RunFolder, RunLog};
pub use settings::{DeviceChoice, Length, RouterInit, Schedule, TrainSettings, heads_for_topics};
pub use settings_file::{SettingsFileError, parse_settings, read_settings, settings_text, write_settings};
pub use tensorboard::EventWriter;
pub use trainer::{EvalSum, Trainer, loss_of};
