//! Whose routing was looked at, and whether it is that of the adapter that is there now.

use std::path::{Path, PathBuf};

use egui::Ui;

use crate::app::pages::PageContext;
use crate::app::theme::space;
use crate::app::toasts::Level;
use crate::app::widgets::figures::file_name;
use crate::app::widgets::notes::callout;

/// An adapter, as far as this page can tell two apart: the runs seen, and the folder it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    runs: usize,
    adapter: Option<PathBuf>,
}

impl Subject {
    /// The adapter that is there now.
    fn of(cx: &PageContext<'_>) -> Self {
        Self { runs: cx.state.run_count, adapter: cx.state.adapter_path().map(Path::to_path_buf) }
    }
}

/// What a look shows: whose routing, noted when the look came in.
#[derive(Default)]
pub struct LookedAt {
    /// With the number of the look.
    subject: Option<(usize, Subject)>,
}

impl LookedAt {
    /// Notes whose look number `number` is, and owns up where that is not the adapter that is there now. One that was
    /// taken through a folder of its own, `at`, stays what it is.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, number: usize, at: Option<&Path>) {
        let subject = Subject::of(cx);
        match &self.subject {
            Some((of_number, of)) if *of_number == number => {
                if *of != subject && at.is_none() {
                    let text = "This is the routing of the adapter before the one that is there now. Look again.";
                    callout(ui, Level::Info, text);
                    ui.add_space(space::S);
                }
            }
            _ => self.subject = Some((number, subject)),
        }
    }

    /// The name of the adapter that was looked through: of the folder `at`, else of the one that was there.
    pub fn adapter_words(&self, at: Option<&Path>) -> String {
        let there = self.subject.as_ref().and_then(|(_, subject)| subject.adapter.as_deref());
        at.or(there).map_or_else(|| "the adapter".to_owned(), file_name)
    }
}
