//! Answers that say nothing.

use crate::data::{Dropped, Message, Role};

/// What exports put where nothing stood. They are compared whole, ignoring case.
const PLACEHOLDERS: [&str; 12] = [
    "null",
    "nan",
    "n/a",
    "#n/a",
    "undefined",
    "nil",
    "[deleted]",
    "[removed]",
    "tbd",
    "todo",
    "[object object]",
    "#ref!",
];

/// Why an answer of the conversation says nothing; `None` where all say something.
pub(super) fn says_nothing(messages: &[Message]) -> Option<String> {
    let answers = messages.iter().filter(|message| message.role == Role::Assistant);
    answers.map(|message| message.content.trim()).find_map(|answer| {
        if PLACEHOLDERS.iter().any(|placeholder| answer.eq_ignore_ascii_case(placeholder)) {
            return Some(format!("the answer is \"{answer}\", which an export writes where nothing stands"));
        }
        let is_filler = |letter: char| {
            letter.is_whitespace()
                || matches!(letter, '-' | '–' | '—' | '.' | '…' | '_' | '\u{200B}'..='\u{200F}')
                || matches!(letter, '\u{2060}' | '\u{FEFF}' | '\u{AD}')
        };
        answer.chars().all(is_filler).then(|| match answer.chars().all(|letter| !"-–—.…_".contains(letter)) {
            true => "the answer holds nothing that can be seen".to_owned(),
            false => format!("the answer is \"{answer}\" and no more"),
        })
    })
}

/// Whether a row was dropped because its answer is empty.
pub(super) fn had_no_answer(dropped: &Dropped) -> bool {
    dropped.reason.starts_with("the answer") && dropped.reason.ends_with("is empty")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content: &str) -> Option<String> {
        let message = |role, content: &str| Message { role, content: content.into() };
        says_nothing(&[message(Role::User, "-"), message(Role::Assistant, content)])
    }

    #[test]
    fn short_answers_that_say_something_pass() {
        for content in ["A", "4", "No", "None", "+", "?", "🙂", "是", "-1", "null and void", "..5"] {
            assert_eq!(answer(content), None, "{content}");
        }
    }

    #[test]
    fn fillers_and_placeholders_are_told() {
        for content in ["-", " … ", "N/A", "NaN", "[deleted]", "\u{200B}", "___"] {
            assert!(answer(content).is_some(), "{content}");
        }
    }
}
