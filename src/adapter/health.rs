//! Whether the heads of an adapter share the work in good health, judged by plain figures: the gates that a router gave,
//! and how alike the heads are. The same thresholds hold while training, after it, and in the verdict on a run.

use serde::{Deserialize, Serialize};

use super::Module;

/// A head whose mean gate is above this takes nearly all of it: the router has collapsed.
pub const LEADS_ALONE: f32 = 0.9;
/// Gates with more than this share of the largest possible entropy count as even.
pub const EVEN: f32 = 0.97;
/// Heads whose `B` have a cosine above this say the same. With even gates they learn the same too: a deadlock.
pub const ALIKE: f32 = 0.95;
/// A head with less than this share of the mean gate that an even router would give it is dead, where it leads no token.
pub const DEAD_SHARE: f32 = 0.05;
/// A head that leads fewer than this share of the tokens leads none.
pub const LEADS_NONE: f32 = 0.001;
/// A token's gates are saturated where one is above this: the router no longer learns from it.
pub const SATURATED: f32 = 0.95;
/// Gates are called saturated where more than this share of the tokens has such gates.
pub const MOSTLY_SATURATED: f32 = 0.5;

/// What may be wrong with the heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthKind {
    /// One head takes nearly all: its mean gate is above [`LEADS_ALONE`].
    Collapse,
    /// The gates are even ([`EVEN`]) and the heads alike ([`ALIKE`]): no head can become another than the rest.
    Deadlock,
    /// A head takes next to nothing ([`DEAD_SHARE`]) and leads no token ([`LEADS_NONE`]).
    DeadHead,
    /// Most tokens ([`MOSTLY_SATURATED`]) go to one head alone ([`SATURATED`]), though not all to the same.
    Saturated,
}

/// One thing that is wrong with the heads, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthFinding {
    pub kind: HealthKind,
    /// The head that takes all, or the heads that take nothing; empty where it is about all heads, or where different
    /// heads of different modules are meant.
    pub heads: Vec<usize>,
    /// Where it is so, in forward order; empty where it is so over all modules together.
    pub modules: Vec<Module>,
    /// Modules that were looked at.
    pub of_modules: usize,
    /// The figure that crossed its threshold, the worst of them: a mean gate, a cosine, or a share of the tokens, by kind.
    pub figure: f32,
}
