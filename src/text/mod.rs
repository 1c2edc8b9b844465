//! Text in, tokens out: the tokenizer, the chat template, and training examples rendered to tokens and loss mask.
//!
//! Start with [`ChatTokenizer`] (`tokenizer.rs`): one cheap handle to a base model's tokenizer, its chat template and
//! its special tokens. It is read from a Hugging Face folder (`folder.rs`) or from a GGUF file's metadata (`gguf.rs`,
//! with the pipelines in `bpe.rs` and `sentencepiece.rs`), and written into an adapter folder again by `save.rs`.
//!
//! `template.rs` runs the model's own Jinja template, or the plain default that its documentation gives in full;
//! `bounds.rs` says how much memory it may take.
//! `span.rs` finds the assistant's answers in the rendered text, `example.rs` cuts the text there and turns the pieces
//! into tokens: so the tokens of a prompt are exactly the beginning of the tokens of its training example, and the loss
//! counts the answers with their end token and nothing else. `stream.rs` turns generated tokens into text piece by
//! piece. `packing.rs` says which examples are computed together; `batch.rs` lays them into batches and shuffles an
//! epoch. `audit/` tells of many examples at once what a model will learn from them.

pub mod audit;
mod batch;
mod bounds;
mod bpe;
mod error;
mod example;
mod folder;
mod gguf;
mod packing;
mod python_json;
mod save;
mod sentencepiece;
mod span;
mod stream;
mod template;
mod tokenizer;

#[cfg(test)]
mod fixtures;

pub use batch::{Batch, IGNORED, epoch_order};
pub use error::TextError;
pub use example::TokenizedExample;
pub use packing::{length_groups, packed_groups};
pub use stream::TokenStream;
pub use template::{Clock, PLAIN_TEMPLATE, TemplateOrigin};
pub use tokenizer::ChatTokenizer;
