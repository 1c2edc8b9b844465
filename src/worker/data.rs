//! The data that the engine has loaded: put in place, held out by a rule, and read as the model reads it.

use std::sync::Arc;

use super::clustering::Order;
use super::import::{HeldOut, Imported};
use super::protocol::{Event, SplitRule};
use super::session::Session;
use super::summary;
use crate::job::Job;

/// Imported data and which of it is held out.
#[derive(Clone)]
pub(super) struct LoadedData {
    pub imported: Arc<Imported>,
    pub held_out: Arc<HeldOut>,
}

impl Session {
    pub(super) fn data(&self) -> anyhow::Result<LoadedData> {
        self.data.clone().ok_or_else(|| anyhow::anyhow!("no data is loaded: choose files on the Data page"))
    }

    /// Puts data in place of what is loaded, for other threads too.
    pub(super) fn set_data(&mut self, data: LoadedData) {
        self.around.topics.send(Order::Data(data.imported.clone()));
        *self.around.data.lock() = Some(data.clone());
        self.data = Some(data);
    }

    /// Puts data in place of what is loaded. It was held out by the rule of its time, which a run may since have changed.
    pub(super) fn take_import(&mut self, data: LoadedData) {
        self.end_survey();
        let is_by_rule = data.held_out.rule == *self.around.rule.lock();
        self.asleep_data = None;
        self.set_data(data);
        if !is_by_rule {
            self.tell_held_out();
        }
        self.refresh_facts();
    }

    /// Holds out as the next run will. A run that is on keeps the examples that it measures itself by.
    pub(super) fn hold_out_as_next(&mut self, rule: SplitRule) {
        if !self.has_run() {
            self.end_survey();
            self.hold_out(rule);
        }
    }

    /// From now on holds out by `rule`, so that no example shown as held out was trained on.
    pub(super) fn hold_out(&mut self, rule: SplitRule) {
        let before = std::mem::replace(&mut *self.around.rule.lock(), rule);
        if before != rule {
            if let Err(error) = self.wake_data(&Job::silent()) {
                self.around.outbox.send(Event::Warning { message: format!("{error:#}") });
            }
            self.tell_held_out();
        }
    }

    pub(super) fn tell_held_out(&mut self) {
        let rule = *self.around.rule.lock();
        let Some(LoadedData { imported, .. }) = self.data.clone() else { return };
        let held_out = Arc::new(imported.held_out(rule));
        let (prompts, count) = (imported.prompts(&held_out), held_out.rows.len());
        self.set_data(LoadedData { imported, held_out });
        self.around.outbox.send(Event::HeldOut { prompts, split: rule, held_out: count });
    }

    /// Tells examples as the loaded model will read them.
    pub(super) fn preview(&mut self, start: usize, count: usize, context: usize, job: &Job) -> anyhow::Result<()> {
        let data = self.data()?;
        let tokenizer = self.model.as_ref().and_then(|model| model.tokenizer().ok());
        let all = &data.imported.import.examples;
        let rows = all.iter_of(start..start.saturating_add(count).min(all.len()));
        let examples = rows.map(|example| {
            job.check()?;
            Ok(summary::example(&example?, tokenizer, context))
        });
        let examples = examples.collect::<anyhow::Result<_>>()?;
        self.around.outbox.send(Event::DataPreview { start, examples });
        Ok(())
    }
}
