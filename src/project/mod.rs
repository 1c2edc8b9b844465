//! What stands on disk beside runs and adapters: the demo that comes with the program, and where it is unpacked. What the
//! window remembers between two starts (theme, zoom, recent paths) is the window's own, in `app/settings.rs`.

mod demo;
mod paths;

pub use demo::{DemoPlace, demo_settings, unpack_demo};
pub use paths::AppPaths;
