//! An answer of the model as the window mirrors it: its tokens as they come, what was seen of each, and how it ended.

use crate::worker::protocol::{EndReason, Event, JobKind, ReadPrompt, TokenGates, WeighedAnswer};

use super::AppState;

/// An answer, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub text: String,
    pub tokens: Vec<AnsweredToken>,
    /// The conversation before it with its gates, once that was read for them.
    pub prompt: Vec<AnsweredToken>,
    /// Tokens of the conversation before it, once the model has begun to read them.
    pub prompt_tokens: Option<usize>,
    /// The model's longest context, likewise.
    pub context: Option<usize>,
    /// Counts what was learnt of its tokens, so that a picture knows when to be made anew.
    pub revision: u64,
    /// `None` while tokens still come.
    pub end: Option<AnswerEnd>,
}

/// One token of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnsweredToken {
    /// `None` for text that was held back and came at the end.
    pub id: Option<u32>,
    pub text: String,
    /// Gates of every head, averaged over all modules; `None` while they are not known.
    pub gates: Option<TokenGates>,
    /// By how much the logarithm of its probability rose when the heads were changed, where that was asked for.
    pub change: Option<f32>,
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerEnd {
    Done {
        tokens: usize,
        /// Computing time until the first token was there.
        first_token_s: Option<f64>,
        tokens_per_s: f64,
        reason: EndReason,
    },
    Failed(String),
}

impl Answer {
    /// The ids of its tokens, in order.
    pub fn ids(&self) -> Vec<u32> {
        self.tokens.iter().filter_map(|token| token.id).collect()
    }

    pub(super) fn push(&mut self, id: Option<u32>, text: String) {
        self.text.push_str(&text);
        self.tokens.push(AnsweredToken { id, text, gates: None, change: None });
        self.revision += 1;
    }

    pub(super) fn take_gates(&mut self, token: usize, gates: TokenGates) {
        if let Some(token) = self.tokens.get_mut(token) {
            token.gates = Some(gates);
            self.revision += 1;
        }
    }

    /// Notes the gates of the conversation before it.
    pub(super) fn take_prompt(&mut self, read: ReadPrompt) {
        let mut gates = read.gates.into_iter();
        let token = |text| AnsweredToken { text, gates: gates.next(), ..AnsweredToken::default() };
        self.prompt = read.tokens.into_iter().map(token).collect();
        self.revision += 1;
    }

    /// Notes how its tokens were weighed, one entry a token that has an id.
    pub(super) fn weigh(&mut self, weighed: WeighedAnswer) {
        let tokens = || self.tokens.iter().filter(|token| token.id.is_some());
        if weighed.log_probs.len() != tokens().count() {
            return;
        }
        let mut changes = weighed.log_probs.iter().zip(&weighed.against).map(|(with, against)| with - against);
        let mut gates = weighed.gates.into_iter();
        for token in self.tokens.iter_mut().filter(|token| token.id.is_some()) {
            token.change = changes.next().or(token.change);
            token.gates = gates.next().or(token.gates.take());
        }
        self.revision += 1;
    }
}

impl AppState {
    /// Takes in what is told of answers as they come, and as they are read once more.
    pub(super) fn note_answers(&mut self, event: Event) {
        match event {
            Event::AnswerStarted { id, prompt_tokens, context } => {
                let answer = self.answers.entry(id).or_default();
                (answer.prompt_tokens, answer.context) = (Some(prompt_tokens), Some(context));
            }
            Event::Token { id, token, text } => self.answers.entry(id).or_default().push(token, text),
            Event::TokenGates { id, token, gates } => self.answers.entry(id).or_default().take_gates(token, gates),
            Event::Weighed { answers } => {
                self.end_job(JobKind::Weigh);
                for weighed in answers {
                    if let Some(answer) = self.answers.get_mut(&weighed.id) {
                        answer.weigh(weighed);
                    }
                }
            }
            Event::PromptRead(read) => {
                self.end_job(JobKind::Weigh);
                if let Some(answer) = self.answers.get_mut(&read.id) {
                    answer.take_prompt(read);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let mut answer = Answer::default();
        for (id, text) in [(Some(7), "It"), (Some(8), " is"), (None, ".")] {
            answer.push(id, text.to_owned());
        }
        answer
    }

    #[test]
    fn gates_and_changes_find_their_tokens() {
        let mut answer = answer();
        let gates = |share: f32| TokenGates { mean: vec![share, 1.0 - share], module: Vec::new() };
        answer.take_gates(1, gates(0.5));
        answer.take_gates(9, gates(0.5));
        let seen: Vec<bool> = answer.tokens.iter().map(|token| token.gates.is_some()).collect();
        assert_eq!((answer.text.as_str(), answer.ids(), seen), ("It is.", vec![7, 8], vec![false, true, false]));
        let before = answer.revision;
        answer.take_prompt(ReadPrompt { id: 0, tokens: vec!["Why".into(), "?".into()], gates: vec![gates(0.5)] });
        assert_eq!((answer.prompt.len(), &answer.prompt[0].gates), (2, &Some(gates(0.5))));
        assert!(answer.prompt[1].gates.is_none() && answer.revision > before);
        let log_probs = vec![-1.0, -2.0];
        let weighed = WeighedAnswer { id: 0, log_probs, against: vec![-1.5, -1.0], gates: vec![gates(0.2); 2] };
        answer.weigh(weighed.clone());
        let changes: Vec<Option<f32>> = answer.tokens.iter().map(|token| token.change).collect();
        assert_eq!(changes, [Some(0.5), Some(-1.0), None]);
        assert_eq!(answer.tokens[1].gates, Some(gates(0.2)));
        assert!(answer.revision > before);
        answer.weigh(WeighedAnswer { against: Vec::new(), gates: Vec::new(), ..weighed.clone() });
        assert_eq!(
            (answer.tokens[0].change, &answer.tokens[0].gates),
            (Some(0.5), &Some(gates(0.2))),
            "what is not told stays"
        );
        answer.weigh(WeighedAnswer { log_probs: vec![-3.0], ..weighed });
        assert_eq!(answer.tokens[0].change, Some(0.5), "what is of another answer is left");
    }
}
