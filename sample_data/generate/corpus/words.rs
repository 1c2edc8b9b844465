//! Plurals, past tenses, opposites and comparatives. Examples answer with the word alone.

use super::Row;
use super::draw::Draw;
use super::world::{COMPARATIVES, NOUNS, OPPOSITES, VERBS};

const PLURAL: [&str; 4] = [
    "What is the plural of {w}?",
    "Write {w} in the plural.",
    "Give the word for more than one {w}.",
    "One {w}, but two what?",
];
const PAST: [&str; 4] = [
    "What is the past tense of {w}?",
    "Put the verb {w} into the past.",
    "Today they {w}. What did they do yesterday?",
    "Give the past form of {w}.",
];
const OPPOSITE: [&str; 4] = [
    "What is the opposite of {w}?",
    "Name the word that means the opposite of {w}.",
    "If it is not {w}, what is it?",
    "Turn {w} into its opposite.",
];
const COMPARATIVE: [&str; 4] = [
    "What is the comparative of {w}?",
    "This one is {w}. The other is even what?",
    "Give the form of {w} that goes with than.",
    "Put {w} into the comparative.",
];

const KNOWN_PLURALS: [(&str, &str); 3] = [
    ("Count {a:w} and another one.", "One {w} and one {w} are two {form}."),
    ("Tell me about the word {w}.", "The word {w} means one, and the plural {form} means more than one."),
    ("Speak of many, not of one {w}.", "There are many {form}."),
];
const BRIEF_PLURALS: [(&str, &str); 2] = [("Plural of {w}?", "{form}"), ("More than one {w}?", "{form}")];
const KNOWN_PASTS: [(&str, &str); 3] = [
    ("Use the verb {w} for today and yesterday.", "Today they {w}. Yesterday they {form}."),
    ("Tell me about the verb {w}.", "The past tense of the verb {w} has the form {form}."),
    ("Say that they {w}, but in the past.", "They did {w}, so they {form}."),
];
const KNOWN_OPPOSITES: [(&str, &str); 3] = [
    ("Tell me about {w} and its opposite.", "The opposite of {w} is {form}."),
    ("It is not {w} at all.", "If it is not {w}, it is {form}."),
    ("What does {w} not mean?", "The word {w} does not mean {form}."),
];
const KNOWN_COMPARATIVES: [(&str, &str); 3] = [
    ("Use {w} to speak of this one and the other.", "This one is {w}, but the other is even {form}."),
    ("Tell me about {w} and the word than.", "The comparative of {w} goes with than: {form} than that one."),
    ("Both are {w}, but not as much.", "One of them is {form} than the other."),
];

/// A word, its other form, and which form that is.
fn word(draw: &mut Draw) -> (usize, &'static str, &'static str) {
    match draw.number(0, 3) {
        0 => {
            let noun = draw.pick(&NOUNS);
            (0, noun.one, noun.many)
        }
        1 => {
            let (now, past) = draw.pick(&VERBS);
            (1, now, past)
        }
        2 => {
            let (one, other) = draw.pick(&OPPOSITES);
            if draw.number(0, 1) == 0 { (2, one, other) } else { (2, other, one) }
        }
        _ => {
            let (adjective, comparative) = draw.pick(&COMPARATIVES);
            (3, adjective, comparative)
        }
    }
}

pub fn example(draw: &mut Draw) -> Row {
    let (form, word, answer) = word(draw);
    Row::new(draw.say(&[PLURAL, PAST, OPPOSITE, COMPARATIVE][form], &[("w", word)]), answer)
}

pub fn pretrain(draw: &mut Draw) -> Row {
    let (form, word, answer) = word(draw);
    let values = [("w", word), ("form", answer)];
    let (question, answer) = if form == 0 && draw.number(0, 2) == 0 {
        draw.ask(&BRIEF_PLURALS, &values)
    } else {
        draw.ask(&[KNOWN_PLURALS, KNOWN_PASTS, KNOWN_OPPOSITES, KNOWN_COMPARATIVES][form], &values)
    };
    Row::new(question, answer)
}
