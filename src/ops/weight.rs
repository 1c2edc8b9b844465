//! A frozen matrix of the base model, kept in the type it is stored in and expanded to f32 a panel at a time, as QLoRA does
//! (Dettmers et al. 2023).

use std::cell::RefCell;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Result, Tensor, bail};
use rayon::prelude::*;

use super::blocks::{BlockType, Rows, dot_rows, expand};
use super::mat::{FEW_ROWS, Into, Mat, Threads, product};
use super::storage::{is_native, tensor, with_slice};

/// Elements that are expanded at a time: 4 MiB of f32, which a second-level or third-level cache holds.
const PANEL: usize = 1 << 20;

/// Memory that each thread which multiplies by weights in blocks holds for it.
pub const PANEL_BYTES: usize = PANEL * size_of::<f32>();

thread_local! {
    /// The panel of the thread that computes, kept from product to product.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A matrix `[rows, cols]`, in f32 or in a smaller type. Clones share its memory.
#[derive(Clone, Debug)]
pub struct Weight {
    kept: Kept,
    rows: usize,
    cols: usize,
}

#[derive(Clone, Debug)]
enum Kept {
    Dense(Tensor),
    Blocks(Arc<Blocks>),
}

/// Rows of blocks, one row after the other.
#[derive(Debug)]
struct Blocks {
    kind: BlockType,
    bytes: Vec<u8>,
    /// Bytes of one row.
    stride: usize,
}

impl Weight {
    /// A tensor `[rows, cols]` as it is. A variable is trained.
    pub fn dense(tensor: Tensor) -> Result<Self> {
        let (rows, cols) = tensor.dims2()?;
        Ok(Self { kept: Kept::Dense(tensor.contiguous()?), rows, cols })
    }

    /// Rows of blocks as a file holds them.
    ///
    /// Errs when blocks do not fill the rows, or the bytes are not as many as the rows take.
    pub fn blocks(kind: BlockType, bytes: Vec<u8>, rows: usize, cols: usize) -> Result<Self> {
        let Some(stride) = kind.row_bytes(cols) else {
            bail!("rows of {cols} elements cannot be kept in blocks of {} ({})", kind.block_len(), kind.name());
        };
        if stride.checked_mul(rows) != Some(bytes.len()) {
            bail!("{} bytes do not make {rows} rows of {stride} ({})", bytes.len(), kind.name());
        }
        Ok(Self { kept: Kept::Blocks(Arc::new(Blocks { kind, bytes, stride })), rows, cols })
    }

    /// The same matrix kept in another type, on the CPU; `None`: in f32. Rounds where that type is coarser.
    ///
    /// Errs when its blocks do not fill the rows.
    pub fn kept_as(&self, kind: Option<BlockType>) -> Result<Self> {
        let tensor = self.to_tensor()?.to_device(&Device::Cpu)?;
        match kind {
            None => Self::dense(tensor),
            Some(kind) => {
                let quantised = QTensor::quantize(&tensor, GgmlDType::from(kind))?;
                Self::blocks(kind, quantised.data()?.into_owned(), self.rows, self.cols)
            }
        }
    }

    /// Outputs of the projection.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs of the projection.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The blocks it is kept in; `None`: a dense tensor.
    pub fn kind(&self) -> Option<BlockType> {
        match &self.kept {
            Kept::Dense(_) => None,
            Kept::Blocks(blocks) => Some(blocks.kind),
        }
    }

    /// Memory it takes.
    pub fn bytes(&self) -> usize {
        match &self.kept {
            Kept::Dense(tensor) => tensor.elem_count() * tensor.dtype().size_in_bytes(),
            Kept::Blocks(blocks) => blocks.bytes.len(),
        }
    }

    /// The type it is kept in, as it is shown: `F32`, `BF16`, `Q4_1`.
    pub fn type_name(&self) -> String {
        match &self.kept {
            Kept::Dense(tensor) => tensor.dtype().as_str().to_uppercase(),
            Kept::Blocks(blocks) => blocks.kind.name().to_owned(),
        }
    }

    /// Where it lies.
    pub fn device(&self) -> &Device {
        match &self.kept {
            Kept::Dense(tensor) => tensor.device(),
            Kept::Blocks(_) => &Device::Cpu,
        }
    }

    /// The whole matrix as a tensor: dense as it is, blocks in f32.
    pub fn to_tensor(&self) -> Result<Tensor> {
        match &self.kept {
            Kept::Dense(tensor) => Ok(tensor.clone()),
            Kept::Blocks(blocks) => {
                let mut data = vec![0f32; self.rows * self.cols];
                blocks.expand_rows(0, self.cols, &mut data);
                tensor(data, (self.rows, self.cols))
            }
        }
    }

    /// The rows with these numbers, `[ids, cols]`: what an embedding looks up.
    ///
    /// Errs when a number is not below [`Weight::rows`].
    pub fn lookup(&self, ids: &[u32]) -> Result<Tensor> {
        if let Some(id) = ids.iter().find(|id| **id as usize >= self.rows) {
            bail!("token {id} lies outside the vocabulary of {}", self.rows);
        }
        match &self.kept {
            Kept::Dense(tensor) => tensor.index_select(&Tensor::from_slice(ids, ids.len(), tensor.device())?, 0),
            Kept::Blocks(blocks) => {
                let mut data = vec![0f32; ids.len() * self.cols];
                for (row, id) in data.chunks_mut(self.cols.max(1)).zip(ids) {
                    blocks.expand_rows(*id as usize, self.cols, row);
                }
                tensor(data, (ids.len(), self.cols))
            }
        }
    }

    /// Whether the hand-written path can take it: on the CPU, in f32 or in blocks, and not trained.
    pub(super) fn is_native(&self) -> bool {
        match &self.kept {
            Kept::Dense(tensor) => is_native(tensor) && !tensor.track_op(),
            Kept::Blocks(_) => true,
        }
    }

    /// `y = x·Wᵀ`: x `[tokens, cols]`, y `[tokens, rows]` with its rows `stride` apart.
    pub(super) fn multiply(&self, y: &mut [f32], stride: usize, x: &[f32], tokens: usize) -> Result<()> {
        if tokens == 0 {
            return Ok(());
        }
        if let (Kept::Blocks(blocks), true) = (&self.kept, tokens <= FEW_ROWS) {
            dot_rows(Rows::Blocks(blocks.kind, &blocks.bytes), self.cols, x, tokens, y, stride);
            return Ok(());
        }
        let x = Mat::new(x, tokens, self.cols);
        self.panels(|start, panel| {
            let y = y.get_mut(start..).unwrap_or_default();
            product(y, stride, Into::Overwrite, 1.0, x, panel.t(), Threads::All);
        })
    }

    /// `dx (+)= dy·W`: dy `[tokens, rows]` with its rows `stride` apart, dx `[tokens, cols]`.
    pub(super) fn multiply_back(
        &self,
        dx: &mut [f32],
        mode: Into,
        dy: &[f32],
        stride: usize,
        tokens: usize,
    ) -> Result<()> {
        if tokens == 0 {
            return Ok(());
        }
        self.panels(|start, panel| {
            let dy = Mat::strided(dy.get(start..).unwrap_or_default(), tokens, panel.rows(), stride);
            let mode = if start == 0 { mode } else { Into::Add };
            product(dx, self.cols, mode, 1.0, dy, panel, Threads::All);
        })
    }

    /// Hands out the matrix in f32, some rows at a time, each with the number of its first row.
    fn panels(&self, mut each: impl FnMut(usize, Mat<'_>)) -> Result<()> {
        match &self.kept {
            Kept::Dense(tensor) => with_slice(tensor, |w| {
                each(0, Mat::new(w, self.rows, self.cols));
                Ok(())
            }),
            Kept::Blocks(blocks) => {
                let step = (PANEL / self.cols.max(1)).max(1);
                // Taken out while it is used: a thread that waits for its share of a product may begin another one.
                let mut scratch = SCRATCH.take();
                for start in (0..self.rows).step_by(step) {
                    let rows = step.min(self.rows - start);
                    // It only grows: what is handed out is written in full each time.
                    scratch.resize(scratch.len().max(rows * self.cols), 0.0);
                    let panel = scratch.get_mut(..rows * self.cols).unwrap_or_default();
                    blocks.expand_rows(start, self.cols, panel);
                    each(start, Mat::new(panel, rows, self.cols));
                }
                SCRATCH.set(scratch);
                Ok(())
            }
        }
    }
}

impl Blocks {
    /// Fills `out` with rows from `first` on.
    fn expand_rows(&self, first: usize, cols: usize, out: &mut [f32]) {
        let bytes = self.bytes.get(first * self.stride..).unwrap_or_default();
        let rows = out.par_chunks_mut(cols.max(1)).zip(bytes.par_chunks(self.stride.max(1)));
        rows.with_min_len(16).for_each(|(out, bytes)| expand(self.kind, bytes, out));
    }
}
