//! What memory and time of a run depend on beside its settings, as plain data: of the model, of the data and of the
//! machine.

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::data::held_out_count;
use crate::model::{BaseModel, BaseType, ModelConfig};
use crate::ops::BlockType;
use crate::train::{Dataset, Row, TrainSettings};

/// Bytes of a number in f32.
pub(super) const F32: u64 = 4;

/// Examples that stand for all where there are more.
pub const SAMPLED: usize = 2048;

/// The longest examples that are told beside those.
pub const LONGEST: usize = 64;

/// Where a run computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// With the operations of this program, in the machine's memory.
    Cpu,
    /// With a GPU's own operations, in its memory.
    Gpu,
}

impl Place {
    /// Where a device computes.
    pub fn of(device: &Device) -> Self {
        if device.is_cpu() { Self::Cpu } else { Self::Gpu }
    }
}

/// The base model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    pub config: ModelConfig,
    pub place: Place,
    /// How the weights are stored on disk: `f32`, `bf16`, `Q4_1`, …
    pub stored_as: String,
    /// Bytes of the weights as they are stored.
    pub stored_bytes: u64,
    /// What the matrices are kept in now.
    pub base: BaseType,
    /// Memory that the loaded weights take.
    pub loaded_bytes: u64,
}

impl ModelFacts {
    /// Of a model that is loaded.
    pub fn of(model: &BaseModel) -> Self {
        let config = model.decoder.config().clone();
        Self {
            place: Place::of(model.decoder.device()),
            stored_as: model.stored_as.clone(),
            stored_bytes: model.weight_bytes,
            base: model.base,
            loaded_bytes: model.decoder.weight_bytes() as u64 + F32 * vectors(&config),
            config,
        }
    }

    /// Memory of the weights with their matrices kept as `base`. A GPU keeps them in 16 bits, or in f32.
    pub fn weight_bytes(&self, base: BaseType) -> u64 {
        if base == self.base {
            return self.loaded_bytes;
        }
        let kept =
            |base: BaseType| F32 * vectors(&self.config) + matrices(&self.config).map(|m| bytes(m, base)).sum::<u64>();
        match (self.place, base) {
            (Place::Cpu, BaseType::Stored) => self.stored_bytes,
            (Place::Cpu, _) => kept(base),
            (Place::Gpu, BaseType::F32) => kept(BaseType::F32),
            (Place::Gpu, _) => kept(BaseType::BF16),
        }
    }

    /// Whether matrices kept as `base` are expanded to f32 before each product.
    pub(super) fn is_expanded(&self, base: BaseType) -> bool {
        match base {
            BaseType::F32 => false,
            BaseType::Stored => self.stored_bytes < 7 * self.config.parameters() as u64 / 2,
            BaseType::F16 | BaseType::BF16 | BaseType::Q8_0 => true,
        }
    }
}

/// Rows and columns of every matrix.
fn matrices(config: &ModelConfig) -> impl Iterator<Item = (u64, usize)> {
    config.tensors().into_iter().filter_map(|tensor| match *tensor.shape {
        [rows, cols] => Some((rows as u64, cols)),
        _ => None,
    })
}

/// Numbers in norms and biases, which are kept in f32.
fn vectors(config: &ModelConfig) -> u64 {
    config.parameters() as u64 - matrices(config).map(|(rows, cols)| rows * cols as u64).sum::<u64>()
}

/// Bytes of a matrix that is kept as `base`, which is not as it is stored. Rows that 8-bit blocks do not fill stay at 16
/// bits.
fn bytes((rows, cols): (u64, usize), base: BaseType) -> u64 {
    let half = BlockType::BF16.row_bytes(cols);
    let row = match base {
        BaseType::F32 => None,
        BaseType::Q8_0 => BlockType::Q8_0.row_bytes(cols).or(half),
        BaseType::F16 | BaseType::BF16 | BaseType::Stored => half,
    };
    rows * row.map_or(F32 * cols as u64, |bytes| bytes as u64)
}

/// One training example, before it is cut to a context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExampleSize {
    pub tokens: usize,
    /// Predictions that count in the loss.
    pub supervised: usize,
}

impl ExampleSize {
    /// Of a row as a run reads it.
    pub fn of(row: &Row) -> Self {
        Self { tokens: row.tokens.ids.len(), supervised: row.tokens.supervised_count() }
    }

    /// The example cut to `context` tokens. What counts stands at the end of most examples.
    pub fn cut_to(self, context: usize) -> Self {
        let cut = self.tokens.saturating_sub(context);
        Self { tokens: self.tokens - cut, supervised: self.supervised.saturating_sub(cut) }
    }
}

/// The order in which a run takes its examples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExampleOrder {
    /// By the run's seed, laid together as the settings say.
    #[default]
    Seeded,
    /// As they stand in a token file, whole rows.
    File,
}

/// The training examples, in the order of the data: all of them, or some that stand for all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Examples that are trained on in truth, where they are held out as they were when they were counted.
    pub examples: usize,
    /// Examples held out of training then.
    pub held_out: usize,
    pub order: ExampleOrder,
    /// At most [`SAMPLED`], evenly spread.
    pub sample: Vec<ExampleSize>,
    /// At most [`LONGEST`], the longest first.
    pub longest: Vec<ExampleSize>,
}

impl DataFacts {
    /// Of data that is not known yet: rows that fill whatever the context is.
    pub fn unknown() -> Self {
        let full = ExampleSize { tokens: usize::MAX, supervised: usize::MAX };
        Self { sample: vec![full], longest: vec![full], ..Self::default() }
    }

    /// Of what a run reads.
    pub fn of(data: &Dataset) -> Self {
        let sizes: Vec<ExampleSize> = data.train.iter().map(ExampleSize::of).collect();
        Self {
            order: if data.in_file_order { ExampleOrder::File } else { ExampleOrder::Seeded },
            ..Self::of_sizes(&sizes, data.held_out.len())
        }
    }

    /// Of examples whose sizes are all known.
    pub fn of_sizes(sizes: &[ExampleSize], held_out: usize) -> Self {
        let taken = sizes.len().min(SAMPLED);
        let mut longest = sizes.to_vec();
        longest.sort_by_key(|size| std::cmp::Reverse((size.tokens, size.supervised)));
        longest.truncate(LONGEST);
        Self {
            examples: sizes.len(),
            held_out,
            sample: (0..taken).filter_map(|i| sizes.get(i * sizes.len() / taken)).copied().collect(),
            longest,
            ..Self::default()
        }
    }

    /// How many examples are trained on and how many held out, as `settings` ask.
    pub fn split_as(&self, settings: &TrainSettings) -> (usize, usize) {
        if self.order == ExampleOrder::File {
            return (self.examples, self.held_out);
        }
        let all = self.examples + self.held_out;
        let held_out = held_out_count(all, settings.held_out);
        (all - held_out, held_out)
    }

    /// Whether every example stands in the sample.
    pub(super) fn is_complete(&self) -> bool {
        self.sample.len() == self.examples
    }

    /// Memory of all examples as tokens, cut to `context`.
    pub(in crate::train) fn token_bytes(&self, context: usize) -> u64 {
        let sampled: usize = self.sample.iter().map(|size| size.cut_to(context).tokens).sum();
        let rows = self.examples + self.held_out;
        token_bytes(rows, rows as f64 * sampled as f64 / self.sample.len().max(1) as f64)
    }
}

/// Memory of `rows` examples of `tokens` tokens together: a number and a mark each, and what is known of a row.
fn token_bytes(rows: usize, tokens: f64) -> u64 {
    (5.0 * tokens) as u64 + 200 * rows as u64
}

/// The machine, and what this process takes of it. Where the system does not tell, nothing is held and there is no end of
/// memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// Floating-point operations a second that a matrix product reaches on all threads; 0 where it was not measured.
    pub flops_per_s: f64,
    /// The threads it was measured on.
    pub threads: usize,
    /// Memory of the machine or of the container, in bytes.
    pub memory_total: u64,
    /// What this process could take beside what it holds, in bytes: the least that system, container and the process's own
    /// limit leave.
    pub memory_available: u64,
    /// What it holds, in bytes.
    pub memory_held: u64,
    /// What of that an estimate counts by itself: the weights, and data, adapter and optimizer where they are there already.
    pub memory_of_run: u64,
}

impl MachineFacts {
    /// The most that this process can hold.
    pub fn budget(&self) -> u64 {
        self.memory_held.saturating_add(self.memory_available)
    }
}
