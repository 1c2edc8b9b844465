//! What a run will take, before it takes it: memory, split into what it is for, and time. Everything here is made of plain
//! numbers and answers in about a millisecond, so that a window can ask again whenever a setting moves.
//!
//! [`ModelFacts`], [`DataFacts`] and [`MachineFacts`] are what it depends on, gathered once; [`estimate`] weighs them
//! against settings, and [`mends`] says what settings would take less. `memory.rs` counts what a pass keeps, as
//! `ops/mod.rs` lists it; `micro_batches.rs` finds the largest micro-batch from the lengths of the examples; `time.rs`
//! counts operations. Start reading at [`estimate`].

mod facts;
mod machine;
mod memory;
mod mends;
mod micro_batches;
mod text;
mod time;

use serde::{Deserialize, Serialize};

pub use facts::{DataFacts, ExampleOrder, ExampleSize, LONGEST, MachineFacts, ModelFacts, Place, SAMPLED};
pub(super) use machine::MemoryNow;
pub(super) use memory::PassMemory;
pub use mends::{Mend, MendKind, mends};
pub use micro_batches::PassSize;
pub(super) use micro_batches::groups;
pub use text::memory_size;

use memory::Memory;

use super::TrainSettings;

/// What a run takes. Memory is in bytes, all of what the process holds at its peak.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The base model.
    pub weights: u64,
    pub adapter: u64,
    /// The adapter's gradients and the optimizer's two moments.
    pub optimizer: u64,
    /// What forward keeps for backward, and what backward works with.
    pub activations: u64,
    /// Of the vocabulary, some positions at a time, and the gradient of what enters them.
    pub logits: u64,
    /// The program, the data as tokens, and the room that matrix products work in.
    pub rest: u64,
    /// The largest micro-batch.
    pub largest: PassSize,
    /// Optimizer steps of the run; `None` where the data is not known.
    pub steps: Option<usize>,
    /// Seconds of a step, on average; `None` where the machine was not measured.
    pub step_s: Option<f64>,
    /// Seconds of the whole run with its measures of held-out loss.
    pub total_s: Option<f64>,
}

impl Estimate {
    /// The most memory that the process will hold.
    pub fn total_bytes(&self) -> u64 {
        self.parts().into_iter().map(|(_, bytes)| bytes).sum()
    }

    /// Every part with its name, in the order they are shown.
    pub fn parts(&self) -> [(&'static str, u64); 6] {
        [
            ("weights", self.weights),
            ("adapter", self.adapter),
            ("optimizer", self.optimizer),
            ("activations", self.activations),
            ("logits", self.logits),
            ("rest", self.rest),
        ]
    }
}

/// What a run with these settings takes.
pub fn estimate(model: &ModelFacts, data: &DataFacts, machine: &MachineFacts, settings: &TrainSettings) -> Estimate {
    let largest = micro_batches::largest(data, settings);
    let memory = Memory::new(model, data, machine, settings).at(largest);
    let time = time::of_run(model, data, machine, settings);
    Estimate { largest, steps: time.steps, step_s: time.step_s, total_s: time.total_s, ..memory }
}
