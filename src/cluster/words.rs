//! Texts to words: Unicode words in lower case, without the stop words of the text's language.

use std::collections::{BTreeMap, HashSet};

use stop_words::Language;
use unicode_segmentation::UnicodeSegmentation;

/// Letters of a text that are looked at to tell its language, and its longest part that is read for words: a text of
/// 200 MB must neither take minutes nor fill the memory.
const LETTERS: usize = 64 * 1024;
/// Texts from which the languages of a corpus are told.
const LANGUAGE_SAMPLE: usize = 400;
/// Share of the sample that a language needs for its stop words to be left out.
const LANGUAGE_SHARE: f32 = 0.1;
/// Confidence from which a text counts for its language.
const CONFIDENT: f64 = 0.5;

/// The stop words of the languages that a corpus is written in.
#[derive(Clone, Debug, Default)]
pub struct StopWords {
    words: HashSet<&'static str>,
    /// English names of the languages, the most frequent first.
    languages: Vec<&'static str>,
}

impl StopWords {
    /// Tells the languages of `texts` from a sample spread evenly over them.
    pub fn of<S: AsRef<str>>(texts: &[S]) -> Self {
        let step = texts.len().div_ceil(LANGUAGE_SAMPLE).max(1);
        let mut counts = BTreeMap::<&'static str, (usize, whatlang::Lang)>::new();
        let mut sampled = 0usize;
        for text in texts.iter().step_by(step) {
            let Some(info) = whatlang::detect(opening(text.as_ref())) else { continue };
            sampled += 1;
            if info.confidence() >= CONFIDENT {
                counts.entry(info.lang().eng_name()).or_insert((0, info.lang())).0 += 1;
            }
        }
        let mut found: Vec<_> = counts.into_iter().collect();
        found.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        found.retain(|(_, (count, _))| *count as f32 >= LANGUAGE_SHARE * sampled as f32);
        let words = found.iter().filter_map(|(_, (_, lang))| list(*lang)).flatten().copied().collect();
        Self { words, languages: found.into_iter().map(|(name, _)| name).collect() }
    }

    /// English names of the languages that were told, the most frequent first.
    pub fn languages(&self) -> &[&'static str] {
        &self.languages
    }

    fn holds(&self, word: &str) -> bool {
        self.words.contains(word)
    }
}

/// Calls `take` with every word of `text` that says something about its topic: two letters or more, in lower case, no
/// number and no stop word. A run of Chinese or Japanese letters, which are written without spaces, gives its pairs.
pub fn for_each_word(text: &str, stop: &StopWords, mut take: impl FnMut(&str)) {
    let mut before: Option<&str> = None;
    let mut pair = String::new();
    let mut lower = String::new();
    for word in opening(text).unicode_words() {
        if is_unspaced(word) {
            if let Some(before) = before {
                pair.clear();
                pair.push_str(before);
                pair.push_str(word);
                take(&pair);
            }
            before = (word.chars().count() == 1).then_some(word);
            if before.is_none() {
                take(word);
            }
            continue;
        }
        before = None;
        let says_something = word.chars().nth(1).is_some() && word.chars().any(char::is_alphabetic);
        if says_something {
            lower.clear();
            if word.is_ascii() {
                // Most words are: they need no memory of their own.
                lower.push_str(word);
                lower.make_ascii_lowercase();
            } else {
                lower.push_str(&word.to_lowercase().replace('’', "'"));
            }
            if !stop.holds(&lower) {
                take(&lower);
            }
        }
    }
}

/// Whether the word is of a script that is written without spaces, of which the segmentation makes single letters.
fn is_unspaced(word: &str) -> bool {
    word.chars().next().is_some_and(|first| {
        matches!(u32::from(first), 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x2FA1F | 0x0E00..=0x0E7F)
    })
}

fn opening(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LETTERS)).unwrap_or(text)
}

/// The stop words of a language, where a list is known.
fn list(lang: whatlang::Lang) -> Option<&'static [&'static str]> {
    use whatlang::Lang;
    let language = match lang {
        Lang::Eng => Language::English,
        Lang::Deu => Language::German,
        Lang::Fra => Language::French,
        Lang::Spa => Language::Spanish,
        Lang::Ita => Language::Italian,
        Lang::Por => Language::Portuguese,
        Lang::Nld => Language::Dutch,
        Lang::Pol => Language::Polish,
        Lang::Rus => Language::Russian,
        Lang::Ukr => Language::Ukrainian,
        Lang::Ces => Language::Czech,
        Lang::Swe => Language::Swedish,
        Lang::Dan => Language::Danish,
        Lang::Nob => Language::Norwegian,
        Lang::Fin => Language::Finnish,
        Lang::Hun => Language::Hungarian,
        Lang::Ron => Language::Romanian,
        Lang::Tur => Language::Turkish,
        Lang::Ell => Language::Greek,
        Lang::Ara => Language::Arabic,
        Lang::Heb => Language::Hebrew,
        Lang::Hin => Language::Hindi,
        Lang::Ind => Language::Indonesian,
        Lang::Vie => Language::Vietnamese,
        _ => return None,
    };
    Some(stop_words::get(language))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, stop: &StopWords) -> Vec<String> {
        let mut words = Vec::new();
        for_each_word(text, stop, |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn stop_words_are_those_of_the_language_found() {
        let english = ["When does the shop open on a Sunday, and where is it?"; 3];
        let stop = StopWords::of(&english);
        assert_eq!(stop.languages(), ["English"]);
        assert_eq!(words("Where is the Bakery?", &stop), ["bakery"]);
        let german = ["Wann öffnet der Laden am Sonntag, und wo finde ich ihn eigentlich?"; 3];
        let stop = StopWords::of(&german);
        assert_eq!(stop.languages(), ["German"]);
        assert_eq!(words("Wo ist der Bäcker?", &stop), ["bäcker"]);
    }

    #[test]
    fn numbers_and_single_letters_say_nothing() {
        assert_eq!(words("12 apples x 3.5 kg", &StopWords::default()), ["apples", "kg"]);
    }

    #[test]
    fn scripts_without_spaces_give_pairs_of_letters() {
        assert_eq!(words("機械学習", &StopWords::default()), ["機械", "械学", "学習"]);
    }

    #[test]
    fn an_endless_text_is_read_to_a_limit() {
        let text = "ä".repeat(LETTERS);
        let read: usize = words(&text, &StopWords::default()).iter().map(String::len).sum();
        assert!((1..=LETTERS).contains(&read));
    }
}
