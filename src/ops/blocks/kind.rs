//! The types that weights are stored in, and the sizes of their blocks.

use candle_core::bail;
use candle_core::quantized::GgmlDType;

/// A type of frozen weights that is expanded to f32 for arithmetic: half precision, or GGML's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockType {
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
}

impl BlockType {
    /// Every type.
    pub const ALL: [Self; 12] = [
        Self::F16,
        Self::BF16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// Weights in a block; 1 where each stands for itself.
    pub fn block_len(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K => 256,
        }
    }

    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Bytes of a row of `cols` weights; `None` when blocks do not fill the row, or it has more bytes than memory.
    pub fn row_bytes(self, cols: usize) -> Option<usize> {
        let whole = cols.is_multiple_of(self.block_len());
        whole.then(|| (cols / self.block_len()).checked_mul(self.block_bytes())).flatten()
    }

    /// The name that llama.cpp writes.
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q2K => "Q2_K",
            Self::Q3K => "Q3_K",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
        }
    }
}

impl From<BlockType> for GgmlDType {
    fn from(kind: BlockType) -> Self {
        match kind {
            BlockType::F16 => Self::F16,
            BlockType::BF16 => Self::BF16,
            BlockType::Q4_0 => Self::Q4_0,
            BlockType::Q4_1 => Self::Q4_1,
            BlockType::Q5_0 => Self::Q5_0,
            BlockType::Q5_1 => Self::Q5_1,
            BlockType::Q8_0 => Self::Q8_0,
            BlockType::Q2K => Self::Q2K,
            BlockType::Q3K => Self::Q3K,
            BlockType::Q4K => Self::Q4K,
            BlockType::Q5K => Self::Q5K,
            BlockType::Q6K => Self::Q6K,
        }
    }
}

impl TryFrom<GgmlDType> for BlockType {
    type Error = candle_core::Error;

    /// Errs for f32, which needs no expansion, and for the two types that only exist during a product.
    fn try_from(dtype: GgmlDType) -> candle_core::Result<Self> {
        Ok(match dtype {
            GgmlDType::F16 => Self::F16,
            GgmlDType::BF16 => Self::BF16,
            GgmlDType::Q4_0 => Self::Q4_0,
            GgmlDType::Q4_1 => Self::Q4_1,
            GgmlDType::Q5_0 => Self::Q5_0,
            GgmlDType::Q5_1 => Self::Q5_1,
            GgmlDType::Q8_0 => Self::Q8_0,
            GgmlDType::Q2K => Self::Q2K,
            GgmlDType::Q3K => Self::Q3K,
            GgmlDType::Q4K => Self::Q4K,
            GgmlDType::Q5K => Self::Q5K,
            GgmlDType::Q6K => Self::Q6K,
            GgmlDType::F32 | GgmlDType::Q8_1 | GgmlDType::Q8K => {
                bail!("weights of type {dtype:?} are not kept in blocks: expand them to f32 when they are read")
            }
        })
    }
}
