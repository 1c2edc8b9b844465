//! Adapter folders: `adapter_model.safetensors`, `adapter_config.json` and a model card. Tensor names follow the
//! published HydraLoRA code, plain LoRA is written as PEFT writes it; reading is strict, so that a wrong file is
//! refused by the name of what is wrong rather than half loaded.

use std::path::Path;

use super::card::{CARD_FILE, CardInfo, model_card};
use super::check::{BaseShape, Dims};
use super::config_file::{AdapterConfig, AdapterFormat, CONFIG_FILE, to_json};
use super::tensor_file::{TENSOR_FILE, read_file, write_file};
use super::{AdapterError, AdapterSpec, AdapterTensors};
use crate::disk::{write_atomic, write_folder_atomic};

/// An adapter folder as read.
#[derive(Clone, Debug)]
pub struct AdapterFolder {
    pub tensors: AdapterTensors,
    /// The base model's name or path, where the config has one.
    pub base_model_name: Option<String>,
    pub format: AdapterFormat,
}

/// Reads the adapter folder at `folder`. `dims` and `layers` are the base model's at hand; without them the adapter is
/// only checked against its own config.
///
/// # Errors
/// When a file is missing or broken, the config asks for what cannot be computed, a tensor is missing, extra,
/// misshapen or not finite, or the adapter is for another base model.
pub fn read(folder: &Path, dims: Option<Dims<'_>>, layers: Option<usize>) -> Result<AdapterFolder, AdapterError> {
    let config = AdapterConfig::read(folder)?;
    let path = folder.join(TENSOR_FILE);
    if !path.is_file() {
        let folder = folder.to_path_buf();
        return Err(if folder.join("adapter_model.bin").is_file() {
            AdapterError::PickleOnly { folder }
        } else {
            AdapterError::MissingFile { file: TENSOR_FILE, folder }
        });
    }
    let tensors = read_file(&path, &config.spec, BaseShape { dims, layers })?;
    Ok(AdapterFolder { tensors, base_model_name: config.base_model_name, format: config.format })
}

/// Reads the tensors of an adapter of `spec` from a single safetensors file, as strictly as [`read`].
///
/// # Errors
/// As [`read`], config apart.
pub fn read_tensors(
    path: &Path,
    spec: &AdapterSpec,
    dims: Option<Dims<'_>>,
    layers: Option<usize>,
) -> Result<AdapterTensors, AdapterError> {
    read_file(path, spec, BaseShape { dims, layers })
}

/// Writes a new adapter folder, whole or not at all, and gives back the names of its files.
///
/// # Errors
/// When `folder` exists, the tensors do not fit their spec or are not finite, or the disk refuses.
pub fn write(
    folder: &Path,
    tensors: &AdapterTensors,
    base_model: &str,
    card: &CardInfo,
) -> Result<Vec<String>, AdapterError> {
    write_folder_atomic(folder, |temporary| write_files(temporary, tensors, base_model, card))
}

/// Writes the adapter's files into a folder that is there, for callers that build a larger folder around them.
/// `base_model` is the base model's name or path. Gives back the names of the files.
///
/// # Errors
/// When the tensors do not fit their spec or are not finite, or the disk refuses.
pub fn write_files(
    folder: &Path,
    tensors: &AdapterTensors,
    base_model: &str,
    card: &CardInfo,
) -> Result<Vec<String>, AdapterError> {
    tensors.spec.validate().map_err(|reason| AdapterError::Spec { reason })?;
    write_file(&folder.join(TENSOR_FILE), tensors)?;
    let config = format!("{:#}\n", to_json(&tensors.spec, base_model));
    write_atomic(&folder.join(CONFIG_FILE), config.as_bytes())?;
    write_atomic(&folder.join(CARD_FILE), model_card(tensors, base_model, card).as_bytes())?;
    Ok([TENSOR_FILE, CONFIG_FILE, CARD_FILE].map(String::from).to_vec())
}

#[cfg(test)]
mod tests;
