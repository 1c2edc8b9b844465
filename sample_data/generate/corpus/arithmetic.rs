//! Sums with numbers up to twenty, all in words. Examples answer with the number alone.

use super::Row;
use super::draw::Draw;
use super::world::{NAMES, NUMBERS, OBJECTS};

const ADD: [&str; 6] = [
    "What is {a} plus {b}?",
    "Add {a} and {b}.",
    "How much is {a} and {b} together?",
    "What is the sum of {a} and {b}?",
    "{A} and {b} make how many?",
    "Put {a} and {b} together. What do you get?",
];
const ADD_STORY: [&str; 5] = [
    "{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?",
    "There are {a} {things} on the table. {name} adds {b}. How many {things} are there?",
    "{name} finds {a} {things} and {other} finds {b}. How many {things} do they have together?",
    "{name} buys {a} {things} today and {b} tomorrow. How many {things} is that?",
    "One box holds {a} {things}, another holds {b}. How many {things} are in both?",
];
const SUBTRACT: [&str; 5] = [
    "What is {c} minus {b}?",
    "Take {b} away from {c}.",
    "Subtract {b} from {c}.",
    "How much is left of {c} without {b}?",
    "How many more is {c} than {b}?",
];
const SUBTRACT_STORY: [&str; 5] = [
    "{name} has {c} {things} and gives {b} to {other}. How many {things} are left?",
    "There are {c} {things} on the table. {name} takes {b}. How many {things} stay there?",
    "{name} had {c} {things} and lost {b}. How many {things} does {name} still have?",
    "Of {c} {things} {name} sells {b}. How many {things} are left to sell?",
    "{name} has {c} {things}, {other} has {b}. How many more {things} does {name} have?",
];
const DOUBLE: [&str; 4] = ["Double {a}.", "What is twice {a}?", "What is two times {a}?", "How much is {a} and {a}?"];
const HALVE: [&str; 4] =
    ["Halve {c}.", "What is half of {c}?", "Divide {c} by two.", "{C} shared by two gives how many each?"];

/// What the base model learns about `a + b = c`.
const SUMS: [(&str, &str); 14] = [
    ("Work out {a} plus {b}.", "{A} plus {b} is {c}."),
    ("Explain how to add {a} and {b}.", "Add {a} and {b} and you get {c}."),
    ("I count {a} {things} and then {b} more.", "That makes {c} {things} together."),
    ("{name} has {a} {things}. {other} gives {name} {b} more.", "Now {name} has {c} {things}."),
    ("{name} finds {a} {things} and then buys {b} more.", "{name} will have {c} {things}."),
    ("A box holds {c} {things}. {name} sells {b}.", "The box still holds {a} {things}."),
    ("Tell me about the sum of {a} and {b}.", "The sum of {a} and {b} is {c}."),
    ("There were {a} {things}, and {name} adds {b}.", "Now there are {c} {things}."),
    ("Work out {c} minus {b}.", "{C} minus {b} is {a}."),
    ("Explain how to subtract {b} from {c}.", "Take {b} away from {c} and {a} is left."),
    ("{name} has {c} {things}. {name} gives {b} to {other}.", "Now {name} has {a} {things} left."),
    ("There were {c} {things}, and {name} takes {b}.", "Now there are {a} {things} left."),
    ("{name} has {c} {things} and {other} has {b}.", "{name} has {a} {things} more than {other}."),
    ("{name} had {c} {things} and lost {b} without seeing it.", "{name} still has {a} {things}."),
];
const TWICE: [(&str, &str); 3] = [
    ("Work out two times {a}.", "Two times {a} is {c}."),
    ("Tell me the double and the half: {a}, {c}.", "Twice {a} is {c}, and half of {c} is {a}."),
    ("Divide {c} {things}, shared by {name} and {other}.", "Halve {c}: each gets {a} {things}."),
];
/// Asked much like the examples, and answered in their manner.
const BRIEF: [(&str, &str); 2] = [("{A} plus {b}?", "{c}"), ("{C} minus {b}?", "{a}")];

/// Two numbers, their sum, and what a story needs.
struct Sum {
    a: usize,
    b: usize,
    name: &'static str,
    other: &'static str,
    things: &'static str,
}

impl Sum {
    fn draw(draw: &mut Draw, least: usize) -> Self {
        let a = draw.number(least, 12);
        let b = draw.number(least, (20 - a).min(10));
        let (name, other) = draw.pair(&NAMES);
        Self { a, b, name, other, things: draw.pick(&OBJECTS).1 }
    }

    fn values(&self) -> [(&'static str, &'static str); 6] {
        let (a, b, c) = (NUMBERS[self.a], NUMBERS[self.b], NUMBERS[self.a + self.b]);
        [("a", a), ("b", b), ("c", c), ("name", self.name), ("other", self.other), ("things", self.things)]
    }
}

pub fn example(draw: &mut Draw) -> Row {
    let story = draw.number(0, 1) == 1;
    let sum = Sum::draw(draw, if story { 2 } else { 1 });
    let (a, c) = (NUMBERS[sum.a], NUMBERS[sum.a + sum.b]);
    match draw.number(0, 9) {
        0..=3 => Row::new(draw.say(if story { &ADD_STORY } else { &ADD }, &sum.values()), c),
        4..=7 => Row::new(draw.say(if story { &SUBTRACT_STORY } else { &SUBTRACT }, &sum.values()), a),
        skill => {
            let half = draw.number(1, 10);
            let values = [("a", NUMBERS[half]), ("c", NUMBERS[2 * half])];
            if skill == 8 {
                Row::new(draw.say(&DOUBLE, &values), NUMBERS[2 * half])
            } else {
                Row::new(draw.say(&HALVE, &values), NUMBERS[half])
            }
        }
    }
}

pub fn pretrain(draw: &mut Draw) -> Row {
    let mut sum = Sum::draw(draw, 1);
    let (question, answer) = match draw.number(0, 9) {
        0 => draw.ask(&BRIEF, &sum.values()),
        1 => {
            sum.a = draw.number(1, 10);
            sum.b = sum.a;
            draw.ask(&TWICE, &sum.values())
        }
        _ => {
            let sum = Sum::draw(draw, 2);
            draw.ask(&SUMS, &sum.values())
        }
    };
    Row::new(question, answer)
}
