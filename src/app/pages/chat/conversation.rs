//! What was said: questions with the answers that each side gave, what a side is told of them, and what is taken away.

use crate::data::{Message, Role};
use crate::worker::protocol::{GateWatch, Side};

/// How an answer is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Seen {
    /// As text.
    #[default]
    Plain,
    /// Its tokens tinted by their heads.
    Gates,
    /// Its tokens tinted by how much likelier the changed heads hold them.
    Changes,
}

/// One answer to a question.
#[derive(Clone, Debug)]
pub struct Given {
    /// The id of its request.
    pub id: u64,
    /// Who gave it, as it is shown.
    pub name: String,
    pub side: Side,
    /// What it is held against where its changes are seen.
    pub against: Option<Side>,
    pub seen: Seen,
    /// The gates that are known of it.
    pub watched: GateWatch,
    /// Whether it was asked to be read with and without the changed heads; that is not tried without end.
    pub is_weighed: bool,
    /// Whether the conversation before it is looked at too, by its gates.
    pub is_prompt_seen: bool,
    /// The gates that are known of that conversation.
    pub prompt_watched: GateWatch,
}

/// A question and its answers, side by side.
#[derive(Clone, Debug)]
pub struct Turn {
    pub question: String,
    pub given: Vec<Given>,
    pub seed: u64,
}

/// A conversation; every side knows its own answers alone.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    pub system: String,
    pub turns: Vec<Turn>,
}

impl Conversation {
    /// What a side is told: the system prompt, the first `turns` turns with the answers in its column, and `question`.
    /// Where a turn has fewer columns, its last answer counts.
    pub fn messages(
        &self,
        column: usize,
        turns: usize,
        question: Option<&str>,
        text: &dyn Fn(u64) -> String,
    ) -> Vec<Message> {
        let message = |role, content: String| Message { role, content };
        let system = self.system.trim();
        let mut messages = Vec::with_capacity(2 * turns + 2);
        if !system.is_empty() {
            messages.push(message(Role::System, system.to_owned()));
        }
        for turn in self.turns.iter().take(turns) {
            messages.push(message(Role::User, turn.question.clone()));
            if let Some(given) = turn.given.get(column).or(turn.given.last()) {
                messages.push(message(Role::Assistant, text(given.id)));
            }
        }
        messages.extend(question.map(|question| message(Role::User, question.to_owned())));
        messages
    }

    /// The conversation of a column as data: turns without an answer are left out.
    pub fn transcript(&self, column: usize, text: &dyn Fn(u64) -> String) -> Vec<Message> {
        let is_answered = |turn: &&Turn| {
            let given = turn.given.get(column).or(turn.given.last());
            given.is_some_and(|given| !text(given.id).trim().is_empty())
        };
        let turns = self.turns.iter().filter(is_answered).cloned().collect::<Vec<_>>();
        if turns.is_empty() {
            return Vec::new();
        }
        let answered = Self { system: self.system.clone(), turns };
        answered.messages(column, answered.turns.len(), None, text)
    }

    /// The most answers that a turn has.
    pub fn columns(&self) -> usize {
        self.turns.iter().map(|turn| turn.given.len()).max().unwrap_or(0)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn given(id: u64) -> Given {
        Given {
            id,
            name: "Base model".into(),
            side: Side::Base,
            against: None,
            seen: Seen::Plain,
            watched: GateWatch::Nothing,
            is_weighed: false,
            is_prompt_seen: false,
            prompt_watched: GateWatch::Nothing,
        }
    }

    fn conversation() -> Conversation {
        let turn = |question: &str, ids: &[u64]| Turn {
            question: question.into(),
            given: ids.iter().map(|id| given(*id)).collect(),
            seed: 42,
        };
        Conversation { system: " Be brief. ".into(), turns: vec![turn("One?", &[1]), turn("Two?", &[2, 3])] }
    }

    fn texts(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|message| message.content.as_str()).collect()
    }

    fn answer(id: u64) -> String {
        format!("a{id}")
    }

    #[test]
    fn a_side_is_told_its_own_answers_and_those_before_there_were_two() {
        let conversation = conversation();
        let told = |column| conversation.messages(column, 2, Some("Three?"), &answer);
        assert_eq!(texts(&told(0)), ["Be brief.", "One?", "a1", "Two?", "a2", "Three?"]);
        assert_eq!(texts(&told(1)), ["Be brief.", "One?", "a1", "Two?", "a3", "Three?"]);
        let first = conversation.messages(1, 0, Some("One?"), &answer);
        assert_eq!(texts(&first), ["Be brief.", "One?"]);
        let roles: Vec<Role> = told(0).iter().map(|message| message.role).collect();
        assert_eq!(roles[..3], [Role::System, Role::User, Role::Assistant]);
    }

    #[test]
    fn a_transcript_has_only_questions_that_were_answered() {
        let conversation = conversation();
        let text = |id: u64| if id == 2 { " ".into() } else { answer(id) };
        assert_eq!(texts(&conversation.transcript(0, &text)), ["Be brief.", "One?", "a1"]);
        assert_eq!(texts(&conversation.transcript(1, &text)), ["Be brief.", "One?", "a1", "Two?", "a3"]);
        assert!(conversation.transcript(0, &|_| String::new()).is_empty());
        assert_eq!(conversation.columns(), 2);
    }
}
