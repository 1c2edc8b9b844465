//! How well a model answers: exact answers on held-out questions, base beside adapter; and [`verdict`], what a run's
//! records say about what it learnt.

pub mod verdict;

use crate::adapter::Pass;
use crate::data::{Example, Message, Role};
use crate::job::Job;
use crate::model::{BaseModel, ModelError, SamplerSettings, generate};

/// One question answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The last user message.
    pub question: String,
    pub expected: String,
    pub given: String,
}

impl Answer {
    /// Whether the answer is the expected one, white space at the ends and in runs apart.
    pub fn is_exact(&self) -> bool {
        self.given.split_whitespace().eq(self.expected.split_whitespace())
    }
}

/// Answers the last user message of each example greedily, and keeps what was expected.
///
/// # Errors
/// When the job is cancelled, the template refuses a conversation, or the computation fails.
pub fn answer_all(
    model: &BaseModel,
    pass: &Pass<'_>,
    examples: &[Example],
    max_tokens: usize,
    job: &Job,
) -> Result<Vec<Answer>, ModelError> {
    let mut answers = Vec::with_capacity(examples.len());
    for (done, example) in examples.iter().enumerate() {
        job.check()?;
        job.progress(done as f32 / examples.len() as f32, "Answering held-out questions");
        let Some((expected, before)) = example.messages.split_last() else { continue };
        let prompt = model.tokenizer()?.encode_prompt(before)?;
        let (given, _) = generate(model, prompt, max_tokens, SamplerSettings::greedy(), pass)?;
        answers.push(Answer { question: last_question(before), expected: expected.content.clone(), given });
    }
    Ok(answers)
}

fn last_question(messages: &[Message]) -> String {
    let is_user = |m: &&Message| m.role == Role::User;
    messages.iter().rev().find(is_user).map(|m| m.content.clone()).unwrap_or_default()
}

/// The share of exact answers, 0 to 1.
pub fn exact_share(answers: &[Answer]) -> f64 {
    answers.iter().filter(|answer| answer.is_exact()).count() as f64 / answers.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_does_not_make_an_answer_wrong() {
        let answer =
            |given: &str| Answer { question: String::new(), expected: "two apples".into(), given: given.into() };
        assert!(answer(" two  apples\n").is_exact());
        assert!(!answer("two apple").is_exact());
        assert!(!answer("").is_exact());
        assert_eq!(exact_share(&[answer("two apples"), answer("no")]), 0.5);
        assert_eq!(exact_share(&[]), 0.0);
    }
}
