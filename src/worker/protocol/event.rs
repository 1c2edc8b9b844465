//! What the worker tells the window.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::adapter::AdapterSpec;
use crate::inspect::{GateFrame, MatrixReport, RoutingSurvey};
use crate::project::QueueSummary;
use crate::project::runs::{RunEntry, RunList, RunNotes};
use crate::train::{
    CheckpointRecord, EstimateRecord, EvalRecord, PauseRecord, RouterStartRecord, RunHistory, SampleRecord, StepRecord,
    UsageRecord, WarningRecord,
};

use super::audit::AuditSummary;
use super::chat::{ReadPrompt, RenderedPrompt, TokenGates, WeighedAnswer};
use super::data::RowView;
use super::summaries::{
    AdapterSummary, DataSummary, EndReason, ExampleView, ExportSummary, Facts, ModelSummary, QueueView, RoutingReport,
    RunSummary, TrainingEnd,
};
use super::topics::{TopicBoard, TopicOpinion, TopicsReport};
use super::{JobKind, RowQuery, SplitRule, SurveyScope};

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
    /// What the adapter of a folder is made of, or why that cannot be told.
    AdapterDescribed {
        path: PathBuf,
        found: Result<AdapterSpec, String>,
    },
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
    /// The first rows of an import that is under way.
    FirstRows {
        rows: Vec<RowView>,
    },
    /// Rows of the loaded data, `start..` of the `total` that the query found.
    Rows {
        query: RowQuery,
        start: usize,
        total: usize,
        rows: Vec<RowView>,
    },
    /// The loaded data is now this, after a change.
    DataEdited(DataSummary),
    /// The loaded examples are written.
    DatasetSaved {
        path: PathBuf,
    },
    /// What will be learned from the loaded data, as it was asked for.
    Audited(Box<AuditSummary>),
    /// Topics were found, or read from a file.
    TopicsFound {
        report: Box<TopicsReport>,
        board: Box<TopicBoard>,
    },
    /// The topics as they stand after a change, or after they were given to the examples.
    TopicsEdited(Box<TopicBoard>),
    /// Where the shown examples lie on the map that comes about; `share` of it is done.
    TopicMap {
        places: Vec<[f32; 2]>,
        share: f32,
    },
    TopicOpinion(Box<TopicOpinion>),
    TopicsSaved {
        path: PathBuf,
    },
    /// The topics at hand were of examples that are not loaded any more.
    TopicsGone,
    /// What estimates are made of, as model, data and machine are now; comes again whenever model or data change.
    Facts(Facts),
    /// The held-out examples of the loaded data are these from now on, told by their first user messages: the ones that
    /// the last run held out, or that the next one will.
    HeldOut {
        prompts: Vec<String>,
        split: SplitRule,
        /// How many they are.
        held_out: usize,
    },
    TrainingStarted(RunSummary),
    /// What a resumed run did before it was resumed; comes right after its start.
    RunHistory(RunHistory),
    /// What the run is estimated to take, and what a dry pass over its heaviest micro-batch took.
    Estimated(EstimateRecord),
    /// How far the run is with routers that begin with the topics.
    RouterStart(RouterStartRecord),
    Step(StepRecord),
    Eval(EvalRecord),
    Checkpoint(CheckpointRecord),
    /// Load and entropy of the gates, measured now and then while training.
    RoutingSample {
        step: usize,
        load: Vec<f32>,
        entropy: f32,
        /// Share of the modules in which one head takes nearly all, be it another in each.
        collapsed: f32,
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
    /// The model begins to read what it answers.
    AnswerStarted {
        id: u64,
        prompt_tokens: usize,
        /// The longest context of the model, in tokens.
        context: usize,
    },
    /// A token of an answer, in order, with the text that it adds: none where a character is not whole yet. What was held
    /// back at the end comes without a token.
    Token {
        id: u64,
        token: Option<u32>,
        text: String,
    },
    /// The gates of an answered token, counted from 0. They are known once it is read, with the token after it.
    TokenGates {
        id: u64,
        token: usize,
        gates: TokenGates,
    },
    Answered {
        id: u64,
        tokens: usize,
        /// Computing time of this answer until its first token was there; `None` where none came.
        first_token_s: Option<f64>,
        /// By the computing time of this answer after its first token.
        tokens_per_s: f64,
        reason: EndReason,
    },
    /// Answers were read once more.
    Weighed {
        answers: Vec<WeighedAnswer>,
    },
    /// The conversation before an answer was read for its gates.
    PromptRead(ReadPrompt),
    PromptRendered(RenderedPrompt),
    /// Conversations are written.
    TranscriptSaved {
        path: PathBuf,
    },
    Routing(RoutingReport),
    /// How alike the matrices of adapters are, as it was asked for.
    MatricesCompared(Box<MatrixReport>),
    /// The routing of many examples, as it was asked for.
    Surveyed {
        scope: SurveyScope,
        at: Option<PathBuf>,
        survey: Box<RoutingSurvey>,
    },
    /// How routing formed in a run, by step; empty where its folder tells nothing.
    Replayed {
        run: PathBuf,
        frames: Vec<GateFrame>,
    },
    /// The gates of the run under way: at every measure, now and then of what it trains on, and several times a second
    /// of that while somebody watches.
    Gates(GateFrame),
    /// The names of the heads of the adapter or run at `path`, by head; `None` where one has none, and as long as
    /// the last that has one. Comes after the adapter
    /// or run was told of, and whenever a name changes.
    HeadNames {
        path: PathBuf,
        names: Vec<Option<String>>,
    },
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
    /// The worker failed inside, or its process ended, and it was started anew without model or data; `message` says why,
    /// and what is left of the run.
    Restarted {
        message: String,
    },
    /// The worker is about to end.
    ShutDown,
}
