//! The order in which roles speak.

use crate::data::{Message, Role};

/// Why the turns of a conversation are out of order; `None` where they are not. Turns are counted from 1.
pub(super) fn disorder(messages: &[Message]) -> Option<String> {
    // A text that is learnt as it stands, with nobody who asked for it.
    if let [Message { role: Role::Assistant, .. }] = messages {
        return None;
    }
    let mut before = None;
    for (at, message) in messages.iter().enumerate() {
        let number = at + 1;
        let reason = match (before, message.role) {
            (None, Role::Assistant) => Some("the assistant speaks first".to_owned()),
            (None, Role::Tool) => Some("it begins with a tool's result, before anyone spoke".to_owned()),
            (Some(Role::System), Role::Assistant) => Some("the assistant speaks first, after the system".to_owned()),
            (Some(Role::System), Role::System) => Some(format!("message {number} is a second system message")),
            (Some(_), Role::System) => Some(format!("message {number} is a system message in the middle")),
            (Some(Role::User), Role::User) => Some(format!("messages {at} and {number} are both the user's")),
            (Some(Role::Assistant), Role::Assistant) => {
                Some(format!("messages {at} and {number} are both the assistant's"))
            }
            (Some(Role::User | Role::System), Role::Tool) => {
                Some(format!("message {number} is a tool's result that the assistant did not ask for"))
            }
            _ => None,
        };
        if reason.is_some() {
            return reason;
        }
        before = Some(message.role);
    }
    match before {
        None => Some("there is no message".to_owned()),
        Some(Role::Assistant) => None,
        Some(_) => Some("it ends without an answer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(roles: &str) -> Option<String> {
        let role = |letter| match letter {
            's' => Role::System,
            'u' => Role::User,
            'a' => Role::Assistant,
            _ => Role::Tool,
        };
        let messages: Vec<Message> =
            roles.chars().map(|letter| Message { role: role(letter), content: "x".into() }).collect();
        disorder(&messages)
    }

    #[test]
    fn usual_orders_pass() {
        for roles in ["ua", "sua", "uaua", "suatatua", "uatta", "a"] {
            assert_eq!(of(roles), None, "{roles}");
        }
    }

    #[test]
    fn every_disorder_is_told_with_its_place() {
        let cases = [
            ("uua", "messages 1 and 2 are both the user's"),
            ("aua", "assistant speaks first"),
            ("saua", "assistant speaks first, after the system"),
            ("uasua", "message 3 is a system message in the middle"),
            ("ssua", "second system message"),
            ("uaa", "messages 2 and 3 are both the assistant's"),
            ("uta", "message 2 is a tool's result"),
            ("tua", "begins with a tool's result"),
            ("uau", "ends without an answer"),
            ("", "no message"),
        ];
        for (roles, words) in cases {
            let reason = of(roles).unwrap_or_default();
            assert!(reason.contains(words), "{roles}: {reason}");
        }
    }
}
