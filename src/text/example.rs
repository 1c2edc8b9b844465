//! Conversations as tokens: a prompt for the model to answer, and a training example with its loss mask.

use std::ops::Range;

use super::error::TextError;
use super::span::answer_spans;
use super::tokenizer::ChatTokenizer;
use crate::data::{Message, Role};

/// A training example as the model will read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenizedExample {
    pub ids: Vec<u32>,
    /// Whether the prediction of `ids[i]` counts in the loss: true for the assistant's tokens with their end tokens.
    /// As long as `ids`. That of the first token never counts, since nothing stands before it to predict it from.
    pub supervised: Vec<bool>,
    /// What is to be predicted at every place, where that is not the token that stands there: token files may ask for it.
    /// As long as `ids`.
    pub targets: Option<Vec<u32>>,
    /// Tokens beyond the context that were cut.
    pub cut: usize,
}

impl TokenizedExample {
    /// How many predictions count in the loss. With 0 there is nothing to learn from the example.
    pub fn supervised_count(&self) -> usize {
        self.supervised.iter().skip(1).filter(|counts| **counts).count()
    }
}

impl ChatTokenizer {
    /// The conversation up to where the assistant's answer begins.
    ///
    /// For the messages before an example's first answer, these are exactly the example's first tokens, and for those
    /// before a later answer too, as long as the template prints older answers unchanged.
    pub fn encode_prompt(&self, messages: &[Message]) -> Result<Vec<u32>, TextError> {
        let text = self.template.render(messages, true)?;
        // A prompt can be answered whether or not the older answers in it are told apart.
        let spans = answer_spans(&self.template, &self.facts.eos_texts, messages, &text, true).unwrap_or_default();
        Ok(self.encode_pieces(&text, &spans, true)?.ids)
    }

    /// The text that [`Self::encode_prompt`] takes apart: the conversation in the chat template.
    ///
    /// Errs when the template refuses the conversation.
    pub fn prompt_text(&self, messages: &[Message]) -> Result<String, TextError> {
        self.template.render(messages, true)
    }

    /// A training example: the conversation through its last answer, of which all answers with their end tokens are
    /// supervised, cut to `context` tokens. Where the template ends the last answer without an end token, the
    /// tokenizer's own is added. An answer to nothing, the only message, is running text: it stands for itself, without
    /// the template's words around it.
    ///
    /// Errs when there is no assistant message, the template refuses the conversation, or an answer cannot be told
    /// apart in the rendered text.
    pub fn encode_example(&self, messages: &[Message], context: usize) -> Result<TokenizedExample, TextError> {
        if messages.iter().all(|message| message.role != Role::Assistant) {
            return Err(TextError::NoAnswer);
        }
        let eos = *self.facts.eos_ids.first().ok_or(TextError::NoEndToken)?;
        let mut example = match messages {
            [Message { content, .. }] if self.template.origin().is_models_own() => self.encode_running_text(content)?,
            _ => {
                let text = self.template.render(messages, false)?;
                let spans = answer_spans(&self.template, &self.facts.eos_texts, messages, &text, false)?;
                self.encode_pieces(&text, &spans, false)?
            }
        };
        if !example.ids.last().is_some_and(|last| self.facts.eos_ids.contains(last)) {
            example.ids.push(eos);
            example.supervised.push(true);
        }
        example.cut = example.ids.len().saturating_sub(context);
        example.ids.truncate(context);
        example.supervised.truncate(context);
        Ok(example)
    }

    /// A text as the tokenizer begins one, all of it supervised.
    fn encode_running_text(&self, text: &str) -> Result<TokenizedExample, TextError> {
        let whole = 0..text.len();
        let mut example = self.encode_pieces(text, std::slice::from_ref(&whole), false)?;
        if !example.ids.starts_with(&self.facts.lead) {
            example.ids.splice(..0, self.facts.lead.iter().copied());
            example.supervised.splice(..0, self.facts.lead.iter().map(|_| false));
        }
        Ok(example)
    }

    /// Tokens that are put before every conversation: none where the model has its own chat template, as Hugging Face's
    /// `apply_chat_template` adds none whatever `add_bos_token` says. Such a template prints the begin-of-text token
    /// itself where the model was tuned with one. Under the plain template a conversation is a text like any other and
    /// begins as the tokenizer begins one.
    fn lead(&self) -> &[u32] {
        if self.template.origin().is_models_own() { &[] } else { &self.facts.lead }
    }

    /// Tokens of `text`, cut at the borders of `answers` so that no token reaches over one. What stands behind the last
    /// answer is left out unless `with_tail`.
    fn encode_pieces(
        &self,
        text: &str,
        answers: &[Range<usize>],
        with_tail: bool,
    ) -> Result<TokenizedExample, TextError> {
        let mut example = TokenizedExample::default();
        let mut done = 0..0;
        let borders = answers.iter().flat_map(|answer| [(answer.start, false), (answer.end, true)]);
        for (end, is_answer) in borders.chain(with_tail.then_some((text.len(), false))) {
            let piece = done.end..end;
            let before = text.get(done.clone()).unwrap_or_default();
            let ids = self.encode_after(before, text.get(piece.clone()).unwrap_or_default())?;
            example.supervised.extend(std::iter::repeat_n(is_answer, ids.len()));
            example.ids.extend(ids);
            done = piece;
        }
        let lead = self.lead();
        if !example.ids.starts_with(lead) {
            example.ids.splice(..0, lead.iter().copied());
            example.supervised.splice(..0, lead.iter().map(|_| false));
        }
        self.check(&example.ids)?;
        Ok(example)
    }

    /// Tokens of `text` where it stands behind `before`. A tokenizer that reads a space before every text must not do
    /// so in the middle of one, so it is shown both, and its tokens are divided at the border.
    fn encode_after(&self, before: &str, text: &str) -> Result<Vec<u32>, TextError> {
        if before.is_empty() || text.is_empty() || !self.facts.prefixes_space {
            return self.encode(text);
        }
        for context in [before, "\n"] {
            let both = [context, text].concat();
            let encoding =
                self.tokenizer.encode(both.as_str(), false).map_err(|error| TextError::encode(&both, error))?;
            let border = context.len();
            let first = encoding.get_offsets().partition_point(|(_, end)| *end <= border);
            let clean = encoding.get_offsets().iter().skip(first).all(|(start, _)| *start >= border);
            if let Some(ids) = encoding.get_ids().get(first..).filter(|ids| clean && !ids.is_empty()) {
                return Ok(ids.to_vec());
            }
        }
        self.encode(text)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::gguf_file::Value as Gguf;
    use serde_json::json;

    use super::*;
    use crate::text::TemplateOrigin;
    use crate::text::fixtures::{
        CHATML, LLAMA3, chat, conversation, folder, gguf_bpe, gguf_sentencepiece, message, tokenizer,
        tokenizer_with_bos,
    };

    /// Strips the reasoning of all answers but the last, and gives the last an empty one where it has none.
    const STRIPS_REASONING: &str = "\
{%- for m in messages %}
{%- set text = m.content.split('</think>')[-1].strip() if m.role == 'assistant' else m.content %}
{%- if m.role == 'assistant' and loop.last and '</think>' not in m.content %}
{%- set text = '<think>\\n\\n</think>\\n\\n' + text %}
{%- elif loop.last %}{% set text = m.content %}{% endif %}
{{- '<|im_start|>' + m.role + '\\n' + text + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    /// Opens a block of reasoning in prompts that it does not print in conversations.
    const OPENS_REASONING: &str = "\
{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}";

    /// The text of the supervised tokens, answer by answer, special tokens by their names.
    fn learnt(chat: &ChatTokenizer, messages: &[Message]) -> Vec<String> {
        let example = chat.encode_example(messages, 10_000).unwrap();
        assert_eq!(example.ids.len(), example.supervised.len());
        let tokens: Vec<(u32, bool)> = example.ids.into_iter().zip(example.supervised).collect();
        let answers =
            tokens.chunk_by(|left, right| left.1 == right.1).filter(|chunk| chunk.iter().all(|token| token.1));
        answers
            .map(|chunk| {
                let ids: Vec<u32> = chunk.iter().map(|token| token.0).collect();
                chat.token_texts(&ids).unwrap().concat()
            })
            .collect()
    }

    fn whole_text(chat: &ChatTokenizer, ids: &[u32]) -> String {
        chat.token_texts(ids).unwrap().concat()
    }

    /// For every answer, the prompt before it must be the beginning of the example's tokens, and what follows must be
    /// supervised.
    fn assert_prompts_begin_the_example(chat: &ChatTokenizer, messages: &[Message]) {
        let example = chat.encode_example(messages, 10_000).unwrap();
        for (at, _) in messages.iter().enumerate().filter(|(_, message)| message.role == Role::Assistant) {
            let prompt = chat.encode_prompt(&messages[..at]).unwrap();
            assert!(example.ids.starts_with(&prompt), "{:?}", whole_text(chat, &prompt));
            assert!(!example.supervised[prompt.len() - 1] && example.supervised[prompt.len()]);
        }
    }

    #[test]
    fn every_answer_is_supervised_through_its_end_token_and_nothing_else_is() {
        let chat = chat(CHATML, "<|im_end|>");
        let messages = conversation("", &["Say hello", "hello", "Again", "hello the 12"]);
        assert_eq!(learnt(&chat, &messages), ["hello<|im_end|>", "hello the 12<|im_end|>"]);
        let example = chat.encode_example(&messages, 10_000).unwrap();
        assert!(
            whole_text(&chat, &example.ids).starts_with("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n")
        );
        assert_eq!(example.ids.last(), chat.eos_ids().first(), "nothing stands behind the last end token");
    }

    #[test]
    fn running_text_stands_without_the_words_of_the_template() {
        let chat = chat(CHATML, "<|im_end|>");
        let messages = [message(Role::Assistant, "hello the 12")];
        let example = chat.encode_example(&messages, 10_000).unwrap();
        assert_eq!(whole_text(&chat, &example.ids), "hello the 12<|im_end|>");
        assert!(example.supervised.iter().all(|counts| *counts));
        let refuses = "{% if messages[0].role != 'user' %}{{ raise_exception('ask first') }}{% endif %}";
        let strict = self::chat(refuses, "<|im_end|>");
        assert_eq!(strict.encode_example(&messages, 10_000).unwrap(), example);
    }

    #[test]
    fn a_prompts_tokens_begin_its_examples_tokens() {
        let hard = conversation("", &["a ", "\n\nhello", " the", " the  \n"]);
        let easy = conversation("Be brief.", &["hello", "the", "12", "hello 345"]);
        for (template, eos) in
            [(CHATML, "<|im_end|>"), (LLAMA3, "<|eot_id|>"), (super::super::PLAIN_TEMPLATE, "<|endoftext|>")]
        {
            for messages in [&hard, &easy] {
                assert_prompts_begin_the_example(&chat(template, eos), messages);
            }
        }
    }

    #[test]
    fn no_token_reaches_over_the_border_of_an_answer() {
        let chat = chat(
            "{% for m in messages %}{{ m.role + ': ' + m.content + '<|im_end|>' }}{% endfor %}\
            {% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
            "<|im_end|>",
        );
        let messages = conversation("", &["a", "hello"]);
        assert_eq!(learnt(&chat, &messages), ["hello<|im_end|>"]);
        assert_prompts_begin_the_example(&chat, &messages);
    }

    #[test]
    fn the_end_token_of_the_template_counts_beside_the_tokenizers_own() {
        let chat = chat(CHATML, "<|endoftext|>");
        let ends: Vec<String> = chat.eos_ids().iter().map(|&id| chat.token_text(id)).collect();
        assert_eq!(ends, ["<|endoftext|>", "<|im_end|>"]);
        assert_eq!(learnt(&chat, &conversation("", &["a", "b"])), ["b<|im_end|>"]);
    }

    #[test]
    fn an_answer_without_end_token_gets_the_tokenizers_own() {
        let source = "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}\
            {% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}";
        let chat = chat(source, "<|endoftext|>");
        let messages = conversation("", &["a", "b", "c", "d"]);
        assert_eq!(learnt(&chat, &messages), [" b", " d<|endoftext|>"]);
        assert_prompts_begin_the_example(&chat, &messages);
    }

    #[test]
    fn of_several_end_tokens_the_first_ends_the_answer() {
        let chat = chat(
            "{% for m in messages %}{{ m.role + ': ' + m.content + '<|im_end|>\\n' }}{% endfor %}\
            {{ 'assistant: ' if add_generation_prompt else eos_token }}",
            "<|endoftext|>",
        );
        let messages = conversation("", &["a", "b", "c", "d"]);
        assert_eq!(learnt(&chat, &messages), ["b<|im_end|>", "d<|im_end|>"]);
        assert_prompts_begin_the_example(&chat, &messages);
    }

    #[test]
    fn an_answer_at_the_end_of_the_text_is_found_without_end_token() {
        let chat = chat(
            "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}\
            {% if add_generation_prompt %}{{ 'assistant: <think>' }}{% endif %}",
            "<|endoftext|>",
        );
        assert_eq!(learnt(&chat, &conversation("", &["a", "a"])), ["a<|endoftext|>"]);
    }

    #[test]
    fn the_begin_of_text_token_stands_once() {
        let chat_llama = chat(LLAMA3, "<|eot_id|>");
        let example = chat_llama.encode_example(&conversation("", &["a", "b"]), 100).unwrap();
        assert!(whole_text(&chat_llama, &example.ids).starts_with("<|begin_of_text|><|start_header_id|>user"));

        for tokenizer in [tokenizer(), tokenizer_with_bos()] {
            let template = format!("{{{{ bos_token }}}}{CHATML}");
            let config = json!({"bos_token": "<s>", "eos_token": "<|im_end|>", "add_bos_token": true, "chat_template": template});
            let chat = ChatTokenizer::from_folder(folder(&tokenizer, &config).path()).unwrap();
            let example = chat.encode_example(&conversation("", &["a", "b"]), 100).unwrap();
            let prompt = chat.encode_prompt(&conversation("", &["a"])).unwrap();
            assert!(whole_text(&chat, &example.ids).starts_with("<s><|im_start|>system"));
            assert!(example.ids.starts_with(&prompt) && !example.supervised[0]);
            assert_eq!(chat.encode("a").unwrap().len(), 1, "encode adds nothing");
        }
    }

    #[test]
    fn a_models_own_template_that_prints_no_begin_of_text_token_gets_none() {
        let config =
            json!({"bos_token": "<s>", "eos_token": "<|im_end|>", "add_bos_token": true, "chat_template": CHATML});
        let folder = folder(&tokenizer_with_bos(), &config);
        let mut gguf = gguf_bpe("smollm");
        gguf.insert("tokenizer.ggml.add_bos_token".to_owned(), Gguf::Bool(true));
        for chat in [ChatTokenizer::from_folder(folder.path()).unwrap(), ChatTokenizer::from_gguf(&gguf).unwrap()] {
            let prompt = chat.encode_prompt(&conversation("", &["a"])).unwrap();
            let example = chat.encode_example(&conversation("", &["a", "b"]), 100).unwrap();
            assert!(example.ids.starts_with(&prompt));
            assert!(whole_text(&chat, &prompt).starts_with("<|im_start|>system"));
        }
    }

    #[test]
    fn the_configuration_decides_whether_a_begin_of_text_token_is_added() {
        for (add, tokenizer) in [(true, tokenizer()), (false, tokenizer_with_bos())] {
            let config = json!({"bos_token": "<s>", "eos_token": "<|im_end|>", "add_bos_token": add});
            let chat = ChatTokenizer::from_folder(folder(&tokenizer, &config).path()).unwrap();
            let prompt = chat.encode_prompt(&conversation("", &["a"])).unwrap();
            assert_eq!(prompt.first() == chat.bos_id().as_ref(), add);
        }
    }

    #[test]
    fn without_a_template_the_plain_one_stands_in() {
        let config = json!({"eos_token": {"content": "<|endoftext|>", "special": true}});
        let chat = ChatTokenizer::from_folder(folder(&tokenizer(), &config).path()).unwrap();
        assert_eq!(chat.template_origin(), &TemplateOrigin::Plain);
        let messages = conversation("", &["a", "b", "c", "d"]);
        assert_eq!(learnt(&chat, &messages), [" b<|endoftext|>", " d<|endoftext|>"]);
        assert_prompts_begin_the_example(&chat, &messages);
    }

    #[test]
    fn older_answers_without_their_reasoning_are_found() {
        let chat = chat(STRIPS_REASONING, "<|im_end|>");
        let messages = conversation("", &["a", "<think>a</think>a", "a", "a"]);
        assert_eq!(learnt(&chat, &messages), ["a<|im_end|>", "<think>\n\n</think>\n\na<|im_end|>"]);
    }

    #[test]
    fn an_answer_is_found_by_its_words_where_prompts_open_a_reasoning_block() {
        let chat = chat(OPENS_REASONING, "<|im_end|>");
        assert_eq!(learnt(&chat, &conversation("", &["a", "a", "s", "s"])), ["a<|im_end|>", "s<|im_end|>"]);
    }

    #[test]
    fn a_conversation_that_opens_with_an_answer_is_read() {
        let chat = chat(CHATML, "<|im_end|>");
        let messages = [message(Role::Assistant, "hello"), message(Role::User, "a"), message(Role::Assistant, "b")];
        assert_eq!(learnt(&chat, &messages), ["hello<|im_end|>", "b<|im_end|>"]);
    }

    #[test]
    fn a_question_that_the_template_changes_does_not_mislead_the_search() {
        let source =
            "{% for m in messages %}{{ m.content | upper if m.role == 'user' else m.content + eos_token }}{% endfor %}";
        let chat = chat(source, "<|im_end|>");
        assert_eq!(learnt(&chat, &conversation("", &["no", "no and no"])), ["no and no<|im_end|>"]);
    }

    #[test]
    fn an_answer_that_the_template_hides_is_refused() {
        let chat = chat(
            "{% for m in messages %}{{ m.role + '<|im_end|>' }}{% endfor %}{{ 'x' if add_generation_prompt }}",
            "<|im_end|>",
        );
        let error = chat.encode_example(&conversation("", &["question", "answer"]), 100).unwrap_err().to_string();
        assert!(error.contains("message 2 (assistant)") && error.contains("\"answer\""), "{error}");
    }

    #[test]
    fn a_refused_conversation_carries_the_templates_words() {
        let chat = chat(
            "{% if messages[0].role == 'system' %}{{ raise_exception('No system role') }}{% endif %}",
            "<|im_end|>",
        );
        let error = chat.encode_example(&conversation("Be kind.", &["a", "b"]), 100).unwrap_err();
        assert!(matches!(error, TextError::TemplateRefused { words, .. } if words == "No system role"));
    }

    #[test]
    fn a_long_example_is_cut_and_the_cut_tokens_are_counted() {
        let chat = chat(CHATML, "<|im_end|>");
        let messages = conversation("", &["a", "bcdef"]);
        let whole = chat.encode_example(&messages, 10_000).unwrap();
        let (length, learnt) = (whole.ids.len(), whole.supervised_count());
        assert_eq!((whole.cut, learnt), (0, 6));
        let cut = chat.encode_example(&messages, length - 2).unwrap();
        assert_eq!((cut.ids.as_slice(), cut.cut, cut.supervised_count()), (&whole.ids[..length - 2], 2, 4));
        let nothing = chat.encode_example(&messages, length - 6).unwrap();
        assert_eq!((nothing.cut, nothing.supervised_count()), (6, 0));
    }

    #[test]
    fn a_token_that_the_model_does_not_have_is_refused_by_name() {
        let (chat, messages) = (chat(CHATML, "<|im_end|>"), conversation("", &["Hi", "Hello"]));
        let known = chat.encode_prompt(&messages).unwrap();
        let highest = known.iter().copied().max().unwrap();
        let error = chat.clone().for_vocabulary(highest as usize).encode_prompt(&messages).unwrap_err();
        assert!(error.to_string().contains(&format!("token {highest}")), "{error}");
        assert_eq!(chat.for_vocabulary(highest as usize + 1).encode_prompt(&messages).unwrap(), known);
    }

    #[test]
    fn a_conversation_without_answer_is_refused() {
        let chat = chat(CHATML, "<|im_end|>");
        assert!(matches!(chat.encode_example(&conversation("", &["a"]), 100), Err(TextError::NoAnswer)));
    }

    #[test]
    fn a_tokenizer_without_end_token_cannot_be_trained_with() {
        let dir = folder(&tokenizer(), &json!({}));
        let chat = ChatTokenizer::from_folder(dir.path()).unwrap();
        assert!(matches!(chat.encode_example(&conversation("", &["a", "b"]), 100), Err(TextError::NoEndToken)));
    }

    #[test]
    fn sentencepiece_adds_no_space_in_the_middle_of_a_text() {
        let chat = ChatTokenizer::from_gguf(&gguf_sentencepiece()).unwrap();
        let messages = conversation("", &["hello", "the a", "a", "hello"]);
        let example = chat.encode_example(&messages, 1000).unwrap();
        let text = "User: hello\nAssistant: the a</s>\nUser: a\nAssistant: hello</s>";
        let whole = chat.encode(text).unwrap();
        assert_eq!(example.ids[1..], whole, "the pieces are the tokens of the whole text");
        assert_eq!(example.ids[0], chat.bos_id().unwrap());
        assert_eq!(learnt(&chat, &messages), ["the a</s>", "hello</s>"]);
        assert_prompts_begin_the_example(&chat, &messages);
    }
}
