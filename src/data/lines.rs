//! Conversations as lines of JSON that an import reads back.

use serde_json::json;

use super::Message;

/// One `{"messages":[…]}` a line for each conversation, each line ended.
pub fn to_lines(conversations: &[Vec<Message>]) -> String {
    conversations.iter().map(|messages| format!("{}\n", json!({ "messages": messages }))).collect()
}
