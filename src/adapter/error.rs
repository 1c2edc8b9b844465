//! Why an adapter folder is refused.

use std::path::PathBuf;

use super::Module;
use crate::disk::DiskError;

/// An adapter that cannot be read or written. Each message names the file, key or tensor and what to do.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("no `{file}` here, so this is not an adapter folder; choose the folder that training or export wrote: {}", folder.display())]
    MissingFile { file: &'static str, folder: PathBuf },
    #[error(
        "`adapter_model.bin` is a Python pickle: opening one can run any code, so it is never read. Convert it where you \
         trust it, inside the folder, with PyTorch and safetensors installed:\n  \
         python -c \"import torch; from safetensors.torch import save_file; w = torch.load('adapter_model.bin', \
         map_location='cpu', weights_only=True); save_file({{k: v.contiguous() for k, v in w.items()}}, \
         'adapter_model.safetensors')\"\nthen open it again: {}", folder.display()
    )]
    PickleOnly { folder: PathBuf },
    #[error("{reason}; mend the file or take the adapter from its source again: {}", path.display())]
    Config { reason: String, path: PathBuf },
    #[error("adapters of type `{found}` cannot be read; HYDRALORA and LORA can: {}", path.display())]
    UnknownType { found: String, path: PathBuf },
    #[error("`{key}` is {value}, which this version cannot compute; train or convert the adapter without it: {}", path.display())]
    Unsupported { key: &'static str, value: String, path: PathBuf },
    #[error("{reason}; the file is damaged or not safetensors, copy or download it again: {}", path.display())]
    BrokenFile { reason: String, path: PathBuf },
    #[error(
        "tensor `{name}` is missing; the adapter is incomplete or its config names other modules or heads than it holds"
    )]
    MissingTensor { name: String },
    #[error(
        "tensor `{name}` does not belong to the adapter that its config describes ({count} such in all); mend `r`, `lora_nums` or `target_modules` in the config, or use the file it came with"
    )]
    ExtraTensor { name: String, count: usize },
    #[error(
        "tensor `{name}` has shape {found:?}, expected {expected}; the config and the tensors are not of one adapter"
    )]
    Shape { name: String, expected: String, found: Vec<usize> },
    #[error("tensor `{name}` holds {found} numbers; F32, F16 or BF16 are read")]
    Type { name: String, found: String },
    #[error(
        "tensor `{name}` holds {value} at place {index}; the training that made it diverged, use an earlier checkpoint"
    )]
    NonFinite { name: String, value: f32, index: usize },
    #[error(
        "this adapter is for another base model: {module} has {side} {expected} here, the adapter has {found}; load the base model it was trained on"
    )]
    OtherModel { module: Module, side: &'static str, expected: usize, found: usize },
    #[error(
        "this adapter is for another base model: it adapts {found} layers, the model has {expected}; load the base model it was trained on"
    )]
    OtherDepth { expected: usize, found: usize },
    #[error("this adapter is for another base model: the model has no {module}; load the base model it was trained on")]
    NoSuchModule { module: Module },
    #[error("{reason}")]
    Spec { reason: String },
    #[error("a tensor could not be read or made: {0}")]
    Tensor(#[from] candle_core::Error),
}
