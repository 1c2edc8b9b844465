//! What most commands open first: the device, the base model, and an adapter for it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;

use super::output::Output;
use crate::adapter::{Adapter, AdapterTensors, CardInfo, folder};
use crate::model::{BaseModel, BaseType, ModelConfig};
use crate::text::TokenizedExample;
use crate::train::{AdapterPlace, DeviceChoice, open_device};

/// The base model at `path`, on the device of `choice`, its matrices kept as they are stored.
pub(super) fn model(path: &Path, choice: DeviceChoice, output: &Output) -> anyhow::Result<Arc<BaseModel>> {
    model_as(path, BaseType::Stored, choice, output)
}

/// The base model at `path`, on the device of `choice`, its matrices kept as `base`.
pub(super) fn model_as(
    path: &Path,
    base: BaseType,
    choice: DeviceChoice,
    output: &Output,
) -> anyhow::Result<Arc<BaseModel>> {
    let device = open_device(choice)?;
    let started = Instant::now();
    let model = BaseModel::load_as(path, base, &device, output.job())?;
    output.clear_progress();
    log::debug!(
        "loaded {} ({} parameters, stored as {}) in {:.1} s",
        path.display(),
        model.parameters(),
        model.stored_as,
        started.elapsed().as_secs_f64()
    );
    if model.tokenizer().is_ok_and(|tokenizer| !tokenizer.template_origin().is_models_own()) {
        output.note("The model brought no chat template: questions and answers are set in a plain default one.");
    }
    Ok(Arc::new(model))
}

/// An adapter on the device of its model.
pub(super) struct OpenedAdapter {
    pub adapter: Adapter,
    pub tensors: AdapterTensors,
    pub card: CardInfo,
}

/// The adapter that `path` stands for: an adapter folder, a checkpoint, or a run folder.
pub(super) fn adapter(path: &Path, model: &BaseModel, output: &Output) -> anyhow::Result<OpenedAdapter> {
    let place = adapter_place(path, model, output)?;
    let layers = model.decoder.config().layers;
    let tensors = folder::read(&place.folder, Some(&|module| model.dims(module)), Some(layers))?.tensors;
    let adapter = Adapter::from_tensors(&tensors, model.decoder.device())?;
    Ok(OpenedAdapter { adapter, tensors, card: place.card() })
}

/// Where the adapter that `path` stands for is. Says which checkpoint of a run was taken, and warns where the run was
/// on another base model; shapes that do not fit are refused when the adapter is read.
pub(super) fn adapter_place(path: &Path, model: &BaseModel, output: &Output) -> anyhow::Result<AdapterPlace> {
    let place = AdapterPlace::find(path)?;
    if let Some(chosen) = &place.chosen {
        output.note(&format!("Adapter: {chosen}."));
    }
    if let Some(run) = place.run.as_ref().filter(|run| run.check_model(model).is_err()) {
        let (theirs, ours) = (&run.model.name, &model.name);
        output.warn(&format!(
            "the adapter was trained on {theirs} as it was in {}, and {ours} differs from it, be it only in how its \
             weights are stored: expect other answers than in training",
            run.model.path.display()
        ));
    }
    Ok(place)
}

/// The length of the rows of a token file. Errs when it exceeds what the model takes.
pub(super) fn row_width(rows: &[TokenizedExample], file: &Path, config: &ModelConfig) -> anyhow::Result<usize> {
    let width = rows.iter().map(|row| row.ids.len()).max().unwrap_or_default();
    if width > config.max_position {
        bail!(
            "the rows have {width} tokens, the model takes {} at most: cut them, or use a model with a longer context: {}",
            config.max_position,
            file.display()
        );
    }
    Ok(width)
}
