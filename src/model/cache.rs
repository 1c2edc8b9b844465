//! Keys and values of the tokens so far, kept while an answer is generated.

use candle_core::{Result, Tensor};

use super::ModelConfig;

/// Positions a cache has room for at first; it doubles when full.
const START: usize = 256;

/// Keys and values of every layer, for one sequence.
#[derive(Debug)]
pub struct KvCache {
    layers: Vec<LayerCache>,
}

/// Keys and values of one layer.
#[derive(Debug, Default)]
pub struct LayerCache {
    /// `None` until the first token came.
    buffers: Option<Buffers>,
    len: usize,
}

/// Rows of which the first `len` are filled, of the type and on the device of the first keys and values.
#[derive(Debug)]
struct Buffers {
    keys: Tensor,
    values: Tensor,
}

impl KvCache {
    /// An empty cache for a model of this shape.
    pub fn new(config: &ModelConfig) -> Self {
        Self { layers: (0..config.layers).map(|_| LayerCache::default()).collect() }
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
        let buffers = match &mut self.buffers {
            Some(buffers) => buffers,
            none => none.insert(Buffers { keys: room(START, keys)?, values: room(START, values)? }),
        };
        let rows = buffers.keys.dim(0)?;
        if len > rows {
            let more = len.max(2 * rows) - rows;
            buffers.keys = Tensor::cat(&[&buffers.keys, &room(more, keys)?], 0)?;
            buffers.values = Tensor::cat(&[&buffers.values, &room(more, values)?], 0)?;
        }
        buffers.keys.slice_set(&keys.detach().contiguous()?, 0, self.len)?;
        buffers.values.slice_set(&values.detach().contiguous()?, 0, self.len)?;
        self.len = len;
        Ok((buffers.keys.narrow(0, 0, len)?, buffers.values.narrow(0, 0, len)?))
    }
}

/// Empty rows as wide as those of `like`, of its type and on its device.
fn room(rows: usize, like: &Tensor) -> Result<Tensor> {
    Tensor::zeros((rows, like.dim(1)?), like.dtype(), like.device())
}
