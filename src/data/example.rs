//! One training conversation, and where it came from.

use serde::{Deserialize, Serialize};

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

/// Where a row stands: a file and its line, counted from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    pub file: String,
    pub line: usize,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One training conversation after import. It ends with an assistant message that is not blank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    pub messages: Vec<Message>,
    /// The label that a `category`, `topic` or `task` column gave, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    pub source: Source,
}

impl Example {
    /// What was asked: its user messages.
    pub fn prompt(&self) -> String {
        let asked = self.messages.iter().filter(|message| message.role == Role::User);
        asked.map(|message| message.content.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// All that was said in it but the system's part, which is often the same everywhere, turn after turn.
    pub fn text(&self) -> String {
        let said = self.messages.iter().filter(|message| message.role != Role::System);
        said.map(|message| message.content.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// A row that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    pub source: Source,
    /// What is wrong with the row and how to mend it.
    pub reason: String,
}
