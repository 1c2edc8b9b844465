//! The rows that were fetched, in stretches: the worker has all, the window those around what is in view.

use std::collections::BTreeMap;

use crate::worker::protocol::{Event, RowQuery, RowView};

/// Rows of one stretch.
pub(super) const STRETCH: usize = 128;
/// Stretches that are kept; those farthest from what is in view go first.
const MOST_KEPT: usize = 24;

/// What is known of the rows that a query finds.
#[derive(Debug, Default)]
pub(super) struct Rows {
    query: RowQuery,
    /// How many the query finds, once that is known.
    total: Option<usize>,
    /// How many were found before all was asked for anew, so that the table keeps its place meanwhile.
    before: Option<usize>,
    stretches: BTreeMap<usize, Vec<RowView>>,
    /// The stretch that is asked for.
    asked: Option<usize>,
}

impl Rows {
    /// The query that the rows answer.
    pub fn query(&self) -> &RowQuery {
        &self.query
    }

    /// How many rows the query finds; `None` before the first answer.
    pub fn total(&self) -> Option<usize> {
        self.total
    }

    /// How many rows are in sight: as many as are found, or were before.
    pub fn shown(&self) -> usize {
        self.total.or(self.before).unwrap_or_default()
    }

    /// Asks for something else from now on. What was found stays in sight until the answer is there.
    pub fn ask(&mut self, query: RowQuery) {
        if self.query != query {
            self.query = query;
            self.forget();
        }
    }

    /// The data changed: all is asked for anew.
    pub fn forget(&mut self) {
        self.asked = None;
        self.before = self.total.or(self.before);
        self.total = None;
    }

    /// The row at a place, where it is known.
    pub fn get(&self, place: usize) -> Option<&RowView> {
        self.stretches.get(&(place / STRETCH))?.get(place % STRETCH)
    }

    /// The first row to fetch for what is in view, where one is missing and none is on its way.
    pub fn missing(&mut self, view: std::ops::Range<usize>) -> Option<usize> {
        if self.asked.is_some() {
            return None;
        }
        let stretch = match self.total {
            // What is in the stretches is of another query.
            None => view.start / STRETCH,
            Some(total) => {
                let last = view.end.min(total).saturating_sub(1);
                let wanted = (view.start / STRETCH)..=(last / STRETCH);
                wanted.into_iter().find(|stretch| stretch * STRETCH < total && !self.stretches.contains_key(stretch))?
            }
        };
        self.asked = Some(stretch);
        Some(stretch * STRETCH)
    }

    /// The rows did not come: the next frame may ask again.
    pub fn give_up(&mut self) {
        self.asked = None;
    }

    /// Takes rows in that were asked for.
    pub fn note_event(&mut self, event: &Event) {
        let Event::Rows { query, start, total, rows } = event else { return };
        if *query != self.query {
            return;
        }
        if self.total.is_none() {
            self.stretches.clear();
        }
        let stretch = start / STRETCH;
        self.total = Some(*total);
        self.stretches.insert(stretch, rows.clone());
        self.asked = None;
        while self.stretches.len() > MOST_KEPT {
            let farthest = self.stretches.keys().copied().max_by_key(|other| other.abs_diff(stretch));
            farthest.map(|farthest| self.stretches.remove(&farthest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(query: &RowQuery, start: usize, total: usize) -> Event {
        let row = |row: usize| RowView {
            row,
            index: row,
            file: "a".into(),
            line: row + 1,
            question: String::new(),
            answer: String::new(),
            topic: None,
            messages: 2,
            bytes: 9,
            held_out: false,
        };
        let rows = (start..(start + STRETCH).min(total)).map(row).collect();
        Event::Rows { query: query.clone(), start, total, rows }
    }

    #[test]
    fn a_stretch_is_asked_for_once_and_then_known() {
        let mut rows = Rows::default();
        assert_eq!(rows.missing(0..20), Some(0));
        assert_eq!(rows.missing(0..20), None, "it is on its way");
        rows.note_event(&answer(&RowQuery::default(), 0, 1000));
        assert_eq!((rows.total(), rows.missing(0..20), rows.get(127).unwrap().row), (Some(1000), None, 127));
        assert_eq!(rows.missing(120..140), Some(STRETCH));
        rows.give_up();
        assert_eq!(rows.missing(990..1010), Some(7 * STRETCH));
        rows.note_event(&answer(&RowQuery::default(), 7 * STRETCH, 1000));
        assert_eq!((rows.get(999).unwrap().row, rows.get(1000)), (999, None));
        assert_eq!(rows.missing(990..1010), None);
    }

    #[test]
    fn rows_of_another_query_stay_until_the_answer_and_late_answers_are_passed_over() {
        let mut rows = Rows::default();
        rows.missing(0..20);
        rows.note_event(&answer(&RowQuery::default(), 0, 300));
        let other = RowQuery { text: "x".into(), ..RowQuery::default() };
        rows.ask(other.clone());
        rows.note_event(&answer(&RowQuery::default(), 0, 300));
        assert!(rows.total().is_none() && rows.get(3).is_some() && rows.shown() == 300);
        assert_eq!(rows.missing(0..20), Some(0));
        rows.note_event(&answer(&other, 0, 0));
        assert_eq!((rows.total(), rows.get(3)), (Some(0), None));
        assert_eq!(rows.missing(0..20), None);
    }

    #[test]
    fn few_stretches_are_kept_of_many_rows() {
        let mut rows = Rows::default();
        for start in (0..1_000_000).step_by(STRETCH * 50) {
            assert_eq!(rows.missing(start..start + 20), Some(start));
            rows.note_event(&answer(&RowQuery::default(), start, 1_000_000));
        }
        assert!(rows.stretches.len() <= MOST_KEPT);
        assert!(rows.get(998_400).is_some());
    }
}
