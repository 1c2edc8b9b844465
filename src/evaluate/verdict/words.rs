//! Figures in the sentences of a verdict.

pub(super) use crate::figures::{count, counted};

/// A loss with three digits that matter.
pub(super) fn nats(loss: f64) -> String {
    match loss {
        loss if loss >= 1.0 => format!("{loss:.2}"),
        loss if loss >= 0.001 => format!("{loss:.3}"),
        loss => format!("{loss:.1e}"),
    }
}

/// A learning rate: `2e-4`, `2.5e-5`.
pub(super) fn rate(lr: f64) -> String {
    format!("{lr:.1e}").replace(".0e", "e")
}

/// A change as a share, without its sign: `31 %`.
pub(super) fn share(change: f64) -> String {
    format!("{:.0} %", change.abs() * 100.0)
}

/// Names in a sentence: `sums`, `sums and rooms`, `sums, rooms and 3 more`.
pub(super) fn list(names: &[String], shown: usize) -> String {
    let (named, left) = names.split_at_checked(shown).unwrap_or((names, &[]));
    match (named, left) {
        ([only], []) => only.clone(),
        ([before @ .., last], []) => format!("{} and {last}", before.join(", ")),
        (named, left) => format!("{} and {} more", named.join(", "), count(left.len())),
    }
}
