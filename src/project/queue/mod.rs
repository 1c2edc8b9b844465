//! Runs that wait for their turn: what each needs to begin without a person, and what became of it. [`Queue`] is the list
//! and its rules, [`QueueFile`] keeps it on disk, so that a queue outlives its process.

mod file;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::ColumnMap;
use crate::train::TrainSettings;

pub use file::{QueueError, QueueFile};

/// Everything a run needs to begin without a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOrder {
    /// What the run is called in lists.
    pub title: String,
    /// The sweep or comparison it belongs to, which becomes a tag of the run; `None` for a run of its own.
    pub group: Option<String>,
    /// A Hugging Face folder or a GGUF file.
    pub model: PathBuf,
    pub data: Vec<PathBuf>,
    /// Columns named by hand.
    pub columns: ColumnMap,
    pub settings: TrainSettings,
    /// The run folder to make.
    pub out: PathBuf,
}

/// Tells the runs of one queue apart; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueuedId(pub u64);

/// What became of a queued run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum QueuedState {
    /// It begins when its turn comes.
    Waiting,
    Running,
    /// Its process ended before it did; it goes on from its last checkpoint when its turn comes.
    Interrupted,
    Done,
    /// It ended with an error, and the queue went on.
    Failed {
        message: String,
    },
    /// The user stopped it.
    Stopped {
        step: usize,
    },
}

/// One run of a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuedRun {
    pub id: QueuedId,
    pub run: RunOrder,
    pub state: QueuedState,
    /// When the run in its folder began, as that run's `run.json` says; `None` before it has begun. A folder that holds a
    /// run of another time holds one that is not its own.
    #[serde(default)]
    pub begun: Option<String>,
}

impl QueuedRun {
    /// Whether its turn is still to come.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, QueuedState::Waiting | QueuedState::Interrupted)
    }

    /// Whether it ended without having done all its steps, so that it can be put back in line.
    pub fn can_retry(&self) -> bool {
        matches!(self.state, QueuedState::Failed { .. } | QueuedState::Stopped { .. })
    }
}

/// Whether the queue takes the next run when none is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueMode {
    /// The run under way goes on to its end; no other begins.
    #[default]
    Held,
    Going,
}

/// Which way a run is moved in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shift {
    /// Towards its turn.
    Up,
    Down,
}

/// Runs in the order of their turns, those that have ended among them until they are removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    pub mode: QueueMode,
    /// The next id to give.
    next: u64,
    runs: Vec<QueuedRun>,
}

/// How a stretch of work ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueSummary {
    pub done: usize,
    /// Title and reason of every run that failed.
    pub failed: Vec<(String, String)>,
    pub stopped: usize,
    /// Runs whose turn is still to come.
    pub pending: usize,
}

impl Queue {
    /// Every run, in line.
    pub fn runs(&self) -> &[QueuedRun] {
        &self.runs
    }

    /// The run of an id.
    pub fn run(&self, id: QueuedId) -> Option<&QueuedRun> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// The run whose turn is next.
    pub fn next(&self) -> Option<&QueuedRun> {
        self.runs.iter().find(|run| run.is_pending())
    }

    /// Puts runs at the end of the line. A folder that `is_taken`, or that another run of the queue will make, gives way to
    /// the same name with a number.
    pub fn add(&mut self, orders: Vec<RunOrder>, is_taken: &dyn Fn(&Path) -> bool) {
        for mut run in orders {
            let is_free = |path: &Path| !is_taken(path) && self.runs.iter().all(|other| other.run.out != path);
            run.out = free_name(&run.out, &is_free);
            let id = QueuedId(self.next);
            self.next += 1;
            self.runs.push(QueuedRun { id, run, state: QueuedState::Waiting, begun: None });
        }
    }

    /// Gives a run another folder where its own was taken since it was put in line.
    pub fn find_room(&mut self, id: QueuedId, is_taken: &dyn Fn(&Path) -> bool) {
        let is_others = |path: &Path| self.runs.iter().any(|run| run.id != id && run.run.out == path);
        let is_free = |path: &Path| !is_taken(path) && !is_others(path);
        let Some(out) = self.run(id).map(|run| free_name(&run.run.out, &is_free)) else { return };
        if let Some(run) = self.runs.iter_mut().find(|run| run.id == id) {
            run.run.out = out;
        }
    }

    /// Takes a run out of the line; its folder stays as it is. A run under way stays in line: it is stopped first. Gives
    /// back whether it was taken out.
    pub fn remove(&mut self, id: QueuedId) -> bool {
        let before = self.runs.len();
        self.runs.retain(|run| run.id != id || run.state == QueuedState::Running);
        self.runs.len() < before
    }

    /// Lets a run change places with the next one before or behind it whose turn is still to come.
    pub fn shift(&mut self, id: QueuedId, way: Shift) {
        let Some(at) = self.runs.iter().position(|run| run.id == id && run.is_pending()) else { return };
        let is_pending = |index: &usize| self.runs.get(*index).is_some_and(QueuedRun::is_pending);
        let other = match way {
            Shift::Up => (0..at).rev().find(is_pending),
            Shift::Down => (at + 1..self.runs.len()).find(is_pending),
        };
        if let Some(other) = other {
            self.runs.swap(at, other);
        }
    }

    /// Puts a run that failed or was stopped back in line, where it stands. One that had begun goes on from its last
    /// checkpoint.
    pub fn retry(&mut self, id: QueuedId) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.id == id && run.can_retry()) {
            run.state = QueuedState::Waiting;
        }
    }

    /// Notes what became of a run.
    pub fn set_state(&mut self, id: QueuedId, state: QueuedState) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.id == id) {
            run.state = state;
        }
    }

    /// Notes that a run has begun, at the time that its `run.json` says.
    pub fn note_begin(&mut self, id: QueuedId, started: String) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.id == id) {
            run.begun = Some(started);
        }
    }

    /// Gives a run the place and state back that it had before its turn, which came to nothing.
    pub fn put_back(&mut self, before: &QueuedRun) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.id == before.id) {
            run.clone_from(before);
        }
    }

    /// Notes that the process which worked on the queue is no more: what ran was interrupted, and nothing begins before
    /// someone says so.
    pub fn interrupt(&mut self) {
        for run in self.runs.iter_mut().filter(|run| run.state == QueuedState::Running) {
            run.state = QueuedState::Interrupted;
        }
        self.mode = QueueMode::Held;
    }

    /// What became of the runs `ids`, and how many are left.
    pub fn summary(&self, ids: &[QueuedId]) -> QueueSummary {
        let pending = self.runs.iter().filter(|run| run.is_pending()).count();
        let mut summary = QueueSummary { pending, ..QueueSummary::default() };
        for run in ids.iter().filter_map(|id| self.run(*id)) {
            match &run.state {
                QueuedState::Done => summary.done += 1,
                QueuedState::Failed { message } => summary.failed.push((run.run.title.clone(), message.clone())),
                QueuedState::Stopped { .. } => summary.stopped += 1,
                QueuedState::Waiting | QueuedState::Running | QueuedState::Interrupted => {}
            }
        }
        summary
    }
}

/// `path`, or the first of `path-2`, `path-3`, … that is free; the ending of a file stays behind the number.
pub fn free_name(path: &Path, is_free: &dyn Fn(&Path) -> bool) -> PathBuf {
    let endings = [".csv", ".jsonl"];
    let ending = endings.into_iter().find(|ending| path.to_string_lossy().ends_with(ending));
    let numbered = |number: usize| match (number, path.file_name().map(|name| name.to_string_lossy())) {
        (1, _) | (_, None) => path.to_path_buf(),
        (_, Some(name)) => {
            let (stem, ending) =
                (ending.and_then(|ending| name.strip_suffix(ending)).unwrap_or(&name), ending.unwrap_or(""));
            path.with_file_name(format!("{stem}-{number}{ending}"))
        }
    };
    (1..1000).map(numbered).find(|path| is_free(path)).unwrap_or_else(|| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn order(name: &str) -> RunOrder {
        RunOrder {
            title: name.into(),
            group: None,
            model: "/models/tiny".into(),
            data: vec!["/data/rows.jsonl".into()],
            columns: ColumnMap { prompt: Some("ask".into()), ..ColumnMap::default() },
            settings: TrainSettings { lr: 3e-3, ..TrainSettings::default() },
            out: Path::new("/runs").join(name),
        }
    }

    fn queue(names: &[&str]) -> Queue {
        let mut queue = Queue::default();
        queue.add(names.iter().map(|name| order(name)).collect(), &|_| false);
        queue
    }

    fn titles(queue: &Queue) -> Vec<&str> {
        queue.runs().iter().map(|run| run.run.title.as_str()).collect()
    }

    #[test]
    fn runs_take_their_turns_in_order_and_what_has_ended_is_passed_over() {
        let mut queue = queue(&["a", "b", "c"]);
        let ids: Vec<_> = queue.runs().iter().map(|run| run.id).collect();
        queue.set_state(ids[0], QueuedState::Done);
        assert_eq!(queue.next().unwrap().id, ids[1]);
        queue.set_state(ids[1], QueuedState::Failed { message: "no memory".into() });
        assert_eq!(queue.next().unwrap().id, ids[2]);
        let summary = queue.summary(&ids);
        assert_eq!((summary.done, summary.pending), (1, 1));
        assert_eq!(summary.failed, [("b".to_owned(), "no memory".to_owned())]);
        queue.retry(ids[1]);
        queue.retry(ids[0]);
        assert_eq!(queue.next().unwrap().id, ids[1]);
        assert_eq!(queue.run(ids[0]).unwrap().state, QueuedState::Done, "what is done is not done again");
    }

    #[test]
    fn a_run_moves_only_among_those_that_wait() {
        let mut queue = queue(&["a", "b", "c", "d"]);
        let ids: Vec<_> = queue.runs().iter().map(|run| run.id).collect();
        queue.set_state(ids[1], QueuedState::Running);
        queue.shift(ids[2], Shift::Up);
        assert_eq!(titles(&queue), ["c", "b", "a", "d"]);
        queue.shift(ids[2], Shift::Up);
        queue.shift(ids[1], Shift::Down);
        assert_eq!(titles(&queue), ["c", "b", "a", "d"]);
        queue.shift(ids[2], Shift::Down);
        assert_eq!(titles(&queue), ["a", "b", "c", "d"]);
    }

    #[test]
    fn the_run_under_way_cannot_be_removed_and_ids_are_not_given_again() {
        let mut queue = queue(&["a", "b"]);
        let (a, b) = (queue.runs()[0].id, queue.runs()[1].id);
        queue.set_state(a, QueuedState::Running);
        assert!(!queue.remove(a) && queue.remove(b) && !queue.remove(b));
        queue.add(vec![order("c")], &|_| false);
        assert!(queue.runs()[1].id > b);
    }

    #[test]
    fn a_folder_that_is_taken_gives_way_to_one_with_a_number() {
        let mut queue = queue(&["a", "a"]);
        queue.add(vec![order("b")], &|path| path.ends_with("b") || path.ends_with("b-2"));
        let folders: Vec<_> = queue.runs().iter().map(|run| run.run.out.to_str().unwrap()).collect();
        assert_eq!(folders, ["/runs/a", "/runs/a-2", "/runs/b-3"]);
    }
}
