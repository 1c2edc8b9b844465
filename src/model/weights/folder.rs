//! Finding the weight files of a Hugging Face folder, and saying what is wrong with a folder that has none.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::safetensors::{SafeTensorsWeights, Shard};
use crate::model::ModelError;

const CONFIG: &str = "config.json";
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Beyond any config or index: those of the largest models have a few megabytes.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// A `model.safetensors.index.json`, as far as it matters here.
#[derive(Deserialize)]
struct Index {
    /// Tensor to file name.
    weight_map: BTreeMap<String, String>,
}

/// Whether a file is of a kind that only pickle reads.
pub fn is_pickle(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["bin", "pt", "pth", "ckpt", "pkl"].iter().any(|pickle| extension.eq_ignore_ascii_case(pickle))
}

/// The text of a folder's `config.json`, with its path. Errs where the folder has none, and says what it has instead.
pub fn read_config(folder: &Path) -> Result<(PathBuf, String), ModelError> {
    let path = folder.join(CONFIG);
    match read_text(&path)? {
        Some(text) => Ok((path, text)),
        None => Err(without_config(folder)),
    }
}

/// The text of a file that is expected to be small; `None` where there is no such file.
pub fn read_text(path: &Path) -> Result<Option<String>, ModelError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ModelError::io(path, source)),
    };
    let mut text = String::new();
    file.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text).map_err(|source| ModelError::io(path, source))?;
    if text.len() as u64 > MAX_TEXT_BYTES {
        let reason = format!("the file is larger than {MAX_TEXT_BYTES} bytes, which none of its kind is");
        return Err(ModelError::bad_file(path, reason));
    }
    Ok(Some(text))
}

/// The names of the plain files in a folder, in order.
fn files(folder: &Path) -> Result<Vec<String>, ModelError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|source| ModelError::io(folder, source))? {
        let entry = entry.map_err(|source| ModelError::io(folder, source))?;
        if entry.path().is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn without_config(folder: &Path) -> ModelError {
    let names = match files(folder) {
        Ok(names) => names,
        Err(error) => return error,
    };
    let has = |extension: &str| names.iter().find(|name| name.ends_with(extension));
    if has(".safetensors").or(has(".gguf")).is_none()
        && let Some(path) = pickle_in(folder, &names)
    {
        return ModelError::Pickle { path };
    }
    let reason = if names.is_empty() {
        "the folder has no files; choose the folder that the model was downloaded to".to_owned()
    } else if names.iter().any(|name| name == "adapter_config.json") {
        "the folder holds an adapter; choose the base model that it was trained on".to_owned()
    } else if let Some(gguf) = has(".gguf") {
        format!("the folder has no config.json; to open its GGUF file, choose {gguf} itself")
    } else if has(".safetensors").is_some() {
        "the folder has weights but no config.json; download that too".to_owned()
    } else {
        "the folder has no config.json; choose a folder with config.json and model.safetensors, or a .gguf file"
            .to_owned()
    };
    ModelError::not_a_model(folder, reason)
}

fn pickle_in(folder: &Path, names: &[String]) -> Option<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|path| is_pickle(path))
}

/// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names.
pub fn open_weights(folder: &Path) -> Result<SafeTensorsWeights, ModelError> {
    let single = folder.join(SINGLE);
    if single.exists() {
        return Shard::open(&single).map(SafeTensorsWeights::single);
    }
    let index = folder.join(INDEX);
    if index.exists() {
        return open_shards(folder, &index);
    }
    Err(without_weights(folder))
}

fn without_weights(folder: &Path) -> ModelError {
    let names = match files(folder) {
        Ok(names) => names,
        Err(error) => return error,
    };
    if let Some(other) = names.iter().find(|name| name.ends_with(".safetensors")) {
        let reason = format!(
            "the folder has {other}, but neither {SINGLE} nor {INDEX}; download the one that the model comes with"
        );
        return ModelError::not_a_model(folder, reason);
    }
    if let Some(gguf) = names.iter().find(|name| name.ends_with(".gguf")) {
        let reason = format!("the folder has no {SINGLE}; to open its GGUF file, choose {gguf} itself");
        return ModelError::not_a_model(folder, reason);
    }
    if let Some(path) = pickle_in(folder, &names) {
        return ModelError::Pickle { path };
    }
    ModelError::not_a_model(folder, format!("the folder has a config.json but no weights; download {SINGLE} too"))
}

fn open_shards(folder: &Path, index: &Path) -> Result<SafeTensorsWeights, ModelError> {
    let text = read_text(index)?.unwrap_or_default();
    let Index { weight_map } = serde_json::from_str(&text).map_err(|error| {
        ModelError::bad_file(index, format!("the index of the weights is not readable ({error}); download it again"))
    })?;
    if weight_map.is_empty() {
        return Err(ModelError::bad_file(index, "the index names no tensor; download it again"));
    }
    let mut shards: Vec<Shard> = Vec::new();
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    let mut tensors = HashMap::with_capacity(weight_map.len());
    for (tensor, name) in &weight_map {
        let position = match by_name.get(name.as_str()) {
            Some(&position) => position,
            None => {
                shards.push(open_shard(folder, index, name)?);
                by_name.insert(name, shards.len() - 1);
                shards.len() - 1
            }
        };
        if !shards.get(position).is_some_and(|shard| shard.has(tensor)) {
            let reason =
                format!("the index says that {name} holds tensor `{tensor}`, but it does not; download both again");
            return Err(ModelError::bad_file(index, reason));
        }
        tensors.insert(tensor.clone(), position);
    }
    Ok(SafeTensorsWeights::sharded(shards, tensors))
}

/// Opens a file that the index names, which must stand beside it.
fn open_shard(folder: &Path, index: &Path, name: &str) -> Result<Shard, ModelError> {
    let mut components = Path::new(name).components();
    let plain = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    if !plain || name.contains('\\') {
        let reason = format!("the index points to `{name}`, outside of the model's folder: that is not followed");
        return Err(ModelError::bad_file(index, reason));
    }
    let path = folder.join(name);
    if is_pickle(&path) {
        return Err(ModelError::Pickle { path });
    }
    if !path.exists() {
        let reason = format!("the index names {name}, which is missing; download it into the same folder");
        return Err(ModelError::bad_file(index, reason));
    }
    Shard::open(&path)
}
