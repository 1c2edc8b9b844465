//! Where the assistant's answers stand in a rendered conversation.
//!
//! A template prints what it likes, so the answers are found by comparing renderings: the conversation before an
//! answer, rendered as a prompt, is the beginning of the whole text, and so is the conversation up to and with the
//! answer. What the second has beyond the first is the answer with its end token. Where a template breaks this rule (it
//! strips older answers' reasoning, or its prompts open a reasoning block), the answer's own words are looked for
//! instead, and a conversation in which they cannot be told apart is refused.

use std::ops::Range;

use super::error::{TextError, excerpt};
use super::template::ChatTemplate;
use crate::data::{Message, Role};

/// Closes a model's reasoning, which some templates leave out of older answers.
const REASONING_END: &str = "</think>";

/// The byte ranges of all assistant messages in `text`, in order, each through its end token. `text` is the rendering
/// of all of `messages`, as a prompt where `as_prompt`; `ends` are the end tokens' texts.
pub(super) fn answer_spans(
    template: &ChatTemplate,
    ends: &[String],
    messages: &[Message],
    text: &str,
    as_prompt: bool,
) -> Result<Vec<Range<usize>>, TextError> {
    let finder = Finder { template, ends, text };
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut cursor = 0;
    for (at, message) in messages.iter().enumerate() {
        if message.role != Role::Assistant {
            // Keeps a later search by words from finding the question instead of the answer.
            cursor = finder.words(cursor, message.content.trim()).map_or(cursor, |found| found.end);
            continue;
        }
        let (before, with) = (messages.get(..at).unwrap_or_default(), messages.get(..=at).unwrap_or_default());
        let limit = if with.len() == messages.len() && !as_prompt {
            Some(text.len())
        } else {
            finder.common(with, false).filter(|common| common.whole).map(|common| common.length)
        };
        let done = spans.last().map_or(0, |span| span.end);
        let start = finder.common(before, true).filter(|start| start.length >= done);
        let span = finder.answer(message.content.trim(), cursor, start, limit);
        let span = span.filter(|span| !span.is_empty()).ok_or_else(|| TextError::AnswerNotFound {
            origin: template.origin().name().to_owned(),
            number: at + 1,
            start: excerpt(message.content.trim()),
        })?;
        cursor = span.end;
        spans.push(span);
    }
    Ok(spans)
}

/// How far the rendering of some first messages agrees with the whole text.
#[derive(Clone, Copy)]
struct Common {
    length: usize,
    /// Whether the rendering is the beginning of the text, down to its last character.
    whole: bool,
}

struct Finder<'a> {
    template: &'a ChatTemplate,
    ends: &'a [String],
    text: &'a str,
}

impl Finder<'_> {
    /// `None` where the template does not render these messages alone.
    fn common(&self, messages: &[Message], as_prompt: bool) -> Option<Common> {
        let part = self.template.render(messages, as_prompt).ok()?;
        if self.text.starts_with(&part) {
            return Some(Common { length: part.len(), whole: true });
        }
        let mut pairs = self.text.char_indices().zip(part.chars());
        let length = pairs.find(|((_, ours), theirs)| ours != theirs).map_or(self.text.len(), |((at, _), _)| at);
        Some(Common { length, whole: false })
    }

    /// The answer's range: between `start` and `limit` where both are certain, else where its words stand.
    fn answer(
        &self,
        content: &str,
        cursor: usize,
        start: Option<Common>,
        limit: Option<usize>,
    ) -> Option<Range<usize>> {
        match (start.filter(|start| start.whole), limit) {
            (Some(start), Some(limit)) => {
                let answer = self.text.get(start.length..limit)?;
                Some(start.length..start.length + self.through_end(answer))
            }
            (Some(start), None) => {
                // Words behind another end token belong to a later message.
                let first_end = self.first_end(start.length);
                let words = self.closed_words(start.length, content);
                let words = words.filter(|words| first_end.is_none_or(|end| words.start < end));
                Some(start.length..words.map(|words| words.end).or(first_end)?)
            }
            (None, _) => {
                let agreed = start.map_or(cursor, |start| start.length.max(cursor));
                self.closed_words(agreed, content).or_else(|| self.closed_words(cursor, content))
            }
        }
    }

    /// The length of an answer through its first end token, behind which only white space and further end tokens stand.
    /// Without an end token, the length without the white space at the end.
    fn through_end(&self, answer: &str) -> usize {
        let (mut rest, mut length) = (answer, None);
        loop {
            let end = self.ends.iter().find_map(|end| rest.strip_suffix(end.as_str()));
            if let Some(before) = end {
                length = Some(rest.len());
                rest = before;
            } else if rest.trim_end().len() < rest.len() {
                rest = rest.trim_end();
            } else {
                return length.unwrap_or(rest.len());
            }
        }
    }

    /// Where these words first stand at or after `from`.
    fn words(&self, from: usize, words: &str) -> Option<Range<usize>> {
        let at = from + self.text.get(from..)?.find(words)?;
        Some(at..at + words.len())
    }

    /// Where these words stand at or after `from` with an end token or the text's end right behind them, through it. An
    /// answer whose reasoning the template strips is looked for without it.
    fn closed_words(&self, from: usize, content: &str) -> Option<Range<usize>> {
        let spoken = content.rsplit_once(REASONING_END).map(|(_, spoken)| spoken.trim());
        [Some(content), spoken].into_iter().flatten().filter(|words| !words.is_empty()).find_map(|words| {
            let rest = self.text.get(from..)?;
            rest.match_indices(words).find_map(|(at, _)| {
                let (start, after) = (from + at, from + at + words.len());
                let end = self.end_at(after)?;
                Some(start..end)
            })
        })
    }

    /// Where the end token ends that stands at `at`, white space aside; `at` itself where nothing else follows.
    fn end_at(&self, at: usize) -> Option<usize> {
        let rest = self.text.get(at..)?;
        if rest.trim().is_empty() {
            return Some(at);
        }
        self.ends.iter().find_map(|end| {
            let close = rest.find(end.as_str())?;
            rest.get(..close)?.trim().is_empty().then_some(at + close + end.len())
        })
    }

    /// Where the first end token at or after `from` ends.
    fn first_end(&self, from: usize) -> Option<usize> {
        let rest = self.text.get(from..)?;
        self.ends.iter().filter_map(|end| Some(from + rest.find(end.as_str())? + end.len())).min()
    }
}
