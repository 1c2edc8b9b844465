//! What stands on disk beside runs and adapters: the demo that comes with the program and where it is unpacked, the queue
//! of runs that wait, and sweeps that fill it. What the window remembers between two starts (theme, zoom, recent paths)
//! is the window's own, in `app/settings.rs`.

mod demo;
mod paths;
pub mod queue;
pub mod sweep;

pub use demo::{DemoPlace, demo_settings, unpack_demo};
pub use paths::AppPaths;
pub use queue::{QueueFile, QueueMode, QueueSummary, QueuedId, QueuedRun, QueuedState, RunOrder, Shift};
pub use sweep::{Contender, Sweep, SweepPlace, Variant};
