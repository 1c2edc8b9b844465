//! How a job is called from the moment it is asked for until the worker tells what it does.

use crate::worker::protocol::{JobKind, Request};

/// The job that a request starts, where the window shows it, and what it does.
pub(super) fn started(request: &Request) -> Option<(JobKind, &'static str)> {
    match request {
        Request::LoadModel { .. } => Some((JobKind::LoadModel, "Opening the model")),
        Request::OpenDemo => Some((JobKind::LoadModel, "Opening the demo")),
        Request::LoadAdapter { .. } => Some((JobKind::LoadAdapter, "Opening the adapter")),
        Request::ImportData { .. } => Some((JobKind::ImportData, "Reading files")),
        Request::PreviewData { .. } => Some((JobKind::PreviewData, "Rendering examples")),
        Request::ListRows { .. } => Some((JobKind::ListRows, "Looking through the examples")),
        Request::SaveData { .. } => Some((JobKind::SaveData, "Writing the examples")),
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
        Request::Export { .. } => Some((JobKind::Export, "Writing the adapter")),
        Request::ListRuns { .. } => Some((JobKind::ListRuns, "Reading the runs")),
        Request::ReadRuns { .. } => Some((JobKind::ReadRuns, "Reading the curves")),
        Request::TrashRuns { .. } => Some((JobKind::TrashRuns, "Moving to the recycle bin")),
        _ => None,
    }
}
