//! One change of all examples that a query finds: only the query comes from the window, and the rows are found here.

use super::protocol::{FoundChange, RowQuery, RowSide};
use crate::data::Edit;
use crate::figures::count;

/// What is to become of the examples that a query finds.
pub(super) struct FoundEdit {
    pub query: RowQuery,
    /// How many it found when this was asked for.
    pub found: usize,
    pub change: FoundChange,
}

impl FoundEdit {
    /// The change of these rows, which ascend.
    ///
    /// # Errors
    /// When they are not as many as before, so that others would be changed than were seen.
    pub fn edit(self, rows: Vec<usize>) -> anyhow::Result<Edit> {
        if rows.len() != self.found {
            let (now, before) = (count(rows.len()), count(self.found));
            anyhow::bail!(
                "The examples were not changed: the search finds {now} of them now, and found {before} before. Look at \
                 them, and try again."
            );
        }
        match self.change {
            FoundChange::LeaveOut => Ok(Edit::Drop { rows, reason: in_words(&self.query) }),
            FoundChange::Label(topic) => {
                let topic = topic.map(|topic| topic.trim().to_owned());
                if topic.as_ref().is_some_and(String::is_empty) {
                    anyhow::bail!("The examples were not changed: a label needs a name.");
                }
                Ok(Edit::Label { rows, topic })
            }
        }
    }
}

/// What the query looks for, as the reason why rows are left out.
fn in_words(query: &RowQuery) -> String {
    let text = query.text.trim();
    let parts = [
        (!text.is_empty()).then(|| format!("\"{text}\"")),
        query.topic.as_ref().map(|topic| format!("the topic \"{topic}\"")),
        query.fault.map(|fault| fault.name().to_lowercase()),
        match query.side {
            RowSide::All => None,
            RowSide::Training => Some("for training".to_owned()),
            RowSide::HeldOut => Some("held out".to_owned()),
        },
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "chosen by hand".to_owned() } else { format!("found by {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::audit::Fault;

    #[test]
    fn the_reason_says_what_was_looked_for() {
        assert_eq!(in_words(&RowQuery::default()), "chosen by hand");
        let query = RowQuery {
            text: " a ".into(),
            topic: Some("b".into()),
            fault: Some(Fault::NearDuplicate),
            side: RowSide::HeldOut,
            ..RowQuery::default()
        };
        assert_eq!(in_words(&query), "found by \"a\", the topic \"b\", near duplicate, held out");
    }

    #[test]
    fn other_rows_than_were_seen_and_blank_labels_are_refused() {
        let wish = |change| FoundEdit { query: RowQuery::default(), found: 2, change };
        let told = |change, rows: &[usize]| wish(change).edit(rows.to_vec()).map_err(|error| error.to_string());
        assert!(told(FoundChange::LeaveOut, &[1]).unwrap_err().contains("finds 1 of them now, and found 2 before"));
        assert!(told(FoundChange::Label(Some(" ".into())), &[1, 2]).unwrap_err().contains("needs a name"));
        let label = Edit::Label { rows: vec![1, 2], topic: Some("x".into()) };
        assert_eq!(told(FoundChange::Label(Some(" x ".into())), &[1, 2]), Ok(label));
    }
}
