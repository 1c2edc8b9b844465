//! SentencePiece's BPE, the tokenizer of Llama 2, TinyLlama and older Mistral models, built from a GGUF file's pieces.
//!
//! SentencePiece joins the neighbours whose union has the best score; a BPE model joins by a list of pairs. The list is
//! found by cutting each piece in two at every place where both halves are pieces, best piece first.

use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence as Decoders;
use tokenizers::decoders::strip::Strip;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::replace::Replace;
use tokenizers::normalizers::{Prepend, Sequence as Normalizers};
use tokenizers::{NormalizerWrapper, Tokenizer};

use super::bpe;
use super::gguf::Kind;

/// The vocabulary, entry by entry.
#[derive(Clone, Copy)]
pub(super) struct Pieces<'a> {
    pub(super) tokens: &'a [&'a str],
    pub(super) kinds: &'a [Kind],
    pub(super) scores: &'a [f32],
}

/// No real piece is longer; cutting a longer one at every place would take forever.
const LONGEST_PIECE: usize = 1024;

/// Stands for a space inside a piece.
const SPACE: &str = "▁";

/// A SentencePiece-like tokenizer. With `prefix` a text is read as if a space stood before it.
pub(super) fn build(pieces: Pieces, prefix: bool) -> tokenizers::Result<Tokenizer> {
    let vocabulary = bpe::vocabulary(pieces.tokens);
    let merges = merges(pieces, &vocabulary)?;
    let mut model = BPE::builder().vocab_and_merges(vocabulary, merges).byte_fallback(true).fuse_unk(true);
    let unknown = pieces.tokens.iter().zip(pieces.kinds).find(|(_, kind)| **kind == Kind::Unknown);
    if let Some((token, _)) = unknown {
        model = model.unk_token((*token).to_owned());
    }
    let mut tokenizer = Tokenizer::new(model.build()?);
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if prefix {
        steps.push(Prepend::new(SPACE.to_owned()).into());
    }
    steps.push(Replace::new(" ", SPACE)?.into());
    tokenizer.with_normalizer(Some(Normalizers::new(steps)))?;
    let mut decoders = vec![Replace::new(SPACE, " ")?.into(), ByteFallback::default().into(), Fuse::default().into()];
    if prefix {
        decoders.push(Strip::new(' ', 1, 0).into());
    }
    tokenizer.with_decoder(Some(Decoders::new(decoders)));
    Ok(tokenizer)
}

/// Every way to make a piece of two others, the piece with the best score first.
fn merges(pieces: Pieces, vocabulary: &Vocab) -> Result<Merges, String> {
    let mut whole: Vec<(&str, f32)> = Vec::new();
    for ((token, kind), score) in pieces.tokens.iter().zip(pieces.kinds).zip(pieces.scores) {
        if token.len() > LONGEST_PIECE {
            return Err(format!("a piece is {} bytes long, and {LONGEST_PIECE} is the most", token.len()));
        }
        if *kind == Kind::Normal {
            whole.push((*token, *score));
        }
    }
    whole.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    let halves = whole.iter().flat_map(|(piece, _)| {
        let cuts = piece.char_indices().skip(1).map(|(at, _)| piece.split_at(at));
        cuts.filter(|(left, right)| vocabulary.contains_key(*left) && vocabulary.contains_key(*right))
    });
    Ok(halves.map(|(left, right)| (left.to_owned(), right.to_owned())).collect())
}
