//! Keys and values of the tokens so far, kept while an answer is generated.

use candle_core::{DType, Device, Result, Tensor};

use super::ModelConfig;

/// Positions a cache has room for at first; it doubles when full.
const START: usize = 256;

/// Keys and values of every layer, for one sequence.
#[derive(Debug)]
pub struct KvCache {
    layers: Vec<LayerCache>,
}

/// Keys and values of one layer: rows `0..len` of buffers that grow by doubling.
#[derive(Debug)]
pub struct LayerCache {
    keys: Tensor,
    values: Tensor,
    len: usize,
}

impl KvCache {
    /// An empty cache for a model of this shape.
    pub fn new(config: &ModelConfig, device: &Device) -> Result<Self> {
        let width = config.kv_heads * config.head_dim;
        let buffer = || Tensor::zeros((START, width), DType::F32, device);
        let layer = |_| Ok(LayerCache { keys: buffer()?, values: buffer()?, len: 0 });
        Ok(Self { layers: (0..config.layers).map(layer).collect::<Result<_>>()? })
    }

    /// Tokens the cache holds.
    pub fn len(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.len)
    }

    /// Whether no token was cached yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn layer(&mut self, layer: usize) -> Option<&mut LayerCache> {
        self.layers.get_mut(layer)
    }
}

impl LayerCache {
    /// Adds keys and values of new tokens, `[tokens, kv_heads · head_dim]`, and gives all of them so far.
    pub(super) fn append(&mut self, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        let len = self.len + keys.dim(0)?;
        while len > self.keys.dim(0)? {
            self.keys = Tensor::cat(&[&self.keys, &self.keys.zeros_like()?], 0)?;
            self.values = Tensor::cat(&[&self.values, &self.values.zeros_like()?], 0)?;
        }
        self.keys.slice_set(&keys.detach().contiguous()?, 0, self.len)?;
        self.values.slice_set(&values.detach().contiguous()?, 0, self.len)?;
        self.len = len;
        Ok((self.keys.narrow(0, 0, len)?, self.values.narrow(0, 0, len)?))
    }
}
