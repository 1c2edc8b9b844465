//! Small tokenizers and templates for this room's tests.

use std::collections::HashMap;
use std::fs;

use candle_core::quantized::gguf_file::Value as Gguf;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Tokenizer};

use super::ChatTokenizer;
use super::bpe::vocabulary;
use crate::data::{Message, Role};

/// Opens every turn with its role, prints a system message of its own, ends turns with `<|im_end|>`.
pub(super) const CHATML: &str = "\
{% for m in messages %}
{% if loop.first and m.role != 'system' %}
{{ '<|im_start|>system\\nBe kind.<|im_end|>\\n' -}}
{% endif %}
{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' -}}
{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// Prints the begin-of-text token itself and trims contents.
pub(super) const LLAMA3: &str = "\
{{- bos_token }}
{%- for m in messages %}
    {{- '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + m.content | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}";

/// Tokens beside the 256 bytes and the merges.
pub(super) const SPECIALS: [&str; 8] = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<s>",
];

const MERGES: [&str; 12] =
    ["t h", "th e", "Ġ the", "h e", "l l", "he ll", "hell o", "Ġ hello", "1 2", "Ġ Ġ", "Ċ Ċ", "u s"];

/// The vocabulary of all byte-level fixtures: special tokens, bytes, merges.
pub(super) fn tokens() -> Vec<String> {
    let mut bytes: Vec<String> = ByteLevel::alphabet().into_iter().map(String::from).collect();
    bytes.sort();
    let specials = SPECIALS.iter().map(|token| (*token).to_owned());
    specials.chain(bytes).chain(MERGES.iter().map(|merge| merge.replace(' ', ""))).collect()
}

/// A byte-level tokenizer that splits digits, as SmolLM2's does.
pub(super) fn tokenizer() -> Tokenizer {
    let tokens = tokens();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let merges = MERGES.iter().map(|merge| merge.split_once(' ').unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned()));
    let model = BPE::builder().vocab_and_merges(vocabulary(&tokens), merges.collect()).build().unwrap();
    let mut tokenizer = Tokenizer::new(model);
    let steps = vec![Digits::new(true).into(), ByteLevel::new(false, true, true).into()];
    tokenizer.with_pre_tokenizer(Some(Sequence::new(steps)));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    tokenizer.with_post_processor(Some(ByteLevel::new(false, false, true)));
    tokenizer.add_special_tokens(SPECIALS.map(|token| AddedToken::from(token, true))).unwrap();
    tokenizer
}

/// The same, with `<s>` put before every text.
pub(super) fn tokenizer_with_bos() -> Tokenizer {
    let mut tokenizer = tokenizer();
    let id = tokenizer.token_to_id("<s>").unwrap();
    let mut processor = TemplateProcessing::builder();
    let processor = processor.try_single("<s> $A").unwrap().special_tokens(vec![("<s>", id)]).build();
    tokenizer.with_post_processor(Some(processor.unwrap()));
    tokenizer
}

/// A Hugging Face folder with a tokenizer and its configuration.
pub(super) fn folder(tokenizer: &Tokenizer, config: &Value) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tokenizer.json"), tokenizer.to_string(false).unwrap()).unwrap();
    fs::write(dir.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    dir
}

/// The byte-level fixture under a template; `eos` is the tokenizer's own end token.
pub(super) fn chat(template: &str, eos: &str) -> ChatTokenizer {
    let config = json!({"eos_token": eos, "bos_token": "<|begin_of_text|>", "chat_template": template});
    ChatTokenizer::from_folder(folder(&tokenizer(), &config).path()).unwrap()
}

/// A conversation: user and assistant by turns, after a system message where the first is not empty.
pub(super) fn conversation(system: &str, turns: &[&str]) -> Vec<Message> {
    let roles = [Role::User, Role::Assistant].into_iter().cycle();
    let turns = roles.zip(turns).map(|(role, content)| message(role, content));
    let system = (!system.is_empty()).then(|| message(Role::System, system));
    system.into_iter().chain(turns).collect()
}

pub(super) fn message(role: Role, content: &str) -> Message {
    Message { role, content: content.to_owned() }
}

fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Gguf {
    Gguf::Array(texts.into_iter().map(|text| Gguf::String(text.into())).collect())
}

/// GGUF metadata of the byte-level fixture.
pub(super) fn gguf_bpe(pre: &str) -> HashMap<String, Gguf> {
    let tokens = tokens();
    let kinds = (0..tokens.len()).map(|id| Gguf::I32(if id < SPECIALS.len() { 3 } else { 1 })).collect();
    HashMap::from([
        ("tokenizer.ggml.model".to_owned(), Gguf::String("gpt2".to_owned())),
        ("tokenizer.ggml.pre".to_owned(), Gguf::String(pre.to_owned())),
        ("tokenizer.ggml.tokens".to_owned(), texts(tokens)),
        ("tokenizer.ggml.token_type".to_owned(), Gguf::Array(kinds)),
        ("tokenizer.ggml.merges".to_owned(), texts(MERGES)),
        ("tokenizer.ggml.bos_token_id".to_owned(), Gguf::U32(1)),
        ("tokenizer.ggml.eos_token_id".to_owned(), Gguf::U32(2)),
        ("tokenizer.ggml.add_bos_token".to_owned(), Gguf::Bool(false)),
        ("tokenizer.chat_template".to_owned(), Gguf::String(CHATML.to_owned())),
    ])
}

/// GGUF metadata of a small SentencePiece model: bytes, letters, and pieces by score.
pub(super) fn gguf_sentencepiece() -> HashMap<String, Gguf> {
    let mut entries: Vec<(String, i32, f32)> =
        [("<unk>", 2), ("<s>", 3), ("</s>", 3)].map(|(token, kind)| (token.to_owned(), kind, 0.0)).to_vec();
    entries.extend((0..=255u8).map(|byte| (format!("<0x{byte:02X}>"), 6, 0.0)));
    let pieces = ["▁t", "he", "▁the", "▁a", "er", "▁he", "ll", "▁hell", "▁hello", "▁▁"];
    entries.extend((0i16..).zip(pieces).map(|(rank, piece)| (piece.to_owned(), 1, -f32::from(rank))));
    let letters = "▁abcdefghijklmnopqrstuvwxyzABTU.,:[]/0123456789".chars();
    entries.extend(letters.map(|letter| (letter.to_string(), 1, -1000.0)));
    HashMap::from([
        ("tokenizer.ggml.model".to_owned(), Gguf::String("llama".to_owned())),
        ("tokenizer.ggml.tokens".to_owned(), texts(entries.iter().map(|(token, ..)| token.clone()))),
        ("tokenizer.ggml.token_type".to_owned(), Gguf::Array(entries.iter().map(|entry| Gguf::I32(entry.1)).collect())),
        ("tokenizer.ggml.scores".to_owned(), Gguf::Array(entries.iter().map(|entry| Gguf::F32(entry.2)).collect())),
        ("tokenizer.ggml.bos_token_id".to_owned(), Gguf::U32(1)),
        ("tokenizer.ggml.eos_token_id".to_owned(), Gguf::U32(2)),
    ])
}
