//! Which words of an answer are new since the answer before: those outside the longest common subsequence of words.

use std::ops::Range;

/// Most words of both texts, multiplied, that are compared one by one. Beyond that everything between the common beginning
/// and the common end counts as new.
const COMPARED: usize = 250_000;

/// A stretch of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// In bytes.
    pub range: Range<usize>,
    pub is_new: bool,
}

/// `after` in pieces, in order and without gaps: what is new since `before`, and what is not. Spaces between two new words
/// are new with them.
pub(super) fn changes(before: &str, after: &str) -> Vec<Piece> {
    let old: Vec<&str> = words(before).into_iter().filter_map(|range| before.get(range)).collect();
    let ranges = words(after);
    let new: Vec<&str> = ranges.iter().filter_map(|range| after.get(range.clone())).collect();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut end = 0;
    for (range, is_kept) in ranges.into_iter().zip(kept(&old, &new)) {
        let is_new = !is_kept;
        let joins = pieces.last().is_some_and(|last| last.is_new && is_new);
        extend(&mut pieces, end..range.start, joins);
        end = range.end;
        extend(&mut pieces, range, is_new);
    }
    extend(&mut pieces, end..after.len(), false);
    pieces
}

/// Adds a stretch to the last piece where both are alike, or as a piece of its own.
fn extend(pieces: &mut Vec<Piece>, range: Range<usize>, is_new: bool) {
    match pieces.last_mut() {
        _ if range.is_empty() => {}
        Some(last) if last.is_new == is_new => last.range.end = range.end,
        _ => pieces.push(Piece { range, is_new }),
    }
}

/// Where the words of a text are. Chinese and Japanese put no spaces between words: there every letter is one.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut is_open = false;
    for (at, letter) in text.char_indices() {
        let end = at + letter.len_utf8();
        if letter.is_whitespace() {
            is_open = false;
        } else if stands_alone(letter) {
            words.push(at..end);
            is_open = false;
        } else if let Some(last) = words.last_mut().filter(|_| is_open) {
            last.end = end;
        } else {
            words.push(at..end);
            is_open = true;
        }
    }
    words
}

/// Kana and the ideographs that Chinese and Japanese are written in.
fn stands_alone(letter: char) -> bool {
    matches!(u32::from(letter), 0x2e80..=0x9fff | 0xf900..=0xfaff | 0xff01..=0xff60 | 0x2_0000..=0x3_ffff)
}

/// For every word of `new`, whether it stands in the longest common subsequence with `old`.
fn kept(old: &[&str], new: &[&str]) -> Vec<bool> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let start = old.iter().zip(new).take_while(same).count();
    let (old, new_middle) = (old.get(start..).unwrap_or_default(), new.get(start..).unwrap_or_default());
    let end = old.iter().rev().zip(new_middle.iter().rev()).take_while(same).count();
    let old = old.get(..old.len() - end).unwrap_or_default();
    let middle = new_middle.get(..new_middle.len() - end).unwrap_or_default();
    let mut kept = vec![true; new.len()];
    let common = if old.len() * middle.len() > COMPARED { vec![false; middle.len()] } else { common(old, middle) };
    for (kept, common) in kept.iter_mut().skip(start).zip(common) {
        *kept = common;
    }
    kept
}

/// The same for texts that neither begin nor end alike, word by word.
fn common(old: &[&str], new: &[&str]) -> Vec<bool> {
    let width = new.len() + 1;
    // How many words the rests of both texts have in common, `[old + 1, new + 1]`.
    let mut longest = vec![0u32; (old.len() + 1) * width];
    let at = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let best = match a == b {
                true => at(&longest, i + 1, j + 1) + 1,
                false => at(&longest, i + 1, j).max(at(&longest, i, j + 1)),
            };
            if let Some(cell) = longest.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let mut is_common = vec![false; new.len()];
    let (mut i, mut j) = (0, 0);
    while let (Some(a), Some(b)) = (old.get(i), new.get(j)) {
        if a == b {
            if let Some(word) = is_common.get_mut(j) {
                *word = true;
            }
            (i, j) = (i + 1, j + 1);
        } else if at(&longest, i + 1, j) >= at(&longest, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    is_common
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `after` with its new stretches in brackets.
    fn told(before: &str, after: &str) -> String {
        let pieces = changes(before, after);
        let mut end = 0;
        for piece in &pieces {
            assert_eq!(piece.range.start, end, "{pieces:?}");
            end = piece.range.end;
        }
        assert_eq!(end, after.len(), "{pieces:?}");
        let piece = |piece: &Piece| {
            let text = &after[piece.range.clone()];
            if piece.is_new { format!("[{text}]") } else { text.to_owned() }
        };
        pieces.iter().map(piece).collect()
    }

    #[test]
    fn new_words_are_told_from_those_that_stayed() {
        assert_eq!(told("It is red.", "It is green."), "It is [green.]");
        assert_eq!(told("The sky is blue", "Look: the sky is very blue"), "[Look: the] sky is [very] blue");
        assert_eq!(told("a b c d", "b  x y\nd e"), "b  [x y]\nd [e]");
        assert_eq!(told("one two", "one two"), "one two");
        assert_eq!(told("one two three", "one three"), "one three", "what is gone cannot be marked");
        assert_eq!(told("", " new "), " [new] ");
        assert_eq!(told("gone", ""), "");
    }

    #[test]
    fn scripts_without_spaces_are_compared_letter_by_letter() {
        assert_eq!(told("雪是白的", "雪是红的"), "雪是[红]的");
        assert_eq!(told("Снег белый", "Снег чёрный"), "Снег [чёрный]");
        assert_eq!(told("كتاب قديم", "كتاب جديد"), "كتاب [جديد]");
    }

    #[test]
    fn very_long_texts_are_compared_at_their_ends_alone() {
        let long = |word: &str| std::iter::repeat_n(word, 600).collect::<Vec<_>>().join(" ");
        let (before, after) = (format!("so {} it ends", long("a")), format!("so {} it ends", long("b")));
        let pieces = changes(&before, &after);
        assert_eq!(pieces.iter().map(|piece| piece.is_new).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(&after[pieces[2].range.clone()], " it ends");
    }
}
