//! The shapes that rows come in, told apart by the names of their columns.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::read::Fields;
use super::{ColumnMap, chat};

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
    /// A question, its choices and the right one.
    MultipleChoice,
    /// Running text, which is learnt as it stands.
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
            Self::MultipleChoice => "multiple choice",
            Self::Text => "text",
            Self::Mapped => "mapped by hand",
        })
    }
}

/// Names of a column that mean the same, in order of preference. They are compared whole, ignoring case.
pub(super) type Names = &'static [&'static str];

/// A shape with one column for the question and one for the answer.
#[derive(Debug)]
pub(super) struct Flat {
    pub shape: Shape,
    pub prompt: Names,
    pub response: Names,
    /// Further input, put after the question.
    pub context: Names,
    pub extra: Extra,
}

/// What belongs to a question beside the columns that have a name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extra {
    Nothing,
    /// Choices, which are given letters.
    Choices,
    /// All other texts of the row.
    OtherTexts,
}

/// The flat shapes; where a row fits several, the first is taken.
pub(super) const FLAT: [Flat; 5] = [
    Flat {
        shape: Shape::Alpaca,
        prompt: INSTRUCTIONS,
        response: &["output"],
        context: &["input"],
        extra: Extra::Nothing,
    },
    Flat {
        shape: Shape::Dolly,
        prompt: INSTRUCTIONS,
        response: &["response"],
        context: &["context", "input"],
        extra: Extra::Nothing,
    },
    Flat {
        shape: Shape::InstructionAnswer,
        prompt: INSTRUCTIONS,
        response: &["answer"],
        context: &[],
        extra: Extra::OtherTexts,
    },
    Flat {
        shape: Shape::PromptCompletion,
        prompt: &["prompt"],
        response: &["completion"],
        context: &[],
        extra: Extra::Nothing,
    },
    Flat {
        shape: Shape::QuestionAnswer,
        prompt: QUESTIONS,
        response: ANSWERS,
        context: &["context", "passage"],
        extra: Extra::Choices,
    },
];

pub(super) const QUESTIONS: Names = &[
    "question",
    "query",
    "problem",
    "prompt",
    "input",
    "user",
    "human",
    "question_text",
    "user_message",
    "user_input",
    "user_query",
    "q",
];
pub(super) const ANSWERS: Names = &[
    "answer",
    "response",
    "solution",
    "output",
    "completion",
    "target",
    "reply",
    "assistant",
    "answer_text",
    "assistant_message",
    "assistant_response",
    "model_response",
    "bot",
    "answers",
    "answerkey",
    "answer_key",
    "correct_answer",
    "canonical_solution",
    "cop",
    "a",
];
pub(super) const INSTRUCTIONS: Names = &["instruction"];
pub(super) const TURNS: Names = &["messages", "conversations", "conversation", "dialogue", "dialog"];
pub(super) const SYSTEM: Names = &["system", "system_prompt", "system_message"];
pub(super) const HISTORY: Names = &["history"];
pub(super) const CHOICES: Names = &["choices", "options"];
pub(super) const LABELS: Names = &["topic", "category", "subject", "task", "task_type"];
pub(super) const TEXTS: Names = &["text"];
pub(super) const ROLES: Names = &["role", "from"];
pub(super) const CONTENTS: Names = &["content", "value", "text"];

/// Columns that describe a row and are no part of its question; so are those that end in "id".
const HOUSEKEEPING: Names = &[
    "id",
    "idx",
    "index",
    "uuid",
    "number",
    "license",
    "licence",
    "source",
    "dataset",
    "url",
    "link",
    "split",
    "slice",
    "date",
    "year",
    "time",
    "timestamp",
    "created",
    "created_at",
    "updated_at",
    "author",
    "annotator",
    "language",
    "lang",
    "model",
    "version",
    "type",
    "label",
    "tags",
    "difficulty",
    "level",
    "document_name",
    "document name",
    "docket no.",
];

/// Columns that say why the answer is right, which a question must not give away.
const EXPLANATIONS: Names =
    &["explanation", "rationale", "reasoning", "reason", "justification", "chain_of_thought", "cot", "hint"];

/// Whether a column's text may be what an instruction speaks of: it is no label, housekeeping or other answer.
pub(super) fn may_be_input(column: &str) -> bool {
    let is_in = |names: Names| names.iter().any(|name| same_name(column, name));
    let name = column.trim().to_lowercase();
    let is_id = ["_id", " id", "-id"].iter().any(|end| name.ends_with(end));
    !is_id && ![HOUSEKEEPING, LABELS, ANSWERS, EXPLANATIONS].into_iter().any(is_in)
}

/// What belongs to a text of no conversation, and says nothing of how it should be learnt.
const BESIDE_TEXT: Names = &["title", "meta", "metadata", "name", "file", "path", "topic", "category", "subject"];
/// Columns that may hold what a text is to be answered with: then it is no running text.
const VERDICTS: Names = &["label", "labels", "class", "tags", "type", "sentiment", "score", "rating"];

/// Whether a column may stand beside running text.
pub(super) fn may_stand_beside_text(column: &str) -> bool {
    let is_in = |names: Names| names.iter().any(|name| same_name(column, name));
    let name = column.trim().to_lowercase();
    let is_id = ["_id", " id", "-id"].iter().any(|end| name.ends_with(end));
    is_in(TEXTS) || (is_id || is_in(HOUSEKEEPING) || is_in(BESIDE_TEXT)) && !is_in(VERDICTS)
}

/// Rows that teach by comparing answers, or by judging one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preference {
    /// A better and a worse answer.
    Pair,
    /// Two numbered answers and which is the better.
    Numbered,
    /// One answer, and whether it is a good one.
    Judged,
}

const CHOSEN: Names = &["chosen", "chosen_response", "response_chosen", "preferred"];
const REJECTED: Names = &["rejected", "rejected_response", "response_rejected", "dispreferred"];
const PICKS: Names = &["better_response_id", "preferred_response", "winner", "overall_preference", "preference"];

impl Preference {
    /// What the rows are called by.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Pair => "a chosen and a rejected answer, as DPO and ORPO learn from",
            Self::Numbered => "two answers and which is the better",
            Self::Judged => "an answer and whether it is good, as KTO learns from",
        }
    }

    pub fn mend(self) -> &'static str {
        match self {
            Self::Pair => "map the response to the column \"chosen\"",
            Self::Numbered => "keep the better answer of each row in a column of its own",
            Self::Judged => "keep the rows that are labelled true, and remove the column \"label\"",
        }
    }

    /// Told by exact names, and by what is under them.
    fn of(fields: &Fields, map: &ColumnMap) -> Option<Self> {
        let free = |names: Names| find(fields, &map.free(names));
        if free(CHOSEN).is_some() && free(REJECTED).is_some() {
            return Some(Self::Pair);
        }
        let pairs: [[&str; 2]; 4] = [
            ["response_0", "response_1"],
            ["response_a", "response_b"],
            ["conversation_a", "conversation_b"],
            ["response_1", "response_2"],
        ];
        let has_pair = pairs.iter().any(|pair| pair.iter().all(|name| find(fields, &[name]).is_some()));
        if has_pair && free(PICKS).is_some() {
            return Some(Self::Numbered);
        }
        let is_judgement = |value: &Value| match value {
            Value::Bool(_) => true,
            Value::String(text) => ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)),
            _ => false,
        };
        let is_judged = free(&["label"]).is_some_and(|(_, value)| is_judgement(value));
        (is_judged && free(&["prompt"]).is_some() && free(&["completion"]).is_some()).then_some(Self::Judged)
    }
}

/// What the columns of one row say about its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    Preference(Preference),
    Turns(Shape),
    /// Index into [`FLAT`].
    Flat(usize),
}

/// The shape that a row's columns fit, if any, those aside that are mapped by hand.
pub(super) fn guess(fields: &Fields, map: &ColumnMap) -> Option<Guess> {
    let free = |names: Names| find(fields, &map.free(names));
    if let Some(preference) = Preference::of(fields, map) {
        return Some(Guess::Preference(preference));
    }
    if let Some((column, value)) = free(TURNS)
        && let Some(turns) = shape_of_turns(value, column)
    {
        return turns.map(Guess::Turns);
    }
    let fits = |flat: &Flat| free(flat.prompt).is_some() && free(flat.response).is_some();
    FLAT.iter().position(fits).map(Guess::Flat)
}

/// `None` where the value is no list of objects, `Some(None)` where these are no turns.
fn shape_of_turns(value: &Value, column: &str) -> Option<Option<Shape>> {
    match chat::list(value, column) {
        Ok(list) => {
            let Some(Value::Object(turn)) = list.first() else { return None };
            let role = find(turn, ROLES).map(|(role, _)| role.eq_ignore_ascii_case("from"));
            Some(role.map(|is_from| if is_from { Shape::ShareGpt } else { Shape::Messages }))
        }
        // Such as a list with single quotation marks: each row then says what is wrong with it.
        Err(_) => {
            let inside = value.as_str()?.trim_start().strip_prefix('[')?.trim_start();
            inside.starts_with('{').then_some(Some(Shape::Messages))
        }
    }
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
        guess(&serde_json::from_str(text).unwrap(), &ColumnMap::default())
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
    }

    #[test]
    fn preference_data_is_known_by_name_and_kind() {
        for (row, preference) in [
            (r#"{"prompt":"a","chosen":"b","rejected":"c"}"#, Preference::Pair),
            (r#"{"chosen":[{"role":"user","content":"a"}],"rejected":[]}"#, Preference::Pair),
            (r#"{"messages":[{"role":"user","content":"a"}],"chosen":[],"rejected":[]}"#, Preference::Pair),
            (r#"{"prompt":"a","completion":"b","label":true}"#, Preference::Judged),
            (r#"{"prompt":"a","completion":"b","label":"False"}"#, Preference::Judged),
            (r#"{"prompt":"a","response_0":"b","response_1":"c","better_response_id":1}"#, Preference::Numbered),
        ] {
            assert_eq!(guess_of(row), Some(Guess::Preference(preference)), "{row}");
        }
        assert_eq!(guess_of(r#"{"prompt":"a","completion":"b","label":"greeting"}"#), flat(Shape::PromptCompletion));
        assert_eq!(guess_of(r#"{"prompt":"a","completion":"b","chosen":"x"}"#), flat(Shape::PromptCompletion));
    }

    #[test]
    fn a_name_inside_another_name_means_nothing() {
        assert_eq!(guess_of(r#"{"question_id":"1","answer_key":"b"}"#), None);
        assert_eq!(guess_of(r#"{"questions":"1","the answer":"b","messages_raw":"[{}]"}"#), None);
        assert_eq!(guess_of(r#"{"text":"raw"}"#), None);
    }

    #[test]
    fn a_column_that_plays_another_part_by_hand_is_not_guessed_at() {
        let map = ColumnMap { system: Some("Instruction".into()), ..ColumnMap::default() };
        let row = serde_json::from_str(r#"{"instruction":"Be kind.","input":"Hi","output":"Hello"}"#).unwrap();
        assert_eq!(guess(&row, &map), flat(Shape::QuestionAnswer));
    }
}
