//! Jobs of the worker, as the window knows them.

use crate::worker::protocol::{JobKind, Request};

/// A job that is under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobStatus {
    /// 0 to 1 where the end is known.
    pub share: Option<f32>,
    /// What is being done now, in a few words.
    pub note: String,
    /// Whether the user asked it to stop.
    pub is_cancelling: bool,
}

/// The job that a request begins, and what it does first, so that the window shows it before the first answer.
pub(super) fn started(request: &Request) -> Option<(JobKind, &'static str)> {
    match request {
        Request::LoadModel { .. } => Some((JobKind::LoadModel, "Opening the model")),
        Request::OpenDemo => Some((JobKind::LoadModel, "Opening the demo")),
        Request::LoadAdapter { .. } => Some((JobKind::LoadAdapter, "Opening the adapter")),
        Request::ImportData { .. } => Some((JobKind::ImportData, "Reading files")),
        Request::FindTopics { .. } => Some((JobKind::FindTopics, "Reading the examples")),
        Request::OpenTopics { .. } => Some((JobKind::FindTopics, "Reading the topics")),
        Request::EditTopics(_) => Some((JobKind::EditTopics, "Changing the topics")),
        Request::ApplyTopics => Some((JobKind::EditTopics, "Giving every example its topic")),
        Request::SaveTopics { .. } => Some((JobKind::EditTopics, "Writing the topics")),
        Request::ListRows { .. } => Some((JobKind::ListRows, "Looking through the examples")),
        Request::EditFound { .. } => Some((JobKind::EditFound, "Changing the examples")),
        Request::SaveData { .. } => Some((JobKind::SaveData, "Writing the examples")),
        Request::PreviewData { .. } => Some((JobKind::PreviewData, "Rendering examples")),
        Request::AuditData { .. } => Some((JobKind::AuditData, "Looking for faults")),
        Request::StartTraining { .. } | Request::StartTrainingAnyway { .. } => {
            Some((JobKind::Train, "Preparing the run"))
        }
        Request::ResumeRun { .. } => Some((JobKind::Train, "Opening the run")),
        Request::Inspect { .. } => Some((JobKind::Inspect, "Reading the gates")),
        Request::Survey { .. } => Some((JobKind::Survey, "Reading the gates")),
        Request::Replay { .. } => Some((JobKind::Replay, "Reading the run")),
        Request::CompareMatrices { .. } => Some((JobKind::CompareMatrices, "Comparing the matrices")),
        Request::Generate { .. } => Some((JobKind::Generate, "Answering")),
        Request::Weigh { .. } => Some((JobKind::Weigh, "Reading the answers again")),
        Request::ReadPrompt { .. } => Some((JobKind::Weigh, "Reading the conversation")),
        Request::Export { .. } => Some((JobKind::Export, "Writing the adapter")),
        Request::ListRuns { .. } => Some((JobKind::ListRuns, "Reading the runs")),
        Request::ReadRuns { .. } => Some((JobKind::ReadRuns, "Reading the curves")),
        Request::TrashRuns { .. } => Some((JobKind::TrashRuns, "Moving to the recycle bin")),
        _ => None,
    }
}
