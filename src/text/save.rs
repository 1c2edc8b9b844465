//! Tokenizer and chat template written beside an adapter, so that whoever loads it reads text as it was trained.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tokenizers::Tokenizer;

use super::error::TextError;
use super::folder::{CONFIG, TEMPLATE, TOKENIZER};
use super::tokenizer::ChatTokenizer;

impl ChatTokenizer {
    /// Writes `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja` into `dir`, which must exist, and
    /// gives their names. From a GGUF file they are built; from a folder without `tokenizer_config.json` one is made of
    /// what is known. Errs when a file cannot be written.
    pub fn save(&self, dir: &Path) -> Result<Vec<String>, TextError> {
        let mut tokenizer = Tokenizer::clone(&self.tokenizer);
        tokenizer.with_post_processor(self.facts.post_processor.clone());
        let tokenizer =
            tokenizer.to_string(false).map_err(|error| TextError::malformed(Path::new(TOKENIZER), error))?;
        let config = Value::Object(self.facts.config.clone());
        let files = [(TOKENIZER, tokenizer), (CONFIG, format!("{config:#}\n")), (TEMPLATE, self.template_for_others())];
        for (name, text) in &files {
            let path = dir.join(name);
            fs::write(&path, text).map_err(|source| TextError::Write { path, source })?;
        }
        Ok(files.iter().map(|(name, _)| (*name).to_owned()).collect())
    }

    /// The template as it must stand in a file. Whoever reads it from there adds no begin-of-text token to what it
    /// prints, so the plain one, which relies on that being added, prints it itself.
    fn template_for_others(&self) -> String {
        let source = self.template.source();
        let begins = self.facts.lead.first().is_some_and(|first| self.facts.bos_id == Some(*first));
        if begins && !self.template.origin().is_models_own() {
            format!("{{{{- bos_token }}}}\n{source}")
        } else {
            source.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::text::fixtures::{
        CHATML, conversation, folder, gguf_bpe, gguf_sentencepiece, tokenizer, tokenizer_with_bos,
    };

    fn assert_reads_back_equal(chat: &ChatTokenizer) {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(chat.save(dir.path()).unwrap(), [TOKENIZER, CONFIG, TEMPLATE]);
        let again = ChatTokenizer::from_folder(dir.path()).unwrap();
        let messages = conversation("Be brief.", &["hello  12", "the é", "a", "b"]);
        assert_eq!(chat.encode_example(&messages, 1000).unwrap(), again.encode_example(&messages, 1000).unwrap());
        assert_eq!((chat.eos_ids(), chat.bos_id(), chat.pad_id()), (again.eos_ids(), again.bos_id(), again.pad_id()));
        let begins = |chat: &ChatTokenizer| chat.facts.lead.clone();
        assert_eq!(begins(chat), begins(&again));
    }

    #[test]
    fn a_saved_tokenizer_reads_back_equal() {
        for metadata in [gguf_bpe("smollm"), gguf_bpe("llama-bpe"), gguf_sentencepiece()] {
            assert_reads_back_equal(&ChatTokenizer::from_gguf(&metadata).unwrap());
        }
        let config = json!({"bos_token": "<s>", "eos_token": "<|im_end|>", "chat_template": CHATML});
        for tokenizer in [tokenizer(), tokenizer_with_bos()] {
            assert_reads_back_equal(&ChatTokenizer::from_folder(folder(&tokenizer, &config).path()).unwrap());
        }
        let plain = json!({"bos_token": "<s>", "eos_token": "<|im_end|>"});
        for tokenizer in [tokenizer(), tokenizer_with_bos()] {
            assert_reads_back_equal(&ChatTokenizer::from_folder(folder(&tokenizer, &plain).path()).unwrap());
        }
    }

    #[test]
    fn what_stands_in_other_files_is_saved_in_the_configuration() {
        let dir = folder(&tokenizer(), &json!({"eos_token": null}));
        fs::write(dir.path().join("special_tokens_map.json"), r#"{"bos_token": "<s>"}"#).unwrap();
        fs::write(dir.path().join("generation_config.json"), r#"{"eos_token_id": 2}"#).unwrap();
        assert_reads_back_equal(&ChatTokenizer::from_folder(dir.path()).unwrap());
        fs::remove_file(dir.path().join(CONFIG)).unwrap();
        assert_reads_back_equal(&ChatTokenizer::from_folder(dir.path()).unwrap());
    }

    #[test]
    fn the_saved_tokenizer_file_still_puts_the_begin_of_text_token_first() {
        let dir = tempfile::tempdir().unwrap();
        ChatTokenizer::from_gguf(&gguf_sentencepiece()).unwrap().save(dir.path()).unwrap();
        let plain = Tokenizer::from_file(dir.path().join(TOKENIZER)).unwrap();
        assert_eq!(plain.encode("a", true).unwrap().get_ids().first(), Some(&1));
    }

    #[test]
    fn a_folder_that_does_not_exist_is_an_error_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let chat = ChatTokenizer::from_gguf(&gguf_bpe("smollm")).unwrap();
        let message = chat.save(&dir.path().join("none")).unwrap_err().to_string();
        assert!(message.contains("cannot write") && message.contains(TOKENIZER), "{message}");
    }
}
