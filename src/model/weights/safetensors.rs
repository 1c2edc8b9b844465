//! Weights in safetensors files, one or several.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, SafeTensorError};

use super::StoredRows;
use super::map::MappedFile;
use crate::model::ModelError;
use crate::ops::BlockType;

const SUPPORTED: &str = "F32, F16 and BF16";
/// Bytes before the header: its length.
const LENGTH_BYTES: usize = 8;

/// One file, its header read and checked against its size.
pub struct Shard {
    file: MappedFile,
    header: Metadata,
    /// Where the tensors' bytes begin.
    data_start: usize,
}

/// The tensors of one or several files.
pub struct SafeTensorsWeights {
    shards: Vec<Shard>,
    /// In which shard a tensor stands.
    index: HashMap<String, usize>,
}

impl Shard {
    /// Maps a file and reads its header. Errs where the file is not safetensors, is cut short, or where the header and the
    /// file's size contradict each other.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let file = MappedFile::open(path)?;
        let bytes = file.bytes();
        let bad = |reason: String| ModelError::bad_file(path, reason);
        let Some(length) = bytes.first_chunk::<LENGTH_BYTES>() else {
            return Err(bad(format!(
                "the file has only {} bytes and is no safetensors; download it again",
                bytes.len()
            )));
        };
        let length = u64::from_le_bytes(*length);
        let room = (bytes.len() - LENGTH_BYTES) as u64;
        if length > room {
            return Err(bad(format!(
                "the file says that its header takes {length} bytes, but only {room} follow: it is cut short or no \
                 safetensors; download it again"
            )));
        }
        let (header_bytes, header) =
            SafeTensors::read_metadata(bytes).map_err(|error| bad(explain(&error, bytes.len())))?;
        Ok(Self { file, header, data_start: LENGTH_BYTES + header_bytes })
    }

    pub fn file(&self) -> &MappedFile {
        &self.file
    }

    pub fn data_start(&self) -> usize {
        self.data_start
    }

    pub fn has(&self, name: &str) -> bool {
        self.header.info(name).is_some()
    }

    fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }
}

/// What a header's error means for the person who has the file.
fn explain(error: &SafeTensorError, file_bytes: usize) -> String {
    match error {
        SafeTensorError::InvalidHeader(_)
        | SafeTensorError::InvalidHeaderDeserialization(_)
        | SafeTensorError::JsonError(_) => {
            format!("the header is not that of a safetensors file ({error}); download the file again")
        }
        SafeTensorError::MetadataIncompleteBuffer => format!(
            "the header speaks of another amount of data than the file's {file_bytes} bytes hold: it is cut short or \
             damaged; download it again"
        ),
        SafeTensorError::HeaderTooLarge => "the header is larger than safetensors allows (100 MB)".to_owned(),
        other => format!("the header contradicts itself ({other}); download the file again"),
    }
}

impl SafeTensorsWeights {
    /// All tensors of one file.
    pub fn single(shard: Shard) -> Self {
        let index = shard.names().into_iter().map(|name| (name, 0)).collect();
        Self { shards: vec![shard], index }
    }

    /// Tensors spread over files, by the index that says which stands where.
    pub fn sharded(shards: Vec<Shard>, index: HashMap<String, usize>) -> Self {
        Self { shards, index }
    }

    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The shard with the tensor `name`, the tensor's type, shape and bytes.
    fn find(&self, name: &str) -> Option<(&Shard, Dtype, &[usize], &[u8])> {
        let shard = self.shards.get(*self.index.get(name)?)?;
        let info = shard.header.info(name)?;
        let (start, end) = info.data_offsets;
        let bytes = shard.file.bytes().get(shard.data_start + start..shard.data_start + end)?;
        Some((shard, info.dtype, &info.shape, bytes))
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.find(name).map(|(_, _, shape, _)| shape)
    }

    /// The type in which a tensor is stored, as it is shown, and its bytes.
    pub fn stored(&self, name: &str) -> Option<(String, usize)> {
        self.find(name).map(|(_, dtype, _, bytes)| (dtype.to_string().to_lowercase(), bytes.len()))
    }

    /// The file that has the tensor `name`, else the first one.
    pub fn path_of(&self, name: &str) -> Option<&Path> {
        let shard = self.index.get(name).and_then(|&shard| self.shards.get(shard)).or(self.shards.first());
        shard.map(|shard| shard.file.path())
    }

    /// Errs where the tensor's type is not one that is read.
    pub fn check_dtype(&self, name: &str) -> Result<(), ModelError> {
        let Some((shard, dtype, _, _)) = self.find(name) else { return Ok(()) };
        if float_type(dtype).is_some() { Ok(()) } else { Err(unsupported(name, dtype, shard)) }
    }

    /// A tensor's rows as they are stored; `None` where there is none of that name.
    pub fn stored_rows(&self, name: &str) -> Option<Result<StoredRows<'_>, ModelError>> {
        let (shard, dtype, _, bytes) = self.find(name)?;
        let rows = |kind| StoredRows { kind, bytes: Cow::Borrowed(bytes) };
        Some(float_type(dtype).map(rows).ok_or_else(|| unsupported(name, dtype, shard)))
    }
}

/// A type that is read: f32, or one of the half types.
fn float_type(dtype: Dtype) -> Option<Option<BlockType>> {
    match dtype {
        Dtype::F32 => Some(None),
        Dtype::F16 => Some(Some(BlockType::F16)),
        Dtype::BF16 => Some(Some(BlockType::BF16)),
        _ => None,
    }
}

fn unsupported(name: &str, dtype: Dtype, shard: &Shard) -> ModelError {
    ModelError::UnsupportedDtype {
        name: name.to_owned(),
        dtype: dtype.to_string(),
        supported: SUPPORTED,
        path: shard.file.path().to_owned(),
    }
}
