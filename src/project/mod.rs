//! What stands on disk around a training: the demo that comes with the program and where it is unpacked, and the run
//! folders that training has left, as a list ([`runs`]). What the window remembers between two starts (theme, zoom, recent paths) is the window's own, in `app/settings.rs`.

mod demo;
mod paths;
pub mod runs;

pub use demo::{DemoPlace, demo_settings, unpack_demo};
pub use paths::AppPaths;
