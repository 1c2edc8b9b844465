//! One row becomes one conversation, or the reason why it cannot.

use serde_json::Value;

use super::choices::Choices;
use super::plan::{Body, Columns, Parts, Plan, Used};
use super::read::{Fields, name};
use super::shape::{Extra, find, may_be_input, same_name};
use super::{Message, Role, chat};

/// Longer texts are no labels.
const MAX_TOPIC_CHARS: usize = 80;

/// Reads one row by the plan of its file: its messages and its topic.
pub(super) fn convert(plan: &Plan, fields: &Fields, used: &mut Used) -> Result<(Vec<Message>, Option<String>), String> {
    let topic = topic(plan, fields, used);
    let mut messages = Vec::new();
    if let Some((column, text)) = text_of(fields, &plan.system)? {
        used.note("system", column);
        messages.push(Message { role: Role::System, content: text });
    }
    if let Some((column, value)) = find(fields, &plan.history) {
        let before = chat::history(value, column)?;
        if !before.is_empty() {
            used.note("history", column);
            messages.extend(before);
        }
    }
    match &plan.body {
        Body::Text(columns) => {
            messages.push(running_text(plan, fields, columns, used)?);
            return Ok((messages, topic));
        }
        Body::Turns(columns) => {
            let (column, value) = find(fields, columns).ok_or_else(|| missing(plan, columns))?;
            used.note("messages", column);
            let turns = turns(plan, value, column, used)?;
            if turns.iter().any(|turn| turn.role == Role::System) {
                messages.retain(|message| message.role != Role::System);
            }
            messages.extend(turns);
        }
        Body::Parts(parts) => {
            let choices = if parts.extra == Extra::Choices { Choices::of(fields, used)? } else { None };
            let answer = answer(plan, parts, fields, choices.as_ref(), used)?;
            // Messages that begin with the question hold the whole conversation.
            let asked = answer.iter().find(|message| message.role != Role::System);
            if asked.is_none_or(|message| message.role != Role::User) {
                messages.extend(question(plan, parts, fields, choices.as_ref(), used)?);
            }
            messages.extend(answer);
        }
    }
    Ok((chat::finish(messages)?, topic))
}

fn turns(plan: &Plan, value: &Value, column: &str, used: &mut Used) -> Result<Vec<Message>, String> {
    let turns = chat::turns(value, column, &plan.tags)?;
    used.calls_tools |= turns.calls_tools;
    Ok(turns.messages)
}

/// A text as the one thing the model says.
fn running_text(plan: &Plan, fields: &Fields, columns: &Columns, used: &mut Used) -> Result<Message, String> {
    let (column, value) = find(fields, columns).ok_or_else(|| missing(plan, columns))?;
    used.note("text", column);
    let content = text(value, column)?.ok_or_else(|| format!("the text in \"{column}\" is empty"))?;
    Ok(Message { role: Role::Assistant, content })
}

/// The question's messages: one, unless the column holds a list of them.
fn question(
    plan: &Plan,
    parts: &Parts,
    fields: &Fields,
    choices: Option<&Choices>,
    used: &mut Used,
) -> Result<Vec<Message>, String> {
    let (column, value) = find(fields, &parts.prompt).ok_or_else(|| missing(plan, &parts.prompt))?;
    used.note("prompt", column);
    if holds_messages(value) {
        return turns(plan, value, column, used);
    }
    let mut pieces: Vec<String> = text(value, column)?.into_iter().collect();
    if let Some((column, text)) = text_of(fields, &parts.context)? {
        used.note("context", column);
        pieces.push(text);
    }
    if parts.extra == Extra::OtherTexts {
        pieces.extend(other_texts(plan, parts, fields, used));
    }
    pieces.extend(choices.map(Choices::shown));
    if pieces.is_empty() {
        return Err(format!("the question in \"{column}\" is empty"));
    }
    Ok(vec![Message { role: Role::User, content: pieces.join("\n\n") }])
}

fn answer(
    plan: &Plan,
    parts: &Parts,
    fields: &Fields,
    choices: Option<&Choices>,
    used: &mut Used,
) -> Result<Vec<Message>, String> {
    let (column, value) = find(fields, &parts.response).ok_or_else(|| missing(plan, &parts.response))?;
    used.note("response", column);
    if holds_messages(value) {
        return turns(plan, value, column, used);
    }
    let content = text(value, column)?.ok_or_else(|| format!("the answer in \"{column}\" is empty"))?;
    let label = choices.map_or(Ok(None), |choices| choices.answer(value))?;
    Ok(vec![Message { role: Role::Assistant, content: label.unwrap_or(content) }])
}

/// The texts of a row that its instruction speaks of: every text that is not a label, housekeeping, an answer, a bare
/// number or yes and no of a table, or a repetition. With several, each is headed by its column's name.
fn other_texts(plan: &Plan, parts: &Parts, fields: &Fields, used: &mut Used) -> Option<String> {
    let known = [&parts.prompt, &parts.response, &plan.system, &plan.history, &plan.topic];
    let is_known = |key: &str| known.into_iter().flatten().any(|name| same_name(key, name));
    let answer = find(fields, &parts.response).and_then(|(_, value)| value.as_str()).unwrap_or_default().trim();
    let texts: Vec<(&String, &str)> = fields
        .iter()
        .filter(|(key, _)| may_be_input(key) && !is_known(key))
        .filter_map(|(key, value)| value.as_str().map(|text| (key, text.trim())))
        .filter(|(_, text)| is_prose(text) && *text != answer)
        .collect();
    let repeats = |at: usize, text: &str| {
        texts.iter().enumerate().any(|(other, (_, longer))| {
            other != at && longer.contains(text) && (longer.len() > text.len() || other < at)
        })
    };
    let kept: Vec<_> = texts.iter().enumerate().filter(|(at, (_, text))| !repeats(*at, text)).collect();
    for (_, (key, _)) in &kept {
        used.note("context", key);
    }
    match kept.as_slice() {
        [] => None,
        [(_, (_, text))] => Some((*text).to_owned()),
        several => {
            Some(several.iter().map(|(_, (key, text))| format!("{key}: {text}")).collect::<Vec<_>>().join("\n\n"))
        }
    }
}

fn is_prose(text: &str) -> bool {
    let flag = ["true", "false", "yes", "no"].iter().any(|flag| text.eq_ignore_ascii_case(flag));
    !text.is_empty() && !flag && text.parse::<f64>().is_err()
}

fn topic(plan: &Plan, fields: &Fields, used: &mut Used) -> Option<String> {
    let (column, value) = find(fields, &plan.topic)?;
    let label = text(value, column).ok()??.trim().to_owned();
    if label.contains('\n') || label.chars().count() > MAX_TOPIC_CHARS {
        return None;
    }
    used.note("topic", column);
    Some(label)
}

/// The first of the columns that the row has, where it is not blank.
fn text_of<'a>(fields: &'a Fields, columns: &Columns) -> Result<Option<(&'a str, String)>, String> {
    let Some((column, value)) = find(fields, columns) else { return Ok(None) };
    Ok(text(value, column)?.map(|text| (column, text)))
}

/// A cell as text; `None` where it is blank. Numbers and truth values are spelt out.
fn text(value: &Value, column: &str) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(truth) => Ok(Some(truth.to_string())),
        // Of several right answers, as SQuAD lists them, the first.
        Value::Object(parts) if parts.get("text").and_then(|texts| texts.get(0)).is_some_and(Value::is_string) => {
            text(parts.get("text").and_then(|texts| texts.get(0)).unwrap_or(&Value::Null), column)
        }
        Value::Array(_) | Value::Object(_) => Err(format!("\"{column}\" must be a text, it is {}", name(value))),
    }
}

fn holds_messages(value: &Value) -> bool {
    matches!(value, Value::Array(list) if list.first().is_some_and(Value::is_object))
}

fn missing(plan: &Plan, columns: &Columns) -> String {
    let names = columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" or ");
    format!("the row has no column {names}, which this file's shape ({}) needs", plan.shape)
}
