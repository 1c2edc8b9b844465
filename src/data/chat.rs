//! Lists of turns, in the spellings of OpenAI and ShareGPT.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::read::name;
use super::shape::{CONTENTS, ROLES, find, same_name};
use super::{Message, Role};

/// How turns are written, where their owner says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tags {
    /// The names of the role and of the content in a turn.
    pub role: Option<String>,
    pub content: Option<String>,
    /// Names of roles.
    pub names: Vec<(String, Role)>,
}

/// What a list of turns gave.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub messages: Vec<Message>,
    /// Whether a turn calls tools, which stands as JSON in its text.
    pub calls_tools: bool,
}

/// The items of a list, which may also stand as JSON in a text: a table's cell has no other way to hold one. An object of
/// lists, one for the roles and one for the contents, is the list of its turns.
pub(super) fn list<'a>(value: &'a Value, column: &str) -> Result<Cow<'a, [Value]>, String> {
    match value {
        Value::Array(list) => Ok(Cow::Borrowed(list)),
        Value::Object(lists) if side_by_side(lists).is_some() => {
            Ok(Cow::Owned(side_by_side(lists).unwrap_or_default()))
        }
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

/// The turns of two lists of the same length.
fn side_by_side(lists: &Map<String, Value>) -> Option<Vec<Value>> {
    let (role, Value::Array(roles)) = find(lists, ROLES)? else { return None };
    let (content, Value::Array(contents)) = find(lists, CONTENTS)? else { return None };
    let turn = |(who, what): (&Value, &Value)| json!({ role: who, content: what });
    (roles.len() == contents.len()).then(|| roles.iter().zip(contents).map(turn).collect())
}

/// The turns of a list, each an object with a role (or `from`) and a content (or `value`).
pub(super) fn turns(value: &Value, column: &str, tags: &Tags) -> Result<Turns, String> {
    let mut turns = Turns::default();
    for (index, turn) in list(value, column)?.iter().enumerate() {
        let message = message(turn, tags, &mut turns.calls_tools);
        turns.messages.push(message.map_err(|why| format!("message {}: {why}", index + 1))?);
    }
    Ok(turns)
}

/// What came before: pairs of question and answer, as alpaca's `history` has them, or turns.
pub(super) fn history(value: &Value, column: &str) -> Result<Vec<Message>, String> {
    if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Ok(Vec::new());
    }
    let mut messages = Vec::new();
    for pair in list(value, column)?.iter() {
        if pair.is_object() {
            messages.push(message(pair, &Tags::default(), &mut false)?);
            continue;
        }
        let Some([Value::String(question), Value::String(answer)]) = pair.as_array().map(Vec::as_slice) else {
            return Err(format!("\"{column}\" must be a list of pairs of question and answer, or of turns"));
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

fn message(turn: &Value, tags: &Tags, calls_tools: &mut bool) -> Result<Message, String> {
    let Value::Object(fields) = turn else {
        return Err(format!("it must be an object with role and content, it is {}", name(turn)));
    };
    let Some((_, Value::String(role))) = find_tagged(fields, tags.role.as_ref(), ROLES) else {
        return Err("it has no role".to_owned());
    };
    let own = tags.names.iter().find(|(name, _)| same_name(name, role));
    let role = own.map_or_else(|| role_of(role), |(_, role)| Ok(*role))?;
    let calls = calls(fields);
    let content = match find_tagged(fields, tags.content.as_ref(), CONTENTS) {
        Some((_, Value::String(text))) => text.clone(),
        Some((_, Value::Array(parts))) => join(parts)?,
        Some((_, Value::Null)) | None if !calls.is_empty() => String::new(),
        // What a function gave, or the call of one, may stand as it is.
        Some((_, value @ Value::Object(_))) if role == Role::Tool => value.to_string(),
        Some((column, other)) => return Err(format!("\"{column}\" must be a text, it is {}", name(other))),
        None => return Err("it has no content".to_owned()),
    };
    *calls_tools |= !calls.is_empty();
    let texts: Vec<String> =
        Some(content).filter(|text| !text.is_empty() || calls.is_empty()).into_iter().chain(calls).collect();
    Ok(Message { role, content: texts.join("\n") })
}

/// The tools that a turn calls, each as JSON with its name and its arguments.
fn calls(fields: &Map<String, Value>) -> Vec<String> {
    let one = |call: &Value| {
        let call = call.get("function").unwrap_or(call);
        let arguments = match call.get("arguments") {
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())),
            Some(arguments) => arguments.clone(),
            None => json!({}),
        };
        Some(json!({ "name": call.get("name")?, "arguments": arguments }).to_string())
    };
    match (fields.get("tool_calls"), fields.get("function_call")) {
        (Some(Value::Array(calls)), _) => calls.iter().filter_map(one).collect(),
        (_, Some(call @ Value::Object(_))) => one(call).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn find_tagged<'a>(
    fields: &'a Map<String, Value>,
    tag: Option<&String>,
    names: &[&str],
) -> Option<(&'a str, &'a Value)> {
    match tag {
        Some(tag) => find(fields, &[tag]),
        None => find(fields, names),
    }
}

fn role_of(name: &str) -> Result<Role, String> {
    match name.trim().to_lowercase().as_str() {
        "system" | "developer" => Ok(Role::System),
        "user" | "human" | "prompter" => Ok(Role::User),
        "assistant" | "gpt" | "model" | "bot" | "chatbot" | "ai" | "chatgpt" | "function_call" | "tool_call" => {
            Ok(Role::Assistant)
        }
        "tool" | "function" | "observation" | "tool_response" | "function_response" | "ipython" => Ok(Role::Tool),
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
        turns(&turns_, "messages", &Tags::default()).and_then(|turns| finish(turns.messages))
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

    #[test]
    fn tools_keep_their_roles_and_calls_stand_as_json() {
        let openai = json!([
            {"role": "system", "content": "You may look up."},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": null,
             "tool_calls": [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":\"Rome\"}"}}]},
            {"role": "tool", "content": "Sunny", "tool_call_id": "1"},
            {"role": "assistant", "content": "Sunny."}
        ]);
        let messages = conversation(openai).unwrap();
        let roles: Vec<Role> = messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Assistant]);
        assert_eq!(messages[2].content, r#"{"name":"look","arguments":{"at":"Rome"}}"#);
        let sharegpt = json!([
            {"from": "human", "value": "Weather?"}, {"from": "function_call", "value": "{}"},
            {"from": "observation", "value": "Sunny"}, {"from": "gpt", "value": "Sunny."}
        ]);
        let roles: Vec<Role> = conversation(sharegpt).unwrap().iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::Assistant]);
    }

    #[test]
    fn roles_and_contents_may_lie_side_by_side() {
        let lists = json!({"role": ["user", "assistant"], "content": ["Hi", "Yes"]});
        assert_eq!(conversation(lists).unwrap().len(), 2);
        assert!(conversation(json!({"role": ["user"], "content": ["Hi", "Yes"]})).is_err());
    }

    #[test]
    fn turns_are_read_by_the_tags_they_are_given() {
        let tags = Tags {
            role: Some("who".into()),
            content: Some("says".into()),
            names: vec![("Q".into(), Role::User), ("A".into(), Role::Assistant)],
        };
        let list = json!([{"who": "Q", "says": "Hi"}, {"who": "A", "says": "Yes"}]);
        let read = turns(&list, "talk", &tags).unwrap().messages;
        assert_eq!((read[0].role, read[1].content.as_str()), (Role::User, "Yes"));
    }
}
