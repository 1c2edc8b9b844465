//! The faults that an audit looks for, and what can be done about each.

use serde::{Deserialize, Serialize};

/// How much a fault weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The row teaches nothing.
    Error,
    /// The row teaches something else than it seems to.
    Warning,
    /// Worth a look; it may be meant so.
    Notice,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// What can be wrong with a row, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    Dropped,
    EmptyAnswer,
    NothingToLearn,
    TemplateRefused,
    Cut,
    MissingEnd,
    AcrossSplit,
    ExactDuplicate,
    RoleOrder,
    Mojibake,
    MixedEncodings,
    ControlCharacters,
    NearDuplicate,
    PersonalData,
}

impl Fault {
    /// Every fault, the gravest first.
    pub const ALL: [Fault; 14] = [
        Self::Dropped,
        Self::EmptyAnswer,
        Self::NothingToLearn,
        Self::TemplateRefused,
        Self::Cut,
        Self::MissingEnd,
        Self::AcrossSplit,
        Self::ExactDuplicate,
        Self::RoleOrder,
        Self::Mojibake,
        Self::MixedEncodings,
        Self::ControlCharacters,
        Self::NearDuplicate,
        Self::PersonalData,
    ];

    /// Its name, as a list of faults shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dropped => "Dropped",
            Self::EmptyAnswer => "Empty answer",
            Self::NothingToLearn => "Nothing left to learn",
            Self::TemplateRefused => "Refused by the template",
            Self::Cut => "Cut",
            Self::MissingEnd => "Missing end token",
            Self::AcrossSplit => "On both sides of the split",
            Self::ExactDuplicate => "Exact duplicate",
            Self::RoleOrder => "Turns out of order",
            Self::Mojibake => "Mojibake",
            Self::MixedEncodings => "Mixed encodings",
            Self::ControlCharacters => "Control characters",
            Self::NearDuplicate => "Near duplicate",
            Self::PersonalData => "Personal data",
        }
    }

    /// Why it matters, in a sentence.
    pub fn why(self) -> &'static str {
        match self {
            Self::Dropped => "These rows could not be read as examples, so nothing is learnt from them.",
            Self::EmptyAnswer => "An answer that says nothing teaches the model to say nothing.",
            Self::NothingToLearn => "The answer begins beyond the context, so training leaves these rows out.",
            Self::TemplateRefused => {
                "The model's chat template cannot print these conversations, so training leaves them out."
            }
            Self::Cut => "The answer is cut at the context: the model learns its beginning, and never that it ends.",
            Self::MissingEnd => {
                "An answer ends without the model's end token, so the model is not taught to stop there."
            }
            Self::AcrossSplit => "Held-out rows that training nearly sees make held-out loss look better than it is.",
            Self::ExactDuplicate => {
                "A row that stands several times weighs several times as much, and is learnt by heart."
            }
            Self::RoleOrder => {
                "Chats alternate between user and assistant; other orders are often a slip of an export."
            }
            Self::Mojibake => "UTF-8 that was read as Windows-1252: the model would learn to write it so.",
            Self::MixedEncodings => {
                "Letters were lost or stand for others where texts of several encodings were joined."
            }
            Self::ControlCharacters => "Signs that nobody sees are tokens that the model learns to write.",
            Self::NearDuplicate => "Rows that differ in a few words weigh nearly as much as copies.",
            Self::PersonalData => "What looks like addresses and numbers of people can come back in answers.",
        }
    }

    /// How much it weighs.
    pub fn severity(self) -> Severity {
        match self {
            Self::Dropped | Self::EmptyAnswer | Self::NothingToLearn | Self::TemplateRefused => Severity::Error,
            Self::NearDuplicate | Self::PersonalData => Severity::Notice,
            _ => Severity::Warning,
        }
    }

    /// What can be done about all rows with it, the best first.
    pub fn mends(self) -> &'static [Mend] {
        match self {
            Self::Dropped => &[Mend::EditFile],
            Self::EmptyAnswer | Self::TemplateRefused | Self::RoleOrder | Self::AcrossSplit => {
                &[Mend::Drop, Mend::Keep]
            }
            Self::NothingToLearn | Self::Cut => &[Mend::FitContext, Mend::Drop, Mend::Keep],
            Self::MissingEnd => &[Mend::Drop, Mend::Keep],
            Self::ExactDuplicate | Self::NearDuplicate => &[Mend::Merge, Mend::Keep],
            Self::Mojibake | Self::MixedEncodings | Self::ControlCharacters => &[Mend::Repair, Mend::Drop, Mend::Keep],
            Self::PersonalData => &[Mend::Mask, Mend::Drop, Mend::Keep],
        }
    }
}

/// What can be done about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mend {
    /// Leave the rows out of training.
    Drop,
    /// Train on them as they are, and list them no more.
    Keep,
    /// Keep the first of every group and leave the others out.
    Merge,
    /// Put right what can be put right in the texts.
    Repair,
    /// Put a placeholder where the personal data stands.
    Mask,
    /// Take a context in which 99 % of the examples are whole.
    FitContext,
    /// Nothing that can be done here: the row has to be put right in its file.
    EditFile,
}

impl Mend {
    /// What a button says that does it to all rows with a fault.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "Drop these rows",
            Self::Keep => "Keep",
            Self::Merge => "Merge duplicates",
            Self::Repair => "Repair",
            Self::Mask => "Mask",
            Self::FitContext => "Fit 99 %",
            Self::EditFile => "Mend in the file",
        }
    }

    /// What a button says that does it to one row.
    pub fn name_for_one(self) -> &'static str {
        match self {
            Self::Drop | Self::Merge => "Drop this row",
            Self::Repair => "Repair this row",
            Self::Mask => "Mask in this row",
            Self::Keep | Self::FitContext | Self::EditFile => self.name(),
        }
    }

    /// What it does to one row, as advice.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Drop => "drop the row",
            Self::Keep => "keep it if it is meant so",
            Self::Merge => "keep the first of them alone",
            Self::Repair => "repair the text",
            Self::Mask => "mask it, or keep it if it is meant so",
            Self::FitContext => "take a longer context, or drop the row",
            Self::EditFile => "mend the row in its file and import it again",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_stands_once_in_the_list_from_grave_to_light_and_can_be_mended() {
        assert!(Fault::ALL.is_sorted_by(|a, b| a < b && a.severity() <= b.severity()));
        assert!(Fault::ALL.iter().all(|fault| !fault.mends().is_empty() && !fault.why().is_empty()));
    }
}
