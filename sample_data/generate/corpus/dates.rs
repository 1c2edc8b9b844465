//! Days, months, seasons, the clock, and units of measure. Examples answer with the day, month, season or amount alone.

use super::Row;
use super::draw::Draw;
use super::world::{DAYS, MONTHS, NAMES, NUMBERS, UNITS, season};

const NEXT_DAY: [&str; 5] = [
    "Which day comes after {day}?",
    "What day is it on the day after {day}?",
    "Today is {day}. What day is tomorrow?",
    "Name the day that follows {day}.",
    "{name} arrives on {day} and leaves one day later. On which day does {name} leave?",
];
const LAST_DAY: [&str; 5] = [
    "Which day comes before {day}?",
    "What day is it on the day before {day}?",
    "Today is {day}. What day was yesterday?",
    "Name the day just before {day}.",
    "{name} left on {day} and came one day earlier. On which day did {name} come?",
];
const NEXT_MONTH: [&str; 3] = [
    "Which month comes after {month}?",
    "Name the month that follows {month}.",
    "What month is it after {month} ends?",
];
const LAST_MONTH: [&str; 3] = [
    "Which month comes before {month}?",
    "Name the month just before {month}.",
    "What month ends when {month} begins?",
];
const SEASON: [&str; 4] = [
    "Which season is {month} in?",
    "In which season does {month} fall?",
    "Name the season of {month}.",
    "What season is it in {month}?",
];
const UNIT: [&str; 5] = [
    "How many {small} are there in {n} {big}?",
    "Turn {n} {big} into {small}.",
    "How many {small} make {n} {big}?",
    "Convert {n} {big} to {small}.",
    "{name} waits for {n} {big}. How many {small} is that?",
];
/// Lengths and weights are not waited for.
const UNIT_OF_TIME: usize = 4;
const CLOCK: [&str; 4] = [
    "It is {h} o'clock. What time is it in {k} hours?",
    "The train leaves at {h} o'clock and needs {k} hours. When does it arrive?",
    "The film starts at {h} o'clock and lasts {k} hours. When does it end?",
    "{name} starts at {h} o'clock and works for {k} hours. When does {name} stop?",
];

const KNOWN_DAYS: [(&str, &str); 4] = [
    ("Tell me about the day {day}.", "After {day} comes {next}, and before {day} comes {last}."),
    ("{name} speaks on {day} of tomorrow.", "Tomorrow is {next}, because today is {day}."),
    ("{name} speaks on {day} of yesterday.", "Yesterday was {last}, because today is {day}."),
    ("Let {name} arrive on {day} and stay for one day.", "{name} can leave one day later, on {next}."),
];
const BRIEF_DAYS: [(&str, &str); 2] =
    [("Which day follows {day}?", "{next}"), ("Which day is before {day}?", "{last}")];
const KNOWN_MONTHS: [(&str, &str); 4] = [
    ("Tell me about the month {month}.", "The season of {month} is {season}. Then comes {next}."),
    ("What begins when {month} ends?", "When {month} ends, {next} begins."),
    ("Tell me what was before {month}.", "Just before {month} was {last}, and {next} follows."),
    ("Describe the time of {month}.", "The days of {month} fall in {season}."),
];
const KNOWN_UNITS: [(&str, &str); 4] = [
    ("Tell me how much {n} {big} are.", "{N} {big} are {amount}."),
    ("Explain {n} {big} in {small}.", "Convert it: there are {amount} in {n} {big}."),
    ("What do {amount} make?", "{amount} turn into {n} {big}."),
    ("{name} counts the {small} of {n} {big}.", "{name} counts {amount}."),
];
const KNOWN_CLOCK: [(&str, &str); 4] = [
    ("It is {h} o'clock, and {name} waits for {k} hours.", "Then it is {end} o'clock."),
    ("A train leaves at {h} o'clock. It needs {k} hours.", "The train arrives at {end} o'clock."),
    ("A film lasts {k} hours from {h} o'clock.", "The film starts at {h} o'clock and ends at {end} o'clock."),
    ("{name} works for {k} hours from {h} o'clock.", "The work will end at {end} o'clock."),
];

/// The one before and the one after, in a circle.
fn around(list: &'static [&'static str], index: usize) -> (&'static str, &'static str) {
    (list[(index + list.len() - 1) % list.len()], list[(index + 1) % list.len()])
}

/// A start on the clock, a number of hours, and the end.
fn hours(draw: &mut Draw) -> (&'static str, &'static str, &'static str) {
    let (start, length) = (draw.number(1, 12), draw.number(2, 5));
    (NUMBERS[start], NUMBERS[length], NUMBERS[(start + length - 1) % 12 + 1])
}

pub fn example(draw: &mut Draw) -> Row {
    let name = draw.pick(&NAMES);
    match draw.number(0, 9) {
        0..=2 => {
            let index = draw.number(0, DAYS.len() - 1);
            let (last, next) = around(&DAYS, index);
            let values = [("day", DAYS[index]), ("name", name)];
            if draw.number(0, 1) == 0 {
                Row::new(draw.say(&NEXT_DAY, &values), next)
            } else {
                Row::new(draw.say(&LAST_DAY, &values), last)
            }
        }
        3..=5 => {
            let index = draw.number(0, MONTHS.len() - 1);
            let (last, next) = around(&MONTHS, index);
            let values = [("month", MONTHS[index])];
            match draw.number(0, 2) {
                0 => Row::new(draw.say(&NEXT_MONTH, &values), next),
                1 => Row::new(draw.say(&LAST_MONTH, &values), last),
                _ => Row::new(draw.say(&SEASON, &values), season(index)),
            }
        }
        6..=7 => {
            let (kind, n) = (draw.number(0, UNITS.len() - 1), draw.number(2, 10));
            let unit = &UNITS[kind];
            let templates = if kind < UNIT_OF_TIME { &UNIT[..] } else { &UNIT[..UNIT.len() - 1] };
            let values = [("n", NUMBERS[n]), ("big", unit.many), ("small", unit.small), ("name", name)];
            Row::new(draw.say(templates, &values), format!("{} {}", n * unit.factor, unit.small))
        }
        _ => {
            let (start, length, end) = hours(draw);
            let question = draw.say(&CLOCK, &[("h", start), ("k", length), ("name", name)]);
            Row::new(question, format!("{end} o'clock"))
        }
    }
}

pub fn pretrain(draw: &mut Draw) -> Row {
    let name = draw.pick(&NAMES);
    let (question, answer) = match draw.number(0, 9) {
        0..=2 => {
            let index = draw.number(0, DAYS.len() - 1);
            let (last, next) = around(&DAYS, index);
            let values = [("day", DAYS[index]), ("last", last), ("next", next), ("name", name)];
            if draw.number(0, 2) == 0 { draw.ask(&BRIEF_DAYS, &values) } else { draw.ask(&KNOWN_DAYS, &values) }
        }
        3..=5 => {
            let index = draw.number(0, MONTHS.len() - 1);
            let (last, next) = around(&MONTHS, index);
            let values = [("month", MONTHS[index]), ("last", last), ("next", next), ("season", season(index))];
            draw.ask(&KNOWN_MONTHS, &values)
        }
        6..=7 => {
            let (unit, n) = (draw.pick(&UNITS), draw.number(2, 10));
            let amount = format!("{} {}", n * unit.factor, unit.small);
            let values =
                [("n", NUMBERS[n]), ("big", unit.many), ("small", unit.small), ("amount", &amount), ("name", name)];
            draw.ask(&KNOWN_UNITS, &values)
        }
        _ => {
            let (start, length, end) = hours(draw);
            draw.ask(&KNOWN_CLOCK, &[("h", start), ("k", length), ("end", end), ("name", name)])
        }
    };
    Row::new(question, answer)
}
