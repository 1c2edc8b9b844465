//! Dice and templates.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// All chance of the corpus, from one seed.
pub struct Draw(ChaCha8Rng);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// One of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.0.random_range(0..list.len())]
    }

    /// Two different ones of a list.
    pub fn pair<T: Copy + PartialEq>(&mut self, list: &[T]) -> (T, T) {
        let first = self.pick(list);
        loop {
            let second = self.pick(list);
            if second != first {
                return (first, second);
            }
        }
    }

    /// A number from `low` to `high`, both included.
    pub fn number(&mut self, low: usize, high: usize) -> usize {
        self.0.random_range(low..=high)
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        list.shuffle(&mut self.0);
    }

    /// One of the templates, filled.
    pub fn say(&mut self, templates: &[&str], values: &[(&str, &str)]) -> String {
        fill(self.pick(templates), values)
    }

    /// One of the pairs of question and answer, both filled.
    pub fn ask(&mut self, templates: &[(&str, &str)], values: &[(&str, &str)]) -> (String, String) {
        let (question, answer) = self.pick(templates);
        (fill(question, values), fill(answer, values))
    }
}

/// Puts values in the places named in braces. `{A}` is the value of `a` with a capital, `{a:kind}` the value of `kind`
/// with "a" or "an" before it, which `{A:kind}` starts with a capital.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (place, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(&value_of(place, values));
        rest = after;
    }
    text + rest
}

fn value_of(place: &str, values: &[(&str, &str)]) -> String {
    let small = place.to_lowercase();
    let name = small.strip_prefix("a:").unwrap_or(&small);
    let value = values.iter().find(|(known, _)| *known == name).map_or(place, |(_, value)| value);
    let text = if name == small { value.to_owned() } else { with_article(value) };
    if small == place { text } else { capital(&text) }
}

/// The word with "a" or "an".
pub fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}

/// The text with its first letter made large.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
