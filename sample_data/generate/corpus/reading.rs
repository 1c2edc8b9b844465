//! Questions about a sentence that is given. Examples answer with words of the sentence, without a full stop.

use super::Row;
use super::draw::{Draw, fill};
use super::world::{COLOURS, DAYS, NAMES, NOUNS, NUMBERS, OBJECTS, PLACES, ROOMS};

/// Sentences of one pattern with questions about them. Values: two names `n` and `m`, a place, two rooms `r` and `s`, and so on,
/// as [`values`] draws them.
#[derive(Clone, Copy)]
struct Pattern {
    sentence: &'static str,
    /// How the examples ask, with the short answer.
    questions: &'static [(&'static str, &'static str)],
    /// The sentence in other words, for pre-training.
    told: &'static str,
    /// How pre-training asks, with the long answer.
    known: &'static [(&'static str, &'static str)],
}

const PATTERNS: [Pattern; 6] = [
    Pattern {
        sentence: "{n} put the {colour} {object} {place}.",
        questions: &[
            ("Where is the {object}?", "{place}"),
            ("Where did {n} put the {object}?", "{place}"),
            ("Who put the {object} there?", "{n}"),
            ("What colour is the {object}?", "{colour}"),
            ("What did {n} put there?", "the {colour} {object}"),
        ],
        told: "The {colour} {object} is {place}. It was put there by {n}.",
        known: &[
            ("Tell me where the {object} is.", "The {object} is {place}."),
            ("Who was there with the {object}?", "It was {n} who put it there."),
            ("Describe the colour of the {object}.", "The colour of the {object} is {colour}."),
            ("Tell me what is there.", "The {colour} {object} is there."),
        ],
    },
    Pattern {
        sentence: "{n} is {r} and {m} is {s}.",
        questions: &[
            ("Where is {m}?", "{s}"),
            ("Where is {n}?", "{r}"),
            ("Who is {s}?", "{m}"),
            ("Who is {r}?", "{n}"),
        ],
        told: "You find {n} {r}, but {m} {s}.",
        known: &[
            ("Tell me where {m} is.", "{m} is {s}."),
            ("Tell me where {n} is.", "{n} is {r}."),
            ("Who can be found {s}?", "You find {m} {s}."),
            ("Who can be found {r}?", "You find {n} {r}."),
        ],
    },
    Pattern {
        sentence: "{n} gave {a:object} to {m}.",
        questions: &[
            ("Who has the {object} now?", "{m}"),
            ("Who gave the {object} away?", "{n}"),
            ("What did {m} get?", "{a:object}"),
            ("What did {n} give to {m}?", "{a:object}"),
        ],
        told: "{m} got {a:object} from {n}.",
        known: &[
            ("Whose is the {object} now?", "Now {m} has the {object}."),
            ("Who was it from?", "The {object} was from {n}, who gave it away."),
            ("Tell me what {m} has got.", "{m} has got {a:object} from {n}."),
        ],
    },
    Pattern {
        sentence: "{n} likes {fruits} but {m} likes {others}.",
        questions: &[
            ("Who likes {others}?", "{m}"),
            ("Who likes {fruits}?", "{n}"),
            ("What does {n} like?", "{fruits}"),
            ("What does {m} like?", "{others}"),
        ],
        told: "For {n} there are {fruits}, for {m} there are {others}. All like what they get.",
        known: &[
            ("Tell me what {n} likes.", "{n} likes {fruits}."),
            ("Tell me what {m} likes.", "{m} likes {others}."),
            ("Who is it that likes {others}?", "It is {m} who likes {others}."),
            ("Who is it that likes {fruits}?", "It is {n} who likes {fruits}."),
        ],
    },
    Pattern {
        sentence: "On {day} {n} went to see {m}, and on {later} {n} stayed at home.",
        questions: &[
            ("When did {n} see {m}?", "on {day}"),
            ("When did {n} stay at home?", "on {later}"),
            ("Whom did {n} see?", "{m}"),
            ("Who went to see {m}?", "{n}"),
        ],
        told: "{n} stayed at home on {later}, and saw {m} on {day}.",
        known: &[
            ("Tell me when {n} saw {m}.", "{n} went to see {m} on {day}."),
            ("Tell me when {n} stayed at home.", "{n} stayed at home on {later}."),
            ("Tell me whom {n} saw.", "It was {m}. {n} went to see {m}."),
        ],
    },
    Pattern {
        sentence: "{n} is {x} years old and {m} is {y}.",
        questions: &[("How old is {m}?", "{y}"), ("How old is {n}?", "{x}"), ("Who is {y} years old?", "{m}")],
        told: "The age of {n} is {x}, the age of {m} is {y}.",
        known: &[
            ("Tell me the age of {m}.", "{m} is {y} years old."),
            ("Tell me the age of {n}.", "{n} is {x} years old."),
            ("Whose age is {y}?", "It is {m} who is {y} years old."),
        ],
    },
];

/// Asked much like the examples, and answered in their manner.
const BRIEF: [(&str, &str, &str); 2] = [
    ("Where can {m} be found?", "{n} is {r} and {m} is {s}.", "{s}"),
    ("Who owns the {object} now?", "{n} gave {a:object} to {m}.", "{m}"),
];

type Values = [(&'static str, &'static str); 13];

fn values(draw: &mut Draw) -> Values {
    let (n, m) = draw.pair(&NAMES);
    let (place, (r, s)) = (draw.pick(&PLACES), draw.pair(&ROOMS));
    let (day, later) = draw.pair(&DAYS);
    let (x, y) = draw.pair(&NUMBERS[2..]);
    let fruits: Vec<&'static str> = NOUNS.iter().filter(|noun| noun.kind == "fruit").map(|noun| noun.many).collect();
    let (fruit, other) = draw.pair(&fruits);
    let (colour, object) = (draw.pick(&COLOURS), draw.pick(&OBJECTS).0);
    [
        ("n", n),
        ("m", m),
        ("place", place),
        ("r", r),
        ("s", s),
        ("day", day),
        ("later", later),
        ("x", x),
        ("y", y),
        ("fruits", fruit),
        ("others", other),
        ("colour", colour),
        ("object", object),
    ]
}

pub fn example(draw: &mut Draw) -> Row {
    let values = values(draw);
    let pattern = draw.pick(&PATTERNS);
    let (question, answer) = draw.ask(pattern.questions, &values);
    Row::about(question, fill(pattern.sentence, &values), answer)
}

pub fn pretrain(draw: &mut Draw) -> Row {
    let values = values(draw);
    if draw.number(0, 5) == 0 {
        let (question, sentence, answer) = draw.pick(&BRIEF);
        return Row::about(fill(question, &values), fill(sentence, &values), fill(answer, &values));
    }
    let pattern = draw.pick(&PATTERNS);
    let sentence = if draw.number(0, 1) == 0 { pattern.sentence } else { pattern.told };
    let (question, answer) = draw.ask(pattern.known, &values);
    Row::about(question, fill(sentence, &values), answer)
}
