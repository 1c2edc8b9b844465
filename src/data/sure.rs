//! How sure it is that a file was understood, and why.

use serde::{Deserialize, Serialize};

/// How sure it is that the columns play the parts they were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sure {
    /// It may be otherwise: the first examples want a look.
    Guess,
    /// Something speaks against it, but more for it.
    Likely,
    /// The names and the values leave no doubt, or a person said so.
    #[default]
    Certain,
}

/// How sure it is, with the reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Certainty {
    pub sure: Sure,
    /// Each a clause without its full stop.
    reasons: Vec<String>,
}

impl Certainty {
    /// Certain, for this reason.
    pub fn certain(reason: impl Into<String>) -> Self {
        Self { sure: Sure::Certain, reasons: vec![reason.into()] }
    }

    /// By how many of the rows that were looked at agree.
    pub fn of_rows(agreeing: usize, rows: usize) -> Self {
        let sure = match (agreeing, rows) {
            (agreeing, rows) if agreeing == rows => Sure::Certain,
            (agreeing, rows) if agreeing * 10 >= rows * 8 => Sure::Likely,
            _ => Sure::Guess,
        };
        let reason = match rows {
            1 => "the one row that was looked at is laid out so".to_owned(),
            rows if agreeing == rows => format!("all {rows} rows that were looked at are laid out so"),
            rows => format!("{agreeing} of {rows} rows that were looked at are laid out so"),
        };
        Self { sure, reasons: vec![reason] }
    }

    /// No surer than `sure`, for this reason.
    pub fn doubt(&mut self, sure: Sure, reason: impl Into<String>) {
        self.sure = self.sure.min(sure);
        self.reasons.push(reason.into());
    }

    /// A sentence for the end of an explanation.
    pub fn sentence(&self) -> String {
        let reasons = self.reasons.join(", and ");
        match self.sure {
            Sure::Certain => format!("This is certain: {reasons}."),
            Sure::Likely => format!("This is likely: {reasons}."),
            Sure::Guess => {
                format!("This is a guess: {reasons}. Check the first examples, or say which column is which.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_rows_and_each_doubt_lower_it() {
        assert_eq!(Certainty::of_rows(50, 50).sure, Sure::Certain);
        assert_eq!(Certainty::of_rows(40, 50).sure, Sure::Likely);
        assert_eq!(Certainty::of_rows(39, 50).sure, Sure::Guess);
        let mut certainty = Certainty::of_rows(1, 1);
        certainty.doubt(Sure::Likely, "there are two answers");
        assert_eq!(
            certainty.sentence(),
            "This is likely: the one row that was looked at is laid out so, and there are two answers."
        );
        certainty.doubt(Sure::Certain, "never mind");
        assert_eq!(certainty.sure, Sure::Likely);
    }
}
