//! What stands on disk beside runs and adapters: the demo that comes with the program, and where it is unpacked; presets
//! of settings, the user's own and those that come with the program. What the window remembers between two starts (theme, zoom, recent paths) is the window's own, in `app/settings.rs`.

mod demo;
mod paths;
mod presets;

pub use demo::{DemoPlace, demo_settings, unpack_demo};
pub use paths::AppPaths;
pub use presets::{Preset, PresetError, PresetName, built_in_presets, keep_presets, list_presets};
