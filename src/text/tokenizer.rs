//! [`ChatTokenizer`]: a base model's tokenizer, chat template and special tokens, as one handle.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use candle_core::quantized::gguf_file;
use serde_json::{Map, Value};
use tokenizers::{PostProcessorWrapper, Tokenizer};

use super::error::TextError;
use super::stream::{TokenStream, split_text};
use super::template::{ChatTemplate, Clock, PLAIN_TEMPLATE, TemplateOrigin};
use super::{folder, gguf};

/// Tokens that close a turn in one of the known chat formats. One that the model's template prints ends an answer, also
/// where the model's files name another end-of-text token alone.
const TURN_ENDS: [&str; 8] =
    ["<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>", "<|end_of_text|>", "</s>"];

/// A text without white space, by which the tokenizer's habits are read off.
const PROBE: &str = "x";

/// A base model's tokenizer with its chat template and special tokens. Clones are cheap and share one state.
#[derive(Clone)]
pub struct ChatTokenizer {
    pub(super) tokenizer: Arc<Tokenizer>,
    pub(super) template: ChatTemplate,
    pub(super) facts: Arc<Facts>,
    /// Tokens that the model has rows for.
    model_vocab: usize,
}

/// What is known about a tokenizer beside the tokenizer itself.
pub(super) struct Facts {
    /// Taken out of the tokenizer, whose offsets it would trim; put back when it is saved.
    pub(super) post_processor: Option<PostProcessorWrapper>,
    /// `tokenizer_config.json`, as read or as made from a GGUF file.
    pub(super) config: Map<String, Value>,
    /// Tokens that stand before every text but one that the model's own chat template rendered: the begin-of-text token,
    /// or nothing.
    pub(super) lead: Vec<u32>,
    /// Whether a text's first word is tokenised as if a space stood before it.
    pub(super) prefixes_space: bool,
    /// Every token that ends an answer; the tokenizer's own first.
    pub(super) eos_ids: Vec<u32>,
    /// The same tokens as text.
    pub(super) eos_texts: Vec<String>,
    pub(super) bos_id: Option<u32>,
    pub(super) pad_id: Option<u32>,
    vocab_size: usize,
    /// A plain token, to see how others look after it.
    anchor: Vec<u32>,
}

/// What a folder or a GGUF file says, before it is made one.
pub(super) struct Parts {
    pub(super) tokenizer: Tokenizer,
    /// By their names in `tokenizer_config.json`: `bos_token`, `eos_token`, `pad_token`, …
    pub(super) specials: BTreeMap<String, String>,
    /// End-of-text tokens that the model's files name by number.
    pub(super) eos_ids: Vec<u32>,
    pub(super) template: Option<(String, TemplateOrigin)>,
    /// Whether a begin-of-text token stands before every text; `None` where only the tokenizer itself tells.
    pub(super) add_bos: Option<bool>,
    pub(super) config: Map<String, Value>,
}

impl ChatTokenizer {
    /// Reads `tokenizer.json` and what stands beside it in a Hugging Face folder: `tokenizer_config.json`,
    /// `special_tokens_map.json`, `chat_template.jinja`, `generation_config.json`, `config.json`.
    ///
    /// Errs when `tokenizer.json` is missing, a file is not valid, or the template does not compile.
    pub fn from_folder(dir: &Path) -> Result<Self, TextError> {
        Self::assemble(folder::read(dir)?)
    }

    /// Builds the tokenizer that a GGUF file describes in its metadata.
    ///
    /// Errs when a key is missing or of the wrong type, or the tokenizer is of a kind that is not known.
    pub fn from_gguf(metadata: &HashMap<String, gguf_file::Value>) -> Result<Self, TextError> {
        Self::assemble(gguf::read(metadata)?)
    }

    pub(super) fn assemble(parts: Parts) -> Result<Self, TextError> {
        let Parts { mut tokenizer, mut specials, eos_ids, template, add_bos, mut config } = parts;
        // Training cuts and pads by its own rules, and counts what it cuts.
        tokenizer.with_truncation(None).map_err(|error| TextError::encode("", error))?;
        tokenizer.with_padding(None);
        let lead = lead_tokens(&tokenizer, specials.get("bos_token"), add_bos)?;
        let post_processor = tokenizer.get_post_processor().cloned();
        tokenizer.with_post_processor(None::<PostProcessorWrapper>);

        let id_of = |name: &str| specials.get(name).and_then(|token| tokenizer.token_to_id(token));
        let (bos_id, pad_id) = (id_of("bos_token"), id_of("pad_token"));
        let source = template.as_ref().map_or(PLAIN_TEMPLATE, |(source, _)| source);
        let eos = end_tokens(&tokenizer, id_of("eos_token"), &eos_ids, source);
        if let Some((_, text)) = eos.first() {
            specials.entry("eos_token".to_owned()).or_insert_with(|| text.clone());
        }
        complete_config(&mut config, &specials);
        let (eos_ids, eos_texts) = eos.into_iter().unzip();
        let (source, origin) = template.unwrap_or_else(|| (PLAIN_TEMPLATE.to_owned(), TemplateOrigin::Plain));
        let template = ChatTemplate::new(&source, origin, specials, Clock::Now)?;

        let anchor = encode(&tokenizer, PROBE)?;
        let prefixes_space = anchor
            .first()
            .and_then(|&id| tokenizer.id_to_token(id))
            .is_some_and(|token| token.starts_with(['▁', 'Ġ', ' ']));
        let vocab_size = tokenizer.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1);
        let facts = Facts {
            post_processor,
            config,
            lead,
            prefixes_space,
            eos_ids,
            eos_texts,
            bos_id,
            pad_id,
            vocab_size,
            anchor,
        };
        Ok(Self { tokenizer: Arc::new(tokenizer), template, facts: Arc::new(facts), model_vocab: usize::MAX })
    }

    /// The same tokenizer whose template sees the time of `clock`. A run holds it still, so that a template which
    /// prints today's date gives the same tokens when the run is resumed on another day.
    pub fn with_clock(&self, clock: Clock) -> Result<Self, TextError> {
        Ok(Self { template: self.template.with_clock(clock)?, ..self.clone() })
    }

    /// The same tokenizer for a model of `vocab` tokens: texts with any other are refused by name. Tokenizers may name
    /// tokens that were never given to the model, and mostly they do not occur.
    pub fn for_vocabulary(self, vocab: usize) -> Self {
        Self { model_vocab: vocab, ..self }
    }

    /// Errs where one of `ids` is no token of the model.
    pub(super) fn check(&self, ids: &[u32]) -> Result<(), TextError> {
        match ids.iter().find(|id| **id as usize >= self.model_vocab) {
            Some(&token) => {
                let (text, vocab) = (self.token_text(token), self.model_vocab);
                Err(TextError::OutsideVocabulary { token, text, vocab })
            }
            None => Ok(()),
        }
    }

    /// Token ids a model needs rows for: the highest id plus one.
    pub fn vocab_size(&self) -> usize {
        self.facts.vocab_size
    }

    /// Every token at which an answer ends, the tokenizer's own end-of-text token first. Empty where the model's files
    /// name none.
    pub fn eos_ids(&self) -> &[u32] {
        &self.facts.eos_ids
    }

    /// The begin-of-text token, where the model has one.
    pub fn bos_id(&self) -> Option<u32> {
        self.facts.bos_id
    }

    /// The token to fill short rows with. Any would do, since filled positions are masked and never supervised.
    pub fn pad_id(&self) -> u32 {
        self.facts.pad_id.or_else(|| self.facts.eos_ids.first().copied()).unwrap_or_default()
    }

    /// Where the chat template comes from.
    pub fn template_origin(&self) -> &TemplateOrigin {
        self.template.origin()
    }

    /// Tokens of a text as it stands: nothing is put before or after it.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TextError> {
        encode(&self.tokenizer, text)
    }

    /// The text of tokens, as a person reads it: without special tokens.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TextError> {
        self.tokenizer.decode(ids, true).map_err(|error| TextError::Decode { reason: error.to_string() })
    }

    /// One token as text, special tokens by their names, with the space it begins with. A token that holds a part of a
    /// character alone gives `�`; an id outside the vocabulary gives `<id>`.
    pub fn token_text(&self, id: u32) -> String {
        let Some(name) = self.tokenizer.id_to_token(id) else { return format!("<{id}>") };
        if self.tokenizer.get_added_vocabulary().is_special_token(&name) {
            return name;
        }
        let with_anchor: Vec<u32> = self.facts.anchor.iter().copied().chain([id]).collect();
        let shown =
            self.tokenizer.decode(&self.facts.anchor, false).ok().zip(self.tokenizer.decode(&with_anchor, false).ok());
        shown.and_then(|(before, both)| both.strip_prefix(&before).map(str::to_owned)).unwrap_or(name)
    }

    /// The tokens of one text, each as text, special tokens by their names: together they are the whole text. Where
    /// several tokens make one character, the last of them carries it and the others are empty.
    pub fn token_texts(&self, ids: &[u32]) -> Result<Vec<String>, TextError> {
        split_text(&self.tokenizer, ids)
    }

    /// A decoder for tokens that arrive one by one.
    pub fn stream(&self) -> TokenStream {
        TokenStream::new(Arc::clone(&self.tokenizer))
    }
}

impl std::fmt::Debug for ChatTokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatTokenizer")
            .field("vocab_size", &self.facts.vocab_size)
            .field("eos_ids", &self.facts.eos_ids)
            .field("template", self.template_origin())
            .finish_non_exhaustive()
    }
}

fn encode(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, TextError> {
    let encoding = tokenizer.encode_fast(text, false).map_err(|error| TextError::encode(text, error))?;
    Ok(encoding.get_ids().to_vec())
}

/// Adds what other files said, so that a saved configuration stands by itself.
fn complete_config(config: &mut Map<String, Value>, specials: &BTreeMap<String, String>) {
    let class = ("tokenizer_class", "PreTrainedTokenizerFast");
    let known = specials.iter().map(|(name, token)| (name.as_str(), token.as_str()));
    for (name, value) in known.chain([class]) {
        let entry = config.entry(name).or_insert(Value::Null);
        if entry.is_null() {
            *entry = Value::from(value);
        }
    }
}

/// What the model expects before every text: as its configuration says, else as its post-processor does.
fn lead_tokens(tokenizer: &Tokenizer, bos: Option<&String>, add_bos: Option<bool>) -> Result<Vec<u32>, TextError> {
    if let Some(add) = add_bos {
        let bos = bos.filter(|_| add).and_then(|token| tokenizer.token_to_id(token));
        return Ok(bos.into_iter().collect());
    }
    let plain = encode(tokenizer, PROBE)?;
    let encoding = tokenizer.encode_fast(PROBE, true).map_err(|error| TextError::encode(PROBE, error))?;
    let whole = encoding.get_ids();
    let at = whole.windows(plain.len().max(1)).position(|window| window == plain).unwrap_or_default();
    Ok(whole.iter().take(at).copied().collect())
}

/// Every token that ends an answer, with its text: the tokenizer's own, those the model's files name by number, and
/// the known turn ends that the template prints.
fn end_tokens(tokenizer: &Tokenizer, own: Option<u32>, named: &[u32], template: &str) -> Vec<(u32, String)> {
    let printed = TURN_ENDS.iter().filter(|end| template.contains(**end)).filter_map(|end| tokenizer.token_to_id(end));
    let mut ends: Vec<(u32, String)> = Vec::new();
    for id in own.into_iter().chain(named.iter().copied()).chain(printed) {
        if ends.iter().all(|(known, _)| *known != id)
            && let Some(text) = tokenizer.id_to_token(id)
        {
            ends.push((id, text));
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fixtures::{CHATML, LLAMA3, chat, conversation};

    #[test]
    fn one_tokenizer_serves_many_threads() {
        fn shared<T: Send + Sync + Clone>(_: &T) {}
        shared(&chat(CHATML, "<|im_end|>"));
    }

    #[test]
    fn decoded_text_has_no_special_tokens() {
        let chat = chat(CHATML, "<|im_end|>");
        let ids = chat.encode("<|im_start|>hello  the<|im_end|>").unwrap();
        assert_eq!(chat.decode(&ids).unwrap(), "hello  the");
    }

    #[test]
    fn a_token_is_shown_with_its_space_and_a_special_one_by_its_name() {
        let chat = chat(CHATML, "<|im_end|>");
        let shown: Vec<String> =
            chat.encode("hello the<|im_end|>é").unwrap().iter().map(|&id| chat.token_text(id)).collect();
        assert_eq!(shown, ["hello", " the", "<|im_end|>", "\u{FFFD}", "\u{FFFD}"]);
        assert_eq!(chat.token_text(1_000_000), "<1000000>");
    }

    #[test]
    fn the_vocabulary_reaches_to_its_highest_id() {
        let chat = chat(LLAMA3, "<|eot_id|>");
        assert_eq!(chat.vocab_size(), super::super::fixtures::tokens().len());
        assert_eq!(chat.pad_id(), chat.eos_ids()[0]);
    }

    #[test]
    fn a_still_clock_gives_the_same_tokens_on_any_day() {
        let chat = chat("{{ strftime_now('%Y') }}", "<|im_end|>");
        let time = chrono::NaiveDate::from_ymd_opt(1969, 7, 20).and_then(|day| day.and_hms_opt(20, 17, 40)).unwrap();
        let prompt = chat.with_clock(Clock::At(time)).unwrap().encode_prompt(&conversation("", &["a"])).unwrap();
        assert_eq!(chat.decode(&prompt).unwrap(), "1969");
        assert_ne!(prompt, chat.encode_prompt(&conversation("", &["a"])).unwrap());
    }
}
