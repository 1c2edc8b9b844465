//! A tokenizer from a Hugging Face folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value};
use tokenizers::Tokenizer;

use super::error::TextError;
use super::template::TemplateOrigin;
use super::tokenizer::Parts;

pub(super) const TOKENIZER: &str = "tokenizer.json";
pub(super) const CONFIG: &str = "tokenizer_config.json";
pub(super) const TEMPLATE: &str = "chat_template.jinja";
const SPECIALS: &str = "special_tokens_map.json";

pub(super) fn read(dir: &Path) -> Result<Parts, TextError> {
    let path = dir.join(TOKENIZER);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(TextError::NoTokenizer { folder: dir.to_path_buf() });
        }
        other => other.map_err(TextError::read(&path))?,
    };
    let tokenizer = parse(&bytes).map_err(|reason| TextError::malformed(&path, reason))?;

    let config = read_object(&dir.join(CONFIG))?.unwrap_or_default();
    let mut specials = special_tokens(&read_object(&dir.join(SPECIALS))?.unwrap_or_default());
    specials.extend(special_tokens(&config));

    let mut eos_ids = Vec::new();
    for file in ["generation_config.json", "config.json"] {
        if let Some(object) = read_object(&dir.join(file))? {
            eos_ids.extend(end_ids(&object));
        }
    }
    Ok(Parts {
        tokenizer,
        specials,
        eos_ids,
        template: template(dir, &config)?,
        add_bos: config.get("add_bos_token").and_then(Value::as_bool),
        config,
    })
}

/// The tokenizer that `tokenizer.json` describes. Its library panics on some inconsistent vocabularies, which is one
/// broken file here and no more.
fn parse(bytes: &[u8]) -> Result<Tokenizer, String> {
    match std::panic::catch_unwind(|| Tokenizer::from_bytes(bytes)) {
        Ok(parsed) => parsed.map_err(|error| error.to_string()),
        Err(_) => Err("vocabulary and merges contradict each other".to_owned()),
    }
}

/// A file's text; `None` where there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, TextError> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TextError::read(path)(error)),
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|error| TextError::malformed(path, error)),
    }
}

/// A file's JSON object; `None` where there is no such file.
fn read_object(path: &Path) -> Result<Option<Map<String, Value>>, TextError> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| TextError::malformed(path, error))
}

/// The entries that name a special token: a string, or an object with its `content`.
fn special_tokens(object: &Map<String, Value>) -> BTreeMap<String, String> {
    let named = object.iter().filter(|(name, _)| name.ends_with("_token"));
    let tokens = named.filter_map(|(name, value)| {
        let text = value.as_str().or_else(|| value.get("content")?.as_str())?;
        Some((name.clone(), text.to_owned()))
    });
    tokens.collect()
}

/// `eos_token_id`: one number, or a list of them.
fn end_ids(object: &Map<String, Value>) -> Vec<u32> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    match object.get("eos_token_id") {
        Some(Value::Array(ids)) => ids.iter().filter_map(id).collect(),
        Some(value) => id(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The folder's chat template: the file of its own before the entry in `tokenizer_config.json`.
fn template(dir: &Path, config: &Map<String, Value>) -> Result<Option<(String, TemplateOrigin)>, TextError> {
    if let Some(source) = read_text(&dir.join(TEMPLATE))? {
        return Ok(Some((source, TemplateOrigin::File(TEMPLATE))));
    }
    let source = match config.get("chat_template") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(source)) => source.clone(),
        Some(Value::Array(named)) => named_template(named).ok_or_else(|| {
            let reason = "chat_template is a list in which no template is named \"default\"";
            TextError::malformed(&dir.join(CONFIG), reason)
        })?,
        Some(_) => return Err(TextError::malformed(&dir.join(CONFIG), "chat_template is neither a text nor a list")),
    };
    Ok(Some((source, TemplateOrigin::File(CONFIG))))
}

/// The template named "default" among several, or the only one.
fn named_template(named: &[Value]) -> Option<String> {
    let default = named.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some("default"));
    let only = if let [entry] = named { Some(entry) } else { None };
    default.or(only)?.get("template")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::text::ChatTokenizer;
    use crate::text::fixtures::{CHATML, conversation, folder, tokenizer};

    fn ends(chat: &ChatTokenizer) -> Vec<String> {
        chat.eos_ids().iter().map(|&id| chat.token_text(id)).collect()
    }

    #[test]
    fn a_folder_without_tokenizer_says_what_is_missing_and_where_to_get_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = ChatTokenizer::from_folder(dir.path()).unwrap_err();
        assert!(matches!(error, TextError::NoTokenizer { .. }));
        let message = error.to_string();
        assert!(message.contains("no tokenizer.json in") && message.contains("Download it"), "{message}");
    }

    #[test]
    fn a_broken_tokenizer_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for broken in ["{", r#"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a aaaaaaaa"]}}"#] {
            fs::write(dir.path().join(TOKENIZER), broken).unwrap();
            let message = ChatTokenizer::from_folder(dir.path()).unwrap_err().to_string();
            assert!(message.contains(TOKENIZER) && message.contains("not valid"), "{message}");
        }
    }

    #[test]
    fn vocabulary_and_merges_that_contradict_each_other_are_refused() {
        let mut json: Value = serde_json::from_str(&tokenizer().to_string(false).unwrap()).unwrap();
        json["model"]["vocab"] = json!({"a": 0, "b": 1});
        json["model"]["merges"] = json!([["a", "b"]]);
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(TOKENIZER), json.to_string()).unwrap();
        let message = ChatTokenizer::from_folder(dir.path()).unwrap_err().to_string();
        assert!(message.contains("contradict"), "{message}");
    }

    #[test]
    fn every_file_adds_its_end_tokens_once() {
        let dir = folder(&tokenizer(), &json!({"eos_token": "<|im_end|>", "chat_template": CHATML}));
        fs::write(dir.path().join("generation_config.json"), r#"{"eos_token_id": [2, 0, 99999]}"#).unwrap();
        fs::write(dir.path().join("config.json"), r#"{"eos_token_id": 6}"#).unwrap();
        let chat = ChatTokenizer::from_folder(dir.path()).unwrap();
        assert_eq!(ends(&chat), ["<|im_end|>", "<|endoftext|>", "<|eot_id|>"]);
    }

    #[test]
    fn special_tokens_are_read_from_their_own_file_too() {
        let dir = folder(&tokenizer(), &json!({"eos_token": null}));
        let map = r#"{"eos_token": {"content": "<|endoftext|>", "lstrip": false}, "bos_token": "<s>"}"#;
        fs::write(dir.path().join(SPECIALS), map).unwrap();
        let chat = ChatTokenizer::from_folder(dir.path()).unwrap();
        assert_eq!(ends(&chat), ["<|endoftext|>"]);
        assert_eq!(chat.token_text(chat.bos_id().unwrap()), "<s>");
    }

    #[test]
    fn the_template_file_wins_over_the_configuration() {
        let dir = folder(&tokenizer(), &json!({"eos_token": "<|im_end|>", "chat_template": "configured"}));
        let chat = ChatTokenizer::from_folder(dir.path()).unwrap();
        assert_eq!(chat.template_origin(), &TemplateOrigin::File(CONFIG));
        fs::write(dir.path().join(TEMPLATE), "from the file").unwrap();
        let chat = ChatTokenizer::from_folder(dir.path()).unwrap();
        assert_eq!(chat.template_origin(), &TemplateOrigin::File(TEMPLATE));
        let prompt = chat.encode_prompt(&conversation("", &["a"])).unwrap();
        assert_eq!(chat.decode(&prompt).unwrap(), "from the file");
    }

    #[test]
    fn of_several_templates_the_default_is_taken() {
        let entry = |name: &str| json!({"name": name, "template": name});
        let open = |named: Value| {
            let dir = folder(&tokenizer(), &json!({"eos_token": "<|im_end|>", "chat_template": named}));
            let chat = ChatTokenizer::from_folder(dir.path())?;
            chat.decode(&chat.encode_prompt(&conversation("", &["a"]))?)
        };
        assert_eq!(open(json!([entry("tool_use"), entry("default")])).unwrap(), "default");
        assert_eq!(open(json!([entry("rag")])).unwrap(), "rag");
        let message = open(json!([entry("rag"), entry("tool_use")])).unwrap_err().to_string();
        assert!(message.contains("\"default\"") && message.contains(CONFIG), "{message}");
    }

    #[test]
    fn cutting_and_padding_of_the_tokenizer_file_are_not_obeyed() {
        let mut cutting = tokenizer();
        cutting.with_truncation(Some(tokenizers::TruncationParams { max_length: 2, ..Default::default() })).unwrap();
        cutting.with_padding(Some(tokenizers::PaddingParams {
            strategy: tokenizers::PaddingStrategy::Fixed(9),
            ..Default::default()
        }));
        let chat = ChatTokenizer::from_folder(folder(&cutting, &json!({})).path()).unwrap();
        assert_eq!(chat.encode("abcd").unwrap().len(), 4);
    }
}
