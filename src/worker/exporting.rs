//! The loaded adapter on its way out.

use std::path::Path;

use super::protocol::Event;
use super::session::Session;
use super::summary;
use crate::export::{ExportSource, export_hydralora};
use crate::job::Job;
use crate::project::carry_head_names;

impl Session {
    /// Writes the loaded adapter. The one in training is still changing, and the window shows the loaded one.
    pub(super) fn export(&mut self, out: &Path, job: &Job) -> anyhow::Result<()> {
        let model = self.model()?;
        let loaded = self.adapter.as_ref().ok_or_else(|| match self.training {
            Some(_) => {
                anyhow::anyhow!("the adapter in training can be exported once its run has ended: stop and save it")
            }
            None => anyhow::anyhow!("there is no adapter to export: train one first"),
        })?;
        let tensors = loaded.adapter.to_tensors()?;
        let source = ExportSource { tensors: &tensors, base_model: &model.name, card: &loaded.card };
        let tokenizer = model.tokenizer()?;
        let companions = |folder: &Path| {
            tokenizer.save(folder)?;
            Ok(carry_head_names(&loaded.path, folder)?)
        };
        let report = export_hydralora(out, source, companions, job)?;
        self.around.outbox.send(Event::Exported(summary::export(out, report)));
        Ok(())
    }
}
