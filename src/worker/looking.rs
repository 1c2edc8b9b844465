//! Questions about routing: which head each token of a text goes to, and how many examples share the heads.

use std::path::Path;

use super::freed::loaded_adapter;
use super::protocol::{Event, InspectSource};
use super::session::Session;
use super::summary;
use crate::adapter::Adapter;
use crate::inspect::routing_of;
use crate::job::Job;
use crate::model::BaseModel;

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

    fn adapter_to_look_at(&self) -> anyhow::Result<&Adapter> {
        self.active_adapter()
            .ok_or_else(|| anyhow::anyhow!("there is no adapter to look at: train one, or load one on the Model page"))
    }
}

/// The adapter of a folder, to look through and to forget.
fn adapter_at(model: &BaseModel, folder: &Path) -> anyhow::Result<Adapter> {
    Ok(loaded_adapter(model, folder)?.adapter)
}
