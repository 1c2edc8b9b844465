//! Byte-level BPE, the tokenizer of GPT-2, SmolLM2, Llama 3 and Qwen, built from a GGUF file's tokens and merges.
//!
//! GGUF stores no pipeline, only the name of one; the pipelines here equal the `tokenizer.json` of the models that the
//! names stand for.

use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer};

/// How a text is cut into words before the merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Gpt2,
    /// GPT-2's words, but every digit stands alone.
    SmolLm,
    /// Digits in groups of up to three.
    Llama3,
    Qwen2,
    /// Mistral's.
    Tekken,
    /// What llama.cpp does where a file names no pre-tokenizer.
    Unnamed,
}

impl Style {
    /// The style that a GGUF file's `tokenizer.ggml.pre` names.
    pub(super) fn named(pre: &str) -> Option<Self> {
        Some(match pre {
            "gpt-2" | "gpt2" | "mpt" | "olmo" | "phi-2" => Self::Gpt2,
            "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" => Self::SmolLm,
            "llama-bpe" | "llama3" | "llama-v3" => Self::Llama3,
            "qwen2" | "deepseek-r1-qwen" => Self::Qwen2,
            "tekken" => Self::Tekken,
            "default" => Self::Unnamed,
            _ => return None,
        })
    }

    /// The patterns that cut a text, one after the other, before its bytes are looked at.
    fn patterns(self) -> &'static [&'static str] {
        match self {
            Self::Gpt2 | Self::SmolLm => &[],
            Self::Llama3 => &[concat!(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}",
                r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            )],
            Self::Qwen2 => &[concat!(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
                r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            )],
            Self::Tekken => &[concat!(
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
                r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}",
                r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            )],
            Self::Unnamed => &[
                r"[\p{P}\$\+<=>\^~\|]+",
                r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
                r"\p{N}+",
                r"[0-9][0-9][0-9]",
            ],
        }
    }

    /// Whether a word that is a token as a whole is taken so, whatever the merges would give.
    fn ignores_merges(self) -> bool {
        matches!(self, Self::Llama3 | Self::Tekken)
    }

    fn pre_tokenizer(self) -> tokenizers::Result<PreTokenizerWrapper> {
        let mut steps: Vec<PreTokenizerWrapper> = Vec::new();
        if self == Self::SmolLm {
            steps.push(Digits::new(true).into());
        }
        for pattern in self.patterns() {
            let pattern = SplitPattern::Regex((*pattern).to_owned());
            steps.push(Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?.into());
        }
        steps.push(ByteLevel::new(false, true, self.patterns().is_empty()).into());
        Ok(Sequence::new(steps).into())
    }
}

/// Each token's id. Of equal tokens the first counts.
pub(super) fn vocabulary(tokens: &[&str]) -> Vocab {
    let entries = tokens.iter().enumerate().rev();
    entries.filter_map(|(id, token)| Some(((*token).to_owned(), u32::try_from(id).ok()?))).collect()
}

/// A byte-level BPE tokenizer. `merges` are pairs of tokens with a space between, the most frequent first.
pub(super) fn build(tokens: &[&str], merges: &[&str], style: Style) -> tokenizers::Result<Tokenizer> {
    let vocabulary = vocabulary(tokens);
    let merges = merges.iter().map(|merge| pair(&vocabulary, merge)).collect::<Result<Vec<_>, String>>()?;
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).ignore_merges(style.ignores_merges()).build()?;
    let mut tokenizer = Tokenizer::new(model);
    if style == Style::Qwen2 {
        tokenizer.with_normalizer(Some(NFC))?;
    }
    tokenizer.with_pre_tokenizer(Some(style.pre_tokenizer()?));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    tokenizer.with_post_processor(Some(ByteLevel::new(false, false, true)));
    Ok(tokenizer)
}

/// The two halves of a merge. That their union is a token is checked here, since the model's builder takes it for
/// granted.
fn pair(vocabulary: &Vocab, merge: &str) -> Result<(String, String), String> {
    let halves = merge.split_once(' ').filter(|(left, right)| vocabulary.contains_key(&[*left, *right].concat()));
    let (left, right) = halves.ok_or_else(|| format!("the merge \"{merge}\" does not make a token"))?;
    Ok((left.to_owned(), right.to_owned()))
}
