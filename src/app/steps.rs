//! The steps of the work: how far each one is, and which comes next.

use crate::app::pages::PageId;
use crate::app::state::AppState;
use crate::worker::protocol::JobKind;

/// How far a step of the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Done,
    /// Under way now.
    Running,
    /// What to do next.
    Next,
    NotYet,
}

impl Mark {
    /// The mark in words, for tooltips and screen readers.
    pub fn words(self) -> &'static str {
        match self {
            Mark::Done => "Done",
            Mark::Running => "Under way",
            Mark::Next => "Next step",
            Mark::NotYet => "Not yet",
        }
    }
}

impl AppState {
    /// How far the step of a page is.
    pub fn mark(&self, page: PageId) -> Mark {
        let (is_done, job) = match page {
            PageId::Model => (self.model.is_some(), JobKind::LoadModel),
            PageId::Data => (self.data.as_ref().is_some_and(|data| data.kept > 0), JobKind::ImportData),
            PageId::Topics => (self.topics.board.as_ref().is_some_and(|board| board.is_applied), JobKind::FindTopics),
            PageId::Train => (self.adapter.is_some() && self.active_run().is_none(), JobKind::Train),
            PageId::Routing => (self.routing.is_some(), JobKind::Inspect),
            PageId::Chat => (self.answers.values().any(|answer| !answer.text.is_empty()), JobKind::Generate),
            PageId::Export => (self.exported.is_some(), JobKind::Export),
            // A place to look back from, and no step of the work.
            PageId::Runs => return Mark::NotYet,
        };
        let is_training = page == PageId::Train && self.active_run().is_some();
        if is_training || self.job(job).is_some() {
            Mark::Running
        } else if is_done {
            Mark::Done
        } else if self.next_page() == Some(page) {
            Mark::Next
        } else {
            Mark::NotYet
        }
    }

    /// The page with the next thing to do; `None` while a run is on, and when everything is done.
    pub fn next_page(&self) -> Option<PageId> {
        if self.active_run().is_some() {
            return None;
        }
        let steps = [
            (PageId::Model, self.model.is_some()),
            (PageId::Data, self.data.as_ref().is_some_and(|data| data.kept > 0) || self.adapter.is_some()),
            (PageId::Train, self.adapter.is_some()),
            (PageId::Routing, self.routing.is_some()),
            (PageId::Export, self.exported.is_some()),
        ];
        steps.into_iter().find(|(_, is_done)| !is_done).map(|(page, _)| page)
    }
}
