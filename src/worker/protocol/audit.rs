//! What an audit of the loaded data told.

use serde::{Deserialize, Serialize};

use crate::data::audit::{Fault, Finding, Mend};
use crate::text::audit::Histogram;

/// Findings of one fault that are sent to the window; what is beyond is counted.
pub const FINDINGS_SHOWN: usize = 2_000;

/// What will be learned from the loaded data, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditSummary {
    /// The context that it was asked for.
    pub context: usize,
    /// Examples that were looked at.
    pub examples: usize,
    /// `None` where no model is loaded: then nothing is known of tokens.
    pub reading: Option<ReadingSummary>,
    /// The faults that were found, the gravest first.
    pub faults: Vec<FaultSummary>,
    /// What was not looked at, in words.
    pub note: Option<String>,
}

/// The examples as the loaded model reads them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadingSummary {
    /// The name of the model.
    pub model: String,
    /// Examples that it can read.
    pub read: usize,
    /// Of those, the ones that are whole at the context.
    pub whole: usize,
    /// Tokens of the examples, uncut.
    pub lengths: Histogram,
    /// Tokens of the examples that count within the context.
    pub learnt: Histogram,
    /// The least context that leaves 99 % of the examples whole, be it longer than the model allows.
    pub fitting: Option<usize>,
}

/// A mend of a fault that the last audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataMend {
    pub fault: Fault,
    pub mend: Mend,
    /// The context that the audit was asked for.
    pub context: usize,
    /// Index of the one example to mend; `None` for all with the fault, also those that are not listed.
    pub row: Option<usize>,
}

/// One fault and where it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultSummary {
    pub fault: Fault,
    pub count: usize,
    /// Of those, the ones that are examples and not rows that became none.
    pub examples: usize,
    /// The first [`FINDINGS_SHOWN`].
    pub findings: Vec<Finding>,
}

impl AuditSummary {
    /// How many findings there are of all faults.
    pub fn total(&self) -> usize {
        self.faults.iter().map(|fault| fault.count).sum()
    }
}
