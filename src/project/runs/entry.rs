//! What one run folder tells of its run, read cheaply.

use std::fmt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use serde::{Deserialize, Serialize};

use super::log_ends::LogEnds;
use super::notes::RunNotes;
use crate::train::{Best, EndCause, Energy, RunError, RunFile, RunFolder, RunLog, last_whole_step, list_checkpoints};

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Every step is done.
    Finished,
    /// It was told to stop, and can go on.
    Stopped,
    /// It ended by itself, as held-out loss fell no more.
    EarlyStop,
    Failed {
        message: String,
    },
    /// A process trains it now.
    InTraining,
    /// Its process ended without a word: it was killed, or the machine went down.
    BrokenOff,
}

impl RunStatus {
    /// The status in a word or two.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Finished => "Finished",
            Self::Stopped => "Stopped",
            Self::EarlyStop => "Ended early",
            Self::Failed { .. } => "Failed",
            Self::InTraining => "In training",
            Self::BrokenOff => "Broken off",
        }
    }
}

/// Where a run goes on when it is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumePoint {
    /// The step of its last checkpoint; 0 where it has none and begins anew.
    pub from_step: usize,
    pub of_steps: usize,
    /// Steps after that checkpoint that were done already.
    pub to_repeat: usize,
}

impl ResumePoint {
    /// The point in words, after "Resume" or a run's name: `at step 412 of 900, 8 steps to repeat`. `number` writes numbers.
    pub fn place(&self, number: impl Fn(usize) -> String) -> String {
        let point = format!("at step {} of {}", number(self.from_step), number(self.of_steps));
        match self.to_repeat {
            0 => point,
            1 => format!("{point}, 1 step to repeat"),
            steps => format!("{point}, {} steps to repeat", number(steps)),
        }
    }
}

impl fmt::Display for ResumePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resume {}", self.place(|number| number.to_string()))
    }
}

/// A run as its folder tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEntry {
    pub path: PathBuf,
    /// The folder's own name.
    pub name: String,
    pub file: RunFile,
    pub status: RunStatus,
    /// The last step in its log.
    pub step: usize,
    /// Steps of the whole run.
    pub steps: usize,
    /// The checkpoint with the lowest held-out loss, where one was measured and is kept.
    pub best: Option<Best>,
    /// The step of the last checkpoint that is whole.
    pub last_checkpoint: Option<usize>,
    /// Held-out loss before training and when it was last measured, in nats a token.
    pub first_held_out: Option<f64>,
    pub last_held_out: Option<f64>,
    /// Training loss of the last step.
    pub last_loss: Option<f64>,
    /// Time trained, pauses left out.
    pub elapsed_s: f64,
    pub energy: Option<Energy>,
    /// The most memory that its process held, where the run has ended and the system told.
    pub peak_bytes: Option<u64>,
    pub notes: RunNotes,
    /// What of the folder could not be read beside the run itself: the best checkpoint, the log, the notes.
    pub problems: Vec<String>,
    resume: Option<ResumePoint>,
}

impl RunEntry {
    /// Reads the run folder at `path`: `run.json`, the two ends of the log, and the names of its checkpoints.
    ///
    /// # Errors
    /// When it is no run folder, or its `run.json` is damaged or of a newer version.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let file = RunFile::read(path)?;
        // Asked before the log is read: a run that ends in between is then told as broken off at worst, never as both.
        let is_held = RunFolder::is_held(path);
        let mut problems = Vec::new();
        let ends = kept(LogEnds::read(&path.join(RunLog::Log.file_name())), &mut problems);
        let best = kept(Best::read(path), &mut problems);
        let notes = kept(RunNotes::read(path), &mut problems);
        let whole = kept(last_whole_step(path), &mut problems);
        let step = ends.step.as_ref().map_or(0, |step| step.step);
        let status = status(is_held, &ends, file.steps, whole);
        let ended = ends.ended.as_ref();
        Ok(Self {
            resume: resume_point(&status, path, whole, step, file.steps),
            path: path.to_path_buf(),
            name: folder_name(path),
            step,
            steps: file.steps,
            best,
            last_checkpoint: whole,
            first_held_out: ends.first_held_out,
            last_held_out: ends.last_held_out,
            last_loss: ends.step.as_ref().map(|step| step.loss),
            elapsed_s: ended.map(|end| end.elapsed_s).or(ends.step.map(|step| step.elapsed_s)).unwrap_or(0.0),
            energy: ends.usage.map(|usage| usage.energy),
            peak_bytes: ended.and_then(|end| end.peak_bytes),
            status,
            file,
            notes,
            problems,
        })
    }

    /// Where the run goes on, if it can: it was stopped, broke off or failed, and its last checkpoint is whole or none was
    /// written yet.
    pub fn resumable(&self) -> Option<ResumePoint> {
        self.resume
    }

    /// When the run began; `None` where its file has no time that can be read.
    pub fn started(&self) -> Option<DateTime<Local>> {
        DateTime::parse_from_rfc3339(&self.file.started).ok().map(|time| time.with_timezone(&Local))
    }

    /// The lowest held-out loss that is known: of the best checkpoint, or the last that was measured.
    pub fn held_out(&self) -> Option<f64> {
        self.best.as_ref().map(|best| best.loss).or(self.last_held_out)
    }

    /// The names of the data's files, in their order.
    pub fn data_names(&self) -> Vec<String> {
        self.file.data.files().iter().map(|file| folder_name(&file.path)).collect()
    }
}

/// The last part of a path; the whole of one that has none.
pub fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into_owned()
}

/// What was read, or nothing and a problem more.
fn kept<T: Default, E: fmt::Display>(read: Result<T, E>, problems: &mut Vec<String>) -> T {
    read.unwrap_or_else(|error| {
        problems.push(error.to_string());
        T::default()
    })
}

fn status(is_held: bool, ends: &LogEnds, steps: usize, whole: Option<usize>) -> RunStatus {
    if is_held {
        return RunStatus::InTraining;
    }
    match &ends.ended {
        Some(end) => match end.cause {
            EndCause::Finished => RunStatus::Finished,
            EndCause::Stopped => RunStatus::Stopped,
            EndCause::EarlyStop => RunStatus::EarlyStop,
            EndCause::Failed => RunStatus::Failed { message: end.message.clone().unwrap_or_default() },
        },
        // The last checkpoint is what a run does last: what it had to tell of its end alone was lost.
        None if steps > 0 && whole == Some(steps) => RunStatus::Finished,
        None => RunStatus::BrokenOff,
    }
}

fn resume_point(
    status: &RunStatus,
    path: &Path,
    whole: Option<usize>,
    step: usize,
    of_steps: usize,
) -> Option<ResumePoint> {
    if !matches!(status, RunStatus::Stopped | RunStatus::BrokenOff | RunStatus::Failed { .. }) {
        return None;
    }
    // With checkpoints of which none can be read a run is not begun anew over them.
    let begins_anew = || list_checkpoints(path).is_ok_and(|all| all.is_empty()).then_some(0);
    let from_step = whole.or_else(begins_anew).filter(|&from| from < of_steps)?;
    Some(ResumePoint { from_step, of_steps, to_repeat: step.saturating_sub(from_step) })
}
