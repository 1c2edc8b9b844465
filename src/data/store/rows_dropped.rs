//! The rows that became no example, however many.

use std::io;
use std::sync::Arc;

use super::kept;
use super::texts::{InOrder, Place, Texts};
use crate::data::{DataError, Dropped};

/// Dropped rows in the order in which they were met. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct DroppedRows {
    texts: Arc<Texts>,
    places: Vec<Place>,
}

impl DroppedRows {
    /// Puts a row behind the others. Errs where the disk has no room for it.
    pub fn push(&mut self, dropped: &Dropped) -> Result<(), DataError> {
        let text = serde_json::to_vec(dropped).map_err(|error| kept(io::Error::other(error)))?;
        self.places.push(self.texts.add(&text).map_err(kept)?);
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Reads one. Errs where there is none of this index, or the disk fails.
    pub fn get(&self, index: usize) -> Result<Dropped, DataError> {
        let place = self.places.get(index).ok_or(DataError::NoSuchExample { index, count: self.len() })?;
        parsed(&self.texts.read(*place).map_err(kept)?)
    }

    /// Reads all in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<Dropped, DataError>> {
        let mut in_order = InOrder::new(&self.texts);
        self.places.iter().map(move |&place| parsed(in_order.read(place).map_err(kept)?))
    }
}

fn parsed(text: &[u8]) -> Result<Dropped, DataError> {
    serde_json::from_slice(text).map_err(|error| kept(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;

    #[test]
    fn dropped_rows_come_back_in_order() {
        let all: Vec<Dropped> = (1..4)
            .map(|line| Dropped {
                source: Source { file: "a.csv".into(), line },
                reason: format!("\u{201c}{line}\u{201d}"),
            })
            .collect();
        let mut rows = DroppedRows::default();
        all.iter().for_each(|row| rows.push(row).unwrap());
        assert_eq!(rows.iter().collect::<Result<Vec<_>, _>>().unwrap(), all);
        assert_eq!(rows.get(1).unwrap(), all[1]);
        assert!(rows.get(3).is_err() && rows.len() == 3);
    }
}
