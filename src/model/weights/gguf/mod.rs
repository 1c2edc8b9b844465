//! Weights in a GGUF file.
//!
//! `header.rs` reads what the file says of itself, `names.rs` knows what it calls the tensors of Hugging Face and in which
//! order it stores their rows.

mod header;
mod names;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use candle_core::quantized::ggml_file::qtensor_from_ggml;
use candle_core::quantized::gguf_file::Value;
use candle_core::{Device, Tensor};

use super::StoredRows;
use super::map::MappedFile;
use crate::model::ModelError;
use crate::model::config::{Architecture, ModelConfig};
use crate::ops::BlockType;
use header::{Header, StoredTensor};

/// Divisors of the rotary frequencies, where the model stretches its context as Llama 3.1 does.
const ROPE_FACTORS: &str = "rope_freqs.weight";

const MAX_ROPE_FACTORS: usize = 1 << 12;

/// The tensors of one GGUF file.
pub struct GgufWeights {
    file: MappedFile,
    tensors: HashMap<String, StoredTensor>,
    data_start: usize,
    /// Set where the rows of q_proj and k_proj are stored in pairs: the size of a head.
    paired_head_dim: Option<usize>,
}

impl GgufWeights {
    /// Maps a file, reads and checks its header, and makes a config of its metadata, which is handed out too.
    pub fn open(path: &Path) -> Result<(Self, HashMap<String, Value>, ModelConfig), ModelError> {
        let file = MappedFile::open(path)?;
        let Header { metadata, tensors, data_start } = Header::read(file.bytes(), path)?;
        refuse_parts(&metadata, path)?;
        let mut weights = Self { file, tensors, data_start, paired_head_dim: None };
        let factors = weights.rope_factors()?;
        let shape_of = |name: &str| weights.tensors.get(name).map(|tensor| tensor.shape.clone());
        let config =
            ModelConfig::from_gguf(&metadata, shape_of, factors).map_err(|source| ModelError::config(path, source))?;
        if config.architecture == Architecture::Llama {
            weights.paired_head_dim = Some(config.head_dim);
        }
        Ok((weights, metadata, config))
    }

    pub fn file(&self) -> &MappedFile {
        &self.file
    }

    pub fn data_start(&self) -> usize {
        self.data_start
    }

    fn find(&self, name: &str) -> Option<&StoredTensor> {
        self.tensors.get(&names::in_gguf(name)?)
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.find(name).map(|tensor| tensor.shape.as_slice())
    }

    /// The type in which a tensor is stored, as it is shown, and its bytes.
    pub fn stored(&self, name: &str) -> Option<(String, usize)> {
        self.find(name).map(|tensor| (header::type_name(tensor.dtype).to_owned(), tensor.bytes.len()))
    }

    /// A tensor's rows as they are stored, but in Hugging Face's order, by its Hugging Face name; `None` where there is none.
    pub fn stored_rows(&self, name: &str) -> Option<Result<StoredRows<'_>, ModelError>> {
        let stored = self.find(name)?;
        let rows = self.bytes_of(stored).map(|bytes| {
            let rows = stored.shape.first().copied().unwrap_or(0);
            let bytes = match self.paired_head_dim {
                Some(head_dim) if names::has_paired_rows(name) && rows > 0 => {
                    Cow::Owned(names::unpair_rows(bytes, bytes.len() / rows, head_dim))
                }
                _ => Cow::Borrowed(bytes),
            };
            // Only f32 is no kind of block.
            StoredRows { kind: BlockType::try_from(stored.dtype).ok(), bytes }
        });
        Some(rows.map_err(|source| self.failed(name, source)))
    }

    fn bytes_of(&self, stored: &StoredTensor) -> candle_core::Result<&[u8]> {
        let bytes = self.file.bytes().get(stored.bytes.clone()).unwrap_or_default();
        if bytes.len() != stored.bytes.len() {
            candle_core::bail!("its bytes lie beyond the end of the file");
        }
        Ok(bytes)
    }

    fn dequantise(&self, stored: &StoredTensor) -> candle_core::Result<Tensor> {
        let bytes = self.bytes_of(stored)?;
        qtensor_from_ggml(stored.dtype, bytes, stored.shape.clone(), &Device::Cpu)?.dequantize(&Device::Cpu)
    }

    fn rope_factors(&self) -> Result<Option<Vec<f32>>, ModelError> {
        let Some(stored) = self.tensors.get(ROPE_FACTORS) else { return Ok(None) };
        // One per pair of a head: whatever is longer is refused here, before it is expanded in memory.
        if stored.shape.iter().product::<usize>() > MAX_ROPE_FACTORS {
            let reason = format!("`{ROPE_FACTORS}` has shape {:?}, far more than a head has pairs", stored.shape);
            return Err(ModelError::bad_file(self.file.path(), reason));
        }
        let factors = self.dequantise(stored).and_then(|tensor| tensor.flatten_all()?.to_vec1::<f32>());
        factors.map(Some).map_err(|source| self.failed(ROPE_FACTORS, source))
    }

    fn failed(&self, name: &str, source: candle_core::Error) -> ModelError {
        ModelError::tensor(name, self.file.path(), source)
    }
}

/// Refuses a file that is one of several.
fn refuse_parts(metadata: &HashMap<String, Value>, path: &Path) -> Result<(), ModelError> {
    let parts = match metadata.get("split.count") {
        Some(Value::U16(parts)) => u64::from(*parts),
        Some(value) => value.to_u64().unwrap_or(0),
        None => 0,
    };
    if parts > 1 {
        let reason = format!(
            "this is one of {parts} parts of a GGUF model; join them first (llama-gguf-split --merge FIRST-PART OUT.gguf)"
        );
        return Err(ModelError::not_a_model(path, reason));
    }
    Ok(())
}
