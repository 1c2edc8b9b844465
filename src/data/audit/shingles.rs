//! Texts as sets of neighbouring words.

use crate::data::{Example, Message, Role};

/// Words that are neighbours in a shingle. Two rather than more: one word changed in twenty must leave most of the set.
const WORDS: usize = 2;

/// Shingles of a text that are looked at; what is longer is known by its beginning.
const MOST: usize = 4_000;

/// The hashes of the shingles of all that was said in an example, in their order and with repetitions.
pub(super) fn of_example(example: &Example) -> Vec<u64> {
    of_messages(example.messages.iter().filter(|message| message.role != Role::System))
}

/// The same of its answers alone.
pub(super) fn of_answers(example: &Example) -> Vec<u64> {
    of_messages(example.messages.iter().filter(|message| message.role == Role::Assistant))
}

/// The same of all that was asked, by users and by tools.
pub(super) fn of_questions(example: &Example) -> Vec<u64> {
    of_messages(example.messages.iter().filter(|message| matches!(message.role, Role::User | Role::Tool)))
}

fn of_messages<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<u64> {
    let mut shingles = Vec::new();
    for message in messages {
        let words = words(&message.content, MOST.saturating_sub(shingles.len()));
        match words.as_slice() {
            // No words, such as signs alone: the whole text stands for itself.
            [] => shingles.push(hash(message.content.trim().bytes())),
            [word] => shingles.push(*word),
            words => shingles.extend(words.windows(WORDS).map(joined)),
        }
    }
    shingles
}

/// Hashes of the words of a text, in lower case; a character of a script that sets no spaces is a word.
fn words(text: &str, most: usize) -> Vec<u64> {
    if text.is_ascii() {
        return ascii_words(text.as_bytes(), most);
    }
    any_words(text, most)
}

fn any_words(text: &str, most: usize) -> Vec<u64> {
    let mut words = Vec::new();
    let mut word = Hasher::default();
    for letter in text.chars() {
        let is_alone = is_own_word(letter);
        if (is_alone || !letter.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word).finish());
        }
        if is_alone {
            words.push(hash(u32::from(letter).to_le_bytes()));
        } else if letter.is_ascii_alphanumeric() {
            word.add(letter.to_ascii_lowercase() as u8);
        } else if letter.is_alphanumeric() {
            letter
                .to_lowercase()
                .for_each(|lower| u32::from(lower).to_le_bytes().into_iter().for_each(|b| word.add(b)));
        }
        if words.len() > most {
            return words;
        }
    }
    if !word.is_empty() {
        words.push(word.finish());
    }
    words
}

/// The same of a text of plain letters, which needs no look at what a character is.
fn ascii_words(text: &[u8], most: usize) -> Vec<u64> {
    let words = text.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.take(most + 1).map(|word| hash(word.iter().map(u8::to_ascii_lowercase))).collect()
}

/// Chinese characters, kana and Thai, which are set without spaces.
fn is_own_word(letter: char) -> bool {
    matches!(letter, '\u{0E00}'..='\u{0E7F}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{2FA1F}')
}

fn joined(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, word| mixed(sum.rotate_left(29) ^ word))
}

fn hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let mut hasher = Hasher::default();
    bytes.into_iter().for_each(|byte| hasher.add(byte));
    hasher.finish()
}

/// FNV-1a with a last mix: short words need no more, and the same text gives the same hash on every machine.
struct Hasher(u64);

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

impl Default for Hasher {
    fn default() -> Self {
        Self(SEED)
    }
}

impl Hasher {
    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    fn is_empty(&self) -> bool {
        self.0 == SEED
    }

    fn finish(self) -> u64 {
        mixed(self.0)
    }
}

/// Every bit of `hash` made to depend on all others (the last step of MurmurHash3).
pub(super) fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;

    fn shingles(text: &str) -> Vec<u64> {
        let messages = vec![Message { role: Role::Assistant, content: text.into() }];
        of_example(&Example { messages, topic: None, source: Source::default() })
    }

    #[test]
    fn case_spaces_and_stops_do_not_count_and_order_does() {
        assert_eq!(shingles("Why is the sky blue?"), shingles("why  is the\nSKY, blue"));
        assert_eq!(shingles("Ägypten ist schön"), shingles("ägypten ist Schön!"));
        assert_ne!(shingles("a b"), shingles("b a"));
        assert_eq!(shingles("one two three").len(), 2);
    }

    #[test]
    fn a_plain_text_has_the_same_words_by_both_ways() {
        for text in ["It's 5 o'clock, Ann_B said: \"GO\"\n--now 12:30 ok", "", " ", "one", "a b", ".a..B."] {
            for most in 0..16 {
                assert_eq!(ascii_words(text.as_bytes(), most), any_words(text, most), "{text} {most}");
            }
        }
    }

    #[test]
    fn scripts_without_spaces_have_words_too() {
        assert_eq!(shingles("今天天气很好").len(), 5);
        assert_eq!(shingles("日本 text").len(), 2);
    }

    #[test]
    fn texts_without_words_stand_for_themselves() {
        assert_eq!((shingles("🙂🙂").len(), shingles("").len()), (1, 1));
        assert_ne!(shingles("🙂🙂"), shingles("🙂"));
    }

    #[test]
    fn a_long_text_is_known_by_its_beginning() {
        let long = "word ".repeat(3 * MOST);
        assert!((MOST..MOST + 4).contains(&shingles(&long).len()));
    }
}
