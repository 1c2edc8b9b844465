//! Rows that say the same, by hashes of their messages.

use std::hash::{BuildHasher, RandomState};

use crate::data::Message;

/// Hashes conversations. Its key is drawn anew by every program, so that no file can be made whose rows collide.
#[derive(Clone, Default)]
pub(super) struct Hashes(RandomState);

impl Hashes {
    pub fn of(&self, messages: &[Message]) -> u64 {
        self.0.hash_one(messages)
    }
}

/// For every row the first one with the same hash, which is the row itself where there was none before.
pub(super) fn firsts(hashes: &[u64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(hashes.len()).unwrap_or(u32::MAX)).collect();
    let hash = |row: &u32| hashes.get(*row as usize).copied().unwrap_or_default();
    order.sort_by_key(|row| (hash(row), *row));
    let mut firsts = vec![0; order.len()];
    for same in order.chunk_by(|a, b| hash(a) == hash(b)) {
        let Some(&first) = same.first() else { continue };
        for &row in same {
            if let Some(place) = firsts.get_mut(row as usize) {
                *place = first;
            }
        }
    }
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_knows_the_first_like_it() {
        assert_eq!(firsts(&[5, 3, 5, 9, 3, 5]), [0, 1, 0, 3, 1, 0]);
        assert_eq!(firsts(&[]), [0u32; 0]);
    }
}
