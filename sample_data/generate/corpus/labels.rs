//! Kinds of things, odd ones out, order, and praise told from blame. Examples answer with the label, the word or the list
//! alone.

use super::Row;
use super::draw::Draw;
use super::world::{BLAME, KINDS, NOUNS, NUMBERS, Noun, PRAISE, REVIEWED};

const KIND: [&str; 4] = [
    "What kind of thing is {a:w}?",
    "Give the label for the word {w}.",
    "To which group does {a:w} belong?",
    "Sort the word {w} into its group.",
];
const ODD: [&str; 3] =
    ["Which word does not belong with the others?", "Find the odd one out.", "Name the word that does not fit."];
const PICK: [&str; 3] = ["Which of these is {a:kind}?", "Pick the {kind}.", "Name the only {kind} in the list."];
const SORT: [&str; 3] = [
    "Sort these numbers from small to large.",
    "Put the numbers in order, the smallest first.",
    "Write the numbers in rising order.",
];
const LARGEST: [&str; 2] = ["Which number is the largest?", "Pick the greatest number."];
const SMALLEST: [&str; 2] = ["Which number is the smallest?", "Pick the least number."];
const REVIEW: [&str; 3] = [
    "Is this review positive or negative?",
    "Label this review as positive or negative.",
    "Does the guest mean it as positive or negative?",
];
const SENTENCES: [&str; 3] =
    ["The {thing} was {word}.", "I found the {thing} {word}.", "What {a:word} {thing} that was!"];

const KNOWN_KINDS: [(&str, &str); 3] = [
    ("Tell me about {a:w}.", "{A:w} is {a:kind}, and {many} are {kinds}."),
    ("What are {many}?", "{Many} are {kinds}. This kind of thing belongs to the group called {kind}."),
    ("Where does the word {w} belong?", "Sort the word {w} under {kinds}. Its label is {kind}."),
];
const BRIEF_KINDS: [(&str, &str); 1] = [("{A:w} is what?", "{kind}")];
const KNOWN_ODD: [(&str, &str); 2] = [
    ("Look at this list of words.", "The {w} is {a:kind}, but the others are {kinds}."),
    (
        "Tell me which {kinds} are here and what else.",
        "The odd one is the {w}. It does not fit, the others are {kinds}.",
    ),
];
const KNOWN_PICKS: [(&str, &str); 2] = [
    ("Look for {a:kind} in this list.", "Pick the {w}, it is the only {kind}."),
    ("Is there {a:kind} among these?", "Yes, and the name of the {kind} is {w}."),
];
const KNOWN_ORDERS: [(&str, &str); 4] = [
    ("Tell me about these numbers.", "From small to large they are {sorted}."),
    ("Order.", "In rising order, the smallest first, they are {sorted}."),
    ("Compare these numbers.", "The smallest is {least} and the largest is {most}."),
    ("How large and how small are they?", "The greatest number is {most}, the least number is {least}."),
];
const KNOWN_REVIEWS: [(&str, &str); 2] = [
    ("Does the guest praise or blame it?", "The guest {thinks} the {thing}."),
    ("Tell me about this review.", "The review of the {thing} is {label}, because {word} is {meaning}."),
];

fn kinds_of(kind: &str) -> &'static str {
    KINDS.iter().find(|(one, _)| *one == kind).map_or("things", |(_, many)| many)
}

/// Three nouns of one kind and one of another, mixed: the list, the odd one and the kind of the others.
fn odd_list(draw: &mut Draw) -> (String, Noun, &'static str) {
    let odd = draw.pick(&NOUNS);
    let (kind, _) = loop {
        let kind = draw.pick(&KINDS);
        if kind.0 != odd.kind {
            break kind;
        }
    };
    let mut of_kind: Vec<&str> = NOUNS.iter().filter(|noun| noun.kind == kind).map(|noun| noun.one).collect();
    draw.shuffle(&mut of_kind);
    of_kind.truncate(3);
    of_kind.push(odd.one);
    draw.shuffle(&mut of_kind);
    (of_kind.join(", "), odd, kind)
}

/// Three nouns of different kinds: the list and one of them.
fn mixed_list(draw: &mut Draw) -> (String, Noun) {
    let mut nouns: Vec<Noun> = Vec::new();
    while nouns.len() < 3 {
        let noun = draw.pick(&NOUNS);
        if nouns.iter().all(|other| other.kind != noun.kind) {
            nouns.push(noun);
        }
    }
    let list = nouns.iter().map(|noun| noun.one).collect::<Vec<_>>().join(", ");
    (list, draw.pick(&nouns))
}

/// Three different numbers as drawn, and in rising order.
fn numbers(draw: &mut Draw) -> (String, [&'static str; 3]) {
    let mut drawn: Vec<usize> = Vec::new();
    while drawn.len() < 3 {
        let number = draw.number(1, 12);
        if !drawn.contains(&number) {
            drawn.push(number);
        }
    }
    let list = drawn.iter().map(|&number| NUMBERS[number]).collect::<Vec<_>>().join(", ");
    drawn.sort_unstable();
    (list, [NUMBERS[drawn[0]], NUMBERS[drawn[1]], NUMBERS[drawn[2]]])
}

/// A review, what it speaks of, its word, and whether it praises.
fn review(draw: &mut Draw) -> (String, &'static str, &'static str, bool) {
    let praises = draw.number(0, 1) == 0;
    let (thing, word) = (draw.pick(&REVIEWED), draw.pick(if praises { &PRAISE } else { &BLAME }));
    (draw.say(&SENTENCES, &[("thing", thing), ("word", word)]), thing, word, praises)
}

pub fn example(draw: &mut Draw) -> Row {
    match draw.number(0, 9) {
        0..=2 => {
            let noun = draw.pick(&NOUNS);
            Row::new(draw.say(&KIND, &[("w", noun.one)]), noun.kind)
        }
        3 => {
            let (list, odd, _) = odd_list(draw);
            Row::about(draw.say(&ODD, &[]), list, odd.one)
        }
        4..=5 => {
            let (list, noun) = mixed_list(draw);
            Row::about(draw.say(&PICK, &[("kind", noun.kind)]), list, noun.one)
        }
        6 => {
            let (list, sorted) = numbers(draw);
            Row::about(draw.say(&SORT, &[]), list, sorted.join(", "))
        }
        7 => {
            let (list, [least, _, most]) = numbers(draw);
            if draw.number(0, 1) == 0 {
                Row::about(draw.say(&LARGEST, &[]), list, most)
            } else {
                Row::about(draw.say(&SMALLEST, &[]), list, least)
            }
        }
        _ => {
            let (sentence, _, _, praises) = review(draw);
            Row::about(draw.say(&REVIEW, &[]), sentence, if praises { "positive" } else { "negative" })
        }
    }
}

pub fn pretrain(draw: &mut Draw) -> Row {
    match draw.number(0, 9) {
        0..=2 => {
            let noun = draw.pick(&NOUNS);
            let values = [("w", noun.one), ("many", noun.many), ("kind", noun.kind), ("kinds", kinds_of(noun.kind))];
            let brief = draw.number(0, 2) == 0;
            let (question, answer) = draw.ask(if brief { &BRIEF_KINDS } else { &KNOWN_KINDS }, &values);
            Row::new(question, answer)
        }
        3 => {
            let (list, odd, others) = odd_list(draw);
            let values = [("w", odd.one), ("kind", odd.kind), ("kinds", kinds_of(others))];
            let (question, answer) = draw.ask(&KNOWN_ODD, &values);
            Row::about(question, list, answer)
        }
        4..=5 => {
            let (list, noun) = mixed_list(draw);
            let (question, answer) = draw.ask(&KNOWN_PICKS, &[("w", noun.one), ("kind", noun.kind)]);
            Row::about(question, list, answer)
        }
        6..=7 => {
            let (list, sorted) = numbers(draw);
            let [least, _, most] = sorted;
            let values = [("sorted", &*sorted.join(", ")), ("least", least), ("most", most)];
            let (question, answer) = draw.ask(&KNOWN_ORDERS, &values);
            Row::about(question, list, answer)
        }
        _ => {
            let (sentence, thing, word, praises) = review(draw);
            let (label, meaning, thinks) =
                if praises { ("positive", "praise", "likes") } else { ("negative", "blame", "does not like") };
            let values = [("thing", thing), ("word", word), ("label", label), ("meaning", meaning), ("thinks", thinks)];
            let (question, answer) = draw.ask(&KNOWN_REVIEWS, &values);
            Row::about(question, sentence, answer)
        }
    }
}
