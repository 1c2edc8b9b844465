//! The weights of a base model: opened, checked by their headers alone, and read tensor by tensor.
//!
//! `folder.rs` finds the files of a Hugging Face folder, `safetensors.rs` and `gguf/` read the two formats, `map.rs` maps
//! files into memory. All names are Hugging Face's, whatever the file calls its tensors. [`OpenedModel::open`] is where it
//! begins.

mod base_type;
mod folder;
mod gguf;
mod map;
mod safetensors;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file;
use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::ModelError;
use super::config::{ConfigError, ModelConfig, TokenIds};
use crate::ops::{BlockType, Weight};
pub use base_type::BaseType;
use gguf::GgufWeights;
use map::MappedFile;
use safetensors::SafeTensorsWeights;

/// How the model's makers recommend to sample from it; `None` where they do not say.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct GenerationDefaults {
    /// Whether answers are sampled at all, or the most likely token is taken every time.
    pub do_sample: Option<bool>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub repetition_penalty: Option<f64>,
}

/// The part of `generation_config.json` that goes into the model's config.
#[derive(Deserialize)]
struct GenerationFile {
    #[serde(flatten)]
    defaults: GenerationDefaults,
    eos_token_id: Option<TokenIds>,
}

/// The rows of one tensor as a file holds them.
struct StoredRows<'a> {
    /// `None`: f32.
    kind: Option<BlockType>,
    bytes: Cow<'a, [u8]>,
}

/// Where a model's tensors are read from.
pub struct Weights {
    source: Source,
}

enum Source {
    SafeTensors(SafeTensorsWeights),
    Gguf(GgufWeights),
}

/// The files of a Hugging Face folder that decide which tokens a text becomes.
const TEXT_FILES: [&str; 4] =
    ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"];

/// A base model whose config was understood and whose files have every tensor in its shape. No tensor is in memory yet.
pub struct OpenedModel {
    pub config: ModelConfig,
    pub weights: Weights,
    pub generation: GenerationDefaults,
    /// The folder or the GGUF file.
    pub path: PathBuf,
    /// The name of the folder, or of the file without `.gguf`.
    pub name: String,
    /// The types the tensors are stored in, those with most bytes first: `bf16`, `Q4_1 + F32`.
    pub stored_as: String,
    /// Bytes of the model's tensors on disk.
    pub weight_bytes: u64,
    /// All metadata of a GGUF file, the tokenizer's among it; `None` for a folder.
    pub gguf_metadata: Option<HashMap<String, gguf_file::Value>>,
    /// The config as it stands in the folder; empty for a GGUF file, whose header holds it.
    config_text: String,
}

impl OpenedModel {
    /// Opens a Hugging Face folder (`config.json` with `model.safetensors`, or shards and their index) or a GGUF file.
    ///
    /// Reads headers only: tensors are read by [`Weights::tensor`] and [`Weights::matrix`]. Errs on a path that holds no base model, on pickle, on
    /// damaged or hostile files, on models that are not supported, and on a tensor that is missing or misshapen.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let metadata = fs::metadata(path).map_err(|source| ModelError::io(path, source))?;
        let mut opened = if metadata.is_dir() { Self::open_folder(path)? } else { Self::open_file(path)? };
        opened.check_tensors()?;
        (opened.stored_as, opened.weight_bytes) = opened.weights.storage(&opened.config);
        Ok(opened)
    }

    fn open_folder(path: &Path) -> Result<Self, ModelError> {
        let (config_path, config_text) = folder::read_config(path)?;
        let mut config =
            ModelConfig::from_hugging_face(&config_text).map_err(|source| ModelError::config(&config_path, source))?;
        let (generation, eos) = read_generation(&path.join("generation_config.json"))?;
        config.add_eos(eos);
        let weights = Weights { source: Source::SafeTensors(folder::open_weights(path)?) };
        Ok(Self {
            config,
            weights,
            generation,
            path: path.to_owned(),
            name: name_of(path),
            stored_as: String::new(),
            weight_bytes: 0,
            gguf_metadata: None,
            config_text,
        })
    }

    fn open_file(path: &Path) -> Result<Self, ModelError> {
        if folder::is_pickle(path) {
            return Err(ModelError::Pickle { path: path.to_owned() });
        }
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if matches!(extension, "safetensors" | "json") {
            let reason = "this is one file of a folder; choose the folder, which must have config.json and the weights";
            return Err(ModelError::not_a_model(path, reason));
        }
        let (weights, metadata, config) = GgufWeights::open(path)?;
        Ok(Self {
            config,
            weights: Weights { source: Source::Gguf(weights) },
            generation: GenerationDefaults::default(),
            path: path.to_owned(),
            // Not `general.name`, which is often the name of a training run: this is what the user chose.
            name: name_of(path),
            stored_as: String::new(),
            weight_bytes: 0,
            gguf_metadata: Some(metadata),
            config_text: String::new(),
        })
    }

    fn check_tensors(&self) -> Result<(), ModelError> {
        for tensor in self.config.tensors() {
            self.weights.check(&tensor.name, &tensor.shape)?;
        }
        Ok(())
    }

    /// A hash by which a run knows its base model again: of the config, the files that turn text into tokens, the headers
    /// and sizes of the weight files, and of samples of their content. 64 hexadecimal digits; the same wherever the files stand. Reads about 2 MB per file.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.config_text.as_bytes());
        // A GGUF file holds these in its header.
        for text in TEXT_FILES.iter().filter_map(|name| std::fs::read(self.path.join(name)).ok()) {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        for (file, data_start) in self.weights.files() {
            sample(&mut hash, file.bytes(), data_start);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Hashes a file's size, its header, and evenly spread blocks of its content with the last one among them.
fn sample(hash: &mut Sha256, bytes: &[u8], data_start: usize) {
    const BLOCKS: usize = 32;
    const BLOCK_BYTES: usize = 64 * 1024;
    let (header, data) = bytes.split_at_checked(data_start).unwrap_or((bytes, &[]));
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(header);
    let last = data.len().saturating_sub(BLOCK_BYTES);
    for block in 0..BLOCKS {
        let start = (last as u128 * block as u128 / (BLOCKS - 1) as u128) as usize;
        hash.update(data.get(start..data.len().min(start + BLOCK_BYTES)).unwrap_or_default());
    }
}

/// What `generation_config.json` recommends, and the tokens at which it ends an answer; nothing where there is no such file.
fn read_generation(path: &Path) -> Result<(GenerationDefaults, Vec<i64>), ModelError> {
    let Some(text) = folder::read_text(path)? else { return Ok(Default::default()) };
    let file: GenerationFile =
        serde_json::from_str(&text).map_err(|error| ModelError::config(path, ConfigError::Json(error)))?;
    Ok((file.defaults, file.eos_token_id.map(|ids| ids.to_vec()).unwrap_or_default()))
}

/// The last part of a path, without the ending `.gguf`.
fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_suffix(".gguf").map(str::to_owned).unwrap_or(name)
}

impl Weights {
    /// Whether there is a tensor of that Hugging Face name.
    pub fn contains(&self, name: &str) -> bool {
        self.shape(name).is_some()
    }

    /// Reads the tensor `name`, which must have exactly `shape`, in f32 on `device`.
    ///
    /// Quantised tensors are expanded; q_proj and k_proj of a Llama GGUF come out in Hugging Face's order of rows. Errs on a
    /// tensor that is missing, misshapen, or of a type that is not read, before memory is taken for it.
    pub fn tensor(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor, ModelError> {
        let cols = shape.last().copied().unwrap_or(1);
        let rows = shape.iter().product::<usize>() / cols.max(1);
        let weight = self.stored_weight(name, shape, [rows, cols])?;
        let tensor = weight.to_tensor().and_then(|tensor| tensor.reshape(shape)?.to_device(device));
        tensor.map_err(|source| ModelError::tensor(name, &self.path_of(name), source))
    }

    /// Reads the matrix `name`, which must have exactly `shape`, to be kept as `base` on `device`. A device that is not the
    /// CPU keeps it in bf16, or in f32 where that is asked for. Errs as [`Weights::tensor`].
    pub fn matrix(&self, name: &str, shape: [usize; 2], base: BaseType, device: &Device) -> Result<Weight, ModelError> {
        let kept = base.keep(self.stored_weight(name, &shape, shape)?, device);
        kept.map_err(|source| ModelError::tensor(name, &self.path_of(name), source))
    }

    fn stored_weight(&self, name: &str, shape: &[usize], [rows, cols]: [usize; 2]) -> Result<Weight, ModelError> {
        self.check(name, shape)?;
        let read = match &self.source {
            Source::SafeTensors(weights) => weights.stored_rows(name),
            Source::Gguf(weights) => weights.stored_rows(name),
        };
        let StoredRows { kind, bytes } = read.unwrap_or_else(|| Err(self.missing(name)))?;
        let weight = match kind {
            Some(kind) => Weight::blocks(kind, bytes.into_owned(), rows, cols),
            None => Tensor::from_raw_buffer(&bytes, DType::F32, &[rows, cols], &Device::Cpu).and_then(Weight::dense),
        };
        weight.map_err(|source| ModelError::tensor(name, &self.path_of(name), source))
    }

    /// Errs where the tensor is missing, misshapen, or of a type that is not read; by the header alone.
    fn check(&self, name: &str, expected: &[usize]) -> Result<(), ModelError> {
        let found = self.shape(name).ok_or_else(|| self.missing(name))?;
        if found != expected {
            return Err(ModelError::WrongShape {
                name: name.to_owned(),
                expected: expected.to_vec(),
                found: found.to_vec(),
                path: self.path_of(name),
            });
        }
        match &self.source {
            Source::SafeTensors(weights) => weights.check_dtype(name),
            // A GGUF file with a type that is not read is refused at its header.
            Source::Gguf(_) => Ok(()),
        }
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        match &self.source {
            Source::SafeTensors(weights) => weights.shape(name),
            Source::Gguf(weights) => weights.shape(name),
        }
    }

    fn missing(&self, name: &str) -> ModelError {
        ModelError::MissingTensor { name: name.to_owned(), path: self.path_of(name) }
    }

    /// The file that has the tensor, or that should have it.
    fn path_of(&self, name: &str) -> PathBuf {
        match &self.source {
            Source::SafeTensors(weights) => weights.path_of(name).unwrap_or(Path::new("")).to_owned(),
            Source::Gguf(weights) => weights.file().path().to_owned(),
        }
    }

    /// The types the model's tensors are stored in, those with most bytes first, and their bytes together.
    fn storage(&self, config: &ModelConfig) -> (String, u64) {
        let mut bytes_by_type: BTreeMap<String, u64> = BTreeMap::new();
        for tensor in config.tensors() {
            let stored = match &self.source {
                Source::SafeTensors(weights) => weights.stored(&tensor.name),
                Source::Gguf(weights) => weights.stored(&tensor.name),
            };
            if let Some((dtype, bytes)) = stored {
                *bytes_by_type.entry(dtype).or_default() += bytes as u64;
            }
        }
        let total = bytes_by_type.values().sum();
        let mut types: Vec<_> = bytes_by_type.into_iter().collect();
        types.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        let names: Vec<_> = types.into_iter().map(|(dtype, _)| dtype).collect();
        (names.join(" + "), total)
    }

    /// The mapped files, with where the tensors' bytes begin in each.
    fn files(&self) -> Vec<(&MappedFile, usize)> {
        match &self.source {
            Source::SafeTensors(weights) => {
                weights.shards().iter().map(|shard| (shard.file(), shard.data_start())).collect()
            }
            Source::Gguf(weights) => vec![(weights.file(), weights.data_start())],
        }
    }
}
