//! All that passes between the window and the worker: plain data that serde can write, so that the worker can be
//! another process. The worker answers every request with events; it never blocks the window.
//! Here is what the window asks, [`Request`]; `event.rs` is what it is told, `summaries.rs` what that is made of, `chat.rs` what
//! answers, `data.rs` what rows of data and `topics.rs` what topics are made of.

mod audit;
mod chat;
mod data;
mod event;
mod summaries;
mod topics;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::{ColumnMap, Edit, Message};
use crate::project::runs::RunNotes;
use crate::project::{QueuedId, RunOrder, Shift};
use crate::train::{DeviceChoice, TrainSettings};

pub use audit::{AuditSummary, DataMend, FINDINGS_SHOWN, FaultSummary, ReadingSummary};
pub use chat::{AnswerTokens, AskedAnswer, GateWatch, ReadPrompt, RenderedPrompt, Side, TokenGates, WeighedAnswer};
pub use data::{EditsSummary, FoundChange, RowOrder, RowQuery, RowSide, RowView, SplitRule};
pub use event::Event;
pub use summaries::{
    AdapterSummary, DataSummary, EndReason, ExampleView, ExportSummary, Facts, FileSummary, ModelSummary, ModuleGates,
    QueueView, RoutingReport, RunSummary, TokenView, TrainingEnd,
};
pub use topics::{ExampleBrief, TopicBoard, TopicEdit, TopicOpinion, TopicSearch, TopicView, TopicsReport};

/// What can be under way. There is at most one of each kind: a second request of a kind stops the first, of which nothing
/// more is told. A run that trains is no job any more; it refuses another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobKind {
    LoadModel,
    LoadAdapter,
    ImportData,
    PreviewData,
    ListRows,
    /// Done with its change, which is told as one made by hand.
    EditFound,
    SaveData,
    AuditData,
    FindTopics,
    /// The map, which comes about after the topics were found, and the second opinion.
    MapTopics,
    /// Never replaced by another of its kind: each change of the topics is made.
    EditTopics,
    Train,
    Generate,
    Weigh,
    Inspect,
    Survey,
    Replay,
    CompareMatrices,
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
    /// A whole conversation, rendered with the chat template; where it ends with an answer, that is part of the text.
    Conversation(Vec<Message>),
}

/// The examples that a survey goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SurveyScope {
    /// The held-out examples of the loaded data, see [`Event::HeldOut`].
    HeldOut,
    /// Every example of the loaded data.
    All,
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
    /// Asks what the adapter of a folder is made of, and how its heads are called; it is not loaded. Done beside training.
    /// Answered by [`Event::AdapterDescribed`].
    DescribeAdapter {
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
    /// Asks for rows of the loaded data, `start..start + count` of those that the query finds. Done beside training.
    ListRows {
        query: RowQuery,
        start: usize,
        count: usize,
    },
    /// Changes the loaded examples, not the files they came from. Answered by [`Event::DataEdited`].
    EditData(Edit),
    /// Changes all examples that the query finds, of which there are `found`; where there are others by now, nothing is
    /// changed. Found beside training. Answered by [`Event::DataEdited`].
    EditFound {
        query: RowQuery,
        found: usize,
        change: FoundChange,
    },
    /// From now on holds examples out by this rule, as the next run will; not while a run is on. Answered by
    /// [`Event::HeldOut`].
    HoldOut(SplitRule),
    /// Takes the last change to the loaded examples back.
    UndoEdit,
    /// Makes the change again that was taken back last.
    RedoEdit,
    /// Writes the loaded examples, and the rows that they leave out, to a folder that must not exist; one that does gives
    /// way to a name with a number.
    SaveData {
        folder: PathBuf,
    },
    /// Looks for faults in the loaded data, and for what the loaded model will learn from it with examples of at most
    /// `context` tokens. Done beside training. Answered by [`Event::Audited`].
    AuditData {
        context: usize,
    },
    /// Mends what an audit found by one change of the loaded examples, as [`Request::EditData`] makes them; worked out beside
    /// training. Answered by [`Event::DataEdited`], or by a warning.
    MendData(DataMend),
    /// Looks for the topics of the loaded examples, in place of those at hand; done beside training. Answered by
    /// [`Event::TopicsFound`], then by [`Event::TopicMap`] and [`Event::TopicOpinion`].
    FindTopics {
        search: TopicSearch,
    },
    /// Puts topics that were saved in place of those at hand; they must be of the loaded examples. Answered as a search is.
    OpenTopics {
        path: PathBuf,
    },
    /// Changes the topics at hand. Answered by [`Event::TopicsEdited`].
    EditTopics(TopicEdit),
    /// Gives every example the topic that it was found to be of, in place of the label that it brought, and leaves those of
    /// excluded topics out. Answered by [`Event::DataEdited`] and [`Event::TopicsEdited`].
    ApplyTopics,
    /// Writes the topics at hand, in place of a file of that name. Answered by [`Event::TopicsSaved`].
    SaveTopics {
        path: PathBuf,
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
    /// Gives answers with the same sampling and seed, a token of each in turn. A second request ends the first.
    Generate {
        answers: Vec<AskedAnswer>,
        sampling: Sampling,
        watch: GateWatch,
    },
    /// Reads answers once more, as `side` holds them, against another side where one is given.
    Weigh {
        answers: Vec<AnswerTokens>,
        side: Side,
        against: Option<Side>,
        watch: GateWatch,
    },
    /// Reads the conversation before answer `id` for the gates of its tokens. Answered by [`Event::PromptRead`].
    ReadPrompt {
        id: u64,
        messages: Vec<Message>,
        side: Side,
        watch: GateWatch,
    },
    /// Writes conversations, one a line, as data that can be imported. A file of that name gives way to a name with a
    /// number.
    SaveTranscript {
        path: PathBuf,
        conversations: Vec<Vec<Message>>,
    },
    /// Asks how the model reads a conversation, and how long it is. Answered at once, with the model at hand; not while its
    /// memory was given back.
    RenderPrompt {
        id: u64,
        messages: Vec<Message>,
    },
    /// Gates of every module for a text, with the adapter in training or the one loaded; `at` looks through the adapter
    /// of that folder instead, a checkpoint say, which changes nothing else.
    Inspect {
        source: InspectSource,
        at: Option<PathBuf>,
    },
    /// The routing of many examples, summed up; `at` as in [`Request::Inspect`]. Goes on beside a run, which it slows.
    Survey {
        scope: SurveyScope,
        at: Option<PathBuf>,
    },
    /// How routing formed in a run, from what its folder keeps; done beside training. Answered by [`Event::Replayed`].
    Replay {
        run: PathBuf,
    },
    /// Holds the matrices of adapters against each other; each is an adapter folder, a checkpoint or a run. Done beside
    /// training. Answered by [`Event::MatricesCompared`].
    CompareMatrices {
        adapters: Vec<PathBuf>,
    },
    /// From now on tells the gates of the run under way several times a second, not only now and then: somebody looks.
    /// Stands for runs that begin later too, until it is switched off.
    WatchGates {
        on: bool,
    },
    /// Names a head of the adapter or run at `path`, in place of the name that it has; a blank name takes it away.
    /// Answered by [`Event::HeadNames`].
    NameHead {
        path: PathBuf,
        head: usize,
        name: String,
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
    /// Puts a run that failed or was stopped back in line, to go on from its last checkpoint where it has one.
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
    /// Saves what runs, then ends the worker. Every other job but an export is stopped.
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
            Self::ListRows { .. } => Some(JobKind::ListRows),
            Self::EditFound { .. } => Some(JobKind::EditFound),
            Self::SaveData { .. } => Some(JobKind::SaveData),
            Self::AuditData { .. } => Some(JobKind::AuditData),
            Self::FindTopics { .. } | Self::OpenTopics { .. } => Some(JobKind::FindTopics),
            Self::EditTopics(_) | Self::ApplyTopics | Self::SaveTopics { .. } => Some(JobKind::EditTopics),
            Self::StartTraining { .. } | Self::StartTrainingAnyway { .. } | Self::ResumeRun { .. } => {
                Some(JobKind::Train)
            }
            Self::Generate { .. } => Some(JobKind::Generate),
            Self::Weigh { .. } | Self::ReadPrompt { .. } => Some(JobKind::Weigh),
            Self::Inspect { .. } => Some(JobKind::Inspect),
            Self::Survey { .. } => Some(JobKind::Survey),
            Self::Replay { .. } => Some(JobKind::Replay),
            Self::CompareMatrices { .. } => Some(JobKind::CompareMatrices),
            Self::Export { .. } => Some(JobKind::Export),
            Self::ListRuns { .. } => Some(JobKind::ListRuns),
            Self::ReadRuns { .. } => Some(JobKind::ReadRuns),
            Self::NoteRun { .. } => Some(JobKind::NoteRun),
            Self::TrashRuns { .. } => Some(JobKind::TrashRuns),
            Self::Pause | Self::PauseAndFree | Self::Continue | Self::SaveNow | Self::StopAndSave => None,
            Self::EditData(_) | Self::UndoEdit | Self::RedoEdit | Self::HoldOut(_) => None,
            Self::MendData(_) => None,
            Self::RenderPrompt { .. }
            | Self::DescribeAdapter { .. }
            | Self::SaveTranscript { .. }
            | Self::SaveTable { .. }
            | Self::WatchGates { .. }
            | Self::NameHead { .. } => None,
            Self::Enqueue { .. } | Self::RemoveQueued { .. } | Self::MoveQueued { .. } => None,
            Self::RetryQueued { .. } | Self::StartQueue | Self::HoldQueue => None,
            Self::FindLastRun { .. } | Self::DropAdapter | Self::Discard | Self::Cancel { .. } | Self::Shutdown => None,
        }
    }
}
