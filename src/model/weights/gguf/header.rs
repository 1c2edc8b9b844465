//! The header of a GGUF file: metadata, and where each tensor stands. Every count and length is checked against the bytes
//! there are before anything is allocated by it, so that a hostile file costs no more memory than its own size warrants.
//!
//! The layout is that of <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::{DEFAULT_ALIGNMENT, Value};

use crate::model::ModelError;

const SUPPORTED: &str = "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and Q2_K to Q6_K";
const MAX_DIMENSIONS: u32 = 4;
/// Lists within lists, deeper than any writer makes them.
const MAX_DEPTH: usize = 4;
/// Bytes of memory that the header may take once read. A list of single bytes takes the size of a [`Value`] for each of
/// them; the largest vocabularies, some 300,000 tokens in three lists and their merges, take less than a third of this.
const MAX_MEMORY: u64 = 1 << 28;

/// What a GGUF file says of itself.
#[derive(Debug)]
pub struct Header {
    pub metadata: HashMap<String, Value>,
    /// By the names in the file.
    pub tensors: HashMap<String, StoredTensor>,
    /// Where the tensors' bytes begin.
    pub data_start: usize,
}

/// A tensor as it lies in the file.
#[derive(Debug)]
pub struct StoredTensor {
    pub dtype: GgmlDType,
    /// Outermost first: `[out, in]` of a linear weight. The file has it the other way round.
    pub shape: Vec<usize>,
    /// Its bytes within the file, known to lie inside and to be aligned.
    pub bytes: Range<usize>,
}

/// A tensor's entry in the header, before it is known where the data begins.
struct Entry {
    name: String,
    shape: Vec<usize>,
    dtype: GgmlDType,
    offset: u64,
}

impl Header {
    /// Reads the header at the start of `bytes`, the whole file at `path`.
    ///
    /// Errs where it is not GGUF of version 2 or 3, is cut short, claims more than the file holds, or has a tensor of a
    /// type that is not read.
    pub fn read(bytes: &[u8], path: &Path) -> Result<Self, ModelError> {
        let mut reader = Reader { bytes, position: 0, memory: 0, path };
        reader.magic()?;
        let tensor_count = reader.u64("the number of tensors")?;
        let value_count = reader.u64("the number of metadata values")?;
        // The shortest entries there can be: an empty key with a byte, an empty name with no dimension.
        reader.check_count(value_count, 8 + 4 + 1, "metadata values")?;
        reader.check_count(tensor_count, 8 + 4 + 4 + 8, "tensors")?;

        let mut metadata = HashMap::new();
        for _ in 0..value_count {
            let key = reader.string("a metadata key")?;
            let kind = reader.u32(&key)?;
            reader.charge(1, size_of::<(String, Value)>())?;
            let value = reader.value(kind, &key, 0)?;
            if metadata.insert(key.clone(), value).is_some() {
                return Err(reader.bad(format!("the metadata has `{key}` twice; convert the model again")));
            }
        }
        let entries = (0..tensor_count).map(|_| reader.entry()).collect::<Result<Vec<_>, _>>()?;
        let alignment = reader.alignment(&metadata)?;
        let data_start = reader.position.next_multiple_of(alignment);
        let mut tensors = HashMap::with_capacity(entries.len());
        for entry in entries {
            let name = entry.name.clone();
            let tensor = reader.locate(entry, data_start, alignment)?;
            if tensors.insert(name.clone(), tensor).is_some() {
                return Err(reader.bad(format!("the file has tensor `{name}` twice; convert the model again")));
            }
        }
        reader.refuse_overlap(&tensors)?;
        Ok(Self { metadata, tensors, data_start: data_start.min(bytes.len()) })
    }
}

/// Walks through the bytes; every step says what it was reading when they end.
struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Bytes of memory that what was read takes.
    memory: u64,
    path: &'a Path,
}

impl<'a> Reader<'a> {
    fn bad(&self, reason: impl Into<String>) -> ModelError {
        ModelError::bad_file(self.path, reason)
    }

    fn left(&self) -> u64 {
        self.bytes.len().saturating_sub(self.position) as u64
    }

    fn take(&mut self, count: u64, what: &str) -> Result<&'a [u8], ModelError> {
        let end = usize::try_from(count).ok().and_then(|count| self.position.checked_add(count));
        let taken = end.and_then(|end| Some((end, self.bytes.get(self.position..end)?)));
        let Some((end, taken)) = taken else {
            return Err(self.bad(format!(
                "the header wants {count} bytes for {what} at byte {}, but {} follow: it is cut short or damaged; \
                 download it again",
                self.position,
                self.left()
            )));
        };
        self.position = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], ModelError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64, what)?);
        Ok(array)
    }

    fn u32(&mut self, what: &str) -> Result<u32, ModelError> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &str) -> Result<u64, ModelError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Counts the memory of `count` values of `size` bytes; errs where the header would take too much.
    fn charge(&mut self, count: u64, size: usize) -> Result<(), ModelError> {
        self.memory = self.memory.saturating_add(count.saturating_mul(size as u64));
        if self.memory > MAX_MEMORY {
            let reason =
                format!("the header would take more than {} MB of memory; no model needs that", MAX_MEMORY >> 20);
            return Err(self.bad(reason));
        }
        Ok(())
    }

    /// A text; bytes that are no UTF-8 become replacement characters, since some vocabularies have them.
    fn string(&mut self, what: &str) -> Result<String, ModelError> {
        let length = self.u64(what)?;
        let bytes = self.take(length, what)?;
        self.charge(length, 1)?;
        Ok(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned())
    }

    fn magic(&mut self) -> Result<(), ModelError> {
        if self.array::<4>("the mark of a GGUF file")? != *b"GGUF" {
            let reason = "the file does not begin as a GGUF file does; choose a .gguf file or a Hugging Face folder";
            return Err(self.bad(reason));
        }
        match self.u32("the version")? {
            2 | 3 => Ok(()),
            1 => Err(self.bad("GGUF version 1 is not read, versions 2 and 3 are; convert the model again")),
            version if matches!(version.swap_bytes(), 1..=3) => {
                Err(self.bad("the file is GGUF for big-endian machines; download the little-endian version"))
            }
            version => Err(self.bad(format!("GGUF version {version} is not read, versions 2 and 3 are"))),
        }
    }

    /// Errs where `count` entries of at least `least` bytes cannot fit in what follows.
    fn check_count(&self, count: u64, least: u64, what: &str) -> Result<(), ModelError> {
        if count > self.left() / least {
            return Err(self.bad(format!(
                "the header speaks of {count} {what}, which {} bytes cannot hold: it is cut short or damaged; download it \
                 again",
                self.left()
            )));
        }
        Ok(())
    }

    fn value(&mut self, kind: u32, key: &str, depth: usize) -> Result<Value, ModelError> {
        Ok(match kind {
            0 => Value::U8(u8::from_le_bytes(self.array(key)?)),
            1 => Value::I8(i8::from_le_bytes(self.array(key)?)),
            2 => Value::U16(u16::from_le_bytes(self.array(key)?)),
            3 => Value::I16(i16::from_le_bytes(self.array(key)?)),
            4 => Value::U32(u32::from_le_bytes(self.array(key)?)),
            5 => Value::I32(i32::from_le_bytes(self.array(key)?)),
            6 => Value::F32(f32::from_le_bytes(self.array(key)?)),
            7 => Value::Bool(self.array::<1>(key)? != [0]),
            8 => Value::String(self.string(key)?),
            9 => Value::Array(self.list(key, depth + 1)?),
            10 => Value::U64(u64::from_le_bytes(self.array(key)?)),
            11 => Value::I64(i64::from_le_bytes(self.array(key)?)),
            12 => Value::F64(f64::from_le_bytes(self.array(key)?)),
            _ => return Err(self.bad(format!("`{key}` has a value of kind {kind}, which GGUF does not know"))),
        })
    }

    fn list(&mut self, key: &str, depth: usize) -> Result<Vec<Value>, ModelError> {
        if depth > MAX_DEPTH {
            return Err(self.bad(format!("`{key}` has lists within lists, more than {MAX_DEPTH} deep")));
        }
        let kind = self.u32(key)?;
        let count = self.u64(key)?;
        let least = match kind {
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            9 => 4 + 8,
            _ => 1,
        };
        self.check_count(count, least, &format!("items in `{key}`"))?;
        self.charge(count, size_of::<Value>())?;
        (0..count).map(|_| self.value(kind, key, depth)).collect()
    }

    fn entry(&mut self) -> Result<Entry, ModelError> {
        // The entry itself, then the tensor that is made of it.
        self.charge(1, size_of::<Entry>() + size_of::<(String, StoredTensor)>())?;
        let name = self.string("a tensor's name")?;
        let dimensions = self.u32(&name)?;
        if dimensions > MAX_DIMENSIONS {
            return Err(
                self.bad(format!("tensor `{name}` has {dimensions} dimensions, at most {MAX_DIMENSIONS} are read"))
            );
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let size = self.u64(&name)?;
            shape.push(usize::try_from(size).map_err(|_| self.too_large(&name))?);
        }
        shape.reverse();
        let kind = self.u32(&name)?;
        let dtype = match known_type(kind) {
            Ok(dtype) => dtype,
            Err(dtype) => {
                let path = self.path.to_owned();
                return Err(ModelError::UnsupportedDtype { name, dtype, supported: SUPPORTED, path });
            }
        };
        let offset = self.u64(&name)?;
        Ok(Entry { name, shape, dtype, offset })
    }

    fn too_large(&self, name: &str) -> ModelError {
        self.bad(format!("tensor `{name}` is said to be larger than any file: it is damaged; download it again"))
    }

    /// To what multiple of bytes tensors are placed.
    fn alignment(&self, metadata: &HashMap<String, Value>) -> Result<usize, ModelError> {
        let alignment = match metadata.get("general.alignment") {
            None => DEFAULT_ALIGNMENT,
            Some(value) => value.to_u64().unwrap_or(0),
        };
        // A multiple of 8 by the format; that also makes every block of numbers aligned for this machine.
        if !(8..=1 << 20).contains(&alignment) || !alignment.is_multiple_of(8) {
            return Err(self.bad("`general.alignment` must be a multiple of 8; convert the model again"));
        }
        Ok(alignment as usize)
    }

    /// Where an entry's bytes lie, checked to be inside of the file.
    fn locate(&self, entry: Entry, data_start: usize, alignment: usize) -> Result<StoredTensor, ModelError> {
        let Entry { name, shape, dtype, offset } = entry;
        let block = dtype.block_size();
        if !shape.last().copied().unwrap_or(1).is_multiple_of(block) {
            let reason = format!("tensor `{name}` has rows that {} blocks of {block} do not fill", type_name(dtype));
            return Err(self.bad(reason));
        }
        let elements = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let length = elements.and_then(|elements| (elements / block).checked_mul(dtype.type_size()));
        let length = length.ok_or_else(|| self.too_large(&name))?;
        if !offset.is_multiple_of(alignment as u64) {
            let reason = format!("tensor `{name}` begins at {offset}, which is no multiple of {alignment}");
            return Err(self.bad(reason));
        }
        let start = usize::try_from(offset).ok().and_then(|offset| data_start.checked_add(offset));
        let end = start.and_then(|start| start.checked_add(length)).filter(|&end| end <= self.bytes.len());
        let (Some(start), Some(end)) = (start, end) else {
            return Err(self.bad(format!(
                "tensor `{name}` ({length} bytes at {offset} of the data) lies beyond the end of the file: it is cut short \
                 or damaged; download it again"
            )));
        };
        Ok(StoredTensor { dtype, shape, bytes: start..end })
    }
}

impl Reader<'_> {
    /// Refuses tensors that share bytes: a small file could stand for a model thousands of times its size.
    fn refuse_overlap(&self, tensors: &HashMap<String, StoredTensor>) -> Result<(), ModelError> {
        let mut ranges: Vec<_> =
            tensors.iter().map(|(name, tensor)| (tensor.bytes.start, tensor.bytes.end, name)).collect();
        ranges.retain(|(start, end, _)| start < end);
        ranges.sort_unstable();
        for [(_, end, first), (start, _, second)] in ranges.array_windows() {
            if start < end {
                return Err(self.bad(format!(
                    "tensors `{first}` and `{second}` lie over each other in the file: it is damaged, or made to exhaust \
                     memory; download it again"
                )));
            }
        }
        Ok(())
    }
}

/// The type with that number in a GGUF file, or the name of one that cannot be read.
fn known_type(kind: u32) -> Result<GgmlDType, String> {
    let unread = match kind {
        0 => return Ok(GgmlDType::F32),
        1 => return Ok(GgmlDType::F16),
        2 => return Ok(GgmlDType::Q4_0),
        3 => return Ok(GgmlDType::Q4_1),
        6 => return Ok(GgmlDType::Q5_0),
        7 => return Ok(GgmlDType::Q5_1),
        8 => return Ok(GgmlDType::Q8_0),
        10 => return Ok(GgmlDType::Q2K),
        11 => return Ok(GgmlDType::Q3K),
        12 => return Ok(GgmlDType::Q4K),
        13 => return Ok(GgmlDType::Q5K),
        14 => return Ok(GgmlDType::Q6K),
        30 => return Ok(GgmlDType::BF16),
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => return Err(format!("type {kind}")),
    };
    Err(unread.to_owned())
}

/// A type's name as llama.cpp writes it.
pub fn type_name(dtype: GgmlDType) -> &'static str {
    match dtype {
        GgmlDType::F32 => "F32",
        GgmlDType::F16 => "F16",
        GgmlDType::BF16 => "BF16",
        GgmlDType::Q4_0 => "Q4_0",
        GgmlDType::Q4_1 => "Q4_1",
        GgmlDType::Q5_0 => "Q5_0",
        GgmlDType::Q5_1 => "Q5_1",
        GgmlDType::Q8_0 => "Q8_0",
        GgmlDType::Q8_1 => "Q8_1",
        GgmlDType::Q2K => "Q2_K",
        GgmlDType::Q3K => "Q3_K",
        GgmlDType::Q4K => "Q4_K",
        GgmlDType::Q5K => "Q5_K",
        GgmlDType::Q6K => "Q6_K",
        GgmlDType::Q8K => "Q8_K",
    }
}
