//! The shapes that rows come in, told apart by the names of their columns.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::read::Fields;

/// How the rows of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A list of turns with role and content.
    Messages,
    /// A list of turns with from and value.
    ShareGpt,
    /// Instruction, input and output.
    Alpaca,
    /// Instruction, context and response.
    Dolly,
    /// Instruction and answer, with whatever texts the instruction speaks of.
    InstructionAnswer,
    /// Prompt and completion, as texts or as lists of messages.
    PromptCompletion,
    /// Question and answer, or one of their common other names.
    QuestionAnswer,
    /// Running text, for pre-training alone.
    Text,
    /// Columns named by hand.
    Mapped,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Messages => "messages",
            Self::ShareGpt => "sharegpt",
            Self::Alpaca => "alpaca",
            Self::Dolly => "dolly",
            Self::InstructionAnswer => "instruction/answer",
            Self::PromptCompletion => "prompt/completion",
            Self::QuestionAnswer => "question/answer",
            Self::Text => "text",
            Self::Mapped => "mapped by hand",
        })
    }
}

/// Names of a column that mean the same, in order of preference. They are compared whole, ignoring case.
pub(super) type Names = &'static [&'static str];

/// A shape with one column for the question and one for the answer.
pub(super) struct Flat {
    pub shape: Shape,
    pub prompt: Names,
    pub response: Names,
    /// Further input, put after the question.
    pub context: Names,
}

/// The flat shapes; where a row fits several, the first is taken.
pub(super) const FLAT: [Flat; 5] = [
    Flat { shape: Shape::Alpaca, prompt: &["instruction"], response: &["output"], context: &["input"] },
    Flat { shape: Shape::Dolly, prompt: &["instruction"], response: &["response"], context: &["context", "input"] },
    Flat { shape: Shape::InstructionAnswer, prompt: &["instruction"], response: &["answer"], context: &[] },
    Flat { shape: Shape::PromptCompletion, prompt: &["prompt"], response: &["completion"], context: &[] },
    Flat { shape: Shape::QuestionAnswer, prompt: QUESTIONS, response: ANSWERS, context: &["context", "passage"] },
];

pub(super) const QUESTIONS: Names = &["question", "query", "problem", "prompt", "input", "user"];
pub(super) const ANSWERS: Names =
    &["answer", "response", "solution", "output", "completion", "target", "reply", "assistant"];
pub(super) const INSTRUCTIONS: Names = &["instruction"];
pub(super) const TURNS: Names = &["messages", "conversations", "conversation", "dialogue", "dialog"];
pub(super) const SYSTEM: Names = &["system", "system_prompt"];
pub(super) const HISTORY: Names = &["history"];
pub(super) const CHOICES: Names = &["choices", "options"];
pub(super) const LABELS: Names = &["topic", "category", "subject", "task", "task_type"];
pub(super) const TEXTS: Names = &["text"];
pub(super) const ROLES: Names = &["role", "from"];
pub(super) const CONTENTS: Names = &["content", "value", "text"];

/// Columns that describe a row and are no part of its question.
pub(super) const HOUSEKEEPING: Names = &[
    "id",
    "idx",
    "index",
    "license",
    "licence",
    "source",
    "url",
    "link",
    "split",
    "slice",
    "date",
    "year",
    "document_name",
    "document name",
    "doc_id",
    "case_id",
    "case id",
    "docket no.",
];

/// What the columns of one row say about its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    Preference,
    Turns(Shape),
    /// Index into [`FLAT`].
    Flat(usize),
}

/// The shape that a row's columns fit, if any.
pub(super) fn guess(fields: &Fields) -> Option<Guess> {
    if let Some((_, Value::Array(turns))) = find(fields, TURNS)
        && let Some(Value::Object(turn)) = turns.first()
    {
        let (role, _) = find(turn, ROLES)?;
        let shape = if role.eq_ignore_ascii_case("from") { Shape::ShareGpt } else { Shape::Messages };
        return Some(Guess::Turns(shape));
    }
    if find(fields, &["chosen"]).is_some() && find(fields, &["rejected"]).is_some() {
        return Some(Guess::Preference);
    }
    let fits = |flat: &Flat| find(fields, flat.prompt).is_some() && find(fields, flat.response).is_some();
    FLAT.iter().position(fits).map(Guess::Flat)
}

/// The first of the names that is a column of the row, with its value. Case and outer spaces do not count.
pub(super) fn find<'a>(fields: &'a Fields, names: &[impl AsRef<str>]) -> Option<(&'a str, &'a Value)> {
    names.iter().find_map(|name| {
        let name = name.as_ref();
        fields.iter().find(|(key, _)| same_name(key, name)).map(|(key, value)| (key.as_str(), value))
    })
}

/// Whether two column names are the same but for case and outer spaces.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess_of(text: &str) -> Option<Guess> {
        guess(&serde_json::from_str(text).unwrap())
    }

    fn flat(shape: Shape) -> Option<Guess> {
        FLAT.iter().position(|flat| flat.shape == shape).map(Guess::Flat)
    }

    #[test]
    fn every_shape_is_told_by_its_columns() {
        assert_eq!(guess_of(r#"{"instruction":"a","input":"","output":"b"}"#), flat(Shape::Alpaca));
        assert_eq!(guess_of(r#"{"instruction":"a","context":"","response":"b"}"#), flat(Shape::Dolly));
        assert_eq!(
            guess_of(r#"{"task":"t","instruction":"a","text":"x","answer":"b"}"#),
            flat(Shape::InstructionAnswer)
        );
        assert_eq!(guess_of(r#"{"prompt":"a","completion":"b"}"#), flat(Shape::PromptCompletion));
        for (question, answer) in [("question", "answer"), ("query", "response"), ("Problem", "Solution")] {
            assert_eq!(guess_of(&format!(r#"{{"{question}":"a","{answer}":"b"}}"#)), flat(Shape::QuestionAnswer));
        }
        assert_eq!(guess_of(r#"{"messages":[{"role":"user","content":"a"}]}"#), Some(Guess::Turns(Shape::Messages)));
        assert_eq!(
            guess_of(r#"{"conversations":[{"from":"human","value":"a"}]}"#),
            Some(Guess::Turns(Shape::ShareGpt))
        );
        assert_eq!(
            guess_of(r#"{"conversations":[{"role":"user","content":"a"}]}"#),
            Some(Guess::Turns(Shape::Messages))
        );
        assert_eq!(guess_of(r#"{"prompt":"a","chosen":"b","rejected":"c"}"#), Some(Guess::Preference));
    }

    #[test]
    fn a_name_inside_another_name_means_nothing() {
        assert_eq!(guess_of(r#"{"question_id":"1","answer_key":"b"}"#), None);
        assert_eq!(guess_of(r#"{"text":"raw"}"#), None);
    }
}
