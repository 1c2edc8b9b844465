//! Gates captured and summarised: which head every token of a text goes to, in every adapted module. [`routing_of`] looks
//! at one text, [`summary_in_words`] says what is there, [`topic_loads`] compares the topics of a dataset.
//! [`write_forward`] puts logits and gates into a file, to compare them with another program's.

mod forward;
mod routing;
mod topics;

pub use forward::write_forward;
pub use routing::{LEADS_ALONE, Routing, routing_of, summary_in_words};
pub use topics::{TopicLoad, topic_loads};
