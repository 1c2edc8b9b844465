//! What the window knows of the worker: a mirror of its events, never a truth of its own. Pages read it; only
//! [`AppState::note_request`] and [`AppState::note_event`] change it.

mod answer;
mod gates;
mod jobs;
mod run;
mod topics;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::app::runs_state::RunsState;
use crate::project::{QueueMode, QueuedRun};
use crate::worker::protocol::{
    AdapterSummary, AuditSummary, DataSummary, Event, ExampleView, ExportSummary, Facts, JobKind, ModelSummary,
    QueueView, RenderedPrompt, Request, RoutingReport, RunSummary, TrainingEnd,
};

pub use answer::{Answer, AnswerEnd, AnsweredToken};
pub use gates::{GatesState, HeadNames, Replay, Surveyed};
pub use jobs::JobStatus;
pub use run::{Phase, RoutingSample, RunState};
pub use topics::TopicsState;

/// Examples as the model will read them, for one stretch of the kept ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    pub start: usize,
    pub examples: Vec<ExampleView>,
}

/// Everything that events have told.
#[derive(Clone, Debug, Default)]
pub struct AppState {
    pub model: Option<ModelSummary>,
    pub adapter: Option<AdapterSummary>,
    pub data: Option<DataSummary>,
    /// What estimates of memory and time are made of, once a model is loaded.
    pub facts: Option<Facts>,
    pub preview: Option<Preview>,
    /// What will be learned from the data, as it was found last.
    pub audit: Option<Box<AuditSummary>>,
    /// Topics of the data, once they were looked for.
    pub topics: TopicsState,
    pub run: Option<RunState>,
    /// Counts the runs seen, so that a page knows when `run` is another one.
    pub run_count: usize,
    pub routing: Option<Arc<RoutingReport>>,
    /// Counts the routing reports seen, so that a page knows when to build its picture anew.
    pub routing_count: usize,
    /// Surveys, replays and the names of heads.
    pub gates: GatesState,
    /// Every answer that was asked for, by the id of its request.
    pub answers: HashMap<u64, Answer>,
    /// The conversation that was rendered last.
    pub prompt: Option<RenderedPrompt>,
    pub exported: Option<ExportSummary>,
    /// Runs that wait for their turn, and what became of those before.
    pub queue: QueueView,
    /// Whether the worker has told of the queue.
    pub is_queue_told: bool,
    /// The runs on disk.
    pub runs: RunsState,
    /// Whether model and data are the bundled ones.
    pub is_demo: bool,
    /// Why the worker cannot answer any more, where it cannot.
    pub worker_gone: Option<String>,
    jobs: HashMap<JobKind, JobStatus>,
    failures: HashMap<JobKind, String>,
}

impl AppState {
    /// The job of a kind, while it is under way.
    pub fn job(&self, kind: JobKind) -> Option<&JobStatus> {
        self.jobs.get(&kind)
    }

    /// Why the last job of a kind failed, until one of its kind is asked for again.
    pub fn failure(&self, kind: JobKind) -> Option<&str> {
        self.failures.get(&kind).map(String::as_str)
    }

    /// The run, while it has not ended.
    pub fn active_run(&self) -> Option<&RunState> {
        self.run.as_ref().filter(|run| run.is_active())
    }

    /// The folder of the adapter that routing is seen through: of the run under way, or of the adapter that is loaded.
    pub fn adapter_path(&self) -> Option<&Path> {
        let training = self.active_run().map(|run| run.summary.path.as_path());
        training.or_else(|| self.adapter.as_ref().and_then(|adapter| adapter.path.as_deref()))
    }

    /// The names of that adapter's heads.
    pub fn head_names(&self) -> &HeadNames {
        self.gates.names(self.adapter_path())
    }

    /// Whether another run of the queue begins when the one that is on has ended.
    pub fn queue_goes_on(&self) -> bool {
        self.queue.mode == QueueMode::Going && self.queue.runs.iter().any(QueuedRun::is_pending)
    }

    /// Notes what was just asked of the worker, so that the window shows it before the first answer.
    pub fn note_request(&mut self, request: &Request) {
        if let Some((kind, note)) = jobs::started(request) {
            self.failures.remove(&kind);
            self.jobs.insert(kind, JobStatus { note: note.to_owned(), ..JobStatus::default() });
        }
        self.runs.note_request(request);
        match request {
            Request::OpenDemo => self.is_demo = true,
            Request::LoadModel { .. } | Request::ImportData { .. } | Request::ResumeRun { .. } => self.is_demo = false,
            Request::Export { .. } => self.exported = None,
            Request::Generate { answers, .. } => {
                self.answers.extend(answers.iter().map(|asked| (asked.id, Answer::default())));
            }
            Request::Cancel { job } => {
                if let Some(job) = self.jobs.get_mut(job) {
                    job.is_cancelling = true;
                }
            }
            Request::Pause | Request::PauseAndFree => self.set_phase(Phase::Pausing),
            Request::Continue => self.try_again(Phase::Running),
            Request::StopAndSave => self.try_again(Phase::Stopping),
            _ => {}
        }
    }

    /// Takes in one event of the worker.
    pub fn note_event(&mut self, event: Event) {
        self.runs.watch(&event);
        match event {
            Event::Progress { job, share, note } => {
                let status = self.jobs.entry(job).or_default();
                status.share = share;
                status.note = note;
            }
            Event::Failed { job, message } => self.note_failure(job, message),
            Event::Cancelled { job } => {
                self.end_job(job);
                if job == JobKind::Generate {
                    self.end_answers("It was stopped.");
                }
            }
            Event::ModelLoaded(model) => {
                self.end_job(JobKind::LoadModel);
                self.failures.remove(&JobKind::LoadAdapter);
                self.model = Some(model);
                self.facts = None;
                self.adapter = None;
                self.routing = None;
                self.gates.forget_survey();
                self.preview = None;
            }
            Event::AdapterLoaded(adapter) => {
                self.end_job(JobKind::LoadAdapter);
                self.adapter = Some(adapter);
                self.exported = None;
            }
            Event::AdapterDropped => {
                self.adapter = None;
                self.routing = None;
                self.gates.forget_survey();
                self.exported = None;
            }
            Event::DataImported(data) => {
                self.end_job(JobKind::ImportData);
                self.data = Some(data);
                if let Some(facts) = &mut self.facts {
                    facts.data = None;
                }
                self.preview = None;
                self.audit = None;
            }
            Event::Audited(audit) => {
                self.end_job(JobKind::AuditData);
                self.audit = Some(audit);
            }
            Event::DataEdited(data) => {
                // Topics given to the examples are such a change, and so is one of all that were found.
                self.end_job(JobKind::EditTopics);
                self.end_job(JobKind::EditFound);
                self.data = Some(data);
                self.preview = None;
            }
            // The Data page keeps them.
            Event::FirstRows { .. } => {}
            Event::Rows { .. } => self.end_job(JobKind::ListRows),
            Event::DatasetSaved { .. } => self.end_job(JobKind::SaveData),
            Event::TopicsFound { .. } | Event::TopicsEdited(_) | Event::TopicsSaved { .. } => self.note_topics(event),
            Event::TopicMap { .. } | Event::TopicOpinion(_) | Event::TopicsGone => self.note_topics(event),
            Event::Facts(facts) => self.facts = Some(facts),
            Event::HeldOut { prompts, split, held_out } => {
                if let Some(data) = &mut self.data {
                    (data.held_out_prompts, data.split, data.held_out) = (prompts, split, held_out);
                }
            }
            Event::DataPreview { start, examples } => {
                self.end_job(JobKind::PreviewData);
                self.preview = Some(Preview { start, examples });
            }
            Event::Routing(report) => {
                self.end_job(JobKind::Inspect);
                self.routing = Some(Arc::new(report));
                self.routing_count += 1;
            }
            Event::Exported(summary) => {
                self.end_job(JobKind::Export);
                self.exported = Some(summary);
            }
            Event::Restarted { message } => self.forget_worker(message),
            Event::ShutDown => self.worker_gone = Some("The engine has shut down.".to_owned()),
            Event::Answered { id, tokens, first_token_s, tokens_per_s, reason } => {
                let end = AnswerEnd::Done { tokens, first_token_s, tokens_per_s, reason };
                self.answers.entry(id).or_default().end = Some(end);
                // One that was replaced leaves the one that is still coming.
                if self.answers.values().all(|answer| answer.end.is_some()) {
                    self.end_job(JobKind::Generate);
                }
            }
            Event::Queue(queue) => (self.queue, self.is_queue_told) = (queue, true),
            Event::Warning { .. } | Event::QueueEnded(_) | Event::TableSaved { .. } => {}
            Event::RunsRead => self.end_job(JobKind::ReadRuns),
            Event::Surveyed { .. } | Event::Replayed { .. } | Event::Gates(_) => self.note_gates(event),
            Event::HeadNames { .. } | Event::AdapterDescribed { .. } => self.note_gates(event),
            Event::TranscriptSaved { .. } => {}
            Event::PromptRendered(prompt) => self.prompt = Some(prompt),
            Event::AnswerStarted { .. } | Event::Token { .. } | Event::TokenGates { .. } => self.note_answers(event),
            Event::Weighed { .. } | Event::PromptRead(_) => self.note_answers(event),
            Event::MatricesCompared(_) => self.end_job(JobKind::CompareMatrices),
            event => self.note_training(event),
        }
    }

    fn note_gates(&mut self, event: Event) {
        match event {
            Event::Surveyed { .. } => self.end_job(JobKind::Survey),
            Event::Replayed { .. } => self.end_job(JobKind::Replay),
            _ => {}
        }
        let run = self.run.as_ref().filter(|run| run.is_active()).map(|run| run.summary.path.as_path());
        self.gates.note_event(event, run);
    }

    fn note_training(&mut self, event: Event) {
        match event {
            Event::TrainingStarted(summary) => {
                self.end_job(JobKind::Train);
                self.gates.begin_run(&summary.path);
                self.run = Some(RunState::new(summary));
                self.run_count += 1;
                self.exported = None;
            }
            Event::TrainingDone(end) => {
                self.end_job(JobKind::Train);
                self.adapter = self.run.as_ref().map(|run| trained_adapter(&run.summary, &end));
                self.set_phase(Phase::Done(end));
            }
            Event::Paused { .. } => self.set_phase(Phase::Paused),
            Event::Freed { .. } => {
                self.jobs.remove(&JobKind::Train);
                self.set_phase(Phase::Freed);
            }
            Event::Discarded { path } => {
                self.end_job(JobKind::Train);
                if self.run.as_ref().is_some_and(|run| run.summary.path == path) {
                    self.run = None;
                }
            }
            Event::Continued { .. } => {
                self.jobs.remove(&JobKind::Train);
                self.set_phase(Phase::Running);
            }
            Event::SaveFailed { message } => {
                self.set_phase(Phase::Paused);
                self.failures.insert(JobKind::Train, message);
            }
            Event::Runs(_) | Event::RunNoted { .. } | Event::RunsTrashed { .. } => {
                self.end_job(match event {
                    Event::Runs(_) => JobKind::ListRuns,
                    Event::RunNoted { .. } => JobKind::NoteRun,
                    _ => JobKind::TrashRuns,
                });
                self.runs.note_event(event);
            }
            Event::RunRead { .. } | Event::LastRun(_) => self.runs.note_event(event),
            event => {
                let Some(run) = &mut self.run else { return };
                match event {
                    Event::RunHistory(history) => run.remember(history),
                    Event::Estimated(estimate) => run.estimate = Some(estimate),
                    Event::RouterStart(record) => run.router_start = Some(record),
                    Event::Step(step) => run.steps.push(step),
                    Event::Eval(eval) => run.evals.push(eval),
                    Event::Checkpoint(checkpoint) => run.checkpoints.push(checkpoint),
                    Event::RoutingSample { step, load, entropy, collapsed, similarity } => {
                        run.routing.push(RoutingSample { step, load, entropy, collapsed, similarity });
                    }
                    Event::Usage(usage) => run.usage.push(usage),
                    Event::Sample(sample) => run.samples.push(sample),
                    Event::RunWarning(warning) => run.warnings.push(warning),
                    Event::PauseNoted(pause) => run.pauses.push(pause),
                    _ => {}
                }
            }
        }
    }

    /// Notes that the worker's end of the channel is closed.
    pub fn note_worker_gone(&mut self) {
        self.jobs.clear();
        self.set_phase(Phase::Failed("The engine has stopped.".to_owned()));
        self.end_answers("The engine has stopped.");
        self.worker_gone
            .get_or_insert_with(|| "The engine has stopped. Close the window and start it again.".to_owned());
    }

    fn note_failure(&mut self, job: JobKind, message: String) {
        self.end_job(job);
        if job == JobKind::Train {
            self.set_phase(Phase::Failed(message.clone()));
        }
        if job == JobKind::Generate {
            self.end_answers(&message);
        }
        self.failures.insert(job, message);
    }

    /// After a restart the worker has neither model nor data. What the last run reported stays readable.
    fn forget_worker(&mut self, message: String) {
        self.jobs.clear();
        self.end_answers("The engine was started anew.");
        self.model = None;
        self.facts = None;
        self.adapter = None;
        self.data = None;
        self.topics.forget();
        self.preview = None;
        self.audit = None;
        self.routing = None;
        self.gates.forget_survey();
        self.set_phase(Phase::Failed(message));
    }

    /// Answers that were still coming will not come any more.
    fn end_answers(&mut self, message: &str) {
        for answer in self.answers.values_mut().filter(|answer| answer.end.is_none()) {
            answer.end = Some(AnswerEnd::Failed(message.to_owned()));
        }
    }

    /// What went wrong before is over too; a new failure is noted after this.
    fn end_job(&mut self, kind: JobKind) {
        self.failures.remove(&kind);
        self.jobs.remove(&kind);
    }

    /// What could not be saved is tried again, and the run moves on.
    fn try_again(&mut self, phase: Phase) {
        self.failures.remove(&JobKind::Train);
        self.set_phase(phase);
    }

    /// A run that has ended keeps its end.
    fn set_phase(&mut self, phase: Phase) {
        if let Some(run) = self.run.as_mut().filter(|run| run.is_active()) {
            run.phase = phase;
        }
    }
}

/// The adapter that a run leaves loaded.
fn trained_adapter(run: &RunSummary, end: &TrainingEnd) -> AdapterSummary {
    AdapterSummary {
        path: Some(end.path.clone()),
        spec: run.settings.adapter_spec(),
        parameters: run.parameters,
        router_parameters: run.router_parameters,
    }
}

#[cfg(test)]
mod tests;
