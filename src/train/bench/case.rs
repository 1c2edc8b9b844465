//! What can be measured, by name.

use std::fmt;
use std::str::FromStr;

/// One thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Training on full rows of random tokens, every one of them supervised but the first of a row.
    Rows { rows: usize, tokens: usize },
    /// Training on real examples, packed into rows or padded to the longest of their micro-batch.
    Corpus { packing: bool },
    /// Answering token by token, with the base model alone or with an adapter on it.
    Decode { adapted: bool },
    /// Reading a prompt with the base model.
    Prefill,
}

impl Case {
    /// Every case, in the order they are measured.
    pub const ALL: [Case; 7] = [
        Case::Rows { rows: 4, tokens: 256 },
        Case::Rows { rows: 1, tokens: 512 },
        Case::Corpus { packing: true },
        Case::Corpus { packing: false },
        Case::Decode { adapted: false },
        Case::Decode { adapted: true },
        Case::Prefill,
    ];

    /// The name used in commands and results: `4x256`.
    pub fn name(self) -> String {
        match self {
            Case::Rows { rows, tokens } => format!("{rows}x{tokens}"),
            Case::Corpus { packing: true } => "packed".into(),
            Case::Corpus { packing: false } => "padded".into(),
            Case::Decode { adapted: false } => "decode".into(),
            Case::Decode { adapted: true } => "decode-adapter".into(),
            Case::Prefill => "prefill".into(),
        }
    }

    /// Whether it is measured on real examples.
    pub fn needs_corpus(self) -> bool {
        matches!(self, Case::Corpus { .. })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let names = || Case::ALL.map(Case::name).join(", ");
        let known = Case::ALL.into_iter().find(|case| case.name() == s);
        known.ok_or_else(|| format!("unknown case `{s}`: use some of {}", names()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_by_its_name_and_an_unknown_one_is_refused_with_all() {
        for case in Case::ALL {
            assert_eq!(case.to_string().parse(), Ok(case));
        }
        let refusal = "2x2".parse::<Case>().unwrap_err();
        assert!(refusal.contains("2x2") && refusal.contains("4x256, 1x512, packed"), "{refusal}");
    }
}
