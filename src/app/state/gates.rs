//! What is known of how gates share the work beyond one text: a survey of many examples, how routing formed in a run, and
//! the names of the heads.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::adapter::AdapterSpec;
use crate::inspect::{FrameOrigin, GateFrame, RoutingSurvey};
use crate::worker::protocol::{Event, SurveyScope};

/// Most frames of a run that are kept; beyond it every other one of what it trained on is dropped.
const MOST_FRAMES: usize = 600;

/// The routing of many examples, as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Surveyed {
    pub scope: SurveyScope,
    /// The folder of the adapter that was looked through, where it was not the one that answers.
    pub at: Option<PathBuf>,
    pub survey: Box<RoutingSurvey>,
}

/// How routing formed in a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// The run's folder.
    pub run: PathBuf,
    /// By step.
    pub frames: Vec<GateFrame>,
}

impl Replay {
    /// Takes in what the run's folder tells, beside what was told live and is not in there.
    fn merge(&mut self, mut frames: Vec<GateFrame>) {
        let is_there = |frames: &[GateFrame], frame: &GateFrame| {
            frames.iter().any(|other| (other.step, other.origin) == (frame.step, frame.origin))
        };
        let live = std::mem::take(&mut self.frames);
        let more: Vec<GateFrame> = live.into_iter().filter(|frame| !is_there(&frames, frame)).collect();
        frames.extend(more);
        frames.sort_by_key(|frame| frame.step);
        self.frames = frames;
    }

    /// Takes a new moment of the run in.
    fn push(&mut self, frame: GateFrame) {
        // A resumed run goes over steps again that it had done before.
        self.frames.retain(|other| other.step < frame.step || other.origin != frame.origin && other.step == frame.step);
        self.frames.push(frame);
        if self.frames.len() > MOST_FRAMES {
            let mut count = 0;
            self.frames.retain(|frame| {
                count += 1;
                frame.origin == FrameOrigin::HeldOut || frame.checkpoint.is_some() || count % 2 == 0
            });
        }
    }
}

/// The names of an adapter's heads, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadNames(Vec<Option<String>>);

impl HeadNames {
    /// Names by head; `None` where one has none.
    pub fn new(names: Vec<Option<String>>) -> Self {
        Self(names)
    }

    /// The name that was given to a head, where one was.
    pub fn name(&self, head: usize) -> Option<&str> {
        self.0.get(head)?.as_deref().filter(|name| !name.trim().is_empty())
    }

    /// A head as it is called everywhere on screen: `Head 2`, or `Head 2 · arithmetic`.
    pub fn title(&self, head: usize) -> String {
        match self.name(head) {
            Some(name) => format!("Head {} · {name}", head + 1),
            None => format!("Head {}", head + 1),
        }
    }
}

static NO_NAMES: HeadNames = HeadNames(Vec::new());

/// What events have told of gates beyond one text.
#[derive(Clone, Debug, Default)]
pub struct GatesState {
    pub surveyed: Option<Surveyed>,
    /// Counts the surveys seen, so that a page knows when to build its pictures anew.
    pub survey_count: usize,
    pub replay: Replay,
    /// Counts the changes of `replay`.
    pub replay_count: usize,
    names: HashMap<PathBuf, HeadNames>,
    /// What adapters in folders are made of, or why that cannot be told.
    described: HashMap<PathBuf, Result<AdapterSpec, String>>,
}

impl GatesState {
    /// The names of the heads of the adapter or run at `path`.
    pub fn names(&self, path: Option<&Path>) -> &HeadNames {
        path.and_then(|path| self.names.get(path)).unwrap_or(&NO_NAMES)
    }

    /// What the adapter of a folder is made of, where that was asked; `Err` says why it cannot be told.
    pub fn described(&self, path: &Path) -> Option<&Result<AdapterSpec, String>> {
        self.described.get(path)
    }

    /// Forgets what belongs to a model or adapter that is gone.
    pub(super) fn forget_survey(&mut self) {
        self.surveyed = None;
    }

    /// Begins the replay of a run that starts now.
    pub(super) fn begin_run(&mut self, run: &Path) {
        if self.replay.run != run {
            self.replay = Replay { run: run.to_path_buf(), frames: Vec::new() };
            self.replay_count += 1;
        }
    }

    pub(super) fn note_event(&mut self, event: Event, active_run: Option<&Path>) {
        match event {
            Event::Surveyed { scope, at, survey } => {
                self.surveyed = Some(Surveyed { scope, at, survey });
                self.survey_count += 1;
            }
            Event::Replayed { run, frames } => {
                if self.replay.run == run {
                    self.replay.merge(frames);
                } else {
                    self.replay = Replay { run, frames };
                }
                self.replay_count += 1;
            }
            Event::Gates(frame) if active_run == Some(self.replay.run.as_path()) => {
                self.replay.push(frame);
                self.replay_count += 1;
            }
            Event::AdapterDescribed { path, found } => {
                self.described.insert(path, found);
            }
            Event::HeadNames { path, names } => {
                self.names.insert(path, HeadNames::new(names));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(step: usize, origin: FrameOrigin) -> Event {
        let (load, modules) = (vec![0.5, 0.5], Vec::new());
        Event::Gates(GateFrame { step, origin, load, entropy: 1.0, modules, checkpoint: None })
    }

    #[test]
    fn moments_of_the_run_under_way_are_gathered_and_those_of_others_are_not() {
        let (run, other) = (Path::new("runs/a"), Path::new("runs/b"));
        let mut state = GatesState::default();
        state.begin_run(run);
        state.note_event(frame(0, FrameOrigin::HeldOut), Some(run));
        state.note_event(frame(5, FrameOrigin::Training), Some(run));
        state.note_event(frame(5, FrameOrigin::HeldOut), Some(run));
        state.note_event(frame(6, FrameOrigin::Training), Some(other));
        assert_eq!(state.replay.frames.iter().map(|frame| frame.step).collect::<Vec<_>>(), [0, 5, 5]);
        state.note_event(frame(3, FrameOrigin::Training), Some(run));
        let steps = |state: &GatesState| state.replay.frames.iter().map(|frame| frame.step).collect::<Vec<_>>();
        assert_eq!(steps(&state), [0, 3], "it went back");
        let Event::Gates(kept) = frame(1, FrameOrigin::HeldOut) else { panic!("a moment") };
        state.note_event(Event::Replayed { run: run.into(), frames: vec![kept] }, Some(run));
        assert_eq!(steps(&state), [0, 1, 3], "what is kept and what was told live come together");
    }

    #[test]
    fn a_long_watch_is_thinned_but_measures_stay() {
        let run = Path::new("runs/a");
        let mut state = GatesState::default();
        state.begin_run(run);
        for step in 0..3000 {
            let origin = if step % 100 == 0 { FrameOrigin::HeldOut } else { FrameOrigin::Training };
            state.note_event(frame(step, origin), Some(run));
        }
        let frames = &state.replay.frames;
        assert!(frames.len() <= MOST_FRAMES + 1, "{} frames", frames.len());
        assert_eq!(frames.iter().filter(|frame| frame.origin == FrameOrigin::HeldOut).count(), 30);
        assert!(frames.is_sorted_by_key(|frame| frame.step));
    }

    #[test]
    fn a_head_is_called_by_its_number_and_its_name() {
        let mut state = GatesState::default();
        let path = PathBuf::from("adapters/a");
        let names = vec![None, Some("arithmetic".to_owned())];
        state.note_event(Event::HeadNames { path: path.clone(), names }, None);
        let names = state.names(Some(&path));
        assert_eq!((names.title(0), names.title(1)), ("Head 1".into(), "Head 2 · arithmetic".into()));
        assert_eq!(state.names(None).title(1), "Head 2");
    }
}
