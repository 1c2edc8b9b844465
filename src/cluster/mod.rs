//! Topics of texts, and how many heads they call for. HydraLoRA's authors choose the number of heads by clustering the
//! corpus (appendix B of the paper, which leaves the rest open); here every step is written down.
//!
//! Texts become words (`words.rs`), words TF-IDF rows (`tfidf.rs`, sparse), these their 100 strongest directions (`svd.rs`), scaled to
//! length 1, and k-means groups them (`kmeans.rs`) for every number of groups. The curves of errors and silhouettes
//! (`curves.rs`), resamples and a shuffled corpus say how many topics there are, or that there are none (`advice.rs`). Features of
//! a base model can stand in for the words' directions. Texts are sorted first, so that their order makes no difference, and
//! everything drawn comes from one seed. Start at [`find_topics`], in `find.rs`.
//!
//! Who wants to look at topics and change them reads a [`Corpus`], which tells what groups are about (`describe.rs`), lays its
//! texts out as a map (`map.rs`, `tsne.rs`) and tries how stable their number is (`trials.rs`), and keeps a [`TopicBook`] of them
//! (`book.rs`, `book_file.rs`).
//!
//! Written here rather than taken from a crate: those at hand keep TF-IDF dense, draw beyond a seed's control, or cannot be
//! cancelled.

mod advice;
mod agreement;
mod book;
mod book_file;
mod corpus;
mod curves;
mod dense;
mod density;
mod describe;
mod elbow;
mod find;
mod kmeans;
mod map;
mod overlap;
mod silhouette;
mod sparse;
mod svd;
mod tfidf;
mod topic;
mod trials;
pub mod tsne;
mod words;

pub use advice::{Advice, Clarity};
pub use agreement::{adjusted_rand, normalised_mutual_information};
pub use book::{BookError, BookTopic, TopicBook, TopicFeatures, TopicMethod, TopicOrigin};
pub use book_file::{BookFileError, CLUSTERS_FILE};
pub use corpus::Corpus;
pub use density::DenseGroups;
pub use describe::Described;
pub use find::{FindTopics, Topics, find_dense_groups, find_topics, find_topics_by};
pub use map::{LAID_OUT, Places, principal_map, refine_map};
pub use svd::Points;
pub use trials::{TRIALS, Trial};
