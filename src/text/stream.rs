//! Tokens that arrive one by one, turned into text as soon as whole characters are there.

use std::sync::Arc;

use tokenizers::Tokenizer;

use super::error::TextError;

/// Turns generated tokens into text piece by piece. A character that spans several tokens is held back until its last
/// token came; special tokens give no text. All pieces together equal the text of all tokens.
#[derive(Clone)]
pub struct TokenStream {
    tokenizer: Arc<Tokenizer>,
    window: Window,
}

impl TokenStream {
    pub(super) fn new(tokenizer: Arc<Tokenizer>) -> Self {
        Self { tokenizer, window: Window::new(true) }
    }

    /// Takes the next token and gives the text that it completes, where it completes any.
    pub fn push(&mut self, id: u32) -> Result<Option<String>, TextError> {
        self.window.push(&self.tokenizer, id)
    }

    /// Ends the stream and gives what was held back: a character that was never completed, as `�`.
    pub fn finish(mut self) -> Result<Option<String>, TextError> {
        self.window.finish(&self.tokenizer)
    }
}

/// The text of each token in turn, special tokens by their names: together they are the whole text.
pub(super) fn split_text(tokenizer: &Tokenizer, ids: &[u32]) -> Result<Vec<String>, TextError> {
    let mut window = Window::new(false);
    let mut texts = ids
        .iter()
        .map(|&id| Ok(window.push(tokenizer, id)?.unwrap_or_default()))
        .collect::<Result<Vec<String>, TextError>>()?;
    if let (Some(rest), Some(last)) = (window.finish(tokenizer)?, texts.last_mut()) {
        last.push_str(&rest);
    }
    Ok(texts)
}

/// The last tokens of a stream. A token's text depends on the token before it (a space at a text's start is dropped by
/// some tokenizers), so each piece is the difference of two decodings that begin at the same earlier token.
#[derive(Clone)]
struct Window {
    skip_special: bool,
    ids: Vec<u32>,
    /// How many of `ids` have given their text.
    given: usize,
}

impl Window {
    fn new(skip_special: bool) -> Self {
        Self { skip_special, ids: Vec::new(), given: 0 }
    }

    fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<Option<String>, TextError> {
        self.ids.push(id);
        self.take(tokenizer, false)
    }

    fn finish(&mut self, tokenizer: &Tokenizer) -> Result<Option<String>, TextError> {
        self.take(tokenizer, true)
    }

    fn take(&mut self, tokenizer: &Tokenizer, last: bool) -> Result<Option<String>, TextError> {
        let decode = |ids: &[u32]| {
            tokenizer.decode(ids, self.skip_special).map_err(|error| TextError::Decode { reason: error.to_string() })
        };
        let before = decode(self.ids.get(..self.given).unwrap_or_default())?;
        let text = decode(&self.ids)?;
        if text.ends_with(char::REPLACEMENT_CHARACTER) && !last {
            return Ok(None);
        }
        let piece = text.strip_prefix(&before).unwrap_or_default().to_owned();
        if piece.is_empty() {
            return Ok(None);
        }
        self.ids.drain(..self.given);
        self.given = self.ids.len();
        Ok(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use crate::text::ChatTokenizer;
    use crate::text::fixtures::{CHATML, chat, gguf_sentencepiece};

    fn streamed(chat: &ChatTokenizer, ids: &[u32]) -> (Vec<Option<String>>, Option<String>) {
        let mut stream = chat.stream();
        let pieces = ids.iter().map(|&id| stream.push(id).unwrap()).collect();
        (pieces, stream.finish().unwrap())
    }

    #[test]
    fn a_character_of_several_tokens_comes_with_its_last_token() {
        let chat = chat(CHATML, "<|im_end|>");
        let ids = chat.encode("é🙂").unwrap();
        assert_eq!(ids.len(), 6);
        let (pieces, rest) = streamed(&chat, &ids);
        let expected = [None, Some("é"), None, None, None, Some("🙂")];
        assert_eq!(pieces, expected.map(|piece| piece.map(str::to_owned)));
        assert_eq!(rest, None);
    }

    #[test]
    fn an_unfinished_character_is_given_at_the_end() {
        let chat = chat(CHATML, "<|im_end|>");
        let ids = chat.encode("hello🙂").unwrap();
        let (pieces, rest) = streamed(&chat, &ids[..3]);
        assert_eq!(pieces[0].as_deref(), Some("hello"));
        assert_eq!(rest.as_deref(), Some("\u{FFFD}"));
    }

    #[test]
    fn special_tokens_give_no_text_in_a_stream() {
        let chat = chat(CHATML, "<|im_end|>");
        let (pieces, rest) = streamed(&chat, &chat.encode("a<|im_end|>b").unwrap());
        assert_eq!(pieces, [Some("a".to_owned()), None, Some("b".to_owned())]);
        assert_eq!(rest, None);
    }

    #[test]
    fn streamed_pieces_keep_the_spaces_between_sentencepiece_words() {
        let chat = ChatTokenizer::from_gguf(&gguf_sentencepiece()).unwrap();
        let text = "hello the  teacher é🙂 x";
        let (pieces, _) = streamed(&chat, &chat.encode(text).unwrap());
        assert_eq!(pieces.into_iter().flatten().collect::<String>(), text);
    }

    #[test]
    fn the_texts_of_tokens_are_the_whole_text() {
        for chat in [chat(CHATML, "<|im_end|>"), ChatTokenizer::from_gguf(&gguf_sentencepiece()).unwrap()] {
            let text = "the  é🙂, 12 hello";
            let ids = chat.encode(text).unwrap();
            let texts = chat.token_texts(&ids).unwrap();
            assert_eq!((texts.len(), texts.concat().as_str()), (ids.len(), text));
        }
        let chat = chat(CHATML, "<|im_end|>");
        let texts = chat.token_texts(&chat.encode("<|im_start|>us").unwrap()).unwrap();
        assert_eq!(texts, ["<|im_start|>", "us"]);
    }
}
