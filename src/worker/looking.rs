//! Questions about routing: which head each token of a text goes to, and what the heads are called.

use std::path::Path;

use super::freed::loaded_adapter;
use super::protocol::{Event, InspectSource};
use super::session::Session;
use super::summary;
use crate::adapter::Adapter;
use crate::inspect::routing_of;
use crate::job::Job;
use crate::model::BaseModel;
use crate::project::head_names;

impl Session {
    pub(super) fn inspect(&mut self, source: &InspectSource, at: Option<&Path>, job: &Job) -> anyhow::Result<()> {
        let model = self.model()?;
        let text = summary::inspected_text(&model, self.data.as_ref(), source)?;
        job.check()?;
        let routing = match at {
            Some(folder) => routing_of(&model.decoder, &adapter_at(&model, folder)?, &text.ids)?,
            None => routing_of(&model.decoder, self.adapter_to_look_at()?, &text.ids)?,
        };
        job.check()?;
        self.around.outbox.send(Event::Routing(summary::routing(&model, text, at, routing)?));
        Ok(())
    }

    /// Tells of the adapter that answers from now on, and what its heads are called.
    pub(super) fn tell_adapter(&self, adapter: &Adapter, path: &Path) {
        self.around.outbox.send(Event::AdapterLoaded(summary::adapter(adapter, Some(path))));
        self.tell_head_names(path);
    }

    /// Tells what the heads of the adapter or run at `path` are called.
    pub(super) fn tell_head_names(&self, path: &Path) {
        self.around.outbox.send(match head_names(path) {
            Ok(names) => Event::HeadNames { path: path.to_owned(), names },
            Err(error) => Event::Warning { message: error.to_string() },
        });
    }

    pub(super) fn adapter_to_look_at(&self) -> anyhow::Result<&Adapter> {
        self.active_adapter()
            .ok_or_else(|| anyhow::anyhow!("there is no adapter to look at: train one, or load one on the Model page"))
    }
}

/// The adapter of a folder, to look through and to forget.
pub(super) fn adapter_at(model: &BaseModel, folder: &Path) -> anyhow::Result<Adapter> {
    Ok(loaded_adapter(model, folder)?.adapter)
}
