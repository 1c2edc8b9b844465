//! What stands on disk around a training: changed datasets ([`Datasets`]), the demo that comes with the program and where it is unpacked, the run folders
//! that training has left, as a list ([`runs`]), the [`queue`] of those that wait, the [`sweep`] and the [`breakdown()`] that
//! fill it, runs set side by side ([`comparison`]), names that a user gave to heads, and presets of settings. What the
//! window remembers between two starts (theme, zoom,
//! recent paths) is the window's own, in `app/settings.rs`.

mod breakdown;
pub mod comparison;
mod datasets;
mod demo;
mod head_names;
mod paths;
mod presets;
pub mod queue;
pub mod runs;
pub mod sweep;

pub use breakdown::breakdown;
pub use datasets::{DatasetError, Datasets, EXAMPLES_FILE, QUARANTINE_FILE, save_dataset};
pub use demo::{DemoPlace, demo_settings, unpack_demo};
pub use head_names::{HEAD_NAMES_FILE, HeadNamesError, carry_head_names, head_names, name_head};
pub use paths::AppPaths;
pub use presets::{Preset, PresetError, PresetName, built_in_presets, keep_presets, list_presets};
pub use queue::{QueueFile, QueueMode, QueueSummary, QueuedId, QueuedRun, QueuedState, RunOrder, Shift};
pub use sweep::{Contender, Sweep, SweepPlace, Variant};
