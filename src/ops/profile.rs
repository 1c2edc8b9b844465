//! Where the time of a step goes, by kind of operation. Off unless someone looks: then an operation reads one flag.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The kinds that time is told apart by. Their times never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OpKind {
    /// Products with the base model's frozen projections.
    BaseProduct,
    /// `A`, router, gates and heads.
    Adapter,
    Attention,
    Norm,
    SwiGlu,
    /// Vocabulary projection and cross-entropy.
    Loss,
}

impl OpKind {
    /// Every kind, in the order of a decoder layer.
    pub const ALL: [OpKind; 6] =
        [OpKind::BaseProduct, OpKind::Adapter, OpKind::Attention, OpKind::Norm, OpKind::SwiGlu, OpKind::Loss];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            OpKind::BaseProduct => "base products",
            OpKind::Adapter => "adapter",
            OpKind::Attention => "attention",
            OpKind::Norm => "norms",
            OpKind::SwiGlu => "swiglu",
            OpKind::Loss => "vocabulary and loss",
        }
    }
}

static IS_ON: AtomicBool = AtomicBool::new(false);
static NANOSECONDS: [AtomicU64; OpKind::ALL.len()] = [const { AtomicU64::new(0) }; OpKind::ALL.len()];

/// Starts to count, from zero, or stops.
pub fn set_profiling(on: bool) {
    NANOSECONDS.iter().for_each(|total| total.store(0, Ordering::Relaxed));
    IS_ON.store(on, Ordering::Relaxed);
}

/// Wall time spent in each kind since counting began, forward and backward together.
pub fn profiled() -> [(OpKind, Duration); OpKind::ALL.len()] {
    OpKind::ALL.map(|kind| (kind, Duration::from_nanos(NANOSECONDS[kind as usize].load(Ordering::Relaxed))))
}

/// Runs `work` as an operation of that kind.
pub(super) fn timed<R>(kind: OpKind, work: impl FnOnce() -> R) -> R {
    if !IS_ON.load(Ordering::Relaxed) {
        return work();
    }
    let started = Instant::now();
    let result = work();
    NANOSECONDS[kind as usize].fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
    result
}
