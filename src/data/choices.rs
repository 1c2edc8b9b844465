//! The choices of a question, as they are shown below it, and the answer that points to one of them.

use serde_json::Value;

use super::chat;
use super::plan::Used;
use super::read::{Fields, name};
use super::shape::{CHOICES, find};

/// What a question lets choose from.
pub(super) enum Choices {
    /// Each with its label: a letter, unless the row has labels of its own.
    Listed { labels: Vec<String>, texts: Vec<String>, are_numbers: bool },
    /// Written out by hand.
    Text(String),
}

impl Choices {
    /// The choices of a row, if it has any. Errs where they cannot be shown.
    pub fn of(fields: &Fields, used: &mut Used) -> Result<Option<Self>, String> {
        let Some((column, value)) = find(fields, CHOICES) else { return Self::in_columns(fields, used) };
        let choices = match value {
            Value::Object(parts) => match (parts.get("label"), parts.get("text")) {
                (Some(Value::Array(labels)), Some(Value::Array(choices))) if labels.len() == choices.len() => {
                    Some(Self::listed(choices, Some(labels), column)?)
                }
                _ => return Err(format!("\"{column}\" must be a list of texts, it is {}", name(value))),
            },
            Value::String(text) if !text.trim_start().starts_with('[') => {
                let text = text.trim();
                (!text.is_empty()).then(|| Self::Text(text.to_owned()))
            }
            Value::Null => None,
            value => Some(Self::listed(&chat::list(value, column)?, None, column)?),
        };
        let choices = choices.filter(|choices| !matches!(choices, Self::Listed { texts, .. } if texts.is_empty()));
        if choices.is_some() {
            used.note("choices", column);
        }
        Ok(choices)
    }

    /// Choices that have a column each: `A`, `B` and so on, or `option_a`.
    fn in_columns(fields: &Fields, used: &mut Used) -> Result<Option<Self>, String> {
        let Some(columns) = lettered(fields) else { return Ok(None) };
        let mut choices: Vec<Value> = columns.iter().map(|(_, value)| (*value).clone()).collect();
        let is_blank = |value: &Value| value.as_str().map_or(value.is_null(), |text| text.trim().is_empty());
        while choices.last().is_some_and(is_blank) {
            choices.pop();
        }
        columns.iter().for_each(|(column, _)| used.note("choices", column));
        let first = columns.first().map(|(column, _)| *column).unwrap_or_default();
        Self::listed(&choices, None, first).map(Some)
    }

    fn listed(choices: &[Value], labels: Option<&[Value]>, column: &str) -> Result<Self, String> {
        let texts = choices.iter().map(|choice| plain(choice, column)).collect::<Result<Vec<_>, _>>()?;
        let labels = match labels {
            Some(labels) => labels.iter().map(|label| plain(label, column)).collect::<Result<_, _>>()?,
            None if texts.len() > 26 => return Err(format!("\"{column}\" has more choices than there are letters")),
            None => ('A'..='Z').take(texts.len()).map(String::from).collect(),
        };
        Ok(Self::Listed { labels, texts, are_numbers: choices.iter().all(Value::is_number) })
    }

    /// The choices as they stand below the question.
    pub fn shown(&self) -> String {
        match self {
            Self::Listed { labels, texts, .. } => {
                let lines = labels.iter().zip(texts).map(|(label, text)| format!("{label}. {text}"));
                lines.collect::<Vec<_>>().join("\n")
            }
            Self::Text(text) => text.clone(),
        }
    }

    /// The label to answer with where the answer is a choice's number, counted from 0 as public sets of questions do;
    /// `None` where the answer stands as it should. Errs where it points to no choice, or to one of two.
    pub fn answer(&self, answer: &Value) -> Result<Option<String>, String> {
        let Self::Listed { labels, texts, are_numbers } = self else { return Ok(None) };
        let Ok(said) = plain(answer, "") else { return Ok(None) };
        if labels.contains(&said) {
            return Ok(answer.is_number().then_some(said));
        }
        let none = || format!("the answer {said} points to none of the {} choices", texts.len());
        let by_text = texts.iter().position(|text| *text == said).filter(|_| answer.is_string() || *are_numbers);
        let Some(number) = number(&said) else {
            let is_letter = said.len() == 1 && said.bytes().all(|byte| byte.is_ascii_uppercase());
            return if is_letter && by_text.is_none() { Err(none()) } else { Ok(None) };
        };
        match (labels.get(number), by_text) {
            (Some(label), None) => Ok(Some(label.clone())),
            (Some(label), Some(text)) if text == number => Ok(Some(label.clone())),
            (Some(label), Some(text)) => Err(format!(
                "the answer {said} may be the number of choice {label} or the text of choice {}; write the letter",
                labels.get(text).map(String::as_str).unwrap_or_default()
            )),
            // A text that happens to be a number, and too large to count choices.
            (None, Some(_)) => Ok(None),
            (None, None) => Err(format!("{}, which are numbered from 0; write the letter", none())),
        }
    }
}

/// The columns that hold a choice each, at least two, under one of the spellings in use.
pub(super) fn lettered(fields: &Fields) -> Option<Vec<(&str, &Value)>> {
    find(fields, &["a", "option_a", "option a", "choice_a", "opa"])?;
    let spelt = |letter: char| {
        [
            letter.to_string(),
            format!("option_{letter}"),
            format!("option {letter}"),
            format!("choice_{letter}"),
            format!("op{letter}"),
        ]
    };
    let of_spelling = |spelling: usize| {
        let columns = ('a'..='z').map_while(move |letter| find(fields, spelt(letter).get(spelling..=spelling)?));
        let columns: Vec<(&str, &Value)> = columns.collect();
        // A lone pair of a and b may be anything, such as q and a.
        (columns.len() >= 3 || spelling > 0 && columns.len() == 2).then_some(columns)
    };
    (0..5).find_map(of_spelling)
}

/// A whole number, also where it was stored as 1.0.
fn number(text: &str) -> Option<usize> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole.parse().ok().filter(|_| whole.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A label or a choice.
fn plain(value: &Value, column: &str) -> Result<String, String> {
    match value {
        Value::String(text) if text.trim().is_empty() => Err(format!("a choice in \"{column}\" is empty")),
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        other => Err(format!("a choice in \"{column}\" must be a text, it is {}", name(other))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The choices shown, and what is taught for each answer.
    fn taught(choices: Value, answers: &[Value]) -> (String, Vec<Result<Option<String>, String>>) {
        let row = json!({ "choices": choices });
        let choices = Choices::of(row.as_object().unwrap(), &mut Used::default()).unwrap().unwrap();
        (choices.shown(), answers.iter().map(|answer| choices.answer(answer)).collect())
    }

    fn letter(letter: &str) -> Result<Option<String>, String> {
        Ok(Some(letter.to_owned()))
    }

    #[test]
    fn a_number_becomes_the_letter_it_counts_to() {
        let (shown, answers) = taught(json!(["red", "green"]), &[json!(0), json!(1), json!(1.0), json!("1")]);
        assert_eq!(shown, "A. red\nB. green");
        assert_eq!(answers, [letter("A"), letter("B"), letter("B"), letter("B")]);
        assert_eq!(taught(json!(["3", "0", "1"]), &[json!(0)]).1, [letter("A")], "texts are not numbers");
    }

    #[test]
    fn letters_and_texts_stay_as_they_are() {
        let answers = [json!("B"), json!("b"), json!("green"), json!("It is B."), json!("1990")];
        assert_eq!(taught(json!(["red", "green", "1990"]), &answers).1, vec![Ok(None); 5]);
    }

    #[test]
    fn an_answer_that_points_to_no_choice_is_refused() {
        for answer in [json!(2), json!(-1), json!("7"), json!("C")] {
            let answers = taught(json!(["red", "green"]), std::slice::from_ref(&answer)).1;
            let refused = answers[0].as_ref();
            if answer == json!(-1) {
                // No count, so it can only be a text; there is no such choice, but neither is it a letter.
                assert_eq!(refused, Ok(&None));
            } else {
                assert!(refused.unwrap_err().contains("none of the 2 choices"), "{refused:?}");
            }
        }
    }

    #[test]
    fn a_number_that_may_also_be_a_text_is_taken_only_where_both_agree() {
        let (_, answers) = taught(json!(["2", "1", "0"]), &[json!("1"), json!("2")]);
        assert_eq!(answers[0], letter("B"));
        assert!(answers[1].as_ref().unwrap_err().contains("choice C or the text of choice A"), "{answers:?}");
        assert!(taught(json!([3, 2, 1]), &[json!(2)]).1[0].is_err());
    }

    #[test]
    fn labels_of_the_rows_own_are_kept() {
        let (shown, answers) = taught(json!({"label": ["1", "2"], "text": ["red", "green"]}), &[json!("2"), json!(1)]);
        assert_eq!(shown, "1. red\n2. green");
        assert_eq!(answers, [Ok(None), letter("1")]);
    }

    #[test]
    fn choices_may_stand_in_a_text() {
        assert_eq!(taught(json!("[\"red\", \"green\"]"), &[json!("1")]).1, [letter("B")]);
        assert_eq!(taught(json!(" A) red B) green "), &[json!("1")]), ("A) red B) green".to_owned(), vec![Ok(None)]));
        for (choices, reason) in [
            (json!("['red', 'green']"), "double quotation marks"),
            (json!([{"index": 0}]), "must be a text"),
            (json!(vec!["x"; 27]), "more choices than there are letters"),
            (json!({"a": "red"}), "must be a list"),
        ] {
            let row = json!({ "choices": choices });
            let refused = Choices::of(row.as_object().unwrap(), &mut Used::default()).err().unwrap();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
