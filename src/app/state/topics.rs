//! Topics of the data, as the worker told of them.

use std::sync::Arc;

use super::AppState;
use crate::worker::protocol::{Event, JobKind, TopicBoard, TopicOpinion, TopicsReport};

/// What is known of the topics.
#[derive(Clone, Debug, Default)]
pub struct TopicsState {
    pub report: Option<Arc<TopicsReport>>,
    /// The topics as they stand.
    pub board: Option<Arc<TopicBoard>>,
    /// Where the shown examples lie on the map by t-SNE, and the share of it that is done.
    pub map: Option<(Arc<Vec<[f32; 2]>>, f32)>,
    pub opinion: Option<Arc<TopicOpinion>>,
    /// Counts the searches, so that a page knows when to begin anew.
    pub searches: usize,
    /// Counts all that was told, so that a page knows when to build its picture anew.
    pub revision: usize,
}

impl TopicsState {
    /// Forgets the topics, whose examples are gone.
    pub fn forget(&mut self) {
        *self = Self { searches: self.searches + 1, revision: self.revision + 1, ..Self::default() };
    }
}

impl AppState {
    /// The place of a topic's colour among those of the heads: its own where it was found here, or else its place among the
    /// labels of the data. The same on every page.
    pub fn topic_color(&self, name: &str) -> Option<usize> {
        let found = self.topics.board.as_ref().and_then(|board| board.topics.iter().find(|topic| topic.name == name));
        found
            .map(|topic| topic.color)
            .or_else(|| self.data.as_ref()?.topics.iter().position(|(topic, _)| topic == name))
    }

    pub(super) fn note_topics(&mut self, event: Event) {
        let topics = &mut self.topics;
        topics.revision += 1;
        match event {
            Event::TopicsFound { report, board } => {
                topics.forget();
                (topics.report, topics.board) = (Some(report.into()), Some(board.into()));
                self.end_job(JobKind::FindTopics);
            }
            Event::TopicsEdited(board) => {
                topics.board = Some(board.into());
                self.end_job(JobKind::EditTopics);
            }
            Event::TopicsSaved { .. } => self.end_job(JobKind::EditTopics),
            Event::TopicMap { places, share } => topics.map = Some((places.into(), share)),
            Event::TopicOpinion(opinion) => {
                topics.opinion = Some(opinion.into());
                self.end_job(JobKind::MapTopics);
            }
            Event::TopicsGone => topics.forget(),
            _ => {}
        }
    }
}
