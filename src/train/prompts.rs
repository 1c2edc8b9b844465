//! The prompts that a run answers at every measure, so that one can watch its answers change.

use std::collections::{BTreeMap, VecDeque};

use crate::data::{DataError, Example, Examples, Message, Role};
use crate::text::{ChatTokenizer, TextError};

use super::TrainSettings;

/// A prompt, ready for the model.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplePrompt {
    /// The last thing the user says.
    pub question: String,
    pub topic: Option<String>,
    /// What the data answers, where the prompt is an example's.
    pub expected: Option<String>,
    /// The whole prompt as tokens, up to where the answer begins.
    pub ids: Vec<u32>,
}

impl SamplePrompt {
    /// The settings' own prompts, at most as many as are answered.
    ///
    /// # Errors
    /// When the chat template refuses a prompt.
    pub(super) fn own(settings: &TrainSettings, tokenizer: &ChatTokenizer) -> Result<Vec<Self>, TextError> {
        let asked = settings.sample_prompts.iter().filter(|prompt| !prompt.trim().is_empty());
        let prompt = |text: &String| {
            let messages = [Message { role: Role::User, content: text.clone() }];
            let ids = tokenizer.encode_prompt(&messages)?;
            Ok(Self { question: text.clone(), topic: None, expected: None, ids })
        };
        asked.take(settings.samples).map(prompt).collect()
    }

    /// Prompts of the examples at `indices`, at most `most`: one for each topic in turn, in the order in which they come.
    /// Examples that the chat template refuses, or that are longer than `room` tokens, are passed over.
    ///
    /// # Errors
    /// When an example cannot be read.
    pub(super) fn drawn(
        examples: &Examples,
        indices: &[usize],
        most: usize,
        room: usize,
        tokenizer: &ChatTokenizer,
    ) -> Result<Vec<Self>, DataError> {
        let mut by_topic: BTreeMap<Option<&str>, VecDeque<usize>> = BTreeMap::new();
        for &index in indices {
            by_topic.entry(examples.topic(index)).or_default().push_back(index);
        }
        let mut drawn = Vec::new();
        while drawn.len() < most && by_topic.values().any(|left| !left.is_empty()) {
            for left in by_topic.values_mut() {
                let Some(index) = left.pop_front() else { continue };
                let prompt = Self::of(&examples.get(index)?, tokenizer);
                drawn.extend(prompt.filter(|prompt| prompt.ids.len() < room));
            }
        }
        drawn.truncate(most);
        Ok(drawn)
    }

    /// The example without its last answer.
    fn of(example: &Example, tokenizer: &ChatTokenizer) -> Option<Self> {
        let (answer, before) = example.messages.split_last()?;
        let question = before.iter().rfind(|message| message.role == Role::User)?.content.clone();
        let ids = tokenizer.encode_prompt(before).ok()?;
        Some(Self { question, topic: example.topic.clone(), expected: Some(answer.content.clone()), ids })
    }
}
