//! The type that the base model's matrices are kept in.

use std::fmt;
use std::str::FromStr;

use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};

use crate::ops::{BlockType, Weight};

/// What the matrices of a base model are kept in while it is used. On the CPU everything is computed in f32 whatever they are
/// kept in; a GPU keeps them in bf16, or in f32 where that is asked for or stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BaseType {
    /// As the file has them: exact, and no larger than the file.
    #[default]
    #[serde(rename = "stored")]
    Stored,
    /// Expanded: a few per cent faster in training, and 4 bytes a weight.
    #[serde(rename = "f32")]
    F32,
    #[serde(rename = "f16")]
    F16,
    #[serde(rename = "bf16")]
    BF16,
    /// Rounded to 8 bits in blocks of 32.
    #[serde(rename = "q8_0")]
    Q8_0,
}

impl BaseType {
    /// Every type, in the order menus show them.
    pub const ALL: [BaseType; 5] = [BaseType::Stored, BaseType::F32, BaseType::F16, BaseType::BF16, BaseType::Q8_0];

    /// The name used in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            BaseType::Stored => "stored",
            BaseType::F32 => "f32",
            BaseType::F16 => "f16",
            BaseType::BF16 => "bf16",
            BaseType::Q8_0 => "q8_0",
        }
    }

    /// What rows of `cols` elements are kept in, from what they are stored in (`None`: f32). Rows that 8-bit blocks do not
    /// fill stay at 16 bits.
    fn kind(self, stored: Option<BlockType>, cols: usize) -> Option<BlockType> {
        match self {
            BaseType::Stored => stored,
            BaseType::F32 => None,
            BaseType::F16 => Some(BlockType::F16),
            BaseType::BF16 => Some(BlockType::BF16),
            BaseType::Q8_0 if BlockType::Q8_0.row_bytes(cols).is_some() => Some(BlockType::Q8_0),
            BaseType::Q8_0 => stored.filter(|kind| kind.block_len() == 1).or(Some(BlockType::BF16)),
        }
    }

    /// A matrix kept in this type on `device`. A device that is not the CPU keeps it in bf16, or in f32 where that is
    /// asked for.
    pub(in crate::model) fn keep(self, stored: Weight, device: &Device) -> candle_core::Result<Weight> {
        if device.is_cpu() {
            let kind = self.kind(stored.kind(), stored.cols());
            return if kind == stored.kind() { Ok(stored) } else { stored.kept_as(kind) };
        }
        let is_f32 = self == BaseType::F32 || (self == BaseType::Stored && stored.kind().is_none());
        let dtype = if is_f32 { DType::F32 } else { DType::BF16 };
        Weight::dense(stored.to_tensor()?.to_dtype(dtype)?.to_device(device)?)
    }
}

impl fmt::Display for BaseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BaseType {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let names = BaseType::ALL.map(BaseType::name).join(", ");
        BaseType::ALL
            .into_iter()
            .find(|base| base.name() == s)
            .ok_or_else(|| format!("unknown type `{s}` for the base model: use one of {names}"))
    }
}
