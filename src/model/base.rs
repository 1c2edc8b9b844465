//! A base model at hand: its decoder, its tokenizer where it has one, and what is known of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::decoder::TensorSource;
use super::{BaseType, Decoder, GenerationDefaults, ModelError, OpenedModel, Weights};
use crate::adapter::Module;
use crate::job::Job;
use crate::ops::Weight;
use crate::text::ChatTokenizer;

/// A base model in memory, ready to train on and to answer.
pub struct BaseModel {
    pub decoder: Arc<Decoder>,
    pub name: String,
    pub path: PathBuf,
    /// How the weights are stored on disk: `f32`, `bf16`, `Q4_1`, …
    pub stored_as: String,
    pub weight_bytes: u64,
    /// Tells this model from any other; see [`OpenedModel::fingerprint`].
    pub fingerprint: String,
    pub generation: GenerationDefaults,
    /// What the matrices are kept in.
    pub base: BaseType,
    tokenizer: Result<ChatTokenizer, String>,
}

/// Takes tensors out of opened weights, with progress and cancelling.
struct Loading<'a> {
    weights: &'a Weights,
    base: BaseType,
    device: &'a Device,
    job: &'a Job,
}

impl TensorSource for Loading<'_> {
    type Error = ModelError;

    fn vector(&mut self, name: &str, len: usize) -> Result<Tensor, ModelError> {
        self.weights.tensor(name, &[len], self.device)
    }

    fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Weight, ModelError> {
        self.weights.matrix(name, shape, self.base, self.device)
    }

    fn layer_done(&mut self, layer: usize, layers: usize) -> Result<(), ModelError> {
        self.job.check()?;
        self.job.progress((layer + 1) as f32 / layers as f32, format!("Loading layer {} of {layers}", layer + 1));
        Ok(())
    }
}

impl BaseModel {
    /// Loads a Hugging Face folder or a GGUF file, its matrices kept as they are stored. A missing tokenizer is no error yet:
    /// token files need none.
    ///
    /// # Errors
    /// When the model is of a family we do not have, or a file is missing or broken; see [`ModelError`].
    pub fn load(path: &Path, device: &Device, job: &Job) -> Result<Self, ModelError> {
        Self::load_as(path, BaseType::Stored, device, job)
    }

    /// As [`BaseModel::load`], with the matrices kept in the type that is asked for.
    pub fn load_as(path: &Path, base: BaseType, device: &Device, job: &Job) -> Result<Self, ModelError> {
        let opened = OpenedModel::open(path)?;
        let tokenizer = tokenizer_of(&opened, path);
        let decoder = Decoder::load(&opened.config, &mut Loading { weights: &opened.weights, base, device, job })?;
        Ok(Self {
            decoder: Arc::new(decoder),
            fingerprint: opened.fingerprint(),
            name: opened.name,
            path: opened.path,
            stored_as: opened.stored_as,
            weight_bytes: opened.weight_bytes,
            generation: opened.generation,
            base,
            tokenizer,
        })
    }

    /// The tokenizer of the model at `path` and the longest context that the model was made for; its weights stay on disk.
    ///
    /// # Errors
    /// As [`BaseModel::load`], and when the model came without a tokenizer.
    pub fn read_tokenizer(path: &Path) -> Result<(ChatTokenizer, usize), ModelError> {
        let opened = OpenedModel::open(path)?;
        let tokenizer = tokenizer_of(&opened, path).map_err(|reason| ModelError::Tokenizer { reason })?;
        Ok((tokenizer, opened.config.max_position))
    }

    /// The model's tokenizer.
    ///
    /// # Errors
    /// When the model came without one, or with one that could not be read; the message says why.
    pub fn tokenizer(&self) -> Result<&ChatTokenizer, ModelError> {
        self.tokenizer.as_ref().map_err(|reason| ModelError::Tokenizer { reason: reason.clone() })
    }

    /// Inputs and outputs of a module, where the model has it.
    pub fn dims(&self, module: Module) -> Option<(usize, usize)> {
        let config = self.decoder.config();
        (module.layer < config.layers).then(|| config.dims(module.target))
    }

    /// Parameters of the model, tied embeddings counted once.
    pub fn parameters(&self) -> usize {
        self.decoder.config().parameters()
    }
}

fn tokenizer_of(opened: &OpenedModel, path: &Path) -> Result<ChatTokenizer, String> {
    let tokenizer = match &opened.gguf_metadata {
        Some(metadata) => ChatTokenizer::from_gguf(metadata),
        None => ChatTokenizer::from_folder(path),
    };
    tokenizer.map(|tokenizer| tokenizer.for_vocabulary(opened.config.vocab)).map_err(|error| error.to_string())
}
