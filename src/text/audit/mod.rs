//! What a model will learn from examples: how long they are as it reads them, how much of them counts, and which of them
//! it cannot read, cannot finish or would not learn from.
//!
//! Start at [`read`], which shows every example to the tokenizer once and gives a [`Reading`]; what changes with the
//! context is then told by [`Reading::audit`] at no cost, for any context. `histogram.rs` sums lengths up.

mod histogram;
mod reading;
#[cfg(test)]
mod tests;

pub use histogram::Histogram;
pub use reading::{Reading, TokenAudit, WHOLE_SHARE, read};
