//! Lists of turns, in the spellings of OpenAI and ShareGPT.

use std::borrow::Cow;

use serde_json::Value;

use super::read::name;
use super::shape::{CONTENTS, ROLES, find};
use super::{Message, Role};

/// The items of a list, which may also stand as JSON in a text: a table's cell has no other way to hold one.
pub(super) fn list<'a>(value: &'a Value, column: &str) -> Result<Cow<'a, [Value]>, String> {
    match value {
        Value::Array(list) => Ok(Cow::Borrowed(list)),
        Value::String(text) if text.trim_start().starts_with('[') => match serde_json::from_str(text) {
            Ok(list) => Ok(Cow::Owned(list)),
            Err(error) => {
                let is_single = text.contains("['") || text.contains("{'");
                let mend = if is_single { "; JSON puts texts in double quotation marks" } else { "" };
                Err(format!("the list in \"{column}\" is broken JSON ({error}){mend}"))
            }
        },
        _ => Err(format!("\"{column}\" must be a list, it is {}", name(value))),
    }
}

/// The turns of a list, each an object with a role (or `from`) and a content (or `value`).
pub(super) fn turns(value: &Value, column: &str) -> Result<Vec<Message>, String> {
    let list = list(value, column)?;
    let numbered = list.iter().enumerate();
    numbered.map(|(index, turn)| message(turn).map_err(|why| format!("message {}: {why}", index + 1))).collect()
}

/// Question and answer pairs that came before, as alpaca's `history` has them.
pub(super) fn history(value: &Value, column: &str) -> Result<Vec<Message>, String> {
    if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Ok(Vec::new());
    }
    let mut messages = Vec::new();
    for pair in list(value, column)?.iter() {
        let Some([Value::String(question), Value::String(answer)]) = pair.as_array().map(Vec::as_slice) else {
            return Err(format!("\"{column}\" must be a list of pairs of question and answer"));
        };
        messages.push(Message { role: Role::User, content: question.clone() });
        messages.push(Message { role: Role::Assistant, content: answer.clone() });
    }
    Ok(messages)
}

/// A conversation that can be trained on: blank system messages left out, no other blank one, a question somewhere and
/// an answer at the end.
pub(super) fn finish(mut messages: Vec<Message>) -> Result<Vec<Message>, String> {
    let blank = |message: &Message| message.content.trim().is_empty();
    messages.retain(|message| message.role != Role::System || !blank(message));
    let Some(last) = messages.last() else { return Err("there is no message".to_owned()) };
    if last.role != Role::Assistant {
        return Err("the conversation does not end with an answer; there is nothing to learn".to_owned());
    }
    if blank(last) {
        return Err("the answer is empty".to_owned());
    }
    if let Some(index) = messages.iter().position(blank) {
        return Err(format!("message {} is empty", index + 1));
    }
    if !messages.iter().any(|message| message.role == Role::User) {
        return Err("there is no question before the answer".to_owned());
    }
    // There may be millions of them.
    messages.shrink_to_fit();
    Ok(messages)
}

fn message(turn: &Value) -> Result<Message, String> {
    let Value::Object(fields) = turn else {
        return Err(format!("it must be an object with role and content, it is {}", name(turn)));
    };
    let Some((_, Value::String(role))) = find(fields, ROLES) else {
        return Err("it has no role".to_owned());
    };
    let role = role_of(role)?;
    match find(fields, CONTENTS) {
        Some((_, Value::String(text))) => Ok(Message { role, content: text.clone() }),
        Some((_, Value::Array(parts))) => Ok(Message { role, content: join(parts)? }),
        Some((_, Value::Null)) | None if find(fields, &["tool_calls", "function_call"]).is_some() => {
            Err("it calls a tool, which cannot be trained on yet".to_owned())
        }
        Some((column, other)) => Err(format!("\"{column}\" must be a text, it is {}", name(other))),
        None => Err("it has no content".to_owned()),
    }
}

fn role_of(name: &str) -> Result<Role, String> {
    match name.trim().to_lowercase().as_str() {
        "system" | "developer" => Ok(Role::System),
        "user" | "human" => Ok(Role::User),
        "assistant" | "gpt" | "model" | "bot" => Ok(Role::Assistant),
        "tool" | "function" | "observation" => Ok(Role::Tool),
        _ => Err(format!("the role \"{name}\" is not known; use system, user, assistant or tool")),
    }
}

/// Content in parts, of which all must be text.
fn join(parts: &[Value]) -> Result<String, String> {
    let texts = parts.iter().map(|part| match part {
        Value::String(text) => Ok(text.as_str()),
        other => other.get("text").and_then(Value::as_str).ok_or("it holds something that is no text".to_owned()),
    });
    texts.collect::<Result<Vec<_>, _>>().map(|texts| texts.concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conversation(turns_: Value) -> Result<Vec<Message>, String> {
        turns(&turns_, "messages").and_then(finish)
    }

    #[test]
    fn both_spellings_give_the_same_messages() {
        let a = conversation(json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]));
        let b = conversation(json!([{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}]));
        assert_eq!(a.unwrap(), b.unwrap());
    }

    #[test]
    fn content_in_parts_is_joined_and_a_picture_is_refused() {
        let parts = json!([{"type": "text", "text": "What is "}, {"type": "text", "text": "this?"}]);
        let answer = json!({"role": "assistant", "content": "A cup"});
        let messages = conversation(json!([{"role": "user", "content": parts}, answer])).unwrap();
        assert_eq!(messages[0].content, "What is this?");
        let picture = json!([{"type": "image_url", "image_url": {}}]);
        let refused = conversation(json!([{"role": "user", "content": picture}, answer]));
        assert!(refused.unwrap_err().contains("message 1"));
    }

    #[test]
    fn a_conversation_without_a_last_answer_is_refused() {
        let question = json!({"role": "user", "content": "Hi"});
        assert!(conversation(json!([question])).unwrap_err().contains("does not end with an answer"));
        let blank = json!({"role": "assistant", "content": " \n"});
        assert!(conversation(json!([question, blank])).unwrap_err().contains("answer is empty"));
        assert!(conversation(json!([{"role": "assistant", "content": "x"}])).unwrap_err().contains("no question"));
        assert!(conversation(json!([{"role": "owl", "content": "x"}])).unwrap_err().contains("owl"));
        assert!(conversation(json!([])).is_err());
    }

    #[test]
    fn a_blank_system_message_is_left_out() {
        let turns = json!([{"role": "system", "content": ""}, {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes"}]);
        assert_eq!(conversation(turns).unwrap().len(), 2);
    }
}
