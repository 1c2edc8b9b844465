//! Figures in the sentences of a verdict.

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

/// A whole number with its thousands apart.
pub(super) fn count(value: usize) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// A number and its noun, in the plural unless there is one.
pub(super) fn counted(value: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
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
