//! All that passes between the window and the worker: plain data that serde can write, so that the worker could as well
//! be another process. The worker answers every request with events; it never blocks the window.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::adapter::{AdapterSpec, Module};
use crate::data::{ColumnMap, Dropped, Message};
use crate::project::runs::{RunEntry, RunList, RunNotes};
use crate::project::{QueueMode, QueueSummary, QueuedId, QueuedRun, RunOrder, Shift};
use crate::train::{
    CheckpointRecord, DataFacts, DeviceChoice, EstimateRecord, EvalRecord, MachineFacts, ModelFacts, PauseRecord,
    RunHistory, SampleRecord, StepRecord, TrainSettings, UsageRecord, WarningRecord,
};

/// What can be under way. There is at most one of each kind: a second request of a kind stops the first, of which nothing
/// more is told. A run that trains is no job any more; it refuses another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobKind {
    LoadModel,
    LoadAdapter,
    ImportData,
    PreviewData,
    Train,
    Generate,
    Inspect,
    Export,
    ListRuns,
    ReadRuns,
    /// Never replaced by another of its kind, nor cancelled: each note is written.
    NoteRun,
    /// Never replaced by another of its kind, nor cancelled.
    TrashRuns,
}

/// How an answer is drawn from the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    pub max_tokens: usize,
    /// 0 takes the most likely token every time.
    pub temperature: f64,
    /// Keep the most likely tokens up to this share of probability; 1 keeps all.
    pub top_p: f64,
    /// Divides the logits of tokens seen before; 1 changes nothing.
    pub repetition_penalty: f64,
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { max_tokens: 256, temperature: 0.7, top_p: 0.9, repetition_penalty: 1.0, seed: 42 }
    }
}

/// The text whose routing is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum InspectSource {
    /// A user message, rendered with the chat template.
    Prompt(String),
    /// A held-out example of the imported data, counted from 0. After a run was begun these are the run's own, as told
    /// by [`Event::HeldOut`].
    HeldOut(usize),
}

/// From the window to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Loads a Hugging Face folder or a GGUF file in place of the model that is loaded. Refused while a run is on.
    LoadModel {
        path: PathBuf,
        device: DeviceChoice,
    },
    /// Puts the adapter of a folder on the loaded model. Refused while a run is on.
    LoadAdapter {
        path: PathBuf,
    },
    /// Takes the adapter off: the base model answers alone.
    DropAdapter,
    /// Reads files in place of the data that is loaded. Runs beside training.
    ImportData {
        paths: Vec<PathBuf>,
        map: ColumnMap,
    },
    /// Asks for examples as the loaded model will read them, `start..start + count` of the kept ones.
    PreviewData {
        start: usize,
        count: usize,
        context: usize,
    },
    /// Starts a run on the loaded model and data, on the model's device; `out` is the run folder, which must not exist.
    StartTraining {
        settings: TrainSettings,
        out: PathBuf,
    },
    /// The same, even where the run seems to need more memory than there is.
    StartTrainingAnyway {
        settings: TrainSettings,
        out: PathBuf,
    },
    /// Goes on with a run folder from its last checkpoint; loads its model and data where needed.
    ResumeRun {
        run: PathBuf,
    },
    /// Takes effect between two micro-steps.
    Pause,
    /// Writes a checkpoint, then gives back all memory that the run and its model took. Chat and routing read them again
    /// when asked, with the adapter as the checkpoint has it; Continue goes on as if never paused.
    PauseAndFree,
    Continue,
    /// Writes a checkpoint of the run under way and goes on.
    SaveNow,
    /// Ends the run without saving and moves its folder to the recycle bin.
    Discard,
    /// Writes a checkpoint, then ends the run; where it cannot be written the run is kept, see [`Event::SaveFailed`].
    StopAndSave,
    /// Answers `messages`; `with_adapter` false asks the base model alone. A second request ends the first.
    Generate {
        id: u64,
        messages: Vec<Message>,
        sampling: Sampling,
        with_adapter: bool,
    },
    /// Gates of every module for a text, with the adapter in training or the one loaded.
    Inspect {
        source: InspectSource,
    },
    /// Writes the loaded adapter to a folder that must not exist, re-reads it and compares bit for bit. The adapter in
    /// training becomes the loaded one when its run ends.
    Export {
        out: PathBuf,
    },
    /// Unpacks the bundled model and examples, then loads and imports them.
    OpenDemo,
    /// Puts runs at the end of the queue. A folder that is taken gives way to one with a number.
    Enqueue {
        runs: Vec<RunOrder>,
    },
    /// Writes a table to a file that must not exist; one that does gives way to a name with a number.
    SaveTable {
        path: PathBuf,
        text: String,
    },
    /// Takes a run out of the queue, but not the one under way; its folder stays.
    RemoveQueued {
        id: QueuedId,
    },
    MoveQueued {
        id: QueuedId,
        way: Shift,
    },
    /// Puts a run that failed or was stopped back in line, to go on from its last checkpoint.
    RetryQueued {
        id: QueuedId,
    },
    /// From now on the next run of the queue begins whenever none is on.
    StartQueue,
    /// The run under way goes on to its end, and no other begins.
    HoldQueue,
    /// Reads the runs of a folder. This and what follows on runs is done beside training.
    ListRuns {
        folder: PathBuf,
    },
    /// Reads the curves of runs, to lay over each other; answered run by run.
    ReadRuns {
        paths: Vec<PathBuf>,
    },
    /// Writes tags and note of a run in place of those it has.
    NoteRun {
        path: PathBuf,
        notes: RunNotes,
    },
    /// Moves runs to the recycle bin. One in training stays, and so does one that the system has no recycle bin for.
    TrashRuns {
        paths: Vec<PathBuf>,
    },
    /// Looks for the run that was worked on last, among `recent` and those in `folder`.
    FindLastRun {
        recent: Vec<PathBuf>,
        folder: PathBuf,
    },
    Cancel {
        job: JobKind,
    },
    /// Saves what runs, then ends the thread. Every other job but an export is stopped.
    Shutdown,
}

impl Request {
    /// The job that the request asks for, where it asks for one.
    pub fn job(&self) -> Option<JobKind> {
        match self {
            Self::LoadModel { .. } | Self::OpenDemo => Some(JobKind::LoadModel),
            Self::LoadAdapter { .. } => Some(JobKind::LoadAdapter),
            Self::ImportData { .. } => Some(JobKind::ImportData),
            Self::PreviewData { .. } => Some(JobKind::PreviewData),
            Self::StartTraining { .. } | Self::StartTrainingAnyway { .. } | Self::ResumeRun { .. } => {
                Some(JobKind::Train)
            }
            Self::Generate { .. } => Some(JobKind::Generate),
            Self::Inspect { .. } => Some(JobKind::Inspect),
            Self::Export { .. } => Some(JobKind::Export),
            Self::ListRuns { .. } => Some(JobKind::ListRuns),
            Self::ReadRuns { .. } => Some(JobKind::ReadRuns),
            Self::NoteRun { .. } => Some(JobKind::NoteRun),
            Self::TrashRuns { .. } => Some(JobKind::TrashRuns),
            Self::Pause | Self::PauseAndFree | Self::Continue | Self::SaveNow | Self::StopAndSave => None,
            Self::SaveTable { .. } => None,
            Self::Enqueue { .. } | Self::RemoveQueued { .. } | Self::MoveQueued { .. } => None,
            Self::RetryQueued { .. } | Self::StartQueue | Self::HoldQueue => None,
            Self::FindLastRun { .. } | Self::DropAdapter | Self::Discard | Self::Cancel { .. } | Self::Shutdown => None,
        }
    }
}

/// From the worker to the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A job is under way; `share` is 0 to 1 where the end is known.
    Progress {
        job: JobKind,
        share: Option<f32>,
        note: String,
    },
    /// A job ended without its result; `message` says what, where and how to mend it.
    Failed {
        job: JobKind,
        message: String,
    },
    Cancelled {
        job: JobKind,
    },
    /// Something the user should know that ended nothing.
    Warning {
        message: String,
    },
    ModelLoaded(ModelSummary),
    AdapterLoaded(AdapterSummary),
    AdapterDropped,
    DataImported(DataSummary),
    /// The failure that follows may be mended by naming the columns by hand: `columns` are those of the files, in their
    /// order. Importing `paths` again with a map is the way on.
    ColumnsWanted {
        paths: Vec<PathBuf>,
        columns: Vec<String>,
    },
    DataPreview {
        start: usize,
        examples: Vec<ExampleView>,
    },
    /// What estimates are made of, as model, data and machine are now; comes again whenever model or data change.
    Facts(Facts),
    /// The held-out examples of the loaded data are these from now on, told by their first user messages: the ones that
    /// the last run held out.
    HeldOut {
        prompts: Vec<String>,
    },
    TrainingStarted(RunSummary),
    /// What a resumed run did before it was resumed; comes right after its start.
    RunHistory(RunHistory),
    /// What the run is estimated to take, and what a dry pass over its heaviest micro-batch took.
    Estimated(EstimateRecord),
    Step(StepRecord),
    Eval(EvalRecord),
    Checkpoint(CheckpointRecord),
    /// Load and entropy of the gates, measured now and then while training.
    RoutingSample {
        step: usize,
        load: Vec<f32>,
        entropy: f32,
        /// Mean cosine of every two heads' `B`, `[heads][heads]`.
        similarity: Vec<Vec<f32>>,
    },
    /// What the run used so far, about once a second.
    Usage(UsageRecord),
    /// A prompt answered at a measure.
    Sample(SampleRecord),
    /// A warning of the run, which goes on.
    RunWarning(WarningRecord),
    /// The run stood still at a step.
    PauseNoted(PauseRecord),
    Paused {
        step: usize,
    },
    /// The run is paused, its last step saved and its memory given back.
    Freed {
        step: usize,
    },
    Continued {
        step: usize,
    },
    /// The disk refused what the run had to write. The run is kept as it is in memory, paused, and its checkpoints stand;
    /// Continue and Stop-and-save try again.
    SaveFailed {
        message: String,
    },
    /// The run is over; its adapter is the loaded one.
    TrainingDone(TrainingEnd),
    /// The run was ended and its folder moved to the recycle bin.
    Discarded {
        path: PathBuf,
    },
    /// A piece of an answer, in order.
    Token {
        id: u64,
        text: String,
    },
    Answered {
        id: u64,
        tokens: usize,
        tokens_per_s: f64,
        reason: EndReason,
    },
    Routing(RoutingReport),
    Exported(ExportSummary),
    /// A table is written.
    TableSaved {
        path: PathBuf,
    },
    /// The queue as it stands, whenever something in it changed.
    Queue(QueueView),
    /// The queue has come to its end and is held.
    QueueEnded(QueueSummary),
    Runs(RunList),
    /// The curves of one of the runs that were asked for.
    RunRead {
        path: PathBuf,
        history: RunHistory,
    },
    /// Every run that was asked for is read, but for those that could not be.
    RunsRead,
    /// The notes of a run are written.
    RunNoted {
        path: PathBuf,
        notes: RunNotes,
    },
    /// These runs are in the recycle bin; a failure may follow that names those that are not.
    RunsTrashed {
        paths: Vec<PathBuf>,
    },
    /// The run that was worked on last, where there is one and it can go on.
    LastRun(Option<Box<RunEntry>>),
    /// The worker failed inside and was started anew without model or data; `message` says what happened.
    Restarted {
        message: String,
    },
    /// The worker's thread is about to end.
    ShutDown,
}

/// What memory and time of a run depend on beside its settings; see [`crate::train::estimate()`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub model: ModelFacts,
    /// `None` before data is loaded and read as the model reads it.
    pub data: Option<DataFacts>,
    pub machine: MachineFacts,
}

/// The model that is loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    pub name: String,
    pub path: PathBuf,
    /// `llama`, `mistral`, `qwen2` or `qwen3`.
    pub architecture: String,
    pub parameters: usize,
    pub layers: usize,
    pub hidden: usize,
    pub vocab: usize,
    /// Longest context the model was made for.
    pub max_context: usize,
    /// How the weights are stored on disk: `f32`, `bf16`, `Q4_1`, …
    pub stored_as: String,
    pub weight_bytes: u64,
    pub device: String,
    /// The chat template's origin, or that a plain default stands in for it.
    pub template: String,
    /// Whether the model brought its own chat template.
    pub has_template: bool,
    /// How the model recommends that its answers are drawn.
    pub sampling: Sampling,
}

/// The adapter that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdapterSummary {
    pub path: Option<PathBuf>,
    pub spec: AdapterSpec,
    /// Trainable parameters of `A` and `B`.
    pub parameters: usize,
    /// Trainable parameters of the routers.
    pub router_parameters: usize,
}

/// One file of an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileSummary {
    pub path: PathBuf,
    /// The detected shape: `alpaca`, `messages`, …
    pub shape: String,
    /// Why that shape, and which column plays which part, in words.
    pub explanation: String,
    pub columns: Vec<String>,
    pub rows: usize,
    pub kept: usize,
}

/// The data that is loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    pub files: Vec<FileSummary>,
    /// The columns that were named by hand.
    pub map: ColumnMap,
    pub rows: usize,
    pub kept: usize,
    pub dropped: Vec<Dropped>,
    /// Kept examples held out of training, with the default split.
    pub held_out: usize,
    /// First user message of every held-out example, for choosing one; held out as by the last run, where there was one.
    pub held_out_prompts: Vec<String>,
    /// Label and number of kept examples, most frequent first; empty where no column gave labels.
    pub topics: Vec<(String, usize)>,
}

/// One token as it stands in a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenView {
    pub text: String,
    /// Whether its prediction counts in the loss.
    pub supervised: bool,
}

/// One example as the model will read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExampleView {
    /// `file:line`.
    pub source: String,
    pub topic: Option<String>,
    /// The example's messages, as imported.
    pub messages: Vec<Message>,
    /// Empty while no model is loaded.
    pub tokens: Vec<TokenView>,
    /// Tokens beyond the context that were cut.
    pub cut: usize,
    /// Why the example cannot be rendered, where it cannot.
    pub problem: Option<String>,
}

/// A run at its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    pub path: PathBuf,
    pub settings: TrainSettings,
    /// The step it starts after: 0, or the checkpoint's.
    pub from_step: usize,
    pub steps: usize,
    pub examples: usize,
    pub held_out: usize,
    /// Examples that were longer than the context and were cut.
    pub cut: usize,
    /// Examples left out because no supervised token fits in the context, or the template refused them.
    pub skipped: usize,
    pub parameters: usize,
    pub router_parameters: usize,
}

/// A run at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingEnd {
    pub path: PathBuf,
    pub step: usize,
    pub steps: usize,
    /// True where the user stopped it before its last step.
    pub stopped: bool,
    pub first_held_out: Option<f64>,
    pub last_held_out: Option<f64>,
    pub elapsed_s: f64,
}

/// The runs that wait, run or ran, in the order of their turns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueView {
    pub mode: QueueMode,
    pub runs: Vec<QueuedRun>,
    /// Why there is no queue to work on, where there is none.
    pub problem: Option<String>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    EndOfText,
    MaxTokens,
    ContextFull,
    Cancelled,
}

/// Gates of every adapted module for one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoutingReport {
    /// What was looked at, for a title.
    pub title: String,
    pub heads: usize,
    pub tokens: Vec<TokenView>,
    pub modules: Vec<ModuleGates>,
}

/// Gates of one module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleGates {
    pub module: Module,
    /// `[tokens, heads]`, row after row.
    pub gates: Vec<f32>,
}

/// An adapter folder that was written, re-read and found equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportSummary {
    pub path: PathBuf,
    pub format: String,
    pub bytes: u64,
    pub files: Vec<String>,
    pub tensors: usize,
}
