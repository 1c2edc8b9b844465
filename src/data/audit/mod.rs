//! What an import holds that a person would want to know before training on it, as far as it can be told without a
//! model: rows that were dropped, answers that say nothing, duplicates, turns out of order, broken signs and encodings,
//! personal data. What needs the model's tokens is looked for in the text room.
//!
//! Start at [`audit`], which looks at every example once and then compares those that look alike.
//! [`Fault`] names what there is to find, [`Findings`] keeps what was found; `roles.rs`, `answers.rs`, `signs.rs`,
//! `mojibake.rs` and `personal.rs` look at one example, `exact.rs`, `shingles.rs`, `minhash.rs` and `near.rs` at all of
//! them, `sides.rs` at both sides of a split, and `repair.rs` mends what can be mended.

mod answers;
mod engine;
mod exact;
mod fault;
mod findings;
mod minhash;
mod mojibake;
mod near;
mod parts;
mod personal;
mod places;
mod repair;
mod roles;
mod shingles;
mod sides;
mod signs;
#[cfg(test)]
mod tests;

pub use engine::{DataAudit, audit};
pub use fault::{Fault, Mend, Severity};
pub use findings::{Finding, Findings, KEPT};
pub(crate) use parts::in_parts;
pub(crate) use places::Places;
pub use repair::repaired;
