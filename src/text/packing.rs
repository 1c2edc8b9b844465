//! Which examples are computed together, from their lengths alone.
//!
//! Packed, examples are placed into rows of at most the context's length by first-fit decreasing: each, the longest
//! first, into the first row with room for it (Johnson 1974, *Fast algorithms for bin packing*: at most 11/9 of the
//! fewest rows possible, and a few). Laying whole examples together so, none cut and none seeing another, is the
//! sequence packing of Krell et al. 2021 (*Efficient sequence packing without cross-contamination*). Padded, examples
//! of like length come together, so that little is filled up.

use std::cmp::Reverse;

/// Places examples of `lengths` into rows of at most `capacity` tokens by first-fit decreasing, those of one length in
/// their order. Gives the indices of each row. Every example is placed once; one that is longer than a row has a row to
/// itself.
pub fn pack_rows(lengths: &[usize], capacity: usize) -> Vec<Vec<usize>> {
    let mut rows: Vec<(usize, Vec<usize>)> = Vec::new();
    let (mut first, mut last_length) = (0, usize::MAX);
    for (length, index) in longest_first(lengths) {
        // Rows that had no room for an example of this length have none now, so that each length looks through them
        // once.
        if length < last_length {
            (first, last_length) = (0, length);
        }
        let open = rows.get(first..).unwrap_or_default();
        first += open.iter().position(|(free, _)| *free >= length).unwrap_or(open.len());
        match rows.get_mut(first) {
            Some((free, row)) => {
                *free -= length;
                row.push(index);
            }
            None => rows.push((capacity.saturating_sub(length), vec![index])),
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Examples of `lengths` in as few groups as hold them all in rows of `capacity` tokens, at most `most` rows a group,
/// with about as many tokens in each: the heaviest row goes first, each into the lightest group that has room (Graham
/// 1969). Gives the indices of each group.
pub fn packed_groups(lengths: &[usize], capacity: usize, most: usize) -> Vec<Vec<usize>> {
    let tokens = |row: &[usize]| row.iter().filter_map(|&index| lengths.get(index)).sum::<usize>();
    let rows = pack_rows(lengths, capacity);
    let weights: Vec<usize> = rows.iter().map(|row| tokens(row)).collect();
    let most = most.max(1);
    let mut groups: Vec<Group> = Vec::new();
    groups.resize_with(rows.len().div_ceil(most), Group::default);
    for (weight, row) in longest_first(&weights) {
        let open = groups.iter_mut().filter(|group| group.rows < most);
        let Some(group) = open.min_by_key(|group| group.tokens) else { continue };
        group.rows += 1;
        group.tokens += weight;
        group.examples.extend(rows.get(row).into_iter().flatten());
    }
    groups.into_iter().map(|group| group.examples).collect()
}

/// Examples of `lengths` in groups of `most`, the longest first, so that each group's are of like length. Gives the
/// indices of each group.
pub fn length_groups(lengths: &[usize], most: usize) -> Vec<Vec<usize>> {
    let order: Vec<usize> = longest_first(lengths).into_iter().map(|(_, index)| index).collect();
    order.chunks(most.max(1)).map(<[usize]>::to_vec).collect()
}

/// Rows that are computed together.
#[derive(Default)]
struct Group {
    rows: usize,
    tokens: usize,
    examples: Vec<usize>,
}

/// Lengths with their indices, the longest first and equal ones in their order.
fn longest_first(lengths: &[usize]) -> Vec<(usize, usize)> {
    let mut order: Vec<(usize, usize)> = lengths.iter().copied().zip(0..).collect();
    order.sort_by_key(|(length, _)| Reverse(*length));
    order
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Lengths like those of conversations: many short ones and a few long ones.
    fn random_lengths(count: usize, longest: usize, seed: u64) -> Vec<usize> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| 1 + (random.random::<f64>().powi(3) * (longest - 1) as f64) as usize).collect()
    }

    fn tokens(lengths: &[usize], group: &[usize]) -> usize {
        group.iter().map(|&index| lengths[index]).sum()
    }

    fn assert_each_once(groups: &[Vec<usize>], count: usize) {
        let mut all: Vec<usize> = groups.iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..count).collect::<Vec<_>>());
    }

    /// First-fit decreasing as it is written down, row by row from the first.
    fn by_the_book(lengths: &[usize], capacity: usize) -> Vec<Vec<usize>> {
        let mut rows: Vec<Vec<usize>> = Vec::new();
        for (length, index) in longest_first(lengths) {
            match rows.iter_mut().find(|row| tokens(lengths, row) + length <= capacity) {
                Some(row) => row.push(index),
                None => rows.push(vec![index]),
            }
        }
        rows
    }

    #[test]
    fn each_example_goes_into_the_first_row_with_room_for_it_the_longest_first() {
        assert_eq!(pack_rows(&[2, 5, 4, 7, 1, 3, 8], 10), [vec![6, 0], vec![3, 5], vec![1, 2, 4]]);
        for seed in 0..20 {
            let lengths = random_lengths(150, 64, seed);
            assert_eq!(pack_rows(&lengths, 64), by_the_book(&lengths, 64));
        }
    }

    #[test]
    fn no_row_is_overfull_and_every_example_is_in_one() {
        for (count, capacity, seed) in [(1, 8, 0), (7, 8, 1), (100, 64, 2), (1000, 512, 3)] {
            let lengths = random_lengths(count, capacity, seed);
            let rows = pack_rows(&lengths, capacity);
            assert!(rows.iter().all(|row| tokens(&lengths, row) <= capacity));
            assert_each_once(&rows, count);
        }
    }

    #[test]
    fn rows_of_many_examples_are_nearly_full() {
        for seed in 0..10 {
            let lengths = random_lengths(2000, 512, seed);
            let (rows, fewest) = (pack_rows(&lengths, 512).len(), lengths.iter().sum::<usize>().div_ceil(512));
            assert!(rows as f64 <= fewest as f64 * 1.01 + 1.0, "{rows} rows where {fewest} would be full");
        }
    }

    #[test]
    fn examples_of_one_length_keep_their_order() {
        assert_eq!(pack_rows(&[4; 5], 8), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(packed_groups(&[8; 3], 8, 3), [vec![0, 1, 2]]);
        assert_eq!(length_groups(&[4; 5], 2), [vec![0, 1], vec![2, 3], vec![4]]);
    }

    #[test]
    fn an_example_that_fits_no_row_has_one_to_itself() {
        assert_eq!(pack_rows(&[3, 20, 2, 30], 8), [vec![3], vec![1], vec![0, 2]]);
        assert_eq!(pack_rows(&[0, 9, 0], 8), [vec![1, 0, 2]]);
        assert_each_once(&packed_groups(&[3, 20, 2, 30], 8, 2), 4);
    }

    #[test]
    fn groups_are_as_few_as_hold_all_rows_and_weigh_about_the_same() {
        for seed in 0..20 {
            let lengths = random_lengths(300, 128, seed);
            let rows = pack_rows(&lengths, 128).len();
            let groups = packed_groups(&lengths, 128, 4);
            assert_each_once(&groups, 300);
            assert_eq!(groups.len(), rows.div_ceil(4));
            let weights: Vec<usize> = groups.iter().map(|group| tokens(&lengths, group)).collect();
            let (least, most) = (weights.iter().min().unwrap(), weights.iter().max().unwrap());
            assert!(*most <= 4 * 128 && most - least <= 128, "{weights:?}");
        }
        let lengths = [8, 8, 8, 8, 8];
        let sizes: Vec<usize> = packed_groups(&lengths, 8, 4).iter().map(Vec::len).collect();
        assert_eq!(sizes, [3, 2], "not four and one");
    }

    #[test]
    fn grouped_by_length_little_is_filled_up() {
        let lengths = random_lengths(64, 512, 5);
        let filled = |groups: &[Vec<usize>]| -> usize {
            let width = |group: &Vec<usize>| group.iter().map(|&index| lengths[index]).max().unwrap();
            groups.iter().map(|group| group.len() * width(group) - tokens(&lengths, group)).sum()
        };
        let groups = length_groups(&lengths, 4);
        assert_each_once(&groups, 64);
        let in_order: Vec<Vec<usize>> = (0..64).collect::<Vec<_>>().chunks(4).map(<[usize]>::to_vec).collect();
        assert!(filled(&groups) * 4 < filled(&in_order), "{} {}", filled(&groups), filled(&in_order));
    }

    #[test]
    fn nothing_makes_no_rows() {
        assert!(
            pack_rows(&[], 8).is_empty() && packed_groups(&[], 8, 4).is_empty() && length_groups(&[], 4).is_empty()
        );
    }
}
