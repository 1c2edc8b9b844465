//! Who answers: the base model, the active adapter, or one of a folder, with what is done to its heads.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::freed::loaded_adapter;
use super::protocol::Side;
use super::session::Session;
use crate::adapter::{Adapter, GateCapture, HeadMix, Pass, TENSOR_FILE};
use crate::model::BaseModel;
use crate::train::AdapterPlace;

/// Adapters of folders that stay in memory for the next answer: two can be compared.
const KEPT: usize = 2;

/// What answers beside the base model. It shares the tensors of the adapter it was made of, so that of one in training it
/// follows every step.
pub(super) struct Answerer {
    adapter: Option<Adapter>,
    mix: HeadMix,
}

impl Answerer {
    /// The base model alone.
    fn base() -> Self {
        Self { adapter: None, mix: HeadMix::default() }
    }

    pub fn pass<'a>(&'a self, capture: Option<&'a GateCapture>) -> Pass<'a> {
        match &self.adapter {
            Some(adapter) => Pass { mix: Some(&self.mix), capture, ..Pass::with(adapter) },
            None => Pass::default(),
        }
    }

    /// The heads of the adapter, where there is one.
    pub fn heads(&self) -> Option<usize> {
        self.adapter.as_ref().map(|adapter| adapter.spec().heads)
    }
}

/// Adapters that were read from folders to answer, the latest last.
#[derive(Default)]
pub(super) struct SideAdapters {
    kept: Vec<SideAdapter>,
}

struct SideAdapter {
    /// The folder, and when its tensors were written.
    from: (PathBuf, Option<SystemTime>),
    /// The base model it was read for.
    fingerprint: String,
    adapter: Adapter,
}

impl SideAdapters {
    /// The adapter of a folder, read where it is not at hand.
    fn find(&mut self, path: &Path, model: &BaseModel) -> anyhow::Result<Adapter> {
        let folder = AdapterPlace::find(path)?.folder;
        let written = std::fs::metadata(folder.join(TENSOR_FILE)).and_then(|file| file.modified()).ok();
        let from = (folder, written);
        let is_it = |kept: &SideAdapter| kept.from == from && kept.fingerprint == model.fingerprint;
        let found = match self.kept.iter().position(is_it) {
            Some(at) => self.kept.remove(at),
            None => {
                let adapter = loaded_adapter(model, &from.0)?.adapter;
                SideAdapter { from, fingerprint: model.fingerprint.clone(), adapter }
            }
        };
        let adapter = found.adapter.clone();
        self.kept.push(found);
        if self.kept.len() > KEPT {
            self.kept.remove(0);
        }
        Ok(adapter)
    }

    /// Lets go of all of them.
    pub fn forget(&mut self) {
        self.kept.clear();
    }
}

impl Session {
    /// Makes a side ready to answer on `model`. Errs where its adapter is not there, does not fit, or cannot take the mix.
    pub(super) fn answerer(&mut self, side: &Side, model: &BaseModel) -> anyhow::Result<Answerer> {
        let (adapter, mix) = match side {
            Side::Base => return Ok(Answerer::base()),
            Side::Adapter { mix } => {
                let adapter = self.active_adapter().cloned().ok_or_else(|| {
                    anyhow::anyhow!("there is no adapter to answer with: train one, or load one on the Model page")
                })?;
                (adapter, mix)
            }
            Side::Folder { path, mix } => (self.sides.find(path, model)?, mix),
        };
        mix.check(adapter.spec(), model.decoder.config().layers)?;
        Ok(Answerer { adapter: Some(adapter), mix: mix.clone() })
    }
}
