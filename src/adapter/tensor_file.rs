//! `adapter_model.safetensors`: read whole and checked before any tensor is made, written in one piece.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{Device, Tensor};
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};

use super::check::{BaseShape, check_shapes};
use super::names::{Part, Spelling, module_parts};
use super::{AdapterError, AdapterSpec, AdapterTensors, ModuleTensors};
use crate::disk::{DiskError, write_atomic};

/// The tensors' file name in an adapter folder.
pub const TENSOR_FILE: &str = "adapter_model.safetensors";

/// Reads the tensors of an adapter of `spec` from one file.
pub(crate) fn read_file(path: &Path, spec: &AdapterSpec, base: BaseShape<'_>) -> Result<AdapterTensors, AdapterError> {
    let bytes = std::fs::read(path).map_err(DiskError::at("read the adapter's tensors", path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| broken(&error, path))?;
    let shapes: BTreeMap<_, _> = file.iter().map(|(name, view)| (name.to_string(), view.shape().to_vec())).collect();
    let dotted = shapes.keys().any(|name| name.ends_with(".lora_B.0.weight"));
    let spelling = if dotted { Spelling::Dotted } else { Spelling::of(spec.method) };
    let layers = check_shapes(spec, spelling, &shapes, base)?;
    let mut modules = BTreeMap::new();
    for module in spec.modules(layers) {
        let mut tensors = ModuleTensors { a: Vec::new(), b: Vec::new(), router: None };
        for part in module_parts(spec) {
            let name = spelling.name(module, part);
            let view = file.tensor(&name).map_err(|error| broken(&error, path))?;
            let tensor = tensor(&name, &view)?;
            match part {
                Part::SharedA | Part::A(_) => tensors.a.push(tensor),
                Part::B(_) => tensors.b.push(tensor),
                Part::Router => tensors.router = Some(tensor),
            }
        }
        modules.insert(module, tensors);
    }
    Ok(AdapterTensors { spec: spec.clone(), modules })
}

/// Writes the tensors to one file, as f32, after the same checks that reading makes.
pub(crate) fn write_file(path: &Path, tensors: &AdapterTensors) -> Result<(), AdapterError> {
    let named = tensors.named();
    let shapes = named.iter().map(|(name, tensor)| (name.clone(), tensor.dims().to_vec())).collect();
    let spec = &tensors.spec;
    let layers = Some(tensors.layers());
    check_shapes(spec, Spelling::of(spec.method), &shapes, BaseShape { dims: None, layers })?;
    let mut contents = Vec::with_capacity(named.len());
    for (name, tensor) in named {
        let values: Vec<f32> = tensor.flatten_all()?.to_dtype(candle_core::DType::F32)?.to_vec1()?;
        refuse_non_finite(&name, &values)?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        contents.push((name, tensor.dims().to_vec(), bytes));
    }
    let mut views = Vec::with_capacity(contents.len());
    for (name, shape, bytes) in &contents {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(|error| broken(&error, path))?;
        views.push((name, view));
    }
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| broken(&error, path))?;
    Ok(write_atomic(path, &bytes)?)
}

/// One tensor as f32 on the CPU.
fn tensor(name: &str, view: &TensorView<'_>) -> Result<Tensor, AdapterError> {
    let data = view.data();
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|&bytes| f16::from_le_bytes(bytes).to_f32()).collect(),
        Dtype::BF16 => data.as_chunks().0.iter().map(|&bytes| bf16::from_le_bytes(bytes).to_f32()).collect(),
        other => return Err(AdapterError::Type { name: name.to_string(), found: format!("{other:?}") }),
    };
    refuse_non_finite(name, &values)?;
    Ok(Tensor::from_vec(values, view.shape(), &Device::Cpu)?)
}

fn refuse_non_finite(name: &str, values: &[f32]) -> Result<(), AdapterError> {
    match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((index, &value)) => Err(AdapterError::NonFinite { name: name.to_string(), value, index }),
        None => Ok(()),
    }
}

/// What is wrong with a safetensors file, in words.
fn broken(error: &SafeTensorError, path: &Path) -> AdapterError {
    use SafeTensorError as E;
    let reason = match error {
        E::HeaderTooSmall => "the file is shorter than a safetensors header".to_string(),
        E::HeaderTooLarge => "the header claims to be larger than any header can be".to_string(),
        E::InvalidHeaderLength => "the header claims to be larger than the file".to_string(),
        E::InvalidHeader(_) | E::InvalidHeaderDeserialization(_) => "the header is not readable".to_string(),
        E::MetadataIncompleteBuffer => "the file does not end where its header says".to_string(),
        E::InvalidOffset(name) => format!("the place of tensor `{name}` is not inside the file"),
        E::TensorInvalidInfo | E::ValidationOverflow => {
            "a tensor's shape does not fit its place in the file".to_string()
        }
        other => format!("the tensors cannot be read: {other}"),
    };
    AdapterError::BrokenFile { reason, path: path.to_path_buf() }
}
