//! The adapter: its spec, the adapted linear layer with its router, and adapter folders in and out.
//! [`AdapterSpec`] says what there is, `layer.rs` computes it, `mix.rs` is what a user does to its heads, and
//! `folder.rs` reads and writes it: `names.rs` spells the tensors, `config_file.rs` and `tensor_file.rs` are its two files, `check.rs` keeps reading strict. `gates.rs` and
//! `similarity.rs` measure how its heads share the work and how alike they are, `health.rs` judges both.

mod card;
mod check;
mod config_file;
mod error;
pub mod folder;
mod gates;
mod health;
mod layer;
mod mix;
mod names;
mod similarity;
mod spec;
mod tensor_file;
mod tensors;

pub use card::CardInfo;
pub use check::Dims;
pub use config_file::{AdapterConfig, AdapterFormat, CONFIG_FILE};
pub use error::AdapterError;
pub use folder::AdapterFolder;
pub use gates::{GateLoad, GateSummary, entropy, leader};
pub use health::{
    ALIKE, DEAD_SHARE, EVEN, FEW_MODULES, HealthFinding, HealthKind, LEADS_ALONE, LEADS_NONE, MOST_MODULES,
    MOSTLY_SATURATED, ModuleHealth, SATURATED, health,
};
pub use layer::{Adapter, GateCapture, InputWatcher, Pass, project};
pub use mix::{GateMix, HeadMix, MixError};
pub use similarity::{head_similarity, module_similarity};
pub use spec::{AdapterSpec, Method, Module, Target};
pub use tensor_file::TENSOR_FILE;
pub use tensors::{AdapterTensors, ModuleTensors};
