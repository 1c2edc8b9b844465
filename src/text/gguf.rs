//! A tokenizer from the metadata of a GGUF file.

use std::collections::{BTreeMap, HashMap};

use candle_core::quantized::gguf_file::Value;
use serde_json::{Map, json};
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Tokenizer};

use super::error::TextError;
use super::template::TemplateOrigin;
use super::tokenizer::Parts;
use super::{bpe, sentencepiece};

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";
const MERGES: &str = "tokenizer.ggml.merges";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
const ADD_SPACE: &str = "tokenizer.ggml.add_space_prefix";
const TEMPLATE: &str = "tokenizer.chat_template";

pub(super) fn read(metadata: &HashMap<String, Value>) -> Result<Parts, TextError> {
    let metadata = Metadata(metadata);
    let tokens = metadata.texts(TOKENS)?;
    let kinds = metadata.kinds(tokens.len())?;
    let (mut tokenizer, adds_bos) = match metadata.text(MODEL)? {
        "gpt2" => {
            let pre = metadata.optional_text(PRE)?.unwrap_or("default");
            let style = bpe::Style::named(pre).ok_or_else(|| {
                let reason = "is not known here, and a guess would give other tokens than the model was trained on";
                TextError::gguf(PRE, format!("the pre-tokenizer \"{pre}\" {reason}"))
            })?;
            let merges = metadata.texts(MERGES)?;
            let tokenizer = bpe::build(&tokens, &merges, style).map_err(|error| TextError::gguf(MERGES, error))?;
            (tokenizer, style == bpe::Style::Llama3)
        }
        "llama" => {
            let pieces =
                sentencepiece::Pieces { tokens: &tokens, kinds: &kinds, scores: &metadata.scores(tokens.len())? };
            let prefix = metadata.optional_bool(ADD_SPACE)?.unwrap_or(true);
            (sentencepiece::build(pieces, prefix).map_err(|error| TextError::gguf(TOKENS, error))?, true)
        }
        other => {
            let reason = format!("the tokenizer kind \"{other}\" is not known here, only \"gpt2\" and \"llama\" are");
            return Err(TextError::gguf(MODEL, reason));
        }
    };
    let (specials, eos_ids) = metadata.specials(&tokens)?;
    add_special_tokens(&mut tokenizer, &tokens, &kinds, &specials)?;
    let add_bos = metadata.optional_bool(ADD_BOS)?.unwrap_or(adds_bos);
    if add_bos {
        put_bos_first(&mut tokenizer, specials.get("bos_token"))?;
    }

    let mut config = Map::new();
    config.insert("add_bos_token".to_owned(), json!(add_bos));
    config.insert("clean_up_tokenization_spaces".to_owned(), json!(false));
    let template = metadata.optional_text(TEMPLATE)?.map(|source| (source.to_owned(), TemplateOrigin::Gguf));
    Ok(Parts { tokenizer, specials, eos_ids, template, add_bos: Some(add_bos), config })
}

/// What a GGUF file says a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

impl Kind {
    fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => return None,
        })
    }
}

/// Typed look-ups that name the key they fail on.
struct Metadata<'a>(&'a HashMap<String, Value>);

impl<'a> Metadata<'a> {
    fn require(&self, key: &str) -> Result<&'a Value, TextError> {
        self.0.get(key).ok_or_else(|| TextError::gguf(key, "it is missing"))
    }

    fn text(&self, key: &str) -> Result<&'a str, TextError> {
        self.require(key)?.to_string().map(String::as_str).map_err(|_| TextError::gguf(key, "it is not a text"))
    }

    fn optional_text(&self, key: &str) -> Result<Option<&'a str>, TextError> {
        if self.0.contains_key(key) { self.text(key).map(Some) } else { Ok(None) }
    }

    fn optional_bool(&self, key: &str) -> Result<Option<bool>, TextError> {
        let read = |value: &Value| value.to_bool().map_err(|_| TextError::gguf(key, "it is neither true nor false"));
        self.0.get(key).map(read).transpose()
    }

    fn list(&self, key: &str) -> Result<&'a [Value], TextError> {
        self.require(key)?.to_vec().map(Vec::as_slice).map_err(|_| TextError::gguf(key, "it is not a list"))
    }

    fn texts(&self, key: &str) -> Result<Vec<&'a str>, TextError> {
        let text = |(at, value): (usize, &'a Value)| {
            value.to_string().map(String::as_str).map_err(|_| TextError::gguf(key, format!("entry {at} is not a text")))
        };
        self.list(key)?.iter().enumerate().map(text).collect()
    }

    /// The kind of each of `count` tokens; all are normal where the file does not say.
    fn kinds(&self, count: usize) -> Result<Vec<Kind>, TextError> {
        if !self.0.contains_key(TYPES) {
            return Ok(vec![Kind::Normal; count]);
        }
        let kind = |(at, value): (usize, &Value)| {
            let number = whole_number(value).and_then(Kind::from_number);
            number.ok_or_else(|| TextError::gguf(TYPES, format!("entry {at} is no token type (1 to 6)")))
        };
        let kinds: Vec<Kind> = self.list(TYPES)?.iter().enumerate().map(kind).collect::<Result<_, _>>()?;
        same_count(TYPES, kinds.len(), count)?;
        Ok(kinds)
    }

    /// The score of each of `count` tokens.
    fn scores(&self, count: usize) -> Result<Vec<f32>, TextError> {
        let score = |(at, value): (usize, &Value)| {
            let number = value.to_f32().ok().filter(|score| !score.is_nan());
            number.ok_or_else(|| TextError::gguf(SCORES, format!("entry {at} is not a number")))
        };
        let scores: Vec<f32> = self.list(SCORES)?.iter().enumerate().map(score).collect::<Result<_, _>>()?;
        same_count(SCORES, scores.len(), count)?;
        Ok(scores)
    }

    /// The special tokens by their names in `tokenizer_config.json`, and every token that ends a text or a turn.
    fn specials(&self, tokens: &[&str]) -> Result<(BTreeMap<String, String>, Vec<u32>), TextError> {
        let names = [
            ("bos", Some("bos_token")),
            ("eos", Some("eos_token")),
            ("unknown", Some("unk_token")),
            ("padding", Some("pad_token")),
            ("eot", None),
            ("eom", None),
        ];
        let (mut specials, mut ends) = (BTreeMap::new(), Vec::new());
        for (role, name) in names {
            let key = format!("tokenizer.ggml.{role}_token_id");
            let Some(value) = self.0.get(&key).filter(|value| !is_no_token(value)) else { continue };
            let id = whole_number(value).and_then(|id| u32::try_from(id).ok());
            let Some((id, token)) = id.and_then(|id| Some((id, tokens.get(id as usize)?))) else {
                let reason = format!("{value:?} is no token of the vocabulary, which has {}", tokens.len());
                return Err(TextError::gguf(&key, reason));
            };
            if matches!(role, "eos" | "eot" | "eom") {
                ends.push(id);
            }
            if let Some(name) = name {
                specials.insert(name.to_owned(), (*token).to_owned());
            }
        }
        Ok((specials, ends))
    }
}

/// -1, in either signedness, says that a model has no such token.
fn is_no_token(value: &Value) -> bool {
    matches!(value, Value::I32(-1) | Value::U32(u32::MAX))
}

/// A whole number of any width; `None` for a negative one.
fn whole_number(value: &Value) -> Option<u64> {
    match *value {
        Value::I8(number) => u64::try_from(number).ok(),
        Value::I16(number) => u64::try_from(number).ok(),
        Value::I32(number) => u64::try_from(number).ok(),
        Value::I64(number) => u64::try_from(number).ok(),
        _ => value.to_u64().ok(),
    }
}

fn same_count(key: &str, found: usize, expected: usize) -> Result<(), TextError> {
    if found == expected {
        return Ok(());
    }
    Err(TextError::gguf(key, format!("it has {found} entries for {expected} tokens")))
}

/// Marks the tokens that are matched whole in a text: control tokens, which a decoded text leaves out, and
/// user-defined ones, which it keeps.
fn add_special_tokens(
    tokenizer: &mut Tokenizer,
    tokens: &[&str],
    kinds: &[Kind],
    specials: &BTreeMap<String, String>,
) -> Result<(), TextError> {
    let named = |token: &str| specials.values().any(|special| special == token);
    let whole = tokens.iter().zip(kinds).filter(|(token, _)| !token.is_empty()).filter_map(|(token, kind)| {
        let special = matches!(kind, Kind::Control | Kind::Unknown) || named(token);
        let added = special || *kind == Kind::UserDefined;
        added.then(|| AddedToken::from(*token, special).normalized(false))
    });
    tokenizer.add_tokens(whole).map_err(|error| TextError::gguf(TOKENS, error))?;
    Ok(())
}

/// Lets the saved `tokenizer.json` put the begin-of-text token before a text, as the model expects.
fn put_bos_first(tokenizer: &mut Tokenizer, bos: Option<&String>) -> Result<(), TextError> {
    let Some((bos, id)) = bos.and_then(|bos| Some((bos.clone(), tokenizer.token_to_id(bos)?))) else {
        return Ok(());
    };
    let processor = TemplateProcessing::builder()
        .try_single(vec![bos.clone(), "$A".to_owned()])
        .and_then(|builder| builder.try_pair(vec![bos.clone(), "$A".to_owned(), "$B:1".to_owned()]))
        .map_err(|error| error.to_string())
        .and_then(|builder| builder.special_tokens(vec![(bos, id)]).build().map_err(|error| error.to_string()))
        .map_err(|error| TextError::gguf(ADD_BOS, error))?;
    tokenizer.with_post_processor(Some(processor));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::ChatTokenizer;
    use crate::text::fixtures::{CHATML, chat, conversation, gguf_bpe, gguf_sentencepiece};

    fn message_without(key: &str, metadata: HashMap<String, Value>) -> String {
        let metadata = metadata.into_iter().filter(|(name, _)| name != key).collect();
        ChatTokenizer::from_gguf(&metadata).unwrap_err().to_string()
    }

    #[test]
    fn a_tokenizer_from_gguf_equals_the_one_from_tokenizer_json() {
        let (ours, theirs) = (ChatTokenizer::from_gguf(&gguf_bpe("smollm")).unwrap(), chat(CHATML, "<|im_end|>"));
        for text in ["hello the  12 345", "  hello\n\n  the", "the<|im_end|>\n<|im_start|>us 12½", "é 🙂\t\r\n", ""]
        {
            assert_eq!(ours.encode(text).unwrap(), theirs.encode(text).unwrap(), "{text:?}");
            assert_eq!(ours.token_texts(&ours.encode(text).unwrap()).unwrap().concat(), text);
        }
        let messages = conversation("", &["hello 12", "the 12"]);
        let example = ours.encode_example(&messages, 100).unwrap();
        assert_eq!(example, theirs.encode_example(&messages, 100).unwrap());
        assert_eq!((ours.vocab_size(), ours.eos_ids()), (theirs.vocab_size(), theirs.eos_ids()));
        assert_eq!(ours.template_origin(), &TemplateOrigin::Gguf);
    }

    #[test]
    fn digits_stand_alone_where_the_pre_tokenizer_says_so() {
        let count = |pre: &str| ChatTokenizer::from_gguf(&gguf_bpe(pre)).unwrap().encode("12").unwrap().len();
        assert_eq!(
            (count("smollm"), count("gpt-2"), count("llama-bpe"), count("qwen2"), count("tekken")),
            (2, 1, 1, 2, 2)
        );
    }

    #[test]
    fn every_known_pre_tokenizer_gives_the_text_back() {
        let text = "Hello'Ve  the 1234\n\n  x ½é🙂 $<=3, don't!";
        for pre in ["smollm", "gpt-2", "llama-bpe", "qwen2", "tekken", "default"] {
            let chat = ChatTokenizer::from_gguf(&gguf_bpe(pre)).unwrap();
            assert_eq!(chat.decode(&chat.encode(text).unwrap()).unwrap(), text, "{pre}");
        }
    }

    #[test]
    fn an_unknown_pre_tokenizer_is_refused_by_name() {
        let message = ChatTokenizer::from_gguf(&gguf_bpe("klingon")).unwrap_err().to_string();
        assert!(message.contains("\"klingon\"") && message.contains(PRE), "{message}");
    }

    #[test]
    fn sentencepiece_joins_by_score_and_falls_back_to_bytes() {
        let chat = ChatTokenizer::from_gguf(&gguf_sentencepiece()).unwrap();
        let texts = |text: &str| chat.token_texts(&chat.encode(text).unwrap()).unwrap();
        assert_eq!(texts("hello the"), ["hello", " the"]);
        assert_eq!(texts("there"), ["the", "r", "e"]);
        assert_eq!(texts("é\n"), ["", "", "é", "\n"].map(str::to_owned));
        assert_eq!(chat.token_text(chat.encode("x the").unwrap()[2]), " the");
    }

    #[test]
    fn sentencepiece_texts_begin_with_the_begin_of_text_token() {
        let chat = ChatTokenizer::from_gguf(&gguf_sentencepiece()).unwrap();
        assert_eq!(chat.encode_prompt(&conversation("", &["a"])).unwrap().first(), chat.bos_id().as_ref());
        let mut metadata = gguf_sentencepiece();
        metadata.insert(ADD_BOS.to_owned(), Value::Bool(false));
        let chat = ChatTokenizer::from_gguf(&metadata).unwrap();
        assert_ne!(chat.encode_prompt(&conversation("", &["a"])).unwrap().first(), chat.bos_id().as_ref());
    }

    #[test]
    fn a_turns_end_that_the_file_names_ends_an_answer() {
        let mut metadata = gguf_bpe("smollm");
        metadata.insert("tokenizer.ggml.eot_token_id".to_owned(), Value::U32(6));
        assert_eq!(ChatTokenizer::from_gguf(&metadata).unwrap().eos_ids(), [2, 6]);
    }

    #[test]
    fn a_token_id_of_minus_one_says_that_there_is_none() {
        let mut metadata = gguf_bpe("smollm");
        metadata.insert("tokenizer.ggml.bos_token_id".to_owned(), Value::I32(-1));
        metadata.insert("tokenizer.ggml.padding_token_id".to_owned(), Value::U32(u32::MAX));
        let chat = ChatTokenizer::from_gguf(&metadata).unwrap();
        assert_eq!((chat.bos_id(), chat.pad_id()), (None, 2));
    }

    #[test]
    fn a_missing_key_is_named() {
        for key in [MODEL, TOKENS, MERGES] {
            let message = message_without(key, gguf_bpe("smollm"));
            assert!(message.contains(key) && message.contains("missing"), "{message}");
        }
        assert!(message_without(SCORES, gguf_sentencepiece()).contains(SCORES));
    }

    #[test]
    fn contradicting_metadata_is_refused() {
        let too_few = Value::Array(vec![Value::I32(1)]);
        let no_token = Value::Array(vec![Value::String("hello the".to_owned())]);
        let cases = [
            (MODEL, Value::String("bert".to_owned())),
            (MODEL, Value::U32(1)),
            (TYPES, too_few),
            (MERGES, no_token),
            (TOKENS, Value::Array(vec![Value::U32(1)])),
            ("tokenizer.ggml.eos_token_id", Value::U32(4_000_000)),
            ("tokenizer.ggml.bos_token_id", Value::I32(-2)),
        ];
        for (key, value) in cases {
            let mut metadata = gguf_bpe("smollm");
            metadata.insert(key.to_owned(), value);
            let message = ChatTokenizer::from_gguf(&metadata).unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        }
    }
}
