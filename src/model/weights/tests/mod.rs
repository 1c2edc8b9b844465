//! Small models written to a temporary folder, opened, and broken in every way that a download or an enemy may break them.

mod folder;
mod gguf;
mod hostile_gguf;

use std::path::Path;

use candle_core::{Device, Tensor};

use super::*;
use crate::model::config::TensorSpec;

/// Numbers in -1 to 1 that look random and are the same every time, other ones for every `salt`.
fn values(shape: &[usize], salt: u64) -> Tensor {
    let count = shape.iter().product::<usize>() as u64;
    let mut state = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let numbers: Vec<f32> = (0..count).map(|_| next()).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

/// Every tensor of a model with its Hugging Face name.
fn tensors(config: &ModelConfig) -> Vec<(String, Tensor)> {
    let numbered = (1..).zip(config.tensors());
    numbered.map(|(salt, TensorSpec { name, shape })| (name, values(&shape, salt))).collect()
}

fn read(opened: &OpenedModel, name: &str) -> Tensor {
    let shape = opened.config.tensors().into_iter().find(|tensor| tensor.name == name).unwrap().shape;
    opened.weights.tensor(name, &shape, &Device::Cpu).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// What opening `path` is refused with.
fn refusal(path: &Path) -> String {
    match OpenedModel::open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}
