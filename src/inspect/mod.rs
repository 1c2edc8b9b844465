//! Gates captured and summarised: which head every token of a text goes to, in every adapted module. [`routing_of`] looks
//! at one text and [`summary_in_words`] says what is there; [`survey`] sums up many examples, and [`replay()`] shows how
//! routing formed during a run. [`matrices`] holds the matrices of several adapters against each other. [`write_forward`]
//! puts logits and gates into a file, to compare them with another program's.

mod forward;
pub mod matrices;
mod replay;
mod routing;
pub mod survey;

pub use forward::write_forward;
pub use matrices::{MatrixKind, MatrixReport};
pub use replay::{FrameOrigin, GateFrame, ModuleMean, replay};
pub use routing::{Routing, routing_of, summary_in_words};
pub use survey::RoutingSurvey;
